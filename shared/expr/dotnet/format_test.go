package dotnet_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
)

// TestStandardFormats has every standard format in the documented cultures.
func TestStandardFormats(t *testing.T) {
	tm := moment(t, "2026-03-05T14:07:09.0450000Z")
	invariantOnes := map[string]string{
		"o": "2026-03-05T14:07:09.0450000Z", "O": "2026-03-05T14:07:09.0450000Z", "": "2026-03-05T14:07:09.0450000Z",
		"r": "Thu, 05 Mar 2026 14:07:09 GMT", "R": "Thu, 05 Mar 2026 14:07:09 GMT",
		"s": "2026-03-05T14:07:09", "u": "2026-03-05 14:07:09Z",
	}
	for name, row := range map[string]struct{ d, long, t, T, monthDay, yearMonth string }{
		"":      {"03/05/2026", "Thursday, 05 March 2026", "14:07", "14:07:09", "March 05", "2026 March"},
		"en-US": {"3/5/2026", "Thursday, March 5, 2026", "2:07 PM", "2:07:09 PM", "March 5", "March 2026"},
		"en-GB": {"05/03/2026", "Thursday, 5 March 2026", "14:07", "14:07:09", "5 March", "March 2026"},
		"de-DE": {"05.03.2026", "Donnerstag, 5. März 2026", "14:07", "14:07:09", "5. März", "März 2026"},
		"fr-FR": {"05/03/2026", "jeudi 5 mars 2026", "14:07", "14:07:09", "5 mars", "mars 2026"},
		"it-IT": {"05/03/2026", "giovedì 5 marzo 2026", "14:07", "14:07:09", "5 marzo", "marzo 2026"},
		"es-ES": {"5/3/2026", "jueves, 5 de marzo de 2026", "14:07", "14:07:09", "5 de marzo", "marzo de 2026"},
		"nl-NL": {"5-3-2026", "donderdag 5 maart 2026", "14:07", "14:07:09", "5 maart", "maart 2026"},
		"pt-BR": {"05/03/2026", "quinta-feira, 5 de março de 2026", "14:07", "14:07:09", "5 de março", "março de 2026"},
		"is-IS": {"5.3.2026", "fimmtudagur, 5. mars 2026", "14:07", "14:07:09", "5. mars", "mars 2026"},
		"pl-PL": {"5.03.2026", "czwartek, 5 marca 2026", "14:07", "14:07:09", "5 marca", "marzec 2026"},
		"fi-FI": {"5.3.2026", "torstai 5. maaliskuuta 2026", "14.07", "14.07.09", "5. maaliskuuta", "maaliskuu 2026"},
		"sv-SE": {"2026-03-05", "torsdag 5 mars 2026", "14:07", "14:07:09", "5 mars", "mars 2026"},
		"ja-JP": {"2026/03/05", "2026年3月5日木曜日", "14:07", "14:07:09", "3月5日", "2026年3月"},
	} {
		c := in(t, name)
		want := map[string]string{
			"d": row.d, "D": row.long, "t": row.t, "T": row.T, "m": row.monthDay, "M": row.monthDay, "y": row.yearMonth, "Y": row.yearMonth,
			"f": row.long + " " + row.t, "F": row.long + " " + row.T, "U": row.long + " " + row.T, "g": row.d + " " + row.t, "G": row.d + " " + row.T,
		}
		for letter, text := range invariantOnes {
			want[letter] = text
		}
		for letter, text := range want {
			if got := format(tm, letter, c); got != text {
				t.Errorf("%s %q: got %q, want %q", name, letter, got, text)
			}
		}
	}
}

func TestFormatsThatAreNone(t *testing.T) {
	tm := moment(t, "2026-03-05T14:07:09")
	for _, pattern := range []string{
		"a", "A", "b", "B", "c", "C", "e", "E", "h", "H", "i", "j", "k", "K", "l", "L", "n", "N", "p", "P", "q", "Q", "S", "v", "V", "w", "W",
		"x", "X", "z", "Z", "1", " ", "-", "/", ":", "'", "%", "\\", "é", "年", "ffffffff", "yyyy FFFFFFFF", "%%", "yyyy%", "yyyy\\", "yyyy'T", `yyyy"`, `'\`, "%'", `%\`,
	} {
		if got := format(tm, pattern, culture.EnUS()); got != invalid {
			t.Errorf("%q: got %q", pattern, got)
		}
	}
}

func TestCustomFormats(t *testing.T) {
	for _, c := range []struct{ time, pattern, culture, want string }{
		// Every specifier, one by one.
		{"2026-03-05T04:07:09.0450000Z", "%d|dd|ddd|dddd|ddddd", "en-US", "5|05|Thu|Thursday|Thursday"},
		{"2026-03-05T04:07:09.0450000Z", "%M|MM|MMM|MMMM|MMMMM", "en-US", "3|03|Mar|March|March"},
		{"2026-03-05T04:07:09.0450000Z", "%y|yy|yyy|yyyy|yyyyy|yyyyyy", "en-US", "26|26|2026|2026|02026|002026"},
		{"0007-03-05T04:07:09Z", "%y|yy|yyy|yyyy|yyyyy", "en-US", "7|07|007|0007|00007"},
		{"2005-03-05", "%y|yy", "en-US", "5|05"},
		{"2026-03-05T04:07:09Z", "%h|hh|hhh|%H|HH|HHH", "en-US", "4|04|04|4|04|04"},
		{"2026-03-05T00:07:09Z", "%h|hh|%H|HH", "en-US", "12|12|0|00"},
		{"2026-03-05T12:07:09Z", "%h|hh|%H|HH|tt|%t", "en-US", "12|12|12|12|PM|P"},
		{"2026-03-05T23:07:09Z", "%h|hh|%H|HH|tt|%t", "en-US", "11|11|23|23|PM|P"},
		{"2026-03-05T11:59:59Z", "tt|%t|ttt", "en-US", "AM|A|AM"},
		{"2026-03-05T04:07:09Z", "%m|mm|mmm|%s|ss|sss", "en-US", "7|07|07|9|09|09"},
		{"2026-03-05T04:07:09.0450000Z", "%f|ff|fff|ffff|fffff|ffffff|fffffff", "en-US", "0|04|045|0450|04500|045000|0450000"},
		{"2026-03-05T04:07:09.0450000Z", "%F|FF|FFF|FFFF|FFFFF|FFFFFF|FFFFFFF", "en-US", "|04|045|045|045|045|045"},
		{"2026-03-05T04:07:09.9999999Z", "fff|FFF", "en-US", "999|999"},
		{"2026-03-05T04:07:09Z", "ss.FFF", "en-US", "09"},
		{"2026-03-05T04:07:09Z", "ss.fff", "en-US", "09.000"},
		{"2026-03-05T04:07:09Z", "ss.FFF.FFF", "en-US", "09"},
		{"2026-03-05T04:07:09Z", "ss'.'FFF", "en-US", "09"},
		{"2026-03-05T04:07:09Z", "ss,FFF", "en-US", "09,"},
		{"2026-03-05T04:07:09Z", "FFF", "en-US", ""},
		{"2026-03-05T04:07:09Z", "%g gg", "en-US", "AD AD"},
		// The zone by kind; an offset was moved to the host's zone, which is UTC.
		{"2026-03-05T04:07:09Z", "%K %z zz zzz zzzz", "en-US", "Z +0 +00 +00:00 +00:00"},
		{"2026-03-05T04:07:09", "[K] %z zz zzz", "en-US", "[] +0 +00 +00:00"},
		{"2026-03-05T04:07:09+02:00", "HH:mm KK", "en-US", "02:07 +00:00+00:00"},
		// Separators are those of the culture.
		{"2026-03-05T04:07:09Z", "dd/MM/yyyy HH:mm", "de-DE", "05.03.2026 04:07"},
		{"2026-03-05T04:07:09Z", "dd/MM/yyyy HH:mm", "nl-NL", "05-03-2026 04:07"},
		{"2026-03-05T04:07:09Z", "dd/MM/yyyy HH:mm", "fi-FI", "05.03.2026 04.07"},
		{"2026-03-05T04:07:09Z", `dd\/MM'/'yyyy HH\:mm`, "fi-FI", "05/03/2026 04:07"},
		{"2026-03-05T04:07:09Z", "dd//MM::", "en-US", "05//03::"},
		// Text.
		{"2026-03-05T04:07:09Z", `\d\a\y d`, "en-US", "day 5"},
		{"2026-03-05T04:07:09Z", `'day' d "month" M`, "en-US", "day 5 month 3"},
		{"2026-03-05T04:07:09Z", `'it\'s' d`, "en-US", "it's 5"},
		{"2026-03-05T04:07:09Z", `'"' "'" '\\'`, "en-US", `" ' \`},
		{"2026-03-05T04:07:09Z", "yyyy-MM-ddTHH:mm:ssZ", "en-US", "2026-03-05T04:07:09Z"},
		{"2026-03-05T04:07:09", "yyyy年M月d日 €", "ja-JP", "2026年3月5日 €"},
		{"2026-03-05T04:07:09", "''yyyy''", "en-US", "2026"},
		{"2026-03-05T04:07:09", "\\年yyyy", "en-US", "年2026"},
		{"2026-03-05T04:07:09", "😀", "en-US", "😀"},
		// A percent sign takes one character, whatever follows.
		{"2026-03-05T04:07:09Z", "%h", "en-US", "4"},
		{"2026-03-05T04:07:09Z", "%dd", "en-US", "55"},
		{"2026-03-05T04:07:09Z", "%d%M", "en-US", "53"},
		{"2026-03-05T04:07:09Z", "%x%年", "en-US", "x年"},
		// Traps: minutes are no months, hh has 12 hours.
		{"2026-03-05T14:07:09Z", "yyyy-mm-dd hh:MM", "en-US", "2026-07-05 02:03"},
		// Halves of the day.
		{"2026-03-05T14:07:09Z", "h:mm tt", "en-GB", "2:07 pm"},
		{"2026-03-05T14:07:09Z", "h:mm tt", "es-ES", "2:07 p. m."},
		{"2026-03-05T04:07:09Z", "h:mm tt|%t", "is-IS", "4:07 f.h.|f"},
		{"2026-03-05T04:07:09Z", "h:mm tt|%t", "ja-JP", "4:07 午前|午"},
		// Names.
		{"2026-08-05", "ddd dddd MMM MMMM", "de-DE", "Mi Mittwoch Aug August"},
		{"2026-08-05", "ddd dddd MMM MMMM", "fr-FR", "mer. mercredi août août"},
		{"2026-08-05", "ddd dddd MMM MMMM", "it-IT", "mer mercoledì ago agosto"},
		{"2026-08-05", "ddd dddd MMM MMMM", "es-ES", "mié miércoles ago agosto"},
		{"2026-08-05", "ddd dddd MMM MMMM", "nl-NL", "wo woensdag aug augustus"},
		{"2026-08-05", "ddd dddd MMM MMMM", "pt-BR", "qua. quarta-feira ago. agosto"},
		{"2026-08-05", "ddd dddd MMM MMMM", "is-IS", "mið. miðvikudagur ágú. ágúst"},
		{"2026-09-05", "dd MMM yyyy", "en-GB", "05 Sept 2026"},
		// Beside a day a month is in the genitive, short or not.
		{"2026-03-05", "d MMM yyyy|MMM yyyy", "de-DE", "5 März 2026|März 2026"},
		{"2026-03-05", "MMM yyyy", "de-DE", "Mär 2026"},
		{"2026-09-05", "d. MMM yyyy", "de-DE", "5. Sept. 2026"},
		{"2026-09-05", "MMM", "de-DE", "Sep"},
		{"2026-03-05", "MMMM yyyy", "pl-PL", "marzec 2026"},
		{"2026-03-05", "d MMMM", "pl-PL", "5 marca"},
		{"2026-03-05", "MMMM d", "pl-PL", "marca 5"},
		{"2026-03-05", "dddd MMMM", "pl-PL", "czwartek marzec"},
		{"2026-03-05", "ddd MMMM dddd", "pl-PL", "czw. marzec czwartek"},
		{"2026-03-05", "d dddd MMMM", "pl-PL", "5 czwartek marzec"}, // the nearest day counts
		{"2026-03-05", "dddd d MMMM", "pl-PL", "czwartek 5 marca"},
		{"2026-03-05", "dddd MMMM d", "pl-PL", "czwartek marca 5"},
		{"2026-03-05", "MMMM dddd d", "pl-PL", "marzec czwartek 5"},
		{"2026-03-05", "MMMM 'd'", "pl-PL", "marca d"}, // and even one that is text
		{"2026-03-05", "MMMM|d|MMMM|dddd|MMMM|d", "pl-PL", "marca|5|marca|czwartek|marca|5"},
		{"2026-03-05", "d MMM|MMM d", "ru-RU", "5 мар.|мар. 5"},
		{"2026-03-05", "MMM", "ru-RU", "март"},
	} {
		if got := format(moment(t, c.time), c.pattern, in(t, c.culture)); got != c.want {
			t.Errorf("%s %q %s: got %q, want %q", c.time, c.pattern, c.culture, got, c.want)
		}
	}
}

// TestFormatTakesNoTimeForLongFormats would run for minutes if the time grew with
// the square of the length.
func TestFormatTakesNoTimeForLongFormats(t *testing.T) {
	for _, part := range []string{"MMM ", "d MMM ", ".F", "'x'", "dddd MMMM "} {
		s, err := moment(t, "2026-03-05T14:07:09").Format(strings.Repeat(part, 100_000), culture.EnUS())
		if err != nil || len(s) > 3_000_000 {
			t.Errorf("%q: %v, %d bytes", part, err, len(s))
		}
	}
}

func TestFormatOfTheLimits(t *testing.T) {
	for text, want := range map[string]string{
		"0001-01-01T00:00:00":          "Monday 0001-01-01T00:00:00.0000000",
		"9999-12-31T23:59:59.9999999Z": "Friday 9999-12-31T23:59:59.9999999",
		"2000-02-29T00:00:00":          "Tuesday 2000-02-29T00:00:00.0000000",
	} {
		if got := format(moment(t, text), "dddd yyyy-MM-ddTHH:mm:ss.fffffff", culture.EnUS()); got != want {
			t.Errorf("%s: got %s", text, got)
		}
	}
	if got := format(dotnet.Time{}, "o", culture.EnUS()); got != "0001-01-01T00:00:00.0000000" {
		t.Errorf("the first tick: got %s", got)
	}
}
