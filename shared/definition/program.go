// Package definition turns the JSON of a workflow definition into a checked
// graph, and decides from its text alone what run history hides.
package definition

import (
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/value"
)

// Status is the state of a run, an action or a trigger (run-semantics §1).
type Status string

// The statuses, spelled as the product spells them.
const (
	Succeeded Status = "Succeeded"
	Failed    Status = "Failed"
	Skipped   Status = "Skipped"
	TimedOut  Status = "TimedOut"
	Cancelled Status = "Cancelled"
	Running   Status = "Running"
	Waiting   Status = "Waiting"
	Aborted   Status = "Aborted"
)

// Final tells whether an action or run with this status is over.
func (s Status) Final() bool { return s != "" && s != Running && s != Waiting }

// Program is a compiled definition. It is immutable.
type Program struct {
	Name       string
	Definition value.Value
	Parameters []Parameter
	Triggers   []*Trigger
	Root       *Graph
	Order      []*Action // the actions of all levels, in the order of the definition
	// Outputs are the definition's outputs, evaluated when a run finishes.
	Outputs []Output
	// Collects are the actions of which Outputs read all executions at once.
	Collects []*Action
	// Responds tells whether any action answers the caller of the trigger.
	Responds bool
	// Asynchronous: the caller is answered at once and asks for the response later
	// (triggers §11.4). One Response that says so decides it for all: a caller cannot
	// both wait and not.
	Asynchronous bool
	// Strict: history redacts whatever derives from a secret, wherever it went. The
	// definition does not say so; whoever compiled it does.
	Strict bool

	actions map[string]*Action // by lower-case name
}

// Action returns the action of this name, ignoring case, wherever it stands.
func (p *Program) Action(name string) *Action {
	if a, ok := p.actions[name]; ok {
		return a
	}
	return p.actions[strings.ToLower(name)]
}

// Trigger returns the trigger of this name, ignoring case, or nil.
func (p *Program) Trigger(name string) *Trigger {
	for _, t := range p.Triggers {
		if strings.EqualFold(t.Name, name) {
			return t
		}
	}
	return nil
}

// Graph is one container of actions: the root, a scope, a branch, a loop body.
type Graph struct {
	Actions []*Action // each after those it runs after; their order has no meaning otherwise
	Owner   *Action   // nil for the root
	Branch  string    // which branch of its owner: "actions", "else", a case, "default"
}

// Leaves returns the actions that no sibling runs after.
func (g *Graph) Leaves() []*Action {
	var leaves []*Action
	for _, a := range g.Actions {
		if len(a.Successors) == 0 {
			leaves = append(leaves, a)
		}
	}
	return leaves
}

// Action is one action of a program.
type Action struct {
	Name   string
	Type   string // canonical spelling
	Kind   string
	Spec   Spec
	Graph  *Graph // the container it stands in
	Inputs *expr.Template
	// Deferred are the members of inputs that the operation itself evaluates, once
	// per item, such as the where of a Query; and the body of its kind.
	Deferred map[string]*expr.Template
	// Reads is what its operation reads of the run besides its inputs.
	Reads []Read
	// Expression is the condition of an If or Until, the value of a Switch, the
	// array of a Foreach.
	Expression *expr.Template
	RunAfter   []Dependency
	Successors []*Action
	Bodies     []*Graph
	Loop       *Loop     // of a Foreach or Until
	Loops      []*Action // the loops around the action, the outermost first
	Inner      []*Action // of a loop: all actions inside, of all levels
	// Collects are the actions of which it reads all executions at once, from outside
	// of their Foreach.
	Collects []*Action
	Cases    []value.Value // of a Switch: Bodies[i] is taken for Cases[i]; the last body is the default

	HideInputs, HideOutputs bool

	Limit      *expr.Template // of an action that is no loop: its timeout
	Runtime    value.Value    // runtimeConfiguration, as written
	Static     *StaticResult
	Options    Options
	Tracked    *expr.Template
	Connection string // the key in $connections, where the action uses one
	Path       *value.Path

	manual sides // its own secureData setting
}

// Dependency is one entry of runAfter.
type Dependency struct {
	Action   *Action
	Statuses []Status
}

// Trigger is one trigger of a program.
type Trigger struct {
	Name, Type, Kind string
	Spec             Spec
	Inputs           *expr.Template
	Raw              value.Value // inputs as written: method, relativePath, schema
	Conditions       []*expr.Template
	ClientTrackingID *expr.Template
	// SplitOn gives the array of which each item starts a run of its own; SplitID the
	// client tracking id of each.
	SplitOn, SplitID *expr.Template
	// Schedule or Sliding say when a trigger fires by itself; nil otherwise.
	Schedule    *recurrence.Schedule
	Sliding     *recurrence.Sliding
	Concurrency *Concurrency // nil: any number of runs at a time
	Batches     []*Batch     // of a Batch trigger
	// LooksAtStatus: a condition inspects how the call of a polling trigger was
	// answered.
	LooksAtStatus bool
	Runtime       value.Value // runtimeConfiguration, as written
	Options       Options
	HideInputs    bool
	HideOutputs   bool
	Path          *value.Path
	Connection    string // the key in $connections, where the trigger uses one

	manual sides
}

// Recurs tells whether the trigger fires by itself.
func (t *Trigger) Recurs() bool { return t.Schedule != nil || t.Sliding != nil }

// Output is one of the definition's outputs.
type Output struct {
	Name, Type string
	Value      *expr.Template
}

// Options are operationOptions: a comma-separated list, compared ignoring case.
type Options string

// Has tells whether the option is set.
func (o Options) Has(option string) bool {
	for part := range strings.SplitSeq(string(o), ",") {
		if strings.EqualFold(strings.TrimSpace(part), option) {
			return true
		}
	}
	return false
}

// StaticResult is a mocked outcome (workflow-definition §6).
type StaticResult struct {
	Status  Status
	Code    string
	Error   value.Value
	Outputs value.Value
}
