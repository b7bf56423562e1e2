package xmltext_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr/xmltext"
)

const shop = `<?xml version="1.0"?>
<!--top--><shop xmlns:p="urn:p" xml:lang="en">
  <item id="1" p:kind="x"><name>apple</name><price>1.5</price></item>
  <item id="2"><name>pear</name><price>2</price></item>
  <item id="3"><name> plum  jam </name><price>n/a</price></item>
  <p:note>hi<![CDATA[ <there>]]><!--c-->!</p:note><?do it?>
  <sub xmlns="urn:d"><deep a="b" p:k="l"/></sub>
</shop>`

// show prints a result: nodes in brackets, elements as they are, other nodes
// quoted.
func show(r xmltext.Result) string {
	switch r.Kind {
	case xmltext.Number:
		return fmt.Sprint(r.Number)
	case xmltext.Text:
		return fmt.Sprintf("%q", r.Text)
	case xmltext.Boolean:
		return fmt.Sprint(r.Boolean)
	}
	var list []string
	for _, n := range r.Nodes {
		if n.IsElement {
			list = append(list, n.Text)
		} else {
			list = append(list, fmt.Sprintf("%q", n.Text))
		}
	}
	return "[" + strings.Join(list, " ") + "]"
}

func TestXPath(t *testing.T) {
	for _, c := range []struct{ text, expression, want string }{
		// What conformance cases say.
		{`<r><v>1</v><v>2</v><v>3</v><v>4</v><v>5</v></r>`, `sum(/r/v)`, `15`},
		{`<r><a>this is a</a><b>second</b><c>number c</c></r>`, `/r/b`, `[<b>second</b>]`},
		{`<r><a>this is a</a><b>second</b><c>number c</c></r>`, `/r/*/text()`, `["this is a" "second" "number c"]`},
		{`<r><a>1</a><a>2</a></r>`, `//a/text()`, `["1" "2"]`},
		{`<r><a>1</a><a>2</a></r>`, `count(//a)`, `2`},
		{`<r><a k="v"/></r>`, `string(/r/a/@k)`, `"v"`},
		{`<r><a>1</a></r>`, `boolean(/r/zz)`, `false`},
		{`<r/>`, `/r/none`, `[]`},

		// Paths, axes, predicates.
		{shop, `//item/@id`, `["1" "2" "3"]`},
		{shop, `//item[2]/name`, `[<name>pear</name>]`},
		{shop, `//item[last()]/@id`, `["3"]`},
		{shop, `//item[position()<3]/@id`, `["1" "2"]`},
		{shop, `//item[@id='2']/name/text()`, `["pear"]`},
		{shop, `//item[price > 1.6]/@id`, `["2"]`},
		{shop, `//item[@id > 1][1]/@id`, `["2"]`},
		{shop, `(//item)[last()]/@id`, `["3"]`},
		{shop, `//name[. = 'pear']/../@id`, `["2"]`},
		{shop, `//item[2]/preceding-sibling::item/@id`, `["1"]`},
		{shop, `//item[2]/following-sibling::*[1]/@id`, `["3"]`},
		{shop, `//item[3]/preceding-sibling::*[1]/@id`, `["2"]`},
		{shop, `//item[3]/preceding::name[1]/text()`, `["pear"]`},
		{shop, `count(//item[2]/following::node())`, `12`},
		{shop, `count(//price/ancestor::*)`, `4`},
		{shop, `name(//price[1]/ancestor::*[1])`, `"item"`},
		{shop, `count(//price/ancestor-or-self::node())`, `8`},
		{shop, `/descendant::item[3]/@id`, `["3"]`},
		{shop, `//item[3]/name | //item[1]/name`, `[<name>apple</name> <name> plum  jam </name>]`},
		{shop, `//item[name]/@id[. = 1 or . = 3]`, `["1" "3"]`},
		{shop, `//@id/parent::item[@id=1]/name/text()`, `["apple"]`},
		{shop, `//@id[1]/following::name[1]/text()`, `["apple" "pear" " plum  jam "]`},
		{shop, `//comment()`, `["top" "c"]`},
		{shop, `//processing-instruction()`, `["it"]`},
		{shop, `//processing-instruction('do') | //processing-instruction('x')`, `["it"]`},
		{shop, `/*/*[self::item]/@id`, `["1" "2" "3"]`},
		{shop, `//item[1]/@*`, `["1" "x"]`},
		{shop, `//item/*[not(self::name)]/text()`, `["1.5" "2" "n/a"]`},
		{shop, `count(/)`, `1`},
		{shop, `count(/node())`, `2`},
		{`<a><div><mod>and</mod></div></a>`, `a/div/mod[. = 'and']`, `[<mod>and</mod>]`},
		{`<a>2</a>`, `a * a div a mod 3`, `2`},
		{`<a/>`, `/`, `[<a />]`},
		{`<a><b/></a>`, `/*/child::node()`, `[<b />]`},

		// Namespaces: names without a prefix mean none, and what an element needs
		// is written out.
		{shop, `//deep`, `[]`},
		{shop, `//*[local-name()='deep']`, `[<deep a="b" p:k="l" xmlns:p="urn:p" xmlns="urn:d" />]`},
		{shop, `//*[namespace-uri()='urn:p']`, `[<p:note xmlns:p="urn:p">hi<![CDATA[ <there>]]><!--c-->!</p:note>]`},
		{shop, `name(//*[local-name()='note'])`, `"p:note"`},
		{shop, `local-name(//@*[namespace-uri()='urn:p'])`, `"kind"`},
		{shop, `namespace-uri(//*[name()='sub'])`, `"urn:d"`},
		{shop, `name(/)`, `""`},
		{shop, `name(//processing-instruction())`, `"do"`},
		{shop, `/shop/namespace::*`, `["urn:p" "http://www.w3.org/XML/1998/namespace"]`},
		{shop, `name(/shop/namespace::p)`, `"p"`},
		{`<r xmlns:p="u"><a><p:b/><p:c/></a></r>`, `/r/a`, `[<a><p:b xmlns:p="u" /><p:c xmlns:p="u" /></a>]`},
		{`<file xmlns="https://contoso.com"><location>Paris</location></file>`, `/*[name()="file"]/*[name()="location"]`, `[<location xmlns="https://contoso.com">Paris</location>]`},
		{`<a xmlns:p="u" p:b="1"/>`, `//@*`, `["1"]`},

		// Text is one node, whatever it is written as.
		{shop, `//*[local-name()='note']/text()`, `["hi <there>" "!"]`},
		{shop, `string(//*[local-name()='note'])`, `"hi <there>!"`},
		{`<a>x<![CDATA[y]]><b/>z</a>`, `/a/text()[2]`, `["z"]`},

		// Functions.
		{shop, `concat(//item[1]/name, '-', 1, true())`, `"apple-1true"`},
		{shop, `contains(//name, 'ppl')`, `true`},
		{shop, `starts-with(//name, //name)`, `true`},
		{shop, `substring-before('a=b=c', '=')`, `"a"`},
		{shop, `substring-after('a=b=c', '=')`, `"b=c"`},
		{shop, `substring-before('abc', 'x')`, `""`},
		{shop, `substring-after('abc', '')`, `"abc"`},
		{shop, `substring('12345', 2, 3)`, `"234"`},
		{shop, `substring('12345', 2)`, `"2345"`},
		{shop, `substring('12345', 1.5, 2.6)`, `"234"`},
		{shop, `substring('12345', 0, 3)`, `"12"`},
		{shop, `substring('12345', 0 div 0, 3)`, `""`},
		{shop, `substring('12345', 1, 0 div 0)`, `""`},
		{shop, `substring('12345', -42, 1 div 0)`, `"12345"`},
		{shop, `substring('12345', -1 div 0, 1 div 0)`, `""`},
		{shop, `substring('äöü', 2, 1)`, `"ö"`},
		{shop, `string-length('äö😀')`, `4`},
		{shop, `string-length()`, fmt.Sprint(len("apple1.5pear2 plum  jam n/ahi <there>!"))},
		{shop, `normalize-space(//item[3]/name)`, `"plum jam"`},
		{shop, `//name[normalize-space() = 'plum jam']/../@id`, `["3"]`},
		{shop, `translate('bar', 'abc', 'AB')`, `"BAr"`},
		{shop, `translate('--aaa--', 'abc-', 'ABC')`, `"AAA"`},
		{shop, `translate('aa', 'aa', 'xy')`, `"xx"`},
		{shop, `number('  -1.50 ')`, `-1.5`},
		{shop, `number('1e3')`, `NaN`},
		{shop, `number('+1')`, `NaN`},
		{shop, `number('')`, `NaN`},
		{shop, `number(true())`, `1`},
		{shop, `number('.5') + number('5.')`, `5.5`},
		{shop, `//price[number() = 2]/../@id`, `["2"]`},
		{shop, `sum(//item[position() < 3]/price)`, `3.5`},
		{shop, `sum(//price)`, `NaN`},
		{shop, `sum(//none)`, `0`},
		{shop, `floor(-1.5)`, `-2`},
		{shop, `ceiling(-1.5)`, `-1`},
		{shop, `round(2.5)`, `3`},
		{shop, `round(-2.5)`, `-2`},
		{shop, `round(0.49999999999999994)`, `0`},
		{shop, `string(round(-0.2))`, `"0"`},
		{shop, `5 mod 2`, `1`},
		{shop, `-5 mod 2`, `-1`},
		{shop, `5 mod -2`, `1`},
		{shop, `1.5 mod .5`, `0`},
		{shop, `7 div 2`, `3.5`},
		{shop, `1 div 0`, `+Inf`},
		{shop, `- - 3`, `3`},
		{shop, `2+3*4-1`, `13`},
		{shop, `string(1 div 0)`, `"Infinity"`},
		{shop, `string(-1 div 0)`, `"-Infinity"`},
		{shop, `string(0 div 0)`, `"NaN"`},
		{shop, `string(1.0)`, `"1"`},
		{shop, `string(0.1)`, `"0.1"`},
		{shop, `string(1 > 2)`, `"false"`},
		{shop, `string(//none)`, `""`},
		{shop, `boolean('false')`, `true`},
		{shop, `boolean('')`, `false`},
		{shop, `boolean(0 div 0)`, `false`},
		{shop, `boolean(//item)`, `true`},
		{shop, `not(0)`, `true`},
		{shop, `not(//none)`, `true`},
		{shop, `true() and not(false())`, `true`},
		{shop, `lang('en')`, `false`},
		{shop, `count(//item[lang('EN')])`, `3`},
		{`<a xml:lang="de-AT"/>`, `boolean(/a[lang('de')])`, `true`},
		{shop, `id('1')`, `[]`},

		// Comparisons.
		{shop, `//item/@id = 3`, `true`},
		{shop, `3 = //item/@id`, `true`},
		{shop, `'pear' = //name`, `true`},
		{shop, `//name != 'pear'`, `true`},
		{shop, `//item[2]/name != 'pear'`, `false`},
		{shop, `2 < //item/@id`, `true`},
		{shop, `//item/@id > 3`, `false`},
		{shop, `//item/@id >= 3`, `true`},
		{shop, `//price <= //item/@id`, `true`},
		{shop, `//price = //item/@id`, `true`},
		{shop, `//name = //price`, `false`},
		{shop, `//name != //name`, `true`},
		{shop, `//none = false()`, `true`},
		{shop, `true() = //item`, `true`},
		{shop, `//none = ''`, `false`},
		{shop, `//none != ''`, `false`},
		{shop, `'a' < 'b'`, `false`},
		{shop, `'1' < '2'`, `true`},
		{shop, `'1.0' = 1`, `true`},
		{shop, `'1.0' = '1'`, `false`},
		{shop, `'a' = true()`, `true`},
		{shop, `true() > false()`, `true`},
		{shop, `0 div 0 = 0 div 0`, `false`},
		{shop, `0 div 0 != 0 div 0`, `true`},
		{shop, `1 = 1 = 1`, `true`},
		{shop, `3 > 2 > 1`, `false`},
	} {
		got, err := xmltext.XPath(c.text, c.expression)
		if err != nil || show(got) != c.want {
			t.Errorf("%s\n got %s, %v\nwant %s", c.expression, show(got), err, c.want)
		}
	}
}

func TestXPathNumbersAsInTheProduct(t *testing.T) {
	for expression, want := range map[string]string{
		`string(1000000000000000)`: "1E+15", `string(0.00001)`: "1E-05", `string(0.0001)`: "0.0001", `substring('12345', 5, -1)`: "123",
	} {
		if got, err := xmltext.XPath("<a/>", expression); err != nil || got.Text != want {
			t.Errorf("%s = %q, %v; want %q", expression, got.Text, err, want)
		}
	}
	if got, err := xmltext.XPath("<a/>", "number('x')"); err != nil || !math.IsNaN(got.Number) {
		t.Error(got, err)
	}
}

var badExpressions = []string{
	``, ` `, `//`, `a[`, `a]`, `a[]`, `(`, `()`, `(a`, `a b`, `a/`, `/a//`, `@`, `a::b`, `child::`, `'a`, `1 +`, `a |`, `1 | 2`, `a | 1`,
	`1[1]`, `'a'/b`, `(1)/b`, `$x`, `$`, `p:a`, `@p:a`, `p:*`, `p:f()`, `p:`, `f()`, `count()`, `count(1)`, `count(a, b)`, `sum('1')`,
	`concat('a')`, `not()`, `true(1)`, `text(1)`, `a/count(b)`, `a/text` + `(`, `!`, `1 ! 2`, `a=`, `..[1]`, `.[1]`, `#`, "\x00", "\xff", `*:a`,
	`processing-instruction(1)`, `comment('a')`, `a and`, `and` + ` and`, `local-name('a')`, `name(1)`,
}

func TestXPathRefuses(t *testing.T) {
	for _, expression := range badExpressions {
		if got, err := xmltext.XPath(`<a/>`, expression); err == nil {
			t.Errorf("%s = %s", expression, show(got))
		}
	}
	if _, err := xmltext.XPath(`text`, `/`); err == nil {
		t.Error("plain text has nodes")
	}
}

func TestXPathIsBounded(t *testing.T) {
	text := "<a>" + strings.Repeat("<b><c>x</c></b>", 3000) + "</a>"
	for _, expression := range []string{
		`count(//*[. = string(/*)])`,
		"string-length(" + strings.Repeat("concat(/,.,/,", 100) + "''" + strings.Repeat(")", 100) + ") + count(//*[string(/) = ''])",
		strings.Repeat("(", 1000) + "1" + strings.Repeat(")", 1000),
		strings.Repeat("a[", 1000) + "1" + strings.Repeat("]", 1000),
		strings.Repeat("not(", 1000) + "1" + strings.Repeat(")", 1000),
		strings.Repeat("1+", 100_000) + "1",
	} {
		if got, err := xmltext.XPath(text, expression); err == nil {
			t.Errorf("%.40s… = %.40s", expression, show(got))
		}
	}
	// Long and flat is no problem, and neither is a join of ordinary size.
	for _, expression := range []string{
		strings.Repeat("1+", 20_000) + "1", strings.Repeat("-", 20_000) + "1", "//*" + strings.Repeat("[1]", 200), `count(//b[position() <= 500][c = //c])`,
	} {
		if _, err := xmltext.XPath(text, expression); err != nil {
			t.Errorf("%.40s…: %v", expression, err)
		}
	}
}

func FuzzXPath(f *testing.F) {
	for _, expression := range []string{
		`//item[price > 1.6]/@id | //name[last()]`, `sum(//price) div count(//item) mod 3`, `string(//*[local-name()='note']/namespace::*)`,
		`substring(concat(name(), 'x'), -1 div 0, 3)`, `//@*/following::node()[position() = last()]/preceding::text()`,
		`translate(normalize-space(.), 'a', 'b')`, `not(lang('en')) or round(-.5) = -0`, `ancestor-or-self::*[starts-with(., 'a')]`,
	} {
		f.Add(shop, expression)
	}
	for _, expression := range badExpressions {
		f.Add("<a/>", expression)
	}
	f.Fuzz(func(t *testing.T, text, expression string) {
		got, err := xmltext.XPath(text, expression)
		if err != nil {
			if strings.Contains(err.Error(), "cannot be evaluated") {
				t.Fatalf("the evaluation of %q failed by itself", expression)
			}
			return
		}
		for _, n := range got.Nodes {
			if !n.IsElement {
				continue
			}
			if _, err := xmltext.Canonical(n.Text); err != nil {
				t.Fatalf("%q yields %q: %v", expression, n.Text, err)
			}
		}
	})
}
