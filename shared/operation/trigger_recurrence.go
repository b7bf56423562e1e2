package operation

import "github.com/latchwork/latchwork/shared/definition"

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
