package xmltext_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr/xmltext"
	"github.com/latchwork/latchwork/shared/value"
)

func TestToJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// What conformance cases say.
		{`<root>Testing</root>`, `{"root":"Testing"}`},
		{`<a><a/>t<a/></a>`, `{"a":{"a":[null,null],"#text":"t"}}`},
		{`<root><![CDATA[testing]]><![CDATA[testing2]]></root>`, `{"root":{"#cdata-section":["testing","testing2"]}}`},
		{`<root/>`, `{"root":null}`},
		{`<thing:root xmlns:thing="namespace"/>`, `{"thing:root":{"@xmlns:thing":"namespace"}}`},
		{`<?xml version="1.0" encoding="utf-8"?><root/>`, `{"?xml":{"@version":"1.0","@encoding":"utf-8"},"root":null}`},
		{`<root><node1 attr="x"/><node2 attr2="y"><in a="o&quot;h">wow<break/>wowow</in></node2></root>`,
			`{"root":{"node1":{"@attr":"x"},"node2":{"@attr2":"y","in":{"@a":"o\"h","#text":["wow","wowow"],"break":null}}}}`},
		// Empty, closed, blank.
		{`<a></a>`, `{"a":""}`},
		{`<a> </a>`, `{"a":""}`},
		{`<a><b/><c></c></a>`, `{"a":{"b":null,"c":""}}`},
		{`<a b=""></a>`, `{"a":{"@b":""}}`},
		{`<a xml:space="preserve"> </a>`, `{"a":{"@xml:space":"preserve","#significant-whitespace":" "}}`},
		// Text is a member only beside others.
		{`<a b="1">t</a>`, `{"a":{"@b":"1","#text":"t"}}`},
		{`<a>x<![CDATA[y]]></a>`, `{"a":{"#text":"x","#cdata-section":"y"}}`},
		{`<a><![CDATA[y]]></a>`, `{"a":{"#cdata-section":"y"}}`},
		{`<a>1</a>`, `{"a":"1"}`},
		// Arrays stand where their first element stood.
		{`<a><b>1</b><c>2</c><b>3</b></a>`, `{"a":{"b":["1","3"],"c":"2"}}`},
		{`<a><b><c>1</c></b><b><c>2</c><c>3</c></b></a>`, `{"a":{"b":[{"c":"1"},{"c":["2","3"]}]}}`},
		// Namespaces.
		{`<a xmlns="u"><b/></a>`, `{"a":{"@xmlns":"u","b":null}}`},
		{`<a xmlns:p="u" p:x="1" x="2"><p:b/><b/></a>`, `{"a":{"@xmlns:p":"u","@p:x":"1","@x":"2","p:b":null,"b":null}}`},
		{`<a xmlns:p="u" xmlns:q="u"><p:b/></a>`, `{"a":{"@xmlns:p":"u","@xmlns:q":"u","q:b":null}}`},
		{`<a><p:b xmlns:p="u"/></a>`, `{"a":{"p:b":{"@xmlns:p":"u"}}}`},
		{`<a><p:b xmlns:p="u"/><b/></a>`, `{"a":{"b":[{"@xmlns:p":"u"},null]}}`},
		{`<a xml:lang="de"/>`, `{"a":{"@xml:lang":"de"}}`},
		// Names are decoded.
		{`<ro_x0020_ot _x0031_="x"/>`, `{"ro ot":{"@1":"x"}}`},
		// Comments vanish, except that several leave their array.
		{`<a><!--x--><b/></a>`, `{"a":{"b":null}}`},
		{`<a><!--x--></a>`, `{"a":{}}`},
		{`<a><!--x--><!--y--></a>`, `{"a":{"#comment":[]}}`},
		{`<!--x--><a/>`, `{"a":null}`},
		{`<?go on?><a/>`, `{"?go":"on","a":null}`},
		{`<?xml version="1.0" standalone="no"?><a/>`, `{"?xml":{"@version":"1.0","@standalone":"no"},"a":null}`},
		// The namespace that makes arrays.
		{`<a xmlns:json="http://james.newtonking.com/projects/json"><b json:Array="true">1</b></a>`, `{"a":{"b":["1"]}}`},
		{`<a xmlns:json="http://james.newtonking.com/projects/json">t</a>`, `{"a":"t"}`},
	} {
		got, err := xmltext.ToJSON(c.in)
		if err != nil || string(value.Reveal(got)) != c.want {
			t.Errorf("ToJSON(%s)\n got %s, %v\nwant %s", c.in, value.Reveal(got), err, c.want)
		}
	}
	if _, err := xmltext.ToJSON("x"); err == nil {
		t.Error("plain text was converted")
	}
	var deep strings.Builder
	for range 250 {
		deep.WriteString("<a><a/>")
	}
	deep.WriteString(strings.Repeat("</a>", 250))
	if v, err := xmltext.ToJSON(deep.String()); err == nil {
		if _, err := value.Parse(value.Reveal(v)); err != nil {
			t.Errorf("the result cannot be read again: %v", err)
		}
	}
}

func TestFromJSON(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		// What conformance cases say.
		{`{"ro ot":"text"}`, `<ro_x0020_ot>text</ro_x0020_ot>`},
		{`{"root":"te<xt"}`, `<root>te&lt;xt</root>`},
		{`{"root":{"@attr":"te\"xt"}}`, `<root attr="te&quot;xt" />`},
		{`{"cow":"moo"}`, `<cow>moo</cow>`},
		{`{"animals":{"cow":"moo","birds":["cheep","tweet"]}}`, `<animals><cow>moo</cow><birds>cheep</birds><birds>tweet</birds></animals>`},
		{`{"r":{"v":[1,2,3]}}`, `<r><v>1</v><v>2</v><v>3</v></r>`},
		// Leaves.
		{`{"a":null}`, `<a />`},
		{`{"a":""}`, `<a></a>`},
		{`{"a":{}}`, `<a />`},
		{`{"a":{"b":[]}}`, `<a />`},
		{`{"a":true}`, `<a>true</a>`},
		{`{"a":false}`, `<a>false</a>`},
		{`{"a":1.5}`, `<a>1.5</a>`},
		{`{"a":-7}`, `<a>-7</a>`},
		{`{"a":12345678901234567890123}`, `<a>12345678901234567890123</a>`},
		{`{"a":[1]}`, `<a>1</a>`},
		{`{"a":{"b":[null,""]}}`, `<a><b /><b></b></a>`},
		// Attributes, text, and the rest.
		{`{"a":{"@x":1,"@y":true,"@z":null,"#text":"t"}}`, `<a x="1" y="true" z="">t</a>`},
		{`{"a":{"b":1,"@x":2}}`, `<a x="2"><b>1</b></a>`},
		{`{"a":{"#text":["x","y"],"b":null}}`, `<a>xy<b /></a>`},
		{`{"a":{"#text":"x","b":null,"#cdata-section":"<y>"}}`, `<a>x<b /><![CDATA[<y>]]></a>`},
		{`{"a":{"#comment":"-->c","b":1}}`, `<a><_x0023_comment>--&gt;c</_x0023_comment><b>1</b></a>`}, // no name of a comment
		{`{"a":{"#text":null}}`, `<a></a>`},
		{`{"?xml":{"@version":"1.0","@encoding":"utf-8","@standalone":"yes"},"a":null}`, `<?xml version="1.0" encoding="utf-8" standalone="yes"?><a />`},
		{`{"?xml":{"@version":"1.0"},"?go":"on","a":null}`, `<?xml version="1.0"?><?go on?><a />`},
		// Arrays in arrays get an element around them.
		{`{"a":{"b":[[1,2],3]}}`, `<a><b><b>1</b><b>2</b></b><b>3</b></a>`},
		// Names.
		{`{"1":{"a b":1,"@c d":2}}`, `<_x0031_ c_x0020_d="2"><a_x0020_b>1</a_x0020_b></_x0031_>`},
		{`{"$a":1}`, `<_x0024_a>1</_x0024_a>`},
		// Namespaces.
		{`{"a":{"@xmlns":"u","b":null}}`, `<a xmlns="u"><b /></a>`},
		{`{"p:a":{"@xmlns:p":"u","p:b":{"@p:c":"1"}}}`, `<p:a xmlns:p="u"><p:b p:c="1" /></p:a>`},
		{`{"a":{"@xml:lang":"de"}}`, `<a xml:lang="de" />`},
		{`{"p:a":"x"}`, `<a>x</a>`},
		{`{"a":{"b":{"@xmlns:p":"u"},"p:c":1}}`, `<a><b xmlns:p="u" /><p:c xmlns:p="u">1</p:c></a>`},
		{`{"a":{"b":{"@xmlns":"u"},"c":1}}`, `<a><b xmlns="u" /><c>1</c></a>`},
	} {
		v, err := value.Parse([]byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := xmltext.FromJSON(v); err != nil || got != c.want {
			t.Errorf("FromJSON(%s)\n got %s, %v\nwant %s", c.in, got, err, c.want)
		}
	}
}

func TestFromJSONRefuses(t *testing.T) {
	for in, says := range map[string]string{
		`{"hello":"world","oh no":"another root"}`: "multiple properties",
		`{}`:                                "Root element is missing",
		`[]`:                                "begins with an object",
		`"a"`:                               "begins with an object",
		`{"a":[1,2]}`:                       "already has",
		`{"a":[]}`:                          "Root element is missing",
		`{"#text":"x"}`:                     "wrong type",
		`{"@a":"x"}`:                        "attribute properties",
		`{"":"x"}`:                          "empty property name",
		`{"a":{"@b":{}}}`:                   "Cannot get an XML string value",
		`{"a":{"#text":{}}}`:                "Cannot get an XML string value",
		`{"a":{"#cdata-section":"]]>"}}`:    "CDATA",
		`{"a":{"#whitespace":"x"}}`:         "white space",
		`{"a":{"?x":"?>"}}`:                 "'?>'",
		`{"a":{"?x y":""}}`:                 "no valid name",
		`{"a":{"?xml":{"@version":"1.0"}}}`: "wrong type",
		`{"?xml":{"@version":"2"},"a":1}`:   "XML declaration",
		`{"?xml":{"x":"1.0"},"a":1}`:        "XmlDeclaration",
		`{"!DOCTYPE":{},"a":1}`:             "DTD",
		`{"a":"\u0001"}`:                    "Invalid character",
		`{"a:b:c":1}`:                       "undeclared prefix",
		strings.Repeat(`{"a":`, 300) + `1` + strings.Repeat(`}`, 300): "too deep",
	} {
		v, err := value.Parse([]byte(in))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := xmltext.FromJSON(v); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("FromJSON(%.50s) = %.50s, %v; want an error with %q", in, got, err, says)
		}
	}
	if _, err := xmltext.FromJSON(value.Value{}); err == nil {
		t.Error("an absent value was converted")
	}
}

func FuzzFromJSON(f *testing.F) {
	f.Add(`{"a":{"@x":1,"#text":"t","b":[null,[1]],"?x":"y"}}`)
	f.Add(`{"p:a":{"@xmlns:p":"u","p:b":{"@p:c":"1"}}}`)
	f.Add(`{"a":{"b":{"@xmlns":"u"},"c":1,"@xmlns":"v","@xmlns:q":"w","@q:r":2}}`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.Parse([]byte(text))
		if err != nil {
			return
		}
		document, err := xmltext.FromJSON(v)
		if err != nil {
			return
		}
		if _, err := xmltext.Canonical(document); err != nil {
			t.Fatalf("FromJSON(%s) = %s: %v", text, document, err)
		}
	})
}
