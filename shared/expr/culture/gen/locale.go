package main

import (
	"fmt"
	"slices"
	"strings"
)

// What the product prints where CLDR 48 says something else.
var (
	documentedShortDate = map[string]string{"nl": "d-M-y", "nl-NL": "d-M-y"} // CLDR: dd-MM-y
	documentedSymbol    = map[string]string{"is-IS": "kr"}                   // CLDR: kr.
)

// cultures gives the names that Lookup knows and the locale that has the data
// of each.
func (c *cldr) cultures() map[string]string {
	all := map[string]string{}
	for name := range c.locales {
		if name != "und" { // the root of all locales
			all[name] = name
		}
	}
	add := func(name, source string) {
		if _, ok := all[name]; !ok {
			all[name] = source
		}
	}
	for _, name := range c.defaultContent {
		for source := name; source != ""; source = parent(source) {
			if _, ok := c.locales[source]; ok {
				add(name, source)
				break
			}
		}
	}
	complete := make([]string, 0, len(all))
	for name := range all {
		complete = append(complete, name)
	}
	slices.Sort(complete)
	for _, name := range complete {
		switch tag := strings.Split(name, "-"); {
		case len(tag) == 1:
			// no-NO, which no list has.
			if region := regionOf(c.maximize(name)); region != "" {
				add(name+"-"+region, name)
			}
		case len(tag) == 3 && len(tag[1]) == 4:
			// zh-TW for zh-Hant-TW: CLDR knows only the names with scripts.
			if short := tag[0] + "-" + tag[2]; c.maximize(short) == name {
				add(short, all[name])
			}
		}
	}
	return all
}

func parent(name string) string {
	return name[:max(strings.LastIndexByte(name, '-'), 0)]
}

// regionOf gives the region that a name has, or nothing.
func regionOf(name string) string {
	for _, part := range strings.Split(name, "-")[1:] {
		if len(part) == 2 || len(part) == 3 && part[0] <= '9' {
			return part
		}
	}
	return ""
}

// maximize adds the script and region that a name most likely means.
func (c *cldr) maximize(name string) string {
	tag := strings.Split(name, "-")
	language, script, region := tag[0], "", regionOf(name)
	if len(tag) > 1 && len(tag[1]) == 4 {
		script = tag[1]
	}
	for _, key := range []string{language + "-" + script + "-" + region, language + "-" + region, language + "-" + script, language} {
		found, ok := c.likely[strings.Trim(key, "-")]
		if !ok {
			continue
		}
		full := strings.Split(found, "-")
		if script != "" {
			full[1] = script
		}
		if region != "" {
			full[2] = region
		}
		return strings.Join(full, "-")
	}
	return name
}

// numbers is the record of signs and patterns of numbers.
func (l *locale) numbers() (string, error) {
	negative, err := numberPattern(l.decimal, true, numberNegative)
	if err != nil {
		return "", err
	}
	percent, err := numberPattern(l.percent, false, percentPositive)
	if err != nil {
		return "", err
	}
	minusPercent, err := numberPattern(l.percent, true, percentNegative)
	if err != nil {
		return "", err
	}
	s := l.symbols
	return record(
		blanks(s.Decimal), s.Group, blanks(s.MinusSign), blanks(s.PlusSign), blanks(s.PercentSign), blanks(s.PerMille),
		blanks(s.NaN), blanks(s.Infinity), fractionDigits(l.decimal), negative, percent, minusPercent, groupSizes(l.decimal),
	)
}

// money is the record of the currency of a culture. A culture without a region
// has none: .NET prints the general sign there, by design.
func (c *cldr) money(name string, l *locale) (string, error) {
	symbol, digits, own := "¤", 2, currency{}
	if code, ok := c.currency[regionOf(name)]; ok {
		own = l.currencies[code]
		symbol = first(documentedSymbol[name], own.Symbol, code)
		if n, ok := c.digits[code]; ok {
			digits = n
		}
	}
	source := first(own.Pattern, l.currency)
	positive, err := numberPattern(source, false, currencyPositive)
	if err != nil {
		return "", err
	}
	negative, err := numberPattern(source, true, currencyNegative)
	if err != nil {
		return "", err
	}
	return record(
		blanks(symbol), digits,
		blanks(first(own.Decimal, l.symbols.CurrencyDecimal, l.symbols.Decimal)),
		first(own.Group, l.symbols.CurrencyGroup, l.symbols.Group),
		positive, negative,
	)
}

// words is the record of names; lists takes a list and gives its position.
func (l *locale) words(lists func([]string) (int, error)) (string, error) {
	c := l.calendar
	months := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}
	days := []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	positions := make([]any, 0, 6)
	for _, list := range []struct {
		keys  []string
		names map[string]string
	}{
		{months, c.Months.StandAlone.Wide},
		{months, c.Months.Format.Wide},
		{months, c.Months.StandAlone.Abbreviated},
		{months, c.Months.Format.Abbreviated},
		{days, c.Days.StandAlone.Wide},
		{days, c.Days.StandAlone.Abbreviated},
	} {
		texts := make([]string, 0, len(list.keys))
		for _, key := range list.keys {
			if list.names[key] == "" {
				return "", fmt.Errorf("no name of %s", key)
			}
			texts = append(texts, blanks(list.names[key]))
		}
		position, err := lists(texts)
		if err != nil {
			return "", err
		}
		positions = append(positions, position)
	}
	halves := c.DayPeriods.Format.Wide // the short ones are nowhere in .NET
	return record(append([]any{
		blanks(halves["am"]), blanks(halves["pm"]), blanks(c.Eras.EraAbbr["1"]), blanks(c.Eras.EraNarrow["1"]),
	}, positions...)...)
}

// dates is the record of date and time patterns.
func (l *locale) dates(name string) (string, error) {
	c := l.calendar
	short := shortDatePattern(first(documentedShortDate[name], string(c.DateFormats["short"])))
	long := datePattern(string(c.DateFormats["full"]))
	shortTime, longTime := timePattern(string(c.TimeFormats["short"])), timePattern(string(c.TimeFormats["medium"]))
	available := c.DateTimeFormats.AvailableFormats
	monthDay, yearMonth := datePattern(string(available["MMMMd"])), datePattern(string(available["yMMMM"]))
	for _, p := range []string{short, long, shortTime, longTime, monthDay, yearMonth} {
		if p == "" {
			return "", fmt.Errorf("a date or time pattern is missing")
		}
	}
	return record(separator(short, "dMy"), separator(longTime, "Hhms"), short, long, shortTime, longTime, monthDay, yearMonth)
}

// weekday is the day that weeks start with where the culture is at home.
func (c *cldr) weekday(name string) int {
	day := first(c.firstDay[regionOf(c.maximize(name))], c.firstDay["001"])
	return slices.Index([]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, day)
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
