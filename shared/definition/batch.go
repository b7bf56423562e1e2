package definition

import (
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/value"
)

// Batch is one configuration of a Batch trigger: when its messages are released
// (triggers §10). What is 0 or nil says nothing.
type Batch struct {
	Name     string
	Messages int64 // how many
	Bytes    int64 // together
	Schedule *recurrence.Schedule
}

// Batch returns the configuration of this name, ignoring case, or nil.
func (t *Trigger) Batch(name string) *Batch {
	for _, c := range t.Batches {
		if strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

// The bounds of a batch (docs: limits).
const (
	maxBatchMessages = 8000
	maxBatchBytes    = 83_886_080
)

// batches reads the configurations of a Batch trigger.
func (b *builder) batches(t *Trigger, at *value.Path) {
	if !t.Spec.Batch {
		return
	}
	at = at.Key("inputs")
	if mode := b.text(t.Raw.Member("mode"), at.Key("mode")); !strings.EqualFold(mode, "Inline") {
		b.fail(InvalidTemplate, at.Key("mode"), "The batch trigger '%s' has the mode '%s'; only 'Inline' is available here, which keeps its configurations in the definition.", t.Name, mode)
		return
	}
	at = at.Key("configurations")
	for name, body := range b.object(t.Raw.Member("configurations"), at).Members {
		place := at.Keys(name, "releaseCriteria")
		criteria := b.object(b.object(body, at.Key(name)).Member("releaseCriteria"), place)
		c := &Batch{Name: name}
		c.Messages = b.criterion(criteria, "messageCount", maxBatchMessages, place)
		c.Bytes = b.criterion(criteria, "batchSize", maxBatchBytes, place)
		if written, ok := criteria.Get("recurrence"); ok {
			if v, known := b.constant(written, place.Key("recurrence")); known {
				var problems []value.Problem
				c.Schedule, problems = recurrence.Parse(v, place.Key("recurrence"))
				b.problems = append(b.problems, problems...)
			}
		} else if c.Messages == 0 && c.Bytes == 0 {
			b.fail(PropertyNotSpecified, place, "The batch '%s' of trigger '%s' has no release criteria: 'messageCount', 'batchSize' or 'recurrence'.", name, t.Name)
		}
		if t.Batch(name) != nil {
			b.fail(InvalidTemplate, at.Key(name), "The batch name '%s' is used more than once; names must differ by more than case.", name)
		}
		t.Batches = append(t.Batches, c)
	}
	if len(t.Batches) == 0 {
		b.fail(PropertyNotSpecified, at, "The batch trigger '%s' has no 'configurations'.", t.Name)
	}
}

// criterion reads a number, which may be a text or an expression of parameters; one
// that is not known yet counts as the most there may be.
func (b *builder) criterion(criteria value.Value, name string, most int64, at *value.Path) int64 {
	written, ok := criteria.Get(name)
	if !ok || written.IsNull() {
		return 0
	}
	v, known := b.constant(written, at.Key(name))
	if !known {
		return most
	}
	n, ok := v.AsInt()
	if text, isText := v.AsString(); isText {
		parsed, err := strconv.ParseInt(text, 10, 64)
		n, ok = parsed, err == nil
	}
	if !ok || n < 1 || n > most {
		b.fail(InvalidTemplate, at.Key(name), "The release criterion '%s' must be a number from 1 to %d.", name, most)
		return most
	}
	return n
}
