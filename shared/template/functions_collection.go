package template

import (
	"errors"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

func equal(a, b value.Value) bool {
	if a.Kind() == value.KindString && b.Kind() == value.KindString {
		return strings.EqualFold(a.Str(), b.Str())
	}
	return string(value.Reveal(a)) == string(value.Reveal(b))
}

func count(a []value.Value) int {
	n := 0
	for _, v := range a {
		if b, _ := v.AsBool(); b {
			n++
		}
	}
	return n
}

func comparison(holds func(int) bool) function {
	return function{2, 2, func(a []value.Value) (value.Value, error) {
		x, okX := a[0].AsInt()
		y, okY := a[1].AsInt()
		if !okX || !okY {
			return value.Bool(holds(strings.Compare(a[0].Str(), a[1].Str()))), nil
		}
		switch {
		case x < y:
			return value.Bool(holds(-1)), nil
		case x > y:
			return value.Bool(holds(1)), nil
		}
		return value.Bool(holds(0)), nil
	}}
}

func contains(a []value.Value) (value.Value, error) {
	switch a[0].Kind() {
	case value.KindString:
		return value.Bool(strings.Contains(a[0].Str(), textOf(a[1]))), nil
	case value.KindObject:
		return value.Bool(a[0].Has(a[1].Str())), nil
	}
	for _, item := range a[0].Elements {
		if equal(item, a[1]) {
			return value.Bool(true), nil
		}
	}
	return value.Bool(false), nil
}

func createObject(a []value.Value) (value.Value, error) {
	if len(a)%2 != 0 {
		return value.Value{}, errors.New("createObject() needs pairs of name and value")
	}
	b := value.NewObject(len(a) / 2)
	for i := 0; i < len(a); i += 2 {
		b.Set(a[i].Str(), a[i+1])
	}
	return b.Build(), nil
}

func element(v value.Value, at int) value.Value {
	if s, ok := v.AsString(); ok {
		runes := []rune(s)
		if len(runes) == 0 {
			return value.String("")
		}
		if at < 0 {
			at = len(runes) - 1
		}
		return value.String(string(runes[at]))
	}
	if v.Len() == 0 {
		return value.Null()
	}
	if at < 0 {
		at = v.Len() - 1
	}
	return v.At(at)
}

func part(v value.Value, from, n int) value.Value {
	if s, ok := v.AsString(); ok {
		runes := []rune(s)
		from = min(from, len(runes))
		return value.String(string(runes[from : from+min(n, len(runes)-from)]))
	}
	var items []value.Value
	for i, item := range v.Elements {
		if i >= from && i-from < n {
			items = append(items, item)
		}
	}
	return value.Array(items...)
}

func union(a []value.Value) (value.Value, error) {
	if a[0].Kind() == value.KindObject {
		merged := a[0]
		for _, o := range a[1:] {
			merged = merge(merged, o)
		}
		return merged, nil
	}
	var items []value.Value
	for _, list := range a {
	next:
		for _, item := range list.Elements {
			for _, x := range items {
				if equal(x, item) {
					continue next
				}
			}
			items = append(items, item)
		}
	}
	return value.Array(items...), nil
}

func numbers(a []value.Value) (value.Value, error) {
	start, _ := a[0].AsInt()
	n, _ := a[1].AsInt()
	if n < 0 || n > 10000 {
		return value.Value{}, errors.New("range() takes a count of 0 to 10000")
	}
	items := make([]value.Value, n)
	for i := range items {
		items[i] = value.Int(start + int64(i))
	}
	return value.Array(items...), nil
}

func arithmetic(divides bool, f func(a, b int64) int64) function {
	return function{2, 2, func(a []value.Value) (value.Value, error) {
		x, okX := a[0].AsInt()
		y, okY := a[1].AsInt()
		if !okX || !okY {
			return value.Value{}, errors.New("arithmetic needs integers")
		}
		if divides && y == 0 {
			return value.Value{}, errors.New("division by zero")
		}
		return value.Int(f(x, y)), nil
	}}
}

func extreme(better func(a, b int64) bool) func([]value.Value) (value.Value, error) {
	return func(a []value.Value) (value.Value, error) {
		if len(a) == 1 && a[0].Kind() == value.KindArray {
			var list []value.Value
			for _, item := range a[0].Elements {
				list = append(list, item)
			}
			a = list
		}
		var best int64
		for i, v := range a {
			n, ok := v.AsInt()
			if !ok {
				return value.Value{}, errors.New("min() and max() need integers")
			}
			if i == 0 || better(n, best) {
				best = n
			}
		}
		return value.Int(best), nil
	}
}
