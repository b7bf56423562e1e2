package main

import (
	"strings"
	"testing"
	"time"
)

// hour is samples of an hour that are steady but for noise, and for what change does.
func hour(change func(i int, s *sample)) []sample {
	list := make([]sample, 60)
	for i := range list {
		noise := float64(i%7) / 7
		list[i] = sample{at: time.Duration(i) * time.Minute, anonymous: 30e6 + 3e6*noise, file: 200e6, goroutines: 150 + 20*noise, files: 40 + 5*noise}
		if change != nil {
			change(i, &list[i])
		}
	}
	return list
}

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		change func(i int, s *sample)
		want   string // what is said to grow
	}{
		"steady":                      {nil, ""},
		"memory leaks":                {func(i int, s *sample) { s.anonymous += float64(i) * 500e3 }, "anonymous memory"},
		"a collector that saws":       {func(i int, s *sample) { s.anonymous += float64(i%10) * 2e6 }, ""},
		"one high sample at the end":  {func(i int, s *sample) { s.anonymous += float64(i/59) * 40e6 }, ""},
		"the store grows":             {func(i int, s *sample) { s.file += float64(i/6) * 17e6 }, "the file of the store"},
		"the store grows by one step": {func(i int, s *sample) { s.file += float64(i/40) * 17e6 }, ""},
		"goroutines are left":         {func(i int, s *sample) { s.goroutines += float64(i) * 3 }, "goroutines"},
		"connections stay open":       {func(i int, s *sample) { s.files += float64(i) }, "open files"},
		"runs gather":                 {func(i int, s *sample) { s.begun += float64(i) * 20 }, "runs under way"},
		"it shrinks":                  {func(i int, s *sample) { s.goroutines -= float64(i); s.file -= float64(i) * 1e6 }, ""},
	} {
		told, err := judge(hour(c.change))
		switch {
		case len(told) != len(limits):
			t.Errorf("%s: %v", name, told)
		case err == nil && c.want != "", err != nil && (c.want == "" || !strings.HasPrefix(err.Error(), c.want+" grew by") || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := judge(hour(nil)[:10]); err == nil {
		t.Error("ten samples are enough to tell")
	}
}

func TestReport(t *testing.T) {
	o := options{minutes: 60, rate: 10, retention: 6 * time.Minute}
	fine := kept{runs: 1000, oldest: 7 * time.Minute, used: 5e6, rows: 7000, left: 100}
	for name, c := range map[string]struct {
		load  *loaded
		begun float64
		kept  kept
		want  string
	}{
		"all is well":         {&loaded{}, 1010, fine, ""},
		"calls fail":          {&loaded{failed: 2, first: http500{}}, 1000, fine, "2 calls failed: 500"},
		"runs are left over":  {&loaded{}, 1100, fine, "1100 runs begun, 1000 finished"},
		"retention is asleep": {&loaded{}, 1000, kept{runs: 1000, oldest: time.Hour, used: 5e6}, "a run is kept for 1h0m0s"},
		"rows stay":           {&loaded{}, 1000, kept{runs: 1000, rows: 7000, left: 1000}, "1000 of 7000 rows are of runs that are gone"},
		"nothing is kept":     {&loaded{}, 1000, kept{}, "0 kept"},
	} {
		err := report(o, hour(func(_ int, s *sample) { s.begun, s.finished = c.begun, 1000 }), c.load, c.kept)
		if err == nil && c.want != "" || err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type http500 struct{}

func (http500) Error() string { return "500" }
