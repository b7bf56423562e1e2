package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/store/local"
)

// BenchmarkRun measures whole runs of the sample on the embedded store, each with
// two outgoing calls that answer at once: three commits with fsync.
func BenchmarkRun(b *testing.B) {
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			backend, err := local.Open(filepath.Join(b.TempDir(), "store.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer backend.Close()
			e := newEngine(b, backend, &world{}, nil, 0)
			defer closeEngine(e)
			w, problems, err := e.Save(context.Background(), sample(b))
			if err != nil || w == nil {
				b.Fatal(problems, err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			work := make(chan struct{})
			var group sync.WaitGroup
			for range callers {
				group.Go(func() {
					for range work {
						running, err := e.Start(context.Background(), w, trigger())
						if err != nil {
							b.Error(err)
							continue
						}
						if st, err := running.Wait(context.Background()); err != nil || st.Status != definition.Succeeded {
							b.Error(st.Status, err)
						}
					}
				})
			}
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "runs/s")
		})
	}
}
