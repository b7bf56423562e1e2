package engine_test

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store/local"
)

// BenchmarkWaiting measures 10,000 runs that wait for a day: what it takes to begin
// one, what memory they hold, and what a sweep over all of them takes.
func BenchmarkWaiting(b *testing.B) {
	const runs = 10_000
	backend, err := local.Open(filepath.Join(b.TempDir(), "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Close()
	e := newEngine(b, backend, &world{}, nil, 0)
	defer closeEngine(e)
	w := save(b, e, workflow(b, "waiting", `{"triggers": {"manual": {"type": "Request"}}, "actions": {
		"W": {"type": "Wait", "inputs": {"interval": {"count": 1, "unit": "Day"}}},
		"R": {"type": "Response", "kind": "Http", "inputs": {"statusCode": 200}, "runAfter": {"W": ["Succeeded"]}}}}`))
	before, began := heap(), time.Now()
	slots := make(chan struct{}, 64)
	for range runs {
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			running, err := e.Start(context.Background(), w, trigger())
			if err != nil {
				b.Error(err)
				return
			}
			if _, err := running.Wait(context.Background()); err != nil {
				b.Error(err)
			}
		}()
	}
	for range cap(slots) {
		slots <- struct{}{}
	}
	create, held := time.Since(began), int64(heap())-int64(before)
	b.ResetTimer()
	for range b.N {
		rung, err := e.Sweep(context.Background())
		if err != nil || rung != 0 {
			b.Fatal(rung, err)
		}
	}
	b.ReportMetric(float64(create.Microseconds())/runs, "µs/run-begun")
	b.ReportMetric(float64(held)/runs, "B/run-held")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
