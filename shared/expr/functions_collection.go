package expr

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(
	Function{Name: "length", Min: 1, Max: 1, Doc: "The number of elements, or of UTF-16 code units.", Body: func(c *Call) (value.Value, error) {
		switch v := c.Args[0]; v.Kind() {
		case value.KindString:
			return value.Int(int64(units(v.Str()))), nil
		case value.KindArray:
			return value.Int(int64(v.Len())), nil
		default:
			return value.Value{}, failure("The template language function 'length' expects its parameter to be an array or a string. The provided value is of type '%s'.%s", v.Kind(), usage("length"))
		}
	}, Examples: []Example{{"@length('a😀')", `3`}, {"@length(createArray(1,2))", `2`}}},
	Function{Name: "empty", Min: 1, Max: 1, Doc: "Whether a text or collection is empty, or null.", Body: func(c *Call) (value.Value, error) {
		switch v := c.Args[0]; v.Kind() {
		case value.KindNull:
			return value.Bool(true), nil
		case value.KindString:
			return value.Bool(v.Str() == ""), nil
		case value.KindArray, value.KindObject:
			return value.Bool(v.Len() == 0), nil
		default:
			return value.Value{}, failure("The template language function 'empty' expects its parameter to be an object, an array or a string. The provided value is of type '%s'.%s", v.Kind(), usage("empty"))
		}
	}, Examples: []Example{{"@empty('')", `true`}, {"@empty(createArray(1))", `false`}}},
	Function{Name: "contains", Min: 2, Max: 2, Doc: "Whether a text has a part, an array an element, an object a key.", Body: contains,
		Examples: []Example{{"@contains('hello','ell')", `true`}, {"@contains(createArray(1,2),2)", `true`}}},
	edge("first", func(n int) int { return 0 }), edge("last", func(n int) int { return n - 1 }),
	slicing("take", func(n, size int) (int, int) { return 0, min(n, size) }), slicing("skip", func(n, size int) (int, int) { return min(n, size), size }),
	Function{Name: "join", Min: 2, Max: 2, Doc: "The elements of an array as text, with a separator between them.", Body: join,
		Examples: []Example{{"@join(createArray('a',1),'-')", `"a-1"`}}},
	Function{Name: "createArray", Min: 1, Max: -1, Doc: "An array of the values.", Body: func(c *Call) (value.Value, error) { return value.Array(c.Args...), nil },
		Examples: []Example{{"@createArray(1,'a',null)", `[1,"a",null]`}}},
	Function{Name: "array", Min: 1, Max: 1, Doc: "An array of one value.", Body: func(c *Call) (value.Value, error) { return value.Array(c.Args[0]), nil }},
	Function{Name: "union", Min: 2, Max: -1, Doc: "What stands in one of several arrays or objects.", Body: union},
	Function{Name: "intersection", Min: 2, Max: -1, Doc: "What stands in all of several arrays or objects.", Body: intersection},
	Function{Name: "range", Min: 2, Max: 2, Doc: "Integers from a start on.", Body: numbers, Examples: []Example{{"@range(2,3)", `[2,3,4]`}}},
	Function{Name: "reverse", Min: 1, Max: 1, Doc: "An array the other way round.", Body: func(c *Call) (value.Value, error) {
		if c.Args[0].Kind() != value.KindArray {
			return value.Value{}, failure("The template language function 'reverse' expects its first parameter to be of type array. The provided value is of type '%s'.%s", c.Args[0].Kind(), usage("reverse"))
		}
		items := make([]value.Value, c.Args[0].Len())
		for i, item := range c.Args[0].Elements {
			items[len(items)-1-i] = item
		}
		return value.Array(items...), nil
	}},
	Function{Name: "chunk", Min: 2, Max: 2, Doc: "A text or array in parts of a length.", Body: chunk},
)

func contains(c *Call) (value.Value, error) {
	collection, wanted := c.Args[0], c.Args[1]
	switch collection.Kind() {
	case value.KindString:
		return value.Bool(strings.Contains(collection.Str(), TextOf(wanted))), nil
	case value.KindArray:
		for _, item := range collection.Elements {
			if Equal(item, wanted) {
				return value.Bool(true), nil
			}
		}
		return value.Bool(false), nil
	case value.KindObject:
		return value.Bool(collection.Has(TextOf(wanted))), nil
	}
	return value.Value{}, failure("The template language function 'contains' expects its first argument 'collection' to be a dictionary (object), an array or a string. The provided value is of type '%s'.", collection.Kind())
}

func edge(name string, at func(int) int) Function {
	return Function{Name: name, Min: 1, Max: 1, Doc: "The " + name + " element, or character.", Body: func(c *Call) (value.Value, error) {
		switch v := c.Args[0]; v.Kind() {
		case value.KindString:
			n := units(v.Str())
			if n == 0 {
				return value.String(""), nil
			}
			return value.String(cut(v.Str(), at(n), at(n)+1)), nil
		case value.KindArray:
			if v.Len() == 0 {
				return value.Null(), nil
			}
			return v.At(at(v.Len())), nil
		default:
			return value.Value{}, failure("The template language function '%s' expects its parameter be an array or a string. The provided value is of type '%s'.%s", name, v.Kind(), usage(name))
		}
	}}
}

func slicing(name string, bounds func(n, size int) (int, int)) Function {
	return Function{Name: name, Min: 2, Max: 2, Doc: "Elements or characters of the beginning: " + name + ".", Body: func(c *Call) (value.Value, error) {
		v := c.Args[0]
		if k := v.Kind(); k != value.KindString && k != value.KindArray {
			return value.Value{}, failure("The template language function '%s' expects its first parameter 'collection' to be an array or a string. The provided value is of type '%s'.%s", name, k, usage(name))
		}
		n, err := c.integer(1)
		if err != nil {
			return value.Value{}, err
		}
		if n < 0 {
			return value.Value{}, failure("The template language function '%s' parameters are out of range: 'count' must be a positive integer. The provided value is '%d'.%s", name, n, usage(name))
		}
		if v.Kind() == value.KindString {
			from, to := bounds(int(min(n, 1<<30)), units(v.Str()))
			return value.String(cut(v.Str(), from, to)), nil
		}
		from, to := bounds(int(min(n, 1<<30)), v.Len())
		items := make([]value.Value, 0, to-from)
		for i := from; i < to; i++ {
			items = append(items, v.At(i))
		}
		return value.Array(items...), nil
	}}
}

func join(c *Call) (value.Value, error) {
	if c.Args[0].Kind() != value.KindArray {
		return value.Value{}, failure("The template language function 'join' expects its first parameter to be an array. The provided value is of type '%s'.%s", c.Args[0].Kind(), usage("join"))
	}
	separator, err := c.str(1)
	if err != nil {
		return value.Value{}, err
	}
	var b strings.Builder
	for i, item := range c.Args[0].Elements {
		if i > 0 {
			b.WriteString(separator)
		}
		b.WriteString(TextOf(item))
	}
	return value.String(b.String()), nil
}

func sameKinds(c *Call) error {
	first := c.Args[0].Kind()
	for _, a := range c.Args {
		if a.Kind() != first || first != value.KindArray && first != value.KindObject {
			return failure("Template language function '%s' expects parameters of same type, but found '%s,%s' distinct types.", c.name, first, a.Kind())
		}
	}
	return nil
}

func union(c *Call) (value.Value, error) {
	if err := sameKinds(c); err != nil {
		return value.Value{}, err
	}
	if c.Args[0].Kind() == value.KindObject {
		merged := c.Args[0]
		for _, o := range c.Args[1:] {
			for k, v := range o.Members {
				merged = merged.With(k, v)
			}
		}
		return merged, nil
	}
	items := []value.Value{}
	for _, a := range c.Args {
		for _, item := range a.Elements {
			if !has(items, item) {
				items = append(items, item)
			}
		}
	}
	return value.Array(items...), nil
}

func has(items []value.Value, wanted value.Value) bool {
	for _, item := range items {
		if Equal(item, wanted) {
			return true
		}
	}
	return false
}

func intersection(c *Call) (value.Value, error) {
	if err := sameKinds(c); err != nil {
		return value.Value{}, err
	}
	if c.Args[0].Kind() == value.KindObject {
		b := value.NewObject(0)
	members:
		for k, v := range c.Args[0].Members {
			for _, o := range c.Args[1:] {
				if other, ok := o.Get(k); !ok || !Equal(v, other) {
					continue members
				}
			}
			b.Set(k, v)
		}
		return b.Build(), nil
	}
	items := []value.Value{}
elements:
	for _, item := range c.Args[0].Elements {
		for _, a := range c.Args[1:] {
			var all []value.Value
			for _, x := range a.Elements {
				all = append(all, x)
			}
			if !has(all, item) {
				continue elements
			}
		}
		if !has(items, item) {
			items = append(items, item)
		}
	}
	return value.Array(items...), nil
}

func numbers(c *Call) (value.Value, error) {
	start, err := c.integer(0)
	if err != nil {
		return value.Value{}, err
	}
	count, err := c.integer(1)
	if err != nil {
		return value.Value{}, err
	}
	if count < 1 || count > 100000 || start > 2147483647-count {
		return value.Value{}, failure("The template language function 'range' parameters are out of range: 'count' must be a positive integer no larger than '100000'.%s", usage("range"))
	}
	items := make([]value.Value, count)
	for i := range items {
		items[i] = value.Int(start + int64(i))
	}
	return value.Array(items...), nil
}

func chunk(c *Call) (value.Value, error) {
	v := c.Args[0]
	n, err := c.integer(1)
	if err != nil {
		return value.Value{}, err
	}
	if n < 1 {
		return value.Value{}, failure("The template language function 'chunk' expects chunk size to be a positive integer. The provided value is less than 1.%s", usage("chunk"))
	}
	var items []value.Value
	switch v.Kind() {
	case value.KindString:
		size := units(v.Str())
		for i := 0; i < size; i += int(n) {
			items = append(items, value.String(cut(v.Str(), i, min(i+int(n), size))))
		}
	case value.KindArray:
		for i := 0; i < v.Len(); i += int(n) {
			var part []value.Value
			for j := i; j < min(i+int(n), v.Len()); j++ {
				part = append(part, v.At(j))
			}
			items = append(items, value.Array(part...))
		}
	default:
		return value.Value{}, failure("The template language function 'chunk' expects its first parameter to be an array or a string. The provided value is of type '%s'.%s", v.Kind(), usage("chunk"))
	}
	return value.Array(items...), nil
}

var _ = register(
	Function{Name: "addProperty", Min: 3, Max: 3, Doc: "An object with one more property.", Body: func(c *Call) (value.Value, error) {
		name, err := c.property()
		if err != nil {
			return value.Value{}, err
		}
		if c.Args[0].Has(name) {
			return value.Value{}, failure("The template language function 'addProperty' expects the property to not exist in the object. Unable to add property '%s' to '%s' as it already exists.", name, TextOf(c.Args[0]))
		}
		return c.Args[0].With(name, c.Args[2]), nil
	}, Examples: []Example{{`@addProperty(json('{"a":1}'),'b',2)`, `{"a":1,"b":2}`}}},
	Function{Name: "setProperty", Min: 3, Max: 3, Doc: "An object with a property set.", Body: func(c *Call) (value.Value, error) {
		name, err := c.property()
		if err != nil {
			return value.Value{}, err
		}
		return c.Args[0].With(name, c.Args[2]), nil
	}, Examples: []Example{{`@setProperty(json('{"a":1}'),'A',2)`, `{"a":2}`}}},
	Function{Name: "removeProperty", Min: 2, Max: 2, Doc: "An object without a property.", Body: func(c *Call) (value.Value, error) {
		name, err := c.property()
		return c.Args[0].Without(name), err
	}, Examples: []Example{{`@removeProperty(json('{"a":1,"b":2}'),'a')`, `{"b":2}`}}},
	Function{Name: "mergeObjects", Min: 2, Max: 2, Doc: "Two objects as one; the second wins.", Body: union},
)

func (c *Call) property() (string, error) {
	if c.Args[0].Kind() != value.KindObject {
		return "", failure("The template language function '%s' expects its first parameter to be an object. The provided value is of type '%s'.", c.name, c.Args[0].Kind())
	}
	return c.str(1)
}
