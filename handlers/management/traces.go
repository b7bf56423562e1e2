package management

import (
	"errors"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// traces shows what each expression of an execution gives (management-api §3.4). They
// are evaluated once more on what is recorded, so that a variable has its last value.
// Hidden inputs have no traces.
func (a *API) traces(c *call) (answer, error) {
	w, st, found, err := a.action(c)
	if err != nil {
		return answer{}, err
	}
	if err := a.sees(c, w); err != nil {
		return answer{}, err
	}
	r, path := st.Records[found.Name], c.names["repetition"]
	if path != "" {
		r, err = a.Store.Execution(c.ctx, store.RunKey{WorkflowID: w.ID, Run: st.Name}, found.Name, path)
		if errors.Is(err, store.ErrNotFound) || len(indexes(path)) == 0 {
			return answer{}, a.noRepetition(c)
		}
		if err != nil {
			return answer{}, err
		}
	}
	if r == nil {
		return answer{}, a.noAction(c)
	}
	roots := []value.Value{}
	if !r.HideInputs && r.Repetitions == 0 {
		list, err := a.Engine.Traces(c.ctx, w, st, found, path, r.Start)
		if err != nil {
			return answer{}, err
		}
		for _, one := range list {
			roots = append(roots, newObject(5).traced(one, true).Build())
		}
	}
	return ok(value.Object(value.Member{Key: "inputs", Value: value.Array(roots...)}))
}

// traced adds an expression, or a part of one (management-api §4.4).
func (o object) traced(one expr.Traced, atRoot bool) object {
	if atRoot {
		o.Set("path", value.String(one.Path)) // "" where the inputs are one expression
	}
	o.text("text", one.Text)
	if one.Err != nil {
		o.value("error", (&run.Error{Code: one.Err.Code, Message: one.Err.Message}).Value())
	} else {
		o.value("value", one.Value)
	}
	if len(one.Parts) > 0 {
		parts := make([]value.Value, len(one.Parts))
		for i, p := range one.Parts {
			parts[i] = newObject(4).traced(p, false).Build()
		}
		o.value("subexpressions", value.Array(parts...))
	}
	return o
}
