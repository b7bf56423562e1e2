package culture

import (
	_ "embed" // data.tsv
	"slices"
	"strconv"
	"strings"
)

// data holds sections: a line with the name of the section in brackets, then
// one record a line, its fields separated by tabs. Records that many cultures
// have in common are there once, and cultures name them by their position in
// their section. Records of cultures and zones are sorted by name.
//
//go:embed data.tsv
var data string

// tables is the index of data: its lines by section. It is made once and not
// changed; nothing of it is decoded before a culture is looked up, since most
// programs need one or two of more than a thousand.
var tables = split(data)

type sections struct {
	lists      []string // items separated by |
	numbers    []string
	currencies []string
	words      []string
	dates      []string
	cultures   []string
	zones      []string
}

func split(data string) sections {
	var s sections
	byName := map[string]*[]string{
		"[lists]": &s.lists, "[numbers]": &s.numbers, "[currencies]": &s.currencies, "[words]": &s.words,
		"[dates]": &s.dates, "[cultures]": &s.cultures, "[zones]": &s.zones,
	}
	lines := strings.Split(strings.TrimSuffix(data, "\n"), "\n")
	var section *[]string
	start := 0
	for i, line := range lines {
		next, ok := byName[line]
		if !ok {
			continue
		}
		if section != nil {
			*section = lines[start:i]
		}
		section, start = next, i+1
	}
	if section != nil {
		*section = lines[start:]
	}
	return s
}

// find returns the record whose first field is the name.
func find(lines []string, name string) (string, bool) {
	i, ok := slices.BinarySearchFunc(lines, name, func(line, name string) int {
		key, _, _ := strings.Cut(line, "\t")
		return compareFold(key, name)
	})
	if !ok {
		return "", false
	}
	return lines[i], true
}

// compareFold compares without regard to the case of ASCII letters only: names
// are ASCII, and folding more would let other letters pass for theirs.
func compareFold(a, b string) int {
	for i := range min(len(a), len(b)) {
		if x, y := lower(a[i]), lower(b[i]); x != y {
			return int(x) - int(y)
		}
	}
	return len(a) - len(b)
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// decode follows the positions of a culture's record. The order of fields is
// that in which gen writes them.
func decode(line string) *Culture {
	r := record(line)
	c := &Culture{Name: r.next()}
	numbers := r.from(tables.numbers)
	currency := r.from(tables.currencies)
	words := r.from(tables.words)
	dates := r.from(tables.dates)
	c.FirstDayOfWeek = r.number()

	c.Decimal, c.Group = numbers.next(), numbers.next()
	c.Minus, c.Plus = numbers.next(), numbers.next()
	c.PercentSign, c.PerMilleSign = numbers.next(), numbers.next()
	c.NaN, c.Infinity = numbers.next(), numbers.next()
	c.NumberDigits = numbers.number()
	c.PercentDigits = c.NumberDigits // .NET has no percent digits of its own
	c.NumberNegative = numbers.next()
	c.PercentPositive, c.PercentNegative = numbers.next(), numbers.next()
	for size := range strings.SplitSeq(numbers.next(), ",") {
		c.GroupSizes = append(c.GroupSizes, atoi(size))
	}

	c.CurrencySymbol = currency.next()
	c.CurrencyDigits = currency.number()
	c.CurrencyDecimal, c.CurrencyGroup = currency.next(), currency.next()
	c.CurrencyPositive, c.CurrencyNegative = currency.next(), currency.next()

	c.AM, c.PM = words.next(), words.next()
	c.Era, c.EraShort = words.next(), words.next()
	c.Months, c.MonthsGenitive = words.list(), words.list()
	c.MonthsShort, c.MonthsShortGenitive = words.list(), words.list()
	c.Days, c.DaysShort = words.list(), words.list()

	c.DateSeparator, c.TimeSeparator = dates.next(), dates.next()
	c.ShortDate, c.LongDate = dates.next(), dates.next()
	c.ShortTime, c.LongTime = dates.next(), dates.next()
	c.MonthDay, c.YearMonth = dates.next(), dates.next()
	return c
}

// record is what of a line is not read yet.
type record string

func (r *record) next() string {
	field, rest, _ := strings.Cut(string(*r), "\t")
	*r = record(rest)
	return field
}

func (r *record) number() int { return atoi(r.next()) }

// from reads a position and returns the record there.
func (r *record) from(section []string) record { return record(section[r.number()]) }

// list reads the position of a list and returns a copy of it.
func (r *record) list() []string { return strings.Split(tables.lists[r.number()], "|") }

// atoi panics on what is no number: gen has written it, and a test reads it all.
func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("culture: data.tsv is broken: " + err.Error())
	}
	return n
}
