package run

import (
	"fmt"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// Item is what one of the runs has of a trigger whose outputs are split.
type Item struct {
	Outputs          value.Value // headers as the trigger had them, and the item as body
	ClientTrackingID string      // "" where the definition says nothing
}

// maxSplit is how many runs one firing may start (triggers §3).
const maxSplit = 100_000

// Split evaluates splitOn, and for each item its client tracking id. The error is an
// *expr.Error or says that there is no array: the trigger fails then.
func Split(p *definition.Program, s *State, t *definition.Trigger, ambient expr.Ambient) ([]Item, error) {
	v, err := t.SplitOn.Evaluate(&expr.Env{Scope: &scope{p: p, s: s}, Ambient: ambient})
	if err != nil {
		return nil, err
	}
	if v.Kind() != value.KindArray || v.Len() > maxSplit {
		return nil, &expr.Error{Code: definition.InvalidTemplate, Message: fmt.Sprintf(
			"The 'splitOn' of trigger '%s' must give an array of at most %d items; it gives a value of type '%s'.", t.Name, maxSplit, v.Kind())}
	}
	items := make([]Item, v.Len())
	for i := range items {
		outputs := value.NewObject(2)
		outputs.Set("headers", s.Trigger.Outputs.Value.Member("headers"))
		body := v.At(i)
		outputs.Set("body", body)
		items[i].Outputs = outputs.Build()
		if t.SplitID == nil {
			continue
		}
		one := NewState(s.Header)
		one.Trigger = s.Trigger
		one.Trigger.Outputs.Value = items[i].Outputs
		id, err := t.SplitID.Evaluate(&expr.Env{Scope: &scope{p: p, s: one}, Ambient: ambient})
		if err != nil {
			return nil, err
		}
		if items[i].ClientTrackingID, err = trackingID(id); err != nil {
			return nil, err
		}
	}
	return items, nil
}
