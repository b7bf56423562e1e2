package handlers

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// watch prints each change of status in a run, as a line, until it is over.
func (r *runs) watch(ctx context.Context) error {
	f, err := r.one(ctx)
	if err != nil {
		return err
	}
	seen := map[string]definition.Status{}
	for {
		s, err := r.store.LoadRun(ctx, f.key())
		if err != nil {
			return err
		}
		w, err := r.engine.WorkflowVersion(ctx, f.workflow.ID, s.State.Version)
		if err != nil {
			return err
		}
		for _, l := range outline(w.Program.Root, s.State, 0) {
			if rec := l.record; seen[rec.Name] != rec.Status {
				seen[rec.Name] = rec.Status
				r.change(rec.Name, string(rec.Status), rec.Code, cmp.Or(rec.End, rec.Start))
			}
		}
		if s.State.Status.Final() {
			r.change("", string(s.State.Status), s.State.Code, s.State.End)
			if s.State.Status != definition.Succeeded {
				return errQuiet
			}
			return nil
		}
		if r.local {
			return fmt.Errorf("run %s is %s; nobody drives it while this process holds the embedded store: start 'latchwork serve'", f.state.Name, s.State.Status)
		}
		select {
		case <-time.After(r.o.every):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// change prints one; that of the run has no action.
func (r *runs) change(action, status, code string, at time.Time) {
	if r.o.output == "json" {
		b := value.NewObject(4)
		b.Set("time", value.String(at.Format(run.TimeFormat)))
		if action != "" {
			b.Set("action", value.String(action))
		}
		b.Set("status", value.String(status))
		if code != "" {
			b.Set("code", value.String(code))
		}
		fmt.Fprintf(r.stdout, "%s\n", value.Reveal(b.Build()))
		return
	}
	line := fmt.Sprintf("%s  %-9s  %-12s  %s", at.Local().Format(time.TimeOnly), status, cmp.Or(code, "-"), cmp.Or(action, "(the run)"))
	fmt.Fprintln(r.stdout, line)
}
