package handlers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/management"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
)

// runSource is where runs are: a store that this process has open, or an app that it
// asks.
type runSource interface {
	// workflows are all, or the one with a name or an id.
	workflows(ctx context.Context, name string) ([]*store.Workflow, error)
	// runs are those of a workflow that a $filter lets through, newest first; limit 0
	// is none.
	runs(ctx context.Context, w *store.Workflow, filter string, limit int) ([]foundRun, error)
	// run is one of a workflow's runs, or errNoRun.
	run(ctx context.Context, w *store.Workflow, name string) (foundRun, error)
	// whole reads a run with its actions, and with what went in and out of them.
	whole(ctx context.Context, f foundRun, contents bool) (*definition.Graph, *run.State, error)
	// cancelRun gives errRunOver for a run that is over.
	cancelRun(ctx context.Context, f foundRun) (*run.State, error)
	// resubmitRun returns the new run.
	resubmitRun(ctx context.Context, f foundRun) (*run.State, error)
	// drives tells whether somebody drives the runs while they are looked at.
	drives() bool
	Close() error
}

var (
	errNoRun   = errors.New("there is no such run")
	errRunOver = errors.New("the run is over")
)

// foundRun is a run and its workflow.
type foundRun struct {
	workflow *store.Workflow
	state    *run.State
}

func (f foundRun) key() store.RunKey {
	return store.RunKey{WorkflowID: f.workflow.ID, Run: f.state.Name}
}

// open opens the store, or an app.
func (o *runsOptions) open(c *cobra.Command) (runSource, *outbound.Credentials, error) {
	if o.remote.endpoint != "" {
		if o.store != "" {
			return nil, nil, errors.New("--endpoint and --store exclude each other")
		}
		client, err := o.remote.client(c.InOrStdin())
		if err != nil {
			return nil, nil, err
		}
		return &remoteRuns{client: client, within: o.remote.within(client), stderr: c.ErrOrStderr()}, &outbound.Credentials{}, nil
	}
	a, err := openForCommand(c, o.store)
	if err != nil {
		return nil, nil, err
	}
	return &storedRuns{a}, a.live, nil
}

// openForCommand opens the Azure store if the settings name one, else the embedded one.
func openForCommand(c *cobra.Command, storeFile string) (*app, error) {
	file := (auditOptions{store: storeFile}).file()
	if file != "" && !fileExists(file) {
		return nil, fmt.Errorf("there is no store %s; an app that runs is named by --endpoint", file)
	}
	a, err := openApp(c.Context(), options{getenv: os.Getenv, storeFile: file, log: c.ErrOrStderr(), pretty: isTerminal(os.Stderr)})
	if inUse := (*local.InUseError)(nil); errors.As(err, &inUse) {
		return nil, fmt.Errorf("%w; or ask that process, by --endpoint with the address that 'latchwork serve' prints", err)
	}
	return a, err
}

// runChoice chooses runs.
type runChoice struct {
	status, since, until, tracking, filter string
	all                                    bool
}

func (o *runChoice) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.status, "status", "", "`STATUS` of the runs, such as Failed (default: all)")
	f.StringVar(&o.since, "since", "", "`TIME` from which on they started: 2026-03-14, 2026-03-14T12:00:00Z, or how long ago, such as 90m or 7d (default: all)")
	f.StringVar(&o.until, "until", "", "`TIME` before which they started (default: now)")
	f.StringVar(&o.tracking, "tracking-id", "", "`ID` that their client gave them")
	f.StringVar(&o.filter, "filter", "", "a `FILTER` as the management API has them, such as \"status eq 'Failed' and startTime ge 2026-03-14T00:00:00Z\"")
}

// isMany tells whether many runs are chosen, and not the one in args.
func (o *runChoice) isMany(args []string) (bool, error) {
	chosen := *o != runChoice{}
	if chosen && len(args) > 0 {
		return false, errors.New("name a RUN or choose some, not both")
	}
	return chosen, nil
}

var runStatuses = []definition.Status{definition.Running, definition.Waiting, definition.Succeeded, definition.Failed, definition.Cancelled, definition.TimedOut, definition.Aborted, definition.Skipped}

// text is the choice as a $filter.
func (o *runChoice) text(now time.Time) (string, error) {
	var parts []string
	if o.status != "" {
		i := slices.IndexFunc(runStatuses, func(s definition.Status) bool { return strings.EqualFold(string(s), o.status) })
		if i < 0 {
			return "", fmt.Errorf("--status: there is no status %q; want one of %s", o.status, strings.Trim(fmt.Sprint(runStatuses), "[]"))
		}
		parts = append(parts, "status eq '"+string(runStatuses[i])+"'")
	}
	for _, bound := range []struct{ flag, text, op string }{{"--since", o.since, "ge"}, {"--until", o.until, "lt"}} {
		if bound.text == "" {
			continue
		}
		at, err := parseMoment(bound.text, now)
		if err != nil {
			return "", fmt.Errorf("%s: %w", bound.flag, err)
		}
		parts = append(parts, "startTime "+bound.op+" "+at.UTC().Format(time.RFC3339Nano))
	}
	if o.tracking != "" {
		parts = append(parts, "clientTrackingId eq '"+strings.ReplaceAll(o.tracking, "'", "''")+"'")
	}
	if o.filter != "" {
		if _, err := management.ParseRunFilter(o.filter); err != nil {
			return "", fmt.Errorf("--filter: %w", err)
		}
		parts = append(parts, o.filter)
	}
	return strings.Join(parts, " and "), nil
}

func isRunName(name string) bool {
	key := store.RunKey{WorkflowID: strings.Repeat("0", 32), Run: name}
	_, err := store.ParseRunKey(key.String())
	return err == nil
}
