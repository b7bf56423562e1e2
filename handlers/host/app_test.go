package host_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/host"
)

func web(name, route string, methods ...string) host.Function {
	return host.Function{Name: name, HTTP: &host.HTTP{Route: route, Methods: methods, AuthLevel: host.Anonymous, Handler: http.NotFoundHandler()}}
}

func timer(name, schedule string) host.Function {
	return host.Function{Name: name, Timer: &host.Timer{Schedule: schedule, Handle: func(context.Context, host.Tick) error { return nil }}}
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name      string
		functions []host.Function
		want      string // part of the error; "" for none
	}{
		{"good", []host.Function{web("A_1-b", "a/{x}", "GET"), web("B", "a/{x}", "POST"), timer("C", "0 * * * * *")}, ""},
		{"none", nil, ""},
		{"name begins with a digit", []host.Function{timer("1a", "0 * * * * *")}, "not a legal name"},
		{"name with a dot", []host.Function{timer("a.b", "0 * * * * *")}, "not a legal name"},
		{"no name", []host.Function{timer("", "0 * * * * *")}, "not a legal name"},
		{"the longest name", []host.Function{timer(strings.Repeat("a", 128), "0 * * * * *")}, ""},
		{"too long a name", []host.Function{timer(strings.Repeat("a", 129), "0 * * * * *")}, "not a legal name"},
		{"reserved name", []host.Function{timer("Host", "0 * * * * *")}, "not a legal name"},
		{"twice, ignoring case", []host.Function{timer("a", "0 * * * * *"), timer("A", "0 * * * * *")}, "stands twice"},
		{"no trigger", []host.Function{{Name: "a"}}, "has 0 triggers"},
		{"two triggers", []host.Function{{Name: "a", Queue: &host.Queue{Name: "q"}, Timer: &host.Timer{Schedule: "0 * * * * *"}}}, "has 2 triggers"},
		{"route admin", []host.Function{web("a", "admin/x", "GET")}, "must not begin with admin or runtime"},
		{"route administration", []host.Function{web("a", "Administration", "GET")}, "must not begin with admin or runtime"},
		{"route runtime", []host.Function{web("a", "runtime", "GET")}, "must not begin with admin or runtime"},
		{"same route and method", []host.Function{web("a", "x/{y}", "GET", "PUT"), web("b", "X/{Y}", "PUT")}, `"a" and "b" have the same route and method`},
		{"same route, all methods", []host.Function{web("a", "x"), web("b", "X", "PUT")}, `"a" and "b" have the same route and method`},
		{"same route, all methods of the second", []host.Function{web("a", "x", "PUT"), web("b", "X")}, `"a" and "b" have the same route and method`},
		{"same route, no methods", []host.Function{web("a", "x", "PUT"), web("b", "x", []string{}...)}, ""},
		{"a name that is another's route", []host.Function{web("a", ""), web("b", "A", "GET")}, "have the same route and method"},
		{"a name that is a reserved route", []host.Function{web("Admins", "")}, "must not begin with admin or runtime"},
		{"unknown constraint", []host.Function{web("a", "{x:even}", "GET")}, "is not known here"},
		{"broken route", []host.Function{web("a", "{x", "GET")}, "not a whole segment"},
		{"broken schedule", []host.Function{timer("a", "@hourly")}, "must have six fields"},
		{"all at once", []host.Function{timer("1", "@hourly"), {Name: "b"}}, "has 0 triggers"},
	} {
		err := host.App{Functions: c.functions}.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// full has one function of each kind.
func full() host.App {
	return host.App{Functions: []host.Function{
		{Name: "Invoke", HTTP: &host.HTTP{Route: "workflows/{*path}", Methods: []string{"GET", "POST"}, AuthLevel: host.KeyNeeded}},
		{Name: "Dispatch", Queue: &host.Queue{Name: "%PREFIX%-work", Connection: "Jobs"}},
		{Name: "Sweep", Timer: &host.Timer{Schedule: "0 */5 * * * *"}},
		{Name: "Off", Timer: &host.Timer{Schedule: "0 0 * * * *"}, Disabled: true},
		{Name: "Any", HTTP: &host.HTTP{Route: "Any", AuthLevel: host.Anonymous}},
	}}
}

// The shapes of functions-host §3.1. One input and one output, or the host would
// not pass HTTP requests through.
func TestFunctionFiles(t *testing.T) {
	dir := t.TempDir()
	if err := host.WriteFunctions(dir, full()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Invoke": `{"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":"function","methods":["get","post"],"route":"workflows/{*path}"},
			{"type":"http","direction":"out","name":"res"}]}`,
		"Dispatch": `{"bindings":[{"type":"queueTrigger","direction":"in","name":"item","queueName":"%PREFIX%-work","connection":"Jobs"}]}`,
		"Sweep":    `{"bindings":[{"type":"timerTrigger","direction":"in","name":"tick","schedule":"0 */5 * * * *","useMonitor":true}]}`,
		"Off":      `{"bindings":[{"type":"timerTrigger","direction":"in","name":"tick","schedule":"0 0 * * * *","useMonitor":true}],"disabled":true}`,
		"Any":      `{"bindings":[{"type":"httpTrigger","direction":"in","name":"req","authLevel":"anonymous","route":"Any"},{"type":"http","direction":"out","name":"res"}]}`,
	} {
		data, err := os.ReadFile(filepath.Join(dir, name, "function.json"))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(decoded(t, data), decoded(t, []byte(want))) {
			t.Errorf("%s: %s", name, data)
		}
	}
	read, err := host.ReadFunctions(dir)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]host.Function{}
	for _, f := range read.Functions {
		byName[f.Name] = f
	}
	for _, f := range full().Functions {
		if !reflect.DeepEqual(byName[f.Name], f) {
			t.Errorf("%s is read as %+v", f.Name, byName[f.Name])
		}
	}
}

func decoded(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func write(t *testing.T, content string, path ...string) {
	t.Helper()
	name := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFunctions(t *testing.T) {
	dir := t.TempDir()
	if err := host.WriteFunctions(dir, full()); err != nil {
		t.Fatal(err)
	}
	write(t, "x", dir, "docs", "README.md") // not a function, and not touched
	if err := host.CheckFunctions(dir, full()); err != nil {
		t.Errorf("as written: %v", err)
	}
	write(t, "{}", dir, "Sweep", "function.json")
	write(t, "{}", dir, "Gone", "function.json")
	if err := os.RemoveAll(filepath.Join(dir, "Dispatch")); err != nil {
		t.Fatal(err)
	}
	err := host.CheckFunctions(dir, full())
	for _, name := range []string{"Sweep/", "Gone ", "Dispatch/"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not reported: %v", name, err)
		}
	}
	if err := host.WriteFunctions(dir, full()); err != nil {
		t.Fatal(err)
	}
	if err := host.CheckFunctions(dir, full()); err != nil {
		t.Errorf("written again: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "docs", "README.md")); err != nil {
		t.Error(err)
	}
}

// functions-host §3.1: what a function.json may leave out.
func TestReadFunctionsFillsIn(t *testing.T) {
	dir := t.TempDir()
	const trigger = `{"type":"httpTrigger","direction":"in","name":"req"`
	const out = `{"type":"http","direction":"out","name":"res"}`
	write(t, `{"bindings":[`+trigger+`},`+out+`]}`, dir, "Plain", "function.json")
	write(t, `{"bindings":[`+trigger+`,"methods":[],"route":"none"},`+out+`]}`, dir, "None", "function.json")
	write(t, `{"disabled":true,"bindings":[`+trigger+`,"route":"off/{x}"},`+out+`]}`, dir, "Off", "function.json")
	write(t, `{"disabled":false,"bindings":[`+trigger+`,"route":"off/x","authLevel":"anonymous"},`+out+`]}`, dir, "On", "function.json")
	app, err := host.ReadFunctions(dir)
	if err != nil {
		t.Fatal(err)
	}
	h := standalone(t, app, host.Settings{RoutePrefix: "api"}, host.Options{Handler: echo("called"), Key: "k"})
	key := http.Header{"X-Functions-Key": {"k"}}
	for _, c := range []struct {
		method, path string
		header       http.Header
		want         int
	}{
		{"GET", "/api/Plain", key, 200},
		{"PATCH", "/api/plain/", key, 200},
		{"GET", "/api/Plain", nil, 401}, // the level that is left out is "function"
		{"GET", "/api", key, 404},
		{"GET", "/api/none", key, 404},
		{"GET", "/api/off/x", key, 404}, // it keeps its route
		{"GET", "/api/off/x", nil, 401}, // and the key comes first (functions-host §5.4)
	} {
		if w := request(t, h, c.method, c.path, c.header.Clone(), ""); w.Code != c.want {
			t.Errorf("%s %s: %d, want %d", c.method, c.path, w.Code, c.want)
		}
	}
}

func TestReadFunctionsRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"not JSON":        `{`,
		"unknown binding": `{"bindings":[{"type":"blobTrigger","direction":"in","name":"b"}]}`,
		"no trigger":      `{"bindings":[]}`,
		"broken schedule": `{"bindings":[{"type":"timerTrigger","direction":"in","name":"t","schedule":"x"}]}`,
	} {
		dir := t.TempDir()
		write(t, content, dir, "F", "function.json")
		if _, err := host.ReadFunctions(dir); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := host.ReadFunctions(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a folder that is not there was read")
	}
}
