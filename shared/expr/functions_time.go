package expr

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(
	Function{Name: "utcNow", Max: 1, Doc: "The present time.", Body: func(c *Call) (value.Value, error) {
		layout := roundTrip
		if len(c.Args) > 0 {
			format, err := c.str(0)
			if err != nil {
				return value.Value{}, err
			}
			if layout, err = goLayout(c.name, format); err != nil {
				return value.Value{}, err
			}
		}
		return value.String(c.env.Ambient.Now().UTC().Format(layout)), nil
	}},
)

// roundTrip is the standard format o of a UTC time.
const roundTrip = "2006-01-02T15:04:05.0000000Z"

// specifiers of .NET date formats with the layouts of Go that mean the same.
var specifiers = []struct{ net, layout string }{
	{"yyyy", "2006"}, {"yy", "06"}, {"MMMM", "January"}, {"MMM", "Jan"}, {"MM", "01"}, {"M", "1"},
	{"dddd", "Monday"}, {"ddd", "Mon"}, {"dd", "02"}, {"d", "2"}, {"HH", "15"}, {"hh", "03"}, {"h", "3"},
	{"mm", "04"}, {"m", "4"}, {"ss", "05"}, {"s", "5"}, {"tt", "PM"}, {"zzz", "-07:00"}, {"K", "Z"},
	{"fffffff", "0000000"}, {"ffffff", "000000"}, {"fffff", "00000"}, {"ffff", "0000"}, {"fff", "000"}, {"ff", "00"}, {"f", "0"},
}

// goLayout translates a .NET format of a UTC time.
func goLayout(name, format string) (string, error) {
	if layout, ok := map[string]string{
		"o": roundTrip, "O": roundTrip, "s": "2006-01-02T15:04:05", "u": "2006-01-02 15:04:05Z",
		"r": time.RFC1123[:len(time.RFC1123)-3] + "GMT", "R": time.RFC1123[:len(time.RFC1123)-3] + "GMT",
		"d": "1/2/2006", "D": "Monday, January 2, 2006", "t": "3:04 PM", "T": "3:04:05 PM",
		"g": "1/2/2006 3:04 PM", "G": "1/2/2006 3:04:05 PM", "f": "Monday, January 2, 2006 3:04 PM", "F": "Monday, January 2, 2006 3:04:05 PM",
		"M": "January 2", "m": "January 2", "Y": "January 2006", "y": "January 2006",
	}[format]; ok {
		return layout, nil
	}
	var b strings.Builder
next:
	for i := 0; i < len(format); {
		for _, s := range specifiers {
			if strings.HasPrefix(format[i:], s.net) {
				b.WriteString(s.layout)
				i += len(s.net)
				continue next
			}
		}
		if c := format[i]; c == '\'' || c == '"' {
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				return "", failure("The template language function '%s' was invoked with a format string that is not valid.", name)
			}
			b.WriteString(format[i+1 : i+1+end])
			i += end + 2
			continue
		}
		b.WriteByte(format[i])
		i++
	}
	return b.String(), nil
}
