package deploy

import (
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// Delta is a property that changes, in the words of the product's what-if.
type Delta struct {
	Path          string
	Kind          string // Create, Modify, Delete or Array
	Before, After value.Value
	Children      []Delta // of an Array, by index
	// Why it counts as changed though that cannot be told; "" else.
	Why string
}

const (
	laterKnown = "known after the deployment"
	neverShown = "never shown, so it is written"
)

// comparison tells what a deployment changes in a resource.
type comparison struct {
	opaque map[string]bool // paths in lower case whose values the target does not show
}

func (c comparison) of(path string, before, after value.Value) []Delta {
	one := func(kind, why string) []Delta {
		return []Delta{{Path: path, Kind: kind, Before: before, After: after, Why: why}}
	}
	switch {
	case template.IsUnknown(after):
		if before.IsAbsent() {
			return one("Create", laterKnown)
		}
		return one("Modify", laterKnown)
	case c.opaque[strings.ToLower(path)] || before.Str() == value.Redacted && !after.IsAbsent():
		if after.IsAbsent() {
			return nil
		}
		return one("Modify", neverShown)
	case before.IsAbsent() && after.IsAbsent():
		return nil
	case before.IsAbsent() && after.Kind() == value.KindObject && c.hides(path):
		return c.objects(path, value.Object(), after)
	case before.IsAbsent():
		return one("Create", "")
	case after.IsAbsent():
		return one("Delete", "")
	case len(before.Origins())+len(after.Origins()) > 0: // secret as a whole: not even the names in it are told
		if string(value.Reveal(before)) == string(value.Reveal(after)) {
			return nil
		}
		return one("Modify", "")
	case before.Kind() == value.KindObject && after.Kind() == value.KindObject:
		return c.objects(path, before, after)
	case before.Kind() == value.KindArray && after.Kind() == value.KindArray:
		return c.arrays(path, before, after)
	case string(value.Reveal(before)) == string(value.Reveal(after)):
		return nil
	}
	return one("Modify", "")
}

// hides tells whether anything below a path is not shown.
func (c comparison) hides(path string) bool {
	for hidden := range c.opaque {
		if strings.HasPrefix(hidden, strings.ToLower(path)+".") || strings.HasPrefix(hidden, strings.ToLower(path)+"[") {
			return true
		}
	}
	return false
}

func (c comparison) objects(path string, before, after value.Value) (all []Delta) {
	for name, v := range after.Members {
		old, _ := before.Get(name)
		all = append(all, c.of(join(path, name), old, v)...)
	}
	for name, old := range before.Members {
		if !after.Has(name) {
			all = append(all, c.of(join(path, name), old, value.Value{})...)
		}
	}
	return all
}

func (c comparison) arrays(path string, before, after value.Value) []Delta {
	var children []Delta
	for i := range max(before.Len(), after.Len()) {
		var x, y value.Value
		if i < before.Len() {
			x = before.At(i)
		}
		if i < after.Len() {
			y = after.At(i)
		}
		index := value.AppendText(nil, value.Int(int64(i)))
		children = append(children, c.of(string(index), x, y)...)
	}
	if len(children) == 0 {
		return nil
	}
	return []Delta{{Path: path, Kind: "Array", Before: before, After: after, Children: children}}
}

func join(path, name string) string {
	if strings.ContainsAny(name, ".[]' ") {
		name = "['" + name + "']"
	}
	if path == "" || strings.HasPrefix(name, "[") {
		return path + name
	}
	return path + "." + name
}

// leaves are the paths of what changes.
func leaves(prefix string, all []Delta) (flat []Delta) {
	for _, d := range all {
		if prefix != "" {
			d.Path = prefix + "[" + d.Path + "]"
			if i := strings.IndexAny(d.Path[len(prefix):], ".'"); i > 0 && d.Path[len(prefix)+i] == '.' { // [0.name] is [0].name
				rest := strings.TrimSuffix(d.Path[len(prefix)+i:], "]")
				d.Path = d.Path[:len(prefix)+i] + "]" + rest
			}
		}
		if d.Kind == "Array" {
			flat = append(flat, leaves(d.Path, d.Children)...)
		} else {
			flat = append(flat, d)
		}
	}
	return flat
}
