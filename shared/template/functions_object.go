package template

import (
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// items are the members of an object as {key, value}, by key.
func items(a []value.Value) (value.Value, error) {
	keys, err := keysOf(a[0])
	all := make([]value.Value, len(keys))
	for i, k := range keys {
		all[i] = value.Object(value.Member{Key: "key", Value: value.String(k)}, value.Member{Key: "value", Value: a[0].Member(k)})
	}
	return value.Array(all...), err
}

func objectKeys(a []value.Value) (value.Value, error) {
	keys, err := keysOf(a[0])
	return value.Strings(keys...), err
}

func keysOf(v value.Value) ([]string, error) {
	if v.Kind() != value.KindObject {
		return nil, errors.New("an object is needed")
	}
	var keys []string
	for k := range v.Members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys, nil
}

// intersection: what all lists or all objects have, the latter with the same value.
func intersection(a []value.Value) (value.Value, error) {
	if a[0].Kind() == value.KindObject {
		b := value.NewObject(a[0].Len())
		for name, v := range a[0].Members {
			if !slices.ContainsFunc(a[1:], func(o value.Value) bool { other, ok := o.Get(name); return !ok || !equal(v, other) }) {
				b.Set(name, v)
			}
		}
		return b.Build(), nil
	}
	var kept []value.Value
	for _, item := range a[0].Elements {
		missing := slices.ContainsFunc(a[1:], func(list value.Value) bool { return indexIn(list, item, false) < 0 })
		if !missing && !slices.ContainsFunc(kept, func(k value.Value) bool { return same(k, item) }) {
			kept = append(kept, item)
		}
	}
	return value.Array(kept...), nil
}

// same compares as equals() does, but not ignoring case.
func same(a, b value.Value) bool {
	return a.Kind() == b.Kind() && string(value.Reveal(a)) == string(value.Reveal(b))
}

func indexIn(list, item value.Value, last bool) int64 {
	found := int64(-1)
	for i, x := range list.Elements {
		if same(x, item) {
			if found = int64(i); !last {
				break
			}
		}
	}
	return found
}

// indexOf finds text in text ignoring case, or an element in an array.
func indexOf(find func(s, sub string) int, last bool) function {
	return function{2, 2, func(a []value.Value) (value.Value, error) {
		if a[0].Kind() == value.KindArray {
			return value.Int(indexIn(a[0], a[1], last)), nil
		}
		s := strings.ToLower(a[0].Str())
		at := find(s, strings.ToLower(a[1].Str()))
		if at > 0 {
			at = len([]rune(s[:at]))
		}
		return value.Int(int64(at)), nil
	}}
}

// shallowMerge joins a list of objects; of members with one name the last counts.
func shallowMerge(a []value.Value) (value.Value, error) {
	merged := value.Object()
	for _, o := range a[0].Elements {
		for k, v := range o.Members {
			merged = merged.With(k, v)
		}
	}
	return merged, nil
}

// merge is union() of objects: objects in them are joined too.
func merge(a, b value.Value) value.Value {
	for k, v := range b.Members {
		if old, ok := a.Get(k); ok && old.Kind() == value.KindObject && v.Kind() == value.KindObject {
			v = merge(old, v)
		}
		a = a.With(k, v)
	}
	return a
}

// tryGet selects step by step; what is not there is null.
func tryGet(a []value.Value) (value.Value, error) {
	v := a[0]
	for _, key := range a[1:] {
		selected, err := selectFrom(v, key)
		if err != nil {
			return value.Null(), nil //nolint:nilerr // what is not there is null: that is what it is for
		}
		v = selected
	}
	return v, nil
}

// fromEnd counts from the end, beginning with 1.
func fromEnd(strict bool) function {
	return function{2, 2, func(a []value.Value) (value.Value, error) {
		n, ok := a[1].AsInt()
		if ok && a[0].Kind() == value.KindArray && n >= 1 && n <= int64(a[0].Len()) {
			return a[0].At(a[0].Len() - int(n)), nil
		}
		if strict {
			return value.Value{}, errors.New("an index is outside of its array")
		}
		return value.Null(), nil
	}}
}

func dataURI(a []value.Value) (value.Value, error) {
	return value.String("data:text/plain;charset=utf8;base64," + base64.StdEncoding.EncodeToString([]byte(textOf(a[0])))), nil
}

func fromDataURI(a []value.Value) (value.Value, error) {
	head, data, ok := strings.Cut(a[0].Str(), ",")
	if rest, isData := strings.CutPrefix(head, "data:"); !ok || !isData {
		return value.Value{}, errors.New("the text is not a data URI")
	} else if strings.HasSuffix(rest, ";base64") {
		return fromBase64([]value.Value{value.String(data)})
	}
	text, err := url.PathUnescape(data)
	if err != nil {
		return value.Value{}, errors.New("the text is not a data URI")
	}
	return value.String(text), nil
}
