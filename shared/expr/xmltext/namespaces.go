package xmltext

// namespaces is .NET's XmlNamespaceManager. The converters look prefixes up in
// it and not in the document, which shows: of several prefixes of one namespace
// the last one wins, and reading JSON lets declarations leak to the elements
// that follow.
type namespaces struct {
	declared []declaredNamespace
	depth    int
}

type declaredNamespace struct {
	prefix, uri string
	depth       int
	removed     bool
}

func newNamespaces() *namespaces {
	return &namespaces{declared: []declaredNamespace{
		{prefix: "", uri: "", depth: -1}, {prefix: "xmlns", uri: xmlnsURI, depth: -1}, {prefix: "xml", uri: xmlURI, depth: -1},
	}}
}

func (m *namespaces) push() { m.depth++ }

func (m *namespaces) pop() {
	for len(m.declared) > 0 && m.declared[len(m.declared)-1].depth == m.depth {
		m.declared = m.declared[:len(m.declared)-1]
	}
	m.depth--
}

func (m *namespaces) add(prefix, uri string) error {
	if prefix == "xml" || prefix == "xmlns" {
		return nil // whether it may be said at all is the parser's to decide
	}
	for i := range m.declared {
		if d := &m.declared[i]; d.depth == m.depth && d.prefix == prefix && !d.removed {
			d.uri = uri
			return nil
		}
	}
	if len(m.declared) >= maxNamespaces {
		return errNamespaces
	}
	m.declared = append(m.declared, declaredNamespace{prefix: prefix, uri: uri, depth: m.depth})
	return nil
}

// namespace returns what a prefix means; "" where it means nothing.
func (m *namespaces) namespace(prefix string) (uri string) {
	for i := len(m.declared) - 1; i >= 0; i-- {
		if d := m.declared[i]; d.prefix == prefix && !d.removed {
			return d.uri
		}
	}
	return ""
}

// prefix returns the last prefix that means this namespace and is not hidden.
func (m *namespaces) prefix(uri string) (prefix string, ok bool) {
	for i := len(m.declared) - 1; i >= 0; i-- {
		if d := m.declared[i]; d.uri == uri && !d.removed {
			if m.namespace(d.prefix) == uri {
				return d.prefix, true
			}
		}
	}
	return "", false
}

// dropDefault forgets the default namespace if this very scope declared it.
func (m *namespaces) dropDefault() {
	uri := m.namespace("")
	for i := range m.declared {
		if d := &m.declared[i]; d.prefix == "" && d.uri == uri && d.depth == m.depth {
			d.removed = true
		}
	}
}
