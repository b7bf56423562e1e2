package expr

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// generator writes random expressions of the grammar: mostly well-typed calls, so
// that they get far, and some that are not.
type generator struct {
	r     *rand.Rand
	depth int
}

// unsteady functions give something else each time, by time or chance; walk and
// machine would have to agree on how often they ask.
var unsteady = map[string]bool{"utcNow": true, "guid": true, "rand": true, "getFutureTime": true, "getPastTime": true}

func (g *generator) expression() string {
	if g.depth++; g.depth > 5 || g.r.IntN(5) == 0 {
		g.depth--
		return g.literal(paramType(g.r.IntN(7)))
	}
	defer func() { g.depth-- }()
	list := Functions()
	f := list[g.r.IntN(len(list))]
	for unsteady[f.Name] {
		f = list[g.r.IntN(len(list))]
	}
	return g.call(f)
}

func (g *generator) call(f *Function) string {
	n := f.Min
	if f.Max < 0 {
		n += g.r.IntN(3)
	} else if f.Max > f.Min {
		n += g.r.IntN(f.Max - f.Min + 1)
	}
	if g.r.IntN(50) == 0 {
		n = g.r.IntN(5) // a wrong number now and then
	}
	args := make([]string, n)
	for i := range args {
		typ := anyType
		if len(f.params) > 0 {
			typ = f.params[min(i, len(f.params)-1)].typ
		}
		args[i] = g.argument(f, typ)
	}
	return g.cased(f.Name) + "(" + strings.Join(args, ", ") + ")" + g.selections()
}

// cased: function names are found ignoring case.
func (g *generator) cased(name string) string {
	if g.r.IntN(8) == 0 {
		return strings.ToUpper(name)
	}
	return name
}

func (g *generator) argument(f *Function, typ paramType) string {
	if f.ref != 0 && typ == stringType {
		return []string{"'Get'", "'form'", "'count'", "'region'", "'For_each'", "'Nobody'", "'Scope'", "'user'"}[g.r.IntN(8)]
	}
	if g.r.IntN(3) == 0 {
		return g.expression()
	}
	return g.literal(typ)
}

func (g *generator) literal(typ paramType) string {
	pick := func(list ...string) string { return list[g.r.IntN(len(list))] }
	switch typ {
	case stringType:
		return pick("'abc'", "''", "'a,b'", "'It''s 😀'", "'2026-01-15T10:30:00Z'", "'yyyy-MM-dd'", "'UTC'", "'N2'", "'<a x=\"1\"><b>1</b></a>'", "'{\"a\":[1,2]}'", "'de-DE'", "'aGk='", "'https://x.org/a?b=1'", "'Day'", "'a'", "'10'")
	case integerType:
		return pick("0", "1", "2", "-1", "3", "100000", "9223372036854775807")
	case numberType:
		return pick("0", "1", "2.5", "-7", "1e308", "decimal('1.10')", "9223372036854775807", "0.1")
	case arrayType:
		return pick("createArray(1,'a',null)", "createArray(3,1,2)", "createArray(createArray(1),createArray(1))", "range(1,5)")
	case objectType:
		return pick("json('{\"a\":1,\"B\":{\"c\":[1,2]}}')", "trigger()", "item()", "json('{}')", "binary('x')")
	case booleanType:
		return pick("true", "false", "null")
	}
	return pick("null", "true", "1", "'x'", "item()", "createArray(1)", "2.5", "triggerBody()")
}

func (g *generator) selections() string {
	var b strings.Builder
	for g.r.IntN(4) == 0 {
		if g.r.IntN(2) == 0 {
			b.WriteByte('?')
		}
		b.WriteString([]string{"['a']", ".b", "[0]", "['$content']", "[add(0,1)]", ".value", "[item()]"}[g.r.IntN(7)])
	}
	return b.String()
}

// walker evaluates a tree in the plainest way: no stacks, no shared calls.
type walker struct{ env *Env }

func (w walker) eval(n *node) (value.Value, error) {
	v, err := w.base(n)
	if err != nil || n.kind == literalNode {
		return v, err
	}
	for i := range n.derefs {
		d := &n.derefs[i]
		key := value.String(d.name)
		if d.index != nil {
			if key, err = w.eval(d.index); err != nil {
				return value.Value{}, err
			}
		}
		member, ok := selectOne(v, key)
		switch {
		case !ok && !d.forgives(v, key.Kind()):
			return value.Value{}, n.cannotSelect(v, key)
		case !ok:
			member = value.Null().Mark(v.Origins()...)
		}
		v = member.Mark(key.Origins()...)
	}
	return v, nil
}

func (w walker) base(n *node) (value.Value, error) {
	switch {
	case n.kind == literalNode:
		return n.literal, nil
	case n.kind == unknownNode, n.arity != "":
		return value.Value{}, failure("%s%s", n.arity, map[bool]string{true: undefined(n.name)}[n.kind == unknownNode])
	case n.function.Name == "if":
		return w.ifElse(n)
	case n.function.Name == "and", n.function.Name == "or":
		return w.shortCut(n)
	case n.function.Name == "coalesce":
		for _, a := range n.args {
			if v, err := w.eval(a); err != nil || !v.IsNull() {
				return v, err
			}
		}
		return value.Null(), nil
	case n.function.read != nil:
		fresh := &machine{}
		fresh.start(w.env)
		return n.function.read(fresh, n)
	}
	var args []value.Value
	for _, a := range n.args {
		v, err := w.eval(a)
		if err != nil {
			return value.Value{}, err
		}
		args = append(args, v)
	}
	if err := n.function.checkTypes(args); err != nil {
		return value.Value{}, err
	}
	fresh := &machine{}
	fresh.start(w.env)
	return n.function.Body(&Call{Args: args, env: w.env, fn: n.function, m: fresh})
}

func (w walker) ifElse(n *node) (value.Value, error) {
	v, err := w.eval(n.args[0])
	if err != nil {
		return v, err
	}
	switch yes, ok := v.AsBool(); {
	case !ok:
		return value.Value{}, n.function.wrongType(0, booleanType, v.Kind())
	case yes:
		return w.eval(n.args[1])
	}
	return w.eval(n.args[2])
}

func (w walker) shortCut(n *node) (value.Value, error) {
	stop := n.function.Name == "or"
	for _, a := range n.args {
		v, err := w.eval(a)
		if err != nil {
			return v, err
		}
		b, ok := v.AsBool()
		if !ok {
			return value.Value{}, failure("The template language function '%s' expects all of its parameters to be booleans. Found invalid parameter types: '%s'.", n.function.Name, v.Kind())
		}
		if b == stop {
			return v, nil
		}
	}
	return value.Bool(!stop), nil
}

func testEnv(t testing.TB) *Env {
	t.Helper()
	context, err := value.Parse([]byte(ExampleContext))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)
	return &Env{
		Scope: contextScope{context}, Budget: Budget{Steps: 200_000, Bytes: 32 << 20},
		Ambient: Ambient{Now: func() time.Time { return at }, Rand: func(n int64) int64 { return n / 2 }},
	}
}

// differ evaluates one generated expression both ways.
func differ(t *testing.T, env *Env, seed uint64) (text string, ok bool) {
	t.Helper()
	g := generator{r: rand.New(rand.NewPCG(seed, 1))}
	text = g.expression()
	tree, parseErr := parseExpression(text)
	if parseErr != nil {
		if len(text) > maxExpression {
			return text, false
		}
		t.Fatalf("seed %d: %s does not parse: %s", seed, text, parseErr.message)
	}
	template, problems := CompileTemplate(value.String("@"+text), nil)
	for _, p := range problems {
		if !p.Warning {
			return text, false // reported when it is saved
		}
	}
	want, wantErr := walker{env}.eval(tree)
	got, gotErr := template.Evaluate(env)
	if gotErr != nil && (strings.Contains(gotErr.Error(), "more than it may") || strings.Contains(gotErr.Error(), "more steps")) {
		return text, false // only the machine has a budget
	}
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) || wantErr == nil && (string(value.Reveal(got)) != string(value.Reveal(want)) || got.Kind() != want.Kind()) {
		t.Errorf("seed %d: %s\n got  %s %v\n want %s %v", seed, text, got, gotErr, want, wantErr)
	}
	return text, wantErr == nil
}

// TestMachineEqualsWalk: compiled evaluation gives what a plain walk of the tree
// gives.
func TestMachineEqualsWalk(t *testing.T) {
	env := testEnv(t)
	good := 0
	const n = 20_000
	for seed := range uint64(n) {
		if _, ok := differ(t, env, seed); ok {
			good++
		}
	}
	if good < n/5 {
		t.Errorf("only %d of %d expressions have a value: the test says little", good, n)
	}
}

func FuzzMachineEqualsWalk(f *testing.F) {
	env := testEnv(f)
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { differ(t, env, seed) })
}

// FuzzEvaluate: no text makes parser or evaluator panic or run past its budget.
func FuzzEvaluate(f *testing.F) {
	for _, fn := range Functions() {
		for _, x := range fn.Examples {
			f.Add(x.Expression)
		}
	}
	for seed := range uint64(50) {
		g := generator{r: rand.New(rand.NewPCG(seed, 1))}
		f.Add("@" + g.expression())
		f.Add("a@{" + g.expression() + "}b")
	}
	env := testEnv(f)
	f.Fuzz(func(t *testing.T, text string) {
		template, problems := CompileTemplate(value.String(text), nil)
		for _, p := range problems {
			if !p.Warning {
				return
			}
		}
		template.References()
		v, err := template.Evaluate(env)
		if err == nil && len(value.Reveal(v)) > int(env.Budget.Bytes)*2 {
			t.Errorf("%s gives %d bytes", text, len(value.Reveal(v)))
		}
	})
}
