package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestGeneratedTemplateIsFresh fails when infra/main.json is not what
// infra/main.bicep compiles to; `make generate` writes it.
func TestGeneratedTemplateIsFresh(t *testing.T) {
	source, err := os.ReadFile("../../infra/main.bicep")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Compile(string(source))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile("../../infra/main.json"); err != nil || string(got) != string(want) {
		t.Errorf("infra/main.json is not what infra/main.bicep says: run `make generate` (%v)", err)
	}
}

const declared = `
@minLength(2)
param a string = 'x'
@secure()
param key string
var v = { k: a }
resource s 'M.S/accounts@2020-01-01' = if (a == 'x') {
  name: 'st${a}'
}
resource b 'M.S/accounts/blobs@2020-01-01' = {
  parent: s
  name: 'default'
}
`

// The wanted forms are those that Bicep's own compiler writes.
func TestCompile(t *testing.T) {
	for _, c := range []struct{ source, path, want string }{
		{``, "parameters.a", `{"type":"string","defaultValue":"x","minLength":2}`},
		{``, "parameters.key", `{"type":"secureString"}`},
		{``, "variables.v", `{"k":"[parameters('a')]"}`},
		{``, "resources.s", `{"condition":"[equals(parameters('a'), 'x')]","type":"M.S/accounts","apiVersion":"2020-01-01","name":"[format('st{0}', parameters('a'))]"}`},
		{``, "resources.b", `{"type":"M.S/accounts/blobs","apiVersion":"2020-01-01","name":"[format('{0}/{1}', format('st{0}', parameters('a')), 'default')]","dependsOn":["s"]}`},
		{`output o string = s.id`, "outputs.o.value", `"[resourceId('M.S/accounts', format('st{0}', parameters('a')))]"`},
		{`output o string = s.properties.e.blob`, "outputs.o.value", `"[reference('s').e.blob]"`},
		{`output o string = s.identity.principalId`, "outputs.o.value", `"[reference('s', '2020-01-01', 'full').identity.principalId]"`},
		{`output o bool = !empty(a) && a != 'y' || 1 < 2`, "outputs.o.value", `"[or(and(not(empty(parameters('a'))), not(equals(parameters('a'), 'y'))), less(1, 2))]"`},
		{`output o array = a == 'x' ? [{ n: true }] : []`, "outputs.o.value", `"[if(equals(parameters('a'), 'x'), createArray(createObject('n', true())), createArray())]"`},
		{`output o string = '[it''`, "", ``},
		{`output o string = '[it\'s {}'`, "outputs.o.value", `"[[it's {}"`},
		{`output o string = '{${a}}'`, "outputs.o.value", `"[format('{{{0}}}', parameters('a'))]"`},
		{`output o object = { '${a}-k': v.k }`, "outputs.o.value", `{"[format('{0}-k', parameters('a'))]":"[variables('v').k]"}`},
		{"resource r 'M.A/roles@2021-01-01' = {\n name: guid(b.id)\n scope: b\n properties: {\n  p: null\n }\n}", "resources.r",
			`{"type":"M.A/roles","apiVersion":"2021-01-01","name":"[guid(resourceId('M.S/accounts/blobs', format('st{0}', parameters('a')), 'default'))]","scope":"[resourceId('M.S/accounts/blobs', format('st{0}', parameters('a')), 'default')]","properties":{"p":null},"dependsOn":["b"]}`},
	} {
		template, err := Compile(declared + c.source)
		if c.want == "" {
			if err == nil {
				t.Errorf("%s: compiled", c.source)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.source, err)
			continue
		}
		var got, want any
		if err := json.Unmarshal(template, &got); err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(c.path, ".") {
			got = got.(map[string]any)[part]
		}
		if err := json.Unmarshal([]byte(c.want), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s%s: -want +got\n%s", c.source, c.path, diff)
		}
	}
}

// What is not known is refused, with its line: a template that says something else
// than its source is worse than none.
func TestCompileRefuses(t *testing.T) {
	for source, want := range map[string]string{
		"module m 'x.bicep' = {\n}":                 `line 1: "module" is not known here`,
		"\nvar a = b":                               "line 2: b is not known here",
		"var a = 'x":                                "line 1: a string does not end",
		"var a = 1\nvar a = 2":                      "line 2: a stands twice",
		"targetScope = 'subscription'":              "only the scope resourceGroup is known",
		"@export()\nparam a string":                 "@export is not known",
		"var a = 1 + 2":                             `'+' is not known here`,
		"var a = [1 2]":                             "want a comma",
		"resource r 'M.S/a/b@1' = {\n name: 'x'\n}": "has 1 segments, its type 2",
		"resource r 'M.S/a/b@1' = {\n parent: q\n name: 'x'\n}":         "must stand before it",
		"resource r 'M.S/a@1' = {\n name: 'x'\n}\nvar v = r.properties": "a variable may not read the state of r",
	} {
		if _, err := Compile(source); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", source, err, want)
		}
	}
}
