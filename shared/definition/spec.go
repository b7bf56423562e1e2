package definition

import (
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// Role says who carries an action out.
type Role uint8

// The roles. Everything but Operation belongs to the language and is carried
// out by the state machine of a run.
const (
	Operation Role = iota
	Scope
	If
	Switch
	Foreach
	Until
	Terminate
	Variable
)

// Spec is what the compiler must know of an action or trigger type.
type Spec struct {
	Type string // canonical spelling
	Role Role
	// Inline: no I/O, so it needs no commit of its own.
	Inline bool
	// Responds: its outputs answer the caller of the trigger.
	Responds bool
	// Retries: honours inputs.retryPolicy.
	Retries bool
	// NoOutputSetting: secureData may only name inputs, which then hides both sides
	// (secure-data §1: Compose, Parse JSON, Response).
	NoOutputSetting bool
	// HTTPLike: outputs are statusCode, headers and body.
	HTTPLike bool
	// Callback: listCallbackUrl() may be used in inputs.
	Callback bool
	// Required are the members that inputs must have.
	Required []string
	// Deferred are the members of inputs that are evaluated by the operation, not
	// before it. columns[].value is the member value of each element of columns;
	// the operation finds its templates as columns[0].value and so on.
	Deferred []string
	// Bare is the member that stands for all that is evaluated: it is recorded, and
	// handed to the operation, without the object around it.
	Bare string
	// Kinds are the kinds of a type that does another thing for each; nil where the
	// kind of an action has no effect. KindCode is the problem with any other kind;
	// InvalidTemplate unless set.
	Kinds    []Kind
	KindCode string
	// Reads lists what the operation reads of the run besides its inputs, which it
	// is shown as they are written. Paths lead from inputs on.
	Reads func(inputs value.Value) []Read
	// Unavailable says why actions of a type cannot be carried out here: a warning,
	// unless a static result stands for them.
	Unavailable string
	// Verbatim are the members of inputs that are never evaluated.
	Verbatim []string
	// Request: a trigger that is called over HTTP.
	Request bool
	// Recurs: a trigger that fires by itself, as its recurrence says. Sliding: it fires
	// for windows of time, none of which is left out.
	Recurs, Sliding bool
	// Batch: a trigger that releases the messages that were sent to it.
	Batch bool
	// History returns what run history may keep of evaluated inputs, and whether
	// that is less than all; nil keeps all.
	History func(inputs value.Value) (shown value.Value, changed bool)
	// Check looks at the inputs as written and reports what is wrong with them.
	Check func(inputs value.Value, report Report)
}

// Read is the record of an action, or of the trigger, that an operation reads.
type Read struct {
	expr.Reference
	// Guessed: text only looks as if it did. A record that is not there is then a
	// matter of the operation, and no problem of the definition.
	Guessed bool
}

// Kind is one kind of an action type.
type Kind struct {
	Name     string   // canonical spelling
	Required []string // the members that inputs must have
	// Body is the expression that is its work, in which item() is the evaluated
	// inputs; "" where it is no expression. The operation finds it among its deferred
	// templates by the name of the kind.
	Body string
}

// Report takes a problem with inputs. The path leads from inputs on.
type Report func(code string, at *value.Path, message string)

// Catalog knows the types that are not part of the language itself. Names are
// compared ignoring case.
type Catalog interface {
	Action(typ string) (Spec, bool)
	Trigger(typ string) (Spec, bool)
	// Connector tells whether there is a connector for a managed API.
	Connector(api string) bool
	// ActionTypes and TriggerTypes list the types in canonical spelling.
	ActionTypes() []string
	TriggerTypes() []string
}

// language holds the action types that the state machine carries out.
var language = []Spec{
	{Type: "Scope", Role: Scope},
	{Type: "If", Role: If},
	{Type: "Switch", Role: Switch},
	{Type: "Foreach", Role: Foreach},
	{Type: "Until", Role: Until},
	{Type: "Terminate", Role: Terminate, Inline: true, Required: []string{"runStatus"}},
	{Type: "InitializeVariable", Role: Variable, Inline: true, Required: []string{"variables"}},
	{Type: "SetVariable", Role: Variable, Inline: true, Required: []string{"name", "value"}},
	{Type: "IncrementVariable", Role: Variable, Inline: true, Required: []string{"name"}},
	{Type: "DecrementVariable", Role: Variable, Inline: true, Required: []string{"name"}},
	{Type: "AppendToArrayVariable", Role: Variable, Inline: true, Required: []string{"name", "value"}},
	{Type: "AppendToStringVariable", Role: Variable, Inline: true, Required: []string{"name", "value"}},
}

func actionSpec(c Catalog, typ string) (Spec, bool) {
	for _, s := range language {
		if strings.EqualFold(s.Type, typ) {
			return s, true
		}
	}
	return c.Action(typ)
}
