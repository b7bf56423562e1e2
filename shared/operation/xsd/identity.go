package xsd

import (
	"strings"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// identity is a unique, key or keyref constraint.
type identity struct {
	kind     string
	name     name
	refer    name
	selector []keyPath
	fields   [][]keyPath
}

// keyPath is one alternative of a selector or field: steps down from an element, and
// perhaps an attribute at the end.
type keyPath struct {
	anywhere  bool // begins with .//
	steps     []name
	attribute *name
}

// anyLocal stands in a step for *.
const anyLocal = "*"

func (b *builder) identity(d *document, n *xmltree.Node) *identity {
	k := &identity{kind: n.Name.Local, name: name{Space: d.space, Local: n.Get("name")}}
	if k.kind == "keyref" {
		var ok bool
		if k.refer, ok = b.resolve(d, n, n.Get("refer")); !ok {
			return nil
		}
	}
	for _, c := range components(n) {
		paths, ok := parsePaths(c, c.Get("xpath"), c.Name.Local == "field")
		if !ok {
			b.fail(d, c, "The XPath '%s' is not valid in a %s.", c.Get("xpath"), c.Name.Local)
			return nil
		}
		if c.Name.Local == "selector" {
			k.selector = paths
		} else {
			k.fields = append(k.fields, paths)
		}
	}
	return k
}

// parsePaths reads the XPath subset of identity constraints.
func parsePaths(n *xmltree.Node, text string, field bool) ([]keyPath, bool) {
	var list []keyPath
	for alternative := range strings.SplitSeq(text, "|") {
		p := keyPath{}
		alternative = strings.TrimSpace(alternative)
		if rest, ok := strings.CutPrefix(alternative, ".//"); ok {
			p.anywhere, alternative = true, rest
		}
		for step := range strings.SplitSeq(alternative, "/") {
			step = strings.TrimSpace(step)
			step = strings.TrimPrefix(step, "child::")
			isAttribute := false
			for _, mark := range []string{"@", "attribute::"} {
				if rest, ok := strings.CutPrefix(step, mark); ok {
					isAttribute, step = true, rest
				}
			}
			if step == "." && !isAttribute {
				continue
			}
			q, ok := stepName(n, step)
			switch {
			case !ok || p.attribute != nil:
				return nil, false
			case isAttribute && field:
				p.attribute = &q
			case isAttribute:
				return nil, false
			default:
				p.steps = append(p.steps, q)
			}
		}
		list = append(list, p)
	}
	return list, true
}

// stepName resolves a name test. Without a prefix it has no namespace, whatever
// the default one is.
func stepName(n *xmltree.Node, step string) (name, bool) {
	prefix, local, qualified := strings.Cut(step, ":")
	if !qualified {
		return name{Local: step}, step != ""
	}
	space, ok := n.Namespace(prefix)
	return name{Space: space, Local: local}, ok && local != ""
}

func stepMatches(step, n name) bool {
	return step.Local == anyLocal && (step.Space == "" || step.Space == n.Space) || step == n
}

// selected returns the elements that paths lead to.
func selected(paths []keyPath, from *xmltree.Node) []*xmltree.Node {
	var list []*xmltree.Node
	seen := map[*xmltree.Node]bool{}
	for _, p := range paths {
		for _, n := range p.follow(from) {
			if !seen[n] {
				seen[n] = true
				list = append(list, n)
			}
		}
	}
	return list
}

func (p keyPath) follow(from *xmltree.Node) []*xmltree.Node {
	at := []*xmltree.Node{from}
	if p.anywhere {
		at = descendants(from, nil)
	}
	for _, step := range p.steps {
		var next []*xmltree.Node
		for _, n := range at {
			for _, c := range n.Children {
				if stepMatches(step, c.Name) {
					next = append(next, c)
				}
			}
		}
		at = next
	}
	return at
}

func descendants(n *xmltree.Node, list []*xmltree.Node) []*xmltree.Node {
	list = append(list, n)
	for _, c := range n.Children {
		list = descendants(c, list)
	}
	return list
}

// tuple returns the values of the fields of an element; false if one is missing.
func (k *identity) tuple(n *xmltree.Node) (string, bool) {
	var b strings.Builder
	for _, field := range k.fields {
		text, ok := fieldValue(field, n)
		if !ok {
			return "", false
		}
		b.WriteString(text + "\x00")
	}
	return b.String(), true
}

func fieldValue(field []keyPath, from *xmltree.Node) (string, bool) {
	for _, p := range field {
		for _, n := range p.follow(from) {
			if p.attribute == nil {
				return collapse.apply(n.Text), true
			}
			if v, ok := n.AttrNS(*p.attribute); ok {
				return collapse.apply(v), true
			}
		}
	}
	return "", false
}

// scope holds the keys that an element and those inside of it have brought along.
type scope struct{ keys map[name]map[string]bool }

func (v *validator) open() {
	v.scopes = append(v.scopes, &scope{keys: map[name]map[string]bool{}})
}

// close checks the constraints of an element. Its keys stay known to the elements
// around it: a keyref refers to keys at or below its element.
func (v *validator) close(n *xmltree.Node, e *element) {
	own := v.scopes[len(v.scopes)-1]
	v.scopes = v.scopes[:len(v.scopes)-1]
	for _, k := range e.keys {
		if k.kind != "keyref" {
			v.unique(n, k, own)
		}
	}
	for _, k := range e.keys {
		if k.kind == "keyref" {
			v.keyref(n, k, own)
		}
	}
	if len(v.scopes) == 0 {
		return
	}
	outer := v.scopes[len(v.scopes)-1]
	for key, tuples := range own.keys {
		if outer.keys[key] == nil {
			outer.keys[key] = tuples
			continue
		}
		for t := range tuples {
			outer.keys[key][t] = true
		}
	}
}

func (v *validator) unique(n *xmltree.Node, k *identity, own *scope) {
	tuples := map[string]bool{}
	for _, s := range selected(k.selector, n) {
		t, ok := k.tuple(s)
		switch {
		case !ok && k.kind == "key":
			v.fail(s, "The identity constraint '%s' validation has failed. Either a key is missing or the existing key has an empty node.", show(k.name))
		case ok && tuples[t]:
			v.fail(s, "There is a duplicate key sequence '%s' for the '%s' key or unique identity constraint.", v.shown(strings.TrimSuffix(strings.ReplaceAll(t, "\x00", " "), " ")), show(k.name))
		case ok:
			tuples[t] = true
		}
	}
	own.keys[k.name] = tuples
}

func (v *validator) keyref(n *xmltree.Node, k *identity, own *scope) {
	for _, s := range selected(k.selector, n) {
		if t, ok := k.tuple(s); ok && !own.keys[k.refer][t] {
			v.fail(s, "The key sequence '%s' in Keyref fails to refer to some key.", v.shown(strings.TrimSuffix(strings.ReplaceAll(t, "\x00", " "), " ")))
		}
	}
}
