package template

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Call is a function whose answer only a deployed resource has: reference(), or one
// whose name begins with list.
type Call struct {
	Function, ID, APIVersion string
	Full                     bool        // reference(…, …, 'Full'): the resource and not only its properties
	Body                     value.Value // what a list function is asked with
	Expression               string      // that it stands in
	Path                     *value.Path
}

// Lookup answers a call; Unknown where the answer is not known yet.
type Lookup func(Call) (value.Value, error)

// Unknown stands in for what only a deployed resource can answer: whatever is made of
// it is unknown too.
var Unknown = value.Object(value.Member{Key: unknownMark, Value: value.Null()})

const unknownMark = "\x00unknown"

// IsUnknown tells whether a value is Unknown itself.
func IsUnknown(v value.Value) bool { return v.Kind() == value.KindObject && v.Has(unknownMark) }

// HasUnknown tells whether it is, or anything in it.
func HasUnknown(v value.Value) bool {
	if IsUnknown(v) {
		return true
	}
	for _, item := range v.Elements {
		if HasUnknown(item) {
			return true
		}
	}
	for _, item := range v.Members {
		if HasUnknown(item) {
			return true
		}
	}
	return false
}

// settled is a value with empty text for all that is unknown.
func settled(v value.Value) value.Value { return Replace(v, value.String("")) }

// Replace puts another value in the place of all that is unknown.
func Replace(v, by value.Value) value.Value {
	switch {
	case IsUnknown(v):
		return by
	case v.Kind() == value.KindArray:
		items := make([]value.Value, v.Len())
		for i, item := range v.Elements {
			items[i] = Replace(item, by)
		}
		return value.Array(items...).Mark(v.Origins()...)
	case v.Kind() == value.KindObject:
		b := value.NewObject(v.Len())
		for name, item := range v.Members {
			b.Set(name, Replace(item, by))
		}
		return b.Build().Mark(v.Origins()...)
	}
	return v
}

// isRuntime tells whether a function is answered by deployed resources.
func isRuntime(name string) bool {
	return name == "reference" || name == "references" || strings.HasPrefix(name, "list") && len(name) > len("list")
}

// runtime answers such a function; without a Lookup the answer is unknown.
func (e *evaluation) runtime(p *parser, name string, args []value.Value) (value.Value, error) {
	if e.l.lookup == nil {
		return Unknown, nil
	}
	if len(args) == 0 || len(args) > 4 {
		return value.Value{}, fmt.Errorf("the function '%s' has %d parameters, which is not what it takes", name, len(args))
	}
	if slices.ContainsFunc(args, HasUnknown) {
		return Unknown, nil
	}
	c := Call{Function: name, Expression: p.text, Path: p.place}
	if len(args) > 1 {
		c.APIVersion = args[1].Str()
	}
	if len(args) > 2 && strings.HasPrefix(strings.ToLower(name), "reference") {
		c.Full = strings.EqualFold(args[2].Str(), "Full")
	} else if len(args) > 2 {
		c.Body = args[2]
	}
	target := args[0].Str()
	if strings.EqualFold(name, "references") {
		var all []value.Value
		for _, r := range e.l.all {
			if r.Symbol != "" && strings.EqualFold(r.Symbol, target) && !r.Skipped {
				c.ID = r.ID
				v, err := e.ask(c)
				if err != nil {
					return value.Value{}, err
				}
				all = append(all, v)
			}
		}
		return value.Array(all...), nil
	}
	if c.ID = target; !strings.HasPrefix(target, "/") {
		r := e.l.named(target)
		if r == nil {
			return value.Value{}, fmt.Errorf("the resource '%s' is not defined in the template", target)
		}
		c.ID = r.ID
	}
	return e.ask(c)
}

// maxAsked bounds how deep the outputs of deployments refer to others.
const maxAsked = 4 * maxNested

// maxAsks bounds how often those of one resource do.
const maxAsks = 10000

// ask answers for nested deployments here; the rest others know.
func (e *evaluation) ask(c Call) (value.Value, error) {
	for _, r := range e.l.all {
		if !r.Is(DeploymentType) || !strings.EqualFold(r.ID, c.ID) || r.inner == nil {
			continue
		}
		if _, err := e.l.lookup(c); err != nil { // so that it is known who waits for whom
			return value.Value{}, err
		}
		e.l.asks++
		if e.l.asked++; e.l.asked > maxAsked || e.l.asks > maxAsks {
			return value.Value{}, errors.New("the outputs of deployments depend on each other")
		}
		defer func() { e.l.asked-- }()
		inner := r.inner.renewed(e.l)
		b := value.NewObject(0)
		for _, o := range inner.evaluateOutputs() {
			b.Set(o.Name, value.Object(value.Member{Key: "type", Value: value.String(o.Type)}, value.Member{Key: "value", Value: o.Value}))
		}
		properties := value.Object(value.Member{Key: "provisioningState", Value: value.String("Succeeded")}, value.Member{Key: "mode", Value: value.String("Incremental")},
			value.Member{Key: "outputs", Value: b.Build()})
		if c.Full {
			return value.Object(value.Member{Key: "properties", Value: properties}), nil
		}
		return properties, nil
	}
	return e.l.lookup(c)
}

// named finds a resource by its symbolic name or its name.
func (l *loader) named(name string) *Resource {
	for _, matches := range []func(*Resource) bool{
		func(r *Resource) bool { return r.IsSymbol(name) },
		func(r *Resource) bool { return strings.EqualFold(r.Name, name) },
		func(r *Resource) bool { return strings.EqualFold(r.Type+"/"+r.Name, name) },
	} {
		for _, r := range l.all {
			if matches(r) {
				return r
			}
		}
	}
	return nil
}

// renewed is an evaluation that begins anew, with another Lookup: what was evaluated
// without it may depend on it.
func (e *evaluation) renewed(l *loader) *evaluation {
	fresh := *e
	fresh.l, fresh.variables, fresh.evaluating = l, map[string]value.Value{}, map[string]bool{}
	if e.outer != nil {
		fresh.outer = e.outer.renewed(l)
		fresh.given = map[string]value.Value{}
		fresh.bindAll(fresh.outer.value(e.written, e.writtenAt))
	}
	return &fresh
}
