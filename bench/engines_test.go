package bench

import (
	"encoding/json"
	"net/url"
	"strings"
	"time"

	exprlang "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/ext"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// engine compiles expressions over one set of data.
type engine struct {
	name    string
	text    func(e expression) string // the expression in the language of the engine
	compile func(text string) (program, error)
	json    func(result any) ([]byte, error) // outside of what is measured
}

// program evaluates a compiled expression. It gives the result as the engine has
// it, in an interface, into which that of each of the three goes without a copy.
type program func() (any, error)

// engines are set up as their documentation recommends for speed: everything that
// can be done once is done before the first evaluation.
func engines(s set) ([]engine, error) {
	theirs, err := celEngine(s)
	if err != nil {
		return nil, err
	}
	return []engine{latchwork(s), theirs, exprLang(s)}, nil
}

// Latchwork.

func latchwork(s set) engine {
	env := &expr.Env{Scope: newScope(s.values)}
	return engine{
		name: "latchwork",
		text: func(e expression) string { return e.Latchwork },
		compile: func(text string) (program, error) {
			t, problems := expr.CompileTemplate(value.String(text), nil)
			if len(problems) > 0 {
				return nil, &expr.Error{Message: problems[0].Message}
			}
			return func() (any, error) { return t.Evaluate(env) }, nil
		},
		json: func(result any) ([]byte, error) { return value.Reveal(result.(value.Value)), nil },
	}
}

// scope answers from values that are there already.
type scope struct {
	expr.NoScope // what the set does not refer to
	actions      map[string]value.Value
	parameters   map[string]value.Value
	variables    map[string]value.Value
	trigger      value.Value
	item         value.Value
}

func newScope(data value.Value) *scope {
	group := func(name string) map[string]value.Value {
		found := map[string]value.Value{}
		for key, v := range data.Member(name).Members {
			found[key] = v
		}
		return found
	}
	return &scope{actions: group("actions"), parameters: group("parameters"), variables: group("variables"), trigger: data.Member("trigger"), item: data.Member("item")}
}

func (s *scope) Action(name string) (value.Value, bool) {
	v, ok := s.actions[name]
	return v, ok
}

func (s *scope) Outputs(name, member string) (value.Value, bool) {
	v, ok := s.actions[name]
	if v = v.Member("outputs"); member != "" {
		v = v.Member(member)
	}
	return v, ok
}

func (s *scope) TriggerOutputs() (value.Value, bool) { return s.trigger.Member("outputs"), true }

func (s *scope) Parameter(name string) (value.Value, bool) {
	v, ok := s.parameters[name]
	return v, ok
}

func (s *scope) Variable(name string) (value.Value, bool) {
	v, ok := s.variables[name]
	return v, ok
}

func (s *scope) Trigger() (value.Value, bool) { return s.trigger, true }
func (s *scope) Item() (value.Value, bool)    { return s.item, true }

// What two engines lack and the set needs.

// uriComponent escapes as Uri.EscapeDataString does.
func uriComponent(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func formatTime(s, layout string) (string, error) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return "", err
	}
	return t.Format(layout), nil
}

// cel-go.

func celEngine(s set) (engine, error) {
	document := cel.MapType(cel.StringType, cel.DynType)
	options := []cel.EnvOption{
		ext.Strings(), ext.Encoders(),
		cel.Function("uriComponent", cel.Overload("uri_component_string", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(v ref.Val) ref.Val { return types.String(uriComponent(string(v.(types.String)))) }))),
		cel.Function("parseJson", cel.Overload("parse_json_string", []*cel.Type{cel.StringType}, cel.DynType,
			cel.UnaryBinding(func(v ref.Val) ref.Val {
				var parsed any
				if err := json.Unmarshal([]byte(v.(types.String)), &parsed); err != nil {
					return types.WrapErr(err)
				}
				return types.DefaultTypeAdapter.NativeToValue(parsed)
			}))),
		cel.Function("formatTime", cel.Overload("format_time_string_string", []*cel.Type{cel.StringType, cel.StringType}, cel.StringType,
			cel.BinaryBinding(func(v, layout ref.Val) ref.Val {
				text, err := formatTime(string(v.(types.String)), string(layout.(types.String)))
				if err != nil {
					return types.WrapErr(err)
				}
				return types.String(text)
			}))),
	}
	for name := range s.natives {
		options = append(options, cel.Variable(name, document))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return engine{}, err
	}
	activation, err := cel.NewActivation(s.natives)
	if err != nil {
		return engine{}, err
	}
	return engine{
		name: "cel-go",
		text: func(e expression) string { return e.CEL },
		compile: func(text string) (program, error) {
			checked, issues := env.Compile(text)
			if issues.Err() != nil {
				return nil, issues.Err()
			}
			p, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize))
			if err != nil {
				return nil, err
			}
			return func() (any, error) {
				v, _, err := p.Eval(activation)
				return v, err
			}, nil
		},
		json: func(result any) ([]byte, error) { return json.Marshal(result.(ref.Val).Value()) },
	}, nil
}

// expr-lang.

func exprLang(s set) engine {
	options := []exprlang.Option{
		exprlang.Env(s.natives),
		exprlang.Function("uriComponent", func(params ...any) (any, error) { return uriComponent(params[0].(string)), nil }, uriComponent),
	}
	machine := &vm.VM{} // serves one evaluation after the other, as an Env does
	return engine{
		name: "expr-lang",
		text: func(e expression) string { return e.Expr },
		compile: func(text string) (program, error) {
			p, err := exprlang.Compile(text, options...)
			if err != nil {
				return nil, err
			}
			return func() (any, error) { return machine.Run(p, s.natives) }, nil
		},
		json: func(result any) ([]byte, error) { return json.Marshal(result) },
	}
}
