package expr

import (
	"math"

	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(
	arithmetic("add", "The sum.", addInt, func(a, b float64) float64 { return a + b }, Example{"@add(1,2)", `3`}),
	arithmetic("sub", "The difference.", func(a, b int64) (int64, bool) { c, ok := addInt(a, -b); return c, ok && b != math.MinInt64 }, func(a, b float64) float64 { return a - b }, Example{"@sub(1,2)", `-1`}),
	arithmetic("mul", "The product.", mulInt, func(a, b float64) float64 { return a * b }, Example{"@mul(2,1.5)", `3.0`}),
	arithmetic("div", "The quotient; of integers without the remainder.", func(a, b int64) (int64, bool) {
		if a == math.MinInt64 && b == -1 {
			return 0, false
		}
		return a / b, true
	}, func(a, b float64) float64 { return a / b }, Example{"@div(-7,2)", `-3`}),
	arithmetic("mod", "The remainder, with the sign of the dividend.", func(a, b int64) (int64, bool) {
		if b == -1 {
			return 0, true
		}
		return a % b, true
	}, math.Mod, Example{"@mod(-7,2)", `-1`}),
	extreme("min", func(c int) bool { return c < 0 }), extreme("max", func(c int) bool { return c == 1 }),
	Function{Name: "rand", Min: 2, Max: 2, Doc: "A random integer from the first up to, without, the second.", Body: func(c *Call) (value.Value, error) {
		low, err := c.integer(0)
		if err != nil {
			return value.Value{}, err
		}
		high, err := c.integer(1)
		if err != nil {
			return value.Value{}, err
		}
		if high <= low || high-low < 0 {
			return value.Value{}, failure("The template language function 'rand' expects its first parameter to be less than its second parameter.%s", usage("rand"))
		}
		return value.Int(low + c.env.Ambient.Rand(high-low)), nil
	}},
)

func addInt(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func mulInt(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	return c, c/b == a && (a != -1 || b != math.MinInt64) && (b != -1 || a != math.MinInt64)
}

func arithmetic(name, doc string, ints func(a, b int64) (int64, bool), floats func(a, b float64) float64, examples ...Example) Function {
	return Function{Name: name, Min: 2, Max: 2, Doc: doc, Examples: examples, Body: func(c *Call) (value.Value, error) {
		for i, a := range c.Args {
			if !isNumber(a.Kind()) {
				return value.Value{}, failure("The template language function '%s' expects its %s parameter to be an integer, a float or a decimal number. The provided value is of type '%s'.%s", name, ordinals[i], a.Kind(), usage(name))
			}
		}
		if (name == "div" || name == "mod") && toFloat(c.Args[1]) == 0 {
			return value.Value{}, failure("Attempt to divide an integral or decimal value by zero in function '%s'.", name)
		}
		a, okA := c.Args[0].AsInt()
		b, okB := c.Args[1].AsInt()
		if okA && okB {
			n, ok := ints(a, b)
			if !ok {
				return value.Value{}, failure("The template language function '%s' produced a number that is too large or too small for an integer.", name)
			}
			return value.Int(n), nil
		}
		return value.Float(floats(toFloat(c.Args[0]), toFloat(c.Args[1]))), nil
	}}
}

func extreme(name string, better func(int) bool) Function {
	return Function{Name: name, Min: 1, Max: -1, Doc: "The " + name + "imum of numbers, or of an array of numbers.", Body: func(c *Call) (value.Value, error) {
		list := c.Args
		if len(list) == 1 && list[0].Kind() == value.KindArray {
			list = nil
			for _, item := range c.Args[0].Elements {
				list = append(list, item)
			}
		}
		var best value.Value
		for i, v := range list {
			if !isNumber(v.Kind()) {
				return value.Value{}, failure("The template language function '%s' expects all of its parameters to be either integer or decimal numbers. Found invalid parameter types: '%s'.", name, v.Kind())
			}
			if i == 0 || better(compareNumbers(v, best)) {
				best = v
			}
		}
		if best.IsAbsent() {
			return value.Value{}, failure("The template language function '%s' expects at least one number.%s", name, usage(name))
		}
		return best, nil
	}}
}
