package dotnet_test

import (
	"errors"
	"math"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
)

func TestAddUnits(t *testing.T) {
	for _, c := range []struct {
		time string
		n    int64
		unit string
		want string // empty: out of range
	}{
		{"2026-01-31T10:30:00.1234567Z", 1, "month", "2026-02-28T10:30:00.1234567Z"},
		{"2024-01-31T00:00:00", 1, "month", "2024-02-29T00:00:00.0000000"},
		{"2024-03-31T00:00:00", -1, "month", "2024-02-29T00:00:00.0000000"},
		{"2026-05-31T00:00:00", 1, "month", "2026-06-30T00:00:00.0000000"},
		{"2026-10-31T00:00:00", 16, "month", "2028-02-29T00:00:00.0000000"},
		{"2026-01-15T00:00:00", -1, "month", "2025-12-15T00:00:00.0000000"},
		{"2026-01-15T00:00:00", -13, "month", "2024-12-15T00:00:00.0000000"},
		{"2024-02-29T12:00:00Z", 1, "year", "2025-02-28T12:00:00.0000000Z"},
		{"2024-02-29T12:00:00Z", 4, "year", "2028-02-29T12:00:00.0000000Z"},
		{"2024-02-29T12:00:00Z", -24, "year", "2000-02-29T12:00:00.0000000Z"},
		{"2000-02-29T12:00:00Z", 100, "year", "2100-02-28T12:00:00.0000000Z"},
		{"2026-12-31T23:59:59Z", 1, "second", "2027-01-01T00:00:00.0000000Z"},
		{"2026-12-31T23:59:59Z", 61, "minute", "2027-01-01T01:00:59.0000000Z"},
		{"2026-12-31T23:59:59Z", -24, "hour", "2026-12-30T23:59:59.0000000Z"},
		{"2024-02-28T00:00:00", 1, "day", "2024-02-29T00:00:00.0000000"},
		{"2026-01-01T00:00:00", 2, "week", "2026-01-15T00:00:00.0000000"},
		{"2026-01-01T00:00:00+00:00", 0, "week", "2026-01-01T00:00:00.0000000+00:00"},
		{"9999-12-31T23:59:59.9999999", 0, "second", "9999-12-31T23:59:59.9999999"},
		{"9999-12-31T23:59:59", 1, "second", ""},
		{"9999-12-01T00:00:00", 1, "month", ""},
		{"9999-01-01T00:00:00", 1, "year", ""},
		{"0001-01-01T00:00:00", -1, "second", ""},
		{"0001-01-01T00:00:00", -1, "month", ""},
		{"0001-01-01T00:00:00", 9998, "year", "9999-01-01T00:00:00.0000000"},
		{"2026-01-01T00:00:00", math.MaxInt64, "second", ""},
		{"2026-01-01T00:00:00", math.MinInt64, "second", ""},
		{"2026-01-01T00:00:00", math.MaxInt64, "week", ""},
		{"2026-01-01T00:00:00", math.MinInt64, "year", ""},
		{"2026-01-01T00:00:00", math.MaxInt64, "month", ""},
		{"2026-01-01T00:00:00", 1, "fortnight", ""},
	} {
		got, err := moment(t, c.time).AddUnits(c.n, c.unit)
		switch {
		case c.want == "":
			if !errors.Is(err, dotnet.ErrRange) {
				t.Errorf("%s + %d %s: got %v, %v", c.time, c.n, c.unit, got, err)
			}
		case err != nil || format(got, "o", culture.EnUS()) != c.want:
			t.Errorf("%s + %d %s: got %s, %v", c.time, c.n, c.unit, format(got, "o", culture.EnUS()), err)
		}
	}
	for _, unit := range []string{"second", "minute", "hour", "day", "week", "month", "year"} {
		if !dotnet.IsUnit(unit) {
			t.Errorf("%s is no unit", unit)
		}
	}
	for _, unit := range []string{"Second", "days", "millisecond", ""} {
		if dotnet.IsUnit(unit) {
			t.Errorf("%s is a unit", unit)
		}
	}
}

func TestTicks(t *testing.T) {
	for text, want := range map[string]int64{
		"0001-01-01": 0, "0001-01-01T00:00:00.0000001": 1, "1970-01-01T00:00:00Z": 621355968000000000,
		"2026-01-01": 639028224000000000, "9999-12-31T23:59:59.9999999": 3155378975999999999,
	} {
		if got := moment(t, text); got.Ticks != want {
			t.Errorf("%s: got %d, want %d", text, got.Ticks, want)
		}
	}
}

func TestFromTime(t *testing.T) {
	at := time.Date(2026, 3, 5, 14, 7, 9, 123456789, time.FixedZone("", 3600))
	got := dotnet.FromTime(at)
	if want := (dotnet.Time{Ticks: 639083128291234567, Kind: dotnet.UTC}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if clock := got.Clock(); !clock.Equal(time.Date(2026, 3, 5, 13, 7, 9, 123456700, time.UTC)) {
		t.Errorf("clock: got %v", clock)
	}
	before := dotnet.FromTime(time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC))
	if s := format(before, "o", culture.EnUS()); s != "1969-12-31T23:59:59.9999999Z" {
		t.Errorf("before 1970: got %s", s)
	}
}
