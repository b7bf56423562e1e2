package run

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// env is what the expressions of an action see; self is the record that action()
// shows, or nil where the function is not allowed.
func (m *machine) env(a *definition.Action, self *Record) *expr.Env {
	return &expr.Env{Scope: &scope{p: m.p, s: m.s, action: a, self: self}, Ambient: m.ambient}
}

// Env returns what expressions see that an operation evaluates by itself, once
// per item, such as the where of a Query.
func Env(p *definition.Program, s *State, a *definition.Action, item value.Value, ambient expr.Ambient) *expr.Env {
	return &expr.Env{Scope: &scope{p: p, s: s, action: a, item: item}, Ambient: ambient}
}

// Fires evaluates the conditions of a trigger on its outputs (triggers §2).
func Fires(p *definition.Program, s *State, t *definition.Trigger, ambient expr.Ambient) (bool, error) {
	env := &expr.Env{Scope: &scope{p: p, s: s}, Ambient: ambient}
	for _, c := range t.Conditions {
		v, err := c.Evaluate(env)
		if err != nil {
			return false, err
		}
		if yes, _ := v.AsBool(); !yes {
			return false, nil
		}
	}
	return true, nil
}

// TrackingID evaluates the correlation of a trigger; "" where it has none.
func TrackingID(p *definition.Program, s *State, t *definition.Trigger, ambient expr.Ambient) (string, error) {
	if t.ClientTrackingID == nil {
		return "", nil
	}
	v, err := t.ClientTrackingID.Evaluate(&expr.Env{Scope: &scope{p: p, s: s}, Ambient: ambient})
	return v.Str(), err
}

// scope answers the references of expressions from the state of a run.
type scope struct {
	p      *definition.Program
	s      *State
	action *definition.Action
	self   *Record
	item   value.Value
}

var _ expr.Scope = (*scope)(nil)

func (c *scope) Parameter(name string) (value.Value, bool) { return c.p.Parameter(name) }

func (c *scope) Variable(name string) (value.Value, bool) {
	if v := c.s.variable(name); v != nil {
		return v.Value, true
	}
	return value.Value{}, false
}

func (c *scope) AgentParameter(string) (value.Value, bool) { return value.Value{}, false }

func (c *scope) Action(name string) (value.Value, bool) {
	a := c.p.Action(name)
	if a == nil {
		return value.Value{}, false
	}
	r := c.s.Records[a.Name]
	if r == nil {
		return value.Null(), true // not there yet
	}
	return c.record(r), true
}

// Outputs saves building a record for the one member that most expressions read.
func (c *scope) Outputs(name string) (value.Value, bool) {
	a := c.p.Action(name)
	if a == nil {
		return value.Value{}, false
	}
	r := c.s.Records[a.Name]
	if r == nil {
		return value.Value{}, true // not there yet
	}
	return r.Outputs.Value, true
}

func (c *scope) TriggerOutputs() (value.Value, bool) { return c.s.Trigger.Outputs.Value, true }

// record is the shape of actions('x') and of result() items, absent keys left
// out (run-semantics §8).
func (c *scope) record(r *Record) value.Value {
	b := value.NewObject(11)
	b.Set("name", value.String(r.Name))
	b.Set("inputs", r.Inputs.Value)
	b.Set("outputs", r.Outputs.Value)
	b.Set("trackedProperties", r.Tracked)
	b.Set("startTime", timeValue(r.Start))
	b.Set("endTime", timeValue(r.End))
	b.Set("trackingId", value.String(r.TrackingID))
	b.Set("clientTrackingId", value.String(c.s.ClientTrackingID))
	if r.Code != "" {
		b.Set("code", value.String(r.Code))
	}
	b.Set("status", value.String(string(r.Status)))
	b.Set("error", r.Error.Value())
	return b.Build()
}

func (c *scope) Trigger() (value.Value, bool) {
	r := &c.s.Trigger
	b := value.NewObject(9)
	b.Set("name", value.String(r.Name))
	b.Set("inputs", r.Inputs.Value)
	b.Set("outputs", r.Outputs.Value)
	b.Set("startTime", timeValue(r.Start))
	b.Set("endTime", timeValue(r.End))
	b.Set("trackingId", value.String(r.TrackingID))
	b.Set("clientTrackingId", value.String(c.s.ClientTrackingID))
	b.Set("originHistoryName", value.String(c.s.Name))
	b.Set("status", value.String(string(r.Status)))
	return b.Build(), true
}

func (c *scope) Item() (value.Value, bool) { return c.item, !c.item.IsAbsent() }

func (c *scope) LoopItem(string) (value.Value, bool) { return value.Value{}, false }

func (c *scope) IterationIndex(string) (int64, bool) { return 0, false }

// Result returns the records of the direct children of a container, of all its
// branches.
func (c *scope) Result(name string) (value.Value, bool) {
	a := c.p.Action(name)
	if a == nil || len(a.Bodies) == 0 {
		return value.Value{}, false
	}
	var items []value.Value
	for _, body := range a.Bodies {
		for _, child := range body.Actions {
			if r := c.s.Records[child.Name]; r != nil {
				items = append(items, c.record(r))
			}
		}
	}
	return value.Array(items...), true
}

func (c *scope) Workflow() (value.Value, bool) {
	id := c.s.ResourceID
	name := id[strings.LastIndexByte(id, '/')+1:]
	run := value.Object(
		value.Member{Key: "id", Value: value.String(id + "/runs/" + c.s.Name)},
		value.Member{Key: "name", Value: value.String(c.s.Name)},
		value.Member{Key: "type", Value: value.String("Microsoft.Logic/workflows/runs")})
	return value.Object(
		value.Member{Key: "id", Value: value.String(id)},
		value.Member{Key: "name", Value: value.String(name)},
		value.Member{Key: "type", Value: value.String("Microsoft.Logic/workflows")},
		value.Member{Key: "location", Value: value.String(c.s.Location)},
		value.Member{Key: "tags", Value: c.s.Tags},
		value.Member{Key: "run", Value: run}), true
}

func (c *scope) Self() (value.Value, bool) {
	if c.self == nil {
		return value.Value{}, false
	}
	return c.record(c.self), true
}

func (c *scope) CallbackURL() (value.Value, bool) { return value.Value{}, false }

// TimeFormat is how the product writes times: UTC, seven fraction digits.
const TimeFormat = "2006-01-02T15:04:05.0000000Z"

func timeValue(t time.Time) value.Value {
	if t.IsZero() {
		return value.Value{}
	}
	return value.String(t.UTC().Format(TimeFormat))
}
