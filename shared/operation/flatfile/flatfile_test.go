package flatfile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/operation/flatfile"
	"github.com/latchwork/latchwork/shared/operation/xmltree"
)

func compile(t testing.TB, text string) *flatfile.Schema {
	t.Helper()
	s, err := flatfile.Compile("t.xsd", text, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const declaration = `<?xml version="1.0" encoding="utf-8"?>`

// TestBothWays: data, what it is as XML, and the same data again.
func TestBothWays(t *testing.T) {
	for _, c := range []struct{ schema, data, document, again string }{
		{delimited, "HEAD|2|A1|hello\r\nx,one\r\ny,\"two, \"\"2\"\"\r\n\"\r\nz\\,z,<&>\r\n0012.5",
			`<Order xmlns="urn:order"><Head xmlns="" version="2"><Number>A1</Number><Note>hello</Note></Head><Line xmlns=""><Sku>x</Sku><Text>one</Text></Line>` +
				"<Line xmlns=\"\"><Sku>y</Sku><Text>two, &#34;2&#34;&#xD;&#xA;</Text></Line>" +
				`<Line xmlns=""><Sku>z,z</Sku><Text>&lt;&amp;&gt;</Text></Line><Total xmlns="">12.5</Total></Order>`,
			"HEAD|2|A1|hello\r\nx,one\r\ny,\"two, \"\"2\"\"\r\n\"\r\nz\\,z,<&>\r\n12.5"},
		{delimited, "HEAD||A1\r\n,\r\n5", `<Order xmlns="urn:order"><Head xmlns="" version=""><Number>A1</Number></Head><Line xmlns=""><Sku></Sku><Text></Text></Line><Total xmlns="">5</Total></Order>`, ""},
		{positional, "I Müller00120\nOAbc \nI Ab    00000\n",
			`<Pay xmlns="urn:pay"><In><Name>Müller</Name><Amount>120</Amount></In><Out><Name>Abc</Name></Out><In><Name>Ab</Name></In></Pay>`, ""},
		{grouped, "H1;2/La/Lb/H3;4/H5;/Lc",
			`<Orders><Order><H><A>1</A><B>2</B></H><L><A>a</A></L><L><A>b</A></L></Order><Order><H><A>3</A><B>4</B></H></Order><Order><H><A>5</A><B></B></H><L><A>c</A></L></Order></Orders>`, ""},
	} {
		s := compile(t, c.schema)
		got, err := s.Decode(t.Context(), c.data)
		if want := declaration + c.document; err != nil || got != want {
			t.Errorf("%q\n got %s %v\nwant %s", c.data, got, err, want)
			continue
		}
		root, err := xmltree.Parse(got)
		if err != nil {
			t.Errorf("%s: %v", got, err)
			continue
		}
		want := c.again
		if want == "" {
			want = c.data
		}
		if back, err := s.Encode(t.Context(), root, flatfile.HonorSchema); err != nil || back != want {
			t.Errorf("back\n got %q %v\nwant %q", back, err, want)
		}
	}
}

func TestData(t *testing.T) {
	for _, c := range []struct{ schema, data, want string }{
		{delimited, "HEAT|1|2\r\na,b\r\n1", "Unexpected data found while looking for: 'HEAD'. The current definition being parsed is Head. The stream offset where the error occurred is 0. The line number where the error occurred is 1. The column where the error occurred is 1."},
		{delimited, "HEAD|1|2\r\na,b", "Unexpected"},
		{delimited, "HEAD|1|2\r\na\r\nb,c\r\n1", "Unexpected end of stream while looking for: 'Text'. The current definition being parsed is Line."},
		{delimited, "HEAD|1|2|3|4\r\na,b\r\n1", "there is more than the definition describes. The current definition being parsed is Head. The stream offset where the error occurred is 11. The line number where the error occurred is 1. The column where the error occurred is 12."},
		{delimited, "", "Unexpected data found while looking for: 'HEAD'."},
		{positional, "I Müller00120\nI x", "Unexpected end of stream while looking for: '\n'."},
		{positional, "I Ab\n", "Unexpected end of stream while looking for: 'Name'. The current definition being parsed is In."},
		{positional, "OAbc  x\n", "Unexpected data found"},
		{positional, "X\n", "looking for: 'I'"},
	} {
		got, err := compile(t, c.schema).Decode(t.Context(), c.data)
		var e *flatfile.Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %s %v", c.data, got, err)
		}
	}
}

func TestDocuments(t *testing.T) {
	for _, c := range []struct {
		schema, document string
		mode             flatfile.EmptyNodes
		want, problem    string
	}{
		{delimited, `<Order xmlns="urn:order"><Head xmlns=""/><Line xmlns=""/><Total xmlns="">1</Total></Order>`, flatfile.HonorSchema, "HEAD||\r\n,\r\n1", ""},
		{delimited, `<Order xmlns="urn:order"><Head xmlns=""/><Line xmlns=""/></Order>`, flatfile.ForcedDisabled, "HEAD\r\n", ""},
		{delimited, `<Order xmlns="urn:order"/>`, flatfile.ForcedEnabled, "HEAD|||\r\n,\r\n", ""},
		{delimited, `<Order xmlns="urn:order"/>`, flatfile.ForcedDisabled, "", "The element 'Order' has no 'Head', which the schema requires. Line 1, position 1."},
		{delimited, `<Order xmlns="urn:other"/>`, "", "", "The root element is 'Order'"},
		{delimited, `<Order xmlns="urn:order"><Head xmlns=""/><Line xmlns=""/><Total xmlns=""/><More/></Order>`, "", "", "The element 'More' is not expected in 'Order'."},
		{delimited, `<Order xmlns="urn:order"><Head xmlns=""><Number><x/></Number></Head><Line xmlns=""/></Order>`, "", "", "it is a field"},
		{positional, `<Pay xmlns="urn:pay"><Out><Name>secret</Name></Out></Pay>`, "", "", "The value of 'Name' is longer than its 4 characters. Line 1, position 27."},
		{positional, `<Pay xmlns="urn:pay"></Pay>`, "", "", "The element 'Pay' is not complete."},
	} {
		root, err := xmltree.Parse(c.document)
		if err != nil {
			t.Fatal(err)
		}
		got, err := compile(t, c.schema).Encode(t.Context(), root, c.mode)
		if c.problem != "" {
			var e *flatfile.DocumentError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), c.problem) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: %q %v", c.document, got, err)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: %q %v", c.document, got, err)
		}
	}
}

func TestSchemas(t *testing.T) {
	const head = `<xs:schema xmlns:b="http://schemas.microsoft.com/BizTalk/2003" xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:annotation><xs:appinfo><b:schemaInfo standard="Flat File" root_reference="R"/></xs:appinfo></xs:annotation>`
	recursive := head + `<xs:element name="R" type="T"/><xs:complexType name="T"><xs:sequence><xs:element name="R" type="T"/></xs:sequence></xs:complexType></xs:schema>`
	var wide strings.Builder // elements of elements grow like 2^n
	for i := range 40 {
		fmt.Fprintf(&wide, `<xs:complexType name="T%d"><xs:sequence><xs:element name="a" type="T%d"/><xs:element name="b" type="T%d"/></xs:sequence></xs:complexType>`, i, i+1, i+1)
	}
	for text, want := range map[string]string{
		`<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="R"/></xs:schema>`: "no annotations of a flat file",
		head + `<xs:element name="Q"/></xs:schema>`:                                                 "root element 'R' is not declared",
		head + `<xs:element name="R"/></xs:schema>`:                                                 "is no record",
		recursive: "contains itself",
		head + `<xs:element name="R" type="T0"/>` + wide.String() + `</xs:schema>`:                                                                                                                                                                  "too complex",
		head + `<xs:element name="R"><xs:complexType><xs:sequence><xs:any/></xs:sequence></xs:complexType></xs:element></xs:schema>`:                                                                                                                "no meaning",
		head + `<xs:element name="R"><xs:complexType><xs:sequence><xs:element name="a"/><xs:element name="b"/></xs:sequence></xs:complexType></xs:element></xs:schema>`:                                                                             "has no delimiter",
		head + `<xs:element name="R"><xs:complexType><xs:sequence><xs:element name="a" maxOccurs="x"/></xs:sequence></xs:complexType></xs:element></xs:schema>`:                                                                                     "is no number",
		head + `<xs:element name="R"><xs:complexType><xs:sequence><xs:element name="a"><xs:annotation><xs:appinfo><b:fieldInfo pos_length="-1"/></xs:appinfo></xs:annotation></xs:element></xs:sequence></xs:complexType></xs:element></xs:schema>`: "is no number",
		"<a": "",
	} {
		_, err := flatfile.Compile("t.xsd", text, func(string) (string, bool) { return "", false })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.300s: %v", text, err)
		}
	}
}

// TestHugeFiles: the work grows with the data, not faster, and ends with whoever
// waits for it.
func TestHugeFiles(t *testing.T) {
	lines := 100_000
	data := "HEAD|1|2\r\n" + strings.Repeat("sku,text\r\n", lines) + "1"
	got, err := compile(t, delimited).Decode(t.Context(), data)
	if err != nil || strings.Count(got, "<Line ") != lines {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if _, err := compile(t, delimited).Decode(t.Context(), "HEAD|1|2\r\n"+strings.Repeat(",", 10<<20)); err == nil {
		t.Error("a line of delimiters is accepted")
	}
	if _, err := compile(t, delimited).Decode(t.Context(), "HEAD|1|2\r\n"+strings.Repeat(",\"", 1<<20)); err == nil {
		t.Error("open quotes are accepted")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := compile(t, delimited).Decode(ctx, data); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// Alternatives inside alternatives, none of which fits, would take 2^n tries.
	var b strings.Builder
	const depth = 24
	b.WriteString(`<xs:schema xmlns:b="http://schemas.microsoft.com/BizTalk/2003" xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:annotation><xs:appinfo><b:schemaInfo standard="Flat File"/></xs:appinfo></xs:annotation><xs:element name="R"><xs:annotation><xs:appinfo><b:recordInfo structure="delimited" child_delimiter="/" child_order="infix"/></xs:appinfo></xs:annotation><xs:complexType><xs:sequence>`)
	for range depth {
		b.WriteString(`<xs:sequence minOccurs="0" maxOccurs="unbounded">`)
	}
	b.WriteString(`<xs:element name="x"/><xs:element name="t"><xs:annotation><xs:appinfo><b:recordInfo tag_name="NO" structure="positional"/></xs:appinfo></xs:annotation><xs:complexType><xs:sequence/></xs:complexType></xs:element>`)
	for range depth {
		b.WriteString(`</xs:sequence>`)
	}
	b.WriteString(`</xs:sequence></xs:complexType></xs:element></xs:schema>`)
	if got, err := compile(t, b.String()).Decode(t.Context(), strings.Repeat("a/", 1000)); err == nil {
		t.Errorf("%d bytes", len(got))
	}
}

// FuzzFlatFile: what is decoded can be read as XML, and neither way takes the
// process along.
func FuzzFlatFile(f *testing.F) {
	for _, s := range []string{delimited, positional, grouped} {
		f.Add(s, "HEAD|2|A1|hello\r\nx,one\r\n0012.5")
		f.Add(s, "I Müller00120\nOAbc \n")
	}
	f.Fuzz(func(t *testing.T, schema, data string) {
		s, err := flatfile.Compile("t.xsd", schema, func(string) (string, bool) { return schema, true })
		if err != nil {
			return
		}
		document, err := s.Decode(t.Context(), data)
		if err != nil {
			return
		}
		if root, err := xmltree.Parse(document); err == nil {
			_, _ = s.Encode(t.Context(), root, flatfile.HonorSchema)
		}
	})
}
