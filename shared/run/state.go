// Package run is the state machine of one run. Apply changes a State and says
// what is to be done; it does no I/O, so that whoever drives it can commit the
// change before anything is sent.
package run

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// Error is what a failed or skipped action, or a failed run, shows.
type Error struct {
	Code    string
	Message string
}

// Value returns the error as expressions see it; nil gives an absent value.
func (e *Error) Value() value.Value {
	if e == nil {
		return value.Value{}
	}
	return value.Object(value.Member{Key: "code", Value: value.String(e.Code)},
		value.Member{Key: "message", Value: value.String(e.Message)})
}

// State is one run.
type State struct {
	Header
	Trigger Record
	Records map[string]*Record // by action name, as the definition spells it

	touched map[string]bool
}

// Header is what a run is, besides its records.
type Header struct {
	Name       string // the run's name (NewName)
	WorkflowID string
	ResourceID string // of the workflow, as workflow() shows it
	Location   string
	Tags       value.Value
	Version    string // of the workflow
	Status     definition.Status
	Code       string
	Error      *Error
	Start, End time.Time
	// ClientTrackingID goes out with every call, TrackingID stands for the trigger.
	ClientTrackingID string
	TrackingID       string
	// ResponseDue is when the caller of the trigger stops waiting; zero when nobody
	// waits.
	ResponseDue time.Time
	// Responded names the action that answered the caller.
	Responded string
	Variables []Variable
	// Stopping is the status that the run will end with, once it was cancelled or
	// an action terminated it.
	Stopping definition.Status
	Outputs  value.Value
}

// Variable is a variable of the run. Names are compared ignoring case.
type Variable struct {
	Name, Type string // Type as InitializeVariable spells it in records: Integer, Array …
	Value      value.Value
}

// Record is what is known of one execution of an action, or of the trigger.
type Record struct {
	Name       string
	Status     definition.Status
	Code       string // "" stands for NotSpecified
	Error      *Error
	Start, End time.Time
	TrackingID string

	Inputs, Outputs         Payload
	HideInputs, HideOutputs bool
	Static                  bool // the outcome is a static result

	// Sending is what goes out, where it is more than history may show. It exists
	// only while the action runs.
	Sending Payload
	// Attempt counts from 1; Retries are the earlier attempts.
	Attempt int
	Retries []Attempt
	// Wake is when to go on with an action that waits; Keep is what its operation
	// asked to remember until then.
	Wake time.Time
	Keep value.Value

	Tracked value.Value
}

// Attempt is one entry of retryHistory.
type Attempt struct {
	Start, End      time.Time
	Code            string
	ClientRequestID string
	Error           *Error
}

// Payload is one side of a record. Large ones lie in a blob and are loaded only
// when Needs names their record.
type Payload struct {
	Value value.Value
	Blob  string // where the value lies, while it is not loaded
}

// Loaded tells whether Value is the payload.
func (p Payload) Loaded() bool { return p.Blob == "" }

// NewState returns the state of a run that has not started.
func NewState(h Header) *State {
	return &State{Header: h, Records: map[string]*Record{}, touched: map[string]bool{}}
}

// Touched returns the records that changed since Committed was called.
func (s *State) Touched() []*Record {
	list := make([]*Record, 0, len(s.touched))
	for name := range s.touched {
		list = append(list, s.Records[name])
	}
	return list
}

// Committed forgets which records have changed.
func (s *State) Committed() { clear(s.touched) }

// Executing tells whether an outcome is awaited: an action was given out by an
// Execute command and has not completed.
func (s *State) Executing() bool {
	for _, r := range s.Records {
		if r.executing() {
			return true
		}
	}
	return false
}

func (r *Record) executing() bool {
	return r.Status == definition.Running && r.Attempt > 0 && r.Wake.IsZero()
}

// NextWake returns the earliest time at which a waiting action goes on, or zero.
func (s *State) NextWake() time.Time {
	var next time.Time
	for _, r := range s.Records {
		if !r.Status.Final() && !r.Wake.IsZero() && (next.IsZero() || r.Wake.Before(next)) {
			next = r.Wake
		}
	}
	return next
}

func (s *State) put(r *Record) *Record {
	s.Records[r.Name] = r
	s.touch(r)
	return r
}

func (s *State) touch(r *Record) { s.touched[r.Name] = true }

func (s *State) variable(name string) *Variable {
	for i := range s.Variables {
		if strings.EqualFold(s.Variables[i].Name, name) {
			return &s.Variables[i]
		}
	}
	return nil
}

// Abort ends a run that cannot be driven on: what is not over is Aborted.
func Abort(s *State, now time.Time, why *Error) {
	s.Status, s.Code, s.Error, s.End = definition.Aborted, why.Code, why, now
}
