package definition

import (
	"strings"
	"time"
)

// ParseDuration reads an ISO 8601 duration such as PT1M30S or P1DT2H; a month
// counts as 30 days and a year as 365.
func ParseDuration(s string) (time.Duration, bool) {
	date, clock, hasClock := strings.Cut(strings.ToUpper(s), "T")
	date, isDuration := strings.CutPrefix(date, "P")
	if !isDuration || date == "" && clock == "" || hasClock && clock == "" {
		return 0, false
	}
	const day = 24 * time.Hour
	d, ok := units(date, map[byte]time.Duration{'Y': 365 * day, 'M': 30 * day, 'W': 7 * day, 'D': day})
	t, ok2 := units(clock, map[byte]time.Duration{'H': time.Hour, 'M': time.Minute, 'S': time.Second})
	return d + t, ok && ok2
}

func units(s string, unit map[byte]time.Duration) (total time.Duration, ok bool) {
	for s != "" {
		i, fraction, scale := 0, time.Duration(0), time.Duration(1)
		var n time.Duration
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9' && i < 9; i++ {
			n = n*10 + time.Duration(s[i]-'0')
		}
		if i > 0 && i < len(s) && s[i] == '.' {
			for i++; i < len(s) && s[i] >= '0' && s[i] <= '9' && scale < 1e9; i++ {
				fraction, scale = fraction*10+time.Duration(s[i]-'0'), scale*10
			}
		}
		if i == 0 || i >= len(s) {
			return 0, false
		}
		u, known := unit[s[i]]
		if !known || n > 1<<62/u {
			return 0, false
		}
		total += n*u + fraction*(u/scale)
		s = s[i+1:]
	}
	return total, total >= 0
}
