package run

import (
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// Event is something that happened to a run.
type Event interface{ event() }

type (
	// Started: the trigger fired; State.Trigger is filled.
	Started struct{}
	// Completed: an attempt of an action has an outcome. It is ignored unless the
	// action still awaits this attempt.
	Completed struct {
		Action  string
		Path    string // of the record
		Attempt int
		Outcome Outcome
	}
	// Resumed: what an action waits for has come from outside. Early ones are kept.
	Resumed struct {
		Action string
		Path   string
		Data   value.Value
	}
	// TimerFired: actions whose Wake is over go on.
	TimerFired struct{}
	// Cancelled: somebody cancelled the run.
	Cancelled struct{}
	// CallerLeft: the caller of the trigger waits no more.
	CallerLeft struct{}
	// More: the last Apply had more to do than one commit may hold.
	More struct{}
)

func (Started) event()    {}
func (Completed) event()  {}
func (Resumed) event()    {}
func (TimerFired) event() {}
func (Cancelled) event()  {}
func (CallerLeft) event() {}
func (More) event()       {}

// Command is something to be done after the state is committed.
type Command interface{ command() }

type (
	// Execute: carry out one attempt of an operation and report it as Completed. An
	// operation that is Inline may run before the commit.
	Execute struct {
		Action *definition.Action
		Record *Record
		Inputs value.Value
	}
	// Release: an action that waited does so no more; whoever was to call it back may
	// be told. Nothing depends on it.
	Release struct {
		Action *definition.Action
		Record *Record
		Inputs value.Value
		Keep   value.Value
	}
	// Respond: answer the caller of the trigger.
	Respond struct{ Record *Record }
	// Again: apply More once this state is committed.
	Again struct{}
	// Finish: the run is over.
	Finish struct{}
)

func (Execute) command() {}
func (Release) command() {}
func (Respond) command() {}
func (Again) command()   {}
func (Finish) command()  {}

// Outcome is how one attempt of an operation ended.
type Outcome struct {
	Status  definition.Status
	Code    string // the product's: OK, NotFound, ActionFailed …; "" means NotSpecified
	Error   *Error
	Outputs value.Value
	// Retry: the retry policy of the action applies. RetryAfter is what the other
	// side asked for, or zero.
	Retry      bool
	RetryAfter time.Duration
	// Again, above zero: not ready, call again after this time with Keep.
	Again time.Duration
	// Await: call again, with Keep, once the action is resumed; what came is the
	// member Resumed of the Keep it gets.
	Await bool
	Keep  value.Value
}

// ResumedMember is where an operation that awaited finds what came.
const ResumedMember = "resumed"

// Fail returns the outcome of an attempt that failed for good.
func Fail(code, errorCode, message string) Outcome {
	return Outcome{Status: definition.Failed, Code: code, Error: &Error{errorCode, message}}
}

// Succeed returns the outcome of an attempt that worked.
func Succeed(code string, outputs value.Value) Outcome {
	return Outcome{Status: definition.Succeeded, Code: code, Outputs: outputs}
}
