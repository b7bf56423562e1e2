// Package engine drives runs: it loads a state, applies events, carries out what
// the state machine asks for, and commits before anything is sent.
package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// Config is what an engine is made of.
type Config struct {
	Store   *store.Store
	Catalog definition.Catalog
	Deps    operation.Deps
	Ambient expr.Ambient
	// After is time.After, or a clock of a test.
	After func(time.Duration) <-chan time.Time
	Log   zerolog.Logger
	// Audit records what is changed; nil: nobody does.
	Audit *audit.Recorder
	// Slice is how long one invocation may drive a run: a part of the host's
	// functionTimeout, which kills the whole process.
	Slice time.Duration
	// Lease is for how long a driver of which nothing is heard counts as alive.
	Lease time.Duration
	// ResponseTimeout is how long a caller waits for a Response action (triggers
	// §11.4).
	ResponseTimeout time.Duration
	// Callback mints the signed URL that resumes an execution of an action; nil where
	// this process has no address.
	Callback func(w *Workflow, run, action, path string) string
	// TriggerURL mints the signed URL of a trigger.
	TriggerURL func(w *Workflow, trigger string) string
	// Fresh is for how long a workflow is used without asking the store for a newer
	// version.
	Fresh time.Duration
}

// Defaults of Config. The slice leaves a fifth of the Consumption plan's default
// functionTimeout of five minutes.
const (
	DefaultSlice           = 4 * time.Minute
	DefaultLease           = time.Minute
	DefaultResponseTimeout = 120 * time.Second
	DefaultFresh           = 10 * time.Second

	releaseTime = 30 * time.Second // for telling somebody that an action waits no more

	// idleLeases: a run that waits for something from outside is looked at so seldom,
	// since whoever posts to it makes it due.
	idleLeases = 60
)

// ErrBusy means that another driver is at work on the run.
var ErrBusy = errors.New("another driver is at work on the run")

// Engine drives the runs of all workflows in a store.
type Engine struct {
	Config
	ctx    context.Context // ends when the engine is closed
	cancel context.CancelFunc
	work   sync.WaitGroup // drivers that outlive their caller

	mu          sync.Mutex
	workflows   map[string]*cached             // by workflow id
	programs    map[string]*definition.Program // by workflow id and version
	access      map[string]compiledAccess      // by workflow id
	connections map[string]store.Connection    // by lower-case resource id; nil: to be read
	drivers     map[store.RunKey]*driver
}

// New returns an engine. Close ends it.
func New(c Config) *Engine {
	if c.After == nil {
		c.After = time.After
	}
	for at, fallback := range map[*time.Duration]time.Duration{
		&c.Slice: DefaultSlice, &c.Lease: DefaultLease, &c.ResponseTimeout: DefaultResponseTimeout, &c.Fresh: DefaultFresh,
	} {
		if *at == 0 {
			*at = fallback
		}
	}
	now := c.Ambient.Now
	// .NET ticks: what is stored and shown has seven digits.
	c.Ambient.Now = func() time.Time { return now().UTC().Truncate(100 * time.Nanosecond) }
	e := &Engine{
		Config: c, workflows: map[string]*cached{}, programs: map[string]*definition.Program{}, access: map[string]compiledAccess{}, drivers: map[store.RunKey]*driver{},
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	e.Deps.Workflows = e
	return e
}

// Close lets drivers end their present step for as long as ctx allows, then cuts
// them off; their runs go on when somebody looks at them again.
func (e *Engine) Close(ctx context.Context) {
	done := make(chan struct{})
	go func() { e.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	e.cancel()
	<-done
}

// Trigger is a firing of a trigger.
type Trigger struct {
	Name    string
	Outputs value.Value
	// ClientTrackingID is what the caller sent, or "".
	ClientTrackingID string
	// Waits: the caller waits for the answer of a Response action.
	Waits bool
	// Scheduled is when a trigger was to fire that fires by itself. RunName is the
	// name of the run; "" makes a new one. A run of that name may exist: ErrConflict.
	Scheduled time.Time
	RunName   string
	// Parent is the action that waits for the answer of the run.
	Parent run.Parent
}

// Running is a run that was started here.
type Running struct {
	Key                          store.RunKey
	TrackingID, ClientTrackingID string
	// Skipped: a condition of the trigger did not hold; there is no run.
	Skipped bool
	// Answer receives the record of the action that answers the caller; it is closed
	// without one when the run ends, or goes on elsewhere.
	Answer <-chan *run.Record

	state *run.State
	due   time.Time // when the caller stops waiting
	done  chan struct{}
}

// Start starts a run. It exists in the store when Start returns. Where the caller
// waits the run is driven here; otherwise a doorbell rings for it. A trigger with
// splitOn starts a run for each item, and Running is the first of them.
func (e *Engine) Start(ctx context.Context, w *Workflow, t Trigger) (*Running, error) {
	trigger := w.Program.Trigger(t.Name)
	if trigger == nil {
		return nil, store.ErrNotFound
	}
	st, err := e.newRun(w, trigger, t)
	if err != nil {
		return nil, err
	}
	r := running(st)
	if fires, err := run.Fires(w.Program, st, trigger, e.Ambient); err != nil || !fires {
		r.Skipped = true
		return r, err
	}
	if trigger.SplitOn != nil {
		return e.startSplit(ctx, w, trigger, t, st)
	}
	if !t.Waits || !w.Program.Responds {
		return r, e.accept(ctx, st, r)
	}
	return r, e.answer(w, st, r)
}

// newRun makes the state of a run that has not started.
func (e *Engine) newRun(w *Workflow, trigger *definition.Trigger, t Trigger) (*run.State, error) {
	now := e.Ambient.Now()
	st := run.NewState(run.Header{
		Name: t.RunName, WorkflowID: w.ID, ResourceID: w.ResourceID, Location: w.Location, Tags: w.Tags,
		Version: w.Version, Status: definition.Running, Start: now, TrackingID: run.NewGUID(e.Ambient), Parent: t.Parent,
	})
	if st.Name == "" {
		st.Name = run.NewName(e.Ambient, 0)
	}
	st.Trigger = run.Record{
		Name: trigger.Name, Scheduled: t.Scheduled, Status: definition.Succeeded, Start: now, End: now, TrackingID: st.TrackingID,
		Inputs: run.Payload{Value: trigger.Raw}, Outputs: run.Payload{Value: t.Outputs},
		HideInputs: trigger.HideInputs, HideOutputs: trigger.HideOutputs,
	}
	return st, e.correlate(w, st, trigger, t)
}

func running(st *run.State) *Running {
	return &Running{
		Key: store.RunKey{WorkflowID: st.WorkflowID, Run: st.Name}, TrackingID: st.TrackingID, ClientTrackingID: st.ClientTrackingID,
		state: st, done: make(chan struct{}),
	}
}

// answer drives a run here, whose caller waits for the answer.
func (e *Engine) answer(w *Workflow, st *run.State, r *Running) error {
	st.ResponseDue = e.Ambient.Now().Add(e.ResponseTimeout)
	r.due = st.ResponseDue
	answer := make(chan *run.Record, 1)
	r.Answer = answer
	d := &driver{e: e, w: w, key: r.Key, st: st, answer: answer, created: make(chan error, 1)}
	e.work.Go(func() {
		defer close(r.done)
		defer close(answer)
		d.report(d.drive(e.ctx, run.Started{}))
	})
	select {
	case err := <-d.created:
		return err
	case <-r.done:
		select {
		case err := <-d.created:
			return err
		default:
			return errors.New("the run could not be created")
		}
	}
}

// startSplit starts a run for each item of the array that splitOn gives. The runs
// share the trigger's client tracking id, unless each has one of its own (triggers
// §3).
func (e *Engine) startSplit(ctx context.Context, w *Workflow, trigger *definition.Trigger, t Trigger, whole *run.State) (*Running, error) {
	items, err := run.Split(w.Program, whole, trigger, e.Ambient)
	if err != nil {
		return nil, err
	}
	var first *Running
	for i, item := range items {
		one := t
		one.Outputs = item.Outputs
		one.ClientTrackingID = whole.ClientTrackingID
		if item.ClientTrackingID != "" {
			one.ClientTrackingID = item.ClientTrackingID
		}
		if one.RunName = ""; t.RunName != "" {
			one.RunName = run.NameAt(t.Scheduled, int64(i), 0)
		}
		st, err := e.newRun(w, trigger, one)
		if err != nil {
			return first, err
		}
		st.ClientTrackingID = one.ClientTrackingID
		r := running(st)
		if err := e.accept(ctx, st, r); err != nil && !errors.Is(err, store.ErrConflict) {
			return first, err
		}
		if first == nil {
			first = r
		}
	}
	if first == nil {
		first = running(whole)
		first.Skipped = true
	}
	return first, nil
}

// accept creates a run for which nobody waits, and rings for it.
func (e *Engine) accept(ctx context.Context, st *run.State, r *Running) error {
	close(r.done)
	if _, err := e.Store.CreateRun(ctx, st, store.Lease{Due: e.Ambient.Now()}); err != nil {
		return err
	}
	if err := e.Store.Ring(ctx, r.Key, 0); err != nil {
		e.Log.Warn().Err(err).Str("run", st.Name).Msg("a doorbell was not sent; the sweep will find the run")
	}
	return nil
}

// correlate sets the client tracking id: what the trigger says, else what the
// caller sent, else the run's name (triggers §4).
func (e *Engine) correlate(w *Workflow, st *run.State, trigger *definition.Trigger, t Trigger) error {
	st.ClientTrackingID = t.ClientTrackingID
	if st.ClientTrackingID == "" {
		st.ClientTrackingID = st.Name
	}
	id, err := run.TrackingID(w.Program, st, trigger, e.Ambient)
	if id != "" {
		st.ClientTrackingID = id
	}
	return err
}

// Wait waits until the run is over or goes on elsewhere, and returns its state as
// far as it is known here.
func (r *Running) Wait(ctx context.Context) (*run.State, error) {
	select {
	case <-r.done:
		return r.state, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
