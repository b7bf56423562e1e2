// Package script runs inline JavaScript: one piece of code in a fresh engine,
// with a limit of time and one of memory, and with nothing of the host in reach:
// no files, no network, no processes, no modules, no environment.
//
// The engine obeys its limits in loops of the script and in regular expressions,
// but not inside one long call of a built-in function, such as indexOf on an
// array with four billion holes. Therefore Process runs it in a child process,
// which can be ended whatever it does.
package script

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// The codes of the product for inline code.
const (
	RuntimeFailure   = "InlineCodeScriptRuntimeFailure"
	ParsingFailure   = "InlineCodeParsingFailure"
	ExecutionTimeout = "InlineCodeExecutionTimeout"
	InternalFailure  = "InlineCodeInternalFailure"
)

// Limits bound one piece of code; zero means the default.
type Limits struct {
	Time   time.Duration
	Memory int64 // bytes, of the engine
}

// Defaults of the limits. Five seconds is the product's.
const (
	DefaultTime   = 5 * time.Second
	DefaultMemory = 128 << 20
	// MinMemory is what the engine itself needs with some room to work in.
	MinMemory = 4 << 20
)

func (l Limits) orDefaults() Limits {
	if l.Time <= 0 {
		l.Time = DefaultTime
	}
	if l.Memory <= 0 {
		l.Memory = DefaultMemory
	}
	l.Memory = max(l.Memory, MinMemory)
	return l
}

// Job is one piece of code to run.
type Job struct {
	Code string // the body of a function
	// Context is workflowContext: an object with workflow and actions, and with
	// trigger if the code may see it.
	Context value.Value
	Limits  Limits
}

// Failure is how code failed. Name and Message come from the script and may
// quote whatever it saw.
type Failure struct {
	Code    string
	Line    int // from 1, in the code; 0 unknown
	Name    string
	Message string
}

func (f *Failure) Error() string {
	switch {
	case f.Name != "" && f.Line > 0:
		return fmt.Sprintf("%s: %s (line %d)", f.Name, f.Message, f.Line)
	case f.Name != "":
		return f.Name + ": " + f.Message
	case f.Line > 0:
		return fmt.Sprintf("%s (line %d)", f.Message, f.Line)
	}
	return f.Message
}

// Runner runs jobs. An error is a *Failure, unless the context ended.
type Runner interface {
	Run(ctx context.Context, j Job) (value.Value, error)
}

// InProcess runs jobs in this process. It is for trusted code, such as examples:
// a hostile script can occupy a processor for good.
type InProcess struct{}

// Run runs a job.
func (InProcess) Run(ctx context.Context, j Job) (value.Value, error) {
	limits := j.Limits.orDefaults()
	done := make(chan reply, 1)
	go func() { done <- evaluate(newRequest(j, limits)) }()
	select {
	case r := <-done:
		return r.result()
	case <-time.After(limits.Time + grace):
		return value.Value{}, timedOut(limits)
	case <-ctx.Done():
		return value.Value{}, ctx.Err()
	}
}

// request and reply are what goes to a child process and comes back.
type request struct {
	Code    string        `json:"code"`
	Context string        `json:"context"` // JSON
	Time    time.Duration `json:"time"`
	Memory  int64         `json:"memory"`
}

func newRequest(j Job, l Limits) request {
	return request{Code: j.Code, Context: string(value.Reveal(j.Context)), Time: l.Time, Memory: l.Memory}
}

type reply struct {
	Body    string `json:"body,omitempty"` // JSON; "" if the code failed
	Code    string `json:"code,omitempty"`
	Line    int    `json:"line,omitempty"`
	Name    string `json:"name,omitempty"`
	Message string `json:"message,omitempty"`
}

func (r reply) result() (value.Value, error) {
	if r.Code != "" {
		return value.Value{}, &Failure{Code: r.Code, Line: r.Line, Name: r.Name, Message: r.Message}
	}
	v, err := value.Parse([]byte(r.Body))
	if err != nil {
		return value.Value{}, &Failure{Code: RuntimeFailure, Message: "The returned value cannot be used as JSON: " + err.Error()}
	}
	return v, nil
}

func (r reply) encode() []byte {
	data, err := json.Marshal(r)
	if err != nil {
		return []byte(`{"code":"` + InternalFailure + `"}`)
	}
	return data
}

func timedOut(l Limits) *Failure {
	return &Failure{Code: ExecutionTimeout, Message: fmt.Sprintf("The code ran for longer than %s.", l.Time)}
}
