package value_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

func TestParseKeepsWhatOtherDecodersLose(t *testing.T) {
	for in, want := range map[string]string{
		`{"b":1,"a":2,"b":3}`:                           `{"a":2,"b":3}`,
		`[9007199254740993,-9223372036854775808]`:       `[9007199254740993,-9223372036854775808]`,
		`[12345678901234567890,1.00000000000000000001]`: `[12345678901234567890,1.00000000000000000001]`,
		`[5.0,1e20,0.00001,1.5e300,-0.0]`:               `[5.0,1E+20,1E-05,1.5E+300,-0.0]`,
		`"\ud83d\ude00 \u00e9 \/ \ud83d"`:               "\"😀 é / \ufffd\"",
		"\ufeff[]":                                      `[]`,
		` { "a" : [ true , false , null ] } `:           `{"a":[true,false,null]}`,
		`"\u0001\u001f\"\\"`:                            `"\u0001\u001f\"\\"`,
	} {
		v, err := value.Parse([]byte(in))
		if err != nil {
			t.Errorf("%s: %v", in, err)
		} else if got := string(value.Reveal(v)); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestParseRefusesWhatIsNotJSON(t *testing.T) {
	for _, in := range []string{"", " ", "{", "[1,]", `{"a":1,}`, `{"a" 1}`, "01", "1.", "1e", "-", "tru", `"a`, `"\x"`, `"\u12"`, "[1 2]", "1 2", "\"a\nb\"", "// c\n1", "1e999",
		strings.Repeat("[", value.MaxDepth+2) + strings.Repeat("]", value.MaxDepth+2)} {
		_, err := value.Parse([]byte(in))
		var syntax *value.SyntaxError
		if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 {
			t.Errorf("%.40q: err = %v", in, err)
		}
	}
}

// TestAppendText: expressions see doubles, whatever digits they were read with.
func TestAppendText(t *testing.T) {
	v, err := value.Parse([]byte(`{"a":[9223372036854775808,0.12345678901234567890,5.0,1]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(value.AppendText([]byte("="), v)); got != `={"a":[9.223372036854776E+18,0.12345678901234568,5.0,1]}` {
		t.Error(got)
	}
}

func TestDocumentsMayHaveComments(t *testing.T) {
	v, repeated, err := value.ParseDocument([]byte("// one\n{ /* two */ \"a\": 1, // three\n \"x\": {\"b\": 1, \"b\": 2} }\n"))
	if err != nil || string(value.Reveal(v)) != `{"a":1,"x":{"b":2}}` {
		t.Fatalf("%s %v", value.Reveal(v), err)
	}
	if len(repeated) != 1 || repeated[0].String() != "$.x.b" {
		t.Errorf("repeated: %v", repeated)
	}
}

func TestLocate(t *testing.T) {
	doc := []byte("{\n  // a comment\n  \"a\": [ 1,\n    {\"odd name\": \"ü\", \"b\": 2} ],\n  \"c\": 3, \"c\": 4\n}")
	root, places := (*value.Path)(nil), value.NewPlaces(doc)
	for _, c := range []struct {
		path         *value.Path
		line, column int
		text         string
	}{
		{root, 1, 1, "$"},
		{root.Key("a").Index(0), 3, 10, "$.a[0]"},
		{root.Key("a").Index(1).Key("b"), 4, 28, "$.a[1].b"},
		{root.Key("a").Index(1).Key("odd name"), 4, 18, "$.a[1]['odd name']"},
		{root.Key("c"), 5, 16, "$.c"},
		{root.Key("a").Index(7), 3, 8, "$.a[7]"},
		{root.Keys("none", "deeper"), 1, 1, "$.none.deeper"},
	} {
		if line, column := places.Locate(c.path); line != c.line || column != c.column {
			t.Errorf("%s: %d:%d, want %d:%d", c.path, line, column, c.line, c.column)
		}
		if c.path.String() != c.text {
			t.Errorf("%s, want %s", c.path, c.text)
		}
	}
}

func TestMembersAreFoundIgnoringCase(t *testing.T) {
	v, err := value.Parse([]byte(`{"aAa":1,"AaA":2,"Straße":3,"k1":0,"k2":0,"k3":0,"k4":0,"k5":0,"k6":0,"k7":0,"K8":8}`))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int64{"aaa": 1, "AaA": 2, "STRASSE": -1, "straße": 3, "k8": 8, "none": -1} {
		got, ok := v.Member(key).AsInt()
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%s: %d, want %d", key, got, want)
		}
	}
	changed := v.With("AAA", value.Int(9)).Without("k1")
	if n, _ := changed.Member("aAa").AsInt(); n != 9 || changed.Has("K1") || v.Len() != changed.Len()+1 {
		t.Errorf("With and Without: %s", changed)
	}
}

func TestTextKeepsACopy(t *testing.T) {
	for _, n := range []int{0, 1, 31, 32, 33, 1000} {
		buffer := []byte(strings.Repeat("s", n))
		plain, marked := value.Text(buffer), value.Text(buffer).Mark(value.Origin{Class: value.Secured, Name: "vault"})
		for i := range buffer {
			buffer[i] = 'x'
		}
		want := strings.Repeat("s", n)
		if plain.Str() != want || marked.Str() != want || plain.Marked() || !marked.Marked() || marked.String() != `"[redacted]"` {
			t.Errorf("%d: %v %v", n, plain, marked)
		}
	}
}

func TestIntegersAroundThoseThatAreReady(t *testing.T) {
	for _, i := range []int64{-129, -128, -1, 0, 1023, 1024} {
		parsed, err := value.ParseText(strconv.FormatInt(i, 10))
		a, okA := value.Int(i).AsInt()
		b, okB := parsed.AsInt()
		if err != nil || !okA || !okB || a != i || b != i {
			t.Errorf("%d: %d %d %v", i, a, b, err)
		}
	}
}

func TestFloatText(t *testing.T) {
	for f, want := range map[float64]string{5: "5", 0.00001: "1E-05", 1e21: "1E+21", 9223372036854775809.5: "9.223372036854776E+18", 0.1: "0.1", 123456789012345: "123456789012345", 1e15: "1E+15", 1234567890123456: "1234567890123456", -1.5e-7: "-1.5E-07"} {
		if got := value.FloatText(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,"x\u00e9",null,true]}`, `"\ud83d\ude00"`, "[[[[", `{"a":1,"a":2}`, "/* */ 1", "-0", "1E400"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if v, _, err := value.ParseDocument(data); err == nil {
			again, err := value.Parse(value.Reveal(v))
			if err != nil || string(value.Reveal(again)) != string(value.Reveal(v)) {
				t.Errorf("%q does not survive: %v", data, err)
			}
			checkPlaces(t, data, value.NewPlaces(data), nil, v)
		}
		value.NewPlaces(data).Locate((*value.Path)(nil).Key("a").Index(1))
	})
}

// checkPlaces: where a value is said to stand, it stands, at line and column as if
// counted from the beginning.
func checkPlaces(t *testing.T, data []byte, places *value.Places, path *value.Path, v value.Value) {
	t.Helper()
	start, end, ok := places.Span(path)
	if !ok {
		t.Fatalf("%q: %s is not found", data, path)
	}
	there, _, err := value.ParseDocument(data[start:end])
	if err != nil || string(value.Reveal(there)) != string(value.Reveal(v)) {
		t.Errorf("%q: at %s stands %q, %v", data, path, data[start:end], err)
	}
	before := string(data[:start])
	last := before[strings.LastIndex(before, "\n")+1:]
	if line, column := places.Locate(path); utf8.ValidString(last) && (line != 1+strings.Count(before, "\n") || column != 1+utf8.RuneCountInString(last)) {
		t.Errorf("%q: %s is said to be at %d:%d", data, path, line, column)
	}
	switch v.Kind() {
	case value.KindObject:
		for name, member := range v.Members {
			checkPlaces(t, data, places, path.Key(name), member)
		}
	case value.KindArray:
		for i := range v.Len() {
			checkPlaces(t, data, places, path.Index(i), v.At(i))
		}
	}
}

func TestPlaces(t *testing.T) {
	long := `{"ü": "` + strings.Repeat("ö", 5000) + `", "a": [` + strings.Repeat("1,", 5000) + "\n{\"k\": [null, /* ü */ true]}]}"
	wide := "{" + strings.Repeat(`"x": 1, "y": {"a": [], "b": {}}, `, 3)
	for i := range 20 {
		wide += fmt.Sprintf(`"n%d": %d, `, i%15, i)
	}
	for _, text := range []string{"\ufeff {\"a\":1} // end", " [1, [2, [3]]]", `"x"`, long, wide + `"z": "\u0041"}`} {
		v, _, err := value.ParseDocument([]byte(text))
		if err != nil {
			t.Fatalf("%.40s: %v", text, err)
		}
		checkPlaces(t, []byte(text), value.NewPlaces([]byte(text)), nil, v)
	}
	// What is not JSON has places up to there.
	for text, column := range map[string]int{"": 1, " ": 2, `{"a":{"b":1`: 11, `{"a":{"b"`: 6, `{"a"`: 1, `{"a":{"b":1}x`: 11, `{"a":{"b":[`: 11, `{"a": 1`: 7, `{"a":[1,`: 6} {
		places := value.NewPlaces([]byte(text))
		root := (*value.Path)(nil)
		if _, got := places.Locate(root.Keys("a", "b")); got != column {
			t.Errorf("%s: column %d, want %d", text, got, column)
		}
		if _, _, ok := places.Span(root); ok {
			t.Errorf("%s is whole", text)
		}
	}
}

func BenchmarkLocate(b *testing.B) {
	text := `{"actions":{"last":0`
	for i := range 250 {
		text += fmt.Sprintf(",\n\"Action_%d\":{\"inputs\":{\"a\":[%s0]}}", i, strings.Repeat(`"x",`, 40))
	}
	data := []byte(text + "}}")
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		places := value.NewPlaces(data)
		for i := range 250 {
			if line, _ := places.Locate((*value.Path)(nil).Keys("actions", fmt.Sprintf("Action_%d", i), "inputs", "a")); line != i+2 {
				b.Fatal(line)
			}
		}
	}
}

func BenchmarkParse(b *testing.B) {
	data := []byte(`{"orders":[` + strings.Repeat(`{"id":"A-17","total":1250.5,"lines":[{"sku":"X1","quantity":2}],"open":true},`, 20) + `null]}`)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := value.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}
