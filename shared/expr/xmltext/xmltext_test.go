package xmltext_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr/xmltext"
)

var canonicalCases = []struct{ in, want string }{
	// What conformance cases say.
	{`<root/>`, `<root />`},
	{`<root attr="val"/>`, `<root attr="val" />`},
	{`<root> <!-- a --> b <!-- c --> </root>`, `<root><!-- a --> b <!-- c --></root>`},
	{`<root>&#65;</root>`, `<root>A</root>`},
	{`<?xml version="1.0" encoding="utf-8"?><root/>`, `<?xml version="1.0" encoding="utf-8"?><root />`},
	// Empty is not closed.
	{`<a></a>`, `<a></a>`},
	{`<a> </a>`, `<a></a>`},
	{"<a >\n  <b\t/>\n</a >\n", `<a><b /></a>`},
	// Attributes keep their order and lose their quotes.
	{`<a b='1'  c = "2"/>`, `<a b="1" c="2" />`},
	{`<a b='"' c="'"/>`, `<a b="&quot;" c="'" />`},
	{"<a b='x\r\ny\tz'/>", `<a b="x y z" />`},
	{`<a b="&#10;&#x9;&lt;&gt;&amp;"/>`, `<a b="&#xA;&#x9;&lt;&gt;&amp;" />`},
	// Text.
	{`<a>&lt;&gt;&amp;&quot;&apos;"'</a>`, `<a>&lt;&gt;&amp;"'"'</a>`},
	{"<a>x\r\ny\rz</a>", "<a>x\ny\nz</a>"},
	{`<a>x&#13;y</a>`, `<a>x&#xD;y</a>`},
	{`<a>&#32;</a>`, `<a></a>`},
	{`<a> x <b/> y </a>`, `<a> x <b /> y </a>`},
	{`<a xml:space="preserve"> <b> </b><c xml:space="default"> </c></a>`, `<a xml:space="preserve"> <b> </b><c xml:space="default"></c></a>`},
	{`<ä>€ 😀</ä>`, `<ä>€ 😀</ä>`},
	{`<a>&#x1F600;</a>`, `<a>😀</a>`},
	// Everything else that a document may hold.
	{"\ufeff<?xml version='1.0' standalone='yes' ?>\n<!-- x -->\n<a/>\n<!--y-->", `<?xml version="1.0" standalone="yes"?><!-- x --><a /><!--y-->`},
	{`<a><![CDATA[<&]]]]><![CDATA[>]]></a>`, `<a><![CDATA[<&]]]]><![CDATA[>]]></a>`},
	{`<a><![CDATA[]]></a>`, `<a><![CDATA[]]></a>`},
	{`<?go  on ?><a><?x?></a>`, `<?go on ?><a><?x ?></a>`},
	// Namespaces stay as they are.
	{`<p:a xmlns:p="u" xmlns="v"><b p:c="1" c="2"/></p:a>`, `<p:a xmlns:p="u" xmlns="v"><b p:c="1" c="2" /></p:a>`},
	{`<a xmlns="u"><b xmlns=""/></a>`, `<a xmlns="u"><b xmlns="" /></a>`},
	{`<a p:b="1" xmlns:p="u"/>`, `<a p:b="1" xmlns:p="u" />`},
	{`<a xml:lang="de" xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`, `<a xml:lang="de" xmlns:xml="http://www.w3.org/XML/1998/namespace" />`},
}

func TestCanonical(t *testing.T) {
	for _, c := range canonicalCases {
		got, err := xmltext.Canonical(c.in)
		if err != nil || got != c.want {
			t.Errorf("Canonical(%q) = %q, %v; want %q", c.in, got, err, c.want)
			continue
		}
		if again, err := xmltext.Canonical(got); err != nil || again != got {
			t.Errorf("Canonical(%q) = %q, %v", got, again, err)
		}
	}
}

var malformed = []struct{ in, says string }{
	{``, "Root element is missing."},
	{` `, "Root element is missing."},
	{`some text`, "Data at the root level is invalid. Line 1, position 1."},
	{`<a/>text`, "Data at the root level is invalid. Line 1, position 5."},
	{"<a/>\n<b/>", "There are multiple root elements. Line 2, position 1."},
	{`<aaa:root />`, "'aaa' is an undeclared prefix."},
	{`<a p:b="1"/>`, "'p' is an undeclared prefix."},
	{`<a><b xmlns:p="u"/><p:c/></a>`, "'p' is an undeclared prefix."},
	{`<!DOCTYPE a><a/>`, "DTD is prohibited"},
	{`<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>`, "DTD is prohibited"},
	{`<a>&nbsp;</a>`, "Reference to undeclared entity."},
	{`<a>a & b</a>`, "EntityName"},
	{`<a>&#0;</a>`, "character reference"},
	{`<a>&#x110000;</a>`, "character reference"},
	{`<a>&#;</a>`, "character reference"},
	{`<a>&;</a>`, "EntityName"},
	{"<a>\x01</a>", "Invalid character"},
	{"<a>\xff</a>", "Invalid character"},
	{`<a>]]></a>`, "']]>'"},
	{`<a>`, "The following elements are not closed: a."},
	{`<a><b></a>`, "The 'b' start tag does not match"},
	{`</a>`, "Unexpected end tag."},
	{`<a></a b>`, "not closed"},
	{`<a b="1" b="2"/>`, "'b' is a duplicate attribute name."},
	{`<a xmlns:p="u" xmlns:q="u" p:b="1" q:b="2"/>`, "'q:b' is a duplicate attribute name."},
	{`<a xmlns="u" xmlns="v"/>`, "'xmlns' is a duplicate attribute name."},
	{`<a b=1/>`, "not quoted"},
	{`<a b/>`, "has no value"},
	{`<a b="1"c="2"/>`, "White space is missing before the attribute 'c'."},
	{`<a b="<"/>`, "invalid attribute character"},
	{`<a b="1/>`, "not closed"},
	{`<1a/>`, "invalid character"},
	{`< a/>`, "invalid character"},
	{`<a:/>`, "invalid character"},
	{`<a:b:c xmlns:a="u"/>`, "invalid character"},
	{`<a xmlns:p=""/>`, "Invalid namespace declaration"},
	{`<a xmlns:xmlns="u"/>`, "reserved"},
	{`<a xmlns:xml="u"/>`, "reserved"},
	{`<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, "reserved"},
	{`<a xml:space="x"/>`, "xml:space"},
	{`<!-- a -- b --><a/>`, "'--'"},
	{`<!-- a ---><a/>`, "'--'"},
	{`<!-- a`, "a comment"},
	{`<![CDATA[x]]><a/>`, "root level"},
	{`<a><![CDATA[x</a>`, "CDATA"},
	{`<!ELEMENT a><a/>`, "markup declaration"},
	{` <?xml version="1.0"?><a/>`, "must be the first node"},
	{`<a/><?XML x?>`, "must be the first node"},
	{`<?xml version="1.1"?><a/>`, "XML declaration is invalid"},
	{`<?xml encoding="utf-8"?><a/>`, "XML declaration is invalid"},
	{`<?xml version="1.0" standalone="yes" encoding="utf-8"?><a/>`, "XML declaration is invalid"},
	{`<?xml version="1.0" x="y"?><a/>`, "XML declaration is invalid"},
	{`<?xml?><a/>`, "XML declaration is invalid"},
	{`<?1?><a/>`, "no valid name"},
	{`<?a:b?><a/>`, "no valid name"},
	{strings.Repeat("<a>", 257) + strings.Repeat("</a>", 257), "nested too deep"},
}

func TestMalformed(t *testing.T) {
	for _, c := range malformed {
		got, err := xmltext.Canonical(c.in)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("Canonical(%.60q) = %q, %v; want an error with %q", c.in, got, err, c.says)
		}
	}
	deep := strings.Repeat("<a>", xmltext.MaxDepth) + strings.Repeat("</a>", xmltext.MaxDepth)
	if got, err := xmltext.Canonical(deep); err != nil || got != deep {
		t.Errorf("a document as deep as allowed: %v", err)
	}
}

func TestErrorsQuoteNothing(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{
		secret, "<a>" + secret, "<a>" + secret + "</b>", "<a>&" + secret + ";</a>", `<a b="` + secret + `<"/>`, `<a b="` + secret,
		"<a/>" + secret, "<!--" + secret, "<?" + secret, "<a>" + secret + "]]></a>", `<a xml:space="` + secret + `"/>`,
		`<a xmlns:xml="` + secret + `"/>`, "<![CDATA[" + secret, `<?xml version="` + secret + `"?><a/>`, "<!" + secret + ">",
	} {
		if _, err := xmltext.Canonical(text); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("Canonical(%q): %v", text, err)
		}
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct{ plain, encoded string }{
		{"my name", "my_x0020_name"},
		{"", ""},
		{"a", "a"},
		{"1st", "_x0031_st"},
		{"-a", "_x002D_a"},
		{"a-b.c_d1", "a-b.c_d1"},
		{"a:b", "a_x003A_b"},
		{"_x0020_", "_x005F_x0020_"},
		{"_X0020_", "_x005F_X0020_"},
		{"a_x0041_x0042_", "a_x005F_x0041_x005F_x0042_"},
		{"_x00412345_", "_x005F_x00412345_"},
		{"_x20_", "_x20_"},
		{"_xyzzy_", "_xyzzy_"},
		{"a😀", "a_x0001F600_"},
		{"äöü", "äöü"},
		{"a€", "a_x20AC_"},
		{"@x", "_x0040_x"},
	} {
		if got := xmltext.EncodeName(c.plain); got != c.encoded {
			t.Errorf("EncodeName(%q) = %q, want %q", c.plain, got, c.encoded)
		}
		if got := xmltext.DecodeName(c.encoded); got != c.plain {
			t.Errorf("DecodeName(%q) = %q, want %q", c.encoded, got, c.plain)
		}
	}
	for in, want := range map[string]string{
		"a_x0020": "a_x0020", "_x002g_": "_x002g_", "_X0020_": " ", "_xD83D__xDE00_": "😀", "_xFFFFFFFF_": "_xFFFFFFFF_", "_x_x0020_": "_x ",
	} {
		if got := xmltext.DecodeName(in); got != want {
			t.Errorf("DecodeName(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEntities(t *testing.T) {
	if got := xmltext.EncodeText(`a<b & c>"d'`); got != "a&lt;b &amp; c&gt;&quot;d&apos;" {
		t.Error(got)
	}
	for in, want := range map[string]string{
		"a&lt;b &amp; c": "a<b & c", "&gt;&quot;&apos;": `>"'`, "&#65;&#x42;&#x1F600;": "AB😀", "&amp;lt;": "&lt;", "": "", "x": "x",
	} {
		if got, err := xmltext.DecodeText(in); err != nil || got != want {
			t.Errorf("DecodeText(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"&", "a & b", "&nbsp;", "&#x;", "&#-1;", "&#xD800;", "&#99999999999;", "&" + strings.Repeat("a", 100) + ";"} {
		if got, err := xmltext.DecodeText(in); err == nil {
			t.Errorf("DecodeText(%q) = %q", in, got)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, c := range canonicalCases {
		f.Add(c.in)
	}
	for _, c := range malformed {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := xmltext.Canonical(text)
		if err != nil {
			return
		}
		twice, err := xmltext.Canonical(once)
		if err != nil || once != twice {
			t.Fatalf("Canonical(%q) = %q, then %q, %v", text, once, twice, err)
		}
		v, err := xmltext.ToJSON(once)
		if err != nil {
			return
		}
		// Not every document survives JSON, but what comes back is a document.
		if back, err := xmltext.FromJSON(v); err == nil {
			if _, err := xmltext.Canonical(back); err != nil {
				t.Fatalf("FromJSON(ToJSON(%q)) = %q: %v", once, back, err)
			}
		}
	})
}
