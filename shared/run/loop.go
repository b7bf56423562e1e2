package run

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// Progress is how far a loop has come.
type Progress struct {
	Count    int               // how many iterations there will be; of an Until, at most
	Next     int               // the index of the iteration that begins next
	Active   []int             // the indexes of those under way
	Status   definition.Status // of a Foreach the worst of its iterations, of an Until the last one's
	Deadline time.Time         // of an Until
	Inner    map[string]Tally  // by name of an action inside
}

// Tally sums up the executions of an action in a loop.
type Tally struct {
	Count  int
	Status definition.Status
}

// Iteration returns the path of an iteration: that of its loop, and six digits.
func Iteration(path string, index int) string {
	text := fmt.Sprintf("%06d", index)
	if path == "" {
		return text
	}
	return path + "-" + text
}

// indexes are the iterations that a path names, the outermost first.
func indexes(path string) []int {
	var list []int
	for path != "" {
		var n int
		n, path = cutIndex(path)
		list = append(list, n)
	}
	return list
}

func cutIndex(path string) (int, string) {
	head, rest := path, ""
	for i := range len(path) {
		if path[i] == '-' {
			head, rest = path[:i], path[i+1:]
			break
		}
	}
	n, err := strconv.Atoi(head)
	if err != nil {
		return -1, rest // written by Iteration
	}
	return n, rest
}

// startForeach evaluates the array, once.
func (m *machine) startForeach(a *definition.Action, r *Record) {
	v, err := a.Expression.Evaluate(m.env(a, r, nil))
	if err != nil {
		m.end(r, definition.Failed, "BadRequest", m.templateError(a, "", err))
		return
	}
	if v.Kind() != value.KindArray {
		m.end(r, definition.Failed, evaluationFailed, &Error{evaluationFailed, fmt.Sprintf(
			"The execution of template action '%s' failed: the result of the evaluation of 'foreach' expression '%s' is of type '%s'. The result must be a valid array.",
			a.Name, a.Expression.Source(), v.Kind())})
		return
	}
	if n := v.Len(); n > definition.MaxForeachItems {
		m.end(r, definition.Failed, "BadRequest", &Error{"ForeachItemsLimitExceeded", fmt.Sprintf(
			"The execution of template action '%s' failed: the array has '%d' items, which is more than the limit of '%d'.", a.Name, n, definition.MaxForeachItems)})
		return
	}
	r.Inputs.Value = v
	r.Loop = &Progress{Count: v.Len(), Status: definition.Succeeded}
}

// startUntil evaluates the limit.
func (m *machine) startUntil(a *definition.Action, r *Record) {
	r.Loop = &Progress{Count: definition.DefaultIterations, Status: definition.Succeeded}
	timeout := definition.DefaultUntilTime
	if a.Loop.Limit != nil {
		v, err := a.Loop.Limit.Evaluate(m.env(a, r, nil))
		if err != nil {
			r.Loop = nil
			m.end(r, definition.Failed, "BadRequest", m.templateError(a, "limit", err))
			return
		}
		count, hasCount := v.Get("count")
		if n, ok := count.AsInt(); hasCount && (!ok || n < 1 || n > definition.MaxIterations) {
			m.badLimit(a, r, "count")
			return
		} else if hasCount {
			r.Loop.Count = int(n)
		}
		if text, has := v.Get("timeout"); has {
			var ok bool
			if timeout, ok = definition.ParseDuration(text.Str()); !ok {
				m.badLimit(a, r, "timeout")
				return
			}
		}
	}
	r.Loop.Deadline = m.now.Add(timeout)
}

func (m *machine) badLimit(a *definition.Action, r *Record, which string) {
	const invalid = "WorkflowRunActionUntilLimitInvalid"
	r.Loop = nil
	m.end(r, definition.Failed, "BadRequest", &Error{invalid, fmt.Sprintf("The limit '%s' of action '%s' is not valid.", which, a.Name)})
}

// iterate begins iterations, goes over those under way, and ends the loop when all
// are over.
func (m *machine) iterate(a *definition.Action, r *Record) bool {
	p := r.Loop
	for {
		for i := 0; i < len(p.Active); {
			over := m.settle(a.Bodies[0], Iteration(r.Path, p.Active[i]), nil)
			if m.more {
				return false
			}
			if !over {
				i++
				continue
			}
			if m.fullFor(r, m.record(a, Iteration(r.Path, p.Active[i]))) {
				return false
			}
			m.endIteration(a, r, i)
			if r.Status.Final() { // a limit, or its condition, failed it
				return m.sumUp(a, r)
			}
		}
		if !m.beginIterations(a, r) {
			break
		}
	}
	if m.more || len(p.Active) > 0 || !m.sumUp(a, r) || m.fullFor(r) {
		return false
	}
	m.endContainer(r, p.Status)
	return true
}

// beginIterations begins as many as may be under way at once, and tells whether it
// began any.
func (m *machine) beginIterations(a *definition.Action, r *Record) bool {
	p, began := r.Loop, false
	for m.s.Stopping == "" && p.Next < p.Count && len(p.Active) < a.Loop.Concurrency && !m.full() {
		if a.Spec.Role == definition.Until && p.Next > 0 {
			m.s.settle(a, Iteration(r.Path, p.Next-1)) // the latest one is kept: it can be read
		}
		m.s.put(&Record{Name: a.Name, Path: Iteration(r.Path, p.Next), Status: definition.Running, Start: m.now, TrackingID: m.guid()})
		p.Active = append(p.Active, p.Next)
		p.Next++
		m.s.change(r, progressed)
		began = true
	}
	return began
}

// endIteration ends the iteration at a place of Active.
func (m *machine) endIteration(a *definition.Action, r *Record, i int) {
	p := r.Loop
	path := Iteration(r.Path, p.Active[i])
	p.Active = slices.Delete(p.Active, i, i+1)
	status := m.status(a.Bodies[0], path)
	m.endContainer(m.record(a, path), status)
	m.tally(a, p, path)
	m.s.change(r, progressed)
	if a.Spec.Role == definition.Until {
		p.Status = status
		m.afterIteration(a, r, path)
		return
	}
	p.Status = worse(p.Status, status)
	m.s.settle(a, path)
}

func (m *machine) tally(a *definition.Action, p *Progress, path string) {
	if p.Inner == nil {
		p.Inner = make(map[string]Tally, len(a.Inner))
	}
	for _, inner := range a.Inner {
		r := m.record(inner, path)
		if r == nil {
			continue // in a loop that had no iteration
		}
		t := p.Inner[inner.Name]
		t.Count += max(r.Repetitions, 1)
		t.Status = worse(t.Status, r.Status)
		p.Inner[inner.Name] = t
	}
}

// worse: a failure outweighs a timeout, and that what went well; what was only
// skipped says least.
func worse(a, b definition.Status) definition.Status {
	rank := func(s definition.Status) int {
		return slices.Index([]definition.Status{"", definition.Skipped, definition.Succeeded, definition.Cancelled, definition.TimedOut, definition.Failed}, s)
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// afterIteration decides whether an Until goes on (run-semantics §5).
func (m *machine) afterIteration(a *definition.Action, r *Record, path string) {
	p := r.Loop
	if m.s.Stopping != "" {
		p.Count = p.Next
		return
	}
	v, err := a.Expression.Evaluate(m.envAt(a, path))
	yes, isBool := v.AsBool()
	if err == nil && !isBool {
		err = fmt.Errorf("The template language expression evaluation failed: the result is of type '%s' and must be 'Boolean'", v.Kind()) //nolint:staticcheck,revive // the product's sentence
	}
	limit := ""
	switch {
	case err != nil:
		m.end(r, definition.Failed, "BadRequest", m.templateError(a, "", err))
		return
	case yes:
		p.Count = p.Next
		return
	case p.Next >= p.Count:
		limit = "CountLimitReached"
	case !m.now.Before(p.Deadline):
		p.Count, limit = p.Next, "TimeLimitReached"
	default:
		return
	}
	if a.Loop.FailWhenLimitsReached {
		m.end(r, definition.Failed, limit, &Error{limit, fmt.Sprintf("The execution of template action '%s' failed: the loop reached its limit before its condition was met.", a.Name)})
	}
}

// sumUp gives each action inside a record that stands for all its executions.
func (m *machine) sumUp(a *definition.Action, r *Record) bool {
	for _, inner := range a.Inner {
		t, ran := r.Loop.Inner[inner.Name]
		if !ran || m.record(inner, r.Path) != nil {
			continue
		}
		if m.full() {
			return false
		}
		m.s.put(&Record{
			Name: inner.Name, Path: r.Path, Status: t.Status, Start: r.Start, End: m.now, TrackingID: m.guid(), Repetitions: t.Count,
			HideInputs: inner.HideInputs, HideOutputs: inner.HideOutputs,
		})
	}
	return true
}

// Prune lets the records leave that a store still had beside those that matter:
// of iterations that are over.
func Prune(p *definition.Program, s *State) {
	type iteration struct {
		loop *definition.Action
		path string
	}
	over := map[iteration]bool{}
	for _, r := range s.inOrder() {
		if r.Path == "" {
			continue
		}
		a := p.Action(r.Name)
		if a == nil {
			continue
		}
		loops := a.Loops
		if list := indexes(r.Path); len(list) > len(loops) {
			loops = append(slices.Clip(loops), a) // the record of an iteration
		}
		prefix := ""
		for i, index := range indexes(r.Path) {
			if i >= len(loops) {
				break
			}
			loop := s.Records[Key(loops[i].Name, prefix)]
			prefix = Iteration(prefix, index)
			if loop == nil || loop.Loop == nil || !loop.Loop.holds(loops[i], index) {
				over[iteration{loops[i], prefix}] = true
				break
			}
		}
	}
	for it := range over {
		s.settle(it.loop, it.path)
	}
}

// holds tells whether the records of an iteration still matter: it is under way,
// or it is the latest of an Until.
func (p *Progress) holds(a *definition.Action, index int) bool {
	return slices.Contains(p.Active, index) || a.Spec.Role == definition.Until && index == p.Next-1
}
