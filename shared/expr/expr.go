// Package expr compiles and evaluates the expression language of workflow
// definitions. An expression is parsed and compiled once, when a definition is
// saved; evaluation touches nothing but its Env, so that it can be repeated.
package expr

import (
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// Scope answers the references of an expression. A false second result means
// that the name is unknown, or that the function may not be used here.
type Scope interface {
	Parameter(name string) (value.Value, bool)
	Variable(name string) (value.Value, bool)
	AgentParameter(name string) (value.Value, bool)
	Action(name string) (value.Value, bool) // the record, as actions() shows it (run-semantics §8)
	// Outputs returns the outputs of an action, or one member of them; absent when it
	// has none.
	Outputs(name, member string) (value.Value, bool)
	Trigger() (value.Value, bool) // the record, as trigger() shows it
	TriggerOutputs() (value.Value, bool)
	Item() (value.Value, bool)
	LoopItem(loop string) (value.Value, bool)
	IterationIndex(loop string) (int64, bool)
	Result(scope string) (value.Value, bool) // array of records
	Workflow() (value.Value, bool)
	Self() (value.Value, bool) // the record that action() shows
	CallbackURL() (value.Value, bool)
}

// Ambient is what evaluations take from outside: time, randomness, and how much
// each may spend.
type Ambient struct {
	Now    func() time.Time
	Rand   func(n int64) int64 // uniform in [0, n)
	Budget Budget              // for whoever makes an Env
}

// Budget bounds one evaluation; zero fields mean the defaults.
type Budget struct {
	Steps int64 // calls and selections
	Bytes int64 // text and elements produced
}

// Env is what one evaluation sees. One after the other may use it.
type Env struct {
	Scope   Scope
	Ambient Ambient
	Budget  Budget

	machine machine
}

// Error is a failed evaluation. Message is the inner message of expressions §12
// and quotes no value that derives from a secret.
type Error struct {
	Code    string // InvalidTemplate
	Message string
	Column  int // from 1, inside the string that holds the expression; 0 unknown
	Path    *value.Path
}

func (e *Error) Error() string { return e.Message }

// ReferenceKind says what a reference names.
type ReferenceKind uint8

// The kinds of reference.
const (
	RefAction    ReferenceKind = iota + 1 // actions, outputs, body, formDataValue …
	RefResult                             // result
	RefTrigger                            // trigger, triggerBody, triggerOutputs …; no name
	RefParameter                          // parameters
	RefVariable                           // variables
	RefLoop                               // items
	RefIteration                          // iterationIndexes
	RefItem                               // item; no name
	RefSelf                               // action; no name
	RefCallback                           // listCallbackUrl; no name
	RefWorkflow                           // workflow; no name
)

// Reference is one place where an expression reads something from its scope.
type Reference struct {
	Kind     ReferenceKind
	Name     string // "" when Dynamic
	Dynamic  bool   // the name is itself computed
	Function string // as written
	// Selection is the literal keys that follow directly, in order:
	// parameters('$connections')['kv']['connectionId'] gives kv, connectionId.
	Selection []string
	Path      *value.Path
	Column    int
}

// Template is a JSON value whose strings (and member names that contain @{) may
// hold expressions, compiled. It is immutable and safe for concurrent use.
type Template struct{ impl }
