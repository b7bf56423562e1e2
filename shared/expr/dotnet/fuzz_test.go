package dotnet_test

import (
	"math"
	"testing"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
)

// cultures that differ in what matters to parsing.
var fuzzed = []string{"en-US", "", "de-DE", "es-ES", "fi-FI", "hu-HU", "sv-SE", "fr-FR", "en-IN", "ja-JP", "ar-EG"}

func some(t testing.TB, which uint8) *culture.Culture {
	return in(t, fuzzed[int(which)%len(fuzzed)])
}

func inRange(tm dotnet.Time) bool {
	return tm.Ticks >= 0 && tm.Ticks <= 3155378975999999999 && tm.Kind <= dotnet.Local
}

// bounded: a text does not grow beyond what each sign of its format can ask for.
func bounded(t *testing.T, s, format string) {
	t.Helper()
	if most := 12_000 + 400*len(format); len(s) > most {
		t.Errorf("%q: %d bytes", format, len(s))
	}
	if utf8.ValidString(format) && !utf8.ValidString(s) {
		t.Errorf("%q: %q is no valid text", format, s)
	}
}

func FuzzParseTime(f *testing.F) {
	for _, c := range everywhere {
		f.Add(c.text, uint8(0))
	}
	f.Add("5. März 2026 14:07", uint8(2))
	f.Add("5.3.2026 14.07.09", uint8(4))
	f.Add("2026年3月5日14時7分", uint8(9))
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		c := some(t, which)
		got, ok := dotnet.ParseTime(text, c, now)
		if !ok {
			return
		}
		if !inRange(got) {
			t.Fatalf("%q: got %v", text, got)
		}
		round := format(got, "o", c)
		if again, ok := dotnet.ParseTime(round, c, nil); !ok || again != got {
			t.Errorf("%q: %s is read as %v, %v", text, round, again, ok)
		}
	})
}

func FuzzFormatTime(f *testing.F) {
	for _, pattern := range []string{"o", "d", "F", "yyyy-MM-ddTHH:mm:ss.fffK", `d 'x' MMMM \y`, "%h", "dddd d MMM .FFF tt zzz g", "'", "%%", "ffffffff"} {
		f.Add(int64(639083128291234567), uint8(0), pattern)
	}
	f.Fuzz(func(t *testing.T, ticks int64, which uint8, pattern string) {
		tm := dotnet.Time{Ticks: int64(uint64(ticks) % 3155378976000000000), Kind: dotnet.Kind(which % 3)}
		c := some(t, which)
		s, err := tm.Format(pattern, c)
		if err == nil {
			bounded(t, s, pattern)
			_, _, err = dotnet.ParseExact(s, pattern, c, now)
		}
		if err != nil && pattern == "o" {
			t.Error(err)
		}
		round := format(tm, "o", c)
		if again, ok := dotnet.ParseTime(round, c, nil); !ok || again != tm {
			t.Errorf("%s is read as %v, %v", round, again, ok)
		}
		if again, ok, err := dotnet.ParseExact(round, "o", c, nil); !ok || err != nil || again != tm {
			t.Errorf("%s is read exactly as %v, %v, %v", round, again, ok, err)
		}
	})
}

func FuzzParseExact(f *testing.F) {
	for _, c := range [][2]string{{"2026-03-05", "yyyy-MM-dd"}, {"5 Mar 26 2:07 PM", "d MMM yy h:mm tt"}, {"2026-03-05T14:07:09.5Z", "yyyy-MM-ddTHH:mm:ss.FFFK"}, {"Thu, 05 Mar 2026 14:07:09 GMT", "R"}, {"+02:00", "zzz"}, {"it's", `'it\'s'`}} {
		f.Add(c[0], c[1], uint8(0))
	}
	f.Fuzz(func(t *testing.T, text, pattern string, which uint8) {
		got, ok, err := dotnet.ParseExact(text, pattern, some(t, which), now)
		if ok && (err != nil || !inRange(got)) {
			t.Errorf("%q %q: got %v, %v", text, pattern, got, err)
		}
	})
}

func FuzzSpan(f *testing.F) {
	for _, text := range []string{"1.02:03:04.5", "-6", "24:00:00", "10675199.02:48:05.4775807", "1:2:.5"} {
		f.Add(text, int64(937840450000), `d\.hh\:mm`)
	}
	f.Fuzz(func(t *testing.T, text string, ticks int64, pattern string) {
		dotnet.ParseSpan(text)
		if s, err := dotnet.FormatSpan(ticks, pattern, culture.EnUS()); err == nil {
			bounded(t, s, pattern)
		}
		for _, standard := range []string{"c", "g", "G"} {
			s, err := dotnet.FormatSpan(ticks, standard, culture.EnUS())
			if again, ok := dotnet.ParseSpan(s); err != nil || !ok || again != ticks {
				t.Errorf("%s is read as %d, %v, %v", s, again, ok, err)
			}
		}
	})
}

func FuzzFormatNumber(f *testing.F) {
	for _, format := range []string{"N2", "C", "E10", "G17", "R", "X4", "D", "P1", "B", "0.00", "#,##0.0#;(0);z", "0.0E+0", "0,,.0%", `'x'\y`, "‰0", "0;;", "N9999", "N10000"} {
		f.Add(int64(-1234567), 1234.5, format, uint8(0))
	}
	f.Fuzz(func(t *testing.T, i int64, x float64, format string, which uint8) {
		c := some(t, which)
		if s, err := dotnet.FormatInt(i, format, c); err == nil {
			bounded(t, s, format)
		}
		if s, err := dotnet.FormatFloat(x, format, c); err == nil {
			bounded(t, s, format)
		}
		if d, ok := dotnet.DecimalOfFloat(x); ok {
			if s, err := dotnet.FormatDecimal(d, format, c); err == nil {
				bounded(t, s, format)
			}
			text, err := dotnet.FormatDecimal(d, "G", c)
			if again, ok := dotnet.ParseDecimal(text, c); err != nil || !ok || again.Cmp(d) != 0 || again.Exponent != d.Exponent {
				t.Errorf("%v: %s is read as %v, %v", d, text, again, ok)
			}
		}
		for _, standard := range []string{"R", "G17", "E16"} {
			text, err := dotnet.FormatFloat(x, standard, c)
			if again, ok := dotnet.ParseFloat(text, c); err != nil || !ok || again != x && !math.IsNaN(x) {
				t.Errorf("%v: %s %q is read as %v, %v", x, standard, text, again, ok)
			}
		}
		text, err := dotnet.FormatInt(i, "N0", c)
		if d, ok := dotnet.ParseDecimal(text, c); err != nil || !ok {
			t.Errorf("%d: %q is read as %v, %v", i, text, d, ok)
		} else if n, err := d.Int64(); err != nil || n != i {
			t.Errorf("%d: %q is read as %v, %v", i, text, d, err)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, text := range []string{"1,234.5", "  200- ", "1e3-", "-∞", "NaN", "1 234,5", "0.00000000000000000000000000005", "79228162514264337593543950335"} {
		f.Add(text, uint8(0))
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		c := some(t, which)
		x, isFloat := dotnet.ParseFloat(text, c)
		d, isDecimal := dotnet.ParseDecimal(text, c)
		if isDecimal && !isFloat {
			t.Errorf("%q is %v, but no double", text, d)
		}
		if isDecimal {
			if fitted, ok := dotnet.FitDecimal(d); !ok || fitted.Cmp(d) != 0 || fitted.Exponent != d.Exponent || d.Exponent > 0 || d.Exponent < -28 {
				t.Errorf("%q: %v does not fit", text, d)
			}
		}
		if isFloat && !math.IsNaN(x) {
			s, err := dotnet.FormatFloat(x, "R", c)
			if again, ok := dotnet.ParseFloat(s, c); err != nil || !ok || again != x {
				t.Errorf("%q: %s is read as %v, %v", text, s, again, ok)
			}
		}
	})
}
