package liquid_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/operation/liquid"
	"github.com/latchwork/latchwork/shared/value"
)

func parse(t testing.TB, s string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func clock() time.Time { return time.Date(2026, 3, 9, 14, 5, 6, 0, time.UTC) }

func TestRender(t *testing.T) {
	const content = `{"firstName":"Dean","lastName":"Ledet","phone":"(111)0001111","devices":"Surface, Mobile, Desktop computer",
		"n":7,"f":2.5,"big":12345678901234567890,"large":10000000.0,"yes":true,"none":null,"z":{"b":1,"a":[1,{"c":2}]},
		"items":[{"name":"b","price":2,"on":true},{"name":"A","price":10},{"name":"c","price":1.5,"on":true}],"words":["x",null,"y","x"],"day":"2026-01-31T08:09:10Z","html":"<b>1 & 2</b>"}`
	for _, c := range []struct{ template, want string }{
		// The sample of the product's documentation.
		{"{%- assign deviceList = content.devices | Split: ', ' -%}\n{\"fullName\": \"{{content.firstName | Append: ' ' | Append: content.lastName}}\", \"firstNameUpperCase\": \"{{content.firstName | Upcase}}\", \"phoneAreaCode\": \"{{content.phone | Slice: 1, 3}}\", \"devices\" : [{%- for device in deviceList -%}{%- if forloop.Last == true -%}\"{{device}}\"{%- else -%}\"{{device}}\",{%- endif -%}{%- endfor -%}]}",
			`{"fullName": "Dean Ledet", "firstNameUpperCase": "DEAN", "phoneAreaCode": "111", "devices" : ["Surface","Mobile","Desktop computer"]}`},
		{"{{content.firstName | upcase}}{{content.missing}}{{content.missing.more}}{{nothing}}", "DEAN"},
		{"{{content.n}} {{content.f}} {{content.big}} {{content.large}} {{content.yes}} {{content.none}}|", "7 2.5 12345678901234567890 10000000 true |"},
		{"{{content.z}} {{content.z.a}} {{content.z.a[1].c}} {{content['z']['b']}} {{content.items.size}} {{content.items.first.name}}", `{"b":1,"a":[1,{"c":2}]} 1{"c":2} 2 1 3 b`},
		{"{{content.n | Plus: 1}} {{content.n | minus: 10}} {{content.n | Times: 1.5}} {{content.n | DividedBy: 2}} {{content.n | divided_by: 2.0}} {{content.n | Modulo: 4}}", "8 -3 10.5 3 3.5 3"},
		{"{{'1' | Plus: 1}} {{'3' | Times: 2}} {{'x' | Times: 2}}| {{9223372036854775807 | Plus: 1}} {{2.5 | Round}} {{3.5 | Round}} {{2.345 | Round: 1}}", "11 6 | 9.223372036854776E+18 2 4 2.3"},
		{"{{-3 | Abs}} {{2.1 | Ceil}} {{2.9 | Floor}} {{3 | AtLeast: 5}} {{3 | at_most: 2}}", "3 3 2 5 2"},
		{"{{content.day | Date: 'yyyy-MM-dd'}} {{content.day | Date: 'dd.MM.yyyy HH:mm'}} {{'now' | Date: 'yyyy'}} {{'today' | Date: 'HH:mm'}} {{'nonsense' | Date: 'yyyy'}}", "2026-01-31 31.01.2026 08:09 2026 00:00 nonsense"},
		{"{{content.items | Map: 'name' | Join: ','}} {{content.items | Sort: 'price' | Map: 'name' | Join}} {{content.items | sort_natural: 'name' | map: 'name' | join}} {{content.items | Where: 'on', true | Size}} {{content.items | Sum: 'price'}}", "b,A,c c b A A b c 2 13.5"},
		{"{{content.words | Compact | Uniq | Join: '-'}} {{content.words | Reverse | First}} {{content.words | Concat: content.words | Size}}", "x-y x 8"},
		{"{{'abc' | Slice: -2, 5}} {{'abc' | Slice: 9}}| {{'abcdef' | Truncate: 5}} {{'a b c' | Truncatewords: 2}} {{'a-b-c' | ReplaceFirst: '-', '+'}} {{'a-b-c' | Remove: '-'}} {{' x ' | Strip}}", "bc | ab... a b... a+b-c abc x"},
		{"{{content.html | Escape}} {{content.html | StripHtml}} {{'a b&c' | UrlEncode}} {{'a+b' | UrlDecode}} {{'dean' | Capitalize}} {{content.none | Default: 'd'}}", "&lt;b&gt;1 &amp; 2&lt;/b&gt; 1 & 2 a+b%26c a b Dean d"},
		{"{% for i in (1..3) %}{{forloop.Index}}{{forloop.rindex0}}{{forloop.First}} {% endfor %}", "12true 21false 30false "},
		{"{% for i in content.items reversed limit:2 offset:1 %}{{i.name}}{% else %}none{% endfor %}{% for i in content.none %}x{% else %}none{% endfor %}", "cAnone"},
		{"{% for i in (1..9) %}{% if i == 2 %}{% continue %}{% elsif i == 4 %}{% break %}{% endif %}{{i}}{% endfor %}", "13"},
		{"{% for m in content.z %}{{m[0]}}={{m[1]}};{% endfor %}", `b=1;a=1{"c":2};`},
		{"{% for i in (1..2) %}{% for j in (1..2) %}{{forloop.parentloop.index}}{{j}} {% endfor %}{% endfor %}{{forloop.index}}", "11 12 21 22 "},
		{"{% case content.n %}{% when 1, 7 %}seven{% else %}other{% endcase %}{% unless content.yes %}a{% else %}b{% endunless %}", "sevenb"},
		{"{% capture x %}{{content.n}}!{% endcapture %}{{x}}{% comment %}{{no}}{% endcomment %}{% raw %}{{x}}{% endraw %}{% cycle 'a','b' %}{% cycle 'a','b' %}{% cycle 'a','b' %}{% increment i %}{% increment i %}{% decrement d %}", "7!{{x}}aba01-1"},
		{"{% if content.firstName contains 'ea' and content.n > 3 %}y{% endif %}{% if content.z contains 'a' %}y{% endif %}{% if content.none %}n{% endif %}", "yy"},
		{"{{content.z | Json}} {{content.missing | Upcase}}|{{'a' | Append: content.missing}}", `{"b":1,"a":[1,{"c":2}]} |a`},
		{"{{ 'abc' | Slice: 0, -9223372036854775808 | Truncate: -1 }}{% for i in (9..1) %}x{% endfor %}{{ 1 | Slice: 9223372036854775807, 9223372036854775807 }}", "..."},
		{"[{% JSONArrayFor i in content.items %}\"{{i.name}}\"{% endJSONArrayFor %}]", `["b","A","c"]`},
	} {
		got, err := liquid.Render(context.Background(), c.template, parse(t, content), clock)
		if err != nil || got != c.want {
			t.Errorf("%s\n got %q %v\nwant %q", c.template, got, err, c.want)
		}
	}
}

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		template, want string
		line           int
	}{
		{"a\n{{ content | Unknown }}", "undefined filter", 2},
		{"\n\n{% for %}{% endfor %}", "", 3},
		{"{% if a %}", "unterminated", 1},
		{"{% nonsense %}", "undefined tag", 1},
		{"{% include 'x' %}", "cannot be included", 1},
		{"{{ 1 | DividedBy: 0 }}", "divided by zero", 1},
		{"{{ 1 | Append }}{{ 'a' | Slice }}{% for i in content limit:'x' %}{% endfor %}", "whole numbers", 1},
		{"{{ content | Date: 'q q q %' | Upcase: 1, 2, 3 }}{% assign = 1 %}", "", 1},
	} {
		_, err := liquid.Render(context.Background(), c.template, parse(t, `"c"`), clock)
		var e *liquid.Error
		if !errors.As(err, &e) || !strings.Contains(e.Message, c.want) || e.Line != c.line {
			t.Errorf("%q: %v", c.template, err)
		}
		if err != nil && strings.Contains(err.Error(), ".go") {
			t.Errorf("%q shows the inside: %v", c.template, err)
		}
	}
}

// TestHostileTemplates: whatever a template does, it ends.
func TestHostileTemplates(t *testing.T) {
	for name, template := range map[string]string{
		"endless":        "{% for a in (1..1000000) %}{% for b in (1..1000000) %}{% endfor %}{% endfor %}",
		"huge range":     "{% for a in (1..9223372036854775807) %}{% endfor %}",
		"range as list":  "{{ (1..9223372036854775807) | Join: ',' }}",
		"output":         "{% for a in (1..1000000) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
		"append":         "{% assign a = 'aaaaaaaa' %}{% for i in (1..64) %}{% assign a = a | Append: a %}{% endfor %}",
		"replace":        "{% assign a = 'aaaaaaaa' %}{% for i in (1..64) %}{% assign a = a | Replace: 'a', a %}{% endfor %}",
		"capture":        "{% assign a = 'aaaaaaaa' %}{% for i in (1..64) %}{% capture a %}{{a}}{{a}}{% endcapture %}{% endfor %}",
		"concat":         "{% assign a = 'a b' | Split: ' ' %}{% for i in (1..64) %}{% assign a = a | Concat: a %}{% endfor %}",
		"join":           "{% assign a = 'a' %}{% for i in (1..20) %}{% assign a = a | Append: a %}{% endfor %}{% assign l = a | Split: '' %}{{ l | Join: a }}",
		"range of texts": "{% for i in ('a'..'b') %}{% endfor %}",
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := liquid.Render(context.Background(), template, value.Null(), clock); err == nil {
				t.Errorf("no error, %d bytes", len(text))
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := liquid.Render(ctx, "{% for a in (1..1000000) %}{% endfor %}", value.Null(), clock); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestXML(t *testing.T) {
	content, err := liquid.FromXML(`<?xml version="1.0"?><o:order xmlns:o="urn:o" id="5"><o:item sku="a">Pen</o:item><o:item>Ink</o:item><note/><to><name>Jo</name></to></o:order>`)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(value.Reveal(content)), `{"order":{"@id":"5","item":[{"@sku":"a","#text":"Pen"},"Ink"],"note":"","to":{"name":"Jo"}}}`; got != want {
		t.Errorf("%s", got)
	}
	for _, c := range []struct{ template, want string }{
		{"{{content.order.to.name}} {{content.order.item[0]}} {{content.order.item[1]}} {{content.order['@id']}}", "Jo Pen Ink 5"},
		{"{% for i in content.order.item %}{{i}},{% endfor %}", "Pen,Ink,"},
		{"[{% JSONArrayFor i in content.order -%}\n \"{{i}}\"\n{% endJSONArrayFor -%}]", "[\"Pen\"\n,\"Ink\"\n,\"\"\n,\"{\"name\":\"Jo\"}\"\n]"},
	} {
		if got, err := liquid.Render(context.Background(), c.template, content, clock); err != nil || got != c.want {
			t.Errorf("%s: %q %v", c.template, got, err)
		}
	}
	if _, err := liquid.FromXML(`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`); err == nil {
		t.Error("a DTD was accepted")
	}
}

// FuzzRender: no template takes the process along or shows the inside of it.
func FuzzRender(f *testing.F) {
	f.Add("{{ content.a | Upcase }}", `{"a":"b"}`)
	f.Add("{% for i in content %}{% if forloop.Last %}{{i}}{% endif %}{% endfor %}", `[1,2]`)
	f.Add("{% case content %}{% when 1 %}{% endcase %}{%- assign a = (1..2) | Join -%}", `1`)
	f.Fuzz(func(t *testing.T, template, content string) {
		v, err := value.Parse([]byte(content))
		if err != nil {
			v = value.String(content)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := liquid.Render(ctx, template, v, clock); ctx.Err() != nil {
			t.Errorf("%q does not end", template)
		} else if err != nil && strings.Contains(err.Error(), "goroutine") {
			t.Errorf("%q: %v", template, err)
		}
	})
}
