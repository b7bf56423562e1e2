// Package value holds JSON values as workflow definitions see them: members
// keep their order, integers keep their digits, and a value that derives from a
// secret remembers it.
//
// A Value is immutable. Its zero value is "absent": it behaves like null and
// tells itself apart by IsAbsent, so that a body which was never sent is not
// confused with a body that is null.
//
// Printing a Value, in whatever way, redacts what derives from a secret. The
// one way to its plain JSON is Reveal.
package value

import (
	"math"

	"github.com/cockroachdb/apd/v3"
)

// Kind is the type of a value, named as the expression language names it.
type Kind uint8

// The kinds. Decimal only arises from the decimal() function.
const (
	KindNull Kind = iota
	KindBool
	KindInt
	KindFloat
	KindDecimal
	KindString
	KindArray
	KindObject
)

var kindNames = [...]string{"Null", "Boolean", "Integer", "Float", "Decimal", "String", "Array", "Object"}

// String returns the name that error messages of the expression language use.
func (k Kind) String() string { return kindNames[k] }

// Null returns the JSON null.
func Null() Value { return of(nullNode) }

// Bool returns a JSON boolean.
func Bool(b bool) Value {
	if b {
		return of(trueNode)
	}
	return of(falseNode)
}

// Int returns an integer.
func Int(i int64) Value {
	if i >= smallest && i <= largest {
		return of(&smallInts[i-smallest])
	}
	return of(&node{kind: KindInt, bits: uint64(i)})
}

// Float returns a double.
func Float(f float64) Value { return of(&node{kind: KindFloat, bits: math.Float64bits(f)}) }

// Decimal returns a decimal number; d must not be changed afterwards.
func Decimal(d *apd.Decimal) Value { return of(&node{kind: KindDecimal, more: &more{decimal: d}}) }

// String returns a string.
func String(s string) Value {
	if s == "" {
		return of(emptyText)
	}
	n := textNode(s)
	return of(&n)
}

// Text returns a string with the bytes of text, of which it keeps a copy.
func Text(text []byte) Value {
	switch {
	case len(text) == 0:
		return of(emptyText)
	case len(text) <= len(shortText{}.bytes):
		return of(newShortText(text))
	}
	return String(string(text))
}

// Array returns an array of items. It keeps the slice, which must not be
// changed afterwards.
func Array(items ...Value) Value {
	n := newContainer(KindArray)
	n.box().items = items
	n.marks()
	return of(n)
}

// Strings returns an array of strings.
func Strings(texts ...string) Value {
	nodes, items := make([]node, len(texts)), make([]Value, len(texts))
	for i, s := range texts {
		nodes[i] = textNode(s)
		items[i] = of(&nodes[i])
	}
	return Array(items...)
}

// Ints returns an array of count integers from start on.
func Ints(start int64, count int) Value {
	nodes, items := make([]node, count), make([]Value, count)
	for i := range nodes {
		nodes[i] = node{kind: KindInt, bits: uint64(start + int64(i))}
		items[i] = of(&nodes[i])
	}
	return Array(items...)
}

// Member is a named value of an object.
type Member struct {
	Key   string
	Value Value
}

// Object returns an object with the members in their order. Members whose value
// is absent are left out; a repeated key keeps the last value at its last place.
func Object(members ...Member) Value {
	b := NewObject(len(members))
	for _, m := range members {
		b.Set(m.Key, m.Value)
	}
	return b.Build()
}

// Builder collects the members of an object.
type Builder struct{ n *node }

// NewObject returns a builder with room for size members.
func NewObject(size int) *Builder {
	n := newContainer(KindObject)
	n.box().keys, n.box().items = make([]string, 0, size), make([]Value, 0, size)
	return &Builder{n}
}

// Set adds a member, or moves it to the end with its new value when the key
// exists. An absent value is left out.
func (b *Builder) Set(key string, v Value) *Builder {
	if v.node() == nil {
		return b
	}
	x := b.n.box()
	if i := x.find(key); i >= 0 {
		x.keys = append(x.keys[:i], x.keys[i+1:]...)
		x.items = append(x.items[:i], x.items[i+1:]...)
		x.index = nil
	}
	x.keys = append(x.keys, key)
	x.items = append(x.items, v)
	x.buildIndex()
	return b
}

// Build returns the object. The builder must not be used afterwards.
func (b *Builder) Build() Value {
	b.n.marks()
	return of(b.n)
}

// Kind returns the kind; an absent value is Null.
func (v Value) Kind() Kind {
	if v.node() == nil {
		return KindNull
	}
	return v.node().kind
}

// IsAbsent tells whether v is the zero Value.
func (v Value) IsAbsent() bool { return v.node() == nil }

// IsNull tells whether v is null or absent.
func (v Value) IsNull() bool { return v.node() == nil || v.node().kind == KindNull }

// AsBool returns the boolean and whether v is one.
func (v Value) AsBool() (b, ok bool) {
	if v.Kind() != KindBool {
		return false, false
	}
	return v.node().bits != 0, true
}

// AsInt returns the integer and whether v is one.
func (v Value) AsInt() (int64, bool) {
	if v.Kind() != KindInt {
		return 0, false
	}
	return int64(v.node().bits), true
}

// AsFloat returns the double and whether v is one.
func (v Value) AsFloat() (float64, bool) {
	if v.Kind() != KindFloat {
		return 0, false
	}
	return math.Float64frombits(v.node().bits), true
}

// AsDecimal returns the decimal and whether v is one. It must not be changed.
func (v Value) AsDecimal() (*apd.Decimal, bool) {
	if v.Kind() != KindDecimal {
		return nil, false
	}
	return v.node().more.decimal, true
}

// AsString returns the text and whether v is a string. The text is plain: it is
// for computing with, never for printing.
func (v Value) AsString() (string, bool) {
	if v.Kind() != KindString {
		return "", false
	}
	return v.node().text(), true
}

// Str returns the text of a string and "" of anything else; see AsString.
func (v Value) Str() string {
	s, _ := v.AsString()
	return s
}

// Len returns the number of elements of an array or members of an object.
func (v Value) Len() int {
	if v.node() == nil {
		return 0
	}
	return len(v.node().items())
}

// At returns element i of an array, or the value of member i of an object. The
// result carries the origins of v.
func (v Value) At(i int) Value {
	n := v.node()
	if n.more == nil {
		return n.box().items[i]
	}
	return n.box().items[i].Mark(n.more.origins...)
}

// KeyAt returns the key of member i of an object.
func (v Value) KeyAt(i int) string { return v.node().box().keys[i] }

// Get returns the member with this key: the exact one, else the first in
// document order that is equal ignoring case (expressions §2). The result
// carries the origins of v.
func (v Value) Get(key string) (Value, bool) {
	n := v.node()
	if n == nil || n.kind != KindObject {
		return Value{}, false
	}
	x := n.box()
	i := x.find(key)
	if i < 0 {
		if i = x.findFolded(key); i < 0 {
			return Value{}, false
		}
	}
	if n.more == nil {
		return x.items[i], true
	}
	return x.items[i].Mark(n.more.origins...), true
}

// Find returns the place of the member that Get would return, or -1.
func (v Value) Find(key string) int {
	if v.Kind() != KindObject {
		return -1
	}
	x := v.node().box()
	if i := x.find(key); i >= 0 {
		return i
	}
	return x.findFolded(key)
}

// Member returns the member that Get would return, or an absent value.
func (v Value) Member(key string) Value {
	m, _ := v.Get(key)
	return m
}

// Has tells whether Get would find a member.
func (v Value) Has(key string) bool { return v.Find(key) >= 0 }

// With returns a copy of the object v in which the member key, found as Get
// finds it, has another value; a new member is appended. An absent v counts as
// an empty object.
func (v Value) With(key string, x Value) Value {
	n := newContainer(KindObject)
	if old := v.node(); old != nil {
		n.more = old.more
		n.box().keys = append(make([]string, 0, v.Len()+1), old.box().keys...)
		n.box().items = append(make([]Value, 0, v.Len()+1), old.box().items...)
	}
	if i := v.Find(key); i >= 0 {
		n.box().items[i] = x
	} else {
		n.box().keys, n.box().items = append(n.box().keys, key), append(n.box().items, x)
	}
	n.box().buildIndex()
	n.settle()
	return of(n)
}

// Without returns a copy of the object v that lacks the member which Get would
// find.
func (v Value) Without(key string) Value {
	i := v.Find(key)
	if i < 0 {
		return v
	}
	n, old := newContainer(KindObject), v.node()
	n.more = old.more
	n.box().keys = append(append(make([]string, 0, v.Len()), old.box().keys[:i]...), old.box().keys[i+1:]...)
	n.box().items = append(append(make([]Value, 0, v.Len()), old.box().items[:i]...), old.box().items[i+1:]...)
	n.box().buildIndex()
	n.settle()
	return of(n)
}

// Elements iterates over the elements of an array.
func (v Value) Elements(yield func(int, Value) bool) {
	if v.Kind() != KindArray {
		return
	}
	for i := range v.node().box().items {
		if !yield(i, v.At(i)) {
			return
		}
	}
}

// Members iterates over the members of an object in document order.
func (v Value) Members(yield func(string, Value) bool) {
	if v.Kind() != KindObject {
		return
	}
	for i, k := range v.node().box().keys {
		if !yield(k, v.At(i)) {
			return
		}
	}
}
