package recurrence_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"

	"github.com/latchwork/latchwork/shared/expr/zone"
	"github.com/latchwork/latchwork/shared/recurrence"
)

// zones have all that clocks do: changes in either half of the year, of half an
// hour and of two, at midnight, in the month of fasting, and a day left out.
var zones = []string{
	"UTC", "W. Europe Standard Time", "Central Standard Time", "Lord Howe Standard Time", "America/Sao_Paulo", "Pacific/Apia",
	"Africa/Casablanca", "America/St_Johns", "Antarctica/Troll", "Pacific/Chatham", "Asia/Tehran", "Asia/Kathmandu", "America/Caracas",
}

// generated is a recurrence in both languages: the product's and iCalendar's.
type generated struct {
	text     string
	option   rrule.ROption
	location *time.Location
	elapsed  bool
}

var weekdayNames = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

var weekdayRules = []rrule.Weekday{rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU}

// some returns up to n different numbers from low to high, in any order.
func some(r *rand.Rand, n, low, high int) (numbers []int) {
	for range 1 + r.IntN(n) {
		if x := low + r.IntN(high-low+1); !slices.Contains(numbers, x) {
			numbers = append(numbers, x)
		}
	}
	return numbers
}

func list(numbers []int) string { return strings.Join(strings.Fields(fmt.Sprint(numbers)), ",") }

func generate(r *rand.Rand) generated {
	name := zones[r.IntN(len(zones))]
	location, _ := zone.Lookup(name)
	// The local time of the start, as if it were UTC.
	start := time.Date(2005+r.IntN(40), 1, 1+r.IntN(365), r.IntN(24), r.IntN(60), r.IntN(60), 0, time.UTC)
	if name == "Pacific/Apia" {
		start = time.Date(2011, time.Month(1+r.IntN(12)), 1+r.IntN(31), start.Hour(), start.Minute(), 0, 0, time.UTC)
	}
	g := generated{location: location, option: rrule.ROption{Dtstart: start, Interval: 1 + r.IntN(4), Wkst: rrule.SU}}
	frequency := []string{"Second", "Minute", "Hour", "Day", "Day", "Week", "Week", "Month", "Month", "Year"}[r.IntN(10)]
	schedule := g.fill(r, frequency)
	g.text = fmt.Sprintf(`{"frequency":%q,"interval":%d,"startTime":%q,"timeZone":%q,"schedule":{%s}}`,
		frequency, g.option.Interval, start.Format("2006-01-02T15:04:05"), name, strings.Join(schedule, ","))
	return g
}

func (g *generated) fill(r *rand.Rand, frequency string) (schedule []string) {
	o := &g.option
	switch frequency {
	case "Second":
		o.Freq, o.Interval, g.elapsed = rrule.SECONDLY, 20_000+r.IntN(1_000_000), true
		return nil
	case "Minute":
		o.Freq, o.Interval, g.elapsed = rrule.MINUTELY, 200+r.IntN(20_000), true
		return nil
	case "Hour":
		o.Freq, o.Interval, g.elapsed = rrule.HOURLY, 1+r.IntN(200), true
		return nil
	case "Day":
		o.Freq = rrule.DAILY
	case "Week":
		o.Freq = rrule.WEEKLY
		if r.IntN(3) > 0 {
			var names []string
			for _, d := range some(r, 4, 0, 6) {
				names = append(names, `"`+weekdayNames[d]+`"`)
				o.Byweekday = append(o.Byweekday, weekdayRules[d])
			}
			schedule = append(schedule, `"weekDays":[`+strings.Join(names, ",")+"]")
		}
	case "Month":
		o.Freq = rrule.MONTHLY
		schedule = g.fillMonth(r)
	case "Year":
		o.Freq, o.Bymonth = rrule.YEARLY, []int{int(o.Dtstart.Month())}
		g.lastOrSame(1)
		return nil
	}
	times := 1
	if r.IntN(3) > 0 {
		o.Byhour = some(r, 4, 0, 6)
		if r.IntN(2) == 0 {
			o.Byhour = some(r, 4, 0, 23)
		}
		schedule = append(schedule, `"hours":`+list(o.Byhour))
		times *= len(o.Byhour)
	}
	if r.IntN(3) > 0 {
		o.Byminute, o.Bysecond = some(r, 4, 0, 59), []int{0}
		schedule = append(schedule, `"minutes":`+list(o.Byminute))
		times *= len(o.Byminute)
	}
	if o.Freq == rrule.MONTHLY && o.Bymonthday == nil && o.Byweekday == nil {
		g.lastOrSame(times)
	}
	return schedule
}

func (g *generated) fillMonth(r *rand.Rand) (schedule []string) {
	o := &g.option
	if r.IntN(2) == 0 {
		for _, d := range some(r, 3, -31, 31) {
			if d != 0 {
				o.Bymonthday = append(o.Bymonthday, d)
			}
		}
		if o.Bymonthday != nil {
			schedule = append(schedule, `"monthDays":`+list(o.Bymonthday))
		}
	}
	if r.IntN(3) == 0 {
		var entries []string
		for _, d := range some(r, 3, 0, 6) {
			if n := r.IntN(11) - 5; n != 0 {
				o.Byweekday = append(o.Byweekday, weekdayRules[d].Nth(n))
				entries = append(entries, fmt.Sprintf(`{"dayOfWeek":%q,"occurrence":%d}`, weekdayNames[d], n))
			} else {
				for n := 1; n <= 5; n++ { // a day without a number would narrow those with one
					o.Byweekday = append(o.Byweekday, weekdayRules[d].Nth(n))
				}
				entries = append(entries, fmt.Sprintf(`{"dayOfWeek":%q}`, weekdayNames[d]))
			}
		}
		schedule = append(schedule, `"monthlyOccurrences":[`+strings.Join(entries, ",")+"]")
	}
	return schedule
}

// lastOrSame says in iCalendar's words: the day of the start, or the last day of a
// month that lacks it. That is the last of the days which are not later, and all
// the times of it.
func (g *generated) lastOrSame(times int) {
	d := g.option.Dtstart.Day()
	if d <= 28 {
		g.option.Bymonthday = []int{d}
		return
	}
	for n := 28; n <= d; n++ {
		g.option.Bymonthday = append(g.option.Bymonthday, n)
	}
	for n := range times {
		g.option.Bysetpos = append(g.option.Bysetpos, -1-n)
	}
}

// occurrences lists what the other implementation finds in two years. It knows no
// time zones here: it works on local times, which are made instants one by one.
func (g *generated) occurrences(t *testing.T) (all []time.Time, from, to time.Time) {
	t.Helper()
	option := g.option
	from = instantOf(option.Dtstart, g.location)
	to = from.AddDate(2, 0, 0)
	if g.elapsed {
		option.Dtstart = from
	}
	rule, err := rrule.NewRRule(option)
	if err != nil {
		t.Fatalf("%s: %v", g.text, err)
	}
	for _, found := range rule.Between(option.Dtstart.AddDate(0, 0, -2), option.Dtstart.AddDate(2, 0, 3), true) {
		if !g.elapsed {
			found = instantOf(found, g.location)
		}
		if !found.Before(from) && !found.After(to) {
			all = append(all, found)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return slices.CompactFunc(all, time.Time.Equal), from, to
}

// instantOf tries both offsets that are near: the earlier instant that shows the
// local time, or what it would be had the clocks not been set.
func instantOf(local time.Time, location *time.Location) time.Time {
	_, before := local.Add(-30 * time.Hour).In(location).Zone()
	_, after := local.Add(30 * time.Hour).In(location).Zone()
	const form = "2006-01-02 15:04:05"
	var found time.Time
	for _, offset := range []int{before, after} {
		at := local.Add(-time.Duration(offset) * time.Second)
		if at.In(location).Format(form) == local.Format(form) && (found.IsZero() || at.Before(found)) {
			found = at
		}
	}
	if found.IsZero() {
		found = local.Add(-time.Duration(before) * time.Second)
	}
	return found
}

func TestTwoYearsAgainstAnotherImplementation(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 11))
	total := 0
	for range 600 {
		g := generate(r)
		s := parse(t, g.text)
		want, from, to := g.occurrences(t)
		total += len(want)
		when := s.First(from.AddDate(-1, 0, 0))
		for i := range want {
			if !when.Equal(want[i]) {
				t.Fatalf("%s\noccurrence %d is %s, want %s", g.text, i, when.In(g.location), want[i].In(g.location))
			}
			checkNear(t, g.text, s, want, i, r)
			when = s.Next(when)
		}
		if !when.IsZero() && !when.After(to) {
			t.Fatalf("%s\n%s is one too many", g.text, when.In(g.location))
		}
	}
	if total < 100_000 {
		t.Errorf("only %d occurrences were compared", total)
	}
}

// checkNear asks for the occurrence after a time between two: it is the second.
func checkNear(t *testing.T, text string, s *recurrence.Schedule, all []time.Time, i int, r *rand.Rand) {
	t.Helper()
	if i == 0 {
		return
	}
	gap := all[i].Sub(all[i-1])
	for _, ahead := range []time.Duration{100, time.Duration(r.Int64N(int64(gap))), gap} {
		if got := s.Next(all[i].Add(-ahead)); !got.Equal(all[i]) {
			t.Fatalf("%s\nafter %s comes %s, want %s", text, all[i].Add(-ahead), got, all[i])
		}
		if got := s.First(all[i].Add(100 - ahead)); !got.Equal(all[i]) {
			t.Fatalf("%s\nsaved at %s it begins %s, want %s", text, all[i].Add(100-ahead), got, all[i])
		}
	}
}
