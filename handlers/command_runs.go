package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

type runsOptions struct {
	store, workflow, status, since, output string
	limit                                  int
	history                                bool
	every                                  time.Duration
}

func runsCommand() *cobra.Command {
	var o runsOptions
	c := &cobra.Command{
		Use:   "runs",
		Short: "List, show, cancel, resubmit and watch runs",
		Long: `Runs reads the Azure store if the settings name one, else the embedded store, which no
other process may have open. Where a RUN may be left out, the newest is meant.`,
	}
	c.PersistentFlags().StringVar(&o.store, "store", "", "`FILE` of the embedded store (default: store.db in the data folder)")
	c.PersistentFlags().StringVar(&o.workflow, "workflow", "", "`NAME` or id of a workflow (default: all)")
	c.PersistentFlags().StringVar(&o.output, "output", "table", "`FORM` of the output: table, or json")
	list := &cobra.Command{Use: "list", Short: "List runs, newest first; as JSON a line each", Args: cobra.NoArgs, RunE: o.with((*runs).list)}
	list.Flags().StringVar(&o.status, "status", "", "`STATUS` of the runs, such as Failed (default: all)")
	list.Flags().StringVar(&o.since, "since", "", "`TIME` from which on: 2026-03-14, 2026-03-14T12:00:00Z, or how long ago, such as 90m or 7d (default: all)")
	list.Flags().IntVar(&o.limit, "limit", 50, "print at most `N` runs; 0: all")
	show := &cobra.Command{Use: "show [RUN]", Short: "Print the outline of a run", Args: cobra.MaximumNArgs(1), RunE: o.with((*runs).show)}
	show.Flags().BoolVar(&o.history, "history", false, "print the inputs and outputs that history shows")
	cancel := &cobra.Command{Use: "cancel RUN", Short: "Cancel a run", Args: cobra.ExactArgs(1), RunE: o.with((*runs).cancel)}
	resubmit := &cobra.Command{Use: "resubmit [RUN]", Short: "Start a run with what the trigger of another got", Args: cobra.MaximumNArgs(1), RunE: o.with((*runs).resubmit)}
	watch := &cobra.Command{Use: "watch [RUN]", Short: "Print what a run does until it is over; the exit status is 0 if it succeeded", Args: cobra.MaximumNArgs(1), RunE: o.with((*runs).watch)}
	watch.Flags().DurationVar(&o.every, "every", time.Second, "`TIME` between two looks")
	c.AddCommand(list, show, cancel, resubmit, watch)
	return c
}

// runs is a command about runs under way.
type runs struct {
	*app
	o      runsOptions
	stdout io.Writer
	args   []string
}

func (o *runsOptions) with(do func(*runs, context.Context) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if o.output != "table" && o.output != "json" {
			return errors.New("--output: want table or json")
		}
		if o.every < 0 || o.limit < 0 {
			return errors.New("want a number that is not below zero")
		}
		file := (auditOptions{store: o.store}).file()
		if file != "" && !fileExists(file) {
			return fmt.Errorf("there is no store %s", file)
		}
		a, err := openApp(c.Context(), options{getenv: os.Getenv, storeFile: file, log: c.ErrOrStderr(), pretty: isTerminal(os.Stderr)})
		if err != nil {
			return err
		}
		defer a.Close()
		return do(&runs{a, *o, c.OutOrStdout(), args}, audit.WithActor(c.Context(), "latchwork runs"))
	}
}

// workflows are those that are asked about.
func (r *runs) workflows(ctx context.Context) ([]*store.Workflow, error) {
	list, err := r.store.Workflows(ctx)
	if err != nil || r.o.workflow == "" {
		return list, err
	}
	for _, w := range list {
		if strings.EqualFold(w.Name, r.o.workflow) || w.ID == r.o.workflow {
			return []*store.Workflow{w}, nil
		}
	}
	return nil, fmt.Errorf("there is no workflow %q in the store", r.o.workflow)
}

// foundRun is a run and its workflow.
type foundRun struct {
	workflow *store.Workflow
	state    *run.State
}

func (f foundRun) key() store.RunKey {
	return store.RunKey{WorkflowID: f.workflow.ID, Run: f.state.Name}
}

// newest gathers the newest runs that are wanted, over all workflows.
func (r *runs) newest(ctx context.Context, limit int, wanted func(*run.State) bool) ([]foundRun, error) {
	workflows, err := r.workflows(ctx)
	if err != nil {
		return nil, err
	}
	var all []foundRun
	for _, w := range workflows {
		n := 0
	pages:
		for token := ""; ; {
			var page []*store.Snapshot
			if page, token, err = r.store.Runs(ctx, w.ID, 100, token); err != nil {
				return nil, err
			}
			for _, s := range page {
				if wanted(s.State) {
					all = append(all, foundRun{w, s.State})
					if n++; n == limit {
						break pages
					}
				}
			}
			if token == "" {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b foundRun) int { return strings.Compare(a.state.Name, b.state.Name) }) // newest first
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

func (r *runs) list(ctx context.Context) error {
	since := time.Time{}
	if r.o.since != "" {
		var err error
		if since, err = parseMoment(r.o.since, time.Now()); err != nil {
			return err
		}
	}
	list, err := r.newest(ctx, r.o.limit, func(st *run.State) bool {
		return (r.o.status == "" || strings.EqualFold(string(st.Status), r.o.status)) && !st.Start.Before(since)
	})
	if err != nil {
		return err
	}
	if r.o.output == "json" {
		for _, f := range list {
			fmt.Fprintf(r.stdout, "%s\n", r.live.Replace(value.Reveal(runView(f))))
		}
		return nil
	}
	w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STARTED\tWORKFLOW\tRUN\tSTATUS\tDURATION\tCODE")
	for _, f := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.state.Start.Local().Format(time.DateTime), f.workflow.Name, f.state.Name, f.state.Status, duration(f.state), f.state.Code)
	}
	return w.Flush()
}

// duration of a run that is over.
func duration(st *run.State) string {
	if st.End.IsZero() {
		return "-"
	}
	return shortDuration(st.End.Sub(st.Start))
}

// runView is a run as JSON, with the names that the product has.
func runView(f foundRun) value.Value {
	st := f.state
	b := value.NewObject(9)
	b.Set("name", value.String(st.Name))
	b.Set("workflow", value.String(f.workflow.Name))
	b.Set("status", value.String(string(st.Status)))
	if st.Code != "" {
		b.Set("code", value.String(st.Code))
	}
	b.Set("trigger", value.String(st.Trigger.Name))
	b.Set("startTime", value.String(st.Start.Format(run.TimeFormat)))
	if !st.End.IsZero() {
		b.Set("endTime", value.String(st.End.Format(run.TimeFormat)))
	}
	b.Set("clientTrackingId", value.String(st.ClientTrackingID))
	if st.Error != nil {
		b.Set("error", st.Error.Value())
	}
	return b.Build()
}

// one is the run that the command names, or the newest.
func (r *runs) one(ctx context.Context) (foundRun, error) {
	if len(r.args) == 0 {
		list, err := r.newest(ctx, 1, func(*run.State) bool { return true })
		if err == nil && len(list) == 0 {
			err = errors.New("there are no runs")
		}
		if err != nil {
			return foundRun{}, err
		}
		return list[0], nil
	}
	workflows, err := r.workflows(ctx)
	if err != nil {
		return foundRun{}, err
	}
	for _, w := range workflows {
		key := store.RunKey{WorkflowID: w.ID, Run: r.args[0]}
		if _, err := store.ParseRunKey(key.String()); err != nil {
			break // no run has such a name
		}
		switch s, err := r.store.RunHeader(ctx, key); {
		case err == nil:
			return foundRun{w, s.State}, nil
		case !errors.Is(err, store.ErrNotFound):
			return foundRun{}, err
		}
	}
	return foundRun{}, fmt.Errorf("there is no run %q", r.args[0])
}

// loaded reads the whole run, and the program it runs by.
func (r *runs) loaded(ctx context.Context, f foundRun) (*engine.Workflow, *run.State, error) {
	s, err := r.store.LoadRun(ctx, f.key())
	if err != nil {
		return nil, nil, err
	}
	w, err := r.engine.WorkflowVersion(ctx, f.workflow.ID, s.State.Version)
	if err != nil {
		return nil, nil, err
	}
	return w, s.State, r.loadAll(ctx, f.key(), s.State)
}

func (r *runs) show(ctx context.Context) error {
	f, err := r.one(ctx)
	if err != nil {
		return err
	}
	w, st, err := r.loaded(ctx, f)
	if err != nil {
		return err
	}
	if r.o.output == "table" {
		r.printOutline(r.stdout, w, st, r.o.history)
		return nil
	}
	var actions []value.Value
	for _, l := range outline(w.Program.Root, st, 0) {
		actions = append(actions, r.recordJSON(l.record))
	}
	v := runView(foundRun{f.workflow, st}).With("trigger", r.recordJSON(&st.Trigger)).With("actions", value.Array(actions...))
	var b bytes.Buffer
	if err := json.Indent(&b, r.live.Replace(value.Reveal(v), value.Credential), "", "  "); err != nil {
		return err
	}
	fmt.Fprintln(r.stdout, b.String())
	return nil
}

// recordJSON is a record with its name, and with its sides if they are asked for.
func (r *runs) recordJSON(record *run.Record) value.Value {
	v := recordView(record)
	if !r.o.history {
		v = v.Without("inputs").Without("outputs")
	}
	b := value.NewObject(8)
	b.Set("name", value.String(record.Name))
	for name, member := range v.Members {
		b.Set(name, member)
	}
	return b.Build()
}

// settle drives a run of the embedded store, which nobody else does while this
// process holds it, as far as it goes now. On Azure the app does.
func (r *runs) settle(ctx context.Context, key store.RunKey) (*run.State, error) {
	if r.local {
		return r.proceed(ctx, key)
	}
	s, err := r.store.RunHeader(ctx, key)
	if err != nil {
		return nil, err
	}
	return s.State, nil
}

func (r *runs) cancel(ctx context.Context) error {
	f, err := r.one(ctx)
	if err != nil {
		return err
	}
	if err := r.engine.Cancel(ctx, f.key()); errors.Is(err, engine.ErrNotActive) {
		return fmt.Errorf("run %s is over: %s", f.state.Name, f.state.Status)
	} else if err != nil {
		return err
	}
	st, err := r.settle(ctx, f.key())
	if err != nil {
		return err
	}
	return r.tell(foundRun{f.workflow, st})
}

// resubmit starts a run with what came in with another, by the present definition.
func (r *runs) resubmit(ctx context.Context) error {
	f, err := r.one(ctx)
	if err != nil {
		return err
	}
	w, err := r.engine.Workflow(ctx, f.workflow.ID)
	if err != nil {
		return err
	}
	h, err := r.store.LoadHistory(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: f.state.Trigger.Name}, f.state.Name)
	if err != nil || !h.Record.Outputs.Loaded() {
		return errors.Join(fmt.Errorf("what trigger %s of run %s got is no longer there", f.state.Trigger.Name, f.state.Name), err)
	}
	started, err := r.engine.Start(ctx, w, engine.Trigger{Name: h.Record.Name, Outputs: h.Record.Outputs.Value, ClientTrackingID: h.ClientTrackingID})
	if err != nil {
		return err
	}
	if started.Skipped {
		return errors.New("the trigger did not fire: a condition does not hold")
	}
	st, err := r.settle(ctx, started.Key)
	if err != nil {
		return err
	}
	return r.tell(foundRun{f.workflow, st})
}

// tell prints a run in a line.
func (r *runs) tell(f foundRun) error {
	if r.o.output == "json" {
		fmt.Fprintf(r.stdout, "%s\n", r.live.Replace(value.Reveal(runView(f))))
		return nil
	}
	fmt.Fprintf(r.stdout, "%s  run %s  %s\n", f.workflow.Name, f.state.Name, f.state.Status)
	return nil
}
