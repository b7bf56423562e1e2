package xsd

import (
	"fmt"
	"path"
	"strings"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

// Loader returns the text of a schema document by its name; false if there is none.
type Loader func(name string) (text string, ok bool)

// maxDocuments bounds what one schema may be made of.
const maxDocuments = 500

// document is one schema document as it is used: a chameleon that is included in
// two namespaces is used twice.
type document struct {
	name      string
	root      *xmltree.Node
	space     string // the target namespace
	chameleon bool
	qualified struct{ elements, attributes bool }
}

// set collects the documents and what they declare at their top.
type set struct {
	load      Loader
	documents map[string]*document // by name and namespace
	declared  map[string]map[name]declaration
	spaces    map[string]bool
	problems  []error
}

type declaration struct {
	node *xmltree.Node
	doc  *document
}

// Documents parses a schema document and those it includes and imports, and
// returns the roots in that order. It is for those who read annotations.
func Documents(name, text string, load Loader) ([]*xmltree.Node, error) {
	s := newSet(load)
	var roots []*xmltree.Node
	doc, err := s.add(name, text, "", false)
	if err != nil {
		return nil, err
	}
	roots = append(roots, doc.root)
	for _, d := range s.documents {
		if d != doc {
			roots = append(roots, d.root)
		}
	}
	return roots, nil
}

func newSet(load Loader) *set {
	return &set{load: load, documents: map[string]*document{}, declared: map[string]map[name]declaration{}, spaces: map[string]bool{}}
}

func (s *set) fail(d *document, n *xmltree.Node, format string, args ...any) {
	s.problems = append(s.problems, &Error{Document: d.name, Line: n.Line, Message: fmt.Sprintf(format, args...)})
}

// add parses a document and follows its references. A document without a target
// namespace takes that of the one that includes it.
func (s *set) add(docName, text, space string, included bool) (*document, error) {
	root, err := xmltree.Parse(text)
	if err != nil {
		return nil, &Error{Document: docName, Line: 1, Message: err.Error()}
	}
	if root.Name != (name{Space: Space, Local: "schema"}) {
		return nil, &Error{Document: docName, Line: root.Line, Message: "The root element of a W3C XML Schema should be <schema> and its namespace should be 'http://www.w3.org/2001/XMLSchema'."}
	}
	d := &document{name: docName, root: root, space: root.Get("targetNamespace")}
	switch {
	case included && d.space == "" && space != "":
		d.space, d.chameleon = space, true
	case d.space != space && space != "":
		return nil, &Error{Document: docName, Line: root.Line, Message: fmt.Sprintf("The targetNamespace '%s' of the schema is not '%s', which is what refers to it expects.", d.space, space)}
	}
	d.qualified.elements = root.Get("elementFormDefault") == "qualified"
	d.qualified.attributes = root.Get("attributeFormDefault") == "qualified"
	s.spaces[d.space] = true
	s.documents[strings.ToLower(docName)+" "+d.space] = d
	if len(s.documents) > maxDocuments {
		return nil, &Error{Document: docName, Line: 1, Message: "The schema is made of too many documents."}
	}
	for _, n := range root.Children {
		if err := s.top(d, n); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// top takes in what stands at the top of a document.
func (s *set) top(d *document, n *xmltree.Node) error {
	if n.Name.Space != Space {
		s.fail(d, n, "The '%s' element is not supported in this context.", n.Name.Local)
		return nil
	}
	switch kind := n.Name.Local; kind {
	case "annotation", "notation":
	case "include", "redefine":
		if kind == "redefine" && len(components(n)) > 0 {
			s.fail(d, n, "Redefined components are not supported here.")
			return nil
		}
		return s.refer(d, n, d.space, true)
	case "import":
		return s.refer(d, n, n.Get("namespace"), false)
	case "element", "attribute", "complexType", "simpleType", "group", "attributeGroup":
		s.declare(d, n, kind)
	default:
		s.fail(d, n, "The '%s' element is not supported in this context.", kind)
	}
	return nil
}

func (s *set) declare(d *document, n *xmltree.Node, kind string) {
	local := n.Get("name")
	if local == "" {
		s.fail(d, n, "The required attribute 'name' is missing.")
		return
	}
	if kind == "complexType" || kind == "simpleType" {
		kind = "type"
	}
	if s.declared[kind] == nil {
		s.declared[kind] = map[name]declaration{}
	}
	key := name{Space: d.space, Local: local}
	if _, twice := s.declared[kind][key]; twice {
		s.fail(d, n, "The %s '%s' has already been declared.", n.Name.Local, show(key))
		return
	}
	s.declared[kind][key] = declaration{n, d}
}

// components are the children that are no annotations.
func components(n *xmltree.Node) []*xmltree.Node {
	var list []*xmltree.Node
	for _, c := range n.Children {
		if c.Name != (name{Space: Space, Local: "annotation"}) {
			list = append(list, c)
		}
	}
	return list
}

// refer follows an include or import to the artifact of that name.
func (s *set) refer(d *document, n *xmltree.Node, space string, included bool) error {
	location := n.Get("schemaLocation")
	if !included && (space == xmltree.XMLSpace || space == Space || location == "") {
		return nil // built in; or whoever imports it has to bring it along
	}
	for _, candidate := range locations(location) {
		if s.documents[strings.ToLower(candidate)+" "+space] != nil {
			return nil
		}
		if text, ok := s.load(candidate); ok {
			_, err := s.add(candidate, text, space, included)
			return err
		}
	}
	s.fail(d, n, "The schema '%s' is not found among the artifacts.", location)
	return nil
}

// locations are the names that an artifact may have which a schemaLocation means:
// the file, with and without extension, or the last part of a type name of .NET.
func locations(location string) []string {
	base := path.Base(strings.ReplaceAll(location, `\`, "/"))
	list := []string{base}
	if stem, ok := strings.CutSuffix(base, ".xsd"); ok {
		list = append(list, stem)
	} else if i := strings.LastIndexByte(base, '.'); i >= 0 {
		list = append(list, base[i+1:])
	}
	return list
}

// show writes a name as .NET does: the namespace, a colon, the local name.
func show(n name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}
