package expr

import (
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// selectFrom applies the selections of a call (expressions §5).
func (m *machine) selectFrom(n *node, v value.Value) (value.Value, error) {
	for i := range n.derefs {
		d := &n.derefs[i]
		if d.isName { // what most selections are
			member, ok := v.Get(d.name)
			if !ok {
				if !d.forgives(v, value.KindString) {
					return value.Value{}, n.cannotSelect(v, value.String(d.name))
				}
				member = value.Null().Mark(v.Origins()...)
			}
			v = member
			continue
		}
		key, err := m.eval(d.index)
		if err != nil {
			return value.Value{}, err
		}
		next, ok := selectOne(v, key)
		if !ok {
			if !d.forgives(v, key.Kind()) {
				return value.Value{}, n.cannotSelect(v, key)
			}
			next = value.Null().Mark(v.Origins()...)
		}
		v = next.Mark(key.Origins()...)
	}
	return v, nil
}

// selectOne finds a member by its name, or an element by its place.
func selectOne(v, key value.Value) (value.Value, bool) {
	switch v.Kind() {
	case value.KindObject:
		if name, ok := key.AsString(); ok {
			return v.Get(name)
		}
	case value.KindArray:
		if i, ok := key.AsInt(); ok && i >= 0 && i < int64(v.Len()) {
			return v.At(int(i)), true
		}
	}
	return value.Value{}, false
}

// forgives tells whether a selection that found nothing gives null: behind a
// question mark, if a key of this kind could have been one.
func (d *deref) forgives(v value.Value, key value.Kind) bool {
	switch v.Kind() {
	case value.KindNull:
		return d.safe
	case value.KindObject:
		return d.safe && key == value.KindString
	case value.KindArray:
		return d.safe && key == value.KindInt
	}
	return false
}

// cannotSelect words why there is nothing to select.
func (n *node) cannotSelect(v, key value.Value) error {
	quoted := value.Redacted
	if !v.Marked() {
		quoted = shown(key)
	}
	cannot := func(why string) error {
		return failure("The template language expression '%s' cannot be evaluated because property '%s' cannot be selected.%s%s",
			n.source, quoted, why, usageOfErrors)
	}
	i, isInt := key.AsInt()
	switch kind := v.Kind(); {
	case kind == value.KindObject && key.Kind() != value.KindString:
		return cannot(" Object properties can only be selected using a string.")
	case kind == value.KindArray && !isInt:
		return cannot(" Array elements can only be selected using an integer index.")
	case kind != value.KindObject && kind != value.KindArray && kind != value.KindNull:
		return cannot(fmt.Sprintf(" Property selection is not supported on values of type '%s'.", kind))
	case kind == value.KindNull:
		return cannot("")
	case kind == value.KindObject:
		return failure("The template language expression '%s' cannot be evaluated because property '%s' doesn't exist, available properties are '%s'.%s",
			n.source, quoted, available(v), usageOfErrors)
	}
	return failure("The template language expression '%s' cannot be evaluated because array index '%d' is outside bounds (0, %d) of array.%s",
		n.source, i, v.Len()-1, usageOfErrors)
}

const usageOfErrors = " Please see https://aka.ms/logicexpressions for usage details."

func available(v value.Value) string {
	if len(v.Origins()) > 0 {
		return value.Redacted
	}
	var names []string
	for k := range v.Members {
		names = append(names, k)
	}
	return strings.Join(names, ", ")
}
