package run

import (
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// env is what the expressions of an action see in the iterations of its record r;
// self is the record that action() shows, or nil where the function is not allowed.
func (m *machine) env(a *definition.Action, r, self *Record) *expr.Env {
	c := &scope{p: m.p, s: m.s, self: self}
	if a != nil {
		c.loops = a.Loops
	}
	if r != nil {
		c.path = r.Path
	}
	if a != nil && r != nil && a.Spec.Callback && m.s.Callback != nil {
		c.callback = func() string { return m.s.Callback(a.Name, r.Path) }
	}
	return &expr.Env{Scope: c, Ambient: m.ambient, Budget: m.budget}
}

// envAt is what the condition of an Until sees: its latest iteration.
func (m *machine) envAt(a *definition.Action, path string) *expr.Env {
	return &expr.Env{Scope: &scope{p: m.p, s: m.s, loops: append(slices.Clip(a.Loops), a), path: path}, Ambient: m.ambient, Budget: m.budget}
}

// Env returns what expressions see that an operation evaluates by itself, once
// per item, such as the where of a Query.
func Env(p *definition.Program, s *State, a *definition.Action, path string, item value.Value, ambient expr.Ambient) *expr.Env {
	c := &scope{p: p, s: s, path: path, item: item}
	if a != nil {
		c.loops = a.Loops
	}
	return &expr.Env{Scope: c, Ambient: ambient, Budget: ambient.Budget}
}

// TriggerInputs evaluates the inputs of a trigger, before there is a run. callback is
// what listCallbackUrl() gives, or "".
func TriggerInputs(p *definition.Program, t *definition.Trigger, ambient expr.Ambient, callback string) (value.Value, error) {
	if t.Inputs == nil {
		return value.Value{}, nil
	}
	c := &scope{p: p, s: NewState(Header{})}
	if callback != "" {
		c.callback = func() string { return callback }
	}
	return t.Inputs.Evaluate(&expr.Env{Scope: c, Ambient: ambient})
}

// Fires evaluates the conditions of a trigger on its outputs (triggers §2).
func Fires(p *definition.Program, s *State, t *definition.Trigger, ambient expr.Ambient) (bool, error) {
	env := &expr.Env{Scope: &scope{p: p, s: s}, Ambient: ambient, Budget: ambient.Budget}
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

// scope answers the references of expressions from the state of a run.
type scope struct {
	p     *definition.Program
	s     *State
	loops []*definition.Action // around the expression, the outermost first
	path  string               // the iterations it stands in
	self  *Record
	item  value.Value
	// callback is the URL that resumes the action; nil where it may not be asked for.
	callback func() string
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

// find returns the record of an action that an expression means (run-semantics
// §4, §5): in the same iteration of the loops around both; of an Until that is not
// around the expression the latest one. Where a Foreach stands between, all its
// executions are meant.
func (c *scope) find(a *definition.Action) (r *Record, all []*Record, many bool) {
	if len(a.Loops) == 0 {
		return c.s.Records[a.Name], nil, false
	}
	own, path, shared := indexes(c.path), "", true
	for i, loop := range a.Loops {
		if shared = shared && i < len(c.loops) && i < len(own) && c.loops[i] == loop; shared {
			path = Iteration(path, own[i])
			continue
		}
		if loop.Spec.Role == definition.Foreach {
			return nil, lastOfEach(c.s.Repetitions[Key(a.Name, path)], len(indexes(path))), true
		}
		l := c.s.Records[Key(loop.Name, path)]
		if l == nil || l.Loop == nil || l.Loop.Next == 0 {
			return nil, nil, false
		}
		path = Iteration(path, l.Loop.Next-1)
	}
	return c.s.Records[Key(a.Name, path)], nil, false
}

// lastOfEach keeps, of the executions in each iteration of a loop, the last: an
// Until inside may have had several.
func lastOfEach(list []*Record, depth int) []*Record {
	var kept []*Record
	for _, r := range list {
		index := indexes(r.Path)[depth]
		if n := len(kept); n > 0 && indexes(kept[n-1].Path)[depth] == index {
			kept[n-1] = r
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

func (c *scope) Action(name string) (value.Value, bool) {
	a := c.p.Action(name)
	if a == nil {
		return value.Value{}, false
	}
	r, all, many := c.find(a)
	switch {
	case many:
		return c.records(all), true
	case r == nil:
		return value.Null(), true // not there yet
	}
	return c.record(r), true
}

func (c *scope) records(list []*Record) value.Value {
	items := make([]value.Value, len(list))
	for i, r := range list {
		items[i] = c.record(r)
	}
	return value.Array(items...)
}

// Outputs saves building a record for the one member that most expressions read.
func (c *scope) Outputs(name, member string) (value.Value, bool) {
	a := c.p.Action(name)
	if a == nil {
		return value.Value{}, false
	}
	of := func(r *Record) value.Value {
		if member == "" {
			return r.Outputs.Value
		}
		return r.Outputs.Value.Member(member)
	}
	r, all, many := c.find(a)
	if many {
		items := make([]value.Value, len(all))
		for i, r := range all {
			if items[i] = of(r); items[i].IsAbsent() {
				items[i] = value.Null()
			}
		}
		return value.Array(items...), true
	}
	if r == nil {
		return value.Value{}, true // not there yet
	}
	return of(r), true
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
	b.Set("error", errorShape(r.Error))
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
	b.Set("scheduledTime", timeValue(r.Scheduled))
	b.Set("originHistoryName", value.String(c.s.Name))
	if r.Code != "" {
		b.Set("code", value.String(r.Code))
	}
	b.Set("status", value.String(string(r.Status)))
	return b.Build(), true
}

// Item is the row of a data operation, or the item of the innermost Foreach.
func (c *scope) Item() (value.Value, bool) {
	if !c.item.IsAbsent() {
		return c.item, true
	}
	for i := len(c.loops) - 1; i >= 0; i-- {
		if c.loops[i].Spec.Role == definition.Foreach {
			return c.itemOf(i)
		}
	}
	return value.Value{}, false
}

func (c *scope) LoopItem(name string) (value.Value, bool) {
	for i, loop := range c.loops {
		if loop.Spec.Role == definition.Foreach && strings.EqualFold(loop.Name, name) {
			return c.itemOf(i)
		}
	}
	return value.Value{}, false
}

// itemOf returns the item of the loop at a place in loops.
func (c *scope) itemOf(at int) (value.Value, bool) {
	prefix := ""
	for i, index := range indexes(c.path) {
		if i < at {
			prefix = Iteration(prefix, index)
			continue
		}
		r := c.s.Records[Key(c.loops[at].Name, prefix)]
		if r == nil || index >= r.Inputs.Value.Len() {
			return value.Value{}, false
		}
		return r.Inputs.Value.At(index), true
	}
	return value.Value{}, false
}

func (c *scope) IterationIndex(name string) (int64, bool) {
	own := indexes(c.path)
	for i, loop := range c.loops {
		if loop.Spec.Role == definition.Until && strings.EqualFold(loop.Name, name) && i < len(own) {
			return int64(own[i]), true
		}
	}
	return 0, false
}

// Result returns the records of the direct children of a container, of all its
// branches; of a Foreach each child once, with its executions as outputs
// (run-semantics §8).
func (c *scope) Result(name string) (value.Value, bool) {
	a := c.p.Action(name)
	if a == nil || len(a.Bodies) == 0 {
		return value.Value{}, false
	}
	owner, _, many := c.find(a)
	if many || owner == nil {
		return value.Array(), !many
	}
	items := []value.Value{}
	for _, body := range a.Bodies {
		for _, child := range body.Actions {
			if r := c.child(a, owner, child); r != nil {
				items = append(items, c.childRecord(a, owner, r))
			}
		}
	}
	return value.Array(items...), true
}

// child is the record that stands for a child of a container: of an Until that of
// the latest iteration.
func (c *scope) child(a *definition.Action, owner *Record, child *definition.Action) *Record {
	if a.Spec.Role == definition.Until && owner.Loop != nil && owner.Loop.Next > 0 {
		return c.s.Records[Key(child.Name, Iteration(owner.Path, owner.Loop.Next-1))]
	}
	return c.s.Records[Key(child.Name, owner.Path)]
}

func (c *scope) childRecord(a *definition.Action, owner, r *Record) value.Value {
	switch {
	case owner.Loop == nil:
		return c.record(r)
	case a.Spec.Role == definition.Until:
		return c.record(r).With("repetitionCount", value.Int(int64(owner.Loop.Next)))
	}
	all := lastOfEach(c.s.Repetitions[Key(r.Name, owner.Path)], len(indexes(owner.Path)))
	return c.record(r).With("code", value.String("NotSpecified")).With("repetitionCount", value.Int(int64(r.Repetitions))).With("outputs", c.records(all))
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

func (c *scope) CallbackURL() (value.Value, bool) {
	if c.callback == nil {
		return value.Value{}, false
	}
	return value.String(c.callback()), true
}

// TimeFormat is how the product writes times: UTC, seven fraction digits.
const TimeFormat = "2006-01-02T15:04:05.0000000Z"

func timeValue(t time.Time) value.Value {
	if t.IsZero() {
		return value.Value{}
	}
	return value.String(t.UTC().Format(TimeFormat))
}

// errorShape is an error as actions() and result() show it (run-semantics §8). The
// product's templates of messages are not public: ours are the messages.
func errorShape(e *Error) value.Value {
	if e == nil {
		return value.Value{}
	}
	return e.Value().With("messageTemplate", value.String(e.Message))
}
