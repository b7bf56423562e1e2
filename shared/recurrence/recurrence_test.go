package recurrence_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/value"
)

var root *value.Path

func parse(t testing.TB, text string) *recurrence.Schedule {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, problems := recurrence.Parse(v, root)
	if s == nil {
		t.Fatalf("%s: %v", text, problems)
	}
	return s
}

// at reads a time in UTC.
func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse("2006-01-02 15:04:05", text+":00"[:max(0, 19-len(text))])
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func show(times []time.Time) string {
	var texts []string
	for _, t := range times {
		if t.IsZero() {
			texts = append(texts, "none")
			continue
		}
		texts = append(texts, strings.TrimSuffix(t.Format("2006-01-02 15:04:05.999"), ":00"))
	}
	return strings.Join(texts, ", ")
}

// run returns the first occurrences of a trigger, each asked for when the one
// before it fired.
func run(s *recurrence.Schedule, created time.Time, n int) (times []time.Time) {
	for when := s.First(created); len(times) < n; when = s.Next(when) {
		times = append(times, when)
		if when.IsZero() {
			break
		}
	}
	return times
}

func TestOccurrences(t *testing.T) {
	for _, c := range []struct{ name, recurrence, created, want string }{
		// The examples of the article on schedules.
		{"a start in the past", `{"frequency":"Day","interval":2,"startTime":"2017-09-07T14:00:00Z"}`, "2017-09-08 13:00", "2017-09-09 14:00, 2017-09-11 14:00, 2017-09-13 14:00, 2017-09-15 14:00"},
		{"further in the past", `{"frequency":"Day","interval":2,"startTime":"2017-09-05T14:00:00Z"}`, "2017-09-08 13:00", "2017-09-09 14:00, 2017-09-11 14:00"},
		{"even further", `{"frequency":"Day","interval":2,"startTime":"2017-09-01T14:00:00Z"}`, "2017-09-08 13:00", "2017-09-09 14:00, 2017-09-11 14:00"},
		{"every 15 minutes, no start", `{"frequency":"Minute","interval":15}`, "2026-01-05 10:07", "2026-01-05 10:07, 2026-01-05 10:22, 2026-01-05 10:37"},
		{"every 15 minutes from a start", `{"frequency":"Minute","interval":15,"startTime":"2026-01-05T12:00:00Z"}`, "2026-01-05 10:07", "2026-01-05 12:00, 2026-01-05 12:15"},
		{"every hour, on the hour", `{"frequency":"Hour","interval":1,"startTime":"2026-01-01T00:00:00Z"}`, "2026-01-05 10:07", "2026-01-05 11:00, 2026-01-05 12:00"},
		{"every hour at 15 past", `{"frequency":"Hour","interval":1,"startTime":"2026-01-01T00:15:00Z"}`, "2026-01-05 10:07", "2026-01-05 10:15, 2026-01-05 11:15"},
		{"the same by hours and minutes", `{"frequency":"Day","interval":1,"schedule":{"hours":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23],"minutes":[15]}}`, "2026-01-05 22:16", "2026-01-05 23:15, 2026-01-06 00:15"},
		{"waits for the next mark", `{"frequency":"Day","interval":1,"schedule":{"hours":[9,10],"minutes":[0,15,30,45]}}`, "2026-01-05 10:37", "2026-01-05 10:45, 2026-01-06 09:00, 2026-01-06 09:15"},
		{"8 o'clock and the minute of saving", `{"frequency":"Day","interval":1,"schedule":{"hours":8}}`, "2026-01-05 10:37", "2026-01-06 08:37, 2026-01-07 08:37"},
		{"daily at 8 from a start", `{"frequency":"Day","interval":1,"startTime":"2026-01-07T08:00:00Z"}`, "2026-01-05 10:37", "2026-01-07 08:00, 2026-01-08 08:00"},
		{"8:30, 8:45, 16:30 and 16:45", `{"frequency":"Day","interval":1,"schedule":{"hours":["8","16"],"minutes":["30",45]}}`, "2026-01-05 08:30", "2026-01-05 08:30, 2026-01-05 08:45, 2026-01-05 16:30, 2026-01-05 16:45, 2026-01-06 08:30"},
		{"Saturdays at 5 PM", `{"frequency":"Week","interval":1,"schedule":{"weekDays":["Saturday"],"hours":[17],"minutes":["00"]}}`, "2026-01-05 10:37", "2026-01-10 17:00, 2026-01-17 17:00"},
		{"Saturdays at the time of the start", `{"frequency":"Week","interval":1,"startTime":"2017-09-09T17:00:00Z","schedule":{"weekDays":"saturday"}}`, "2017-09-01 00:00", "2017-09-09 17:00, 2017-09-16 17:00"},
		{"Tuesdays and Thursdays, minute of saving", `{"frequency":"Week","interval":1,"schedule":{"weekDays":["Tuesday","Thursday"],"hours":[17]}}`, "2026-01-06 17:12", "2026-01-06 17:12, 2026-01-08 17:12, 2026-01-13 17:12"},
		{"every other Monday", `{"frequency":"Week","interval":2,"startTime":"2026-01-05T00:00:00Z","schedule":{"weekDays":["Monday"],"hours":[6],"minutes":[0,30]}}`, "2026-01-01 00:00", "2026-01-05 06:00, 2026-01-05 06:30, 2026-01-19 06:00"},
		{"monthly", `{"frequency":"Month","interval":1,"startTime":"2026-01-15T09:30:00Z"}`, "2026-02-20 00:00", "2026-03-15 09:30, 2026-04-15 09:30"},
		{"hourly on one day a month", `{"frequency":"Month","interval":1,"schedule":{"hours":[8,9,10]}}`, "2026-01-05 08:25", "2026-01-05 08:25, 2026-01-05 09:25, 2026-01-05 10:25, 2026-02-05 08:25"},
		// The example of the article on the trigger, whose Z wins over its time zone.
		{"Mondays after a Friday's start", `{"frequency":"Week","interval":1,"startTime":"2020-09-18T08:00:00","timeZone":"Pacific Standard Time","schedule":{"hours":[10,12,14],"minutes":[30],"weekDays":["Monday"]}}`, "2020-09-04 00:00", "2020-09-21 17:30, 2020-09-21 19:30, 2020-09-21 21:30, 2020-09-28 17:30"},
		{"Z and a time zone", `{"frequency":"Week","interval":1,"startTime":"2020-09-07T14:00:00Z","timeZone":"Pacific Standard Time","schedule":{"hours":[10,12,14],"minutes":[30],"weekDays":["Monday"]}}`, "2020-09-04 00:00", "2020-09-07 14:30, 2020-09-14 10:30"},
		{"last day of the month", `{"frequency":"Month","interval":1,"startTime":"2026-01-01T06:00:00Z","schedule":{"monthDays":[-1]}}`, "2026-01-01 00:00", "2026-01-31 06:00, 2026-02-28 06:00, 2026-03-31 06:00"},
		// The examples of the predecessor.
		{"first and last day", `{"frequency":"Month","interval":1,"startTime":"2024-01-20T06:00:00Z","schedule":{"monthDays":[1,-1]}}`, "2024-01-01 00:00", "2024-01-31 06:00, 2024-02-01 06:00, 2024-02-29 06:00"},
		{"only months with 31 days", `{"frequency":"Month","interval":1,"startTime":"2026-01-01T06:00:00Z","schedule":{"monthDays":31}}`, "2026-01-01 00:00", "2026-01-31 06:00, 2026-03-31 06:00, 2026-05-31 06:00"},
		{"first and last Friday", `{"frequency":"Month","interval":1,"startTime":"2026-01-01T00:00:00Z","schedule":{"minutes":[15],"hours":[5],"monthlyOccurrences":[{"day":"friday","occurrence":1},{"dayOfWeek":"Friday","occurrence":-1}]}}`, "2026-01-01 00:00", "2026-01-02 05:15, 2026-01-30 05:15, 2026-02-06 05:15, 2026-02-27 05:15"},
		{"fifth Friday", `{"frequency":"Month","interval":1,"startTime":"2026-01-01T00:00:00Z","schedule":{"monthlyOccurrences":[{"dayOfWeek":"Friday","occurrence":"5"}]}}`, "2026-01-01 00:00", "2026-01-30 00:00, 2026-05-29 00:00"},
		{"third Friday from the end", `{"frequency":"Month","interval":1,"startTime":"2026-01-01T00:00:00Z","schedule":{"monthlyOccurrences":[{"dayOfWeek":"Friday","occurrence":-3}]}}`, "2026-01-01 00:00", "2026-01-16 00:00, 2026-02-13 00:00"},
		{"every Sunday of the month", `{"frequency":"Month","interval":2,"startTime":"2026-01-01T00:00:00Z","schedule":{"monthlyOccurrences":[{"dayOfWeek":"Sunday"}]}}`, "2026-01-20 00:00", "2026-01-25 00:00, 2026-03-01 00:00"},
		// What the project decided.
		{"only days named: at once", `{"frequency":"Month","interval":1,"schedule":{"monthDays":[-1]}}`, "2026-01-05 10:37", "2026-01-05 10:37, 2026-01-31 10:37, 2026-02-28 10:37"},
		{"minutes alone: the hour of the start", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T10:37:00Z","schedule":{"minutes":[15,45]}}`, "2026-01-01 00:00", "2026-01-05 10:45, 2026-01-06 10:15, 2026-01-06 10:45"},
		{"seconds of the start", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T10:37:12.5Z","schedule":{"hours":[10]}}`, "2026-01-01 00:00", "2026-01-05 10:37:12.5, 2026-01-06 10:37:12.5"},
		{"whole minutes where minutes are named", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T10:37:12Z","schedule":{"minutes":[37]}}`, "2026-01-01 00:00", "2026-01-06 10:37"},
		{"Friday the 13th", `{"frequency":"Month","interval":1,"startTime":"2026-01-01T00:00:00Z","schedule":{"monthDays":[13],"monthlyOccurrences":[{"dayOfWeek":"Friday"}]}}`, "2026-01-01 00:00", "2026-02-13 00:00, 2026-03-13 00:00, 2026-11-13 00:00"},
		{"the 31st comes back", `{"frequency":"Month","interval":1,"startTime":"2026-01-31T06:00:00Z"}`, "2026-01-01 00:00", "2026-01-31 06:00, 2026-02-28 06:00, 2026-03-31 06:00"},
		{"the leap day comes back", `{"frequency":"Year","interval":1,"startTime":"2024-02-29T06:00:00Z"}`, "2026-01-01 00:00", "2026-02-28 06:00, 2027-02-28 06:00, 2028-02-29 06:00"},
		{"weeks begin on Sunday", `{"frequency":"Week","interval":2,"startTime":"2026-01-05T00:00:00Z","schedule":{"weekDays":["Sunday","Monday"]}}`, "2026-01-01 00:00", "2026-01-05 00:00, 2026-01-18 00:00, 2026-01-19 00:00"},
		{"a time zone without a start", `{"frequency":"Day","interval":1,"schedule":{"hours":["6"],"minutes":[0]},"timeZone":"Eastern Standard Time"}`, "2026-01-05 10:37", "2026-01-05 11:00, 2026-01-06 11:00"},
		{"an IANA zone", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T06:00:00","timeZone":"America/New_York"}`, "2026-01-01 00:00", "2026-01-05 11:00"},
		{"no zone and no Z", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T06:00:00"}`, "2026-01-01 00:00", "2026-01-05 06:00"},
		{"an empty schedule", `{"frequency":"Hour","interval":1,"startTime":"2026-01-05T06:00Z","timeZone":"","schedule":{"hours":[],"weekDays":null}}`, "2026-01-01 00:00", "2026-01-05 06:00, 2026-01-05 07:00"},
		{"the end counts", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T06:00:00Z","endTime":"2026-01-07T06:00:00Z"}`, "2026-01-01 00:00", "2026-01-05 06:00, 2026-01-06 06:00, 2026-01-07 06:00, none"},
		{"the end is local too", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T06:00:00","endTime":"2026-01-06T05:59:59","timeZone":"Tokyo Standard Time"}`, "2026-01-01 00:00", "2026-01-04 21:00, none"},
		{"over before it was saved", `{"frequency":"Day","interval":1,"endTime":"2026-01-04"}`, "2026-01-05 00:00", "none"},
		{"now is not the past", `{"frequency":"Day","interval":1,"startTime":"2026-01-05T06:00:00Z"}`, "2026-01-07 06:00", "2026-01-07 06:00, 2026-01-08 06:00"},
		// Rules that meet nothing, and years beyond all use.
		{"no 30th of February", `{"frequency":"Month","interval":12,"startTime":"2026-02-01T00:00:00Z","schedule":{"monthDays":[30]}}`, "2026-01-01 00:00", "none"},
		{"no first Monday on the 20th", `{"frequency":"Month","interval":1,"startTime":"2026-02-01T00:00:00Z","schedule":{"monthDays":[20],"monthlyOccurrences":[{"dayOfWeek":"Monday","occurrence":1}]}}`, "2026-01-01 00:00", "none"},
		{"a leap day on a Monday", `{"frequency":"Month","interval":12,"startTime":"2026-02-01T00:00:00Z","schedule":{"monthDays":[29],"monthlyOccurrences":[{"dayOfWeek":"Monday"}]}}`, "2026-01-01 00:00", "2044-02-29 00:00, 2072-02-29 00:00"},
		{"every 500 years", `{"frequency":"Year","interval":500,"startTime":"2000-02-29T00:00:00Z"}`, "2026-01-01 00:00", "2500-02-28 00:00, 3000-02-28 00:00"},
		{"beyond the last year", `{"frequency":"Year","interval":9999999,"startTime":"2000-01-01T00:00:00Z"}`, "2000-01-01 00:00", "2000-01-01 00:00, none"},
		{"beyond the last hour", `{"frequency":"Hour","interval":9999999,"startTime":"9000-01-01T00:00:00Z"}`, "2000-01-01 00:00", "9000-01-01 00:00, none"},
		{"beyond the last week", `{"frequency":"Week","interval":9999999,"startTime":"2000-01-01T00:00:00","timeZone":"Romance Standard Time"}`, "1999-12-01 00:00", "1999-12-31 23:00, none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := strings.Count(c.want, ",") + 1
			if got := show(run(parse(t, c.recurrence), at(t, c.created), n)); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.recurrence, got, c.want)
			}
		})
	}
}

// TestDaylightSaving has the tables of the article on schedules first: the same
// local times of a zone, over the changes of 2019.
func TestDaylightSaving(t *testing.T) {
	for _, c := range []struct{ name, recurrence, created, want string }{
		{"1:30 into summer", `{"frequency":"Day","interval":1,"startTime":"2019-03-09T01:30:00","timeZone":"Central Standard Time"}`, "2019-03-09 00:00", "2019-03-09 07:30, 2019-03-10 07:30, 2019-03-11 06:30"},
		{"2:30 into summer", `{"frequency":"Day","interval":1,"startTime":"2019-03-09T02:30:00","timeZone":"Central Standard Time"}`, "2019-03-09 00:00", "2019-03-09 08:30, 2019-03-10 08:30, 2019-03-11 07:30"},
		{"1:30 into winter", `{"frequency":"Day","interval":1,"startTime":"2019-11-02T01:30:00","timeZone":"Central Standard Time"}`, "2019-11-02 00:00", "2019-11-02 06:30, 2019-11-03 06:30, 2019-11-04 07:30"},
		{"2:30 into winter", `{"frequency":"Day","interval":1,"startTime":"2019-11-02T02:30:00","timeZone":"Central Standard Time"}`, "2019-11-02 00:00", "2019-11-02 07:30, 2019-11-03 08:30, 2019-11-04 08:30"},
		{"without a zone UTC is kept", `{"frequency":"Day","interval":1,"startTime":"2019-03-09T08:30:00Z"}`, "2019-03-09 00:00", "2019-03-09 08:30, 2019-03-10 08:30, 2019-03-11 08:30"},
		{"two marks become one", `{"frequency":"Day","interval":1,"startTime":"2019-03-10T00:00:00","timeZone":"Central Standard Time","schedule":{"hours":[1,2,3,4],"minutes":[30]}}`, "2019-03-01 00:00", "2019-03-10 07:30, 2019-03-10 08:30, 2019-03-10 09:30, 2019-03-11 06:30"},
		{"skipped marks fall between others", `{"frequency":"Day","interval":1,"startTime":"2019-03-10T00:00:00","timeZone":"Central Standard Time","schedule":{"hours":[2,3],"minutes":[10,20]}}`, "2019-03-01 00:00", "2019-03-10 08:10, 2019-03-10 08:20, 2019-03-11 07:10"},
		{"a skipped mark after a shown one", `{"frequency":"Week","interval":1,"startTime":"2019-03-10T00:00:00","timeZone":"Central Standard Time","schedule":{"weekDays":["Sunday"],"hours":[2,3],"minutes":[0,30]}}`, "2019-03-01 00:00", "2019-03-10 08:00, 2019-03-10 08:30, 2019-03-17 07:00"},
		{"each quarter of the doubled hour once", `{"frequency":"Day","interval":1,"startTime":"2019-11-03T01:00:00","timeZone":"Central Standard Time","schedule":{"hours":[1,2],"minutes":[0,45]}}`, "2019-11-01 00:00", "2019-11-03 06:00, 2019-11-03 06:45, 2019-11-03 08:00, 2019-11-03 08:45, 2019-11-04 07:00"},
		{"hours are hours", `{"frequency":"Hour","interval":1,"startTime":"2019-11-03T00:00:00","timeZone":"Central Standard Time"}`, "2019-11-01 00:00", "2019-11-03 05:00, 2019-11-03 06:00, 2019-11-03 07:00, 2019-11-03 08:00"},
		{"24 hours are no day", `{"frequency":"Hour","interval":24,"startTime":"2019-11-02T01:30:00","timeZone":"Central Standard Time"}`, "2019-11-01 00:00", "2019-11-02 06:30, 2019-11-03 06:30, 2019-11-04 06:30"},
		{"a start that the clocks skip", `{"frequency":"Day","interval":1,"startTime":"2019-03-10T02:30:00","timeZone":"Central Standard Time"}`, "2019-03-01 00:00", "2019-03-10 08:30, 2019-03-11 07:30"},
		{"a start in the doubled hour", `{"frequency":"Day","interval":1,"startTime":"2019-11-03T01:30:00","timeZone":"Central Standard Time"}`, "2019-11-01 00:00", "2019-11-03 06:30, 2019-11-04 07:30"},
		{"no start: the local time is kept", `{"frequency":"Day","interval":1,"timeZone":"Central Standard Time"}`, "2019-11-02 06:30", "2019-11-02 06:30, 2019-11-03 06:30, 2019-11-04 07:30"},
		{"half an hour, Lord Howe", `{"frequency":"Day","interval":1,"startTime":"2026-10-03T02:15:00","timeZone":"Lord Howe Standard Time"}`, "2026-10-01 00:00", "2026-10-02 15:45, 2026-10-03 15:45, 2026-10-04 15:15"},
		{"midnight that is skipped", `{"frequency":"Day","interval":1,"startTime":"2018-11-03T00:00:00","timeZone":"America/Sao_Paulo"}`, "2018-11-01 00:00", "2018-11-03 03:00, 2018-11-04 03:00, 2018-11-05 02:00"},
		{"a day that is skipped", `{"frequency":"Day","interval":1,"startTime":"2011-12-28T12:00:00","timeZone":"Pacific/Apia"}`, "2011-12-01 00:00", "2011-12-28 22:00, 2011-12-29 22:00, 2011-12-30 22:00, 2011-12-31 22:00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := strings.Count(c.want, ",") + 1
			if got := show(run(parse(t, c.recurrence), at(t, c.created), n)); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.recurrence, got, c.want)
			}
		})
	}
}

func TestDrift(t *testing.T) {
	created, late := at(t, "2026-01-05 10:07:09"), at(t, "2026-01-05 10:22:40")
	s := parse(t, `{"frequency":"Minute","interval":15}`)
	if got, want := s.Next(late), late.Add(15*time.Minute); !got.Equal(want) {
		t.Errorf("without a start: %s, want %s", got, want)
	}
	if got := show(run(s.From(created), created, 3)); got != "2026-01-05 10:07:09, 2026-01-05 10:22:09, 2026-01-05 10:37:09" {
		t.Errorf("from the creation: %s", got)
	}
	if got := show([]time.Time{s.From(created).Next(late)}); got != "2026-01-05 10:37:09" {
		t.Errorf("from the creation, late: %s", got)
	}
	dated := parse(t, `{"frequency":"Month","interval":1}`).From(at(t, "2026-01-31 10:00"))
	if got := show([]time.Time{dated.Next(at(t, "2026-02-28 10:00"))}); got != "2026-03-31 10:00" {
		t.Errorf("the day of the creation: %s", got)
	}
	given := parse(t, `{"frequency":"Minute","interval":15,"startTime":"2026-01-05T10:00:00Z"}`)
	if given.From(created) != given {
		t.Error("a startTime gives way to the creation")
	}
	for _, missed := range []string{"2026-03-01 00:00:01", "2026-03-01 00:14:59"} {
		if got := show([]time.Time{given.Next(at(t, missed))}); got != "2026-03-01 00:15" {
			t.Errorf("after an outage: %s", got)
		}
	}
}

func TestLimitsThatNeedThePresent(t *testing.T) {
	s := parse(t, `{"frequency":"Day","interval":1,"startTime":"2075-06-01T00:00:00Z","count":"3"}`)
	if n, limited := s.Count(); n != 3 || !limited {
		t.Errorf("count: %d %v", n, limited)
	}
	if s.StartsTooFarAhead(at(t, "2026-06-01 00:00")) || !s.StartsTooFarAhead(at(t, "2026-05-31 23:59")) {
		t.Error("a start may lie 49 years ahead")
	}
	if _, limited := parse(t, `{"frequency":"Day","interval":1}`).Count(); limited {
		t.Error("there is no count")
	}
}

func TestTimesThatDotNetDoesNotHave(t *testing.T) {
	for _, text := range []string{`{"frequency":"Day","interval":1,"startTime":"2026-01-05T10:00:00Z"}`, `{"frequency":"Second","interval":1}`, `{"frequency":"Week","interval":3,"timeZone":"Romance Standard Time","schedule":{"hours":[1]}}`} {
		s := parse(t, text)
		for _, year := range []int{-100_000, 0, 1, 9999, 10_000, 1_000_000} {
			when := time.Date(year, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
			if got := s.Next(when); year >= 9999 && !got.IsZero() {
				t.Errorf("%s: after the year %d comes %s", text, year, got)
			}
			s.First(when)
		}
	}
}
