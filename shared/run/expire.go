package run

import (
	"fmt"

	"github.com/latchwork/latchwork/shared/definition"
)

// runTimedOut is the code of a run that reached its deadline (run-semantics §11).
const runTimedOut = "WorkflowRunTimedOut"

// expire ends a run that has reached its deadline. What is under way is cancelled,
// what has not begun is skipped.
func (m *machine) expire() {
	s := m.s
	if s.Deadline.IsZero() || m.now.Before(s.Deadline) || s.Stopping != "" || s.Status.Final() {
		return
	}
	s.Stopping, s.Code = definition.TimedOut, runTimedOut
	s.Error = &Error{runTimedOut, fmt.Sprintf("The workflow run timed out: it was not over %s after its start, which is the limit of the run duration.", s.Deadline.Sub(s.Start))}
}
