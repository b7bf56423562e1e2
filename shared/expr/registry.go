package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Function is one function of the language. Everything that functions have in
// common is done by the evaluator: the number of arguments, the kinds of those
// that are declared, and the origins of secrets.
type Function struct {
	Name     string
	Min, Max int    // number of arguments; Max < 0: any
	Counts   string // how messages word the number, such as "one parameter"; "" words it from Min and Max
	Doc      string
	Examples []Example

	// Body computes the result from evaluated arguments.
	Body func(c *Call) (value.Value, error)
	// lazy evaluates its arguments itself, as far as it needs them.
	lazy func(m *machine, n *node) (value.Value, error)
	// read answers from the scope; ref says what it refers to.
	read func(m *machine, n *node) (value.Value, error)
	ref  ReferenceKind
}

// Example is an expression and what it gives, as JSON; or the beginning of the
// error message behind "error: ".
type Example struct{ Expression, Result string }

// Call is one call of a function with its evaluated arguments.
type Call struct {
	Args []value.Value
	env  *Env
	name string
}

var functions = map[string]*Function{}

// register adds functions when the program starts; a name that is taken is a
// mistake in the program.
func register(list ...Function) bool {
	for i := range list {
		f := &list[i]
		key := strings.ToLower(f.Name)
		if functions[key] != nil {
			panic("expr: the function " + f.Name + " is registered twice")
		}
		functions[key] = f
	}
	return true
}

// lookup finds a function ignoring case.
func lookup(name string) *Function {
	if f, ok := functions[name]; ok {
		return f
	}
	return functions[strings.ToLower(name)]
}

// Functions lists all functions by name.
func Functions() []*Function {
	list := make([]*Function, 0, len(functions))
	for _, f := range functions {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *Function) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list
}

var countWords = []string{"no parameters", "one parameter", "two parameters", "three parameters", "four parameters"}

// checkCount words what is wrong with a number of arguments (E-arity).
func (f *Function) checkCount(n int) string {
	if n >= f.Min && (f.Max < 0 || n <= f.Max) {
		return ""
	}
	if f.Max == 0 {
		return fmt.Sprintf("The template language function '%s' must not have any parameters.", f.Name)
	}
	words := f.Counts
	switch {
	case words != "":
	case f.Max < 0 && f.Min == 1 && n == 0 && f.Name == "createArray":
		return fmt.Sprintf("The template language function '%s' expects a comma separated list of parameters. The function was invoked with no parameters.%s", f.Name, usage(f.Name))
	case f.Max < 0:
		words = "at least " + countWords[f.Min]
	case f.Min == f.Max:
		words = countWords[f.Min]
	default:
		words = countWords[f.Min] + " or " + countWords[f.Max]
	}
	return fmt.Sprintf("The template language function '%s' expects %s. The function was invoked with '%d' parameter(s).%s", f.Name, words, n, usage(f.Name))
}

func usage(name string) string {
	return " Please see https://aka.ms/logicexpressions#" + strings.ToLower(name) + " for usage details."
}
