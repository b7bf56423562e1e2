package handlers_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers"
)

// TestScale lets three instances on one storage account work on runs of every shape,
// kills one after a third of them, and adds one after two thirds. Then all runs have
// ended as they should; each call was made, and again only where the killed process may
// have made it; no two processes made calls of a run at once; and each process did a
// fair part.
//
// LATCHWORK_SCALE_RUNS is how many runs there are (make scale: 2000).
func TestScale(t *testing.T) {
	t.Parallel()
	runs := int(setting(t, "LATCHWORK_SCALE_RUNS", 150))
	f, c := scaled(t)
	want := c.reference()
	began := time.Now()
	alive := &lifeline{}
	alive.open()
	work := make(chan int)
	var callers sync.WaitGroup
	for range 24 {
		callers.Go(func() {
			for i := range work {
				c.call(alive, shapes[i%len(shapes)], fmt.Sprintf("r%06d", i))
			}
		})
	}
	killed := ""
	for i := range runs {
		switch i {
		case runs / 3:
			killed = f.kill()
		case 2 * runs / 3:
			f.add()
		}
		work <- i
	}
	close(work)
	callers.Wait()
	t.Logf("%d runs were begun within %s", runs, time.Since(began).Round(time.Millisecond))
	c.settle()
	t.Logf("all were over after %s", time.Since(began).Round(time.Millisecond))
	c.verify(want, runs)
	f.repeatsAreOf(c.up, killed)
	f.shares(killed)
	f.logs(killed)
}

// scaled is three instances of the packaged app, and what calls them.
func scaled(t *testing.T) (*fleet, crash) {
	t.Helper()
	dist := t.TempDir() + "/dist"
	if code := handlers.Main([]string{"package", "--out", dist}); code != 0 {
		t.Fatal("package failed")
	}
	up := newUpstream(t)
	s := crashSite(t, dist, up)
	s.env["LATCHWORK_LEASE"] = "8s" // on a machine this busy nobody may seem dead who is not
	f := newFleet(t, s, up, 3)
	return f, crash{t: t, v: f.victim(), up: up}
}

// repeatsAreOf: a call is made again only if the process that was killed may have made
// it. Attempts that a retry policy asked for are no repeats.
func (f *fleet) repeatsAreOf(up *upstream, killed string) {
	f.t.Helper()
	f.presence.mu.Lock()
	defer f.presence.mu.Unlock()
	for _, fault := range f.presence.faults {
		f.t.Error(fault)
	}
	up.mu.Lock()
	defer up.mu.Unlock()
	for key, makers := range f.presence.makers {
		call := up.calls[key]
		if call == nil {
			continue // cut off by the kill before it was read
		}
		if len(makers) > max(call.attempts, 1) && !slices.Contains(makers, killed) {
			f.t.Errorf("%s was made by %v in %d attempts", key, makers, call.attempts)
		}
	}
}

// shares: nobody starves, and nobody does it all.
func (f *fleet) shares(killed string) {
	f.t.Helper()
	f.presence.mu.Lock()
	defer f.presence.mu.Unlock()
	for what, calls := range map[string]map[string]int{"calls": f.presence.calls, "calls of runs that go by queue": f.presence.queued} {
		total := 0
		for _, n := range calls {
			total += n
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(calls)) {
			parts = append(parts, fmt.Sprintf("%s %d (%d %%)", name, calls[name], 100*calls[name]/total))
		}
		f.t.Logf("%s: %s; %q was killed, the last was added", what, strings.Join(parts, ", "), killed)
		for i := range f.started {
			name, least := string(rune('A'+i)), total/12
			switch {
			case name == killed && what != "calls":
				continue // on a slow machine these come later
			case name == killed || i >= 3:
				least = 0 // they were there for a third of the time
			}
			if calls[name] <= least {
				f.t.Errorf("%s made %d of %d %s", name, calls[name], total, what)
			}
		}
	}
}

// logs: nothing that needs somebody's attention happened in a process that lived on.
func (f *fleet) logs(killed string) {
	f.t.Helper()
	for i := range f.started {
		name := string(rune('A' + i))
		data, err := os.ReadFile(filepath.Join(f.site.data, name+".log"))
		if err != nil {
			f.t.Fatal(err)
		}
		if len(data) > 0 && name != killed {
			f.t.Errorf("%s logged errors:\n%.3000s", name, data)
		}
	}
}
