package xsd

import (
	"maps"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// maxNesting bounds how deep types and groups stand inside of each other.
const maxNesting = 500

// maxParticles bounds what groups that contain groups become.
const maxParticles = 200_000

func (b *builder) enter(d *document, n *xmltree.Node) bool {
	if b.depth++; b.depth > maxNesting {
		b.fail(d, n, "The schema is nested too deep.")
		return false
	}
	return true
}

// complexType fills in a complex type.
func (b *builder) complexType(d *document, n *xmltree.Node, t *complexType) {
	defer func() { t.building = false; b.depth-- }()
	t.base, t.attributes = anyType, map[name]*use{}
	if !b.enter(d, n) {
		return
	}
	t.abstract, t.mixed = isTrue(n.Get("abstract")), isTrue(n.Get("mixed"))
	for _, c := range components(n) {
		switch c.Name.Local {
		case "simpleContent":
			b.derived(d, c, t, true)
			return
		case "complexContent":
			if mixed, ok := c.Attr("mixed"); ok {
				t.mixed = isTrue(mixed)
			}
			b.derived(d, c, t, false)
			return
		}
	}
	t.restricts = true
	t.content = b.content(d, n)
	b.attributes(d, n, t)
}

// content compiles the model group directly inside of a node; nil if it is empty.
func (b *builder) content(d *document, n *xmltree.Node) *particle {
	for _, c := range components(n) {
		switch c.Name.Local {
		case "sequence", "choice", "all", "group":
			p := b.particle(d, c)
			if p != nil && p.max == 0 {
				return nil
			}
			return p
		}
	}
	return nil
}

// derived compiles simpleContent or complexContent.
func (b *builder) derived(d *document, n *xmltree.Node, t *complexType, simple bool) {
	var how *xmltree.Node
	for _, c := range components(n) {
		if c.Name.Local == "extension" || c.Name.Local == "restriction" {
			how = c
		}
	}
	if how == nil {
		b.fail(d, n, "'%s' needs 'restriction' or 'extension'.", n.Name.Local)
		return
	}
	t.restricts = how.Name.Local == "restriction"
	t.base = b.typeReference(d, how, how.Get("base"))
	base, isComplex := t.base.(*complexType)
	if isComplex && base.building {
		b.fail(d, how, "The type '%s' derives from itself.", how.Get("base"))
		t.base = anyType
		return
	}
	if isComplex && base != anyType {
		maps.Copy(t.attributes, base.attributes)
		t.any = base.any
	}
	if simple {
		b.simpleContent(d, how, t, base)
	} else {
		if !isComplex {
			b.fail(d, how, "The base type '%s' of complex content must be a complex type.", how.Get("base"))
			return
		}
		own := b.content(d, how)
		switch {
		case t.restricts:
			t.content = own
			t.any = nil
		case base == anyType:
			t.content = own
		default:
			t.mixed = t.mixed || base.mixed
			t.simple = base.simple
			t.content = inSequence(base.content, own)
		}
	}
	b.attributes(d, how, t)
}

func inSequence(first, second *particle) *particle {
	switch {
	case first == nil:
		return second
	case second == nil:
		return first
	}
	return &particle{min: 1, max: 1, kind: sequenceTerm, items: []*particle{first, second}}
}

func (b *builder) simpleContent(d *document, how *xmltree.Node, t *complexType, base *complexType) {
	switch simple, isSimple := t.base.(*simpleType); {
	case isSimple:
		t.simple = simple
	case base != nil && base.simple != nil:
		t.simple = base.simple
	case base != nil && base.mixed && t.restricts:
		t.simple = anySimpleType
	default:
		b.fail(d, how, "The base type '%s' of simple content has no simple content.", how.Get("base"))
		t.simple = anySimpleType
	}
	if !t.restricts {
		return
	}
	for _, c := range components(how) {
		if c.Name.Local == "simpleType" {
			t.simple = b.anonymousSimple(d, c)
		}
	}
	restricted := &simpleType{base: t.simple, building: true}
	b.restrict(d, how, restricted, t.simple)
	t.simple = restricted
}

// particle compiles a term with its bounds; nil where it is none.
func (b *builder) particle(d *document, n *xmltree.Node) *particle {
	if b.count++; b.count > maxParticles {
		if b.count == maxParticles+1 {
			b.fail(d, n, "The schema is too complex.")
		}
		return nil
	}
	low, high := b.occurs(d, n)
	p := &particle{min: low, max: high}
	switch n.Name.Local {
	case "element":
		p.element = b.localElement(d, n)
		if p.element == nil {
			return nil
		}
		return p
	case "any":
		p.kind, p.wildcard = wildcardTerm, b.wildcard(d, n)
		return p
	case "group":
		return b.groupReference(d, n, p)
	case "sequence":
		p.kind = sequenceTerm
	case "choice":
		p.kind = choiceTerm
	case "all":
		p.kind = allTerm
	default:
		b.fail(d, n, "The '%s' element is not supported in this context.", n.Name.Local)
		return nil
	}
	defer func() { b.depth-- }()
	if !b.enter(d, n) {
		return nil
	}
	for _, c := range components(n) {
		if item := b.particle(d, c); item != nil && item.max != 0 {
			p.items = append(p.items, item)
		}
	}
	return p
}

func (b *builder) groupReference(d *document, n *xmltree.Node, p *particle) *particle {
	q, ok := b.resolve(d, n, n.Get("ref"))
	if !ok {
		return nil
	}
	g, ok := b.declared["group"][q]
	if !ok {
		b.fail(d, n, "The group '%s' is not declared.", show(q))
		return nil
	}
	if b.groups[q] {
		b.fail(d, n, "The group '%s' contains itself.", show(q))
		return nil
	}
	if b.groups == nil {
		b.groups = map[name]bool{}
	}
	b.groups[q] = true
	defer delete(b.groups, q)
	inner := b.content(g.doc, g.node)
	if inner == nil {
		return nil
	}
	p.kind, p.items = sequenceTerm, []*particle{inner}
	if p.min == 1 && p.max == 1 {
		return inner
	}
	return p
}

func (b *builder) localElement(d *document, n *xmltree.Node) *element {
	if ref, ok := n.Attr("ref"); ok {
		q, ok := b.resolve(d, n, ref)
		if !ok {
			return nil
		}
		e := b.elementNamed(q)
		if e == nil {
			b.fail(d, n, "The '%s' element is not declared.", show(q))
		}
		return e
	}
	e := &element{name: name{Local: n.Get("name")}}
	if e.name.Local == "" {
		b.fail(d, n, "The required attribute 'name' is missing.")
		return nil
	}
	if form := n.Get("form"); form == "qualified" || form == "" && d.qualified.elements {
		e.name.Space = d.space
	}
	b.describe(d, n, e)
	return e
}

func (b *builder) wildcard(d *document, n *xmltree.Node) *wildcard {
	w := &wildcard{spaces: map[string]bool{}, process: n.Get("processContents")}
	if w.process == "" {
		w.process = "strict"
	}
	spaces, ok := n.Attr("namespace")
	switch spaces = strings.TrimSpace(spaces); {
	case !ok || spaces == "##any":
		w.anything = true
	case spaces == "##other":
		w.isNot, w.not = true, d.space
	default:
		for _, s := range strings.Fields(spaces) {
			switch s {
			case "##local":
				s = ""
			case "##targetNamespace":
				s = d.space
			}
			w.spaces[s] = true
		}
	}
	return w
}

// attributes adds what a node declares of attributes.
func (b *builder) attributes(d *document, n *xmltree.Node, t *complexType) {
	for _, c := range components(n) {
		switch c.Name.Local {
		case "attribute":
			b.attributeUse(d, c, t)
		case "attributeGroup":
			if b.count++; b.count <= maxParticles {
				b.attributeGroup(d, c, t)
			}
		case "anyAttribute":
			w := b.wildcard(d, c)
			if t.any != nil && !t.restricts { // an extension allows what either does
				w = union(t.any, w)
			}
			t.any = w
		}
	}
}

func union(x, y *wildcard) *wildcard {
	if x.anything || y.anything || x.isNot != y.isNot || x.isNot && x.not != y.not {
		return &wildcard{anything: true, process: y.process}
	}
	w := &wildcard{isNot: x.isNot, not: x.not, spaces: maps.Clone(x.spaces), process: y.process}
	maps.Copy(w.spaces, y.spaces)
	return w
}

func (b *builder) attributeUse(d *document, n *xmltree.Node, t *complexType) {
	u := &use{required: n.Get("use") == "required", prohibited: n.Get("use") == "prohibited", value: valueConstraint(n)}
	if ref, ok := n.Attr("ref"); ok {
		q, ok := b.resolve(d, n, ref)
		if !ok {
			return
		}
		if u.attribute = b.attributeNamed(q); u.attribute == nil {
			b.fail(d, n, "The '%s' attribute is not declared.", show(q))
			return
		}
		if !u.value.given {
			u.value = u.attribute.value
		}
	} else {
		q := name{Local: n.Get("name")}
		if form := n.Get("form"); form == "qualified" || form == "" && d.qualified.attributes {
			q.Space = d.space
		}
		u.attribute = &attribute{name: q, typ: b.attributeType(d, n), value: u.value}
	}
	if u.prohibited {
		delete(t.attributes, u.name)
		return
	}
	t.attributes[u.name] = u
}

func (b *builder) attributeGroup(d *document, n *xmltree.Node, t *complexType) {
	q, ok := b.resolve(d, n, n.Get("ref"))
	if !ok {
		return
	}
	g, ok := b.declared["attributeGroup"][q]
	if !ok {
		b.fail(d, n, "The attributeGroup '%s' is not declared.", show(q))
		return
	}
	defer func() { b.depth-- }()
	if b.enter(g.doc, g.node) {
		b.attributes(g.doc, g.node, t)
	}
}

// requiredAttributes lists in order what must be there.
func (t *complexType) requiredAttributes() []*use {
	var list []*use
	for _, n := range slices.SortedFunc(maps.Keys(t.attributes), byName) {
		if u := t.attributes[n]; u.required {
			list = append(list, u)
		}
	}
	return list
}
