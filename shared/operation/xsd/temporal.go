package xsd

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// temporal is a type of dates or times. Its groups are, in this order and where
// it has them: sign and year, month, day, hour, minute, second, zone.
type temporal struct {
	clr  string
	form *regexp.Regexp
}

const (
	yearPart  = `(?P<year>-?(?:[1-9]\d{3,}|0\d{3}))`
	monthPart = `(?P<month>0[1-9]|1[0-2])`
	dayPart   = `(?P<day>0[1-9]|[12]\d|3[01])`
	timePart  = `(?P<hour>[01]\d|2[0-4]):(?P<minute>[0-5]\d):(?P<second>[0-5]\d(?:\.\d+)?)`
	zone      = `(?P<zone>` + zonePart + `)`
)

func temporalOf(clr, form string) *temporal {
	return &temporal{clr, regexp.MustCompile(`^` + form + zone + `$`)}
}

var temporals = map[string]*temporal{
	"dateTime":   temporalOf("DateTime", yearPart+`-`+monthPart+`-`+dayPart+`T`+timePart),
	"date":       temporalOf("Date", yearPart+`-`+monthPart+`-`+dayPart),
	"time":       temporalOf("Time", timePart),
	"gYearMonth": temporalOf("GYearMonth", yearPart+`-`+monthPart),
	"gYear":      temporalOf("GYear", yearPart),
	"gMonthDay":  temporalOf("GMonthDay", `--`+monthPart+`-`+dayPart),
	"gDay":       temporalOf("GDay", `---`+dayPart),
	"gMonth":     temporalOf("GMonth", `--`+monthPart+`(?:--)?`),
}

// moment is a point on the time line; what a type does not have is the first.
type moment struct {
	seconds int64
	nanos   int64
}

func (t *temporal) parse(s string) (moment, bool) {
	m := t.form.FindStringSubmatch(s)
	if m == nil {
		return moment{}, false
	}
	part := func(group string, otherwise int) int {
		if i := t.form.SubexpIndex(group); i >= 0 {
			n, err := strconv.Atoi(m[i])
			if err != nil {
				return -1
			}
			return n
		}
		return otherwise
	}
	const leap = 2000 // so that --02-29 is a day
	year, month, day := part("year", leap), part("month", 1), part("day", 1)
	hour, minute, second, nanos := part("hour", 0), part("minute", 0), 0, int64(0)
	if i := t.form.SubexpIndex("second"); i >= 0 {
		whole, fraction, _ := strings.Cut(m[i], ".")
		second, _ = strconv.Atoi(whole)
		nanos, _ = strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	}
	if year < 1 || year > 9999 || hour == 24 && (minute != 0 || second != 0 || nanos != 0) {
		return moment{}, false // .NET counts from 1 to 9999
	}
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if date.Day() != day {
		return moment{}, false
	}
	seconds := date.Unix() + int64(hour)*3600 + int64(minute)*60 + int64(second)
	if z := m[t.form.SubexpIndex("zone")]; len(z) == len("+00:00") {
		h, _ := strconv.Atoi(z[1:3])
		min, _ := strconv.Atoi(z[4:6])
		offset := int64(h)*3600 + int64(min)*60
		if z[0] == '+' {
			offset = -offset
		}
		seconds += offset
	}
	return moment{seconds, nanos}, true
}

func (t *temporal) compare(a, b string) (int, bool) {
	x, okX := t.parse(a)
	y, okY := t.parse(b)
	if !okX || !okY {
		return 0, false
	}
	return cmp.Or(cmp.Compare(x.seconds, y.seconds), cmp.Compare(x.nanos, y.nanos)), true
}

var durationForm = regexp.MustCompile(`^(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(?:(T)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$`)

// parseDuration returns a duration in seconds; a month counts as its mean.
func parseDuration(s string) (float64, bool) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil || m[2]+m[3]+m[4]+m[6]+m[7]+m[8] == "" || m[5] != "" && m[6]+m[7]+m[8] == "" {
		return 0, false
	}
	total := 0.0
	const day = 86400
	for i, unit := range map[int]float64{2: 365.2425 * day, 3: 365.2425 * day / 12, 4: day, 6: 3600, 7: 60, 8: 1} {
		if m[i] == "" {
			continue
		}
		n, err := strconv.ParseFloat(m[i], 64)
		if err != nil {
			return 0, false
		}
		total += n * unit
	}
	if m[1] != "" {
		total = -total
	}
	return total, true
}

func compareDurations(a, b string) (int, bool) {
	x, okX := parseDuration(a)
	y, okY := parseDuration(b)
	return cmp.Compare(x, y), okX && okY
}
