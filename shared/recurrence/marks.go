package recurrence

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// marks is what "schedule" says; what it leaves open is zero.
type marks struct {
	hours   uint32
	minutes uint64
	rule    dayRule
}

// namesTime tells whether the schedule names a time of the day.
func (m *marks) namesTime() bool { return m.hours != 0 || m.minutes != 0 }

// schedule reads the schedule of a recurrence (triggers §7).
//
//   - A list may be a single value, and numbers may be strings.
//   - An empty list is none: designers leave them behind.
//   - hours and minutes are documented for Day and Week, yet the same page has an
//     example with hours for Month, and definitions in use have them, so Month has
//     them too. Second, Minute, Hour and Year have no schedule.
//   - Minutes without hours: the hour is that of the first run (docs: schedule). The
//     predecessor's article had an example where it is every hour, against its own
//     text.
func (r *reader) schedule(s *Schedule, v value.Value, at *value.Path) {
	if v.IsNull() {
		return
	}
	if v.Kind() != value.KindObject {
		r.fail(badSchedule, at, "The recurrence schedule of the trigger must be an object.")
		return
	}
	r.onlyMembers(v, at, "schedule.", "FlowRecurrenceSchedule", "hours", "minutes", "weekDays", "monthDays", "monthlyOccurrences")
	for _, key := range [...]string{"hours", "minutes", "weekDays", "monthDays", "monthlyOccurrences"} {
		list := v.Member(key)
		if list.IsNull() || list.Kind() == value.KindArray && list.Len() == 0 || !r.fits(s.unit, key, at) {
			continue
		}
		where := at.Key(key)
		if list.Kind() != value.KindArray {
			r.mark(&s.marks, key, list, where)
			continue
		}
		for i, x := range list.Elements {
			r.mark(&s.marks, key, x, where.Index(i))
		}
	}
}

// fits tells whether a recurrence may have a member of a schedule.
func (r *reader) fits(u unit, key string, at *value.Path) bool {
	var allowed bool
	switch key {
	case "weekDays":
		allowed = u == weeks
	case "monthDays", "monthlyOccurrences":
		allowed = u == months
	default:
		allowed = u == days || u == weeks || u == months
	}
	switch {
	case allowed || u == 0: // an invalid frequency has been reported
	case u == days || u == weeks || u == months:
		r.fail(badSchedule, at.Key(key), "The recurrence schedule of the trigger could not have '%s%s' for recurrence frequency '%s'.", strings.ToUpper(key[:1]), key[1:], u)
	case !r.scheduleRefused:
		r.scheduleRefused = true
		r.fail(badSchedule, at, "The recurrence schedule of the trigger has an invalid recurrence frequency '%s'.", u)
	}
	return allowed
}

// mark reads one value of a list.
func (r *reader) mark(m *marks, key string, x value.Value, at *value.Path) {
	n, isNumber := integer(x)
	ok := false
	switch key {
	case "hours":
		if ok = isNumber && n >= 0 && n <= 23; ok {
			m.hours |= 1 << n
		}
	case "minutes":
		if ok = isNumber && n >= 0 && n <= 59; ok {
			m.minutes |= 1 << n
		}
	case "weekDays":
		var d int
		if d, ok = weekday(x); ok {
			m.rule.week |= 1 << d
		}
	case "monthDays":
		ok = isNumber && n != 0 && n >= -31 && n <= 31
		if m.rule.byDay = true; ok && n > 0 {
			m.rule.fromStart |= 1 << (n - 1)
		} else if ok {
			m.rule.fromEnd |= 1 << (-n - 1)
		}
	case "monthlyOccurrences":
		r.occurrence(&m.rule, x, at)
		return
	}
	if !ok {
		r.fail(badSchedule, at, "The recurrence schedule of the trigger has an invalid value '%s' in '%s'.", shown(x), key)
	}
}

// occurrence reads an entry of monthlyOccurrences. The day is dayOfWeek in the
// definition and day in the API and in the predecessor. "Occurrence is optional",
// and without it each such day of the month counts (docs: scheduler).
func (r *reader) occurrence(rule *dayRule, x value.Value, at *value.Path) {
	rule.byNth = true
	if x.Kind() != value.KindObject {
		r.fail(badSchedule, at, "A monthly occurrence in the recurrence schedule of the trigger must be an object.")
		return
	}
	r.onlyMembers(x, at, "schedule.monthlyOccurrences.", "FlowRecurrenceScheduleOccurrence", "dayOfWeek", "day", "occurrence")
	name, key := x.Member("dayOfWeek"), "dayOfWeek"
	if name.IsNull() && x.Has("day") {
		name, key = x.Member("day"), "day"
	}
	d, ok := weekday(name)
	switch {
	case name.IsNull():
		r.fail(missing, at.Key(key), "A monthly occurrence in the recurrence schedule of the trigger has no '%s'.", key)
	case !ok:
		r.fail(badSchedule, at.Key(key), "The recurrence schedule of the trigger has an invalid value '%s' in '%s'.", shown(name), key)
	}
	nth := x.Member("occurrence")
	n, isNumber := integer(nth)
	switch {
	case nth.IsNull():
		rule.nth[d] = 1<<5 - 1
	case !isNumber || n == 0 || n < -5 || n > 5:
		r.fail(badSchedule, at.Key("occurrence"), "The recurrence schedule of the trigger has an invalid value '%s' in 'occurrence'.", shown(nth))
	case n > 0:
		rule.nth[d] |= 1 << (n - 1)
	default:
		rule.nthLast[d] |= 1 << (-n - 1)
	}
}

// weekday reads the English name of a day; Sunday is 0.
func weekday(v value.Value) (int, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), strings.TrimSpace(v.Str())) {
			return int(d), true
		}
	}
	return 0, false
}

// integer reads a whole number, or a string with one: definitions have both
// (workflow-definition §2).
func integer(v value.Value) (int64, bool) {
	if s, ok := v.AsString(); ok {
		n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
		return n, err == nil
	}
	if f, ok := v.AsFloat(); ok && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int64(f), true
	}
	return v.AsInt()
}

// shown returns a value for a message: redacted, and not longer than helps.
func shown(v value.Value) string {
	text := v.String()
	if s, ok := v.AsString(); ok && !v.Marked() {
		text = s
	} else if ok {
		text = value.Redacted
	}
	const most = 80
	if utf8.RuneCountInString(text) > most {
		text = string(slices.Insert([]rune(text)[:most], most, '…'))
	}
	return text
}
