package main

import "testing"

func TestDatePatterns(t *testing.T) {
	for _, c := range []struct {
		convert      func(string) string
		source, want string
	}{
		{datePattern, "EEEE, d 'de' MMMM 'de' y", "dddd, d 'de' MMMM 'de' yyyy"},
		{datePattern, "cccc d. MMMM y", "dddd d. MMMM yyyy"},
		{datePattern, "E d LLLLL yy", "ddd d MMM yy"},
		{datePattern, "d MMMM y\u202f'г'. GGGG", "d MMMM yyyy 'г'. g"},
		{datePattern, "'yd' y", "'yd' yyyy"},
		{datePattern, "'open y", "'open y"},
		{shortDatePattern, "M/d/yy", "M/d/yyyy"},
		{shortDatePattern, "y-MM-dd", "yyyy-MM-dd"},
		{shortDatePattern, "'yy' dd yy yy", "'yy' dd yyyy yy"},
		{timePattern, "h:mm:ss\u202fa", "h:mm:ss tt"},
		{timePattern, "Bh:mm", "tth:mm"},
		{timePattern, "HH 'h' mm 'min'", "HH 'h' mm 'min'"},
		{timePattern, "a नि h:mm a", "tt नि h:mm "},
		{timePattern, "H:mm z", "H:mm "},
		{func(s string) string { return separator(s, "dMy") }, "d. M. yyyy.", ". "},
		{func(s string) string { return separator(s, "Hhms") }, "HH 'h' mm 'min'", " h "},
		{func(s string) string { return separator(s, "Hhms") }, "tth:mm", ":"},
		{func(s string) string { return separator(s, "Hhms") }, "tt HH", ""},
	} {
		if got := c.convert(c.source); got != c.want {
			t.Errorf("%q gives %q, want %q", c.source, got, c.want)
		}
	}
}

func TestNumberPatterns(t *testing.T) {
	for _, c := range []struct {
		source             string
		positive, negative []string
		want               [2]string
	}{
		{"¤#,##0.00", currencyPositive, currencyNegative, [2]string{"$n", "-$n"}},
		{"#,##0.00\u00a0¤", currencyPositive, currencyNegative, [2]string{"n $", "-n $"}},
		{"¤\u00a0#,##0.00;¤\u00a0-#,##0.00", currencyPositive, currencyNegative, [2]string{"$ n", "$ -n"}},
		{"\u200f#,##0.00\u00a0\u200f¤;\u200f-#,##0.00\u00a0\u200f¤", currencyPositive, currencyNegative, [2]string{"n $", "-n $"}},
		{"¤#,##0.00;(¤#,##0.00)", currencyPositive, currencyNegative, [2]string{"$n", "($n)"}},
		{"#,##,##0\u202f%", percentPositive, percentNegative, [2]string{"n %", "-n %"}},
		{"%#,##0", percentPositive, percentNegative, [2]string{"%n", "-%n"}},
	} {
		positive, err := numberPattern(c.source, false, c.positive)
		if err != nil {
			t.Error(err)
		}
		negative, err := numberPattern(c.source, true, c.negative)
		if err != nil {
			t.Error(err)
		}
		if got := [2]string{positive, negative}; got != c.want {
			t.Errorf("%q gives %q, want %q", c.source, got, c.want)
		}
	}
	if got, err := numberPattern("0", false, percentPositive); err == nil {
		t.Errorf("a percent pattern without a sign gives %q", got)
	}
	for source, want := range map[string]string{"#,##0.###": "3", "#,##,##0.###": "3,2", "#,#0.###;-#,#0": "2", "¤#,##,##0.00": "3,2"} {
		if got := groupSizes(source); got != want {
			t.Errorf("%q groups by %s, want %s", source, got, want)
		}
	}
	if got := fractionDigits("#,##0.0##;(#.#)"); got != 3 {
		t.Errorf("got %d digits", got)
	}
}

func TestCultures(t *testing.T) {
	c := &cldr{
		locales:        map[string]*locale{"de": {}, "zh": {}, "zh-Hant": {}, "zh-Hant-HK": {}, "no": {}},
		defaultContent: []string{"de-DE", "zh-Hant-TW"},
		likely:         map[string]string{"de": "de-Latn-DE", "zh": "zh-Hans-CN", "zh-TW": "zh-Hant-TW", "zh-HK": "zh-Hant-HK", "no": "no-Latn-NO"},
	}
	got := c.cultures()
	for name, want := range map[string]string{
		"de": "de", "de-DE": "de", "zh-CN": "zh", "zh-TW": "zh-Hant", "zh-HK": "zh-Hant-HK", "zh-Hant-TW": "zh-Hant", "no-NO": "no",
	} {
		if got[name] != want {
			t.Errorf("%s takes the data of %q, want %s", name, got[name], want)
		}
	}
}
