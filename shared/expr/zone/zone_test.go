package zone_test

import (
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/expr/zone"
)

func TestLookup(t *testing.T) {
	summer := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for id, want := range map[string]string{
		"UTC": "12:00", "utc": "12:00", "W. Europe Standard Time": "14:00", "w. europe standard time": "14:00",
		"Europe/Berlin": "14:00", "europe/berlin": "14:00", "India Standard Time": "17:30", "UTC-11": "01:00", "Lord Howe Standard Time": "22:30",
	} {
		location, ok := zone.Lookup(id)
		if !ok {
			t.Errorf("%s is not found", id)
			continue
		}
		if got := summer.In(location).Format("15:04"); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
	for _, id := range []string{"", "Nowhere Standard Time", "Europe", "../etc", "Zulu2", "\t"} {
		if _, ok := zone.Lookup(id); ok {
			t.Errorf("%q is found", id)
		}
	}
}

func FuzzLookup(f *testing.F) {
	f.Add("UTC")
	f.Add("Europe/Berlin")
	f.Add("Dateline Standard Time")
	f.Fuzz(func(_ *testing.T, id string) { zone.Lookup(id) })
}

func BenchmarkLookup(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		zone.Lookup("W. Europe Standard Time")
	}
}
