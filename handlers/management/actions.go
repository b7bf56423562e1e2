package management

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

const (
	actionType          = runType + "/actions"
	repetitionType      = actionType + "/repetitions"
	scopeRepetitionType = actionType + "/scopeRepetitions"
)

// outside are the records that stand for a whole action: of those in loops the one
// that sums up its repetitions. They come in the order in which they started.
func outside(w *engine.Workflow, st *run.State) []*run.Record {
	var list []*run.Record
	for _, r := range st.Records {
		if r.Path == "" {
			list = append(list, r)
		}
	}
	place := map[string]int{}
	for i, a := range w.Program.Order {
		place[a.Name] = i
	}
	slices.SortFunc(list, func(x, y *run.Record) int {
		return cmp.Or(x.Start.Compare(y.Start), place[x.Name]-place[y.Name], strings.Compare(x.Name, y.Name))
	})
	return list
}

func (a *API) listActions(c *call) (answer, error) {
	w, st, err := a.loadVersion(c)
	if err != nil {
		return answer{}, err
	}
	f, err := c.filter(actionFields)
	if err != nil {
		return answer{}, err
	}
	l := a.linker(c, w)
	records := slices.DeleteFunc(outside(w, st), func(r *run.Record) bool { return !recordMatches(f, r) })
	return cut(c, records, (*run.Record).Key, func(page []*run.Record) ([]value.Value, error) {
		if err := a.loadPayloads(c, w, st, page...); err != nil {
			return nil, err
		}
		views := make([]value.Value, len(page))
		for i, r := range page {
			views[i] = l.actionView(w, st, r)
		}
		return views, nil
	})
}

func recordMatches(f *filter, r *run.Record) bool {
	return f.holds(func(x comparison) bool { return x.is(string(r.Status)) })
}

func (l *linker) actionView(w *engine.Workflow, st *run.State, r *run.Record) value.Value {
	return newObject(4).text("id", w.ResourceID+"/runs/"+st.Name+"/actions/"+r.Name).text("name", r.Name).text("type", actionType).
		value("properties", l.actionProperties(st, r)).Build()
}

// action finds the action that a path names, ignoring case.
func (a *API) action(c *call) (*engine.Workflow, *run.State, *definition.Action, error) {
	w, st, err := a.loadVersion(c)
	if err != nil {
		return nil, nil, nil, err
	}
	if found := w.Program.Action(c.names["action"]); found != nil {
		return w, st, found, nil
	}
	return nil, nil, nil, a.noAction(c)
}

func (a *API) noAction(c *call) *Error {
	return fail(http.StatusNotFound, "WorkflowRunActionNotFound", "The workflow '%s' run '%s' action '%s' could not be found.", c.names["workflow"], c.names["run"], c.names["action"])
}

func (a *API) getAction(c *call) (answer, error) {
	w, st, found, err := a.action(c)
	if err != nil {
		return answer{}, err
	}
	r := st.Records[found.Name]
	if r == nil {
		return answer{}, a.noAction(c)
	}
	if err := a.loadPayloads(c, w, st, r); err != nil {
		return answer{}, err
	}
	return ok(a.linker(c, w).actionView(w, st, r))
}

// repetitions reads the executions of an action in loops, in the order of the
// iterations. Of a loop they are its iterations, which scopeRepetitions show.
func (a *API) repetitions(c *call) (*engine.Workflow, *run.State, *definition.Action, []*run.Record, error) {
	w, st, found, err := a.action(c)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	if err := a.Store.LoadRepetitions(c.ctx, store.RunKey{WorkflowID: w.ID, Run: st.Name}, st, found.Name); err != nil {
		return nil, nil, nil, nil, err
	}
	return w, st, found, st.Repetitions[found.Name], nil
}

// listRepetitions is one page, whatever their number (management-api §3.4).
func (a *API) listRepetitions(c *call) (answer, error) { return a.listRepeated(c, repetitionType) }

func (a *API) listScopeRepetitions(c *call) (answer, error) {
	return a.listRepeated(c, scopeRepetitionType)
}

func (a *API) listRepeated(c *call, typ string) (answer, error) {
	f, err := c.filter(actionFields)
	if err != nil {
		return answer{}, err
	}
	w, st, found, list, err := a.repetitions(c)
	if err != nil {
		return answer{}, err
	}
	l := a.linker(c, w)
	views := []value.Value{}
	for _, r := range list {
		if repeats(found, r, typ) && recordMatches(f, r) {
			views = append(views, l.repetitionView(w, st, found, r, typ))
		}
	}
	return c.list(views, "")
}

// repeats: the iterations of a loop, and the executions of a scope in loops, are
// scope repetitions; those of other actions are repetitions. Clients ask for either
// of a scope inside a loop.
func repeats(a *definition.Action, r *run.Record, typ string) bool {
	isScope := a.Spec.Role != definition.Operation && a.Spec.Role != definition.Variable && a.Spec.Role != definition.Terminate
	if typ == scopeRepetitionType {
		return isScope
	}
	return !isScope || len(indexes(r.Path)) == len(a.Loops)
}

func (a *API) getRepetition(c *call) (answer, error) { return a.oneRepeated(c, repetitionType) }

func (a *API) getScopeRepetition(c *call) (answer, error) {
	return a.oneRepeated(c, scopeRepetitionType)
}

func (a *API) oneRepeated(c *call, typ string) (answer, error) {
	w, st, found, list, err := a.repetitions(c)
	if err != nil {
		return answer{}, err
	}
	i := slices.IndexFunc(list, func(r *run.Record) bool { return r.Path == c.names["repetition"] })
	if i < 0 {
		return answer{}, a.noRepetition(c)
	}
	return ok(a.linker(c, w).repetitionView(w, st, found, list[i], typ))
}

func (a *API) noRepetition(c *call) *Error {
	return fail(http.StatusNotFound, "WorkflowRunActionRepetitionNotFound", "The workflow '%s' run '%s' action '%s' repetition '%s' could not be found.",
		c.names["workflow"], c.names["run"], c.names["action"], c.names["repetition"])
}

func (l *linker) repetitionView(w *engine.Workflow, st *run.State, a *definition.Action, r *run.Record, typ string) value.Value {
	loops := a.Loops
	if len(indexes(r.Path)) > len(loops) {
		loops = append(slices.Clone(loops), a) // an iteration of the loop itself
	}
	var at []value.Value
	for i, n := range indexes(r.Path) {
		if i < len(loops) {
			at = append(at, value.Object(value.Member{Key: "scopeName", Value: value.String(loops[i].Name)}, value.Member{Key: "itemIndex", Value: value.Int(n)}))
		}
	}
	properties := l.actionProperties(st, r).With("repetitionIndexes", value.Array(at...))
	segment := typ[strings.LastIndexByte(typ, '/'):]
	return newObject(4).text("id", w.ResourceID+"/runs/"+st.Name+"/actions/"+a.Name+segment+"/"+r.Path).
		text("name", r.Path).text("type", typ).value("properties", properties).Build()
}

// indexes are the numbers in a path such as 000002-000011.
func indexes(path string) []int64 {
	var list []int64
	for part := range strings.SplitSeq(path, "-") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return nil
		}
		list = append(list, n)
	}
	return list
}
