package operation

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/value"
)

// TestReaderForgives: what Newtonsoft takes for JSON, and what it reads.
func TestReaderForgives(t *testing.T) {
	for text, want := range map[string]string{
		// Quotes and names.
		`{'who':'a "friend"'}`:         `{"who":"a \"friend\""}`,
		`{size:3,$ref_1:4,größe:5}`:    `{"size":3,"$ref_1":4,"größe":5}`,
		`{42:true, x : false}`:         `{"42":true,"x":false}`,
		`["it\'s","\u00fc\u20AC",'/']`: `["it's","ü€","/"]`,
		`["\uD83D\uDEA2"]`:             `["🚢"]`,
		`["\ud83d-","\udea2"]`:         "[\"\ufffd-\",\"\ufffd\"]",
		"[\"two\nlines\",'tab\t']":     `["two\nlines","tab\t"]`,
		// Comments, commas, ends.
		"/* a */ [1, // b\r\n2] // c": `[1,2]`,
		"{\"a\":/*\n*/1}":             `{"a":1}`,
		`["a","b",]`:                  `["a","b"]`,
		`{"a":"b",}`:                  `{"a":"b"}`,
		`[,'x',,]`:                    `[null,"x",null]`,
		`{"a":,"b":2}`:                `{"a":null,"b":2}`,
		`["a"] and more`:              `["a"]`,
		`{"a":1}]`:                    `{"a":1}`,
		`true false`:                  `true`,
		`[true`:                       `[true]`,
		`[{"a":["b"`:                  `[{"a":["b"]}]`,
		`{"a":{"b":7 `:                `{"a":{"b":7}}`,
		`{"a":1,"b":2,'a':3}`:         `{"b":2,"a":3}`,
		" \t\r\n":                     `null`,
		"// nothing":                  `null`,
		// Words and numbers.
		`[undefined,NaN,-Infinity]`:    `[null,"NaN","-Infinity"]`,
		`[Infinity,null,]`:             `["Infinity",null]`,
		`[0x2f,0XFF,017,-017]`:         `[47,255,15,-17]`,
		`[.25,-.25,3.,2e3,5E-1,-0]`:    `[0.25,-0.25,3.0,2000.0,0.5,0]`,
		`[4e400,-4e400]`:               `["Infinity","-Infinity"]`,
		`['',18446744073709551616]`:    `["",18446744073709551616]`,
		`['',0.12345678901234567890]`:  `["",0.12345678901234567890]`,
		`{"at":'2026-03-05T10:00:00Z'`: `{"at":"2026-03-05T10:00:00Z"}`,
	} {
		v, err := readJSON(text)
		if got := string(value.Reveal(v)); err != nil || got != want {
			t.Errorf("%s: %s %v", text, got, err)
		}
	}
}

// TestReaderRefuses: the messages are Newtonsoft's, with the place where it stops.
func TestReaderRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`plain text`:                   "Unexpected character encountered while parsing value: p. Path '', line 0, position 0.",
		`  plain`:                      "Unexpected character encountered while parsing value: p. Path '', line 1, position 2.",
		`[true,+3]`:                    "Unexpected character encountered while parsing value: +. Path '[0]', line 1, position 6.",
		"[7,\r8,\n\r\n*]":              "Unexpected character encountered while parsing value: *. Path '[1]', line 4, position 0.",
		"{\"ü\":1,\n\"b\": ü}":         "Unexpected character encountered while parsing value: ü. Path 'b', line 2, position 5.",
		"[\"🚢\", ?]":                   "Unexpected character encountered while parsing value: ?. Path '[0]', line 1, position 7.",
		`]x`:                           "JsonToken EndArray is not valid for closing JsonType None. Path '', line 1, position 1.",
		`{"k":]`:                       "JsonToken EndArray is not valid for closing JsonType Object. Path 'k', line 1, position 6.",
		`["a"}`:                        "JsonToken EndObject is not valid for closing JsonType Array. Path '[0]', line 1, position 5.",
		`{"k":[0]]`:                    "JsonToken EndArray is not valid for closing JsonType Object. Path 'k', line 1, position 9.",
		`["a",`:                        "Unexpected end when reading token. Path ''.",
		`{"k"`:                         "Unexpected end when reading token. Path ''.",
		`{"k":[[],{"l":`:               "Unexpected end when reading token. Path 'k[1]'.",
		`[fals`:                        "Unexpected end when reading JSON. Path '', line 1, position 5.",
		`[0,falsy]`:                    "Error parsing boolean value. Path '[0]', line 1, position 7.",
		`[nullx]`:                      "Error parsing null value. Path '', line 1, position 5.",
		`[undefinable]`:                "Error parsing undefined value. Path '', line 1, position 8.",
		`["a" "b"]`:                    `After parsing a value an unexpected character was encountered: ". Path '[0]', line 1, position 5.`,
		`{"k":0 l:1}`:                  "After parsing a value an unexpected character was encountered: l. Path 'k', line 1, position 7.",
		`{"k":0,;`:                     "Invalid property identifier character: ;. Path 'k', line 1, position 7.",
		`{key!:0}`:                     "Invalid JavaScript property identifier character: !. Path '', line 1, position 4.",
		`{"k";0}`:                      "Invalid character after parsing property name. Expected ':' but got: ;. Path '', line 1, position 4.",
		`{"k":"open`:                   `Unterminated string. Expected delimiter: ". Path 'k', line 1, position 10.`,
		`'open\`:                       `Unterminated string. Expected delimiter: '. Path '', line 1, position 6.`,
		`["\v"]`:                       `Bad JSON escape sequence: \v. Path '', line 1, position 4.`,
		`["\u00zz"]`:                   `Invalid Unicode escape sequence: \u00zz. Path '', line 1, position 4.`,
		`["\u00`:                       `Unexpected end while parsing Unicode escape sequence. Path '', line 1, position 6.`,
		`[0 /*`:                        "Unexpected end while parsing comment. Path '[0]', line 1, position 5.",
		`[0 /`:                         "Unexpected end while parsing comment. Path '[0]', line 1, position 4.",
		`[0 /!`:                        "Error parsing comment. Expected: *, got !. Path '[0]', line 1, position 4.",
		`[7.7.7]`:                      "Input string '7.7.7' is not a valid number. Path '[0]', line 1, position 6.",
		`[089,1]`:                      "Input string '089' is not a valid number. Path '[0]', line 1, position 4.",
		`[3e+]`:                        "Input string '3e+' is not a valid number. Path '[0]', line 1, position 4.",
		`[-0x10]`:                      "Input string '-0x10' is not a valid number. Path '[0]', line 1, position 6.",
		`[0x]`:                         "Input string '0x' is not a valid number. Path '[0]', line 1, position 3.",
		`[1+2]`:                        "Input string '1+2' is not a valid number. Path '[0]', line 1, position 4.",
		`[9f8e7d6c5b4a39281706]`:       "Input string '9…' is not a valid number. Path '[0]', line 1, position 21.",
		`[12:30]`:                      "Unexpected character encountered while parsing number: :. Path '', line 1, position 3.",
		`{'a b':{"c.d":{e:{'f\'g':[?`:  `Unexpected character encountered while parsing value: ?. Path '['a b']['c.d'].e['f\'g']', line 1, position 26.`,
		strings.Repeat("[", 600):       "The reader's MaxDepth of 512 has been exceeded. Path '" + strings.Repeat("[0]", 511) + "', line 1, position 512.",
		strings.Repeat(`{"a":`, 100e3): "",
	} {
		v, err := readJSON(text)
		if err == nil || want != "" && err.Error() != want {
			t.Errorf("%.60s: %s\n got %v\nwant %s", text, v, err, want)
		}
	}
}

// FuzzReader: whatever the text is, reading ends, and what was read is JSON.
func FuzzReader(f *testing.F) {
	for _, seed := range []string{`{'a':[1,,0x1f,.5,],b:NaN /*c*/}`, `"\ud83d`, `[1`, `{"a":1}}`, "\r\n//", `-I`, `00`, "\ufeff[]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := readJSON(text)
		if err != nil {
			return
		}
		if _, err := value.Parse(value.Reveal(v)); err != nil {
			t.Errorf("%q: %s", text, value.Reveal(v))
		}
	})
}
