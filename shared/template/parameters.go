package template

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// bindAll pairs the declared parameters with the values given; secure ones are
// marked with where they come from.
func (e *evaluation) bindAll(given value.Value) {
	at := e.at.Key("parameters")
	declared := e.template.Member("parameters")
	for name := range given.Members {
		if !declared.Has(name) {
			e.l.fail(e.l.parameterCode(), at, "The parameter '%s' is not declared in the template.", name)
		}
	}
	e.got, e.raw = given, map[string]bool{}
	for name := range declared.Members {
		e.bind(name)
	}
}

// parameterCode is the code of problems with parameters: that of a deployment is the
// product's.
func (l *loader) parameterCode() string {
	if l.deploys {
		return invalidTemplate
	}
	return invalidParameter
}

// bind works out the value of a declared parameter; its default may use others.
func (e *evaluation) bind(name string) {
	key := strings.ToLower(name)
	if _, done := e.given[key]; done || e.raw[key] {
		return
	}
	e.raw[key] = true
	d, _ := e.template.Member("parameters").Get(name)
	d = resolvedType(e.template, d)
	place := e.at.Keys("parameters", name)
	code := e.l.parameterCode()
	got := e.got.Member(name)
	v := got.Member("value")
	if reference := got.Member("reference"); !reference.IsAbsent() {
		v = reference.Member("value") // put there by whoever resolved it
		if v.IsAbsent() && !e.c.Assume {
			e.l.fail(code, place, "The parameter '%s' refers to a Key Vault secret, which has to be given as a value here.", name)
			v = value.Null()
		}
	}
	if v.IsAbsent() {
		fallback, ok := d.Get("defaultValue")
		if !ok && e.c.Assume {
			fallback, ok = assumed(name, d), true
		}
		if nullable, _ := d.Member("nullable").AsBool(); !ok && nullable {
			fallback, ok = value.Null(), true
		}
		if !ok {
			e.missing(name, d, code, place)
			return
		}
		v = e.value(fallback, place.Key("defaultValue"))
	}
	e.checkType(name, d, v, place)
	if isSecure(d.Member("type").Str()) {
		v = v.Mark(value.Origin{Class: value.Credential, Name: "template:" + name})
	}
	e.given[key] = v
}

func (e *evaluation) missing(name string, d value.Value, code string, place *value.Path) {
	told := ""
	if e.l.deploys {
		p := Parameter{Type: d.Member("type").Str(), Description: d.Member("metadata").Member("description").Str(), Allowed: d.Member("allowedValues")}
		told = " (" + p.Tell() + ")"
	}
	e.l.fail(code, place, "The value for the template parameter '%s'%s is not provided.", name, told)
}

// parameter is the value of one, for parameters().
func (e *evaluation) parameter(name string) (value.Value, error) {
	key := strings.ToLower(name)
	if _, bound := e.given[key]; !bound && e.template.Member("parameters").Has(name) && e.raw != nil {
		if e.raw[key] {
			return value.Value{}, fmt.Errorf("the template parameter '%s' has no value yet", name)
		}
		e.bind(name)
	}
	if v, ok := e.given[key]; ok {
		return v, nil
	}
	return value.Value{}, fmt.Errorf("the template parameter '%s' is not found", name)
}

// resolvedType follows a declaration to the type of the template that it names.
func resolvedType(template, d value.Value) value.Value {
	for range maxNested {
		name, ok := strings.CutPrefix(d.Member("$ref").Str(), "#/definitions/")
		if !ok {
			break
		}
		definition, found := template.Member("definitions").Get(name)
		if !found {
			break
		}
		for member, v := range d.Members {
			if member != "$ref" {
				definition = definition.With(member, v)
			}
		}
		d = definition
	}
	return d
}

// assumed is a plausible value of a declared parameter.
func assumed(name string, d value.Value) value.Value {
	if allowed := d.Member("allowedValues"); allowed.Len() > 0 {
		return allowed.At(0)
	}
	switch strings.ToLower(d.Member("type").Str()) {
	case "int":
		return value.Int(1)
	case "bool":
		return value.Bool(true)
	case "array":
		return value.Array()
	case "object", "secureobject":
		return value.Object()
	default:
		return value.String("example-" + name)
	}
}

var kindsOfTypes = map[string]value.Kind{
	"string": value.KindString, "securestring": value.KindString, "int": value.KindInt, "bool": value.KindBool,
	"object": value.KindObject, "secureobject": value.KindObject, "array": value.KindArray,
}

func (e *evaluation) checkType(name string, declaration, v value.Value, at *value.Path) {
	code := e.l.parameterCode()
	typ := strings.ToLower(declaration.Member("type").Str())
	want, ok := kindsOfTypes[typ]
	switch {
	case !ok:
		e.l.fail(code, at.Key("type"), "The type '%s' of template parameter '%s' is not valid.", typ, name)
	case IsUnknown(v):
		return
	case !v.IsNull() && v.Kind() != want:
		e.l.fail(code, at, "The value of template parameter '%s' is of type '%s'; '%s' is declared.", name, v.Kind(), typ)
		return
	}
	e.checkBounds(name, declaration, v, at)
	allowed := declaration.Member("allowedValues")
	if allowed.Len() == 0 || v.IsNull() && e.l.deploys {
		return
	}
	isAllowed := func(v value.Value) bool {
		plain := string(value.Reveal(v))
		for _, a := range allowed.Elements {
			if strings.EqualFold(string(value.Reveal(a)), plain) {
				return true
			}
		}
		return false
	}
	if isAllowed(v) {
		return
	}
	if v.Kind() == value.KindArray { // some of the values, in any order
		all := true
		for _, item := range v.Elements {
			all = all && isAllowed(item)
		}
		if all {
			return
		}
	}
	e.l.fail(code, at, "The value of template parameter '%s' is not one of the allowed values.", name)
}

// checkBounds: minLength and maxLength of text and arrays, minValue and maxValue of
// numbers.
func (e *evaluation) checkBounds(name string, d, v value.Value, at *value.Path) {
	if v.IsNull() {
		return
	}
	least, most, size := "minLength", "maxLength", int64(v.Len())
	switch v.Kind() {
	case value.KindString:
		size = int64(utf8.RuneCountInString(v.Str()))
	case value.KindInt:
		least, most = "minValue", "maxValue"
		size, _ = v.AsInt()
	case value.KindArray:
	default:
		return
	}
	if n, ok := d.Member(least).AsInt(); ok && size < n {
		e.l.fail(e.l.parameterCode(), at, "The value of template parameter '%s' is below its %s of %d.", name, least, n)
	}
	if n, ok := d.Member(most).AsInt(); ok && size > n {
		e.l.fail(e.l.parameterCode(), at, "The value of template parameter '%s' is above its %s of %d.", name, most, n)
	}
}
