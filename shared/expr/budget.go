package expr

// Left returns what the last evaluation with e left of its budget. Who evaluates
// once per item gives it to the next evaluation, so that all of them together stay
// within one budget.
func (e *Env) Left() Budget { return Budget{Steps: e.machine.steps, Bytes: e.machine.bytes} }
