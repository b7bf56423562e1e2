package engine

import (
	"context"

	"github.com/latchwork/latchwork/shared/run"
)

// Observer is told what happens, to count it, to time it, and to say to which trace
// outgoing calls belong. It must not make anybody wait.
type Observer interface {
	// Attempt is told that an attempt begins. It returns the context of the attempt,
	// and whom to tell how it ended.
	Attempt(ctx context.Context, a Attempt) (context.Context, func(run.Outcome))
	// Finished is told that a run is over.
	Finished(w *Workflow, st *run.State)
}

// Attempt is one attempt of an action, as an observer sees it.
type Attempt struct {
	Workflow, Run, Action, Type, Path string
	Number                            int
	// RunTrackingID and TrackingID are the ids of the run and of the execution of the
	// action; TraceParent and TraceState are what the caller of the run sent.
	RunTrackingID, TrackingID, TraceParent, TraceState string
}

// observed tells the observer of an attempt. What it is told is taken now, because
// the state may move on meanwhile.
func (e *Engine) observed(w *Workflow, st *run.State, c run.Execute) func(context.Context) (context.Context, func(run.Outcome)) {
	if e.Observer == nil {
		return func(ctx context.Context) (context.Context, func(run.Outcome)) { return ctx, func(run.Outcome) {} }
	}
	a := Attempt{
		Workflow: w.Name, Run: st.Name, Action: c.Action.Name, Type: c.Action.Type, Path: c.Record.Path, Number: c.Record.Attempt,
		RunTrackingID: st.TrackingID, TrackingID: c.Record.TrackingID, TraceParent: st.TraceParent, TraceState: st.TraceState,
	}
	return func(ctx context.Context) (context.Context, func(run.Outcome)) { return e.Observer.Attempt(ctx, a) }
}

// Driving is how many runs are being driven here.
func (e *Engine) Driving() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.drivers)
}
