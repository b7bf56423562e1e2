package xmltext

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/latchwork/latchwork/shared/value"
)

// function is a function of the core library (XPath §4).
type function struct {
	yields   Kind
	min, max int // number of arguments; max -1 is any
	nodes    bool
	call     func(e *evaluator, c context, a []operand) operand
}

var functions = map[string]*function{
	"last":     {Number, 0, 0, false, func(_ *evaluator, c context, _ []operand) operand { return number(float64(c.size)) }},
	"position": {Number, 0, 0, false, func(_ *evaluator, c context, _ []operand) operand { return number(float64(c.position)) }},
	"count":    {Number, 1, 1, true, func(_ *evaluator, _ context, a []operand) operand { return number(float64(len(a[0].nodes))) }},
	// Without a DTD no attribute is an ID.
	"id":            {Nodes, 1, 1, false, func(*evaluator, context, []operand) operand { return operand{kind: Nodes} }},
	"local-name":    {Text, 0, 1, true, naming(localName)},
	"namespace-uri": {Text, 0, 1, true, naming(func(n *node) string { return n.uri })},
	"name": {Text, 0, 1, true, naming(func(n *node) string {
		if n.prefix != "" {
			return n.prefix + ":" + n.local
		}
		return localName(n)
	})},

	"string": {Text, 0, 1, false, func(e *evaluator, c context, a []operand) operand { return text(e.argument(c, a)) }},
	"concat": {Text, 2, -1, false, func(e *evaluator, _ context, a []operand) operand {
		var b strings.Builder
		for _, x := range a {
			b.WriteString(e.text(x))
		}
		e.spendText(b.Len())
		return text(b.String())
	}},
	"starts-with": {Boolean, 2, 2, false, func(e *evaluator, _ context, a []operand) operand {
		return boolean(strings.HasPrefix(e.text(a[0]), e.text(a[1])))
	}},
	"contains": {Boolean, 2, 2, false, func(e *evaluator, _ context, a []operand) operand {
		return boolean(strings.Contains(e.text(a[0]), e.text(a[1])))
	}},
	"substring-before": {Text, 2, 2, false, func(e *evaluator, _ context, a []operand) operand {
		before, _, found := strings.Cut(e.text(a[0]), e.text(a[1]))
		if !found {
			before = ""
		}
		return text(before)
	}},
	"substring-after": {Text, 2, 2, false, func(e *evaluator, _ context, a []operand) operand {
		_, after, _ := strings.Cut(e.text(a[0]), e.text(a[1]))
		return text(after)
	}},
	"substring": {Text, 2, 3, false, substring},
	"string-length": {Number, 0, 1, false, func(e *evaluator, c context, a []operand) operand {
		length := 0
		for _, r := range e.argument(c, a) {
			length += utf16.RuneLen(r)
		}
		return number(float64(length))
	}},
	"normalize-space": {Text, 0, 1, false, func(e *evaluator, c context, a []operand) operand {
		return text(strings.Join(strings.FieldsFunc(e.argument(c, a), func(r rune) bool {
			return strings.ContainsRune(space, r)
		}), " "))
	}},
	"translate": {Text, 3, 3, false, translate},

	"boolean": {Boolean, 1, 1, false, func(_ *evaluator, _ context, a []operand) operand { return boolean(truth(a[0])) }},
	"not":     {Boolean, 1, 1, false, func(_ *evaluator, _ context, a []operand) operand { return boolean(!truth(a[0])) }},
	"true":    {Boolean, 0, 0, false, func(*evaluator, context, []operand) operand { return boolean(true) }},
	"false":   {Boolean, 0, 0, false, func(*evaluator, context, []operand) operand { return boolean(false) }},
	"lang":    {Boolean, 1, 1, false, lang},

	"number": {Number, 0, 1, false, func(e *evaluator, c context, a []operand) operand {
		if len(a) > 0 {
			return number(e.number(a[0]))
		}
		return number(parseNumber(e.stringOf(c.node)))
	}},
	"sum": {Number, 1, 1, true, func(e *evaluator, _ context, a []operand) operand {
		sum := 0.0
		for _, n := range a[0].nodes {
			sum += parseNumber(e.stringOf(n))
		}
		return number(sum)
	}},
	"floor":   {Number, 1, 1, false, func(e *evaluator, _ context, a []operand) operand { return number(math.Floor(e.number(a[0]))) }},
	"ceiling": {Number, 1, 1, false, func(e *evaluator, _ context, a []operand) operand { return number(math.Ceil(e.number(a[0]))) }},
	"round":   {Number, 1, 1, false, func(e *evaluator, _ context, a []operand) operand { return number(round(e.number(a[0]))) }},
}

func number(f float64) operand { return operand{kind: Number, number: f} }
func text(s string) operand    { return operand{kind: Text, text: s} }
func boolean(b bool) operand   { return operand{kind: Boolean, boolean: b} }

func newCall(name string, arguments []query) (query, error) {
	f, ok := functions[name]
	switch {
	case !ok:
		return nil, errContext
	case len(arguments) < f.min, f.max >= 0 && len(arguments) > f.max:
		return nil, failure("A function of the XPath expression has an invalid number of arguments.")
	}
	for _, a := range arguments {
		if f.nodes && a.yields() != Nodes {
			return nil, failure("A function of the XPath expression has an invalid argument: a node-set is needed.")
		}
	}
	return call{f, arguments}, nil
}

func (q call) eval(e *evaluator, c context) operand {
	e.spend(1)
	arguments := make([]operand, len(q.arguments))
	for i, a := range q.arguments {
		arguments[i] = a.eval(e, c)
	}
	return q.function.call(e, c, arguments)
}

// argument returns the one argument as text, or that of the context node.
func (e *evaluator) argument(c context, a []operand) string {
	if len(a) > 0 {
		return e.text(a[0])
	}
	return e.stringOf(c.node)
}

func naming(of func(*node) string) func(*evaluator, context, []operand) operand {
	return func(_ *evaluator, c context, a []operand) operand {
		n := c.node
		if len(a) > 0 {
			if len(a[0].nodes) == 0 {
				return text("")
			}
			n = a[0].nodes[0]
		}
		return text(of(n))
	}
}

func localName(n *node) string { return n.local }

func truth(o operand) bool {
	switch o.kind {
	case Number:
		return o.number != 0 && !math.IsNaN(o.number)
	case Text:
		return o.text != ""
	case Boolean:
		return o.boolean
	}
	return len(o.nodes) > 0
}

// text converts to a string. Numbers look as .NET prints them, so very large and
// small ones have an exponent, against XPath §4.2.
func (e *evaluator) text(o operand) string {
	switch o.kind {
	case Number:
		if o.number == 0 {
			return "0" // also the negative zero
		}
		return value.FloatText(o.number)
	case Boolean:
		return strconv.FormatBool(o.boolean)
	case Nodes:
		if len(o.nodes) == 0 {
			return ""
		}
		return e.stringOf(o.nodes[0])
	}
	e.spendText(len(o.text))
	return o.text
}

func (e *evaluator) number(o operand) float64 {
	switch o.kind {
	case Number:
		return o.number
	case Boolean:
		if o.boolean {
			return 1
		}
		return 0
	}
	return parseNumber(e.text(o))
}

// parseNumber reads digits with an optional point and minus; anything else,
// exponents too, is not a number.
func parseNumber(s string) float64 {
	s = strings.Trim(s, space)
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	for _, c := range []byte(whole + fraction) {
		if !isDigit(c) {
			return math.NaN()
		}
	}
	if whole+fraction == "" {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range is infinite
	return f
}

// round rounds halves up.
func round(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || math.Abs(f) >= 1<<52 {
		return f
	}
	floor := math.Floor(f)
	if f-floor >= 0.5 {
		floor++
	}
	return floor
}

// substring counts UTF-16 units as the product does, and follows it too in that
// a negative length shortens the text in front.
func substring(e *evaluator, _ context, a []operand) operand {
	units := utf16.Encode([]rune(e.text(a[0])))
	size := float64(len(units))
	start := round(e.number(a[1])) - 1
	if math.IsNaN(start) || size <= start {
		return text("")
	}
	length := math.Inf(1)
	if len(a) == 3 {
		length = round(e.number(a[2]))
		if start < 0 || length < 0 {
			length += start
			start = 0
		}
		if !(length > 0) {
			return text("")
		}
	}
	start = max(start, 0)
	end := min(start+length, size)
	return text(string(utf16.Decode(units[int(start):int(end)])))
}

func translate(e *evaluator, _ context, a []operand) operand {
	source, from, to := e.text(a[0]), []rune(e.text(a[1])), []rune(e.text(a[2]))
	table := make(map[rune]rune, len(from))
	for i, r := range from {
		if _, known := table[r]; known {
			continue
		}
		table[r] = -1 // strings.Map drops it
		if i < len(to) {
			table[r] = to[i]
		}
	}
	return text(strings.Map(func(r rune) rune {
		if other, ok := table[r]; ok {
			return other
		}
		return r
	}, source))
}

func lang(e *evaluator, c context, a []operand) operand {
	wanted := strings.ToLower(e.text(a[0]))
	for n := c.node; n != nil; n = n.parent {
		e.spend(1 + len(n.attributes))
		if n.kind != elementNode {
			continue
		}
		for _, x := range n.attributes {
			if x.uri == xmlURI && x.local == "lang" {
				have := strings.ToLower(x.value)
				return boolean(have == wanted || strings.HasPrefix(have, wanted+"-"))
			}
		}
	}
	return boolean(false)
}
