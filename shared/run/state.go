// Package run is the state machine of one run. Apply changes a State and says
// what is to be done; it does no I/O, so that whoever drives it can commit the
// change before anything is sent.
package run

import (
	"cmp"
	"slices"
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
	// Records are the executions that matter for going on, by Key: one for each
	// action, and in loops one for each action in each iteration under way. Those of
	// iterations that are over leave with a commit.
	Records map[string]*Record
	// Repetitions are the records of iterations that are over, of the actions that
	// Needs named, by Key of the action outside of the loop, in the order of the
	// iterations.
	Repetitions map[string][]*Record
	// Callback returns the URL that resumes an execution; nil where there is none.
	Callback func(action, path string) string

	over    int       // how many actions of the root are over with all inside them, the first ones
	touched []*Record // since the last commit
	settled []*Record // of iterations that are over, those inside before their loop's
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
	// WaitEnd is when the run left the queue of its trigger; zero when it did not wait.
	WaitEnd time.Time
	// ClientTrackingID goes out with every call, TrackingID stands for the trigger.
	ClientTrackingID string
	TrackingID       string
	// TraceParent is where the caller's trace goes on, and TraceState what goes along
	// with it, as W3C Trace Context writes them.
	TraceParent, TraceState string
	// ResponseDue is when the caller of the trigger stops waiting; zero when nobody
	// waits.
	ResponseDue time.Time
	// Polled: the caller was answered at once, and asks for the response later.
	Polled bool
	// Deadline is when the run times out; zero when it never does.
	Deadline time.Time
	// Responded names the action that answered the caller.
	Responded string
	Variables []Variable
	// Parent is the action that started this run and waits for its answer.
	Parent Parent
	// Stopping is the status that the run will end with, once it was cancelled or
	// an action terminated it.
	Stopping definition.Status
	// Cancelled tells those two apart: an action may terminate the run as Cancelled.
	Cancelled bool
	Outputs   value.Value
}

// Parent names an execution of an action in another run.
type Parent struct{ WorkflowID, Run, Action, Path string }

// Variable is a variable of the run. Names are compared ignoring case.
type Variable struct {
	Name, Type string // Type as InitializeVariable spells it in records: Integer, Array …
	Value      value.Value
}

// Record is what is known of one execution of an action, or of the trigger.
type Record struct {
	Name string
	// Path says in which iterations: "" outside of loops, else an index for each
	// loop around, the outermost first, such as 000002-000011. A record with the
	// name of a loop and the path of an iteration stands for that iteration.
	Path       string
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
	// Awaiting: the action waits to be resumed. Early is what came before it did.
	Awaiting bool
	Early    value.Value
	// Deadline is when an action that waits times out, by its limit; zero when it has
	// none.
	Deadline time.Time

	Tracked value.Value

	Scheduled time.Time // when a trigger was to fire that fires by itself

	Loop *Progress // of a loop that has begun
	// Repetitions counts the executions that a record stands for, of an action in a
	// loop that is over; 0 for a record that is an execution itself.
	Repetitions int

	stored  bool // a commit has written it
	settled bool // its iteration is over
	changed change
}

// change says what of a record the next commit has to write.
type change uint8

const (
	unchanged  change = iota
	progressed        // only how far the loop has come
	rewritten
)

// Key is the name of an action and, in loops, the path of an execution of it.
func Key(name, path string) string {
	if path == "" {
		return name
	}
	return name + "\x00" + path
}

// Key is what State.Records holds the record by.
func (r *Record) Key() string { return Key(r.Name, r.Path) }

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
	return &State{Header: h, Records: map[string]*Record{}, Repetitions: map[string][]*Record{}}
}

// Touched returns the records that changed since Committed was called.
func (s *State) Touched() []*Record { return s.touched }

// Full tells whether as many records changed as one commit takes.
func (s *State) Full() bool { return len(s.touched) >= MaxTouched }

// Progressed tells that of a record which was written before nothing but Loop has
// changed.
func (r *Record) Progressed() bool { return r.stored && r.changed == progressed }

// Changed tells whether the record is among those touched.
func (r *Record) Changed() bool { return r.changed != unchanged }

// Settled returns the records of iterations that are over and that nothing in the
// run may read one by one any more, in the order in which they may leave.
func (s *State) Settled() []*Record { return s.settled }

// IsSettled tells whether the record's iteration is over.
func (r *Record) IsSettled() bool { return r.settled }

// Stored tells whether a commit has written the record already.
func (r *Record) Stored() bool { return r.stored }

// Committed notes what a commit has written: all that was touched; the records in
// left have been moved to where the history of iterations lies, and leave the
// state.
func (s *State) Committed(left []*Record) {
	for _, r := range s.touched {
		r.stored, r.changed = true, unchanged
	}
	s.touched = nil
	for _, r := range left {
		delete(s.Records, r.Key())
	}
	s.settled = slices.DeleteFunc(s.settled, func(r *Record) bool { return s.Records[r.Key()] != r })
}

// Loaded notes that the state was read from a store.
func (s *State) Loaded() {
	for _, r := range s.Records {
		r.stored = true
	}
}

// settle lets the records of an iteration, and of all inside it, leave. Other loops
// have iterations with the same path, so it goes by the actions inside.
func (s *State) settle(loop *definition.Action, path string) {
	if slices.ContainsFunc(loop.Inner, func(a *definition.Action) bool { return a.Loop != nil }) {
		s.settleDeeper(loop, path+"-")
	}
	for _, inner := range loop.Inner {
		s.leave(s.Records[Key(inner.Name, path)])
	}
	s.leave(s.Records[Key(loop.Name, path)])
}

// settleDeeper is for the iterations of loops inside, the latest of an Until above
// all: the others have left before.
func (s *State) settleDeeper(loop *definition.Action, prefix string) {
	var deeper []*Record
	for _, r := range s.Records {
		if strings.HasPrefix(r.Path, prefix) && slices.ContainsFunc(loop.Inner, func(a *definition.Action) bool { return a.Name == r.Name }) {
			deeper = append(deeper, r)
		}
	}
	slices.SortFunc(deeper, func(a, b *Record) int {
		return cmp.Or(len(b.Path)-len(a.Path), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range deeper {
		s.leave(r)
	}
}

func (s *State) leave(r *Record) {
	if r != nil && !r.settled {
		r.settled = true
		s.settled = append(s.settled, r)
	}
}

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
	return r.Status == definition.Running && r.Attempt > 0 && r.Wake.IsZero() && !r.Awaiting
}

// NextWake returns the earliest time at which a waiting action goes on, or zero.
func (s *State) NextWake() time.Time {
	var next time.Time
	for _, r := range s.Records {
		if !r.Status.Final() && !r.Wake.IsZero() && (next.IsZero() || r.Wake.Before(next)) {
			next = r.Wake
		}
	}
	if !next.IsZero() && !s.Deadline.IsZero() && s.Deadline.Before(next) {
		return s.Deadline
	}
	return next
}

func (s *State) put(r *Record) *Record {
	s.Records[r.Key()] = r
	s.touch(r)
	return r
}

func (s *State) touch(r *Record) { s.change(r, rewritten) }

func (s *State) change(r *Record, how change) {
	if r.changed == unchanged {
		s.touched = append(s.touched, r)
	}
	r.changed = max(r.changed, how)
}

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
