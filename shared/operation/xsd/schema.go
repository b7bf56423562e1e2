// Package xsd validates documents against XML schemas: the part of XML Schema 1.0
// that schemas of integration accounts are written in. Elements, attributes and
// their groups, sequences, choices and all with occurrence bounds, wildcards,
// simple types with facets, lists and unions, complex types with extension and
// restriction, abstract types and substitution groups, xsi:type and xsi:nil,
// includes, imports and redefinition-free chameleons, keys and references to them.
//
// The messages are those of .NET's XmlSchemaValidator, which the product shows.
// A document that may hold secrets is validated with its values left out of them.
package xsd

import (
	"fmt"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// Space is the namespace of XML Schema.
const Space = "http://www.w3.org/2001/XMLSchema"

type name = xmltree.Name

// Schema is a compiled schema: all documents that it is made of.
type Schema struct {
	elements   map[name]*element
	attributes map[name]*attribute
	types      map[name]schemaType
	// substitutes are the elements that may stand for another, directly or not.
	substitutes map[name][]*element
	spaces      map[string]bool // the namespaces that are described
}

// Error is a mistake in a schema.
type Error struct {
	Document string // the name of the artifact
	Line     int
	Message  string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s, line %d: %s", e.Document, e.Line, e.Message)
}

// schemaType is a *simpleType or a *complexType.
type schemaType interface {
	typeName() name
	baseType() schemaType
}

type element struct {
	name     name
	typ      schemaType
	nillable bool
	abstract bool
	value    constraint
	head     name // of the substitution group; "" Local if none
	keys     []*identity
}

// constraint is a default or fixed value.
type constraint struct {
	text  string
	given bool
	fixed bool
}

type attribute struct {
	name  name
	typ   *simpleType
	value constraint
}

// use is an attribute as a complex type has it.
type use struct {
	*attribute
	required   bool
	prohibited bool
	value      constraint
}

type complexType struct {
	name       name
	base       schemaType // nil only for anyType
	restricts  bool
	abstract   bool
	mixed      bool
	simple     *simpleType // of simple content
	content    *particle   // of complex content; nil for empty
	attributes map[name]*use
	any        *wildcard // attributes

	building bool
}

func (t *complexType) typeName() name       { return t.name }
func (t *complexType) baseType() schemaType { return t.base }

// particle is a term that occurs some times.
type particle struct {
	min, max int // max < 0: unbounded
	kind     termKind
	element  *element
	wildcard *wildcard
	items    []*particle
}

type termKind uint8

const (
	elementTerm termKind = iota
	wildcardTerm
	sequenceTerm
	choiceTerm
	allTerm
)

const unbounded = -1

// wildcard allows names by their namespace.
type wildcard struct {
	anything bool
	not      string // ##other: any namespace but this one, and none
	isNot    bool
	spaces   map[string]bool
	process  string // strict, lax, skip
}

func (w *wildcard) allows(space string) bool {
	switch {
	case w.anything:
		return true
	case w.isNot:
		return space != w.not && space != ""
	}
	return w.spaces[space]
}

// anyType is the type of what is not described further.
var anyType = &complexType{
	name: name{Space: Space, Local: "anyType"}, mixed: true,
	content: &particle{min: 0, max: unbounded, kind: wildcardTerm, wildcard: &wildcard{anything: true, process: "lax"}},
	any:     &wildcard{anything: true, process: "lax"},
}

// derives tells whether a type is another one or derives from it.
func derives(t, from schemaType) bool {
	for i := 0; t != nil && i < maxDerivation; i++ {
		if t == from || from == schemaType(anyType) {
			return true
		}
		t = t.baseType()
	}
	return false
}

// maxDerivation bounds chains of types.
const maxDerivation = 200
