package handlers_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers"
)

// TestCrash kills the binary (SIGKILL) again and again while it serves runs of every
// shape: at random instants, when a call goes out, and on Azure before and after a
// commit takes effect. Then every run has the records of a run that nobody
// disturbed, and each call was made at least once, its repeats with the same
// tracking id and the same bytes.
//
// LATCHWORK_CRASH_RUNS is how many runs there are on each store (make crash: 1000),
// LATCHWORK_CRASH_SEED repeats the choices of an earlier test.
func TestCrash(t *testing.T) {
	dist := t.TempDir() + "/dist"
	if code := handlers.Main([]string{"package", "--out", dist}); code != 0 {
		t.Fatal("package failed")
	}
	for name, c := range map[string]struct {
		runs int
		open func(*testing.T, site) *victim
	}{"local": {150, localVictim}, "azure": {60, azureVictim}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := uint64(setting(t, "LATCHWORK_CRASH_SEED", time.Now().UnixNano()))
			runs := int(setting(t, "LATCHWORK_CRASH_RUNS", int64(c.runs)))
			t.Logf("repeat with LATCHWORK_CRASH_SEED=%d LATCHWORK_CRASH_RUNS=%d", seed, runs)
			up := newUpstream(t)
			crash{t: t, v: c.open(t, crashSite(t, dist, up)), up: up, rand: rand.New(rand.NewPCG(seed, 1))}.run(runs)
		})
	}
}

func setting(t *testing.T, name string, fallback int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return fallback
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// victim is the binary on some store.
type victim struct {
	start func()
	kill  func() // at once; it may be dead already
	stop  func() // for good, with the store written to its files
	url   func(workflow string) string
	// look reads the store while the binary may be dead or alive. Runs that are due
	// are rung for as the timer would do.
	look func(read func(*reader))
	// sweep fires the timer that finds what nobody rings for, without waiting for it.
	sweep func()
	base  string // address
	// commit lets the victim die at its n-th commit from now, before or after it takes
	// effect; nil where commits cannot be told apart from outside.
	commit func(n int, after bool, die func())
}

// crash is one test: runs that begin in rounds, and a kill in each.
type crash struct {
	t    *testing.T
	v    *victim
	up   *upstream
	rand *rand.Rand
}

const runsARound = 15

func (c crash) run(runs int) {
	began := time.Now()
	c.v.start()
	want := c.reference()
	c.t.Logf("undisturbed runs took %s", time.Since(began))
	var callers sync.WaitGroup
	alive := &lifeline{}
	alive.open()
	for begun := 0; begun < runs; begun += runsARound {
		for i := begun; i < min(begun+runsARound, runs); i++ {
			callers.Go(func() { c.call(alive, shapes[i%len(shapes)], fmt.Sprintf("r%06d", i)) })
		}
		c.strike()
		alive.close()
		c.v.kill()
		c.v.start()
		alive.open()
	}
	callers.Wait()
	c.t.Logf("killed for the last time after %s", time.Since(began))
	c.settle()
	c.t.Logf("all over after %s", time.Since(began))
	c.verify(want, runs)
}

// verify: all runs that were asked for are there, each as if nobody had disturbed it, and each
// call that was made belongs to one.
func (c crash) verify(want map[string]string, runs int) {
	c.t.Helper()
	c.v.look(func(r *reader) {
		seen, times := map[string]bool{}, map[string]int{}
		for _, got := range r.runs() {
			seen[got.id] = true
			times[got.workflow]++
			if got.text != want[got.workflow] {
				c.t.Errorf("%s %s:\n got %s\nwant %s", got.workflow, got.id, got.text, want[got.workflow])
			}
			c.up.check(c.t, got)
		}
		if times["callee"] != times["nested"] {
			c.t.Errorf("%d runs called %d others", times["nested"], times["callee"])
		}
		for i := range runs {
			if id := fmt.Sprintf("r%06d", i); !seen[id] {
				c.t.Errorf("the run of %s is lost", id)
			}
		}
	})
	c.up.checkAll(c.t)
}

// reference runs each shape undisturbed.
func (c crash) reference() map[string]string {
	alive := &lifeline{}
	alive.open()
	var callers sync.WaitGroup
	for i, shape := range shapes {
		callers.Go(func() { c.call(alive, shape, fmt.Sprintf("x%06d", i)) })
	}
	callers.Wait()
	c.settle()
	want := map[string]string{}
	c.v.look(func(r *reader) {
		for _, got := range r.runs() {
			want[got.workflow] = got.text
			if !strings.HasPrefix(got.text, "run Succeeded") {
				c.t.Fatalf("%s, undisturbed: %s", got.workflow, got.text)
			}
		}
	})
	if len(want) != len(shapes)+1 { // and the one that is called
		c.t.Fatalf("workflows that ran undisturbed: %d", len(want))
	}
	return want
}

// call starts a run; without an answer it tries again, once the victim is back.
func (c crash) call(alive *lifeline, shape, id string) {
	for range 200 {
		opened := alive.wait()
		answer, err := http.Post(c.v.url(shape), "application/json", strings.NewReader(`{"id":"`+id+`"}`))
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK || answer.StatusCode == http.StatusAccepted {
				return
			}
		}
		select {
		case <-opened: // killed meanwhile
		case <-time.After(100 * time.Millisecond):
		}
	}
	c.t.Errorf("%s: no answer", id)
}

// strike waits until it is time to kill, or lets the victim die by itself.
func (c crash) strike() {
	died := make(chan struct{})
	die := sync.OnceFunc(func() {
		c.v.kill()
		close(died)
	})
	switch kind := c.rand.IntN(3); {
	case kind == 0 && c.v.commit != nil:
		c.v.commit(1+c.rand.IntN(40), c.rand.IntN(2) == 0, die)
	case kind <= 1:
		c.up.arm(1+c.rand.IntN(30), die)
	}
	select {
	case <-died:
	case <-time.After(time.Duration(50+c.rand.IntN(700)) * time.Millisecond):
	}
	c.up.arm(0, nil)
	if c.v.commit != nil {
		c.v.commit(0, false, nil)
	}
	die() // it may be on its way: it must not meet the next victim
}

var errUnsettled = errors.New("some runs are not over")

// settle waits until all runs are over.
func (c crash) settle() {
	c.t.Helper()
	var last []string
	deadline := time.After(4 * time.Minute) // the tests share the machine
	for tick := time.NewTicker(300 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case <-deadline:
			c.t.Fatalf("%v: %v", errUnsettled, last)
		}
		c.v.look(func(r *reader) { last = r.unfinished() })
		if len(last) == 0 {
			return
		}
	}
}

// lifeline is open while the victim lives.
type lifeline struct {
	mu     sync.Mutex
	isOpen bool
	opened chan struct{} // closed when it opens
	closed chan struct{} // closed when it closes
}

func (g *lifeline) channels() {
	if g.opened == nil {
		g.opened, g.closed = make(chan struct{}), make(chan struct{})
	}
}

func (g *lifeline) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.channels()
	g.isOpen, g.closed = true, make(chan struct{})
	close(g.opened)
}

func (g *lifeline) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.isOpen, g.opened = false, make(chan struct{})
	close(g.closed)
}

// wait waits until it is open, and returns what is closed when it closes.
func (g *lifeline) wait() <-chan struct{} {
	g.mu.Lock()
	g.channels()
	opened := g.opened
	g.mu.Unlock()
	<-opened
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.closed
}
