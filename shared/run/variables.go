package run

import (
	"fmt"
	"math"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// variableTypes are the types in their canonical spelling with their kind and
// the value of a variable that was given none (actions §5).
var variableTypes = []struct {
	name    string
	kinds   []value.Kind
	initial value.Value
}{
	{"Boolean", []value.Kind{value.KindBool}, value.Bool(false)},
	{"Integer", []value.Kind{value.KindInt}, value.Int(0)},
	{"Float", []value.Kind{value.KindFloat, value.KindInt, value.KindDecimal}, value.Float(0)},
	{"String", []value.Kind{value.KindString, value.KindNull}, value.String("")},
	{"Object", []value.Kind{value.KindObject, value.KindNull}, value.Null()},
	{"Array", []value.Kind{value.KindArray, value.KindNull}, value.Array()},
}

// setVariable carries out a variable action: one read-modify-write of the state.
func (m *machine) setVariable(a *definition.Action, r *Record) {
	inputs, err := m.inputs(a, r)
	if err != nil {
		m.end(r, definition.Failed, "BadRequest", err)
		return
	}
	outputs, failure := m.changeVariable(a, r, inputs)
	if failure != "" {
		m.end(r, definition.Failed, "BadRequest", &Error{definition.InvalidTemplate, failure})
		return
	}
	m.conclude(a, r, Succeed("", outputs))
}

// changeVariable returns the outputs of the action, or what is wrong.
func (m *machine) changeVariable(a *definition.Action, r *Record, inputs value.Value) (value.Value, string) {
	if a.Type == "InitializeVariable" {
		return value.Value{}, m.initialize(r, inputs)
	}
	name := inputs.Member("name").Str()
	v := m.s.variable(name)
	if v == nil {
		return value.Value{}, fmt.Sprintf("The variable '%s' must be initialized before it can be used inside action '%s'.", name, a.Name)
	}
	given := inputs.Member("value")
	switch a.Type {
	case "SetVariable":
		return assign(v, given)
	case "IncrementVariable", "DecrementVariable":
		return m.step(a, v, given)
	case "AppendToStringVariable":
		if v.Type != "String" {
			return value.Value{}, wrongType(a, v)
		}
		text := v.Value.Str() + textOf(given)
		v.Value = value.String(text).Mark(append(v.Value.Taint(), given.Taint()...)...)
		return value.Value{}, ""
	default: // AppendToArrayVariable
		return value.Value{}, appendTo(a, v, given)
	}
}

func (m *machine) initialize(r *Record, inputs value.Value) string {
	list := inputs.Member("variables")
	normal := make([]value.Value, 0, list.Len())
	for _, declared := range list.Elements {
		name, typ := declared.Member("name").Str(), declared.Member("type").Str()
		found := false
		for _, t := range variableTypes {
			if !strings.EqualFold(t.name, typ) {
				continue
			}
			found = true
			initial, given := declared.Get("value")
			if !given {
				initial = t.initial
			} else if !hasKind(t.kinds, initial) {
				return fmt.Sprintf("The variable '%s' of type '%s' cannot be initialized with a value of type '%s'.", name, t.name, initial.Kind())
			}
			m.s.Variables = append(m.s.Variables, Variable{name, t.name, initial})
			normal = append(normal, declared.With("type", value.String(t.name)))
		}
		if !found {
			return fmt.Sprintf("The type '%s' of variable '%s' is not valid.", typ, name)
		}
	}
	r.Inputs.Value = inputs.With("variables", value.Array(normal...))
	return ""
}

func assign(v *Variable, given value.Value) (value.Value, string) {
	for _, t := range variableTypes {
		if t.name == v.Type && !hasKind(t.kinds, given) {
			return value.Value{}, fmt.Sprintf("The variable '%s' of type '%s' cannot be set to a value of type '%s'.", v.Name, v.Type, given.Kind())
		}
	}
	v.Value = given
	return variableOutputs(v), ""
}

func (m *machine) step(a *definition.Action, v *Variable, by value.Value) (value.Value, string) {
	if by.IsAbsent() {
		by = value.Int(1)
	}
	sign := int64(1)
	if a.Type == "DecrementVariable" {
		sign = -1
	}
	origins := append(v.Value.Taint(), by.Taint()...)
	if n, ok := v.Value.AsInt(); ok && v.Type == "Integer" {
		d, ok := by.AsInt()
		if !ok {
			return value.Value{}, wrongType(a, v)
		}
		sum := n + sign*d
		if (sum > n) != (sign*d > 0) && d != 0 {
			return value.Value{}, fmt.Sprintf("The value of variable '%s' would not fit a 64-bit integer.", v.Name)
		}
		v.Value = value.Int(sum).Mark(origins...)
		return variableOutputs(v), ""
	}
	f, ok := number(v.Value)
	d, ok2 := number(by)
	if v.Type != "Float" || !ok || !ok2 {
		return value.Value{}, wrongType(a, v)
	}
	v.Value = value.Float(f + float64(sign)*d).Mark(origins...)
	return variableOutputs(v), ""
}

func appendTo(a *definition.Action, v *Variable, item value.Value) string {
	if v.Type != "Array" {
		return wrongType(a, v)
	}
	if k := item.Kind(); k == value.KindArray || k == value.KindNull {
		return fmt.Sprintf("The input value is of type '%s' which cannot be appended to the variable '%s' of type 'Array'. The action type 'AppendToArrayVariable' only supports values of types 'Float, Integer, String, Boolean, Object'.", k, v.Name)
	}
	items := make([]value.Value, 0, v.Value.Len()+1)
	for _, x := range v.Value.Elements {
		items = append(items, x)
	}
	v.Value = value.Array(append(items, item)...)
	return ""
}

func variableOutputs(v *Variable) value.Value {
	return value.Object(value.Member{Key: "body", Value: value.Object(
		value.Member{Key: "name", Value: value.String(v.Name)}, value.Member{Key: "value", Value: v.Value})})
}

func wrongType(a *definition.Action, v *Variable) string {
	return fmt.Sprintf("The variable '%s' of type '%s' cannot be used by the action '%s' of type '%s'.", v.Name, v.Type, a.Name, a.Type)
}

func hasKind(kinds []value.Kind, v value.Value) bool {
	for _, k := range kinds {
		if k == v.Kind() {
			return true
		}
	}
	return false
}

func number(v value.Value) (float64, bool) {
	if i, ok := v.AsInt(); ok {
		return float64(i), true
	}
	if f, ok := v.AsFloat(); ok {
		return f, true
	}
	if d, ok := v.AsDecimal(); ok {
		f, err := d.Float64()
		return f, err == nil && !math.IsNaN(f)
	}
	return 0, false
}

// textOf is what AppendToStringVariable appends: text as it is, nothing for
// null, compact JSON otherwise.
func textOf(v value.Value) string {
	if v.IsNull() {
		return ""
	}
	if s, ok := v.AsString(); ok {
		return s
	}
	return string(value.Reveal(v))
}
