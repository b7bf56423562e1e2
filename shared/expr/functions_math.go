package expr

import (
	"math"

	"github.com/cockroachdb/apd/v3"

	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/value"
)

// Arithmetic (expressions §4): a decimal makes all decimal, else a float makes all
// float.
var _ = register(Math,
	arithmetic("add", "The sum of two numbers.", operator{addInt, func(a, b float64) float64 { return a + b }, dotnet.AddDecimal},
		Example{"@add(1,2)", `3`}, Example{"@add(1,1.5)", `2.5`}, Example{"@add('1',2)", `error: expects its first parameter to be an integer, a float or a decimal number`}),
	arithmetic("sub", "The difference of two numbers.", operator{subInt, func(a, b float64) float64 { return a - b }, dotnet.SubDecimal},
		Example{"@sub(1,2)", `-1`}),
	arithmetic("mul", "The product of two numbers.", operator{mulInt, func(a, b float64) float64 { return a * b }, dotnet.MulDecimal},
		Example{"@mul(2,1.5)", `3.0`}),
	arithmetic("div", "The quotient of two numbers; of integers without the remainder.", operator{divInt, func(a, b float64) float64 { return a / b }, dotnet.QuoDecimal},
		Example{"@div(-7,2)", `-3`}, Example{"@div(7,2.0)", `3.5`}, Example{"@div(1,0)", `error: divide an integral or decimal value by zero`}),
	arithmetic("mod", "The remainder of a division, with the sign of the dividend.", operator{modInt, math.Mod, dotnet.RemDecimal},
		Example{"@mod(-7,2)", `-1`}, Example{"@mod(7.5,2)", `1.5`}),
	Function{Signature: "min(value any, …)", Doc: "The smallest of several numbers, or of an array of numbers.", Body: extreme(func(c int) bool { return c == -1 }),
		Examples: []Example{{"@min(3,1,2)", `1`}, {"@min(createArray(3,1,2))", `1`}}},
	Function{Signature: "max(value any, …)", Doc: "The largest of several numbers, or of an array of numbers.", Body: extreme(func(c int) bool { return c == 1 }),
		Examples: []Example{{"@max(3,1,2)", `3`}}},
	Function{Signature: "rand(from integer, below integer)", Doc: "A random integer, from the first up to but without the second.", Body: random,
		Examples: []Example{{"@rand(7,8)", `7`}}},
)

// operator is an operation on each kind of number; false is an overflow.
type operator struct {
	ints     func(a, b int64) (int64, bool)
	floats   func(a, b float64) float64
	decimals func(a, b *apd.Decimal) (*apd.Decimal, bool)
}

func arithmetic(name, doc string, op operator, examples ...Example) Function {
	divides := name == "div" || name == "mod"
	return Function{Signature: name + "(a number, b number)", Doc: doc, Examples: examples, Body: func(c *Call) (value.Value, error) {
		x, y := c.Args[0], c.Args[1]
		a, intX := x.AsInt()
		b, intY := y.AsInt()
		if divides && (intY && b == 0 || !intY && isZero(y)) {
			return value.Value{}, failure("Attempt to divide an integral or decimal value by zero in function '%s'.", name)
		}
		ok := false
		var result value.Value
		switch {
		case intX && intY:
			var n int64
			n, ok = op.ints(a, b)
			result = value.Int(n)
		case x.Kind() == value.KindDecimal || y.Kind() == value.KindDecimal:
			a, okA := toDecimal(x)
			b, okB := toDecimal(y)
			if okA && okB {
				var d *apd.Decimal
				if d, ok = op.decimals(a, b); ok {
					result = value.Decimal(d)
				}
			}
		default:
			return value.Float(op.floats(toFloat(x), toFloat(y))), nil
		}
		if !ok {
			return value.Value{}, c.fail("has a result that is too large or too small for its type.%s", usage(name))
		}
		return result, nil
	}}
}

func isZero(v value.Value) bool {
	if d, ok := v.AsDecimal(); ok {
		return d.IsZero()
	}
	return toFloat(v) == 0
}

// toDecimal converts a number to a decimal; false when it is too large for one.
func toDecimal(v value.Value) (*apd.Decimal, bool) {
	switch v.Kind() {
	case value.KindDecimal:
		return v.AsDecimal()
	case value.KindInt:
		i, _ := v.AsInt()
		return apd.New(i, 0), true
	default:
		return dotnet.DecimalOfFloat(toFloat(v))
	}
}

func addInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func subInt(a, b int64) (int64, bool) {
	c := a - b
	return c, (c < a) == (b > 0)
}

func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	return c, c/b == a && (a != -1 || b != math.MinInt64) && (b != -1 || a != math.MinInt64)
}

func divInt(a, b int64) (int64, bool) {
	if b == -1 {
		return -a, a != math.MinInt64
	}
	return a / b, true
}

func modInt(a, b int64) (int64, bool) {
	if b == -1 {
		return 0, true
	}
	return a % b, true
}

func extreme(better func(int) bool) func(c *Call) (value.Value, error) {
	return func(c *Call) (value.Value, error) {
		n, at := len(c.Args), func(i int) value.Value { return c.Args[i] }
		if array := c.Args[0]; n == 1 && array.Kind() == value.KindArray {
			n, at = array.Len(), array.At
		}
		var best value.Value
		anyDecimal := false
		for i := range n {
			v := at(i)
			anyDecimal = anyDecimal || v.Kind() == value.KindDecimal
			if !isNumber(v.Kind()) {
				return value.Value{}, c.fail("expects all of its parameters to be either integer or decimal numbers. Found invalid parameter types: '%s'.", v.Kind())
			}
			if i == 0 || better(compareNumbers(v, best)) {
				best = v
			}
		}
		if best.IsAbsent() {
			return value.Value{}, c.fail("expects at least one number.%s", usage(c.fn.Name))
		}
		if d, ok := toDecimal(best); ok && anyDecimal { // one decimal makes all decimal
			return value.Decimal(d), nil
		}
		return best, nil
	}
}

func random(c *Call) (value.Value, error) {
	low, high := c.integer(0), c.integer(1)
	if high <= low || high-low < 0 {
		return value.Value{}, c.fail("expects its first parameter to be less than its second parameter.%s", usage(c.fn.Name))
	}
	return value.Int(low + c.env.Ambient.Rand(high-low)), nil
}
