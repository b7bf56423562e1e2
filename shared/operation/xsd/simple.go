package xsd

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dlclark/regexp2"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

type simpleType struct {
	name    name
	base    *simpleType
	builtin *datatype     // the built-in type it derives from; nil for lists and unions
	item    *simpleType   // of a list
	members []*simpleType // of a union
	white   whiteSpace
	facets  facets

	building bool
}

func (t *simpleType) typeName() name { return t.name }

func (t *simpleType) baseType() schemaType {
	if t.base == nil {
		return anyType
	}
	return t.base
}

type whiteSpace uint8

const (
	preserve whiteSpace = iota
	replace
	collapse
)

func (w whiteSpace) apply(s string) string {
	if w == preserve {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' || r == '\r' {
			return ' '
		}
		return r
	}, s)
	if w == replace {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
}

// facets are those of one step of derivation; -1 and nil mean not given.
type facets struct {
	length, minLength, maxLength int
	totalDigits, fractionDigits  int
	patterns                     []*regexp2.Regexp // one of them must match
	enumeration                  []string
	bounds                       []bound
}

func noFacets() facets {
	return facets{length: -1, minLength: -1, maxLength: -1, totalDigits: -1, fractionDigits: -1}
}

// bound is one of the four: minInclusive and so on.
type bound struct {
	facet string // as the product names it: MinInclusive
	text  string
	holds func(order int) bool
}

var boundFacets = map[string]bound{
	"minInclusive": {facet: "MinInclusive", holds: func(o int) bool { return o >= 0 }},
	"minExclusive": {facet: "MinExclusive", holds: func(o int) bool { return o > 0 }},
	"maxInclusive": {facet: "MaxInclusive", holds: func(o int) bool { return o <= 0 }},
	"maxExclusive": {facet: "MaxExclusive", holds: func(o int) bool { return o < 0 }},
}

// simpleType fills in a simple type.
func (b *builder) simpleType(d *document, n *xmltree.Node, t *simpleType) {
	defer func() { t.building = false; b.depth-- }()
	t.base, t.facets = anySimpleType, noFacets()
	if !b.enter(d, n) {
		return
	}
	for _, c := range components(n) {
		switch c.Name.Local {
		case "restriction":
			base := anySimpleType
			if ref, ok := c.Attr("base"); ok {
				base = b.simpleReference(d, c, ref)
			} else if inner := b.innerSimple(d, c); len(inner) > 0 {
				base = inner[0]
			}
			b.restrict(d, c, t, base)
		case "list":
			t.white = collapse
			if ref, ok := c.Attr("itemType"); ok {
				t.item = b.simpleReference(d, c, ref)
			} else if inner := b.innerSimple(d, c); len(inner) > 0 {
				t.item = inner[0]
			}
		case "union":
			for ref := range strings.FieldsSeq(c.Get("memberTypes")) {
				t.members = append(t.members, b.simpleReference(d, c, ref))
			}
			t.members = append(t.members, b.innerSimple(d, c)...)
		default:
			b.fail(d, c, "The '%s' element is not supported in this context.", c.Name.Local)
		}
	}
	if t.builtin == nil && t.item == nil && len(t.members) == 0 {
		t.builtin = anySimpleType.builtin
	}
}

func (b *builder) innerSimple(d *document, n *xmltree.Node) []*simpleType {
	var list []*simpleType
	for _, c := range components(n) {
		if c.Name.Local == "simpleType" {
			list = append(list, b.anonymousSimple(d, c))
		}
	}
	return list
}

func (b *builder) simpleReference(d *document, n *xmltree.Node, text string) *simpleType {
	t, ok := b.typeReference(d, n, text).(*simpleType)
	switch {
	case !ok:
		b.fail(d, n, "The type '%s' is not a simple type.", text)
		return anySimpleType
	case t.building:
		b.fail(d, n, "The type '%s' derives from itself.", text)
		return anySimpleType
	}
	return t
}

// restrict makes t a restriction of base by the facets inside of a node.
func (b *builder) restrict(d *document, n *xmltree.Node, t, base *simpleType) {
	t.base, t.builtin, t.item, t.members, t.white = base, base.builtin, base.item, base.members, base.white
	t.facets = noFacets()
	number := func(c *xmltree.Node) int {
		v, err := strconv.Atoi(strings.TrimSpace(c.Get("value")))
		if err != nil || v < 0 {
			b.fail(d, c, "The value of the facet '%s' is invalid.", c.Name.Local)
			return -1
		}
		return v
	}
	for _, c := range components(n) {
		v := c.Get("value")
		switch facet := c.Name.Local; facet {
		case "length":
			t.facets.length = number(c)
		case "minLength":
			t.facets.minLength = number(c)
		case "maxLength":
			t.facets.maxLength = number(c)
		case "totalDigits":
			t.facets.totalDigits = number(c)
		case "fractionDigits":
			t.facets.fractionDigits = number(c)
		case "enumeration":
			t.facets.enumeration = append(t.facets.enumeration, t.white.apply(v))
		case "whiteSpace":
			t.white = map[string]whiteSpace{"replace": replace, "collapse": collapse}[v]
		case "pattern":
			re, err := compilePattern(v)
			if err != nil {
				b.fail(d, c, "The pattern '%s' is not valid: %s.", v, err)
				continue
			}
			t.facets.patterns = append(t.facets.patterns, re)
		case "minInclusive", "minExclusive", "maxInclusive", "maxExclusive":
			limit := boundFacets[facet]
			limit.text = collapse.apply(v)
			if t.builtin == nil || t.builtin.compare == nil || !t.builtin.valid(limit.text) {
				b.fail(d, c, "The value of the facet '%s' is invalid.", facet)
				continue
			}
			t.facets.bounds = append(t.facets.bounds, limit)
		}
	}
}

// patternTime is how long one match may take.
const patternTime = time.Second

// check tells what is wrong with a text, in the words of .NET; "" is right.
// shown is how the text may be shown.
func (t *simpleType) check(text, shown string) string {
	text = t.white.apply(text)
	switch {
	case t.item != nil:
		for item := range strings.FieldsSeq(text) {
			if reason := t.item.check(item, hideAs(shown, item)); reason != "" {
				return reason
			}
		}
	case len(t.members) > 0:
		if !t.anyMember(text, shown) {
			return fmt.Sprintf("The value '%s' is not valid according to any of the memberTypes of the union.", shown)
		}
	case !t.builtin.valid(text):
		return t.builtin.refuse(shown)
	}
	for s := t; s != nil; s = s.base {
		if reason := s.facets.check(t, text); reason != "" {
			return reason
		}
	}
	return ""
}

// hideAs shows a part of what is shown, or nothing of it where that is hidden.
func hideAs(shown, part string) string {
	if shown == Hidden {
		return Hidden
	}
	return part
}

func (t *simpleType) anyMember(text, shown string) bool {
	for _, m := range t.members {
		if m.check(text, shown) == "" {
			return true
		}
	}
	return false
}

// check applies the facets of one step to a text that is normalised and of the
// right type.
func (f *facets) check(t *simpleType, text string) string {
	if f.length >= 0 || f.minLength >= 0 || f.maxLength >= 0 {
		switch n := t.length(text); {
		case f.length >= 0 && n != f.length:
			return "The actual length is not equal to the specified length."
		case f.minLength >= 0 && n < f.minLength:
			return "The actual length is less than the MinLength value."
		case f.maxLength >= 0 && n > f.maxLength:
			return "The actual length is greater than the MaxLength value."
		}
	}
	if len(f.patterns) > 0 && !anyMatches(f.patterns, text) {
		return "The Pattern constraint failed."
	}
	if len(f.enumeration) > 0 && !t.oneOf(f.enumeration, text) {
		return "The Enumeration constraint failed."
	}
	for _, limit := range f.bounds {
		if order, ok := t.builtin.compare(text, limit.text); !ok || !limit.holds(order) {
			return "The " + limit.facet + " constraint failed."
		}
	}
	if f.totalDigits >= 0 || f.fractionDigits >= 0 {
		total, fraction := digits(text)
		switch {
		case f.totalDigits >= 0 && total > f.totalDigits:
			return "The TotalDigits constraint failed."
		case f.fractionDigits >= 0 && fraction > f.fractionDigits:
			return "The FractionDigits constraint failed."
		}
	}
	return ""
}

func anyMatches(patterns []*regexp2.Regexp, text string) bool {
	for _, re := range patterns {
		if ok, err := re.MatchString(text); ok && err == nil {
			return true
		}
	}
	return false
}

func (t *simpleType) oneOf(list []string, text string) bool {
	for _, e := range list {
		if e == text {
			return true
		}
		if t.builtin != nil && t.builtin.compare != nil {
			if order, ok := t.builtin.compare(text, e); ok && order == 0 {
				return true
			}
		}
	}
	return false
}

// length counts what the length facets limit.
func (t *simpleType) length(text string) int {
	switch {
	case t.item != nil:
		return len(strings.Fields(text))
	case t.builtin != nil && t.builtin.length != nil:
		return t.builtin.length(text)
	}
	n := 0
	for _, r := range text {
		n++
		if r > 0xffff {
			n++ // .NET counts UTF-16
		}
	}
	return n
}

// digits counts the digits of a decimal that matter, and those behind its point.
func digits(text string) (total, fraction int) {
	whole, part, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	whole, part = strings.TrimLeft(whole, "0"), strings.TrimRight(part, "0")
	return len(whole) + len(part), len(part)
}

// datatypeName is how messages name the type: its own name, or that of .NET for
// what it holds.
func (t *simpleType) datatypeName() string {
	switch {
	case t.name.Local != "":
		return show(t.name)
	case t.builtin != nil:
		return t.builtin.clr
	case t.item != nil:
		return "List"
	}
	return "Union"
}
