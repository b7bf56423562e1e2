package liquid

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/osteele/liquid/values"
)

var numberFilters = map[string]filter{
	"plus": func(in any, a []any) (any, error) {
		if s, ok := in.(string); ok { // DotLiquid joins texts, also those of digits
			return textFilters["append"](s, a)
		}
		return arithmetic(func(x, y int) (int, bool) {
			sum := x + y
			return sum, (x < 0) == (y < 0) && (sum < 0) != (x < 0)
		}, func(x, y float64) float64 { return x + y })(in, a)
	},
	"minus": arithmetic(func(x, y int) (int, bool) {
		d := x - y
		return d, (x < 0) != (y < 0) && (d < 0) != (x < 0)
	}, func(x, y float64) float64 { return x - y }),
	"times": arithmetic(func(x, y int) (int, bool) {
		if x == 0 || y == 0 {
			return 0, false
		}
		p := x * y
		return p, p/y != x || x == -1 && y == math.MinInt || y == -1 && x == math.MinInt
	}, func(x, y float64) float64 { return x * y }),
	"divided_by": func(in any, a []any) (any, error) {
		if toNumber(first(a)) == 0 {
			return nil, errZero
		}
		return arithmetic(func(x, y int) (int, bool) { return x / y, x == math.MinInt && y == -1 }, func(x, y float64) float64 { return x / y })(in, a)
	},
	"modulo": func(in any, a []any) (any, error) {
		if toNumber(first(a)) == 0 {
			return nil, errZero
		}
		return arithmetic(func(x, y int) (int, bool) { return x % y, false }, math.Mod)(in, a)
	},
	"at_least": arithmetic(func(x, y int) (int, bool) { return max(x, y), false }, math.Max),
	"at_most":  arithmetic(func(x, y int) (int, bool) { return min(x, y), false }, math.Min),
	"abs": func(in any, a []any) (any, error) {
		if n, ok := toNumber(in).(int); ok && n < 0 && n != math.MinInt {
			return -n, nil
		}
		return rounding(math.Abs, false)(in, a)
	},
	"ceil":  rounding(math.Ceil, true),
	"floor": rounding(math.Floor, true),
	"round": func(in any, a []any) (any, error) {
		places := min(max(count(a, 0, 0), 0), 15)
		scale := math.Pow10(places)
		return rounding(func(f float64) float64 { return math.RoundToEven(f*scale) / scale }, places == 0)(in, a)
	},
}

// arithmetic makes a filter of two numbers. Whole numbers stay whole as long as
// they fit; what is no number gives nothing.
func arithmetic(whole func(x, y int) (n int, overflow bool), broken func(x, y float64) float64) filter {
	return func(in any, a []any) (any, error) {
		x, y := toNumber(in), toNumber(first(a))
		i, isInt := x.(int)
		j, alsoInt := y.(int)
		if isInt && alsoInt {
			if n, overflow := whole(i, j); !overflow {
				return n, nil
			}
		}
		f, ok := asFloat(x)
		g, also := asFloat(y)
		if !ok || !also {
			return nil, nil
		}
		return float(broken(f, g)), nil
	}
}

func asFloat(x any) (float64, bool) {
	switch x := x.(type) {
	case int:
		return float64(x), true
	case float:
		return float64(x), true
	}
	return 0, false
}

// rounding makes a filter of one number.
func rounding(f func(float64) float64, whole bool) filter {
	return func(in any, _ []any) (any, error) {
		switch x := toNumber(in).(type) {
		case int:
			return x, nil
		case float:
			r := f(float64(x))
			if whole && math.Abs(r) < 1<<53 {
				return int(r), nil
			}
			return float(r), nil
		}
		return nil, nil
	}
}

var listFilters = map[string]filter{
	"size": func(in any, _ []any) (any, error) {
		switch x := in.(type) {
		case string:
			return len([]rune(x)), nil
		case object:
			return len(x.names), nil
		}
		items, err := list(in)
		return len(items), err
	},
	"first": onList(func(items, _ []any) (any, error) { return first(items), nil }),
	"last": onList(func(items, _ []any) (any, error) {
		if len(items) == 0 {
			return nil, nil
		}
		return items[len(items)-1], nil
	}),
	"join": onList(func(items, a []any) (any, error) {
		out := &bounded{}
		for i, item := range items {
			if i > 0 {
				if _, err := out.WriteString(arg(a, 0, " ")); err != nil {
					return nil, err
				}
			}
			if _, err := out.WriteString(text(item)); err != nil {
				return nil, err
			}
		}
		return out.String(), nil
	}),
	"reverse": onList(func(items, _ []any) (any, error) {
		items = slices.Clone(items)
		slices.Reverse(items)
		return items, nil
	}),
	"compact": onList(func(items, _ []any) (any, error) {
		return slices.DeleteFunc(slices.Clone(items), func(x any) bool { return x == nil }), nil
	}),
	"uniq": onList(func(items, _ []any) (any, error) {
		seen := map[string]bool{}
		return slices.DeleteFunc(slices.Clone(items), func(x any) bool {
			key := toJSON(x).Kind().String() + text(x)
			was := seen[key]
			seen[key] = true
			return was
		}), nil
	}),
	"concat": func(in any, a []any) (any, error) {
		x, err := list(in)
		if err != nil {
			return nil, err
		}
		y, err := list(first(a))
		if err != nil || len(x)+len(y) > maxItems {
			return nil, errItems
		}
		return slices.Concat(x, y), nil
	},
	"map": onList(func(items, a []any) (any, error) {
		mapped := make([]any, len(items))
		for i, item := range items {
			mapped[i] = property(item, arg(a, 0, ""))
		}
		return mapped, nil
	}),
	"where": onList(func(items, a []any) (any, error) {
		return slices.DeleteFunc(slices.Clone(items), func(item any) bool {
			v := property(item, arg(a, 0, ""))
			if len(a) < 2 {
				return v == nil || v == false
			}
			return !values.Equal(v, a[1])
		}), nil
	}),
	"sum": onList(func(items, a []any) (any, error) {
		var sum any = 0
		for _, item := range items {
			if len(a) > 0 {
				item = property(item, arg(a, 0, ""))
			}
			if toNumber(item) == nil {
				continue
			}
			var err error
			if sum, err = numberFilters["plus"](sum, []any{item}); err != nil {
				return nil, err
			}
		}
		return sum, nil
	}),
	"sort": onList(func(items, a []any) (any, error) { return sorted(items, a, compare), nil }),
	"sort_natural": onList(func(items, a []any) (any, error) {
		return sorted(items, a, func(x, y any) int { return cmp.Compare(strings.ToLower(text(x)), strings.ToLower(text(y))) }), nil
	}),
}

func onList(f func(items, args []any) (any, error)) filter {
	return func(in any, a []any) (any, error) {
		if in == nil {
			return nil, nil
		}
		items, err := list(in)
		if err != nil {
			return nil, err
		}
		return f(items, a)
	}
}

func first(items []any) any {
	if len(items) == 0 {
		return nil
	}
	return items[0]
}

func property(x any, name string) any {
	if o, ok := x.(object); ok {
		return o.values[name]
	}
	return nil
}

func sorted(items, a []any, by func(x, y any) int) []any {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(x, y any) int {
		if name := arg(a, 0, ""); name != "" {
			x, y = property(x, name), property(y, name)
		}
		return by(x, y)
	})
	return items
}

// compare orders numbers, then texts; nothing comes first.
func compare(x, y any) int {
	f, ok := asFloat(x)
	g, also := asFloat(y)
	switch {
	case ok && also:
		return cmp.Compare(f, g)
	case x == nil || y == nil:
		return cmp.Compare(b2i(x != nil), b2i(y != nil))
	}
	return cmp.Compare(text(x), text(y))
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
