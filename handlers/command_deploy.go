package handlers

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/deploy"
	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/management"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

type deployOptions struct {
	remote                           remoteOptions
	files, values                    []string
	store, location, answers, output string
	whatIf                           bool
}

func deployCommand() *cobra.Command {
	var o deployOptions
	c := &cobra.Command{
		Use:   "deploy TEMPLATE",
		Short: "Deploy the workflows and connections of an ARM template",
		Long: `Deploy evaluates an ARM template, or another file with a workflow, prints what would
change, and changes it: all of it or, if a part fails, nothing. It writes the Azure store
if the settings name one, else the embedded store, which no other process may have open.
With --endpoint it goes through the management API of a running app instead.

Resources of other types than workflows and connections are listed and not deployed.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			d := &deploying{deployOptions: o, stdin: c.InOrStdin(), stdout: c.OutOrStdout(), stderr: c.ErrOrStderr()}
			return d.run(audit.WithActor(c.Context(), "latchwork deploy"), args[0])
		},
	}
	o.remote.flags(c)
	f := c.Flags()
	f.StringArrayVar(&o.files, "parameters", nil, "parameters `FILE`; of several the last that has a value counts (default: <name>.parameters.json beside the template)")
	f.StringArrayVar(&o.values, "parameter", nil, "`NAME=VALUE` of a parameter, as JSON unless it is text; NAME=- reads it from standard input")
	f.StringVar(&o.store, "store", "", "`FILE` of the embedded store (default: store.db in the data folder)")
	f.StringVar(&o.location, "location", "", "`LOCATION` of the resource group, for templates that ask (default: local)")
	f.StringVar(&o.answers, "answers", "", "JSON `FILE` with what Azure answers for resources that are not deployed here: {\"ID\": {\"reference\": …, \"listKeys\": …}}")
	f.StringVar(&o.output, "output", "text", "`FORM` of the output: text, or json as the what-if of Azure has it")
	f.BoolVar(&o.whatIf, "what-if", false, "print what would change, and change nothing")
	return c
}

// mostWarnings is how many are printed before a plan, which they must not bury.
const mostWarnings = 3

// deploying is a deployment under way.
type deploying struct {
	deployOptions
	stdin          io.Reader
	stdout, stderr io.Writer
	app            *app // nil where another one is deployed to
}

func (d *deploying) run(ctx context.Context, path string) error {
	if d.output != "text" && d.output != "json" {
		return errors.New("--output: want text or json")
	}
	if d.remote.endpoint != "" && d.store != "" {
		return errors.New("--store and --endpoint: want one of them")
	}
	doc, t, err := d.open(ctx, path)
	if err != nil {
		return err
	}
	answers, err := d.readAnswers()
	if err != nil {
		return err
	}
	to, err := d.target(ctx)
	if d.app != nil {
		defer d.app.Close()
	}
	if err != nil {
		return err
	}
	plan, problems, err := deploy.New(ctx, t, to, answers)
	if err != nil {
		return err
	}
	if plan == nil {
		return d.refuse(doc, problems)
	}
	for i, p := range plan.Warnings {
		if i == mostWarnings { // a playbook has one for each call of a connector
			fmt.Fprintf(d.stderr, "… and %d warnings more, which 'latchwork lint %s' prints\n\n", len(plan.Warnings)-i, doc.path)
			break
		}
		printProblem(d.stderr, doc, p)
	}
	if d.output == "text" {
		plan.Print(d.told(d.stdout))
	}
	if d.whatIf {
		return d.finish(plan, nil)
	}
	if err := plan.Apply(ctx, d.wrote); err != nil {
		var f *deploy.Failure
		if errors.As(err, &f) {
			for _, p := range f.Problems {
				printProblem(d.told(d.stderr), doc, p)
			}
		}
		return err
	}
	outputs, problems := plan.Outputs(ctx)
	for _, p := range problems { // the deployment stands: what it gives back does not change it
		printProblem(d.told(d.stderr), doc, p)
	}
	if err := d.finish(plan, outputs); err != nil || len(problems) > 0 {
		return cmp.Or(err, errQuiet)
	}
	return nil
}

func (d *deploying) wrote(s *deploy.Step) {
	if d.output == "text" {
		fmt.Fprintf(d.stdout, "%s %s %s\n", map[deploy.Change]string{deploy.Create: "created ", deploy.Modify: "modified"}[s.Change], s.Type, s.Name)
	}
}

// finish prints what is left to say at the end.
func (d *deploying) finish(plan *deploy.Plan, outputs []template.Output) error {
	if d.output == "text" {
		deploy.PrintOutputs(d.stdout, outputs)
		return nil
	}
	v := value.NewObject(3).Set("status", value.String("Succeeded")).Set("changes", plan.JSON())
	if !d.whatIf {
		v.Set("outputs", deploy.OutputsJSON(outputs))
	}
	var b bytes.Buffer
	if err := json.Indent(&b, value.JSON(v.Build()), "", "  "); err != nil {
		return err
	}
	fmt.Fprintln(d.stdout, b.String())
	return nil
}

// told replaces live credentials in what is printed.
func (d *deploying) told(w io.Writer) io.Writer {
	if d.app == nil {
		return w
	}
	return &withoutCredentials{w, d.app.live}
}

// refuse prints why a template cannot be deployed: all of it at once, and the
// parameters if some are missing.
func (d *deploying) refuse(doc *document, problems []value.Problem) error {
	sortByPlace(doc, problems)
	for _, p := range problems {
		printProblem(d.told(d.stderr), doc, p)
	}
	return errQuiet
}

// open reads the template with its parameters.
func (d *deploying) open(ctx context.Context, path string) (*document, *template.Template, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	doc := &document{path: path, data: data, places: value.NewPlaces(data)}
	declared := template.Declared(data)
	given, err := d.parameters(ctx, path, declared)
	if err != nil {
		return nil, nil, err
	}
	where := template.Local(time.Now())
	where.SubscriptionID, where.ResourceGroup = cmp.Or(d.remote.subscription, where.SubscriptionID), cmp.Or(d.remote.group, where.ResourceGroup)
	where.Location, where.TenantID = cmp.Or(d.location, where.Location), cmp.Or(os.Getenv(settingTenant), where.TenantID)
	t, problems := template.Open(data, workflowName(path), given, where)
	if worse(problems) {
		err := d.refuse(doc, problems)
		if t != nil {
			d.printParameters(t.Parameters)
		}
		return nil, nil, err
	}
	for _, p := range problems {
		printProblem(d.stderr, doc, p)
	}
	return doc, t, nil
}

// printParameters lists the parameters of a template some of which are missing.
func (d *deploying) printParameters(list []template.Parameter) {
	if !slices.ContainsFunc(list, func(p template.Parameter) bool { return p.Missing }) {
		return
	}
	w := tabwriter.NewWriter(d.stderr, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nPARAMETER\tTYPE\tDEFAULT\tDESCRIPTION")
	for _, p := range list {
		standard := "(none)"
		switch {
		case p.Missing:
			standard = "MISSING"
		case p.Secure:
			standard = "(secure)"
		case !p.Default.IsAbsent():
			standard = string(value.AppendText(nil, p.Default))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.Name, p.Type, shortText(standard), shortText(p.Description))
	}
	_ = w.Flush() // to the terminal
}

func shortText(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > 80 {
		return string(runes[:80]) + "…"
	}
	return s
}

// parameters puts together what files and flags say; references to secrets are resolved.
func (d *deploying) parameters(ctx context.Context, path string, declared []template.Parameter) (value.Value, error) {
	files := d.files
	if len(files) == 0 {
		if beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".parameters.json"; fileExists(beside) {
			files = []string{beside}
		}
	}
	all := value.Object()
	for _, file := range files {
		v, err := readParameters(file, resolving(ctx, os.Getenv))
		if err != nil {
			return all, err
		}
		for name, p := range v.Members {
			all = all.With(name, p)
		}
	}
	for _, text := range d.values {
		name, v, err := d.parameter(text, declared)
		if err != nil {
			return all, err
		}
		all = all.With(name, value.Object(value.Member{Key: "value", Value: v}))
	}
	return all, nil
}

// parameter reads NAME=VALUE by the type that is declared.
func (d *deploying) parameter(text string, declared []template.Parameter) (string, value.Value, error) {
	name, plain, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", value.Value{}, errors.New("--parameter: want NAME=VALUE")
	}
	i := slices.IndexFunc(declared, func(p template.Parameter) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return name, value.String(plain), nil // what is not declared is told with its place
	}
	p := declared[i]
	if plain == "-" {
		var err error
		if plain, err = readSecret(d.stdin, d.stderr); err != nil {
			return name, value.Value{}, fmt.Errorf("--parameter %s: %w", name, err)
		}
	} else if p.Secure {
		return name, value.Value{}, fmt.Errorf("--parameter %s is secure, and others see a command line: give it in a parameters file, as a reference to a Key Vault there, or as %s=- on standard input", name, name)
	}
	switch strings.ToLower(p.Type) {
	case "string", "securestring":
		return name, value.String(plain), nil
	}
	v, err := value.Parse([]byte(plain))
	if err != nil {
		return name, v, fmt.Errorf("--parameter %s: want JSON of type %s", name, p.Type)
	}
	return name, v, nil
}

func (d *deploying) readAnswers() (deploy.Answers, error) {
	if d.answers == "" {
		return deploy.Answers{}, nil
	}
	data, err := os.ReadFile(d.answers)
	if err != nil {
		return deploy.Answers{}, err
	}
	v, _, err := value.ParseDocument(data)
	if err != nil || v.Kind() != value.KindObject {
		return deploy.Answers{}, fmt.Errorf("%s: want a JSON object", d.answers)
	}
	return deploy.Answers{Value: v}, nil
}

// target is where the flags and the settings say that the template goes.
func (d *deploying) target(ctx context.Context) (deploy.Target, error) {
	if d.remote.endpoint != "" {
		client, err := d.remote.client(d.stdin)
		if err != nil {
			return nil, err
		}
		return &deploy.Remote{Client: client, Catalog: operation.Catalog{}}, nil
	}
	file := (auditOptions{store: d.store}).file()
	local := deploy.Local{Name: "the Azure store", Catalog: operation.Catalog{}}
	if file != "" {
		local.Name = "the store " + file
	}
	if d.whatIf && file != "" && !fileExists(file) {
		local.Identity, local.Resolve = management.Identity{}.Of, resolveLater
		return &deploy.Empty{Local: local}, nil
	}
	if file != "" {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, err
		}
	}
	a, err := openApp(ctx, options{getenv: os.Getenv, storeFile: file, log: d.stderr, pretty: isTerminal(os.Stderr)})
	if err != nil {
		return nil, err
	}
	d.app = a
	if local.Unaddressed = a.settings.baseURL == ""; local.Unaddressed && a.local {
		a.settings.baseURL, local.Unaddressed = "http://"+defaultAddress, false
	}
	api := a.resourceManager()
	local.Engine, local.Store, local.API = a.engine, a.store, api
	local.Identity, local.Resolve = api.Identity.Of, a.references.resolve
	return &local, nil
}

// resolveLater puts in secrets without an app; the vault is opened only if there is any.
func resolveLater(ctx context.Context, v value.Value, at *value.Path) (value.Value, *value.Problem) {
	if !hasReference(v) {
		return v, nil
	}
	references, err := newReferences(os.Getenv)
	if err != nil {
		return v, &value.Problem{Code: "InvalidKeyVaultReference", Path: at, Message: err.Error()}
	}
	return references.resolve(ctx, v, at)
}

func hasReference(v value.Value) bool {
	if text, ok := v.AsString(); ok {
		return outbound.IsReference(text)
	}
	for _, item := range v.Elements {
		if hasReference(item) {
			return true
		}
	}
	for _, item := range v.Members {
		if hasReference(item) {
			return true
		}
	}
	return false
}

// resourceManager is the management API for this process itself.
func (a *app) resourceManager() *management.API {
	return &management.API{
		Engine: a.engine, Store: a.store, CallbackBase: a.settings.baseURL, Base: a.settings.baseURL, Trusted: true, Client: gate.Peer, Now: time.Now, Log: a.log,
		Authorize: func(*http.Request) (management.Caller, *management.Error) {
			return management.Caller{Name: "latchwork", Role: management.Contributor, Contents: true}, nil
		},
		Identity: a.systemIdentity(),
	}
}
