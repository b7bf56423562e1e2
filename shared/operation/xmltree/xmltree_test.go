package xmltree_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

func TestParse(t *testing.T) {
	root, err := xmltree.Parse("\ufeff<?xml version=\"1.0\" encoding=\"utf-16\"?>\n<a xmlns=\"urn:a\" xmlns:p=\"urn:p\" p:x=\"1\" y=\"2\">one<b>&lt;</b>\n  <p:c xml:space=\"preserve\" t=\"p:q\"/><![CDATA[two]]></a>")
	if err != nil {
		t.Fatal(err)
	}
	if root.Name != (xmltree.Name{Space: "urn:a", Local: "a"}) || root.Get("y") != "2" || root.Text != "one\n  two" || len(root.Children) != 2 {
		t.Errorf("%+v", root)
	}
	if v, _ := root.AttrNS(xmltree.Name{Space: "urn:p", Local: "x"}); v != "1" {
		t.Errorf("p:x is %q", v)
	}
	b, c := root.Children[0], root.Children[1]
	if b.Text != "<" || b.Name.Space != "urn:a" || root.Before[0] != 3 || root.Before[1] != 6 {
		t.Errorf("%+v %v", b, root.Before)
	}
	if c.Line != 3 || c.Position != 3 || c.Name.Space != "urn:p" {
		t.Errorf("%+v", c)
	}
	if name, ok := c.QName(" p:q "); !ok || name != (xmltree.Name{Space: "urn:p", Local: "q"}) {
		t.Errorf("%v", name)
	}
	if _, ok := c.QName("nope:q"); ok {
		t.Error("an unknown prefix is resolved")
	}
}

// TestHostileDocuments: no document takes more than its size, and none reaches
// out of itself.
func TestHostileDocuments(t *testing.T) {
	for name, doc := range map[string]string{
		"entities": `<!DOCTYPE a [<!ENTITY b "x"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]><a>&c;</a>`,
		"external": `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>`,
		"DTD":      `<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd"><a/>`,
		"unknown":  `<a>&b;</a>`,
		"deep":     strings.Repeat("<a>", 1_000_000),
		"open":     "<a>", "nothing": "", "two": "<a/><b/>", "prefix": "<p:a/>", "twice": `<a x="1" x="2"/>`,
	} {
		if root, err := xmltree.Parse(doc); err == nil {
			t.Errorf("%s: %+v", name, root)
		}
	}
	// Text in very many pieces costs what it is long.
	root, err := xmltree.Parse("<a>" + strings.Repeat("x<b/>", 200_000) + "</a>")
	if err != nil || len(root.Text) != 200_000 || root.Before[199_999] != 200_000 {
		t.Errorf("pieces: %v", err)
	}
}
