package definition

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Parameter is a declared parameter with its value.
type Parameter struct {
	Name string
	Type string // lower case
	// Value is absent when neither the resource nor the declaration gives one. The
	// value of a secure type carries an origin.
	Value value.Value
}

// Secure tells whether the parameter is a securestring or secureobject.
func (p Parameter) Secure() bool { return strings.HasPrefix(p.Type, "secure") }

// Parameter returns the value of a parameter, ignoring case.
func (p *Program) Parameter(name string) (value.Value, bool) {
	for i := range p.Parameters {
		if strings.EqualFold(p.Parameters[i].Name, name) {
			return p.Parameters[i].Value, !p.Parameters[i].Value.IsAbsent()
		}
	}
	return value.Value{}, false
}

var parameterKinds = map[string][]value.Kind{
	"string": {value.KindString}, "securestring": {value.KindString},
	"int": {value.KindInt}, "float": {value.KindFloat, value.KindInt, value.KindDecimal},
	"bool": {value.KindBool}, "array": {value.KindArray},
	"object": nil, "secureobject": nil, // any value: designers write {} and null alike
}

// parameters reads the declarations and pairs them with the values of the
// resource (workflow-definition §4).
func (b *builder) parameters() {
	at := b.src.Path.Key("parameters")
	declared := b.object(b.src.Definition.Member("parameters"), at)
	given := b.object(b.src.Parameters, b.src.ParametersPath)
	seen := map[string]bool{}
	for name, declaration := range declared.Members {
		if key := strings.ToLower(name); seen[key] {
			b.fail(InvalidTemplate, at.Key(name), "The parameter name '%s' is used more than once; names must differ by more than case.", name)
			continue
		} else {
			seen[key] = true
		}
		b.parameter(name, b.object(declaration, at.Key(name)), given, at.Key(name))
	}
	for name := range given.Members {
		if !declared.Has(name) {
			b.fail(InvalidTemplateParameter, b.src.ParametersPath.Key(name),
				"The workflow parameter '%s' is not declared in the definition.", name)
		}
	}
}

func (b *builder) parameter(name string, declaration, given value.Value, at *value.Path) {
	written := b.text(declaration.Member("type"), at.Key("type"))
	typ := strings.ToLower(written)
	kinds, known := parameterKinds[typ]
	if !known {
		b.fail(InvalidTemplateParameter, at.Key("type"), "The type '%s' of workflow parameter '%s' is not valid.", written, name)
		return
	}
	p := Parameter{Name: name, Type: typ}
	place := at.Key("defaultValue")
	p.Value = declaration.Member("defaultValue")
	if entry, ok := given.Get(name); ok {
		place = b.src.ParametersPath.Key(name)
		if v, ok := b.object(entry, place).Get("value"); ok {
			p.Value, place = v, place.Key("value")
		}
	}
	switch {
	case p.Value.IsAbsent():
		if !b.src.Parameters.IsAbsent() {
			b.fail(InvalidTemplateParameter, at, "The workflow parameter '%s' has neither a value nor a default value.", name)
		}
	case p.Value.IsNull() || kinds == nil:
	case !containsKind(kinds, p.Value.Kind()):
		b.fail(InvalidTemplateParameter, place, "The value of workflow parameter '%s' is of type '%s'; '%s' is declared.", name, p.Value.Kind(), typ)
	default:
		b.allowed(name, declaration, p.Value, place)
	}
	if p.Secure() {
		p.Value = p.Value.Mark(value.Origin{Class: value.Credential, Name: "parameter:" + name})
	}
	b.program.Parameters = append(b.program.Parameters, p)
}

func (b *builder) allowed(name string, declaration, v value.Value, at *value.Path) {
	allowed := declaration.Member("allowedValues")
	if allowed.Len() == 0 {
		return
	}
	plain := string(value.Reveal(v))
	for _, a := range allowed.Elements {
		if string(value.Reveal(a)) == plain {
			return
		}
	}
	b.fail(InvalidTemplateParameter, at, "The value of workflow parameter '%s' is not one of the allowed values.", name)
}

func containsKind(kinds []value.Kind, k value.Kind) bool {
	for _, known := range kinds {
		if known == k {
			return true
		}
	}
	return false
}
