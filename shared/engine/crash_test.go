package engine_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/value"
)

// TestCrashInEveryShape lets the store die at each transaction of runs of every
// shape, the first driver's and those that go on later: branches, loops, retries,
// waits, webhooks and nested runs end as without the crash.
func TestCrashInEveryShape(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		onAzure := strings.HasSuffix(t.Name(), "/azure")
		for _, shape := range []string{"parallel", "foreach", "until", "retries", "wait", "webhook", "nested"} {
			t.Run(shape, func(t *testing.T) {
				whole := &shaped{t: t, b: open(), name: shape + "-whole", shape: shape, world: &world{}}
				whole.save()
				whole.drive(whole.b)
				want, commits := whole.read(), whole.commits
				if !strings.HasPrefix(want, "run Succeeded") {
					t.Fatalf("undisturbed: %s", want)
				}
				for n := range commits {
					for _, after := range []bool{false, true} {
						if onAzure && after != (n%2 == 0) {
							continue // the emulator is slow
						}
						s := &shaped{t: t, b: open(), name: fmt.Sprintf("%s-%d-%v", shape, n, after), shape: shape, world: &world{}}
						s.save()
						s.drive(storetest.NewFaulty(s.b, n, after))
						s.drive(s.b)
						if got := s.read(); got != want {
							t.Errorf("commit %d, after %v:\n got %s\nwant %s", n, after, got, want)
						}
						s.checkCalls()
					}
				}
			})
		}
	})
}

// shaped is one run of a shape, with an upstream of its own.
type shaped struct {
	t           *testing.T
	b           store.Backend
	name, shape string
	world       *world
	ids         []string // of its workflows
	skew        time.Duration
	commits     int
}

// save stores the workflow, and the one that it may call.
func (s *shaped) save() {
	data, err := os.ReadFile("testdata/shapes.json")
	if err != nil {
		s.t.Fatal(err)
	}
	data = bytes.ReplaceAll(data, []byte("UPSTREAM"), []byte("https://x.example"))
	all, err := value.Parse(bytes.ReplaceAll(data, []byte("workflows/callee"), []byte("workflows/"+s.name+"-callee")))
	if err != nil {
		s.t.Fatal(err)
	}
	e := newEngine(s.t, s.b, s.world, nil, 0)
	defer closeEngine(e)
	for name, suffix := range map[string]string{s.shape: "", "callee": "-callee"} {
		r := workflow(s.t, s.name+suffix, "{}")
		r.Definition = all.Member(name)
		w := save(s.t, e, r)
		if s.ids = append(s.ids, w.ID); suffix == "" {
			s.ids[0], s.ids[len(s.ids)-1] = w.ID, s.ids[0]
		}
	}
}

// drive starts the run, unless there is one, and lets time pass until all runs are
// over or the store has died.
func (s *shaped) drive(b store.Backend) {
	counter := storetest.NewCounter(b)
	for range 30 {
		e := newEngine(s.t, counter, s.world, nil, s.skew)
		e.ResponseTimeout = 24 * time.Hour // the caller still waits, however often the store dies
		e.Lease = time.Second              // so that no driver sits out a wait
		over, err := s.step(e)
		closeEngine(e)
		if s.skew += 90 * time.Second; over || err != nil {
			if _, dies := b.(*storetest.Faulty); err != nil && !dies {
				s.t.Fatal(err)
			}
			s.commits = counter.Counts()["Transact"]
			return
		}
	}
	s.t.Fatal("the run does not end")
}

// step is what one process does.
func (s *shaped) step(e *engine.Engine) (over bool, err error) {
	ctx := s.t.Context()
	runs, _, err := e.Store.Runs(ctx, s.ids[0], 10, "")
	if err != nil {
		return false, err
	}
	if len(runs) == 0 {
		w, err := e.Workflow(ctx, s.ids[0])
		if err != nil {
			return false, err
		}
		start := trigger()
		start.Outputs = value.Object(value.Member{Key: "body", Value: value.Object(value.Member{Key: "id", Value: value.String("ID")})})
		running, err := e.Start(ctx, w, start)
		if err != nil {
			return false, err
		}
		if _, err := running.Wait(ctx); err != nil {
			return false, err
		}
	}
	over = true
	for _, id := range s.ids {
		due, _, err := e.Store.Due(ctx, id, e.Ambient.Now())
		if err != nil {
			return false, err
		}
		for _, key := range due {
			over = false
			if err := e.Continue(ctx, key); err != nil {
				return false, err
			}
		}
		headers, _, err := e.Store.Runs(ctx, id, 10, "")
		if err != nil {
			return false, err
		}
		for _, header := range headers {
			if header.State.Status.Final() {
				continue
			}
			over = false
			if err := s.resume(e, store.RunKey{WorkflowID: id, Run: header.State.Name}); err != nil {
				return false, err
			}
		}
	}
	return over, nil
}

// resume calls what waits to be called.
func (s *shaped) resume(e *engine.Engine, key store.RunKey) error {
	snapshot, err := e.Store.LoadRun(s.t.Context(), key)
	if err != nil {
		return err
	}
	for _, r := range snapshot.State.Records {
		if r.Awaiting && r.Name == "Hook" {
			if err := e.Resume(s.t.Context(), key, r.Name, r.Path, r.Key(), value.Object(value.Member{Key: "body", Value: value.String("approved")})); err != nil {
				return err
			}
		}
	}
	return nil
}

// read returns the records of the runs, in a form in which two runs of a shape are
// equal.
func (s *shaped) read() string {
	e := newEngine(s.t, s.b, s.world, nil, s.skew)
	defer closeEngine(e)
	var lines []string
	for _, id := range s.ids {
		runs, _, err := e.Store.Runs(s.t.Context(), id, 10, "")
		if err != nil || len(runs) > 1 {
			s.t.Errorf("%d runs of a workflow, %v", len(runs), err)
		}
		for _, header := range runs {
			lines = append(lines, s.readRun(e, store.RunKey{WorkflowID: id, Run: header.State.Name})...)
		}
	}
	return strings.Join(lines, "\n")
}

func (s *shaped) readRun(e *engine.Engine, key store.RunKey) []string {
	snapshot, err := e.Store.LoadRun(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	st := snapshot.State
	if len(snapshot.Inbox) > 0 {
		s.t.Errorf("%d items were left in the inbox", len(snapshot.Inbox))
	}
	var lines []string
	add := func(r *run.Record) {
		line := fmt.Sprintf("%s %q %s %s %v attempt %d retries %d of %d %v in %s out %s", r.Name, r.Path, r.Status, r.Code, r.Error, r.Attempt,
			len(r.Retries), r.Repetitions, r.Awaiting, value.Reveal(r.Inputs.Value), value.Reveal(r.Outputs.Value))
		if r.Name == "Add" {
			line, _, _ = strings.Cut(line, " out ") // of iterations side by side, each adds to what it finds
		}
		lines = append(lines, strings.ReplaceAll(strings.ReplaceAll(line, key.Run, "RUN"), s.name, "NAME"))
	}
	for _, r := range st.Records {
		if add(r); r.Repetitions > 0 {
			if err := e.Store.LoadRepetitions(s.t.Context(), key, st, r.Key()); err != nil {
				s.t.Fatal(err)
			}
			for _, r := range st.Repetitions[r.Key()] {
				add(r)
			}
		}
	}
	slices.Sort(lines)
	return append([]string{fmt.Sprintf("run %s %s by %q", st.Status, st.Code, st.Responded)}, slices.Compact(lines)...)
}

// checkCalls: the repeats of a call carry the same tracking id and the same bytes.
func (s *shaped) checkCalls() {
	s.t.Helper()
	first := map[string]call{}
	for _, c := range s.world.calls {
		if before, repeat := first[c.url]; repeat && (before.tracking != c.tracking || before.body != c.body) {
			s.t.Errorf("a repeat of %s differs: %+v after %+v", c.url, c, before)
		}
		first[c.url] = c
	}
}
