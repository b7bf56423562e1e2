package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store/local"
)

// BenchmarkRun measures whole runs of the sample on the embedded store, each with
// two outgoing calls that answer at once: three commits with fsync.
func BenchmarkRun(b *testing.B) { benchmarkRuns(b, sample(b)) }

// BenchmarkCall measures request, HTTP call, Compose and Response: two commits.
func BenchmarkCall(b *testing.B) {
	benchmarkRuns(b, workflow(b, "call", `{"triggers": {"manual": {"type": "Request"}}, "actions": {
		"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "https://x.example/users/@{triggerBody()['userid']}", "body": "@triggerBody()"}},
		"Shape": {"type": "Compose", "inputs": {"name": "@body('Call')['displayName']", "of": "@triggerBody()['userid']"}, "runAfter": {"Call": ["Succeeded"]}},
		"R": {"type": "Response", "kind": "Http", "inputs": {"statusCode": 200, "body": "@outputs('Shape')"}, "runAfter": {"Shape": ["Succeeded"]}}}}`))
}

func benchmarkRuns(b *testing.B, r *engine.Resource) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			backend, err := local.Open(filepath.Join(b.TempDir(), "store.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer backend.Close()
			e := newEngine(b, backend, &world{}, nil, 0)
			defer closeEngine(e)
			w := save(b, e, r)
			b.ReportAllocs()
			b.ResetTimer()
			work := make(chan int)
			times := make([]time.Duration, b.N)
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for i := range work {
						began := time.Now()
						running, err := e.Start(context.Background(), w, trigger())
						if err != nil {
							b.Error(err)
							continue
						}
						if record, err := e.Response(context.Background(), running); err != nil || record == nil {
							b.Error("no answer", err)
						}
						times[i] = time.Since(began)
						if st, err := running.Wait(context.Background()); err != nil || st.Status != definition.Succeeded {
							b.Error(st.Status, err)
						}
					}
				})
			}
			for i := range b.N {
				work <- i
			}
			close(work)
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
			reportTimes(b, times)
		})
	}
}

// reportTimes reports the median and the 99th percentile.
func reportTimes(b *testing.B, times []time.Duration) {
	slices.Sort(times)
	for name, share := range map[string]int{"p50-µs": 50, "p99-µs": 99} {
		b.ReportMetric(float64(times[len(times)*share/100].Microseconds()), name)
	}
}
