package expr

import (
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Collections (expressions §11): arrays, objects, and strings as collections of
// characters.
var _ = register(Collections,
	Function{Signature: "length(collection string or array)", Doc: "The number of elements, or of UTF-16 code units.", Body: length,
		Examples: []Example{{"@length('a😀')", `3`}, {"@length(createArray(1,2))", `2`}, {"@length(null)", `error: to be an array or a string`}}},
	Function{Signature: "empty(collection any)", Doc: "Whether a text, array or object is empty, or null.", Body: empty,
		Examples: []Example{{"@empty('')", `true`}, {"@empty(createArray(1))", `false`}, {"@empty(null)", `true`}}},
	Function{Signature: "contains(collection any, value any)", Doc: "Whether a text has a part, an array an element, an object a key.", Body: contains,
		Examples: []Example{{"@contains('hello','ell')", `true`}, {"@contains(createArray(1,2),2)", `true`}, {`@contains(json('{"a":1}'),'A')`, `true`}}},
	Function{Signature: "first(collection string or array)", Doc: "The first element, or character; of an empty array null.", Body: edge(func(int) int { return 0 }),
		Examples: []Example{{"@first(createArray(1,2))", `1`}, {"@first('abc')", `"a"`}}},
	Function{Signature: "last(collection string or array)", Doc: "The last element, or character; of an empty array null.", Body: edge(func(n int) int { return n - 1 }),
		Examples: []Example{{"@last(createArray(1,2))", `2`}, {"@last('abc')", `"c"`}}},
	Function{Signature: "take(collection string or array, count integer)", Doc: "The elements, or characters, at the front.", Body: sliced(func(n, size int) (int, int) { return 0, min(n, size) }),
		Examples: []Example{{"@take(createArray(1,2,3),2)", `[1,2]`}, {"@take('abc',1)", `"a"`}}},
	Function{Signature: "skip(collection string or array, count integer)", Doc: "The elements, or characters, behind those at the front.", Body: sliced(func(n, size int) (int, int) { return min(n, size), size }),
		Examples: []Example{{"@skip(createArray(1,2,3),2)", `[3]`}}},
	Function{Signature: "join(array any, separator string)", Doc: "The elements of an array as text, with a separator between them.", Body: join,
		Examples: []Example{{"@join(createArray('a',1,true),'-')", `"a-1-True"`}}},
	Function{Signature: "reverse(array array)", Doc: "An array the other way round.", Body: reverse,
		Examples: []Example{{"@reverse(createArray(1,2,3))", `[3,2,1]`}}},
	Function{Signature: "sort(array array, key? string)", Doc: "An array in ascending order, of objects by one of their properties: numbers by value, texts ignoring case. Equal elements keep their order.", Body: sorted,
		Examples: []Example{{"@sort(createArray(3,1,2))", `[1,2,3]`}, {`@sort(json('[{"n":"b"},{"n":"A"}]'),'n')`, `[{"n":"A"},{"n":"b"}]`}}},
	Function{Signature: "chunk(collection string or array, size integer)", Doc: "A text or array in parts of a size; the last may be shorter.", Body: chunk,
		Examples: []Example{{"@chunk(createArray(1,2,3),2)", `[[1,2],[3]]`}, {"@chunk('abcde',2)", `["ab","cd","e"]`}}},
	Function{Signature: "union(collection any, other any, …)", Doc: "What stands in one of several arrays, each once; or the properties of several objects, of which the last one counts.", Body: union,
		Examples: []Example{{"@union(createArray(1,2),createArray(2,3))", `[1,2,3]`}, {`@union(json('{"a":1}'),json('{"a":2,"b":3}'))`, `{"a":2,"b":3}`}}},
	Function{Signature: "intersection(collection any, other any, …)", Doc: "What stands in all of several arrays, or objects.", Body: intersection,
		Examples: []Example{{"@intersection(createArray(1,2),createArray(2,3))", `[2]`}}},
	Function{Signature: "mergeObjects(object object, other object)", Doc: "Two objects as one; where both have a property, that of the second counts.", Body: union,
		Examples: []Example{{`@mergeObjects(json('{"a":1}'),json('{"a":2}'))`, `{"a":2}`}}},
	Function{Signature: "createArray(value any, …)", Doc: "An array of values.", Body: func(c *Call) (value.Value, error) { return value.Array(slices.Clone(c.Args)...), nil },
		Examples: []Example{{"@createArray(1,'a',null)", `[1,"a",null]`}, {"@createArray()", `error: comma separated list`}}},
	Function{Signature: "array(value any)", Doc: "An array of one value.", Body: func(c *Call) (value.Value, error) { return value.Array(c.Args[0]), nil },
		Examples: []Example{{"@array('a')", `["a"]`}}},
	Function{Signature: "range(start integer, count integer)", Doc: "Integers that follow one another.", Body: numbers,
		Examples: []Example{{"@range(2,3)", `[2,3,4]`}, {"@range(1,0)", `error: 'count' must be a positive integer`}}},
)

// elementCost is what an element of a result takes from the budget of bytes: about what it
// takes of memory.
const elementCost = 64

func length(c *Call) (value.Value, error) {
	switch v := c.Args[0]; v.Kind() {
	case value.KindString:
		return value.Int(int64(units(v.Str()))), nil
	case value.KindArray:
		return value.Int(int64(v.Len())), nil
	default:
		return value.Value{}, c.fail("expects its parameter to be an array or a string. The provided value is of type '%s'.%s", v.Kind(), usage(c.fn.Name))
	}
}

func empty(c *Call) (value.Value, error) {
	switch v := c.Args[0]; v.Kind() {
	case value.KindNull:
		return value.Bool(true), nil
	case value.KindString:
		return value.Bool(v.Str() == ""), nil
	case value.KindArray, value.KindObject:
		return value.Bool(v.Len() == 0), nil
	default:
		return value.Value{}, c.fail("expects its parameter to be an object, an array or a string. The provided value is of type '%s'.%s", v.Kind(), usage(c.fn.Name))
	}
}

func contains(c *Call) (value.Value, error) {
	collection, wanted := c.Args[0], c.Args[1]
	switch collection.Kind() {
	case value.KindString:
		return value.Bool(strings.Contains(collection.Str(), TextOf(wanted))), nil
	case value.KindArray:
		for i := range collection.Len() {
			if Equal(collection.At(i), wanted) {
				return value.Bool(true), nil
			}
		}
		return value.Bool(false), nil
	case value.KindObject:
		return value.Bool(collection.Has(TextOf(wanted))), nil
	}
	return value.Value{}, c.fail("expects its first argument 'collection' to be a dictionary (object), an array or a string. The provided value is of type '%s'.", collection.Kind())
}

func edge(at func(size int) int) func(c *Call) (value.Value, error) {
	return func(c *Call) (value.Value, error) {
		switch v := c.Args[0]; v.Kind() {
		case value.KindString:
			n := units(v.Str())
			if n == 0 {
				return v, nil
			}
			return value.String(cut(v.Str(), at(n), at(n)+1)), nil
		case value.KindArray:
			if v.Len() == 0 {
				return value.Null(), nil
			}
			return v.At(at(v.Len())), nil
		default:
			return value.Value{}, c.fail("expects its parameter be an array or a string. The provided value is of type '%s'.%s", v.Kind(), usage(c.fn.Name))
		}
	}
}

// part is the part of a text or array between two positions.
func part(v value.Value, from, to int) value.Value {
	if s, ok := v.AsString(); ok {
		return value.String(cut(s, from, to))
	}
	items := make([]value.Value, 0, to-from)
	for i := from; i < to; i++ {
		items = append(items, v.At(i))
	}
	return value.Array(items...)
}

// extent is the length of a text or array.
func extent(v value.Value) (int, bool) {
	switch v.Kind() {
	case value.KindString:
		return units(v.Str()), true
	case value.KindArray:
		return v.Len(), true
	}
	return 0, false
}

func sliced(bounds func(n, size int) (from, to int)) func(c *Call) (value.Value, error) {
	return func(c *Call) (value.Value, error) {
		size, ok := extent(c.Args[0])
		if !ok {
			return value.Value{}, c.fail("expects its first parameter 'collection' to be an array or a string. The provided value is of type '%s'.%s", c.Args[0].Kind(), usage(c.fn.Name))
		}
		n := c.integer(1)
		if n < 0 {
			return value.Value{}, c.fail("parameters are out of range: 'count' must be a positive integer. The provided value is '%d'.%s", n, usage(c.fn.Name))
		}
		from, to := bounds(int(min(n, int64(size))), size)
		return part(c.Args[0], from, to), nil
	}
}

func join(c *Call) (value.Value, error) {
	array, separator := c.Args[0], c.str(1)
	if array.Kind() != value.KindArray {
		return value.Value{}, c.fail("expects its first parameter to be an array. The provided value is of type '%s'.%s", array.Kind(), usage(c.fn.Name))
	}
	text := c.buffer()
	for i := range array.Len() {
		before := c.fills(text)
		if i > 0 {
			text = append(text, separator...)
		}
		from := len(text)
		text = AppendText(text, array.At(i))
		if err := c.m.room(before + len(text) - from + len(separator)); err != nil {
			return value.Value{}, err
		}
	}
	return c.give(text)
}

func reverse(c *Call) (value.Value, error) {
	n := c.Args[0].Len()
	items := make([]value.Value, n)
	for i := range n {
		items[n-1-i] = c.Args[0].At(i)
	}
	return value.Array(items...), nil
}

func sorted(c *Call) (value.Value, error) {
	items := make([]value.Value, c.Args[0].Len())
	for i := range items {
		items[i] = c.Args[0].At(i)
	}
	key := func(v value.Value) value.Value {
		if c.has(1) {
			return v.Member(c.str(1))
		}
		return v
	}
	slices.SortStableFunc(items, func(a, b value.Value) int { return order(key(a), key(b)) })
	return value.Array(items...), nil
}

// order sorts by kind first: null, booleans, numbers, texts, then all else as it
// stands.
func order(a, b value.Value) int {
	if rank(a) != rank(b) {
		return rank(a) - rank(b)
	}
	switch {
	case isNumber(a.Kind()):
		return max(min(compareNumbers(a, b), 1), -1)
	case a.Kind() == value.KindString:
		return compareFolded(a.Str(), b.Str())
	case a.Kind() == value.KindBool:
		x, _ := a.AsBool()
		y, _ := b.AsBool()
		switch {
		case x == y:
			return 0
		case y:
			return -1
		}
		return 1
	}
	return 0
}

func rank(v value.Value) int {
	switch k := v.Kind(); {
	case k == value.KindNull:
		return 0
	case k == value.KindBool:
		return 1
	case isNumber(k):
		return 2
	case k == value.KindString:
		return 3
	}
	return 4
}

func chunk(c *Call) (value.Value, error) {
	size, ok := extent(c.Args[0])
	if !ok {
		return value.Value{}, c.fail("expects its first parameter to be an array or a string. The provided value is of type '%s'.%s", c.Args[0].Kind(), usage(c.fn.Name))
	}
	n := c.integer(1)
	if n < 1 {
		return value.Value{}, c.fail("expects chunk size to be a positive integer. The provided value is less than 1.%s", usage(c.fn.Name))
	}
	items := []value.Value{}
	for i := 0; i < size; i += int(min(n, int64(size))) {
		if err := c.m.room(len(items) * elementCost); err != nil {
			return value.Value{}, err
		}
		items = append(items, part(c.Args[0], i, int(min(int64(i)+n, int64(size)))))
	}
	return value.Array(items...), nil
}

func sameKinds(c *Call) error {
	var kinds []string
	for _, a := range c.Args {
		if k := a.Kind().String(); !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	if first := c.Args[0].Kind(); len(kinds) > 1 || first != value.KindArray && first != value.KindObject {
		return failure("Template language function '%s' expects parameters of same type, but found '%s' distinct types.", c.fn.Name, strings.Join(kinds, ","))
	}
	return nil
}

// distinct collects values that differ.
type distinct struct {
	m     *machine
	items []value.Value
	texts map[string]bool // texts seen, which are most of what is compared
}

// add keeps v unless an equal value is there.
func (d *distinct) add(v value.Value) error {
	if s, ok := v.AsString(); ok {
		if d.texts == nil {
			d.texts = map[string]bool{}
		}
		if d.texts[s] {
			return nil
		}
		d.texts[s] = true
	} else if found, err := d.m.find(d.items, v); found || err != nil {
		return err
	}
	d.items = append(d.items, v)
	return d.m.room(len(d.items) * elementCost)
}

// find looks for an equal value, one step of the budget at a time.
func (m *machine) find(items []value.Value, wanted value.Value) (bool, error) {
	if err := m.step(int64(len(items))); err != nil {
		return false, err
	}
	for _, item := range items {
		if Equal(item, wanted) {
			return true, nil
		}
	}
	return false, nil
}

func union(c *Call) (value.Value, error) {
	if err := sameKinds(c); err != nil {
		return value.Value{}, err
	}
	if c.Args[0].Kind() == value.KindObject {
		return merged(c)
	}
	d := distinct{m: c.m}
	for _, a := range c.Args {
		for i := range a.Len() {
			if err := d.add(a.At(i)); err != nil {
				return value.Value{}, err
			}
		}
	}
	return value.Array(d.items...), nil
}

// merged: a property stands where it first stood, with the value it has last. Names
// differ by case, as those of equal objects do.
func merged(c *Call) (value.Value, error) {
	places := map[string]int{}
	var members []value.Member
	for _, o := range c.Args {
		if err := c.m.room(elementCost * (len(members) + o.Len())); err != nil {
			return value.Value{}, err
		}
		for k, v := range o.Members {
			if i, ok := places[k]; ok {
				members[i].Value = v
				continue
			}
			places[k] = len(members)
			members = append(members, value.Member{Key: k, Value: v})
		}
	}
	return value.Object(members...), nil
}

func intersection(c *Call) (value.Value, error) {
	if err := sameKinds(c); err != nil {
		return value.Value{}, err
	}
	if c.Args[0].Kind() == value.KindObject {
		return commonMembers(c), nil
	}
	others := make([][]value.Value, len(c.Args)-1)
	for i, a := range c.Args[1:] {
		for j := range a.Len() {
			others[i] = append(others[i], a.At(j))
		}
	}
	d := distinct{m: c.m}
elements:
	for i := range c.Args[0].Len() {
		item := c.Args[0].At(i)
		for _, other := range others {
			found, err := c.m.find(other, item)
			if err != nil {
				return value.Value{}, err
			}
			if !found {
				continue elements
			}
		}
		if err := d.add(item); err != nil {
			return value.Value{}, err
		}
	}
	return value.Array(d.items...), nil
}

func commonMembers(c *Call) value.Value {
	b := value.NewObject(0)
members:
	for k, v := range c.Args[0].Members {
		for _, o := range c.Args[1:] {
			if i := exactKey(o, k); i < 0 || !Equal(v, o.At(i)) {
				continue members
			}
		}
		b.Set(k, v)
	}
	return b.Build()
}

func numbers(c *Call) (value.Value, error) {
	start, count := c.integer(0), c.integer(1)
	if count < 1 || count > 100_000 || start > 2_147_483_647-count {
		return value.Value{}, c.fail("parameters are out of range: 'count' must be a positive integer no larger than '100000', and the sum of 'start index' and 'count' must be no larger than '2147483647'.%s", usage(c.fn.Name))
	}
	if err := c.m.room(int(count) * elementCost); err != nil {
		return value.Value{}, err
	}
	return value.Ints(start, int(count)), nil
}
