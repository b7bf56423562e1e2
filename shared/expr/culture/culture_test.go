package culture

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func lookup(t *testing.T, name string) *Culture {
	t.Helper()
	c, ok := Lookup(name)
	if !ok {
		t.Fatalf("there is no culture %s", name)
	}
	return c
}

// TestDocumentedCultures is appendix B of the specification of expressions.
func TestDocumentedCultures(t *testing.T) {
	type row struct{ Decimal, Group, Symbol, Positive, Negative, Percent, ShortDate, ShortTime string }
	for name, want := range map[string]row{
		"en-US": {".", ",", "$", "$n", "-$n", "n%", "M/d/yyyy", "h:mm tt"},
		"en-GB": {".", ",", "£", "$n", "-$n", "n%", "dd/MM/yyyy", "HH:mm"},
		"en-IN": {".", ",", "₹", "$n", "-$n", "n%", "dd/MM/yyyy", "h:mm tt"},
		"de-DE": {",", ".", "€", "n $", "-n $", "n %", "dd.MM.yyyy", "HH:mm"},
		"fr-FR": {",", "\u202f", "€", "n $", "-n $", "n %", "dd/MM/yyyy", "HH:mm"},
		"es-ES": {",", ".", "€", "n $", "-n $", "n %", "d/M/yyyy", "H:mm"},
		"it-IT": {",", ".", "€", "n $", "-n $", "n%", "dd/MM/yyyy", "HH:mm"},
		"nl-NL": {",", ".", "€", "$ n", "$ -n", "n%", "d-M-yyyy", "HH:mm"},
		"pt-BR": {",", ".", "R$", "$ n", "-$ n", "n%", "dd/MM/yyyy", "HH:mm"},
		"is-IS": {",", ".", "kr", "n $", "-n $", "n%", "d.M.yyyy", "HH:mm"},
	} {
		c := lookup(t, name)
		got := row{c.Decimal, c.Group, c.CurrencySymbol, c.CurrencyPositive, c.CurrencyNegative, c.PercentPositive, c.ShortDate, c.ShortTime}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestDocumentedNames is the list of names below it.
func TestDocumentedNames(t *testing.T) {
	for _, line := range []string{
		"de-DE | Januar Februar März April Mai Juni Juli August September Oktober November Dezember | Sonntag Montag Dienstag Mittwoch Donnerstag Freitag Samstag",
		"fr-FR | janvier février mars avril mai juin juillet août septembre octobre novembre décembre | dimanche lundi mardi mercredi jeudi vendredi samedi",
		"es-ES | enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre | domingo lunes martes miércoles jueves viernes sábado",
		"it-IT | gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre | domenica lunedì martedì mercoledì giovedì venerdì sabato",
		"nl-NL | januari februari maart april mei juni juli augustus september oktober november december | zondag maandag dinsdag woensdag donderdag vrijdag zaterdag",
		"pt-BR | janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro | domingo segunda-feira terça-feira quarta-feira quinta-feira sexta-feira sábado",
	} {
		parts := strings.Split(line, " | ")
		c := lookup(t, parts[0])
		if diff := cmp.Diff(strings.Fields(parts[1]), c.MonthsGenitive); diff != "" {
			t.Errorf("%s months (-want +got):\n%s", parts[0], diff)
		}
		if diff := cmp.Diff(strings.Fields(parts[2]), c.Days); diff != "" {
			t.Errorf("%s days (-want +got):\n%s", parts[0], diff)
		}
	}
}

// TestEnUS has every field of one culture, so that a change of the order of
// fields in data.tsv cannot pass.
func TestEnUS(t *testing.T) {
	invariant := Invariant()
	want := &Culture{
		Name: "en-US", Decimal: ".", Group: ",", Minus: "-", Plus: "+", PercentSign: "%", PerMilleSign: "‰", NaN: "NaN", Infinity: "∞",
		CurrencySymbol: "$", CurrencyDecimal: ".", CurrencyGroup: ",", GroupSizes: []int{3},
		CurrencyDigits: 2, NumberDigits: 3, PercentDigits: 3,
		CurrencyPositive: "$n", CurrencyNegative: "-$n", PercentPositive: "n%", PercentNegative: "-n%", NumberNegative: "-n",
		Months: invariant.Months, MonthsGenitive: invariant.Months, MonthsShort: invariant.MonthsShort, MonthsShortGenitive: invariant.MonthsShort,
		Days: invariant.Days, DaysShort: invariant.DaysShort,
		AM: "AM", PM: "PM", Era: "AD", EraShort: "A", DateSeparator: "/", TimeSeparator: ":",
		ShortDate: "M/d/yyyy", LongDate: "dddd, MMMM d, yyyy", ShortTime: "h:mm tt", LongTime: "h:mm:ss tt",
		MonthDay: "MMMM d", YearMonth: "MMMM yyyy", FirstDayOfWeek: 0,
	}
	if diff := cmp.Diff(want, EnUS()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSinglePoints(t *testing.T) {
	for _, c := range []struct {
		culture, what string
		value         func(*Culture) any
		want          any
	}{
		{"en-IN", "GroupSizes", func(c *Culture) any { return c.GroupSizes }, []int{3, 2}},
		{"ja-JP", "CurrencyDigits", func(c *Culture) any { return c.CurrencyDigits }, 0},
		{"ar-KW", "CurrencyDigits", func(c *Culture) any { return c.CurrencyDigits }, 3},
		{"is-IS", "CurrencyDigits", func(c *Culture) any { return c.CurrencyDigits }, 0},
		{"de-DE", "PercentNegative", func(c *Culture) any { return c.PercentNegative }, "-n %"},
		{"de-DE", "MonthsShort", func(c *Culture) any { return c.MonthsShort[2] }, "Mär"},
		{"de-DE", "MonthsShortGenitive", func(c *Culture) any { return c.MonthsShortGenitive[2] + " " + c.MonthsShortGenitive[8] }, "März Sept."},
		{"de-DE", "FirstDayOfWeek", func(c *Culture) any { return c.FirstDayOfWeek }, 1},
		{"de-CH", "CurrencyNegative", func(c *Culture) any { return c.CurrencyNegative }, "$-n"},
		{"de-AT", "CurrencyGroup", func(c *Culture) any { return c.Group + c.CurrencyGroup }, "\u00a0."},
		{"fr-CH", "CurrencyDecimal", func(c *Culture) any { return c.Decimal + c.CurrencyDecimal }, ",."},
		{"es-ES", "AM", func(c *Culture) any { return c.AM }, "a. m."},
		{"es-ES", "LongDate", func(c *Culture) any { return c.LongDate }, "dddd, d 'de' MMMM 'de' yyyy"},
		{"ko-KR", "PM", func(c *Culture) any { return c.PM }, "오후"},
		{"fa-IR", "PM", func(c *Culture) any { return c.PM }, "بعدازظهر"},
		{"ru-RU", "MonthsGenitive", func(c *Culture) any { return c.Months[2] + " " + c.MonthsGenitive[2] }, "март марта"},
		{"sv-SE", "Minus", func(c *Culture) any { return c.Minus }, "−"},
		{"da-DK", "TimeSeparator", func(c *Culture) any { return c.ShortTime + c.TimeSeparator }, "HH.mm."},
		{"fr-CA", "TimeSeparator", func(c *Culture) any { return c.ShortTime + c.TimeSeparator }, "HH 'h' mm h "},
		{"hr-HR", "DateSeparator", func(c *Culture) any { return c.DateSeparator }, ". "},
		{"zh-TW", "ShortTime", func(c *Culture) any { return c.ShortTime }, "tth:mm"},
		{"zh-CN", "LongDate", func(c *Culture) any { return c.LongDate }, "yyyy年M月d日dddd"},
		{"bg-BG", "ShortDate", func(c *Culture) any { return c.ShortDate }, "d.MM.yyyy 'г'."},
		// A language alone has no currency: .NET prints the general sign there.
		{"de", "CurrencySymbol", func(c *Culture) any { return c.CurrencySymbol }, "¤"},
		{"de", "FirstDayOfWeek", func(c *Culture) any { return c.FirstDayOfWeek }, 1},
	} {
		if diff := cmp.Diff(c.want, c.value(lookup(t, c.culture))); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.culture, c.what, diff)
		}
	}
}

func TestLookupNames(t *testing.T) {
	for given, want := range map[string]string{
		"DE-de": "de-DE", "de": "de", "EN-us": "en-US", "ZH-hant-tw": "zh-Hant-TW", "zh-cn": "zh-CN", "sr-Latn-RS": "sr-Latn-RS",
		"no-NO": "no-NO", "nb-no": "nb-NO", "az-az": "az-AZ", "ca-es-VALENCIA": "ca-ES-valencia", "": "", "IV": "",
	} {
		if got := lookup(t, given).Name; got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
	for _, name := range []string{
		"xx", "xx-YY", "de-ZZ", "de_DE", "de-", "-", "de-DE-x", " de-DE", "de-DE\t", "de-DE\t1", "[zones]", "\u212Aa", "und", "root",
	} {
		if c, ok := Lookup(name); ok {
			t.Errorf("%q is unknown, but gives %s", name, c.Name)
		}
	}
}

func TestInvariant(t *testing.T) {
	c := Invariant()
	if c.ShortDate != "MM/dd/yyyy" || c.LongDate != "dddd, dd MMMM yyyy" || c.ShortTime != "HH:mm" || c.LongTime != "HH:mm:ss" ||
		c.CurrencySymbol != "¤" || c.CurrencyPositive != "$n" || c.CurrencyNegative != "($n)" ||
		c.PercentPositive != "n %" || c.PercentNegative != "-n %" {
		t.Errorf("got %+v", c)
	}
	complete(t, c)
}

// TestEveryCulture reads all of data.tsv.
func TestEveryCulture(t *testing.T) {
	if n := len(tables.cultures); n < 1000 {
		t.Errorf("only %d cultures", n)
	}
	for i, line := range tables.cultures {
		name, _, _ := strings.Cut(line, "\t")
		c := lookup(t, name)
		if c.Name != name {
			t.Errorf("%s is found as %s", name, c.Name)
		}
		if i > 0 && compareFold(tables.cultures[i-1], line) >= 0 {
			t.Errorf("%s is not in order", name)
		}
		complete(t, c)
	}
}

func complete(t *testing.T, c *Culture) {
	t.Helper()
	for what, list := range map[string][]string{"months": c.Months, "genitives": c.MonthsGenitive, "short months": c.MonthsShort, "short genitives": c.MonthsShortGenitive, "days": c.Days, "short days": c.DaysShort} {
		want := 12
		if strings.Contains(what, "days") {
			want = 7
		}
		if len(list) != want {
			t.Errorf("%s has %d %s", c.Name, len(list), what)
		}
		filled(t, c, what, list...)
	}
	filled(t, c, "a sign", c.Decimal, c.Minus, c.Plus, c.PercentSign, c.PerMilleSign, c.NaN, c.Infinity, c.CurrencySymbol, c.CurrencyDecimal)
	filled(t, c, "a number pattern", c.CurrencyPositive, c.CurrencyNegative, c.PercentPositive, c.PercentNegative, c.NumberNegative)
	filled(t, c, "a word", c.AM, c.PM, c.Era, c.EraShort, c.DateSeparator, c.TimeSeparator)
	filled(t, c, "a date pattern", c.ShortDate, c.LongDate, c.ShortTime, c.LongTime, c.MonthDay, c.YearMonth)
	if c.Group == "" || c.CurrencyGroup == "" || len(c.GroupSizes) == 0 || c.GroupSizes[0] < 1 {
		t.Errorf("%s does not group: %+v", c.Name, c)
	}
	if c.CurrencyDigits < 0 || c.CurrencyDigits > 4 || c.FirstDayOfWeek < 0 || c.FirstDayOfWeek > 6 {
		t.Errorf("%s has a wrong number: %+v", c.Name, c)
	}
	if !strings.Contains(c.ShortDate, "yyyy") {
		t.Errorf("%s has no full year in %s", c.Name, c.ShortDate)
	}
	if strings.Contains(c.LongTime, "h:") && !strings.Contains(c.LongTime, "tt") {
		t.Errorf("%s cannot tell morning from evening in %s", c.Name, c.LongTime)
	}
}

func filled(t *testing.T, c *Culture, what string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if text == "" || strings.ContainsAny(text, "\u00a0\u202f") {
			t.Errorf("%s has %q for %s", c.Name, text, what)
		}
	}
}

func TestEachLookupIsACopy(t *testing.T) {
	EnUS().Months[0] = "changed"
	EnUS().GroupSizes[0] = 9
	Invariant().Days[0] = "changed"
	if c := EnUS(); c.Months[0] != "January" || c.GroupSizes[0] != 3 || Invariant().Days[0] != "Sunday" {
		t.Error("a caller changed what others see")
	}
}

func FuzzLookup(f *testing.F) {
	for _, seed := range []string{"", "iv", "de-DE", "EN-us", "zh-Hant-TW", "de-DE\t0", "ſr", "[cultures]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		c, ok := Lookup(name)
		if !ok {
			return
		}
		if name != "" && !strings.EqualFold(name, "iv") && !strings.EqualFold(c.Name, name) {
			t.Errorf("%q gives %s", name, c.Name)
		}
		complete(t, c)
	})
}

func BenchmarkLookup(b *testing.B) {
	for b.Loop() {
		Lookup("de-DE")
	}
}
