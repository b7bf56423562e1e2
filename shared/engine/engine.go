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
	"github.com/latchwork/latchwork/shared/outbound"
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
	// Observer counts and times; nil: nobody does.
	Observer Observer
	// Slice is how long one invocation may drive a run: a part of the host's
	// functionTimeout, which kills the whole process.
	Slice time.Duration
	// Lease is for how long a driver of which nothing is heard counts as alive.
	Lease time.Duration
	// ResponseTimeout is how long a caller waits for a Response action (triggers
	// §11.4).
	ResponseTimeout time.Duration
	// RunDuration is how long a run may take, by the setting when it starts; Retention
	// is for how long history keeps it, by the setting now (run-semantics §11).
	RunDuration, Retention time.Duration
	// AuditRetention is for how long the audit trail is kept.
	AuditRetention time.Duration
	// Callback mints the signed URL that resumes an execution of an action; nil where
	// this process has no address.
	Callback func(w *Workflow, run, action, path string) string
	// TriggerURL mints the signed URL of a trigger.
	TriggerURL func(w *Workflow, trigger string) string
	// HistoryLife is for how long the history of triggers is kept.
	HistoryLife time.Duration
	// StrictHistory: the history of all workflows redacts what derives from a secret.
	StrictHistory bool
	// Live knows the credentials in use; nil: nobody does.
	Live *outbound.Credentials
	// Resolve replaces references to secrets in the parameters of what is saved; nil: they
	// are texts like any other.
	Resolve func(ctx context.Context, v value.Value, at *value.Path) (value.Value, *value.Problem)
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
	DefaultRunDuration     = 90 * 24 * time.Hour
	DefaultRetention       = 90 * 24 * time.Hour
	DefaultAuditRetention  = 90 * 24 * time.Hour // as Azure keeps its Activity Log
	DefaultHistoryLife     = 90 * 24 * time.Hour // workflow-definition §2

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
	workflows   map[string]*cached          // by workflow id
	programs    map[string]*compiled        // by workflow id and version
	access      map[string]compiledAccess   // by workflow id
	connections map[string]store.Connection // by lower-case resource id; nil: to be read
	drivers     map[store.RunKey]*driver
	slots       map[store.TriggerKey]chan struct{} // one at a time changes the places of a trigger
	renewed     map[string]time.Time               // when references were last looked up anew, by workflow id
	trimmed     map[string]time.Time               // when old history was last looked for, by workflow id
	cleanFrom   string                             // id of the workflow that is cleaned next
}

// New returns an engine. Close ends it.
func New(c Config) *Engine {
	if c.After == nil {
		c.After = time.After
	}
	for at, fallback := range map[*time.Duration]time.Duration{
		&c.Slice: DefaultSlice, &c.Lease: DefaultLease, &c.ResponseTimeout: DefaultResponseTimeout, &c.Fresh: DefaultFresh,
		&c.RunDuration: DefaultRunDuration, &c.Retention: DefaultRetention, &c.AuditRetention: DefaultAuditRetention,
		&c.HistoryLife: DefaultHistoryLife,
	} {
		if *at == 0 {
			*at = fallback
		}
	}
	now := c.Ambient.Now
	// .NET ticks: what is stored and shown has seven digits.
	c.Ambient.Now = func() time.Time { return now().UTC().Truncate(100 * time.Nanosecond) }
	e := &Engine{
		Config: c, workflows: map[string]*cached{}, programs: map[string]*compiled{}, access: map[string]compiledAccess{}, drivers: map[store.RunKey]*driver{},
		slots: map[store.TriggerKey]chan struct{}{}, renewed: map[string]time.Time{}, trimmed: map[string]time.Time{},
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
	// Inputs are those of a trigger that asked, as history shows them, Code how it was
	// answered, and Retries the attempts before.
	Inputs  value.Value
	Code    string
	Retries []run.Attempt
	// ClientTrackingID, TraceParent and TraceState are what the caller sent, or "".
	ClientTrackingID, TraceParent, TraceState string
	// Waits: the caller waits for the answer of a Response action.
	Waits bool
	// Scheduled is when a trigger was to fire that fires by itself. RunName is the
	// name of the run; "" makes a new one. A run of that name may exist: ErrConflict.
	Scheduled time.Time
	RunName   string
	// Parent is the action that waits for the answer of the run.
	Parent run.Parent
	// From is the first item of splitOn that starts a run, Most how many do; 0: all.
	From, Most int
}

// Running is a run that was started here.
type Running struct {
	Key                          store.RunKey
	TrackingID, ClientTrackingID string
	// Skipped: a condition of the trigger did not hold; there is no run.
	Skipped bool
	// Operation is where the caller asks for the response later; "" when it waits, or
	// when there is none.
	Operation string
	// Left: there are more items of splitOn than were to be started.
	Left bool
	// Answer receives the record of the action that answers the caller; it is closed
	// without one when the run ends, or goes on elsewhere.
	Answer <-chan *run.Record

	state *run.State
	due   time.Time // when the caller stops waiting
	done  chan struct{}
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
