// Package culture knows how cultures write numbers and dates, in the terms of
// .NET: what NumberFormatInfo and DateTimeFormatInfo hold there, as .NET
// derives it from CLDR. It also knows the ids that Windows gives time zones.
//
// The data lies in data.tsv, written by gen and licensed as LICENSE-UNICODE
// says.
package culture

//go:generate go run ./gen

// Culture is what the formatting of numbers and dates depends on.
//
// In the patterns of numbers n stands for the number, $ for the currency
// symbol, - for Minus and % for PercentSign. Dates are those of the gregorian
// calendar, their patterns are .NET format strings.
//
// Blanks are U+0020 where CLDR has U+00A0 or U+202F, as the product prints
// them; only Group and CurrencyGroup are what CLDR has.
type Culture struct {
	Name string // such as de-DE; empty for the invariant culture

	Decimal, Group, Minus, Plus      string
	PercentSign, PerMilleSign        string
	NaN, Infinity                    string
	CurrencySymbol                   string
	CurrencyDecimal, CurrencyGroup   string
	GroupSizes                       []int // from the right, the last one repeats
	CurrencyDigits                   int   // decimal places of C without a precision
	NumberDigits, PercentDigits      int   // the same of N and F, and of P
	CurrencyPositive                 string
	CurrencyNegative                 string
	PercentPositive, PercentNegative string
	NumberNegative                   string

	Months              []string // from January, as they stand alone
	MonthsGenitive      []string // as they stand beside a day
	MonthsShort         []string // alone, too
	MonthsShortGenitive []string
	Days                []string // from Sunday
	DaysShort           []string
	AM, PM              string
	Era, EraShort       string // the present one

	DateSeparator, TimeSeparator string // what / and : of a format print
	ShortDate, LongDate          string // standard formats d and D
	ShortTime, LongTime          string // t and T
	MonthDay, YearMonth          string // M and Y
	FirstDayOfWeek               int    // 0 is Sunday
}

// Lookup finds a culture by its name, ignoring case: a language (de), a
// language and a region (de-DE), either with a script (zh-Hant-TW). The empty
// name and iv mean the invariant culture. Each call returns a copy.
func Lookup(name string) (*Culture, bool) {
	if name == "" || compareFold(name, "iv") == 0 {
		return Invariant(), true
	}
	line, ok := find(tables.cultures, name)
	if !ok {
		return nil, false
	}
	return decode(line), true
}

// EnUS is the culture that expressions use unless they name another.
func EnUS() *Culture {
	c, ok := Lookup("en-US")
	if !ok {
		panic("culture: data.tsv has no en-US")
	}
	return c
}

// Invariant is the culture that .NET builds in: it is no locale of CLDR.
func Invariant() *Culture {
	months := func() []string {
		return []string{
			"January", "February", "March", "April", "May", "June",
			"July", "August", "September", "October", "November", "December",
		}
	}
	monthsShort := func() []string {
		return []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
	}
	return &Culture{
		Decimal: ".", Group: ",", Minus: "-", Plus: "+",
		PercentSign: "%", PerMilleSign: "‰",
		NaN: "NaN", Infinity: "Infinity",
		CurrencySymbol:  "¤",
		CurrencyDecimal: ".", CurrencyGroup: ",",
		GroupSizes:     []int{3},
		CurrencyDigits: 2, NumberDigits: 2, PercentDigits: 2,
		CurrencyPositive: "$n", CurrencyNegative: "($n)",
		PercentPositive: "n %", PercentNegative: "-n %",
		NumberNegative: "-n",

		Months: months(), MonthsGenitive: months(),
		MonthsShort: monthsShort(), MonthsShortGenitive: monthsShort(),
		Days:      []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
		DaysShort: []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
		AM:        "AM", PM: "PM",
		Era: "A.D.", EraShort: "AD",

		DateSeparator: "/", TimeSeparator: ":",
		ShortDate: "MM/dd/yyyy", LongDate: "dddd, dd MMMM yyyy",
		ShortTime: "HH:mm", LongTime: "HH:mm:ss",
		MonthDay: "MMMM dd", YearMonth: "yyyy MMMM",
	}
}

// ZoneOfWindows gives the IANA zone of a Windows time-zone id, ignoring case:
// the zone that CLDR names for the world ("001"), not one of a territory.
func ZoneOfWindows(id string) (iana string, ok bool) {
	line, ok := find(tables.zones, id)
	if !ok {
		return "", false
	}
	r := record(line)
	r.next()
	return r.next(), true
}
