package xsd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// Hidden stands for values in messages about documents that may hold secrets.
const Hidden = "[redacted]"

// maxProblems is how many violations are reported.
const maxProblems = 1000

// Problem is one violation.
type Problem struct {
	Message        string
	Line, Position int // of the element
}

// Validate returns all violations in a document. With hide no value stands in a
// message.
func (s *Schema) Validate(root *xmltree.Node, hide bool) []Problem {
	v := &validator{schema: s, hide: hide, ids: map[string]bool{}}
	e := s.elements[root.Name]
	switch t, _, ok := v.instanceType(root, nil); {
	case e != nil:
		v.element(root, e)
	case ok && t != nil: // xsi:type alone says what it is
		v.typed(root, &element{name: root.Name, typ: t}, t)
	default:
		v.fail(root, "The '%s' element is not declared.", show(root.Name))
	}
	for _, r := range v.references {
		if !v.ids[r.id] {
			v.fail(r.node, "Reference to undeclared ID is '%s'.", v.shown(r.id))
		}
	}
	return v.problems
}

type validator struct {
	schema     *Schema
	hide       bool
	problems   []Problem
	ids        map[string]bool
	references []reference
	scopes     []*scope // of keys, of the open elements
}

type reference struct {
	node *xmltree.Node
	id   string
}

func (v *validator) fail(n *xmltree.Node, format string, args ...any) {
	if len(v.problems) < maxProblems {
		v.problems = append(v.problems, Problem{Message: fmt.Sprintf(format, args...), Line: n.Line, Position: n.Position})
	}
}

func (v *validator) shown(text string) string {
	if v.hide {
		return Hidden
	}
	return text
}

// quote writes the name of an element as .NET does within a sentence.
func quote(n name) string {
	if n.Space == "" {
		return "'" + n.Local + "'"
	}
	return "'" + n.Local + "' in namespace '" + n.Space + "'"
}

// instanceType reads xsi:type; ok is false where there is none or it is wrong.
func (v *validator) instanceType(n *xmltree.Node, declared schemaType) (t schemaType, said, ok bool) {
	text, said := n.AttrNS(name{Space: xmltree.XSISpace, Local: "type"})
	if !said {
		return nil, false, false
	}
	q, ok := n.QName(text)
	t = v.schema.types[q]
	switch {
	case !ok || t == nil:
		v.fail(n, "This is an invalid xsi:type '%s'.", v.shown(text))
		return nil, true, false
	case declared != nil && !derives(t, declared):
		v.fail(n, "The xsi:type attribute value '%s' is not valid for the element '%s', either because it is not a type validly derived from the type in the schema, or because it has xsi:type derivation blocked.", v.shown(text), show(n.Name))
		return nil, true, false
	}
	return t, true, true
}

func (v *validator) element(n *xmltree.Node, e *element) {
	t := e.typ
	if given, said, ok := v.instanceType(n, e.typ); ok {
		t = given
	} else if said {
		return
	}
	if complexT, ok := t.(*complexType); e.abstract || ok && complexT.abstract {
		v.fail(n, "The element '%s' is abstract or its type is abstract.", show(n.Name))
		return
	}
	v.typed(n, e, t)
}

// typed validates an element whose type is known.
func (v *validator) typed(n *xmltree.Node, e *element, t schemaType) {
	v.open()
	defer v.close(n, e)
	nilled := false
	if text, ok := n.AttrNS(name{Space: xmltree.XSISpace, Local: "nil"}); ok {
		nilled = isTrue(text)
		if !e.nillable {
			v.fail(n, "If the 'nillable' attribute is false in the schema, the 'xsi:nil' attribute must not be present.")
		}
		if nilled && (len(n.Children) > 0 || n.Text != "") {
			v.fail(n, "Element '%s' must have no character or element children.", show(n.Name))
			return
		}
	}
	switch t := t.(type) {
	case *simpleType:
		v.noAttributes(n)
		if !nilled {
			v.simpleContent(n, e, t)
		}
	case *complexType:
		v.attributes(n, t)
		switch {
		case nilled:
		case t.simple != nil:
			v.simpleContent(n, e, t.simple)
		default:
			v.content(n, e, t)
		}
	}
}

func (v *validator) noAttributes(n *xmltree.Node) {
	for _, a := range n.Attributes {
		if a.Name.Space != xmltree.XSISpace {
			v.fail(n, "The '%s' attribute is not declared.", show(a.Name))
		}
	}
}

func (v *validator) simpleContent(n *xmltree.Node, e *element, t *simpleType) {
	if len(n.Children) > 0 {
		v.fail(n.Children[0], "The element %s cannot contain child element %s because the parent element's content model is text only.", quote(n.Name), quote(n.Children[0].Name))
		return
	}
	text := n.Text
	if text == "" && e.value.given {
		text = e.value.text
	}
	if reason := t.check(text, v.shown(t.white.apply(text))); reason != "" {
		v.fail(n, "The '%s' element is invalid - The value '%s' is invalid according to its datatype '%s' - %s", show(n.Name), v.shown(text), t.datatypeName(), reason)
		return
	}
	if e.value.fixed && !t.equal(text, e.value.text) {
		v.fail(n, "The value of the '%s' element does not equal its fixed value.", show(n.Name))
	}
	v.identify(n, t, text)
}

func (t *simpleType) equal(a, b string) bool {
	return t.oneOf([]string{t.white.apply(b)}, t.white.apply(a))
}

// identify notes IDs and references to them.
func (v *validator) identify(n *xmltree.Node, t *simpleType, text string) {
	text = collapse.apply(text)
	switch {
	case t.is("ID"):
		if v.ids[text] {
			v.fail(n, "'%s' is already used as an ID.", v.shown(text))
		}
		v.ids[text] = true
	case t.is("IDREF"):
		v.references = append(v.references, reference{n, text})
	case t.item != nil && t.item.is("IDREF"):
		for id := range strings.FieldsSeq(text) {
			v.references = append(v.references, reference{n, id})
		}
	}
}

// is tells whether a type is a built-in one or derives from it.
func (t *simpleType) is(local string) bool { return derives(t, builtin(local)) }

func (v *validator) attributes(n *xmltree.Node, t *complexType) {
	for _, a := range n.Attributes {
		if a.Name.Space == xmltree.XSISpace {
			continue
		}
		u := t.attributes[a.Name]
		if u == nil {
			u = v.wildAttribute(n, t, a)
		}
		if u == nil {
			continue
		}
		if reason := u.typ.check(a.Value, v.shown(u.typ.white.apply(a.Value))); reason != "" {
			v.fail(n, "The '%s' attribute is invalid - The value '%s' is invalid according to its datatype '%s' - %s", show(a.Name), v.shown(a.Value), u.typ.datatypeName(), reason)
			continue
		}
		if u.value.fixed && !u.typ.equal(a.Value, u.value.text) {
			v.fail(n, "The value of the '%s' attribute does not equal its fixed value.", show(a.Name))
		}
		v.identify(n, u.typ, a.Value)
	}
	for _, u := range t.requiredAttributes() {
		if _, ok := n.AttrNS(u.name); !ok {
			v.fail(n, "The required attribute '%s' is missing.", show(u.name))
		}
	}
}

// wildAttribute returns how an attribute is to be checked that only a wildcard
// allows; nil if it is not.
func (v *validator) wildAttribute(n *xmltree.Node, t *complexType, a xmltree.Attribute) *use {
	if t.any == nil || !t.any.allows(a.Name.Space) {
		v.fail(n, "The '%s' attribute is not declared.", show(a.Name))
		return nil
	}
	declared := v.schema.attributes[a.Name]
	if declared == nil && a.Name.Space == xmltree.XMLSpace {
		declared = xmlAttributes[a.Name.Local]
	}
	switch {
	case t.any.process == "skip":
	case declared != nil:
		return &use{attribute: declared, value: declared.value}
	case t.any.process == "strict":
		v.fail(n, "The '%s' attribute is not declared.", show(a.Name))
	}
	return nil
}

// content validates the children of an element against its content model. As in
// .NET the first child that must not stand where it does ends the check of their
// order; each child is still checked by itself.
func (v *validator) content(n *xmltree.Node, e *element, t *complexType) {
	if !t.mixed && strings.Trim(n.Text, " \t\r\n") != "" {
		v.fail(n, "The element %s cannot contain text.%s", quote(n.Name), expectation(newMatcher(v.schema, t.content).expected()))
	}
	if t.mixed && e.value.fixed && len(n.Children) == 0 && n.Text != "" && n.Text != e.value.text {
		v.fail(n, "The value of the '%s' element does not equal its fixed value.", show(n.Name))
	}
	m := newMatcher(v.schema, t.content)
	broken := false
	for _, child := range n.Children {
		var f found
		if !broken {
			var ok bool
			if f, ok = m.next(child.Name); !ok {
				broken = true
				v.misplaced(n, child, t, m)
			}
		}
		if broken {
			f = found{element: v.schema.declaredIn(t.content, child.Name)}
		}
		switch {
		case f.element != nil:
			v.element(child, f.element)
		case f.wildcard != nil:
			v.wild(child, f.wildcard)
		}
	}
	if !broken && !m.complete() {
		v.fail(n, "The element %s has incomplete content.%s", quote(n.Name), expectation(m.expected()))
	}
}

func (v *validator) misplaced(n, child *xmltree.Node, t *complexType, m *matcher) {
	if t.content == nil {
		v.fail(child, "The element %s cannot contain child element %s because the parent element's content model is empty.", quote(n.Name), quote(child.Name))
		return
	}
	v.fail(child, "The element %s has invalid child element %s.%s", quote(n.Name), quote(child.Name), expectation(m.expected()))
}

// wild validates an element that a wildcard allows.
func (v *validator) wild(n *xmltree.Node, w *wildcard) {
	if w.process == "skip" {
		return
	}
	if e := v.schema.elements[n.Name]; e != nil {
		v.element(n, e)
		return
	}
	if t, _, ok := v.instanceType(n, nil); ok {
		v.typed(n, &element{name: n.Name, typ: t}, t)
		return
	}
	if w.process == "strict" {
		v.fail(n, "The '%s' element is not declared.", show(n.Name))
		return
	}
	for _, child := range n.Children {
		v.wild(child, w)
	}
}

// declaredIn finds the declaration of a name anywhere in a content model.
func (s *Schema) declaredIn(p *particle, n name) *element {
	if p == nil {
		return nil
	}
	if p.kind == elementTerm {
		return s.substitute(p.element, n)
	}
	for _, item := range p.items {
		if e := s.declaredIn(item, n); e != nil {
			return e
		}
	}
	return nil
}

// expectation lists what is expected, grouped by namespace.
func expectation(list []*particle) string {
	var spaces []string
	locals := map[string][]string{}
	for _, p := range list {
		space, local := "", "any element"
		switch {
		case p.kind == elementTerm:
			space, local = p.element.name.Space, p.element.name.Local
		case p.wildcard.isNot:
			space = "##other:" + p.wildcard.not
		case p.wildcard.anything:
			space = "##any"
		default:
			space = "##targetNamespace"
		}
		if locals[space] == nil {
			spaces = append(spaces, space)
		}
		if !slices.Contains(locals[space], local) {
			locals[space] = append(locals[space], local)
		}
	}
	if len(spaces) == 0 {
		return ""
	}
	var parts []string
	for _, space := range spaces {
		part := "'" + strings.Join(locals[space], ", ") + "'"
		if locals[space][0] == "any element" {
			part = "any element"
		}
		if space != "" {
			part += " in namespace '" + space + "'"
		}
		parts = append(parts, part)
	}
	return " List of possible elements expected: " + strings.Join(parts, " as well as ") + "."
}
