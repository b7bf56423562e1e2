package engine_test

import (
	"fmt"
	"testing"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
)

// TestSweepCostsWhatWasPromised: what is paid for each minute, whether or not there are runs.
func TestSweepCostsWhatWasPromised(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		counter := storetest.NewCounter(open())
		l := newLife(t, counter, nil)
		if _, err := l.Sweep(t.Context()); err != nil { // of what other tests have left here
			t.Fatal(err)
		}
		before := counter.Counts()["Range"]
		const workflows = 10
		for i := range workflows {
			l.workflow(t, fmt.Sprintf("swept-%d", i), quick)
		}
		counter.Counts()
		if _, err := l.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := counter.Counts()
		if n["Range"]-before > workflows || len(n) > 1 {
			t.Errorf("a sweep over %d workflows more costs %v, instead of %d ranges", workflows, n, before)
		}
	})
}
