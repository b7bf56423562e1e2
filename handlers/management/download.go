package management

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
)

// Download answers a link to what a run has read or written. The gate has let the call
// in: its signature is good, and its address is one that contents may be read from. What
// history hides is refused even to a link that somebody has signed for it
// (management-api §4.5).
func Download(ctx context.Context, s *store.Store, w *engine.Workflow, c gate.Content, rw http.ResponseWriter, head bool) error {
	r, err := recordOf(ctx, s, w, c)
	if errors.Is(err, store.ErrNotFound) {
		gate.Reject(rw, gate.Rejection{Status: http.StatusNotFound, Code: "ContentNotFound", Message: "The content could not be found."})
		return nil
	}
	if err != nil {
		return err
	}
	side, hide := r.Outputs, r.HideOutputs
	if c.Name == triggerInputs || c.Name == actionInputs {
		side, hide = r.Inputs, r.HideInputs
	}
	switch {
	case hide:
		gate.Reject(rw, gate.Rejection{Status: http.StatusForbidden, Code: "ContentSecured", Message: "The content is not shown due to security configuration."})
		return nil
	case side.Value.IsAbsent():
		gate.Reject(rw, gate.Rejection{Status: http.StatusNotFound, Code: "ContentNotFound", Message: "The content could not be found."})
		return nil
	}
	content := Content(side.Value)
	h := rw.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	rw.WriteHeader(http.StatusOK)
	if !head {
		_, _ = rw.Write(content) // a caller that is gone needs no answer
	}
	return nil
}

// recordOf finds what a link names: an execution of an action, the trigger of a run,
// or an evaluation of a trigger that has started none.
func recordOf(ctx context.Context, s *store.Store, w *engine.Workflow, c gate.Content) (*run.Record, error) {
	key := store.RunKey{WorkflowID: w.ID, Run: c.Run}
	if !runName.MatchString(c.Run) {
		return nil, store.ErrNotFound
	}
	if c.Action != "" {
		return s.Execution(ctx, key, c.Action, c.Path)
	}
	r, err := s.TriggerOf(ctx, key)
	if !errors.Is(err, store.ErrNotFound) {
		return r, err
	}
	for _, t := range w.Program.Triggers {
		h, err := s.LoadHistory(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name}, c.Run)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &h.Record, nil
	}
	return nil, store.ErrNotFound
}
