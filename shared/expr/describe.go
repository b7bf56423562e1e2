package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Parameter is a parameter of a function, as the reference shows it.
type Parameter struct {
	Name, Type string // the type in the words of the signature
	Optional   bool
	Repeats    bool // may be given again and again
	Checked    bool // whether another type always fails
}

// Parameters reads the parameters from the signature.
func (f *Function) Parameters() []Parameter {
	var list []Parameter
	_, rest, _ := strings.Cut(strings.TrimSuffix(f.Signature, ")"), "(")
	for word := range strings.SplitSeq(rest, ",") {
		if word = strings.TrimSpace(word); word == "…" {
			list[len(list)-1].Repeats = true
			continue
		}
		name, typ, ok := strings.Cut(word, " ")
		if !ok {
			continue
		}
		p := Parameter{Name: strings.TrimSuffix(name, "?"), Type: typ, Optional: strings.HasSuffix(name, "?")}
		p.Checked = paramTypes[typ] != anyType
		list = append(list, p)
	}
	return list
}

// Reads tells what the function reads from the scope; 0 where it reads nothing
// that a definition names.
func (f *Function) Reads() ReferenceKind { return f.ref }

// Find returns the function with a name, in any case, or nil.
func Find(name string) *Function { return lookup(name) }

// anyKind puts T for the type that a message says was provided.
var anyKind = func() *strings.Replacer {
	var pairs []string
	for k := value.KindNull; k <= value.KindObject; k++ {
		pairs = append(pairs, "provided value is of type '"+k.String()+"'", "provided value is of type 'T'")
	}
	return strings.NewReplacer(pairs...)
}()

// Errors lists the messages of a call with a wrong number of arguments, N, or one
// of a wrong type, T, and those of the examples that fail.
func (f *Function) Errors() []string {
	var list []string
	add := func(message string) {
		message = anyKind.Replace(strings.TrimSuffix(message, usage(f.Name)))
		if !slices.Contains(list, message) {
			list = append(list, message)
		}
	}
	wrong := f.Max + 1
	if f.Max < 0 {
		wrong = f.Min - 1
	}
	if wrong >= 0 {
		add(strings.Replace(f.checkCount(wrong), fmt.Sprintf("'%d' parameter(s)", wrong), "'N' parameter(s)", 1))
	}
	for i, p := range f.params {
		if p.typ == anyType || f.lazy != nil && i > 0 || f.lazy != nil && f.Max < 0 {
			continue // what evaluates its arguments itself words it in its own way
		}
		add(f.wrongType(i, p.typ, value.KindNull).Error())
	}
	context, err := value.Parse([]byte(ExampleContext))
	if err != nil {
		panic(err) // a mistake in the program, which a test finds
	}
	for _, x := range f.Examples {
		if !strings.HasPrefix(x.Result, "error: ") {
			continue
		}
		if _, err := EvaluateText(x.Expression, context); err != nil {
			add(err.Error())
		}
	}
	return list
}
