package operation

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// SchemaProblem is one way in which a value does not match a schema.
type SchemaProblem struct {
	Path     string // as Newtonsoft writes it: rows[1].name
	Message  string // names places and keywords, never values
	SchemaID string // where the schema says so: #/properties/name
	Type     string // the keyword
	Value    value.Value
	Children []SchemaProblem // of anyOf, oneOf and allOf

	place   []int // in the value, by which problems are sorted
	origins []value.Origin
}

// Validate checks a value against a JSON schema, draft 4 unless it says
// otherwise. An absent or empty schema accepts everything. Problems come in the
// order of the value, those of an object behind those of its members.
func Validate(schema, v value.Value) ([]SchemaProblem, error) {
	if schema.Len() == 0 {
		return nil, nil
	}
	compiled, err := compileSchema(schema)
	if err != nil {
		return nil, err
	}
	var failed *jsonschema.ValidationError
	if err := compiled.Validate(plain(v)); !errors.As(err, &failed) {
		return nil, err
	}
	return problemsOf(failed, v), nil
}

func problemsOf(failed *jsonschema.ValidationError, v value.Value) []SchemaProblem {
	var problems []SchemaProblem
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		p, at := problemOf(e, v)
		switch k := e.ErrorKind.(type) {
		case *kind.AnyOf, *kind.OneOf, *kind.AllOf, *kind.Not:
			p.Value = value.Value{}
			for _, cause := range slices.Backward(e.Causes) { // the service lists them from the last schema on
				p.Children = append(p.Children, problemsOf(cause, v)...)
			}
		case *kind.AdditionalProperties: // one for each
			for _, name := range k.Properties {
				one := p
				path, place, _ := locate(v, append(slices.Clone(e.InstanceLocation), name))
				one.Path, one.place, one.Value = jsonPath(path), place, value.String(name)
				one.Message = describe(p.Type, name, at, e)
				problems = append(problems, one)
			}
			return
		case *kind.Required:
			p.Value = value.Strings(k.Missing...)
		default:
			for _, cause := range e.Causes {
				walk(cause)
			}
			if len(e.Causes) > 0 {
				return
			}
		}
		p.Message = describe(p.Type, "", at, e)
		problems = append(problems, p)
	}
	walk(failed)
	slices.SortStableFunc(problems, func(a, b SchemaProblem) int { return inOrder(a.place, b.place) })
	return problems
}

// problemOf returns where a problem is, and the value there.
func problemOf(e *jsonschema.ValidationError, v value.Value) (SchemaProblem, value.Value) {
	p := SchemaProblem{Type: "$"}
	if _, isNot := e.ErrorKind.(*kind.Not); isNot {
		p.Type = "not" // has no path of its own
	}
	if keywords := e.ErrorKind.KeywordPath(); len(keywords) > 0 {
		p.Type = keywords[0]
	}
	_, fragment, _ := strings.Cut(e.SchemaURL, "#")
	if plain, err := url.PathUnescape(fragment); err == nil {
		fragment = plain
	}
	path, place, at := locate(v, e.InstanceLocation)
	p.SchemaID, p.Path, p.place, p.origins = "#"+fragment, jsonPath(path), place, at.Origins()
	switch at.Kind() {
	case value.KindNull, value.KindArray, value.KindObject:
	default:
		p.Value = at
	}
	return p, at
}

// inOrder sorts places by the order of the document, a container behind what it
// holds.
func inOrder(a, b []int) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] - b[i]
		}
	}
	return len(b) - len(a)
}

// locate follows the steps that a problem names, and returns them as names and
// indexes, as places, and the value they lead to.
func locate(v value.Value, steps []string) (path []any, place []int, at value.Value) {
	for _, step := range steps {
		i := -1
		if v.Kind() == value.KindArray {
			i, _ = strconv.Atoi(step) // the validator counts
			path = append(path, i)
		} else {
			for j := range v.Len() {
				if v.KeyAt(j) == step {
					i = j
				}
			}
			path = append(path, step)
		}
		place = append(place, i)
		if i < 0 || i >= v.Len() {
			return path, place, value.Value{}
		}
		v = v.At(i)
	}
	return path, place, v
}

// hasPatterns tells whether a schema, or one inside it, has a pattern or
// patternProperties. A property may have one of these names.
func hasPatterns(schema value.Value) bool {
	for key, v := range schema.Members {
		switch key {
		case "pattern", "patternProperties":
			return true
		case "properties", "definitions", "dependencies":
			for _, named := range v.Members {
				if hasPatterns(named) {
					return true
				}
			}
		case "allOf", "anyOf", "oneOf", "items", "additionalItems", "additionalProperties", "not":
			if hasPatterns(v) {
				return true
			}
			for _, one := range v.Elements {
				if hasPatterns(one) {
					return true
				}
			}
		}
	}
	return false
}

func compileSchema(schema value.Value) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft4)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(compileRegexp)
	const id = "schema.json"
	if err := c.AddResource(id, plain(lenient(schema.Without("$schema")))); err != nil {
		return nil, errors.New("it cannot be read")
	}
	compiled, err := c.Compile(id)
	if err != nil {
		return nil, errors.New("it is not a JSON schema of draft 4")
	}
	return compiled, nil
}

// lenient leaves out what the product's validator accepts and draft 4 does not:
// an empty list of required properties, which designers write.
func lenient(v value.Value) value.Value {
	switch v.Kind() {
	case value.KindArray:
		items := make([]value.Value, v.Len())
		for i, item := range v.Elements {
			items[i] = lenient(item)
		}
		return value.Array(items...)
	case value.KindObject:
		b := value.NewObject(v.Len())
		for key, item := range v.Members {
			if key == "required" && item.Kind() == value.KindArray && item.Len() == 0 {
				continue
			}
			b.Set(key, lenient(item))
		}
		return b.Build()
	default:
		return v
	}
}

// noLoader refuses every reference outside the schema, files included.
type noLoader struct{}

func (noLoader) Load(string) (any, error) {
	return nil, errors.New("references to other documents are not followed")
}

type pattern struct{ re *regexp2.Regexp }

func (p pattern) MatchString(s string) bool { ok, err := p.re.MatchString(s); return ok && err == nil }
func (p pattern) String() string            { return p.re.String() }

// compileRegexp compiles a pattern of a schema; a match that backtracks too long
// counts as none.
func compileRegexp(s string) (jsonschema.Regexp, error) {
	re, err := regexp2.Compile(s, regexp2.ECMAScript)
	if err != nil {
		return nil, err
	}
	re.MatchTimeout = 100 * time.Millisecond
	return pattern{re}, nil
}

// checkSchema reports at save time what is wrong with a schema.
func checkSchema(schema value.Value, code string, at *value.Path, report definition.Report) {
	if schema.IsNull() {
		return
	}
	if _, isExpression := schema.AsString(); isExpression {
		return
	}
	if _, err := compileSchema(schema); err != nil {
		report(code+"Invalid", at, fmt.Sprintf("The schema is not valid: %s.", err))
	}
}

// plain converts a value for the schema library. It is given away only to be
// compared, never printed.
func plain(v value.Value) any {
	d := json.NewDecoder(strings.NewReader(string(value.Reveal(v))))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return nil
	}
	return x
}
