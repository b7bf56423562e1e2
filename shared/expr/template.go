package expr

import "github.com/latchwork/latchwork/shared/value"

type impl struct{ constant value.Value }

// CompileTemplate compiles v, which stands at path at in its document. All
// problems are returned at once; with problems the template must not be used.
func CompileTemplate(v value.Value, at *value.Path) (*Template, []value.Problem) {
	return &Template{impl{v}}, nil
}

// CompileCondition compiles the expression of an If or Until action: a string,
// or the object form whose keys are function names (actions §7).
func CompileCondition(v value.Value, at *value.Path) (*Template, []value.Problem) {
	return CompileTemplate(v, at)
}

// Evaluate returns the value of the template. The error is an *Error.
func (t *Template) Evaluate(env *Env) (value.Value, error) { return t.constant, nil }

// References lists what the template reads from its scope, in document order.
func (t *Template) References() []Reference { return nil }

// Constant tells whether the template holds no expression, and its value.
func (t *Template) Constant() (value.Value, bool) { return t.constant, true }
