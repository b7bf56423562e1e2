package expr

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/value"
)

// Group is a family of functions, as the reference shows them together.
type Group string

// The groups.
const (
	Strings     Group = "Strings"
	Collections Group = "Collections"
	Logic       Group = "Logic"
	Math        Group = "Math"
	Conversion  Group = "Conversion"
	Objects     Group = "Objects"
	Times       Group = "Dates and times"
	URIs        Group = "URIs"
	References  Group = "References"
	Forms       Group = "Forms and multipart"
)

// Groups is the order of the reference.
var Groups = []Group{Strings, Collections, Logic, Math, Conversion, Objects, Times, URIs, References, Forms}

// Function is one function of the language. To add one is to add an entry: the
// evaluator counts the arguments, checks the types that the signature declares,
// and carries the origins of secrets from the arguments to the result.
type Function struct {
	// Signature is the name and the parameters with their types, such as
	// "substring(text string, start integer, length? integer)". A question mark
	// makes a parameter optional, "…" lets it repeat. The types string, integer,
	// number, array, object and boolean are checked; any other word only documents.
	Signature string
	Doc       string // one sentence: what the function gives
	Examples  []Example

	// Body computes the result from evaluated arguments.
	Body func(c *Call) (value.Value, error)
	// lazy evaluates its arguments itself, as far as it needs them.
	lazy func(m *machine, n *node) (value.Value, error)
	// read answers from the scope; ref says what it refers to.
	read func(m *machine, n *node) (value.Value, error)
	ref  ReferenceKind

	Group    Group  // from its registration
	Name     string // from the signature, as the rest
	Min, Max int    // number of arguments; Max < 0: any
	params   []param
	typed    bool // whether a parameter has a type that is checked
}

// Example is an expression as it stands in a definition and what it gives, as
// JSON; or "error: " and a part of the message. Each runs as a test.
type Example struct{ Expression, Result string }

// param is a declared parameter.
type param struct {
	name string
	typ  paramType
}

type paramType uint8

const (
	anyType paramType = iota
	stringType
	integerType
	numberType
	arrayType
	objectType
	booleanType
)

var paramTypes = map[string]paramType{
	"string": stringType, "integer": integerType, "number": numberType, "array": arrayType, "object": objectType, "boolean": booleanType,
}

// Call is one call of a function with its evaluated and checked arguments. Args
// are only valid during the call.
type Call struct {
	Args []value.Value
	env  *Env
	fn   *Function
	m    *machine
}

var functions = map[string]*Function{}

// register adds functions when the program starts; a name that is taken is a
// mistake in the program.
func register(group Group, list ...Function) bool {
	for i := range list {
		f := &list[i]
		f.Group = group
		f.readSignature()
		key := strings.ToLower(f.Name)
		if functions[key] != nil {
			panic("expr: the function " + f.Name + " is registered twice")
		}
		functions[key] = f
		functions[f.Name] = f
	}
	return true
}

// readSignature derives name, counts and types.
func (f *Function) readSignature() {
	name, rest, ok := strings.Cut(f.Signature, "(")
	if !ok || !strings.HasSuffix(rest, ")") {
		panic("expr: not a signature: " + f.Signature)
	}
	f.Name = name
	for word := range strings.SplitSeq(strings.TrimSuffix(rest, ")"), ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if word == "…" {
			f.Max = -1
			continue
		}
		name, typ, _ := strings.Cut(word, " ")
		f.params = append(f.params, param{strings.TrimSuffix(name, "?"), paramTypes[typ]})
		f.typed = f.typed || paramTypes[typ] != anyType
		f.Max++
		if !strings.HasSuffix(name, "?") {
			f.Min++
		}
	}
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
	var list []*Function
	for key, f := range functions {
		if key == f.Name {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b *Function) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return list
}

var (
	countWords = []string{"no parameters", "one parameter", "two parameters", "three parameters", "four parameters"}
	ordinals   = []string{"first", "second", "third", "fourth"}
)

func ordinal(i int) string {
	if i < len(ordinals) {
		return ordinals[i]
	}
	return fmt.Sprintf("%dth", i+1)
}

// checkCount words what is wrong with a number of arguments (E-arity).
func (f *Function) checkCount(n int) string {
	if n >= f.Min && (f.Max < 0 || n <= f.Max) {
		return ""
	}
	var words string
	switch {
	case f.Max == 0:
		return fmt.Sprintf("The template language function '%s' must not have any parameters.", f.Name)
	case f.Name == "createArray":
		return fmt.Sprintf("The template language function '%s' expects a comma separated list of parameters. The function was invoked with no parameters.%s", f.Name, usage(f.Name))
	case f.Max < 0:
		words = "at least " + countWords[f.Min]
	case f.Min == f.Max:
		words = countWords[f.Min]
	case f.Min == 0:
		words = "at most " + countWords[f.Max]
	case f.Max == f.Min+1:
		words = countWords[f.Min] + ", with an optional " + ordinals[f.Min] + " parameter"
	default:
		words = countWords[f.Min] + ", with optional " + ordinals[f.Min] + " and " + ordinals[f.Min+1] + " parameters"
	}
	return fmt.Sprintf("The template language function '%s' expects %s: %s. The function was invoked with '%d' parameter(s).%s", f.Name, words, f.paramNames(), n, usage(f.Name))
}

func (f *Function) paramNames() string {
	names := make([]string, len(f.params))
	for i, p := range f.params {
		names[i] = p.name
	}
	return strings.Join(names, ", ")
}

// checkTypes compares the arguments with the declared types.
func (f *Function) checkTypes(args []value.Value) error {
	for i, a := range args {
		if t := f.params[min(i, len(f.params)-1)].typ; !fits(t, a.Kind()) {
			return f.wrongType(i, t, a.Kind())
		}
	}
	return nil
}

// kindsOf has for each type a bit for each kind that fits.
var kindsOf = [...]uint{
	anyType: ^uint(0), stringType: 1 << value.KindString, integerType: 1 << value.KindInt,
	numberType: 1<<value.KindInt | 1<<value.KindFloat | 1<<value.KindDecimal,
	arrayType:  1 << value.KindArray, objectType: 1 << value.KindObject, booleanType: 1 << value.KindBool,
}

func fits(t paramType, k value.Kind) bool { return kindsOf[t]>>k&1 == 1 }

// wrongType words a wrong type (E-str1, E-strN, E-int, E-num, E-array1, E-obj).
func (f *Function) wrongType(i int, t paramType, k value.Kind) error {
	which, wanted := ordinal(i)+" parameter", ""
	switch t {
	case stringType:
		if f.Max == 1 {
			which, wanted = "parameter", "be a string"
		} else {
			wanted = "be of type string"
		}
	case integerType:
		wanted = "be an integer"
	case numberType:
		wanted = "be an integer, a float or a decimal number"
	case arrayType:
		wanted = "be of type array"
	case objectType:
		wanted = "be an object"
	case booleanType:
		if wanted = "be of type boolean"; f.Max == 1 {
			which, wanted = "parameter", "be a boolean"
		}
	}
	return failure("The template language function '%s' expects its %s to %s. The provided value is of type '%s'.%s", f.Name, which, wanted, k, usage(f.Name))
}

func usage(name string) string {
	return " Please see https://aka.ms/logicexpressions#" + strings.ToLower(name) + " for usage details."
}

// What bodies read their arguments with: the evaluator has checked the types.

// has tells whether the optional argument i is there.
func (c *Call) has(i int) bool { return i < len(c.Args) }

// str returns argument i, a string; "" when it is left out.
func (c *Call) str(i int) string {
	if !c.has(i) {
		return ""
	}
	return c.Args[i].Str()
}

// buffer is where a body may write the text that it gives. It has to append only:
// in front of it stands what is being interpolated.
func (c *Call) buffer() []byte { return c.m.text }

// fills tells how much of a buffer a body has written.
func (c *Call) fills(buffer []byte) int { return len(buffer) - len(c.m.text) }

// give makes the result of what a body has written into its buffer.
func (c *Call) give(buffer []byte) (value.Value, error) {
	start := len(c.m.text)
	c.m.text = buffer[:start]
	return value.Text(buffer[start:]), nil
}

// integer returns argument i, an integer.
func (c *Call) integer(i int) int64 {
	n, _ := c.Args[i].AsInt()
	return n
}

var (
	enUS      = culture.EnUS()
	invariant = culture.Invariant()
)

// culture returns the culture that argument i names, or another where there is
// none.
func (c *Call) culture(i int, fallback *culture.Culture) (*culture.Culture, error) {
	if !c.has(i) {
		return fallback, nil
	}
	found, ok := culture.Lookup(c.str(i))
	if !ok {
		return nil, failure("In function '%s', the value provided for the locale '%s' was not valid.%s", c.fn.Name, c.str(i), usage(c.fn.Name))
	}
	return found, nil
}

// fail makes an error that begins with the name of the function.
func (c *Call) fail(format string, args ...any) error {
	return failure("The template language function '"+c.fn.Name+"' "+format, args...)
}

// invalid is a value that cannot be converted.
func (c *Call) invalid(why string) error {
	return c.fail("was invoked with a parameter that is not valid. The value %s.", why)
}
