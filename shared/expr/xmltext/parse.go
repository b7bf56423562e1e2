package xmltext

import (
	"strings"
	"unicode/utf8"
)

// parser reads a document into nodes. It goes by offsets in the text; nesting
// costs no stack.
type parser struct {
	text  string
	at    int
	top   *node // the document or the innermost open element
	depth int
	order int
	scope scope
}

// parse reads one document. The rules are those of XmlReader with DTDs
// prohibited and white space ignored.
func parse(text string) (*node, error) {
	text = strings.TrimPrefix(text, "\ufeff")
	if strings.IndexByte(text, '\r') >= 0 {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	for i, r := range text {
		if !isChar(r) || r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			return nil, located(text, i, "Invalid character in the given encoding.")
		}
	}
	p := &parser{text: text, top: &node{kind: documentNode}, scope: scope{}}
	document := p.top
	for p.at < len(text) {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	switch {
	case p.top != document:
		return nil, p.fail("Unexpected end of file has occurred. The following elements are not closed: %s.", brief(p.top.name()))
	case document.root() == nil:
		return nil, p.fail("Root element is missing.")
	}
	return document, nil
}

func (p *parser) fail(format string, args ...any) error {
	return located(p.text, p.at, format, args...)
}

func (p *parser) next() error {
	rest := p.text[p.at:]
	switch {
	case rest[0] != '<':
		return p.characters()
	case strings.HasPrefix(rest, "</"):
		return p.endTag()
	case strings.HasPrefix(rest, "<?"):
		return p.instruction()
	case strings.HasPrefix(rest, "<!--"):
		return p.comment()
	case strings.HasPrefix(rest, "<![CDATA["):
		return p.cdata()
	case strings.HasPrefix(rest, "<!DOCTYPE"):
		return p.fail("For security reasons DTD is prohibited in this XML document.")
	case strings.HasPrefix(rest, "<!"):
		return p.fail("Syntax for an XML markup declaration is invalid.")
	}
	return p.startTag()
}

func (p *parser) add(n *node) {
	p.order++
	n.order = p.order
	p.top.append(n)
}

// until returns the text from an offset to a terminator and moves behind it.
func (p *parser) until(from int, terminator, what string) (string, error) {
	length := strings.Index(p.text[from:], terminator)
	if length < 0 {
		return "", p.fail("Unexpected end of file while parsing %s has occurred.", what)
	}
	p.at = from + length + len(terminator)
	return p.text[from : from+length], nil
}

func (p *parser) characters() error {
	raw := p.text[p.at:]
	if i := strings.IndexByte(raw, '<'); i >= 0 {
		raw = raw[:i]
	}
	if p.top.kind == documentNode {
		if strings.Trim(raw, space) != "" {
			p.at += len(raw) - len(strings.TrimLeft(raw, space))
			return p.fail("Data at the root level is invalid.")
		}
		p.at += len(raw)
		return nil
	}
	if i := strings.Index(raw, "]]>"); i >= 0 {
		p.at += i
		return p.fail("']]>' is not allowed in character data.")
	}
	decoded, err := p.decode(raw)
	if err != nil {
		return err
	}
	p.at += len(raw)
	switch {
	case strings.Trim(decoded, space) != "":
		p.add(&node{kind: textNode, value: decoded})
	case p.top.preserve:
		p.add(&node{kind: whitespaceNode, value: decoded})
	}
	return nil
}

// decode resolves the references in a piece of the text that begins at p.at.
func (p *parser) decode(raw string) (string, error) {
	decoded, err := DecodeText(raw)
	if err != nil {
		return "", p.fail("%s", err)
	}
	return decoded, nil
}

func (p *parser) comment() error {
	text, err := p.until(p.at+len("<!--"), "--", "a comment")
	if err != nil {
		return err
	}
	if !strings.HasPrefix(p.text[p.at:], ">") {
		return p.fail("An XML comment cannot contain '--', and '-' cannot be the last character.")
	}
	p.at++
	p.add(&node{kind: commentNode, value: text})
	return nil
}

func (p *parser) cdata() error {
	if p.top.kind == documentNode {
		return p.fail("Data at the root level is invalid.")
	}
	text, err := p.until(p.at+len("<![CDATA["), "]]>", "CDATA")
	if err == nil {
		p.add(&node{kind: cdataNode, value: text})
	}
	return err
}

func (p *parser) instruction() error {
	start := p.at
	p.at += len("<?")
	target := p.ncName()
	if target == "" {
		return p.fail("A processing instruction has no valid name.")
	}
	behind := p.at
	text, err := p.until(behind, "?>", "a processing instruction")
	if err != nil {
		return err
	}
	if text != "" && !isSpace(text[0]) {
		p.at = behind
		return p.fail("A processing instruction has no valid name.")
	}
	text = strings.TrimLeft(text, space)
	if !strings.EqualFold(target, "xml") {
		p.add(&node{kind: instructionNode, local: target, value: text})
		return nil
	}
	if start != 0 || target != "xml" {
		p.at = start
		return p.fail("Unexpected XML declaration. The XML declaration must be the first node in the document, and no white space characters are allowed to appear before it.")
	}
	return p.declaration(text)
}

func (p *parser) declaration(text string) error {
	n := &node{kind: declarationNode, local: "xml"}
	inner := &parser{text: text}
	attributes, err := inner.attributes()
	if err != nil || inner.at != len(text) {
		return p.fail("Syntax for an XML declaration is invalid.")
	}
	allowed := []string{"version", "encoding", "standalone"}
	for i, a := range attributes {
		for len(allowed) > 0 && allowed[0] != a.local && i > 0 {
			allowed = allowed[1:]
		}
		if len(allowed) == 0 || allowed[0] != a.local || a.prefix != "" || !declarationValue(a.local, a.value) {
			return p.fail("Syntax for an XML declaration is invalid.")
		}
		allowed = allowed[1:]
		n.attributes = append(n.attributes, a)
	}
	if len(attributes) == 0 {
		return p.fail("Syntax for an XML declaration is invalid.")
	}
	p.add(n)
	return nil
}

// declarationValue checks a part of the XML declaration.
func declarationValue(name, v string) bool {
	switch name {
	case "version":
		return v == "1.0"
	case "standalone":
		return v == "yes" || v == "no"
	}
	for i, c := range []byte(v) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || strings.IndexByte("0123456789._-", c) < 0) {
			return false
		}
	}
	return v != ""
}

func (p *parser) endTag() error {
	start := p.at
	p.at += len("</")
	prefix, local := p.qName()
	if p.top.kind == documentNode {
		p.at = start
		return p.fail("Unexpected end tag.")
	}
	if prefix != p.top.prefix || local != p.top.local {
		return p.fail("The '%s' start tag does not match the end tag.", brief(p.top.name()))
	}
	p.blanks()
	if !strings.HasPrefix(p.text[p.at:], ">") {
		return p.fail("The end tag of '%s' is not closed.", brief(p.top.name()))
	}
	p.at++
	p.close()
	return nil
}

// close leaves the innermost element and the namespaces it declares.
func (p *parser) close() {
	for _, a := range p.top.attributes {
		if prefix, ok := a.declares(); ok {
			p.scope.release(prefix)
		}
	}
	p.top = p.top.parent
	p.depth--
}

func (p *parser) blanks() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
}

// ncName reads a name without a colon; "" if there is none.
func (p *parser) ncName() string {
	start := p.at
	for p.at < len(p.text) {
		r, size := utf8.DecodeRuneInString(p.text[p.at:])
		if p.at == start && !isNameStart(r) || !isNameChar(r) {
			break
		}
		p.at += size
	}
	return p.text[start:p.at]
}

// qName reads a name with an optional prefix; local is "" if there is none.
func (p *parser) qName() (prefix, local string) {
	local = p.ncName()
	if local != "" && strings.HasPrefix(p.text[p.at:], ":") {
		p.at++
		prefix, local = local, p.ncName()
	}
	return prefix, local
}
