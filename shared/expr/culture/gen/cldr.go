package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
)

// cldr is what of CLDR is used.
type cldr struct {
	locales map[string]*locale // by name
	license []byte

	defaultContent []string          // de-DE: it has no data of its own, those of de are its
	likely         map[string]string // de to de-Latn-DE
	currency       map[string]string // DE to EUR, the currency of today
	digits         map[string]int    // JPY to 0, where they are not 2
	firstDay       map[string]string // DE to mon
	zones          map[string]string // Windows id to IANA zone
}

// locale is what CLDR has of one locale. What a locale inherits is in its
// files: they are complete.
type locale struct {
	symbols                    symbols
	decimal, percent, currency string // patterns
	currencies                 map[string]currency
	calendar                   calendar
}

type symbols struct {
	Decimal, Group, PercentSign, PlusSign, MinusSign, PerMille, Infinity, NaN string
	CurrencyDecimal, CurrencyGroup                                            string
}

type currency struct{ Symbol, Pattern, Decimal, Group string }

type calendar struct {
	Months struct {
		Format     names `json:"format"`
		StandAlone names `json:"stand-alone"`
	}
	Days struct {
		StandAlone names `json:"stand-alone"`
	}
	DayPeriods struct {
		Format names
	}
	Eras struct {
		EraAbbr, EraNarrow map[string]string
	}
	DateFormats, TimeFormats map[string]pattern
	DateTimeFormats          struct {
		AvailableFormats map[string]pattern
	}
}

type names struct {
	Abbreviated, Wide map[string]string
}

// pattern is a string, or an object that also names the numerals for a field,
// which .NET has no place for.
type pattern string

func (p *pattern) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return json.Unmarshal(data, (*string)(p))
	}
	var object struct {
		Value string `json:"_value"`
	}
	err := json.Unmarshal(data, &object)
	*p = pattern(object.Value)
	return err
}

// read takes one file of a package, if it is of use.
func (c *cldr) read(name string, content io.Reader) error {
	var supplemental struct {
		Supplemental json.RawMessage
	}
	switch dir, file := path.Split(name); {
	case name == "LICENSE":
		license, err := io.ReadAll(content)
		c.license = license
		return err
	case name == "defaultContent.json":
		var file struct{ DefaultContent *[]string }
		file.DefaultContent = &c.defaultContent
		return json.NewDecoder(content).Decode(&file)
	case dir == "supplemental/":
		take, ok := map[string]func(json.RawMessage) error{
			"likelySubtags.json": c.readLikely, "currencyData.json": c.readCurrency,
			"weekData.json": c.readWeek, "windowsZones.json": c.readZones,
		}[file]
		if !ok {
			return nil
		}
		if err := json.NewDecoder(content).Decode(&supplemental); err != nil {
			return err
		}
		return take(supplemental.Supplemental)
	case strings.HasPrefix(dir, "main/"):
		return c.readLocale(path.Base(dir), file, content)
	}
	return nil
}

func (c *cldr) readLocale(name, file string, content io.Reader) error {
	if file != "numbers.json" && file != "currencies.json" && file != "ca-gregorian.json" {
		return nil
	}
	var root struct {
		Main map[string]struct {
			Numbers json.RawMessage
			Dates   struct {
				Calendars struct{ Gregorian calendar }
			}
		}
	}
	if err := json.NewDecoder(content).Decode(&root); err != nil {
		return err
	}
	if c.locales == nil {
		c.locales = map[string]*locale{}
	}
	l := c.locales[name]
	if l == nil {
		l = &locale{}
		c.locales[name] = l
	}
	switch file {
	case "numbers.json":
		return l.readNumbers(root.Main[name].Numbers)
	case "currencies.json":
		var numbers struct{ Currencies map[string]currency }
		err := json.Unmarshal(root.Main[name].Numbers, &numbers)
		l.currencies = numbers.Currencies
		return err
	}
	l.calendar = root.Main[name].Dates.Calendars.Gregorian
	return nil
}

// readNumbers takes what belongs to the numerals that the locale prefers. .NET
// takes the signs from there, although it prints European digits with them.
func (l *locale) readNumbers(data json.RawMessage) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	var system string
	if err := json.Unmarshal(members["defaultNumberingSystem"], &system); err != nil {
		return err
	}
	if err := json.Unmarshal(members["symbols-numberSystem-"+system], &l.symbols); err != nil {
		return err
	}
	for member, target := range map[string]*string{
		"decimalFormats": &l.decimal, "percentFormats": &l.percent, "currencyFormats": &l.currency,
	} {
		var formats struct{ Standard string }
		if err := json.Unmarshal(members[member+"-numberSystem-"+system], &formats); err != nil {
			return err
		}
		if formats.Standard == "" {
			return fmt.Errorf("no %s for %s", member, system)
		}
		*target = formats.Standard
	}
	return nil
}

func (c *cldr) readLikely(data json.RawMessage) error {
	var s struct{ LikelySubtags *map[string]string }
	s.LikelySubtags = &c.likely
	return json.Unmarshal(data, &s)
}

func (c *cldr) readWeek(data json.RawMessage) error {
	var s struct {
		WeekData struct{ FirstDay *map[string]string }
	}
	s.WeekData.FirstDay = &c.firstDay
	return json.Unmarshal(data, &s)
}

func (c *cldr) readCurrency(data json.RawMessage) error {
	var s struct {
		CurrencyData struct {
			Fractions map[string]struct {
				Digits int `json:"_digits,string"`
			}
			Region map[string][]map[string]struct {
				To     string `json:"_to"`
				Tender string `json:"_tender"`
			}
		}
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	c.digits, c.currency = map[string]int{}, map[string]string{}
	for code, fraction := range s.CurrencyData.Fractions {
		c.digits[code] = fraction.Digits
	}
	for region, history := range s.CurrencyData.Region {
		for _, entry := range history { // the most important one comes first
			for code, use := range entry {
				if _, found := c.currency[region]; !found && use.To == "" && use.Tender != "false" {
					c.currency[region] = code
				}
			}
		}
	}
	return nil
}

func (c *cldr) readZones(data json.RawMessage) error {
	var s struct {
		WindowsZones struct {
			MapTimezones []struct {
				MapZone struct {
					Windows   string `json:"_other"`
					IANA      string `json:"_type"`
					Territory string `json:"_territory"`
				}
			}
		}
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	c.zones = map[string]string{}
	for _, m := range s.WindowsZones.MapTimezones {
		if m.MapZone.Territory == "001" {
			c.zones[m.MapZone.Windows] = m.MapZone.IANA
		}
	}
	return nil
}
