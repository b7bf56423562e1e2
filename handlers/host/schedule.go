package host

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Schedule is an NCRONTAB expression: second, minute, hour, day, month, weekday
// (functions-host §8). Day and weekday must both match, unlike in classic cron.
type Schedule struct{ second, minute, hour, day, month, weekday uint64 }

type field struct {
	name     string
	low, top int
	names    []string
}

var fields = []field{
	{"second", 0, 59, nil}, {"minute", 0, 59, nil}, {"hour", 0, 23, nil}, {"day", 1, 31, nil},
	{"month", 1, 12, []string{
		"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
	}},
	{"weekday", 0, 6, []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}},
}

// ParseSchedule reads six fields, or five, where the second is 0.
func ParseSchedule(s string) (Schedule, error) {
	parts := strings.Fields(s)
	if len(parts) == 5 {
		parts = append([]string{"0"}, parts...)
	}
	if len(parts) != 6 {
		return Schedule{}, fmt.Errorf("the schedule %q must have six fields", s)
	}
	var sets [6]uint64
	for i, part := range parts {
		set, err := fields[i].parse(part)
		if err != nil {
			return Schedule{}, fmt.Errorf("the schedule %q: %w", s, err)
		}
		sets[i] = set
	}
	return Schedule{sets[0], sets[1], sets[2], sets[3], sets[4], sets[5]}, nil
}

func (f field) parse(s string) (uint64, error) {
	var set uint64
	for part := range strings.SplitSeq(s, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return 0, fmt.Errorf("%s: not a step: %q", f.name, stepText)
			}
			step = min(step, 64) // longer than any field; a longer one would overflow below
		}
		low, top := f.low, f.top
		if span != "*" {
			from, to, isRange := strings.Cut(span, "-")
			var err error
			if low, err = f.number(from); err != nil {
				return 0, err
			}
			switch {
			case isRange:
				if top, err = f.number(to); err != nil {
					return 0, err
				}
				if top < low {
					low, top = top, low // the host reads 5-1 as 1-5
				}
			case !stepped:
				top = low
			}
		}
		for n := low; n <= top; n += step {
			set |= 1 << n
		}
	}
	return set, nil
}

// number reads a number or a name, which may be cut down to three letters.
func (f field) number(s string) (int, error) {
	for i, name := range f.names {
		if len(s) >= 3 && strings.HasPrefix(name, strings.ToLower(s)) {
			return i + f.low, nil
		}
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < f.low || n > f.top {
		return 0, fmt.Errorf("%s: want %d to %d, got %q", f.name, f.low, f.top, s)
	}
	return n, nil
}

// Next returns the first time after t, or the zero time if there is none. The
// calendar repeats itself every 400 years, weekdays included: what does not come
// within them never comes.
func (s Schedule) Next(t time.Time) time.Time {
	has := func(set uint64, n int) bool { return set&(1<<n) != 0 }
	t = t.UTC().Truncate(time.Second).Add(time.Second)
	for end := t.AddDate(400, 0, 0); t.Before(end); {
		switch {
		case !has(s.month, int(t.Month())):
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case !has(s.day, t.Day()) || !has(s.weekday, int(t.Weekday())):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		case !has(s.hour, t.Hour()):
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !has(s.minute, t.Minute()):
			t = t.Truncate(time.Minute).Add(time.Minute)
		case !has(s.second, t.Second()):
			t = t.Add(time.Second)
		default:
			return t
		}
	}
	return time.Time{}
}
