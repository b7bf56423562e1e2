package engine_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/store/local"
)

// BenchmarkForeachPure measures a Foreach of pure items on the embedded store, with
// the history of each.
func BenchmarkForeachPure(b *testing.B) {
	for _, items := range []int{1000, 10000} {
		b.Run(fmt.Sprintf("items=%d", items), func(b *testing.B) {
			backend, err := local.Open(filepath.Join(b.TempDir(), "store.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer backend.Close()
			e := newEngine(b, backend, &world{}, nil, 0)
			defer closeEngine(e)
			w := save(b, e, workflow(b, "pure", fmt.Sprintf(`{"triggers": {"manual": {"type": "Request"}}, "actions": {
				"Each": {"type": "Foreach", "foreach": "@range(1,%d)", "actions": {"C": {"type": "Compose", "inputs": {"n": "@item()", "twice": "@mul(item(), 2)"}}}},
				"R": {"type": "Response", "inputs": {"statusCode": 200}, "runAfter": {"Each": ["Succeeded"]}}}}`, items)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				running, err := e.Start(context.Background(), w, trigger())
				if err != nil {
					b.Fatal(err)
				}
				if st, err := running.Wait(context.Background()); err != nil || st.Status != definition.Succeeded {
					b.Fatal(st.Status, err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*items), "µs/item")
		})
	}
}
