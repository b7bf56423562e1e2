package leaks_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/value"
)

func secure(t *testing.T, text, name string, sides ...string) string {
	t.Helper()
	var settings []leaks.Setting
	for _, side := range sides {
		settings = append(settings, leaks.Setting{Setting: definition.Setting{Name: name, Side: side}, Path: (*value.Path)(nil).Keys("actions", name)})
	}
	edited, left, err := leaks.Apply([]byte(text), settings)
	if err != nil || len(left) > 0 {
		t.Fatalf("%v, left %v", err, left)
	}
	return string(edited)
}

// TestApply: the setting is written in the manner of the file, and nothing else changes.
func TestApply(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"lines": {
			"{\n  \"actions\": {\n    \"A\": {\n      \"type\": \"Http\"\n    }\n  }\n}\n",
			"{\n  \"actions\": {\n    \"A\": {\n      \"type\": \"Http\",\n      \"runtimeConfiguration\": {\n        \"secureData\": {\n          \"properties\": [\n            \"outputs\"\n          ]\n        }\n      }\n    }\n  }\n}\n"},
		"tabs and CRLF": {
			"{\r\n\t\"actions\": {\r\n\t\t\"A\": {\r\n\t\t\t\"type\" : 1\r\n\t\t}\r\n\t}\r\n}",
			"{\r\n\t\"actions\": {\r\n\t\t\"A\": {\r\n\t\t\t\"type\" : 1,\r\n\t\t\t\"runtimeConfiguration\" : {\r\n\t\t\t\t\"secureData\" : {\r\n\t\t\t\t\t\"properties\" : [\r\n\t\t\t\t\t\t\"outputs\"\r\n\t\t\t\t\t]\r\n\t\t\t\t}\r\n\t\t\t}\r\n\t\t}\r\n\t}\r\n}"},
		"no blanks": {`{"actions":{"A":{"type":"Http"}}}`, `{"actions":{"A":{"type":"Http","runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}}}`},
		"one line":  {`{ "actions": { "A": { "type": "Http" } } }`, `{ "actions": { "A": { "type": "Http", "runtimeConfiguration": { "secureData": { "properties": [ "outputs" ] } } } } }`},
		"byte order mark, another case": {"\ufeff" + `{"actions":{"A":{"RunTimeConfiguration":{"x":1.50,"y":"\u0041"}}}}`,
			"\ufeff" + `{"actions":{"A":{"RunTimeConfiguration":{"x":1.50,"y":"\u0041","secureData":{"properties":["outputs"]}}}}}`},
		"an empty object":           {`{"actions":{"A":{"runtimeConfiguration":{}}}}`, `{"actions":{"A":{"runtimeConfiguration":{"secureData": {"properties": ["outputs"]}}}}}`},
		"an empty object, in lines": {"{\n  \"actions\": {\n    \"A\": {}\n  }\n}", "{\n  \"actions\": {\n    \"A\": {\n      \"runtimeConfiguration\": {\n        \"secureData\": {\n          \"properties\": [\n            \"outputs\"\n          ]\n        }\n      }\n    }\n  }\n}"},
		"null":                      {`{"actions":{"A":{"runtimeConfiguration":null}}}`, `{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}}}`},
		"secureData without more":   {`{"actions":{"A":{"runtimeConfiguration":{"secureData":{"a": 1}}}}}`, `{"actions":{"A":{"runtimeConfiguration":{"secureData":{"a": 1, "properties": ["outputs"]}}}}}`},
		"an empty list":             {`{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":[]}}}}}`, `{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}}}`},
		"the other side":            {`{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":[ "inputs" ]}}}}}`, `{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":[ "inputs", "outputs" ]}}}}}`},
		"the other side, in lines":  {"{\"actions\":{\"A\":{\"runtimeConfiguration\":{\"secureData\":{\"properties\":[\n  \"inputs\"\n]}}}}}", "{\"actions\":{\"A\":{\"runtimeConfiguration\":{\"secureData\":{\"properties\":[\n  \"inputs\",\n  \"outputs\"\n]}}}}}"},
		"there already":             {`{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":["Outputs"]}}}}}`, `{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":["Outputs"]}}}}}`},
		"comments": {
			"{\n  \"actions\": {\n    \"A\": { // a\n      \"type\": \"Http\" // last, with a }\n      /* more */\n    }\n  }\n}",
			"{\n  \"actions\": {\n    \"A\": { // a\n      \"type\": \"Http\", // last, with a }\n      /* more */\n      \"runtimeConfiguration\": {\n        \"secureData\": {\n          \"properties\": [\n            \"outputs\"\n          ]\n        }\n      }\n    }\n  }\n}"},
		"the last one of a repeated name counts": {`{"actions":{"A":{"x":1},"A":{"x":2}}}`, `{"actions":{"A":{"x":1},"A":{"x":2,"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := secure(t, c.text, "A", "outputs")
			if got != c.want {
				t.Errorf("\n got %q\nwant %q", got, c.want)
			}
			if again := secure(t, got, "A", "outputs"); again != got {
				t.Errorf("a second time changes it: %q", again)
			}
			if _, _, err := value.ParseDocument([]byte(secure(t, got, "A", "inputs"))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestApplyLeaves what has no place in the text, and changes nothing for it.
func TestApplyLeaves(t *testing.T) {
	for _, text := range []string{
		`{"actions":{"[concat('A')]":{}}}`, `{"actions":{"A":1}}`, `{"actions":{"A":{"runtimeConfiguration":"[variables('r')]"}}}`,
		`{"actions":{"A":{"runtimeConfiguration":{"secureData":{"properties":"outputs"}}}}}`,
	} {
		s := leaks.Setting{Setting: definition.Setting{Name: "A", Side: "outputs"}, Path: (*value.Path)(nil).Keys("actions", "A")}
		edited, left, err := leaks.Apply([]byte(text), []leaks.Setting{s})
		if err != nil || len(left) != 1 || string(edited) != text {
			t.Errorf("%s: %s %v %v", text, edited, left, err)
		}
	}
	if _, _, err := leaks.Apply([]byte(`{"a"`), make([]leaks.Setting, 1)); err == nil {
		t.Error("no JSON")
	}
}

func FuzzApply(f *testing.F) {
	f.Add(`{"actions":{"A":{"type":"Http" /* c */}}}`)
	f.Add("{\"actions\":{\"A\":{ // x\n\"a\":[],\n\"runtimeConfiguration\":{}}}}")
	f.Fuzz(func(t *testing.T, text string) {
		s := leaks.Setting{Setting: definition.Setting{Name: "A", Side: "outputs"}, Path: (*value.Path)(nil).Keys("actions", "A")}
		edited, left, err := leaks.Apply([]byte(text), []leaks.Setting{s})
		if err != nil || len(left) > 0 {
			return
		}
		v, _, err := value.ParseDocument(edited)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, edited, err)
		}
		a := v.Member("actions").Member("A").Member("runtimeConfiguration").Member("secureData").Member("properties")
		if !strings.Contains(strings.ToLower(string(value.Reveal(a))), `"outputs"`) {
			t.Fatalf("%q became %q", text, edited)
		}
	})
}
