package dotnet_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
)

func TestParseExact(t *testing.T) {
	for _, c := range []struct{ culture, format, text, want string }{
		// Digits: one letter takes one or two, more take as many.
		{"en-US", "yyyyMMdd-HHmm", "20260305-1407", "2026-03-05T14:07:00"},
		{"en-US", "d/M/yyyy", "5/3/2026", "2026-03-05"},
		{"en-US", "d/M/yyyy", "05/03/2026", "2026-03-05"},
		{"en-US", "dd/MM/yyyy", "5/03/2026", ""},
		{"en-US", "dd/MM/yyyy", "05/03/26", ""},
		{"en-US", "dd/MM/yyyy", "05/03/20261", ""},
		{"en-US", "dd/MM/yy", "05/03/26", "2026-03-05"},
		{"en-US", "dd/MM/yy", "05/03/50", "1950-03-05"},
		{"en-US", "dd/MM/y", "05/03/7", "2007-03-05"},
		{"en-US", "dd/MM/yyy", "05/03/2026", ""},
		{"en-US", "dd/MM/yyy", "05/03/026", "0026-03-05"},
		{"en-US", "yyyyy-MM-dd", "02026-03-05", "2026-03-05"},
		{"en-US", "H:m:s", "4:7:9", "2026-08-17T04:07:09"},
		{"en-US", "HH:mm:ss", "4:07:09", ""},
		{"en-US", "HH:mm", "24:00", ""},
		{"en-US", "HH:mm", "23:60", ""},
		{"en-US", "yyyy-MM-dd", "2026-02-29", ""},
		{"en-US", "yyyy-MM-dd", " 2026-03-05", ""},
		{"en-US", "yyyy-MM-dd", "2026-03-05 ", ""},
		{"en-US", "yyyy-MM-dd", "", ""},
		{"en-US", "yyyy-MM-dd", "2026-3-5", ""},
		// What is left out.
		{"en-US", "HH:mm", "14:07", "2026-08-17T14:07:00"},
		{"en-US", "MM-dd", "03-05", "2026-03-05"},
		{"en-US", "%d", "5", "2026-01-05"},
		{"en-US", "MMMM", "March", "2026-03-01"},
		{"en-US", "yyyy", "2024", "2024-01-01"},
		{"en-US", "yyyy-MM", "2024-03", "2024-03-01"},
		{"en-US", "yyyy dd", "2024 07", "2024-01-07"},
		// Twelve hours.
		{"en-US", "h:mm tt", "2:07 PM", "2026-08-17T14:07:00"},
		{"en-US", "h:mm tt", "12:07 AM", "2026-08-17T00:07:00"},
		{"en-US", "h:mm tt", "12:07 pm", "2026-08-17T12:07:00"},
		{"en-US", "h:mm tt", "0:07 PM", "2026-08-17T12:07:00"},
		{"en-US", "h:mm tt", "13:07 PM", ""},
		{"en-US", "h:mm", "12:07", "2026-08-17T00:07:00"},
		{"en-US", "hh:mm", "14:07", ""},
		{"en-US", "h:mm t", "2:07 P", "2026-08-17T14:07:00"},
		{"en-US", "h:mm t", "2:07 p", ""},
		{"en-US", "h:mm tt", "2:07 XM", ""},
		{"en-US", "HH:mm tt", "14:07 PM", "2026-08-17T14:07:00"},
		{"en-US", "HH:mm tt", "14:07 AM", ""},
		{"en-US", "HH:mm tt", "02:07 PM", ""},
		{"es-ES", "h:mm tt", "2:07 p. m.", "2026-08-17T14:07:00"},
		{"en-GB", "h:mm tt", "2:07 PM", "2026-08-17T14:07:00"},
		// Fractions.
		{"en-US", "ss.fff", "09.045", "2026-08-17T00:00:09.045"},
		{"en-US", "ss.fff", "09.04", ""},
		{"en-US", "ss.fff", "09.0451", ""},
		{"en-US", "ss.FFF", "09.04", "2026-08-17T00:00:09.04"},
		{"en-US", "ss.FFF", "09.", "2026-08-17T00:00:09"},
		{"en-US", "ss.FFF", "09", "2026-08-17T00:00:09"},
		{"en-US", "ss.FFFZ", "09Z", "2026-08-17T00:00:09Z"},
		{"en-US", "ss.fffffff", "09.1234567", "2026-08-17T00:00:09.1234567"},
		{"en-US", "ssFFF", "09", "2026-08-17T00:00:09"},
		// Zones: Z, K and z say what the time is, quoted text does not.
		{"en-US", "yyyy-MM-ddTHH:mm:ssZ", "2026-03-05T14:07:09Z", "2026-03-05T14:07:09Z"},
		{"en-US", "yyyy-MM-ddTHH:mm:ssZ", "2026-03-05T14:07:09GMT", "2026-03-05T14:07:09Z"},
		{"en-US", "yyyy-MM-ddTHH:mm:ssZ", "2026-03-05T14:07:09", ""},
		{"en-US", "yyyy-MM-ddTHH:mm:ss'Z'", "2026-03-05T14:07:09Z", "2026-03-05T14:07:09"},
		{"en-US", "yyyy-MM-ddTHH:mm:ss\\Z", "2026-03-05T14:07:09Z", "2026-03-05T14:07:09"},
		{"en-US", "yyyy-MM-ddTHH:mm:ssK", "2026-03-05T14:07:09Z", "2026-03-05T14:07:09Z"},
		{"en-US", "yyyy-MM-ddTHH:mm:ssK", "2026-03-05T14:07:09z", ""},
		{"en-US", "yyyy-MM-ddTHH:mm:ssK", "2026-03-05T14:07:09", "2026-03-05T14:07:09"},
		{"en-US", "yyyy-MM-ddTHH:mm:ssK", "2026-03-05T14:07:09+02:00", "2026-03-05T12:07:09+00:00"},
		{"en-US", "yyyy-MM-ddTHH:mm:ssK", "2026-03-05T14:07:09+0200", "2026-03-05T12:07:09+00:00"},
		{"en-US", "yyyy-MM-ddTHH:mm:ssK", "2026-03-05T14:07:09+02", ""},
		{"en-US", "yyyy-MM-ddTHH:mm:sszzz", "2026-03-05T14:07:09-05:30", "2026-03-05T19:37:09+00:00"},
		{"en-US", "yyyy-MM-ddTHH:mm:sszzz", "2026-03-05T14:07:09-5:30", "2026-03-05T19:37:09+00:00"},
		{"en-US", "yyyy-MM-ddTHH:mm:sszzz", "2026-03-05T14:07:09Z", ""},
		{"en-US", "yyyy-MM-ddTHH:mm:sszz", "2026-03-05T14:07:09-05", "2026-03-05T19:07:09+00:00"},
		{"en-US", "yyyy-MM-ddTHH:mm:sszz", "2026-03-05T14:07:09-5", ""},
		{"en-US", "yyyy-MM-ddTHH:mm:ssz", "2026-03-05T14:07:09-5", "2026-03-05T19:07:09+00:00"},
		{"en-US", "yyyy-MM-ddTHH:mm:sszzz", "2026-03-05T14:07:09+14:01", ""},
		{"en-US", "yyyy-MM-dd HH:mm GMT", "2026-03-05 14:07 GMT", "2026-03-05T14:07:00+00:00"},
		{"en-US", "yyyy-MM-dd HH:mm GMT", "2026-03-05 14:07 gmt", ""},
		{"en-US", "yyyy-MM-dd HH:mm 'GMT'", "2026-03-05 14:07 GMT", "2026-03-05T14:07:00"},
		{"en-US", "yyyy-MM-ddK K", "2026-03-05Z +01:00", ""},
		// Names: short ones for three letters, long ones for four.
		{"en-US", "dd MMM yyyy", "05 Mar 2026", "2026-03-05"},
		{"en-US", "dd MMM yyyy", "05 MAR 2026", "2026-03-05"},
		{"en-US", "dd MMM yyyy", "05 March 2026", ""},
		{"en-US", "dd MMMM yyyy", "05 March 2026", "2026-03-05"},
		{"en-US", "dd MMMM yyyy", "05 Mar 2026", ""},
		{"en-US", "ddd dd MMM yyyy", "Thu 05 Mar 2026", "2026-03-05"},
		{"en-US", "ddd dd MMM yyyy", "Fri 05 Mar 2026", ""},
		{"en-US", "dddd, d MMMM yyyy", "Thursday, 5 March 2026", "2026-03-05"},
		{"en-US", "ddddMMMMdyyyy", "ThursdayMarch52026", ""},
		{"de-DE", "d. MMMM yyyy", "5. März 2026", "2026-03-05"},
		{"de-DE", "d. MMM yyyy", "5. Sept. 2026", "2026-09-05"},
		{"de-DE", "d. MMM yyyy", "5. Sep 2026", "2026-09-05"},
		{"de-DE", "dddd", "donnerstag", ""},
		{"pl-PL", "d MMMM yyyy", "5 marca 2026", "2026-03-05"},
		{"pl-PL", "d MMMM yyyy", "5 marzec 2026", "2026-03-05"},
		{"fr-FR", "dd MMMM yyyy", "05 Mars 2026", "2026-03-05"},
		{"it-IT", "d MMMM yyyy", "5 marzo 2026", "2026-03-05"},
		{"en-US", "yyyy gg", "2026 AD", "2026-01-01"},
		// Separators: those of the culture, or those that stand there.
		{"de-DE", "dd/MM/yyyy", "05.03.2026", "2026-03-05"},
		{"de-DE", "dd/MM/yyyy", "05/03/2026", "2026-03-05"},
		{"de-DE", "dd/MM/yyyy", "05-03-2026", ""},
		{"fi-FI", "HH:mm", "14.07", "2026-08-17T14:07:00"},
		{"fi-FI", "HH:mm", "14:07", "2026-08-17T14:07:00"},
		// Text.
		{"en-US", "'on' yyyy-MM-dd", "on 2026-03-05", "2026-03-05"},
		{"en-US", "'on' yyyy-MM-dd", "ON 2026-03-05", ""},
		{"en-US", `\d\a\y d/M/yyyy`, "day 5/3/2026", "2026-03-05"},
		{"en-US", `'it\'s' yyyy`, "it's 2026", "2026-01-01"},
		{"en-US", "yyyy年M月d日", "2026年3月5日", "2026-03-05"},
		{"en-US", "yyyy x", "2026 y", ""},
		// Twice the same is the same, twice another is none.
		{"en-US", "yyyy MM MMMM", "2026 03 March", "2026-03-01"},
		{"en-US", "yyyy MM MMMM", "2026 03 April", ""},
		{"en-US", "yyyy yyyy", "2026 2027", ""},
		{"en-US", "HH hh", "04 05", ""},
		// Standard formats. Only K and U say what the time is.
		{"en-US", "d", "3/5/2026", "2026-03-05"},
		{"de-DE", "d", "05.03.2026", "2026-03-05"},
		{"en-US", "D", "Thursday, March 5, 2026", "2026-03-05"},
		{"en-US", "f", "Thursday, March 5, 2026 2:07 PM", "2026-03-05T14:07:00"},
		{"en-US", "F", "Thursday, March 5, 2026 2:07:09 PM", "2026-03-05T14:07:09"},
		{"en-US", "U", "Thursday, March 5, 2026 2:07:09 PM", "2026-03-05T14:07:09Z"},
		{"en-US", "g", "3/5/2026 2:07 PM", "2026-03-05T14:07:00"},
		{"en-US", "G", "3/5/2026 2:07:09 PM", "2026-03-05T14:07:09"},
		{"en-US", "M", "March 5", "2026-03-05"},
		{"en-US", "Y", "March 2024", "2024-03-01"},
		{"en-US", "t", "2:07 PM", "2026-08-17T14:07:00"},
		{"en-US", "T", "2:07:09 PM", "2026-08-17T14:07:09"},
		{"de-DE", "o", "2026-03-05T14:07:09.0450000Z", "2026-03-05T14:07:09.045Z"},
		{"en-US", "o", "2026-03-05T14:07:09.045Z", ""},
		{"en-US", "", "2026-03-05T14:07:09.0450000", "2026-03-05T14:07:09.045"},
		{"de-DE", "R", "Thu, 05 Mar 2026 14:07:09 GMT", "2026-03-05T14:07:09"},
		{"de-DE", "s", "2026-03-05T14:07:09", "2026-03-05T14:07:09"},
		{"de-DE", "u", "2026-03-05 14:07:09Z", "2026-03-05T14:07:09"},
		{"es-ES", "D", "jueves, 5 de marzo de 2026", "2026-03-05"},
	} {
		got, ok, err := dotnet.ParseExact(c.text, c.format, in(t, c.culture), now)
		if s := short(got, ok); err != nil || s != c.want {
			t.Errorf("%s %q %q: got %q, %v; want %q", c.culture, c.format, c.text, s, err, c.want)
		}
	}
}

func TestParseExactFormatsThatAreNone(t *testing.T) {
	for _, format := range []string{"x", "N", "é", "%%", "%", "yyyy'", "yyyy\\", "ffffffff", "yyyy%"} {
		text := "2026"
		if !strings.HasPrefix(format, "yyyy") {
			text = "5"
		}
		if _, ok, err := dotnet.ParseExact(text, format, culture.EnUS(), now); ok || !errors.Is(err, dotnet.ErrFormat) {
			t.Errorf("%q: got %v, %v", format, ok, err)
		}
	}
}
