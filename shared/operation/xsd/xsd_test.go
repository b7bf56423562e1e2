package xsd_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
	"github.com/latchwork/latchwork/shared/operation/xsd"
)

var update = flag.Bool("update", false, "write the golden parts of testdata")

// archive is a case: schemas and documents, and what is wrong with each of them.
// The first schema is the one that is validated against.
func loader(files map[string]string) xsd.Loader {
	return func(name string) (string, bool) {
		for _, candidate := range []string{name, name + ".xsd"} {
			if text, ok := files[candidate]; ok {
				return text, true
			}
		}
		return "", false
	}
}

// TestGolden validates the documents of each archive in testdata. What is wrong
// with a.xml stands in a.txt, one line per violation; nothing where it is valid.
func TestGolden(t *testing.T) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal(archives, err)
	}
	for _, file := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			files, main := map[string]string{}, ""
			for _, f := range a.Files {
				files[f.Name] = string(f.Data)
				if main == "" && strings.HasSuffix(f.Name, ".xsd") {
					main = f.Name
				}
			}
			schema, err := xsd.Compile(main, files[main], loader(files))
			if err != nil {
				t.Fatal(err)
			}
			var out []txtar.File
			for _, f := range a.Files {
				if strings.HasSuffix(f.Name, ".txt") {
					continue
				}
				out = append(out, f)
				if !strings.HasSuffix(f.Name, ".xml") {
					continue
				}
				root, err := xmltree.Parse(string(f.Data))
				if err != nil {
					t.Fatal(err)
				}
				var b strings.Builder
				for _, p := range schema.Validate(root, false) {
					fmt.Fprintf(&b, "%d:%d %s\n", p.Line, p.Position, p.Message)
				}
				golden := strings.TrimSuffix(f.Name, ".xml") + ".txt"
				if b.Len() > 0 {
					out = append(out, txtar.File{Name: golden, Data: []byte(b.String())})
				}
				if got, want := b.String(), files[golden]; got != want && !*update {
					t.Errorf("%s:\n got %s\nwant %s", f.Name, got, want)
				}
				for _, p := range schema.Validate(root, true) {
					for _, secret := range []string{"SECRET", "secret"} {
						if strings.Contains(p.Message, secret) {
							t.Errorf("%s: a value in %s", f.Name, p.Message)
						}
					}
				}
			}
			if *update {
				a.Files = out
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

const header = `<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:t" targetNamespace="urn:t" elementFormDefault="qualified">`

func compile(t testing.TB, body string) *xsd.Schema {
	t.Helper()
	s, err := xsd.Compile("t.xsd", header+body+"</xs:schema>", loader(nil))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return s
}

func problems(t testing.TB, s *xsd.Schema, doc string) []xsd.Problem {
	t.Helper()
	root, err := xmltree.Parse(doc)
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	return s.Validate(root, false)
}

// TestSimpleTypes: what is and what is not a value of each type.
func TestSimpleTypes(t *testing.T) {
	for _, c := range []struct{ typ, right, wrong string }{
		{"string", "|a|a b", ""},
		{"boolean", "true|false|1|0| true ", "TRUE|yes|"},
		{"decimal", "1|-1.50|+.5|5.|0012", "1e3|1,5||--1|."},
		{"integer", "0|-5|+7|123456789012345678901234567890", "1.0|a|"},
		{"int", "2147483647|-2147483648", "2147483648|-2147483649"},
		{"long", "9223372036854775807", "9223372036854775808"},
		{"byte", "-128|127", "128"},
		{"unsignedByte", "0|255|+3", "256|-1"},
		{"positiveInteger", "1", "0|-1"},
		{"nonNegativeInteger", "0", "-1"},
		{"negativeInteger", "-1", "0"},
		{"float", "1|1.5e3|-INF|INF|NaN|.5", "+INF|1e|e5|inf"},
		{"double", "1E10", "0x1p3"},
		{"date", "2026-02-28|2024-02-29|2026-01-01Z|2026-01-01+14:00", "2026-02-29|2026-13-01|26-01-01|2026-01-01T00:00:00|2026-01-01+15:00|0000-01-01"},
		{"dateTime", "2026-01-01T00:00:00|2026-01-01T24:00:00|2026-01-01T23:59:59.123456789Z|2026-01-01T01:02:03-05:30", "2026-01-01|2026-01-01T25:00:00|2026-01-01T24:00:01|2026-01-01 00:00:00"},
		{"time", "00:00:00|23:59:59.5Z", "24:01:00|1:00:00"},
		{"gYear", "2026|2026Z", "26"}, {"gYearMonth", "2026-12", "2026-13"}, {"gMonthDay", "--02-29", "--02-30|02-01"}, {"gDay", "---31", "---32"}, {"gMonth", "--12|--12--", "--13"},
		{"duration", "P1Y|P1M2DT3H4M5.6S|-PT0S|P0D", "P|PT|1Y|P1S|P1YT|PT1.S"},
		{"hexBinary", "|0aFF", "0|0g"},
		{"base64Binary", "|YWJj|YWI=|YW Jj", "YWJ|Y@=="},
		{"anyURI", "|http://a/b?c#d|../x|urn:a", ""},
		{"QName", "a|x:a", "a:b:c|1a|:a"},
		{"language", "en|de-CH|x-klingon", "e n|toolonglang1"},
		{"NCName", "a|_a-1|ä", "1a|a:b|a b|"},
		{"Name", "a:b", "-a"},
		{"NMTOKEN", "-1a", "a b"}, {"NMTOKENS", "a b  c", ""},
		{"ID", "a", "1"},
		{"token", " a  b ", ""},
	} {
		s := compile(t, `<xs:element name="e" type="xs:`+c.typ+`"/>`)
		check := func(list string, want int) {
			if list == "" {
				return
			}
			for text := range strings.SplitSeq(list, "|") {
				if got := problems(t, s, `<e xmlns="urn:t">`+text+`</e>`); len(got) != want {
					t.Errorf("%s %q: %v", c.typ, text, got)
				}
			}
		}
		check(c.right, 0)
		check(c.wrong, 1)
	}
}

func TestFacets(t *testing.T) {
	for _, c := range []struct{ facets, right, wrong, reason string }{
		{`<xs:restriction base="xs:string"><xs:length value="3"/></xs:restriction>`, "abc|äöü", "ab", "The actual length is not equal to the specified length."},
		{`<xs:restriction base="xs:string"><xs:minLength value="2"/></xs:restriction>`, "ab", "a", "The actual length is less than the MinLength value."},
		{`<xs:restriction base="xs:token"><xs:maxLength value="2"/></xs:restriction>`, "ab| a ", "abc", "The actual length is greater than the MaxLength value."},
		{`<xs:restriction base="xs:string"><xs:pattern value="[A-Z]{2}\d+"/><xs:pattern value="x$y"/></xs:restriction>`, "AB1|x$y", "AB|ab1|xAB1|xy", "The Pattern constraint failed."},
		{`<xs:restriction base="xs:string"><xs:pattern value="[\i-[:]][\c-[:]]*"/></xs:restriction>`, "_a-1", "a:b|1a", "The Pattern constraint failed."},
		{`<xs:restriction base="xs:string"><xs:pattern value="\p{Lu}\p{IsBasicLatin}*"/></xs:restriction>`, "Abc|Ä", "a|Aé", "The Pattern constraint failed."},
		{`<xs:restriction base="xs:string"><xs:enumeration value="a"/><xs:enumeration value="b c"/></xs:restriction>`, "a|b c", "A|b", "The Enumeration constraint failed."},
		{`<xs:restriction base="xs:decimal"><xs:enumeration value="1.50"/></xs:restriction>`, "1.5|01.500", "1.51", "The Enumeration constraint failed."},
		{`<xs:restriction base="xs:int"><xs:minInclusive value="2"/><xs:maxExclusive value="5"/></xs:restriction>`, "2|4", "1", "The MinInclusive constraint failed."},
		{`<xs:restriction base="xs:int"><xs:minExclusive value="2"/><xs:maxInclusive value="5"/></xs:restriction>`, "3|5", "6", "The MaxInclusive constraint failed."},
		{`<xs:restriction base="xs:date"><xs:minInclusive value="2026-01-01"/></xs:restriction>`, "2026-01-01", "2025-12-31", "The MinInclusive constraint failed."},
		{`<xs:restriction base="xs:duration"><xs:maxExclusive value="P1M"/></xs:restriction>`, "P30D", "P1Y", "The MaxExclusive constraint failed."},
		{`<xs:restriction base="xs:decimal"><xs:totalDigits value="4"/><xs:fractionDigits value="2"/></xs:restriction>`, "12.34|0012.30|1234", "123.45", "The TotalDigits constraint failed."},
		{`<xs:restriction base="xs:decimal"><xs:fractionDigits value="2"/></xs:restriction>`, "1.230", "1.234", "The FractionDigits constraint failed."},
		{`<xs:restriction base="xs:hexBinary"><xs:length value="2"/></xs:restriction>`, "0aFF", "0a", "The actual length is not equal to the specified length."},
		{`<xs:list itemType="xs:int"/>`, "|1 2  3", "1 a", "The string 'a' is not a valid Int32 value."},
		{`<xs:restriction><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType><xs:maxLength value="2"/></xs:restriction>`, "1 2", "1 2 3", "The actual length is greater than the MaxLength value."},
		{`<xs:union memberTypes="xs:int xs:boolean"><xs:simpleType><xs:restriction base="xs:string"><xs:enumeration value="x"/></xs:restriction></xs:simpleType></xs:union>`, "1|true|x", "y", "The value 'y' is not valid according to any of the memberTypes of the union."},
		{`<xs:restriction base="xs:string"><xs:whiteSpace value="collapse"/><xs:length value="3"/></xs:restriction>`, " a  b ", "a", "The actual length is not equal to the specified length."},
	} {
		s := compile(t, `<xs:element name="e"><xs:simpleType>`+c.facets+`</xs:simpleType></xs:element>`)
		for text := range strings.SplitSeq(c.right, "|") {
			if got := problems(t, s, `<e xmlns="urn:t">`+text+`</e>`); len(got) != 0 {
				t.Errorf("%s %q: %v", c.facets, text, got)
			}
		}
		for text := range strings.SplitSeq(c.wrong, "|") {
			if got := problems(t, s, `<e xmlns="urn:t">`+text+`</e>`); len(got) != 1 || !strings.HasSuffix(got[0].Message, " - "+c.reason) {
				t.Errorf("%s %q: %v", c.facets, text, got)
			}
		}
	}
}

// TestContentModels: which sequences of children a model accepts. Each child is
// one letter.
func TestContentModels(t *testing.T) {
	el := func(name, bounds string) string {
		return `<xs:element name="` + name + `" ` + bounds + ` type="xs:string"/>`
	}
	for _, c := range []struct{ model, right, wrong string }{
		{`<xs:sequence>` + el("a", "") + el("b", `minOccurs="0"`) + el("c", `maxOccurs="2"`) + `</xs:sequence>`, "abc|ac|abcc", "|a|ab|abccc|cb|bac|abca"},
		{`<xs:sequence>` + el("a", `minOccurs="2" maxOccurs="4"`) + `</xs:sequence>`, "aa|aaa|aaaa", "a|aaaaa"},
		{`<xs:sequence maxOccurs="unbounded">` + el("a", "") + el("b", `minOccurs="0"`) + `</xs:sequence>`, "a|ab|aab|abab", "|b|abb"},
		{`<xs:choice>` + el("a", "") + el("b", "") + `</xs:choice>`, "a|b", "|ab|c"},
		{`<xs:choice minOccurs="0" maxOccurs="unbounded">` + el("a", "") + el("b", "") + `</xs:choice>`, "|a|abba", "c|abc"},
		{`<xs:choice maxOccurs="3">` + el("a", "") + el("b", `minOccurs="0"`) + `</xs:choice>`, "|a|bab", "abab"},
		{`<xs:all>` + el("a", "") + el("b", "") + el("c", `minOccurs="0"`) + `</xs:all>`, "ab|ba|cab|bca", "a|aab|abcc"},
		{`<xs:all minOccurs="0">` + el("a", "") + el("b", "") + `</xs:all>`, "|ab", "a"},
		{`<xs:sequence><xs:choice minOccurs="0">` + el("a", "") + `<xs:sequence>` + el("b", "") + el("c", "") + `</xs:sequence></xs:choice>` + el("d", "") + `</xs:sequence>`, "d|ad|bcd", "bd|abcd|a"},
		{`<xs:sequence><xs:sequence minOccurs="0" maxOccurs="unbounded"><xs:sequence minOccurs="0" maxOccurs="unbounded">` + el("a", `minOccurs="0"`) + `</xs:sequence></xs:sequence>` + el("b", "") + `</xs:sequence>`, "b|ab|aaab", "a|ba"},
		{`<xs:sequence minOccurs="3" maxOccurs="3">` + el("a", `minOccurs="0"`) + el("b", "") + `</xs:sequence>`, "bbb|abbab", "bb|bbbb|aabbb"},
		{`<xs:sequence>` + el("a", `maxOccurs="0" minOccurs="0"`) + el("b", "") + `</xs:sequence>`, "b", "ab"},
		{`<xs:sequence>` + el("a", `minOccurs="0"`) + el("a", "") + `</xs:sequence>`, "a|aa", "|aaa"}, // ambiguous, and illegal
		{`<xs:sequence/>`, "", "a"},
		{`<xs:sequence>` + el("a", "") + `<xs:any minOccurs="0" maxOccurs="2" processContents="skip"/></xs:sequence>`, "a|ax|axy", "|x|axyz"},
		{`<xs:sequence><xs:any namespace="##other" minOccurs="0"/>` + el("a", "") + `</xs:sequence>`, "a", "aa"},
	} {
		s := compile(t, `<xs:element name="e"><xs:complexType>`+c.model+`</xs:complexType></xs:element>`)
		doc := func(children string) string {
			var b strings.Builder
			b.WriteString(`<e xmlns="urn:t">`)
			for _, r := range children {
				b.WriteString("<" + string(r) + "/>")
			}
			return b.String() + "</e>"
		}
		for children := range strings.SplitSeq(c.right, "|") {
			if got := problems(t, s, doc(children)); len(got) != 0 {
				t.Errorf("%s %q: %v", c.model, children, got)
			}
		}
		for children := range strings.SplitSeq(c.wrong, "|") {
			if got := problems(t, s, doc(children)); len(got) == 0 {
				t.Errorf("%s %q is accepted", c.model, children)
			}
		}
	}
}

// TestSchemaProblems: a schema that cannot be used says why and where.
func TestSchemaProblems(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`<xs:element name="e" type="nope"/>`, "t.xsd, line 1: Type 'urn:t:nope' is not declared."},
		{`<xs:element name="e" type="p:x"/>`, "prefix is not declared"},
		{`<xs:element/>`, "The required attribute 'name' is missing."},
		{`<xs:element name="e"/><xs:element name="e"/>`, "The element 'urn:t:e' has already been declared."},
		{`<xs:import namespace="urn:x" schemaLocation="x.xsd"/>`, "The schema 'x.xsd' is not found among the artifacts."},
		{`<xs:simpleType name="a"><xs:restriction base="a"/></xs:simpleType>`, "derives from itself"},
		{`<xs:simpleType name="a"><xs:list itemType="b"/></xs:simpleType><xs:simpleType name="b"><xs:union memberTypes="a"/></xs:simpleType>`, "derives from itself"},
		{`<xs:complexType name="a"><xs:complexContent><xs:extension base="a"/></xs:complexContent></xs:complexType>`, "derives from itself"},
		{`<xs:group name="g"><xs:sequence><xs:group ref="g"/></xs:sequence></xs:group><xs:complexType name="c"><xs:group ref="g"/></xs:complexType>`, "contains itself"},
		{`<xs:attributeGroup name="g"><xs:attributeGroup ref="g"/></xs:attributeGroup><xs:complexType name="c"><xs:attributeGroup ref="g"/></xs:complexType>`, "nested too deep"},
		{`<xs:simpleType name="a"><xs:restriction base="xs:string"><xs:pattern value="["/></xs:restriction></xs:simpleType>`, "The pattern '[' is not valid"},
		{`<xs:simpleType name="a"><xs:restriction base="xs:int"><xs:minInclusive value="x"/></xs:restriction></xs:simpleType>`, "facet 'minInclusive' is invalid"},
		{`<xs:complexType name="c"><xs:sequence><xs:element name="a" minOccurs="3" maxOccurs="2"/></xs:sequence></xs:complexType>`, "minOccurs value cannot be greater"},
		{`<xs:complexType name="c"><xs:sequence><xs:element ref="q"/></xs:sequence></xs:complexType>`, "The 'urn:t:q' element is not declared."},
		{`<xs:redefine schemaLocation="x"><xs:simpleType name="a"/></xs:redefine>`, "not supported"},
		{strings.Repeat(`<xs:element name="deep"><xs:complexType><xs:sequence>`, 60) + strings.Repeat(`</xs:sequence></xs:complexType></xs:element>`, 60) + `<xs:nope/>`, "The 'nope' element is not supported"},
	} {
		_, err := xsd.Compile("t.xsd", header+c.body+"</xs:schema>", loader(nil))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.body, err)
		}
	}
	// Groups of groups grow like 2^n.
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, `<xs:group name="g%d"><xs:sequence><xs:group ref="g%d"/><xs:group ref="g%d"/></xs:sequence></xs:group>`, i, i+1, i+1)
	}
	b.WriteString(`<xs:group name="g40"><xs:sequence><xs:element name="x"/></xs:sequence></xs:group><xs:complexType name="c"><xs:group ref="g0"/></xs:complexType>`)
	if _, err := xsd.Compile("t.xsd", header+b.String()+"</xs:schema>", loader(nil)); err == nil || !strings.Contains(err.Error(), "too complex") {
		t.Errorf("groups of groups: %v", err)
	}
}

// FuzzValidate: neither a schema nor a document takes the process along.
func FuzzValidate(f *testing.F) {
	f.Add(header+`<xs:element name="e"><xs:complexType mixed="true"><xs:sequence maxOccurs="unbounded"><xs:any/><xs:element ref="e" minOccurs="0"/></xs:sequence><xs:anyAttribute/></xs:complexType></xs:element></xs:schema>`, `<e xmlns="urn:t" a="b"><e/>x<e/></e>`)
	f.Add(header+`<xs:element name="e" type="T"/><xs:complexType name="T"><xs:simpleContent><xs:extension base="xs:date"><xs:attribute name="a" type="xs:ID"/></xs:extension></xs:simpleContent></xs:complexType></xs:schema>`, `<e xmlns="urn:t" a="b">2026-01-01</e>`)
	f.Add(header+`<xs:element name="e"><xs:complexType><xs:all><xs:element name="a" minOccurs="0"/></xs:all></xs:complexType><xs:key name="k"><xs:selector xpath=".//a|b"/><xs:field xpath="@x"/></xs:key></xs:element></xs:schema>`, `<e xmlns="urn:t"><a/></e>`)
	f.Fuzz(func(t *testing.T, schema, doc string) {
		s, err := xsd.Compile("t.xsd", schema, func(string) (string, bool) { return schema, true })
		if err != nil {
			return
		}
		if root, err := xmltree.Parse(doc); err == nil {
			s.Validate(root, false)
		}
	})
}
