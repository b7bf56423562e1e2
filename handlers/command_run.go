package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

type runOptions struct {
	body, parameters, workflow, trigger string
	headers                             []string
	showHistory, fastForward            bool
}

func runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use:   "run PATH",
		Short: "Run one workflow once, in this process",
		Long: `Run starts one workflow, waits for its end, and prints the response and an outline
of the run: action, status, duration, and which sides history hides. Nothing is
kept. The exit status is 0 only if the run succeeded.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return runOnce(c.Context(), c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr(), args[0], o)
		},
	}
	c.Flags().StringVar(&o.body, "body", "", "`FILE` with the body of the trigger's call, or - for standard input")
	c.Flags().StringVar(&o.parameters, "parameters", "", "parameters `FILE` of an ARM template (default: <name>.parameters.json beside it)")
	c.Flags().StringVar(&o.workflow, "workflow", "", "`NAME` of the workflow, where the file holds several")
	c.Flags().StringVar(&o.trigger, "trigger", "", "`NAME` of the trigger, where the workflow has several")
	c.Flags().StringArrayVarP(&o.headers, "header", "H", nil, "a header of the trigger's call, `'Name: value'`; may be given several times")
	c.Flags().BoolVar(&o.showHistory, "history", false, "print the inputs and outputs that history shows")
	c.Flags().BoolVar(&o.fastForward, "fast-forward", false, "jump over delays, the pauses between retries and polls, and time limits")
	return c
}

func runOnce(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, path string, o runOptions) error {
	doc, w, err := oneWorkflow(ctx, stdout, path, o)
	if err != nil {
		return err
	}
	received, err := o.received(stdin)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "latchwork-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	maps, err := artifactsOf([]string{path})
	if err != nil {
		return err
	}
	settings := options{getenv: os.Getenv, storeFile: filepath.Join(folder, "store.db"), artifacts: maps, log: stderr, pretty: true}
	if o.fastForward {
		settings.skip = &skippingClock{}
	}
	a, err := openApp(ctx, settings)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.demoSecrets(ctx, stderr, []*document{doc}); err != nil {
		return err
	}
	for _, other := range doc.deployment.Workflows { // it may call them
		if other.Name != w.Name {
			if _, _, err := a.engine.Save(ctx, resource(other)); err != nil {
				return err
			}
		}
	}
	for _, other := range doc.siblings(stderr) {
		if _, _, err := a.engine.Save(ctx, resource(other)); err != nil {
			return err
		}
	}
	for _, c := range doc.deployment.Connections {
		if err := a.engine.SaveConnection(ctx, connection(c)); err != nil {
			return err
		}
	}
	saved, problems, err := a.engine.Save(ctx, w)
	if err != nil {
		return err
	}
	if saved == nil {
		for _, p := range problems {
			printProblem(stdout, doc, p)
		}
		return errQuiet
	}
	return a.runAndPrint(ctx, stdout, saved, received, o, settings.skip)
}

// oneWorkflow loads a file, or the one workflow file in a folder.
func oneWorkflow(ctx context.Context, stdout io.Writer, path string, o runOptions) (*document, *engine.Resource, error) {
	files, err := findFiles([]string{path})
	if err != nil {
		return nil, nil, err
	}
	if len(files) > 1 && o.workflow != "" { // of a project
		files = slices.DeleteFunc(files, func(f string) bool { return !strings.EqualFold(workflowName(f), o.workflow) })
	}
	if len(files) != 1 {
		return nil, nil, fmt.Errorf("%s holds %d files that may be workflows; name the one to run, or its workflow with --workflow", path, len(files))
	}
	doc, err := loadFile(files[0], o.parameters, here(), resolving(ctx, os.Getenv))
	if err != nil {
		return nil, nil, err
	}
	if err := doc.join(false); err != nil {
		return nil, nil, err
	}
	if doc.reportIfWorse(stdout) {
		return nil, nil, errQuiet
	}
	var names []string
	for _, w := range doc.deployment.Workflows {
		names = append(names, w.Name)
		if strings.EqualFold(w.Name, o.workflow) || o.workflow == "" && len(doc.deployment.Workflows) == 1 {
			return doc, resource(w), nil
		}
	}
	return nil, nil, fmt.Errorf("%s: name one of its workflows with --workflow: %s", files[0], strings.Join(names, ", "))
}

// received is the call that the trigger gets.
func (o runOptions) received(stdin io.Reader) (*operation.Received, error) {
	r := &operation.Received{Method: http.MethodPost, Header: http.Header{}}
	for _, h := range o.headers {
		name, v, ok := strings.Cut(h, ":")
		if !ok {
			return nil, errors.New("--header: want 'Name: value'")
		}
		r.Header.Add(strings.TrimSpace(name), strings.TrimSpace(v))
	}
	var err error
	switch o.body {
	case "":
		return r, nil
	case "-":
		r.Body, err = io.ReadAll(stdin)
	default:
		r.Body, err = os.ReadFile(o.body)
	}
	r.HasBody = len(r.Body) > 0
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r, err
}

func (a *app) runAndPrint(ctx context.Context, stdout io.Writer, w *engine.Workflow, received *operation.Received, o runOptions, skip *skippingClock) error {
	trigger, err := pickTrigger(w.Program, o.trigger)
	if err != nil {
		return err
	}
	outputs, rejection := operation.Given(trigger, received, time.Now())
	if rejection != nil {
		fmt.Fprintf(stdout, "%d %s\n%s: %s\n", rejection.Status, http.StatusText(rejection.Status), rejection.Code, rejection.Message)
		return errQuiet
	}
	running, err := a.engine.Start(ctx, w, engine.Trigger{Name: trigger.Name, Outputs: outputs, Waits: true})
	if err != nil {
		return err
	}
	if running.Skipped {
		fmt.Fprintln(stdout, "The trigger did not fire: a condition does not hold.")
		return errQuiet
	}
	st, err := a.finish(ctx, running, skip)
	if err != nil {
		return err
	}
	a.printResponse(stdout, st)
	outlinePrinter{stdout, a.live, o.showHistory}.print(w.Name, w.Program.Root, st)
	for _, name := range awaiting(st) {
		fmt.Fprintf(stdout, "\nAction '%s' waits to be called, which nobody can do here; under 'latchwork serve' the run would go on.\n", name)
	}
	if st.Status != definition.Succeeded {
		return errQuiet
	}
	return nil
}

func pickTrigger(p *definition.Program, name string) (*definition.Trigger, error) {
	var names []string
	for _, t := range p.Triggers {
		names = append(names, t.Name)
	}
	switch {
	case name != "":
		if t := p.Trigger(name); t != nil {
			return t, nil
		}
		return nil, fmt.Errorf("there is no trigger %q; the workflow has %s", name, strings.Join(names, ", "))
	case len(p.Triggers) == 1:
		return p.Triggers[0], nil
	}
	return nil, fmt.Errorf("the workflow has %d triggers; name one with --trigger: %s", len(p.Triggers), strings.Join(names, ", "))
}

// printResponse prints what a caller would have been answered.
func (a *app) printResponse(stdout io.Writer, st *run.State) {
	w := httptest.NewRecorder()
	switch record := st.Records[st.Responded]; {
	case record != nil:
		a.writeResponse(w, record)
		fmt.Fprintf(stdout, "%d %s\n", w.Code, http.StatusText(w.Code))
		if w.Body.Len() > 0 {
			fmt.Fprintf(stdout, "%s\n", pretty(w.Body.Bytes()))
		}
	case !st.ResponseDue.IsZero():
		fmt.Fprintln(stdout, "502 Bad Gateway\nNoResponse: the run ended without a Response action.")
	default:
		fmt.Fprintln(stdout, "202 Accepted")
	}
	fmt.Fprintln(stdout)
}

// pretty indents JSON and leaves other text as it is.
func pretty(data []byte) []byte {
	v, err := value.Parse(data)
	if err != nil {
		return data
	}
	return value.Indent(v)
}
