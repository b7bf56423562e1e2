package handlers

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
)

type auditOptions struct {
	since, until            string
	workflow, kind, outcome string
	output, store           string
	limit                   int
	remote                  remoteOptions
}

func auditCommand() *cobra.Command {
	var o auditOptions
	c := &cobra.Command{
		Use:   "audit",
		Short: "Print who was let in or refused, and what was changed",
		Long: `Audit prints the audit trail, oldest first. With --endpoint it asks a running app, which
needs the permission audit. Else it reads the Azure store if the settings name one, else the
embedded store, which no other process may have open.

Kinds are trigger, resume, content and other for calls, key and change for what was
done to a workflow, and lost for events that could not be written.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return printAudit(c, o)
		},
	}
	o.remote.flags(c)
	c.Flags().StringVar(&o.since, "since", "24h", "`TIME` of the first event: 2026-03-14, 2026-03-14T12:00:00Z, or how long ago, such as 90m or 7d")
	c.Flags().StringVar(&o.until, "until", "", "`TIME` of the end (default: now)")
	c.Flags().StringVar(&o.workflow, "workflow", "", "`NAME` or id of a workflow")
	c.Flags().StringVar(&o.kind, "kind", "", "`KIND` of event")
	c.Flags().StringVar(&o.outcome, "outcome", "", "`OUTCOME`: allowed, refused or done")
	c.Flags().StringVar(&o.output, "output", "table", "`FORM` of the output: table, or json for a line of JSON for each event")
	c.Flags().IntVar(&o.limit, "limit", 0, "print at most `N` events (default: all)")
	c.Flags().StringVar(&o.store, "store", "", "`FILE` of the embedded store (default: store.db in the data folder)")
	return c
}

func printAudit(c *cobra.Command, o auditOptions) error {
	f := store.AuditFilter{Kind: o.kind, Outcome: o.outcome}
	now := time.Now()
	var errs [2]error
	f.Since, errs[0] = parseMoment(o.since, now)
	f.Until, errs[1] = parseMoment(cmp.Or(o.until, "0s"), now)
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	if o.output != "table" && o.output != "json" {
		return errors.New("--output: want table or json")
	}
	if o.limit < 0 {
		return errors.New("--limit: want a number that is not below zero")
	}
	buffered := bufio.NewWriter(c.OutOrStdout())
	printer := newAuditPrinter(buffered, o.output)
	n := 0
	yield := func(e auditEvent) bool {
		printer.print(e)
		n++
		return o.limit == 0 || n < o.limit
	}
	var err error
	if o.remote.endpoint != "" {
		err = o.remoteTrail(c, f, yield)
	} else {
		err = o.localTrail(c, f, yield)
	}
	return errors.Join(err, printer.end(), buffered.Flush())
}

// auditEvent is an event with the name of its workflow.
type auditEvent struct {
	store.AuditEvent
	workflow string
}

// localTrail reads the trail in the store.
func (o auditOptions) localTrail(c *cobra.Command, f store.AuditFilter, yield func(auditEvent) bool) error {
	ctx, file := c.Context(), o.file()
	if file != "" && !fileExists(file) {
		return fmt.Errorf("there is no store %s", file)
	}
	a, err := openApp(ctx, options{getenv: os.Getenv, storeFile: file, log: c.ErrOrStderr(), pretty: isTerminal(os.Stderr)})
	if held := (*local.InUseError)(nil); errors.As(err, &held) {
		return fmt.Errorf("%w, or ask that process with --endpoint, such as --endpoint http://127.0.0.1:7071", err)
	}
	if err != nil {
		return err
	}
	defer a.Close()
	names, err := a.workflowNames(ctx)
	if err != nil {
		return err
	}
	if o.workflow != "" {
		if f.WorkflowID = idOf(names, o.workflow); f.WorkflowID == "" {
			return fmt.Errorf("there is no workflow %q in the store", o.workflow)
		}
	}
	return a.store.Audit(ctx, f, func(e store.AuditEvent) bool { return yield(auditEvent{e, names[e.WorkflowID]}) })
}

// file is the embedded store to read; "" where the settings name one on Azure.
func (o auditOptions) file() string {
	switch {
	case o.store != "":
		return o.store
	case azureStore(os.Getenv):
		return ""
	}
	settings, err := readSettings(os.Getenv, false)
	if err != nil {
		return "" // openApp says what is wrong
	}
	return filepath.Join(settings.dataDir, "store.db")
}

// parseMoment reads a day, a time, or how long ago.
func parseMoment(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	text, scale := s, time.Duration(1)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		text, scale = days+"h", 24
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return now, fmt.Errorf("%q is no time: want 2026-03-14, 2026-03-14T12:00:00Z, or how long ago, such as 90m or 7d", s)
	}
	return now.Add(-ago * scale), nil
}

// workflowNames are the names of the workflows in the store, by id.
func (a *app) workflowNames(ctx context.Context) (map[string]string, error) {
	list, err := a.store.Workflows(ctx)
	names := make(map[string]string, len(list))
	for _, w := range list {
		names[w.ID] = w.Name
	}
	return names, err
}

// idOf finds a workflow by its name. What is no name is an id: a workflow that is no
// more has left its events.
func idOf(names map[string]string, text string) string {
	for id, name := range names {
		if strings.EqualFold(name, text) {
			return id
		}
	}
	if len(text) == 32 && strings.Trim(text, "0123456789abcdef") == "" {
		return text
	}
	return ""
}

// auditPrinter writes events as a table, or as lines of JSON.
type auditPrinter struct {
	table *tabwriter.Writer
	json  *json.Encoder
	err   error
}

func newAuditPrinter(w io.Writer, form string) *auditPrinter {
	p := &auditPrinter{}
	if form == "json" {
		p.json = json.NewEncoder(w)
		p.json.SetEscapeHTML(false)
		return p
	}
	p.table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(p.table, "TIME\tKIND\tOUTCOME\tWORKFLOW\tSUBJECT\tWHO\tBY\tWHY")
	return p
}

func (p *auditPrinter) print(e auditEvent) {
	if p.json != nil {
		p.err = errors.Join(p.err, p.json.Encode(auditLine{
			Time: e.At.Format("2006-01-02T15:04:05.0000000Z"), Kind: e.Kind, Outcome: e.Outcome, WorkflowID: e.WorkflowID, Workflow: e.workflow,
			Subject: e.Subject, Caller: e.Caller, Principal: e.Principal, Scheme: e.Scheme, Key: e.Key, Status: e.Status, Code: e.Code, Reason: e.Reason, Count: max(e.Count, 1),
		}))
		return
	}
	outcome := e.Outcome
	if e.Count > 1 {
		outcome = fmt.Sprintf("%s ×%d", outcome, e.Count)
	}
	row := []string{
		e.At.Local().Format("2006-01-02 15:04:05.000"), e.Kind, outcome, cmp.Or(e.workflow, e.WorkflowID), e.Subject,
		together(e.Caller, e.Principal), together(e.Scheme, e.Key), together(e.Code, e.Reason),
	}
	for i, text := range row {
		row[i] = cmp.Or(printable(text), "-")
	}
	fmt.Fprintln(p.table, strings.Join(row, "\t"))
}

func together(texts ...string) string { return strings.TrimSpace(strings.Join(texts, " ")) }

// printable keeps what a caller wrote from acting on the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}

func (p *auditPrinter) end() error {
	if p.table != nil {
		return p.table.Flush()
	}
	return p.err
}

// auditLine is an event as JSON.
type auditLine struct {
	Time       string `json:"time"`
	Kind       string `json:"kind"`
	Outcome    string `json:"outcome"`
	WorkflowID string `json:"workflowId,omitempty"`
	Workflow   string `json:"workflow,omitempty"`
	Subject    string `json:"subject,omitempty"`
	Caller     string `json:"caller,omitempty"`
	Principal  string `json:"principal,omitempty"`
	Scheme     string `json:"scheme,omitempty"`
	Key        string `json:"key,omitempty"`
	Status     int64  `json:"status,omitempty"`
	Code       string `json:"code,omitempty"`
	Reason     string `json:"reason,omitempty"`
	Count      int64  `json:"count"`
}
