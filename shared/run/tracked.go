package run

import (
	"fmt"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// maxTracked is how many characters the tracked properties of an action may have
// (workflow-definition §8).
const maxTracked = 16_000

// track evaluates the tracked properties of an action that has ended, unless it
// was skipped (run-semantics §9). What is wrong with them changes nothing else.
func (m *machine) track(r *Record) {
	a := m.p.Action(r.Name)
	if a == nil || a.Tracked == nil || r.Status == definition.Skipped || len(indexes(r.Path)) != len(a.Loops) {
		return // the last: the record of an iteration, which has the name of its loop
	}
	v, err := a.Tracked.Evaluate(m.env(a, r, r))
	var wrong *Error
	switch {
	case err != nil:
		wrong = &Error{"TrackedPropertiesEvaluationFailed", m.templateError(a, "trackedProperties", err).Message}
	case utf8.RuneCount(value.Reveal(v)) > maxTracked:
		wrong = &Error{"TrackedPropertiesSizeLimitExceeded", fmt.Sprintf(
			"The tracked properties of action '%s' have more than the '%d' characters that they may have.", a.Name, maxTracked)}
	default:
		r.Tracked = v
	}
	if r.Error == nil {
		r.Error = wrong
	}
}
