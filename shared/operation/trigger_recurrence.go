package operation

import (
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// Recurrence has no outputs; its record has the time that was scheduled (triggers
// §6).
var _ = register(Trigger{
	Spec: definition.Spec{Type: "Recurrence", Recurs: true},
	Doc:  "Starts a run on a schedule. What was missed while nobody was there is left out.",
})

// SlidingWindow gives windowStartTime and windowEndTime.
var _ = register(Trigger{
	Spec: definition.Spec{Type: "SlidingWindow", Recurs: true, Sliding: true},
	Doc:  "Starts a run for each window of time, one after the other. What was missed is caught up with.",
})

// WindowOutputs are the outputs of a sliding window (triggers §7).
func WindowOutputs(w recurrence.Window) value.Value {
	return value.Object(
		value.Member{Key: "windowStartTime", Value: value.String(w.Start.UTC().Format(run.TimeFormat))},
		value.Member{Key: "windowEndTime", Value: value.String(w.End.UTC().Format(run.TimeFormat))})
}
