package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

type runsOptions struct {
	remote                  remoteOptions
	store, workflow, output string
	choice                  runChoice
	limit, parallel         int
	history, dry            bool
	every                   time.Duration
}

func runsCommand() *cobra.Command {
	var o runsOptions
	c := &cobra.Command{
		Use:   "runs",
		Short: "List, show, cancel, resubmit and watch runs",
		Long: `Runs asks the app that --endpoint names. Without it, it reads the Azure store if the
settings name one, else the embedded store, which no other process may have open.
Where a RUN may be left out, the newest is meant.

cancel and resubmit take one RUN, or choose many: by --status, --since, --until,
--tracking-id, --filter, or --all. Of those chosen, cancel takes the ones that are
not over, and resubmit the ones that are. What failed is listed, and the exit status
is 0 only if nothing did. Ctrl-C finishes what has been begun and begins nothing more.`,
	}
	c.PersistentFlags().StringVar(&o.store, "store", "", "`FILE` of the embedded store (default: store.db in the data folder)")
	c.PersistentFlags().StringVar(&o.workflow, "workflow", "", "`NAME` or id of a workflow (default: all)")
	c.PersistentFlags().StringVar(&o.output, "output", "table", "`FORM` of the output: table, or json")
	o.remote.flags(c)
	list := &cobra.Command{Use: "list", Short: "List runs, newest first; as JSON a line each", Args: cobra.NoArgs, RunE: o.with((*runs).list)}
	list.Flags().IntVar(&o.limit, "limit", 50, "print at most `N` runs; 0: all")
	o.choice.flags(list)
	show := &cobra.Command{Use: "show [RUN]", Short: "Print the outline of a run", Args: cobra.MaximumNArgs(1), RunE: o.with((*runs).show)}
	show.Flags().BoolVar(&o.history, "history", false, "print the inputs and outputs that history shows")
	cancel := &cobra.Command{Use: "cancel [RUN]", Short: "Cancel a run, or many", Args: cobra.MaximumNArgs(1), RunE: o.with((*runs).cancel)}
	resubmit := &cobra.Command{Use: "resubmit [RUN]", Short: "Start a run with what the trigger of another got, or many", Args: cobra.MaximumNArgs(1), RunE: o.with((*runs).resubmit)}
	for _, many := range []*cobra.Command{cancel, resubmit} {
		o.choice.flags(many)
		many.Flags().BoolVar(&o.choice.all, "all", false, "choose all runs")
		many.Flags().BoolVar(&o.dry, "dry-run", false, "print the runs that are chosen, and do nothing to them")
		many.Flags().IntVar(&o.parallel, "parallel", 8, "`N` runs at a time")
	}
	watch := &cobra.Command{Use: "watch [RUN]", Short: "Print what a run does until it is over; the exit status is 0 if it succeeded", Args: cobra.MaximumNArgs(1), RunE: o.with((*runs).watch)}
	watch.Flags().DurationVar(&o.every, "every", time.Second, "`TIME` between two looks")
	c.AddCommand(list, show, cancel, resubmit, watch)
	return c
}

// runs is a command about runs under way.
type runs struct {
	runSource
	o              runsOptions
	live           *outbound.Credentials
	stdout, stderr io.Writer
	args           []string
}

func (o *runsOptions) with(do func(*runs, context.Context) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		if o.output != "table" && o.output != "json" {
			return errors.New("--output: want table or json")
		}
		if o.every < 0 || o.limit < 0 {
			return errors.New("want a number that is not below zero")
		}
		if _, err := o.choice.text(time.Now()); err != nil {
			return err
		}
		source, live, err := o.open(c)
		if err != nil {
			return err
		}
		defer source.Close()
		return do(&runs{source, *o, live, c.OutOrStdout(), c.ErrOrStderr(), args}, audit.WithActor(c.Context(), "latchwork runs"))
	}
}

// newest gathers the newest runs that are chosen, over all workflows.
func (r *runs) newest(ctx context.Context, limit int, filter string) ([]foundRun, error) {
	workflows, err := r.workflows(ctx, r.o.workflow)
	if err != nil {
		return nil, err
	}
	var all []foundRun
	for _, w := range workflows {
		list, err := r.runs(ctx, w, filter, limit)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b foundRun) int { return strings.Compare(a.state.Name, b.state.Name) }) // newest first
	if limit > 0 && len(all) > limit {
		all = all[:limit]
	}
	return all, nil
}

func (r *runs) list(ctx context.Context) error {
	filter, err := r.o.choice.text(time.Now())
	if err != nil {
		return err
	}
	list, err := r.newest(ctx, r.o.limit, filter)
	if err != nil {
		return err
	}
	return r.print(list)
}

// print prints a line for each run.
func (r *runs) print(list []foundRun) error {
	if r.o.output == "json" {
		for _, f := range list {
			fmt.Fprintf(r.stdout, "%s\n", r.live.Replace(value.Reveal(runView(f))))
		}
		return nil
	}
	w := tabwriter.NewWriter(r.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STARTED\tWORKFLOW\tRUN\tSTATUS\tDURATION\tCODE")
	for _, f := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", f.state.Start.Local().Format(time.DateTime), printable(f.workflow.Name), printable(f.state.Name), printable(string(f.state.Status)), duration(f.state), printable(f.state.Code))
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
		list, err := r.newest(ctx, 1, "")
		if err == nil && len(list) == 0 {
			err = errors.New("there are no runs")
		}
		if err != nil {
			return foundRun{}, err
		}
		return list[0], nil
	}
	none := fmt.Errorf("there is no run %q", r.args[0])
	if !isRunName(r.args[0]) {
		return foundRun{}, none
	}
	workflows, err := r.workflows(ctx, r.o.workflow)
	if err != nil {
		return foundRun{}, err
	}
	for _, w := range workflows {
		switch f, err := r.run(ctx, w, r.args[0]); {
		case err == nil:
			return f, nil
		case !errors.Is(err, errNoRun):
			return foundRun{}, err
		}
	}
	return foundRun{}, none
}

func (r *runs) show(ctx context.Context) error {
	f, err := r.one(ctx)
	if err != nil {
		return err
	}
	graph, st, err := r.whole(ctx, f, r.o.history)
	if err != nil {
		return err
	}
	if r.o.output == "table" {
		outlinePrinter{r.stdout, r.live, r.o.history}.print(f.workflow.Name, graph, st)
		return nil
	}
	var actions []value.Value
	for _, l := range outline(graph, st, 0) {
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

// cancel ends one run, or those that are chosen and not over.
func (r *runs) cancel(ctx context.Context) error {
	many, err := r.o.choice.isMany(r.args)
	if err != nil {
		return err
	}
	if many {
		return r.toMany(ctx, deed{done: "cancelled", do: r.cancelRun, of: func(st *run.State) bool { return !st.Status.Final() }})
	}
	if len(r.args) == 0 {
		return errors.New("name a RUN, or choose some by --status, --since, --until, --tracking-id, --filter or --all")
	}
	f, err := r.one(ctx)
	if err != nil {
		return err
	}
	st, err := r.cancelRun(ctx, f)
	if errors.Is(err, errRunOver) {
		return fmt.Errorf("run %s is over: %s", f.state.Name, f.state.Status)
	}
	if err != nil {
		return err
	}
	return r.tell(foundRun{f.workflow, st})
}

// resubmit starts runs with what came in with others, by the present definition.
func (r *runs) resubmit(ctx context.Context) error {
	many, err := r.o.choice.isMany(r.args)
	if err != nil {
		return err
	}
	if many {
		return r.toMany(ctx, deed{done: "resubmitted", do: r.resubmitRun, of: func(st *run.State) bool { return st.Status.Final() }})
	}
	f, err := r.one(ctx)
	if err != nil {
		return err
	}
	st, err := r.resubmitRun(ctx, f)
	if err != nil {
		return err
	}
	return r.tell(foundRun{f.workflow, st})
}

// tell prints a run in a line.
func (r *runs) tell(f foundRun) error {
	if r.o.output == "json" {
		_, err := fmt.Fprintf(r.stdout, "%s\n", r.live.Replace(value.Reveal(runView(f))))
		return err
	}
	_, err := fmt.Fprintf(r.stdout, "%s  run %s  %s\n", printable(f.workflow.Name), printable(f.state.Name), printable(string(f.state.Status)))
	return err
}
