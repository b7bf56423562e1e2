package expr

import (
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// Folder computes something of a template without evaluating it: T stands for a
// value. What cannot be parsed is not visited.
type Folder[T any] interface {
	Literal(v value.Value) T
	// Read is a call that reads from the scope, without what is selected from it.
	Read(r Reference, args []T) T
	Call(function string, args []T) T
	// Select takes a member or an element; key is the result of an index that is no
	// literal string, and then name is "".
	Select(from T, name string, key *T) T
	Text(parts []T) T
	Array(items []T) T
	Object(keys, values []T) T
}

// Fold folds a template from its leaves; nil is an absent value.
func Fold[T any](t *Template, f Folder[T]) T {
	switch {
	case t == nil:
		return f.Literal(value.Value{})
	case t.isFixed:
		return f.Literal(t.constant)
	case t.whole != nil:
		return foldNode(t.whole, t, t.offset, f)
	case t.pieces != nil:
		parts := make([]T, len(t.pieces))
		for i, p := range t.pieces {
			if p.expr == nil {
				parts[i] = f.Literal(value.String(p.literal))
			} else {
				parts[i] = foldNode(p.expr, t, p.offset, f)
			}
		}
		return f.Text(parts)
	case t.items == nil && !t.isObject:
		return f.Literal(value.Value{}) // a string that could not be parsed
	}
	var keys, items []T
	for i, item := range t.items {
		if t.isObject {
			keys = append(keys, Fold(t.keys[i], f))
		}
		items = append(items, Fold(item, f))
	}
	if t.isObject {
		return f.Object(keys, items)
	}
	return f.Array(items)
}

func foldNode[T any](n *node, t *Template, offset int, f Folder[T]) T {
	switch {
	case n == nil:
		return f.Literal(value.Value{})
	case n.kind == templateNode:
		return Fold(n.template, f)
	case n.kind == literalNode:
		return f.Literal(n.literal)
	}
	args := make([]T, len(n.args))
	for i, a := range n.args {
		args[i] = foldNode(a, t, offset, f)
	}
	var result T
	if r, ok := n.reference(t, offset); ok {
		result = f.Read(r, args)
	} else {
		result = f.Call(strings.ToLower(n.name), args)
	}
	for _, d := range n.derefs {
		if d.isName {
			result = f.Select(result, d.name, nil)
			continue
		}
		key := foldNode(d.index, t, offset, f)
		result = f.Select(result, "", &key)
	}
	return result
}

// reference returns what a call reads from the scope.
func (n *node) reference(t *Template, offset int) (Reference, bool) {
	if n.function == nil || n.function.ref == 0 {
		return Reference{}, false
	}
	r := Reference{
		Kind: n.function.ref, Function: n.name, Path: t.path,
		Column: 1 + utf8.RuneCountInString(t.text[:min(offset+n.column, len(t.text))]),
	}
	if named := n.function.ref; named <= RefIteration && named != RefTrigger && len(n.args) > 0 {
		r.Name, r.Dynamic = n.constant, !n.named
	}
	for _, d := range n.derefs {
		if !d.isName {
			break
		}
		r.Selection = append(r.Selection, d.name)
	}
	return r, true
}
