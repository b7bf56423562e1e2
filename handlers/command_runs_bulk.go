package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// deed is what is done to many runs.
type deed struct {
	done string // past participle
	do   func(context.Context, foundRun) (*run.State, error)
	of   func(*run.State) bool // the runs that it can be done to
}

// finishTime is for how long what has been begun goes on after Ctrl-C.
const finishTime = 10 * time.Second

// toMany does something to all runs that are chosen, some at a time.
func (r *runs) toMany(ctx context.Context, d deed) error {
	if r.o.parallel < 1 || r.o.parallel > 64 {
		return errors.New("--parallel: want 1 to 64")
	}
	list, err := r.chosen(ctx, d)
	if err != nil {
		return err
	}
	if r.o.dry {
		return r.print(list)
	}
	begun, release := outliving(ctx, finishTime)
	defer release()
	t := &tally{runs: r, done: d.done, of: len(list), terminal: isTerminalWriter(r.stderr)}
	t.progress()
	var g errgroup.Group
	g.SetLimit(r.o.parallel)
	for _, f := range list {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			if ctx.Err() == nil { // it may have waited for its turn
				st, err := d.do(begun, f)
				t.note(f, st, err)
			}
			return nil
		})
	}
	_ = g.Wait() // what failed is in the tally
	return t.sum()
}

// chosen are the runs that are meant. What starts from now on is not among them: a
// resubmitted run is not resubmitted.
func (r *runs) chosen(ctx context.Context, d deed) ([]foundRun, error) {
	now := time.Now()
	choice := r.o.choice
	choice.until = cmp.Or(choice.until, now.UTC().Format(time.RFC3339Nano))
	filter, err := choice.text(now)
	if err != nil {
		return nil, err
	}
	all, err := r.newest(ctx, 0, filter)
	if err != nil {
		return nil, err
	}
	var list []foundRun
	for _, f := range all {
		if d.of(f.state) {
			list = append(list, f)
		}
	}
	return list, nil
}

// outliving is a context that ends some time after another.
func outliving(ctx context.Context, by time.Duration) (context.Context, func()) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		t := time.AfterFunc(by, cancel)
		context.AfterFunc(longer, func() { t.Stop() })
	})
	return longer, func() { stop(); cancel() }
}

// tally counts and tells what became of many runs.
type tally struct {
	*runs
	done     string
	of       int
	terminal bool

	mu     sync.Mutex
	did    int
	over   int // before it could be done
	failed []failedRun
	broken error // standard output is
}

type failedRun struct {
	foundRun
	code, message string
}

// note tells what became of a run.
func (t *tally) note(f foundRun, st *run.State, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wipe()
	switch {
	case errors.Is(err, errRunOver):
		t.over++
	case err != nil:
		failed := failedRun{foundRun: f}
		failed.code, failed.message = failure(err)
		failed.message = printable(string(t.live.Replace([]byte(failed.message))))
		t.failed = append(t.failed, failed)
		if t.o.output == "json" {
			_, err = fmt.Fprintf(t.stdout, "%s\n", value.Reveal(failed.view()))
			t.broken = errors.Join(t.broken, err)
		}
	default:
		t.did++
		t.broken = errors.Join(t.broken, t.tell(foundRun{f.workflow, st}))
	}
	t.progress()
}

func (f failedRun) view() value.Value {
	return value.Object(
		value.Member{Key: "name", Value: value.String(f.state.Name)}, value.Member{Key: "workflow", Value: value.String(f.workflow.Name)},
		value.Member{Key: "failure", Value: value.Object(value.Member{Key: "code", Value: value.String(f.code)}, value.Member{Key: "message", Value: value.String(f.message)})})
}

// failure is the product's code and message of what went wrong.
func failure(err error) (code, message string) {
	var answered *remote.Error
	var invalid *expr.Error
	switch {
	case errors.As(err, &answered):
		return answered.Code, answered.Message
	case errors.As(err, &invalid):
		return invalid.Code, invalid.Message
	case errors.Is(err, context.Canceled):
		return "Interrupted", "It was begun; how it ended is not known."
	}
	return "Failed", err.Error()
}

// progress shows on a terminal how far it has come; wipe clears that line.
func (t *tally) progress() {
	if t.terminal {
		fmt.Fprintf(t.stderr, "%d of %d", t.did+t.over+len(t.failed), t.of)
	}
}

func (t *tally) wipe() {
	if t.terminal {
		fmt.Fprint(t.stderr, "\r\x1b[K")
	}
}

// sum tells the whole; the error is quiet unless all was done.
func (t *tally) sum() error {
	t.wipe()
	for _, f := range t.failed {
		fmt.Fprintf(t.stderr, "%s  run %s  %s: %s\n", printable(f.workflow.Name), f.state.Name, f.code, f.message)
	}
	text := fmt.Sprintf("%d of %d runs %s", t.did, t.of, t.done)
	if t.over > 0 {
		text += fmt.Sprintf(", %d were over already", t.over)
	}
	if len(t.failed) > 0 {
		text += fmt.Sprintf(", %d failed", len(t.failed))
	}
	left := t.of - t.did - t.over - len(t.failed)
	if left > 0 {
		text += fmt.Sprintf("; stopped before the other %d", left)
	}
	fmt.Fprintln(t.stderr, text+".")
	if t.broken == nil && (left > 0 || len(t.failed) > 0) {
		return errQuiet
	}
	return t.broken
}

func isTerminalWriter(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isTerminal(f)
}
