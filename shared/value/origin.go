package value

import (
	"slices"
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
	n := v.node()
	if len(origins) == 0 || n == nil {
		return v
	}
	merged := n.origins()
	for _, o := range origins {
		if !slices.Contains(merged, o) {
			merged = append(slices.Clip(merged), o)
		}
	}
	if len(merged) == len(n.origins()) {
		return v
	}
	marked := *n
	marked.marked = true
	marked.more = &more{origins: merged}
	if n.more != nil {
		marked.more.decimal, marked.more.literal = n.more.decimal, n.more.literal
	}
	return of(&marked)
}

// Origins returns the origins of v itself, not those of its members. The slice
// must not be changed.
func (v Value) Origins() []Origin {
	if n := v.node(); n != nil && n.more != nil {
		return n.more.origins
	}
	return nil
}

// Taint returns the origins of v and of all that is inside it.
func (v Value) Taint() []Origin {
	var all []Origin
	v.taint(&all)
	return all
}

func (v Value) taint(all *[]Origin) {
	if !v.Marked() {
		return
	}
	for _, o := range v.node().origins() {
		if !slices.Contains(*all, o) {
			*all = append(*all, o)
		}
	}
	for _, item := range v.node().items() {
		item.taint(all)
	}
}

// Marked tells whether v or anything inside it has an origin.
func (v Value) Marked() bool { return v.p != nil && v.node().marked }

// Redact returns v with each outermost value whose origins include one of the
// given classes (of any class, when none is given) replaced by Redacted.
func Redact(v Value, classes ...Class) Value {
	if !v.Marked() {
		return v
	}
	n := v.node()
	for _, o := range n.origins() {
		if len(classes) == 0 || slices.Contains(classes, o.Class) {
			return String(Redacted)
		}
	}
	if len(n.items()) == 0 {
		return v
	}
	redacted := newContainer(n.kind)
	redacted.more = n.more
	*redacted.box() = *n.box()
	redacted.box().items = make([]Value, len(n.box().items))
	for i, item := range n.box().items {
		redacted.box().items[i] = Redact(item, classes...)
	}
	redacted.settle()
	return of(redacted)
}

// Harden returns v with a Credential origin beside each Secured one, so that visible
// history redacts it too: that is what strict history means.
func Harden(v Value) Value {
	if !v.Marked() {
		return v
	}
	n := v.node()
	if len(n.items()) > 0 {
		hard := newContainer(n.kind)
		hard.more = n.more
		*hard.box() = *n.box()
		hard.box().items = make([]Value, len(n.box().items))
		for i, item := range n.box().items {
			hard.box().items[i] = Harden(item)
		}
		hard.settle()
		v = of(hard)
	}
	for _, o := range n.origins() {
		if o.Class == Secured {
			v = v.Mark(Origin{Credential, o.Name})
		}
	}
	return v
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > unicode.MaxASCII {
			return false
		}
	}
	return true
}
