package export_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/export"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

const canary = "CANARY-4711"

// stand is what the tests give secret parameters.
const stand = "given-to-"

func parse(t *testing.T, text string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func local() template.Context {
	return template.Local(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
}

// again loads a template, with values for its secrets.
func again(t *testing.T, exported value.Value) *template.Deployment {
	t.Helper()
	given := value.Object()
	for name, p := range exported.Member("parameters").Members {
		switch p.Member("type").Str() {
		case "secureString":
			given = given.With(name, value.Object(value.Member{Key: "value", Value: value.String(stand + name)}))
		case "secureObject":
			given = given.With(name, value.Object(value.Member{Key: "value", Value: value.Object(value.Member{Key: stand, Value: value.String(name)})}))
		}
		if strings.HasPrefix(p.Member("type").Str(), "secure") && p.Has("defaultValue") {
			t.Errorf("the secret parameter %s has a value", name)
		}
	}
	d, problems := template.Load(value.Indent(exported), "w", given, local())
	for _, p := range problems {
		t.Errorf("loaded again: %v", p)
	}
	return d
}

// same compares what was loaded again with what there was, but for secrets.
func same(t *testing.T, at string, was, is value.Value) {
	t.Helper()
	if strings.HasPrefix(is.Str(), stand) || is.Has(stand) {
		return
	}
	switch {
	case was.Kind() != is.Kind() || was.Len() != is.Len():
		t.Errorf("%s: %s became %s", at, value.Reveal(was), value.Reveal(is))
	case was.Kind() == value.KindArray:
		for i, x := range was.Elements {
			same(t, at+"[]", x, is.At(i))
		}
	case was.Kind() == value.KindObject:
		i := 0
		for name, x := range was.Members {
			if is.KeyAt(i) != name {
				t.Errorf("%s: the member %q became %q", at, name, is.KeyAt(i))
			}
			same(t, at+"."+name, x, is.At(i))
			i++
		}
	case string(value.Reveal(was)) != string(value.Reveal(is)):
		t.Errorf("%s: %s became %s", at, value.Reveal(was), value.Reveal(is))
	}
}

// withoutSecrets takes the values out that secure parameters have by default.
func withoutSecrets(definition value.Value) value.Value {
	declared := definition.Member("parameters")
	for name, p := range declared.Members {
		if strings.HasPrefix(strings.ToLower(p.Member("type").Str()), "secure") {
			declared = declared.With(name, p.Without("defaultValue"))
		}
	}
	if declared.Kind() == value.KindObject {
		definition = definition.With("parameters", declared)
	}
	return definition
}

// TestWhatIsExportedLoadsAgain is the property for all definitions at hand.
func TestWhatIsExportedLoadsAgain(t *testing.T) {
	folders := []string{"../../samples", "../../handlers/testdata/corpus", "../leaks/testdata", "../../../shared/corpus"}
	if more := os.Getenv("LATCHWORK_CORPUS"); more != "" {
		folders = append(folders, more)
	}
	n := 0
	for _, folder := range folders {
		if _, err := os.Stat(folder); err != nil {
			continue // not everybody has the larger collections
		}
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".json") || strings.HasSuffix(path, "parameters.json") {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			where := local()
			where.Assume = true
			loaded, _ := template.Load(data, "w", value.Value{}, where)
			if loaded == nil || len(loaded.Workflows) == 0 {
				return nil
			}
			n += len(loaded.Workflows)
			t.Run(strings.ReplaceAll(strings.TrimPrefix(path, "../../"), "/", "_"), func(t *testing.T) { roundTrip(t, loaded) })
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n < 8 {
		t.Errorf("only %d workflows were found", n)
	}
}

func roundTrip(t *testing.T, was *template.Deployment) {
	names := map[string]bool{}
	for _, w := range was.Workflows {
		if names[strings.ToLower(w.Name)] {
			return // of two subscriptions, say
		}
		names[strings.ToLower(w.Name)] = true
	}
	exported := export.Template(was.Workflows, was.Connections)
	is := again(t, exported)
	if len(is.Workflows) != len(was.Workflows) {
		t.Fatalf("%d workflows became %d", len(was.Workflows), len(is.Workflows))
	}
	for i, w := range was.Workflows {
		again := is.Workflows[i]
		if again.Name != w.Name || again.State != w.State {
			t.Errorf("%s, %s became %s, %s", w.Name, w.State, again.Name, again.State)
		}
		same(t, "definition", withoutSecrets(w.Definition), again.Definition)
		if w.Tags.Len() > 0 {
			same(t, "tags", w.Tags, again.Tags)
		}
		if !w.AccessControl.IsNull() {
			same(t, "accessControl", w.AccessControl, again.AccessControl)
		}
		for name, p := range w.Parameters.Members {
			if name != "$connections" {
				same(t, "parameters."+name, p.Without("type"), again.Parameters.Member(name))
			}
		}
		for name, c := range w.Parameters.Member("$connections").Member("value").Members {
			now, ok := again.Parameters.Member("$connections").Member("value").Get(name)
			if !ok || lastSegment(now.Member("connectionId").Str()) != lastSegment(c.Member("connectionId").Str()) {
				t.Errorf("the connection %s became %s", value.Reveal(c), value.Reveal(now))
			}
		}
	}
	// Exported once more it is the same template.
	if twice := export.Template(is.Workflows, is.Connections); len(was.Connections) > 0 && string(value.Indent(twice)) != string(value.Indent(exported)) && !hasSecrets(exported) {
		t.Errorf("exported twice:\n%s\n%s", value.Indent(exported), value.Indent(twice))
	}
}

func hasSecrets(exported value.Value) bool {
	for _, p := range exported.Member("parameters").Members {
		if strings.HasPrefix(p.Member("type").Str(), "secure") {
			return true
		}
	}
	return false
}

func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

func TestTemplate(t *testing.T) {
	mark := value.Origin{Class: value.Credential, Name: "keyvault:x"}
	const group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/"
	first := template.Workflow{
		Name: "first", ResourceID: group + "Microsoft.Logic/workflows/first", State: "Disabled", Tags: parse(t, `{"[a]":"[b]"}`),
		Identity:      parse(t, `{"type":"SystemAssigned","principalId":"p","tenantId":"t"}`),
		AccessControl: parse(t, `{"triggers":{"sasAuthenticationPolicy":{"state":"Disabled"}}}`),
		Definition: parse(t, `{"parameters":{"$connections":{"type":"Object","defaultValue":{}},"pass":{"type":"SecureString","defaultValue":"`+canary+`"},"box":{"type":"secureobject"},"plain":{"type":"String"}},
			"triggers":{},"actions":{"Call":{"type":"Workflow","inputs":{"host":{"workflow":{"id":"`+group+`Microsoft.Logic/workflows/Second"}}}},
			"Http":{"type":"Http","inputs":{"authentication":{"type":"Basic","username":"u","password":"`+canary+`"},"uri":"[not an expression]","odd":["[","[]","[[x]","[open","x]",{"['k']":1,"copy":[{"name":"n"}]}]}},
			"Ok":{"type":"Http","inputs":{"authentication":{"type":"Basic","username":"u","password":"@parameters('pass')"}}}}}`),
		Parameters: parse(t, `{"$connections":{"value":{"kv":{"connectionId":"`+group+`Microsoft.Web/connections/Vault","connectionName":"Vault","id":"/x/managedApis/keyvault",
			"connectionProperties":{"authentication":{"type":"ManagedServiceIdentity"}}},"own":{"connectionId":"`+group+`Microsoft.Web/connections/own","id":"/x/customApis/mine"}}},"plain":{"value":"x"}}`).
			With("pass", value.Object(value.Member{Key: "value", Value: value.String(canary).Mark(mark)})).
			With("box", value.Object(value.Member{Key: "value", Value: value.Object(value.Member{Key: "k", Value: value.String(canary)})})).
			With("plain", value.Object(value.Member{Key: "value", Value: value.String(canary).Mark(mark)})),
	}
	second := template.Workflow{
		Name: "second", ResourceID: group + "Microsoft.Logic/workflows/second", State: "Enabled",
		Definition: parse(t, `{"actions":{"Back":{"type":"Workflow","inputs":{"host":{"workflow":{"id":"`+group+`Microsoft.Logic/workflows/first"}}}}}}`), Parameters: value.Object(),
	}
	connection := template.Connection{Name: "Vault", ResourceID: group + "Microsoft.Web/connections/vault", API: "keyvault",
		Properties: parse(t, `{"displayName":"[v]","api":{"id":"/x"},"statuses":[{"status":"Connected"}],"parameterValueType":"Alternative","alternativeParameterValues":{"vaultName":"v"},"parameterValues":{"key":"`+canary+`","n":1}}`)}
	exported := export.Template([]template.Workflow{first, second}, []template.Connection{connection})
	text := string(value.Indent(exported))
	if strings.Contains(text, canary) || strings.Contains(string(value.Reveal(exported)), canary) {
		t.Errorf("a secret is in it:\n%s", text)
	}
	golden := filepath.Join("testdata", "template.json")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || text+"\n" != string(want) {
		t.Errorf("%v\ngot\n%s", err, text)
	}
	is := again(t, exported)
	first.Definition, first.Parameters = withoutSecrets(first.Definition), first.Parameters.Without("$connections")
	same(t, "definition", parse(t, strings.ReplaceAll(string(value.Reveal(first.Definition)), "workflows/Second", "workflows/second")), is.Workflows[0].Definition)
	same(t, "tags", first.Tags, is.Workflows[0].Tags)
	if id := is.Workflows[0].Parameters.Member("$connections").Member("value").Member("kv").Member("connectionId").Str(); !strings.EqualFold(id, connection.ResourceID) {
		t.Errorf("the connection is %s", id)
	}
}
