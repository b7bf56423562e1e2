package value

import (
	"slices"
	"strings"
	"unicode"
)

// Class tells how strictly a value with an origin is treated (architecture §8).
type Class uint8

const (
	// Credential: secured parameters, settings that are Key Vault references,
	// access keys, tokens. Redacted even in a visible side of run history.
	Credential Class = iota + 1
	// Secured: a side of an operation set to secure, a value returned by an
	// operation that reads secrets.
	Secured
)

// Origin names where a secret came from, such as "keyvault:client-secret". The
// name itself is no secret.
type Origin struct {
	Class Class
	Name  string
}

// Redacted is what stands wherever a value with an origin would be printed.
const Redacted = "[redacted]"

// Mark returns v with further origins. They hold for all that is inside v.
func (v Value) Mark(origins ...Origin) Value {
	if len(origins) == 0 || v.node() == nil {
		return v
	}
	merged := v.node().origins
	for _, o := range origins {
		if !slices.Contains(merged, o) {
			merged = append(slices.Clip(merged), o)
		}
	}
	if len(merged) == len(v.node().origins) {
		return v
	}
	n := *v.node()
	n.origins = merged
	return of(&n)
}

// inherit returns v with the origins of the container it was taken from.
func (v Value) inherit(from Value) Value {
	if len(from.node().origins) == 0 {
		return v
	}
	return v.Mark(from.node().origins...)
}

// Origins returns the origins of v itself, not those of its members. The slice
// must not be changed.
func (v Value) Origins() []Origin {
	if v.node() == nil {
		return nil
	}
	return v.node().origins
}

// Taint returns the origins of v and of all that is inside it.
func (v Value) Taint() []Origin {
	var all []Origin
	v.taint(&all)
	return all
}

func (v Value) taint(all *[]Origin) {
	if v.node() == nil {
		return
	}
	for _, o := range v.node().origins {
		if !slices.Contains(*all, o) {
			*all = append(*all, o)
		}
	}
	for _, item := range v.node().items {
		item.taint(all)
	}
}

// Marked tells whether v or anything inside it has an origin.
func (v Value) Marked() bool {
	if v.node() == nil {
		return false
	}
	if len(v.node().origins) > 0 {
		return true
	}
	return slices.ContainsFunc(v.node().items, Value.Marked)
}

// Redact returns v with each outermost value whose origins include one of the
// given classes (of any class, when none is given) replaced by Redacted.
func Redact(v Value, classes ...Class) Value {
	if v.node() == nil || !v.Marked() {
		return v
	}
	for _, o := range v.node().origins {
		if len(classes) == 0 || slices.Contains(classes, o.Class) {
			return String(Redacted)
		}
	}
	if len(v.node().items) == 0 {
		return v
	}
	n := *v.node()
	n.items = make([]Value, len(v.node().items))
	for i, item := range v.node().items {
		n.items[i] = Redact(item, classes...)
	}
	return of(&n)
}

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

// equalFoldSlow handles keys whose lengths differ, which can only be equal
// ignoring case outside ASCII.
func equalFoldSlow(a, b string) bool {
	if isASCII(a) && isASCII(b) {
		return false
	}
	return strings.EqualFold(a, b)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}
