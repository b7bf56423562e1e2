package recurrence

import (
	"strings"
	"time"
)

// parseTime reads a startTime or endTime: YYYY-MM-DDThh:mm:ss, and whether Z
// stands behind it. A UTC offset is refused (docs: recurrence). More lenient than
// documented are what definitions in use have - fractions, and no seconds - and,
// as it means but one thing, a date alone.
func parseTime(s string) (w wall, utc, ok bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	s, utc = strings.CutSuffix(s, "Z")
	date, clock, hasClock := strings.Cut(s, "T")
	d, ok := parseDate(date)
	if !ok || !hasClock {
		return wall(int64(d) * perDay), utc, ok
	}
	ofDay, ok := parseClock(clock)
	return wall(int64(d)*perDay + ofDay), utc, ok
}

// parseDate reads YYYY-MM-DD, of a day that exists.
func parseDate(s string) (day, bool) {
	if len(s) != len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y, ok1 := number(s[:4], 4)
	m, ok2 := number(s[5:7], 2)
	d, ok3 := number(s[8:], 2)
	if !ok1 || !ok2 || !ok3 || y < 1 || m < 1 || m > 12 || d < 1 {
		return 0, false
	}
	of := month(y*12 + m - 1)
	found := of.first() + day(d) - 1
	return found, found < (of + 1).first()
}

// parseClock reads hh:mm[:ss[.f...]]; what is finer than 100 ns is cut off.
func parseClock(s string) (int64, bool) {
	s, fraction, hasFraction := strings.Cut(s, ".")
	if len(s) != len("15:04") && len(s) != len("15:04:05") || s[2] != ':' || hasFraction && len(s) != len("15:04:05") {
		return 0, false
	}
	hour, ok := number(s[:2], 2)
	minute, ok2 := number(s[3:5], 2)
	second, ok3 := int64(0), true
	if len(s) > len("15:04") {
		second, ok3 = number(s[6:], 2)
		ok3 = ok3 && s[5] == ':'
	}
	ticks, ok4 := int64(0), true
	if hasFraction {
		const digits = 7
		if strings.Trim(fraction, "0123456789") != "" || fraction == "" {
			return 0, false
		}
		ticks, ok4 = number((fraction + strings.Repeat("0", digits))[:digits], digits)
	}
	ok = ok && ok2 && ok3 && ok4 && hour <= 23 && minute <= 59 && second <= 59
	return hour*perHour + minute*perMinute + second*perSecond + ticks, ok
}

// number reads one to most digits and nothing else.
func number(s string, most int) (n int64, ok bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}
