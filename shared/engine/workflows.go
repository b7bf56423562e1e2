package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// Workflow is a stored workflow with its compiled program.
type Workflow struct {
	*store.Workflow
	Program *definition.Program
}

type cached struct {
	header *store.Workflow
	until  time.Time
}

// compiled is one version of a workflow.
type compiled struct {
	program                *definition.Program
	definition, parameters value.Value
}

// Resource is a workflow as it is to be saved.
type Resource struct {
	Name, ResourceID, Location, Kind, State string
	Tags, Identity, AccessControl           value.Value
	Definition, Parameters                  value.Value
	DefinitionPath, ParametersPath          *value.Path // where they stand in their document
	AccessControlPath                       *value.Path
	// Replaces is the ETag of the workflow that this one was made from, Nothing where there
	// was none: one that changed meanwhile is a conflict. "" replaces whatever is there.
	Replaces string
	// FromFile: the resource is read from a file at each start. It says in which state
	// the workflow begins; it does not undo an Enable or Disable each time.
	FromFile bool
}

// Nothing is what a resource replaces that is to be new.
const Nothing = "nothing"

// Source returns what the compiler needs of the resource.
func (r *Resource) Source() definition.Source {
	return definition.Source{
		Name: r.Name, ResourceID: r.ResourceID, Definition: r.Definition, Parameters: r.Parameters, Standard: r.Kind != "",
		Path: r.DefinitionPath, ParametersPath: r.ParametersPath,
	}
}

// Check reports what is wrong with a workflow, without storing anything.
func (e *Engine) Check(r *Resource) []value.Problem {
	_, problems := r.Compile(e.Catalog)
	return problems
}

// Save compiles a workflow and stores it as a new version, unless it is what the
// store has already. With problems that are no warnings nothing is stored.
func (e *Engine) Save(ctx context.Context, r *Resource) (*Workflow, []value.Problem, error) {
	r, unresolved := e.resolved(ctx, r)
	if len(unresolved) > 0 {
		return nil, unresolved, nil
	}
	program, problems := r.Compile(e.Catalog)
	if program == nil {
		return nil, problems, nil
	}
	program.Strict = e.strict(r.Tags)
	now := e.Ambient.Now()
	w := &store.Workflow{
		Name: r.Name, ResourceID: r.ResourceID, Location: r.Location, Kind: r.Kind, State: r.State,
		Tags: r.Tags, Identity: r.Identity, AccessControl: r.AccessControl,
		Definition: r.Definition, Parameters: sealSecure(program, r.Parameters),
		Version: run.NewVersion(now), Created: now, Changed: now,
	}
	if w.State == "" {
		w.State = "Enabled"
	}
	if r.FromFile {
		w.Declared = w.State
	}
	unchanged, err := e.inherit(ctx, w, r.Replaces)
	if err != nil {
		return nil, problems, err
	}
	if !unchanged {
		if lifted := e.keepsConcurrency(ctx, w, program); len(lifted) > 0 {
			return nil, append(problems, lifted...), nil
		}
		if err := e.Store.SaveWorkflow(ctx, w); err != nil {
			return nil, problems, err
		}
		e.saved(ctx, w)
	}
	e.mu.Lock()
	e.workflows[w.ID] = &cached{w, now.Add(e.Fresh)}
	e.mu.Unlock()
	e.keep(w, program)
	saved := &Workflow{w, program}
	return saved, problems, e.startTriggers(ctx, saved)
}

// Restore makes a workflow what it was, by what was read of it then: the version that
// was current is current again. Its keys stay as they are now.
func (e *Engine) Restore(ctx context.Context, old *store.Workflow) error {
	now, err := e.Store.WorkflowHeader(ctx, old.ID)
	if err != nil {
		return err
	}
	w := *old
	w.Keys, w.ETag, w.Changed = now.Keys, now.ETag, e.Ambient.Now()
	if err := e.Store.SaveWorkflowHeader(ctx, &w); err != nil {
		return err
	}
	e.saved(ctx, &w)
	e.forget(w.ID)
	restored, err := e.Workflow(ctx, w.ID)
	if err != nil {
		return err
	}
	return e.startTriggers(ctx, restored)
}

// resolved is a resource with the secrets that its parameters refer to. They are those of
// now: a secret that changes is taken up when the workflow is saved again.
func (e *Engine) resolved(ctx context.Context, r *Resource) (*Resource, []value.Problem) {
	if e.Resolve == nil || r.Parameters.IsAbsent() {
		return r, nil
	}
	parameters, problem := e.Resolve(ctx, r.Parameters, r.ParametersPath)
	if problem != nil {
		return nil, []value.Problem{*problem}
	}
	with := *r
	with.Parameters = parameters
	return &with, nil
}

// inherit takes over what a workflow keeps from version to version: its id, its
// keys and its state. It tells whether nothing changed at all.
func (e *Engine) inherit(ctx context.Context, w *store.Workflow, replaces string) (unchanged bool, err error) {
	id, err := e.Store.WorkflowNamed(ctx, w.ResourceID)
	if errors.Is(err, store.ErrNotFound) {
		if replaces != "" && replaces != Nothing {
			return false, fmt.Errorf("the workflow is gone: %w", store.ErrConflict)
		}
		w.ID = hex.EncodeToString(random(16))
		w.Keys = store.Keys{Primary: random(32), Secondary: random(32), Contents: random(32)}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	old, err := e.Store.WorkflowHeader(ctx, id)
	if err != nil {
		return false, err
	}
	if replaces != "" && replaces != old.ETag {
		return false, fmt.Errorf("the workflow is not what it was: %w", store.ErrConflict)
	}
	if err := e.Store.WorkflowVersion(ctx, old, old.Version); err != nil {
		return false, err
	}
	w.ID, w.Keys, w.Created, w.ETag = old.ID, old.Keys, old.Created, old.ETag
	if w.Declared != "" && w.Declared == old.Declared {
		w.State = old.State
	}
	if same(old.Definition, w.Definition) && same(old.Parameters, w.Parameters) && same(old.AccessControl, w.AccessControl) &&
		same(old.Tags, w.Tags) && same(old.Identity, w.Identity) && old.State == w.State && old.Declared == w.Declared && old.Location == w.Location && old.Kind == w.Kind {
		*w = *old
		return true, nil
	}
	newest, _, err := e.Store.Versions(ctx, old, 1, "") // not the current one, where an earlier one was restored
	if err != nil {
		return false, err
	}
	if len(newest) > 0 && w.Version >= newest[0].Version { // clocks differ, or stand: the newer version sorts first all the same
		if n, err := strconv.ParseUint(newest[0].Version, 10, 64); err == nil {
			w.Version = fmt.Sprintf("%020d", n-1)
		}
	}
	return false, nil
}

func same(a, b value.Value) bool {
	return a.IsAbsent() == b.IsAbsent() && bytes.Equal(value.Reveal(a), value.Reveal(b))
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}

// sealSecure marks the values of secure parameters, so that the store seals them
// and nothing prints them.
func sealSecure(p *definition.Program, parameters value.Value) value.Value {
	for _, declared := range p.Parameters {
		if entry, ok := parameters.Get(declared.Name); ok && declared.Secure() {
			parameters = parameters.With(declared.Name, entry.Mark(declared.Value.Origins()...))
		}
	}
	return parameters
}

// Workflow returns the current version of a workflow. It asks the store at most
// once per Config.Fresh.
func (e *Engine) Workflow(ctx context.Context, id string) (*Workflow, error) {
	e.mu.Lock()
	c := e.workflows[id]
	e.mu.Unlock()
	if c == nil || !e.Ambient.Now().Before(c.until) {
		header, err := e.Store.WorkflowHeader(ctx, id)
		if err != nil {
			return nil, err
		}
		c = &cached{header, e.Ambient.Now().Add(e.Fresh)}
		e.mu.Lock()
		e.workflows[id] = c
		e.mu.Unlock()
	}
	return e.compiled(ctx, c.header, c.header.Version)
}

// Current is Workflow as the store has it now. A version that does not compile here has
// an empty program: it can be looked at, changed and deleted all the same.
func (e *Engine) Current(ctx context.Context, id string) (*Workflow, error) {
	header, err := e.Store.WorkflowHeader(ctx, id)
	if err != nil {
		return nil, err
	}
	return e.Adopt(ctx, header)
}

// Adopt is Current for a header that has just been read.
func (e *Engine) Adopt(ctx context.Context, header *store.Workflow) (*Workflow, error) {
	e.mu.Lock()
	e.workflows[header.ID] = &cached{header, e.Ambient.Now().Add(e.Fresh)}
	e.mu.Unlock()
	w, err := e.compiled(ctx, header, header.Version)
	if !errors.Is(err, ErrNotCompiled) {
		return w, err
	}
	full := *header
	return &Workflow{&full, &definition.Program{}}, e.Store.WorkflowVersion(ctx, &full, header.Version)
}

// WorkflowVersion returns a workflow as it was in a version: a run keeps the one
// it started with.
func (e *Engine) WorkflowVersion(ctx context.Context, id, version string) (*Workflow, error) {
	w, err := e.Workflow(ctx, id)
	if err != nil || w.Version == version {
		return w, err
	}
	return e.compiled(ctx, w.Workflow, version)
}

// ErrNotCompiled: a version that was stored by another latchwork.
var ErrNotCompiled = errors.New("does not compile here")

func (e *Engine) compiled(ctx context.Context, header *store.Workflow, version string) (*Workflow, error) {
	key := header.ID + "/" + version
	e.mu.Lock()
	c := e.programs[key]
	e.mu.Unlock()
	w := *header
	if c != nil {
		w.Version, w.Definition, w.Parameters = version, c.definition, c.parameters
		return &Workflow{&w, c.program}, nil
	}
	if err := e.Store.WorkflowVersion(ctx, &w, version); err != nil {
		return nil, err
	}
	program, problems := definition.Compile(definition.Source{Name: w.Name, Definition: w.Definition, Parameters: w.Parameters, Standard: w.Kind != ""}, e.Catalog)
	if program == nil {
		var all []string
		for _, p := range problems {
			all = append(all, p.Error())
		}
		return nil, fmt.Errorf("version %s of workflow %s %w: %s", version, w.Name, ErrNotCompiled, strings.Join(all, "; "))
	}
	program.Strict = e.strict(w.Tags)
	e.keep(&w, program)
	return &Workflow{&w, program}, nil
}

// maxPrograms is how many compiled versions are kept. One over it drops them all: those
// that are in use are compiled again within milliseconds.
const maxPrograms = 1000

func (e *Engine) keep(w *store.Workflow, program *definition.Program) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.programs) >= maxPrograms {
		clear(e.programs)
	}
	e.programs[w.ID+"/"+w.Version] = &compiled{program, w.Definition, w.Parameters}
}

// SaveConnection stores a connection resource.
func (e *Engine) SaveConnection(ctx context.Context, c store.Connection) error {
	if e.Resolve != nil {
		properties, problem := e.Resolve(ctx, c.Properties, nil)
		if problem != nil {
			return problem
		}
		c.Properties = properties
	}
	c.Properties = sealValues(c.Properties)
	if err := e.Store.SaveConnection(ctx, c); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.connections = nil
	return nil
}

// sealValues marks the values that a connection is made with, which are never shown
// (management-api §7.1), so that the store seals them.
func sealValues(properties value.Value) value.Value {
	mark := func(v value.Value) value.Value {
		return v.Mark(value.Origin{Class: value.Credential, Name: "connection:parameterValues"})
	}
	if v := properties.Member("parameterValues"); v.Len() > 0 {
		properties = properties.With("parameterValues", mark(v))
	}
	if set := properties.Member("parameterValueSet"); set.Member("values").Len() > 0 {
		properties = properties.With("parameterValueSet", set.With("values", mark(set.Member("values"))))
	}
	return properties
}
