package deploy_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/deploy"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

var updateCorpus = flag.Bool("update-corpus", false, "write testdata/corpus.golden; needs the corpus")

// TestCorpus: templates and workflows written by others deploy, or say precisely what
// they need. Some are in testdata/templates; the rest is read where LATCHWORK_CORPUS
// names its folder, or beside the repository.
func TestCorpus(t *testing.T) {
	const golden = "testdata/corpus.golden"
	data, err := os.ReadFile(golden)
	if err != nil && !*updateCorpus {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, ": ")
		want[name] = append(want[name], strings.TrimRight(line, "\n"))
	}
	files, err := filepath.Glob("testdata/templates/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no templates", err)
	}
	corpus := os.Getenv("LATCHWORK_CORPUS")
	if corpus == "" {
		corpus = "../../../shared/corpus"
	}
	templates, _ := filepath.Glob(filepath.Join(corpus, "templates", "*.json"))
	envelopes, _ := filepath.Glob(filepath.Join(corpus, "arm-*.json"))
	if len(templates) == 0 || len(envelopes) == 0 {
		t.Logf("THE CORPUS IS NOT AT %s: only the %d templates in testdata were deployed. LATCHWORK_CORPUS names its folder.", corpus, len(files))
	}
	var all []string
	for _, file := range slices.Concat(files, templates, envelopes) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		examples := value.Object()
		name := filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file)
		if slices.Contains(envelopes, file) {
			name = "envelope " + filepath.Base(file)
			data, examples = sourceForm(t, data)
		}
		got := outcome(t, name, data, examples)
		if all = append(all, got...); !*updateCorpus && !slices.Equal(got, want[name]) {
			t.Errorf("%s:\n got  %s\n want %s", name, strings.Join(got, "\n      "), strings.Join(want[name], "\n      "))
		}
	}
	if *updateCorpus {
		if err := os.WriteFile(golden, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// outcome deploys a template: what it says without parameters, and with them.
func outcome(t *testing.T, name string, data []byte, examples value.Value) (lines []string) {
	t.Helper()
	where := template.Local(moment)
	say := func(p value.Problem) {
		if !p.Warning {
			lines = append(lines, name+": "+p.Code+": "+p.Message+" at "+p.Path.String())
		}
	}
	given, missing := value.Object(), []string{}
	for _, p := range template.Declared(data) {
		if p.Missing {
			v, known := examples.Get(p.Name)
			if !known {
				v = example(p)
			}
			given = given.With(p.Name, value.Object(value.Member{Key: "value", Value: v}))
			missing = append(missing, p.Name)
		}
	}
	if len(missing) > 0 { // each of them is told, with its place
		_, problems := template.Open(data, "w", value.Object(), where)
		for i, p := range problems {
			if len(problems) != len(missing) || p.Code != "InvalidTemplate" || !strings.HasPrefix(p.Message, "The value for the template parameter '"+missing[i]+"' (") {
				t.Errorf("%s: %v, missing are %v", name, p, missing)
			}
		}
		lines = append(lines, name+": needs "+strings.Join(missing, ", "))
	}
	tmpl, problems := template.Open(data, "w", given, where)
	for _, p := range problems {
		say(p)
	}
	if slices.ContainsFunc(problems, func(p value.Problem) bool { return !p.Warning }) {
		return lines
	}
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	backend := opened(t, b, err)
	to, _ := target(t, backend)
	plan, problems, err := deploy.New(t.Context(), tmpl, to, deploy.Answers{})
	if err != nil {
		t.Fatal(name, err)
	}
	for _, p := range problems {
		say(p)
	}
	if plan == nil {
		if got := state(t, backend); got != "" {
			t.Errorf("%s: refused, and %s", name, got)
		}
		return lines
	}
	if err := plan.Apply(t.Context(), nil); err != nil {
		return append(lines, name+": "+err.Error())
	}
	lines = append(lines, name+": "+changes(plan))
	again, _, err := deploy.New(t.Context(), tmpl, to, deploy.Answers{})
	if err != nil || again == nil {
		t.Fatal(name, err)
	}
	for _, s := range again.Steps {
		if s.Change == deploy.Modify || s.Change == deploy.Create {
			t.Errorf("%s: deployed twice, %s changes: %v", name, s.Name, s.Delta)
		}
	}
	return lines
}

func example(p template.Parameter) value.Value {
	switch strings.ToLower(p.Type) {
	case "int":
		return value.Int(1)
	case "bool":
		return value.Bool(true)
	case "array":
		return value.Array()
	case "object", "secureobject":
		return value.Object()
	}
	return value.String("example-" + p.Name)
}

var (
	parameterUse = regexp.MustCompile(`parameters\('([^']+)'\)`)
	variableUse  = regexp.MustCompile(`variables\('([^']+)'\)`)
)

// sourceForm is the template that the workflow of an envelope was taken from, as far as
// the envelope tells: what the workflow uses of it is a parameter without a value, and
// a variable is text. Examples are values that the envelope knows.
func sourceForm(t *testing.T, data []byte) (source []byte, examples value.Value) {
	t.Helper()
	v := parse(t, string(data))
	properties := v.Member("properties")
	parameters, variables := value.NewObject(0), value.NewObject(0)
	known, declared := value.NewObject(0), map[string]bool{}
	uses(properties, nil, func(text string, at *value.Path) {
		typ := "string"
		if resolved, ok := at.Lookup(v.Member("resolved")); ok && parameterUse.FindString(text) == text[1:len(text)-1] {
			typ = map[value.Kind]string{value.KindInt: "int", value.KindBool: "bool", value.KindArray: "array", value.KindObject: "object"}[resolved.Kind()]
			if typ == "" {
				typ = "string"
			}
			known.Set(parameterUse.FindStringSubmatch(text)[1], resolved)
		}
		for _, m := range parameterUse.FindAllStringSubmatch(text, -1) {
			if !declared[m[1]] || typ != "string" {
				parameters.Set(m[1], value.Object(value.Member{Key: "type", Value: value.String(typ)}))
			}
			declared[m[1]] = true
		}
		for _, m := range variableUse.FindAllStringSubmatch(text, -1) {
			variables.Set(m[1], value.String("variable-"+m[1]))
		}
	})
	resource := value.NewObject(5).Set("type", value.String(template.WorkflowType)).Set("name", value.String("w")).Set("properties", properties)
	if identity := v.Member("identity"); !identity.IsNull() {
		resource.Set("identity", identity)
	}
	return value.Reveal(value.Object(value.Member{Key: "parameters", Value: parameters.Build()}, value.Member{Key: "variables", Value: variables.Build()},
		value.Member{Key: "resources", Value: value.Array(resource.Build())})), known.Build()
}

// uses finds the expressions of the template language.
func uses(v value.Value, at *value.Path, found func(string, *value.Path)) {
	if text, ok := v.AsString(); ok && strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") && !strings.HasPrefix(text, "[[") {
		found(text, at)
	}
	for i, item := range v.Elements {
		uses(item, at.Index(i), found)
	}
	for name, item := range v.Members {
		uses(item, at.Key(name), found)
	}
}
