package host_test

import (
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
)

func TestParseSchedule(t *testing.T) {
	for _, s := range []string{
		"* * * * * *", "0 * * * *", "0 */5 * * * *", "0 0 9-17/2 * * *", "0 0 0 * JAN MON-FRI", "0  0\t0 1 1 0",
		"0,15,30,45 0 0 1,15 * *", "5/15 * * * * *", "0 0 0 31 2 *", "0 0 0 * * 5-1", "0 0 0 * january sunday", "59 59 23 31 12 6",
		"0 0 0 * Janu-sept mond", "0 0 0 */9223372036854775807 * *", "*/9223372036854775807 * * * * 0/9223372036854775806",
	} {
		if _, err := host.ParseSchedule(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "*", "* * * *", "* * * * * * *", "@hourly", "0 0 0 L * *", "0 0 0 ? * *", "0 0 0 * * 7", "60 * * * * *", "0 60 * * * *",
		"0 0 24 * * *", "0 0 0 0 * *", "0 0 0 32 * *", "0 0 0 * 0 *", "0 0 0 * 13 *", "0 0 0 * * -1", "*/0 * * * * *", "*/-1 * * * * *",
		"*/x * * * * *", "1- * * * * *", "-1 * * * * *", ", * * * * *", "1,,2 * * * * *", "1-2-3 * * * * *", "*-5 * * * * *",
		"0 0 0 * foo *", "0 0 0 * * ja", "00:05:00",
		"0 0 0 * janx *", "0 0 0 * januaryx *", "0 0 0 * * monkey", "0 0 0 * * monday-frida1", "*/9223372036854775808 * * * * *",
	} {
		if _, err := host.ParseSchedule(s); err == nil {
			t.Errorf("%q was read", s)
		}
	}
}

func TestNext(t *testing.T) {
	const day = "2006-01-02 15:04:05 Mon"
	for _, c := range []struct{ schedule, after, want string }{
		{"* * * * * *", "2026-03-14 11:59:59 Sat", "2026-03-14 12:00:00 Sat"},
		{"0 * * * * *", "2026-03-14 12:00:00 Sat", "2026-03-14 12:01:00 Sat"}, // after, not at
		{"0 * * * * *", "2026-03-14 11:59:59 Sat", "2026-03-14 12:00:00 Sat"},
		{"* * * * *", "2026-03-14 12:00:30 Sat", "2026-03-14 12:01:00 Sat"}, // five fields
		{"0 */5 * * * *", "2026-03-14 12:03:00 Sat", "2026-03-14 12:05:00 Sat"},
		{"0 */5 * * * *", "2026-03-14 12:55:00 Sat", "2026-03-14 13:00:00 Sat"},
		{"0 */7 * * * *", "2026-03-14 12:56:00 Sat", "2026-03-14 13:00:00 Sat"}, // steps begin anew
		{"5/20 * * * * *", "2026-03-14 12:00:45 Sat", "2026-03-14 12:01:05 Sat"},
		{"30 15 10 * * *", "2026-03-14 10:15:30 Sat", "2026-03-15 10:15:30 Sun"},
		{"0 0 9-17/2 * * *", "2026-03-14 09:00:00 Sat", "2026-03-14 11:00:00 Sat"},
		{"0 0 9-17/2 * * *", "2026-03-14 17:00:00 Sat", "2026-03-15 09:00:00 Sun"},
		{"0 30 9 * * MON-FRI", "2026-03-13 09:30:00 Fri", "2026-03-16 09:30:00 Mon"},
		{"0 30 9 * * Mon,wed", "2026-03-16 09:30:00 Mon", "2026-03-18 09:30:00 Wed"},
		{"0 0 0 * * 0", "2026-03-14 12:00:00 Sat", "2026-03-15 00:00:00 Sun"},
		{"0 0 0 * * 5-1", "2026-03-14 12:00:00 Sat", "2026-03-16 00:00:00 Mon"}, // the host reads 5-1 as 1-5
		{"0 0 0 1 * 1", "2026-03-14 12:00:00 Sat", "2026-06-01 00:00:00 Mon"},   // both must match
		{"0 0 0 31 * *", "2026-03-31 00:00:00 Tue", "2026-05-31 00:00:00 Sun"},
		{"0 0 0 29 2 *", "2026-03-14 12:00:00 Sat", "2028-02-29 00:00:00 Tue"},
		{"0 0 0 29 2 *", "2096-02-29 00:00:00 Wed", "2104-02-29 00:00:00 Fri"}, // 2100 has no such day
		{"0 0 0 1 JAN *", "2026-01-01 00:00:00 Thu", "2027-01-01 00:00:00 Fri"},
		{"59 59 23 31 12 *", "2026-12-31 23:59:58 Thu", "2026-12-31 23:59:59 Thu"},
		{"0 0 0 29 2 4", "2024-03-01 00:00:00 Fri", "2052-02-29 00:00:00 Thu"},
		{"0 0 0 29 2 1", "2072-03-01 00:00:00 Tue", "2112-02-29 00:00:00 Mon"}, // 2100 has no such day
		{"0 0 0 */40 * *", "2026-03-14 12:00:00 Sat", "2026-04-01 00:00:00 Wed"},
		{"0 0 0 */9223372036854775807 * *", "2026-03-14 12:00:00 Sat", "2026-04-01 00:00:00 Wed"},
		{"50/9223372036854775807 * * * * *", "2026-03-14 12:00:50 Sat", "2026-03-14 12:01:50 Sat"},
		{"0 0 0 31 2 *", "2026-03-14 12:00:00 Sat", ""}, // never
	} {
		after, err := time.Parse(day, c.after)
		if err != nil {
			t.Fatal(err)
		}
		s, err := host.ParseSchedule(c.schedule)
		if err != nil {
			t.Errorf("%q: %v", c.schedule, err)
			continue
		}
		got := s.Next(after)
		if c.want == "" && !got.IsZero() || c.want != "" && got.Format(day) != c.want {
			t.Errorf("%q after %s: %s, want %s", c.schedule, c.after, got.Format(day), c.want)
		}
	}
}

// Schedules are in UTC, whatever zone and fraction the time comes with.
func TestNextIsUTC(t *testing.T) {
	s, err := host.ParseSchedule("0 0 0 * * *")
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2026, 3, 15, 0, 0, 0, 0, time.UTC)
	for _, after := range []time.Time{
		time.Date(2026, 3, 15, 1, 30, 0, 0, time.FixedZone("east", 2*3600)),
		time.Date(2026, 3, 14, 23, 59, 59, 999_999_999, time.UTC),
	} {
		if got := s.Next(after); got != want {
			t.Errorf("after %s: %s", after, got)
		}
	}
}
