package xmltext

import "strings"

func (p *parser) startTag() error {
	start := p.at
	p.at++
	n := &node{kind: elementNode, preserve: p.top.preserve}
	n.prefix, n.local = p.qName()
	if n.local == "" {
		return p.fail("A name is missing or begins with an invalid character.")
	}
	if p.top.kind == documentNode && p.top.root() != nil {
		p.at = start
		return p.fail("There are multiple root elements.")
	}
	if p.depth++; p.depth > MaxDepth {
		return errDepth
	}
	attributes, err := p.attributes()
	if err != nil {
		return err
	}
	n.attributes = attributes
	n.empty = strings.HasPrefix(p.text[p.at:], "/>")
	if !n.empty && !strings.HasPrefix(p.text[p.at:], ">") {
		return p.fail("The start tag of '%s' is not closed or has an invalid character.", brief(n.name()))
	}
	p.add(n)
	p.top = n
	for _, a := range attributes {
		p.order++
		a.order, a.parent = p.order, n
	}
	if err := p.resolve(n); err != nil {
		return err
	}
	p.at++
	if n.empty {
		p.at++
		p.close()
	}
	return nil
}

// attributes reads attributes up to what cannot be one. Names are unique; their
// namespaces are not yet known.
func (p *parser) attributes() ([]*node, error) {
	var list []*node
	for {
		before := p.at
		p.blanks()
		start := p.at
		a := &node{kind: attributeNode}
		if a.prefix, a.local = p.qName(); a.local == "" {
			if a.prefix != "" {
				return nil, p.fail("A name has an invalid character.")
			}
			p.at = start
			return list, nil
		}
		if before == start && start > 0 {
			return nil, p.fail("White space is missing before the attribute '%s'.", brief(a.name()))
		}
		p.blanks()
		if !strings.HasPrefix(p.text[p.at:], "=") {
			return nil, p.fail("The attribute '%s' has no value.", brief(a.name()))
		}
		p.at++
		p.blanks()
		if err := p.attributeValue(a); err != nil {
			return nil, err
		}
		list = append(list, a)
	}
}

func (p *parser) attributeValue(a *node) error {
	rest := p.text[p.at:]
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return p.fail("The value of the attribute '%s' is not quoted.", brief(a.name()))
	}
	length := strings.IndexByte(rest[1:], rest[0])
	if length < 0 {
		return p.fail("The value of the attribute '%s' is not closed.", brief(a.name()))
	}
	p.at++
	raw := rest[1 : 1+length]
	if i := strings.IndexByte(raw, '<'); i >= 0 {
		p.at += i
		return p.fail("'<' is an invalid attribute character.")
	}
	// White space written as such counts as a blank, that of references does not.
	raw = strings.Map(func(r rune) rune {
		if r == '\t' || r == '\n' {
			return ' '
		}
		return r
	}, raw)
	decoded, err := p.decode(raw)
	if err != nil {
		return err
	}
	a.value = decoded
	p.at += length + 1
	return nil
}

// resolve binds the namespaces an element declares and looks up those of its
// name and attributes.
func (p *parser) resolve(n *node) error {
	seen := make(map[[2]string]bool, len(n.attributes))
	for _, a := range n.attributes {
		key := [2]string{a.prefix, a.local}
		if seen[key] {
			return p.fail("'%s' is a duplicate attribute name.", brief(a.name()))
		}
		seen[key] = true
		prefix, ok := a.declares()
		if !ok {
			continue
		}
		a.uri = xmlnsURI
		// The namespace of the reserved prefix may only be said again.
		reserved := a.value == xmlURI || a.value == xmlnsURI
		switch {
		case prefix == "xmlns", reserved && (prefix != "xml" || a.value != xmlURI), prefix == "xml" && !reserved:
			return p.fail("Prefix '%s' cannot be mapped to or from a reserved namespace name.", brief(prefix))
		case prefix != "" && a.value == "":
			return p.fail("Invalid namespace declaration of the prefix '%s'.", brief(prefix))
		}
		p.scope.bind(prefix, a.value)
	}
	var ok bool
	if n.uri, ok = p.scope.lookup(n.prefix); !ok {
		return p.fail("'%s' is an undeclared prefix.", brief(n.prefix))
	}
	clear(seen)
	for _, a := range n.attributes {
		if _, declares := a.declares(); declares || a.prefix == "" {
			continue
		}
		if a.uri, ok = p.scope.lookup(a.prefix); !ok {
			return p.fail("'%s' is an undeclared prefix.", brief(a.prefix))
		}
		key := [2]string{a.uri, a.local}
		if seen[key] {
			return p.fail("'%s' is a duplicate attribute name.", brief(a.name()))
		}
		seen[key] = true
		if a.uri == xmlURI && a.local == "space" {
			if a.value != "preserve" && a.value != "default" {
				return p.fail("Invalid xml:space value.")
			}
			n.preserve = a.value == "preserve"
		}
	}
	return nil
}
