package definition

import "slices"

// unanswerable: where every trigger fires by itself there is no caller whom a
// Response could answer (workflow-definition §9).
func (b *builder) unanswerable() {
	if len(b.program.Triggers) == 0 || slices.ContainsFunc(b.program.Triggers, func(t *Trigger) bool { return !t.Spec.Recurs }) {
		return
	}
	for _, a := range b.order {
		if a.Spec.Responds {
			b.fail(UnsupportedRecurrenceTrigger, a.Path, "The action '%s' has nobody to answer: the trigger '%s' fires by itself.", a.Name, b.program.Triggers[0].Name)
		}
	}
}
