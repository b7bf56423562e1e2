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
		graph, st, err := r.whole(ctx, f, false)
		if err != nil {
			return err
		}
		for _, l := range outline(graph, st, 0) {
			if rec := l.record; seen[rec.Name] != rec.Status {
				seen[rec.Name] = rec.Status
				r.change(rec.Name, string(rec.Status), rec.Code, cmp.Or(rec.End, rec.Start))
			}
		}
		if st.Status.Final() {
			r.change("", string(st.Status), st.Code, st.End)
			if st.Status != definition.Succeeded {
				return errQuiet
			}
			return nil
		}
		if !r.drives() {
			return fmt.Errorf("run %s is %s; nobody drives it while this process holds the embedded store: start 'latchwork serve', and watch it by --endpoint", f.state.Name, st.Status)
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
	line := fmt.Sprintf("%s  %-9s  %-12s  %s", at.Local().Format(time.TimeOnly), status, printable(cmp.Or(code, "-")), printable(cmp.Or(action, "(the run)")))
	fmt.Fprintln(r.stdout, line)
}
