package handlers

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/value"
)

// securedRows are the rows of secure-data §2: what U secures by its own setting, which
// action D explicitly uses U's outputs, and what history then hides of D. Rows 5 and 6
// hold in each of them: E, which uses D, and F, which uses E, are visible.
var securedRows = []struct {
	row, setting string
	d            []string
	hidden       string // sides of D
}{
	{"row 1", "outputs", []string{"Http", "Query", "Foreach", "If"}, "i"},
	{"row 2", "outputs", []string{"Compose", "ParseJson", "Response"}, "io"},
	{"row 3", "inputs", []string{"Http", "Query", "Foreach", "If"}, "i"},
	{"row 4", "inputs", []string{"Compose", "ParseJson", "Response"}, "io"},
	{"row 7 of 1 and 3", "inputs outputs", []string{"Http", "Query", "Foreach", "If"}, "i"},
	{"row 7 of 2 and 4", "inputs outputs", []string{"Compose", "ParseJson", "Response"}, "io"},
	{"no setting", "", []string{"Http", "Compose", "Response"}, ""},
}

// TestSecuredRows: each row, with the trigger, an action and an action in a loop as U,
// by all that tells of a run: its views, links, expression traces, request histories,
// repetitions, exports, spans, metrics and logs.
func TestSecuredRows(t *testing.T) {
	s := startWitness(t, nil)
	type ran struct {
		name, workflow, run string
		nowhere             []string
	}
	var all []ran
	for _, r := range securedRows {
		for _, d := range r.d {
			for _, u := range []string{"trigger", "action", "loop"} {
				if u == "loop" && d == "Response" {
					continue // it may not stand there
				}
				name := strings.NewReplacer(" ", "-").Replace(r.row + " " + d + " after " + u)
				t.Run(name, func(t *testing.T) {
					s.t = t
					w := s.save(name, securedDefinition(s.up.URL, u, r.setting, d))
					run := s.run(w, `{"passed":"PASSED","kept":"OUT-`+map[bool]string{true: "u", false: "t"}[u == "trigger"]+`"}`)
					nowhere := s.row(w, run, u, r.setting, r.hidden)
					all = append(all, ran{name, w.Name, run[strings.LastIndexByte(run, '/')+1:], nowhere})
				})
			}
		}
	}
	s.t = t
	folder := s.app.settings.dataDir
	if err := s.app.Close(); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"OUT-u", "IN-u", "D-KEPT", "PASSED"} { // of none of them, hidden or not
		if strings.Contains(s.log.String(), text) || strings.Contains(s.sent.String(), text) {
			t.Errorf("logs, spans or metrics have %s", text)
		}
	}
	if !strings.Contains(s.log.String(), all[0].run) || !strings.Contains(s.sent.String(), "latchwork_runs") || !strings.Contains(s.sent.String(), "row-1-Http-after-action") {
		t.Error("logs, spans and metrics do not tell of the runs")
	}
	t.Setenv(settingDataDir, folder)
	for _, r := range all {
		for _, form := range []string{"table", "json"} {
			var out bytes.Buffer
			c := newCommand()
			c.SetArgs([]string{"runs", "show", r.run, "--workflow", r.workflow, "--history", "--output", form})
			c.SetOut(&out)
			c.SetErr(&out)
			if err := c.ExecuteContext(t.Context()); err != nil || !strings.Contains(out.String(), "PASSED") {
				t.Fatalf("%s: %v\n%s", r.name, err, &out)
			}
			for _, text := range r.nowhere {
				if strings.Contains(out.String(), text) {
					i := strings.Index(out.String(), text)
					t.Errorf("%s: the export as %s has %s: %.400s", r.name, form, text, out.String()[max(0, i-200):])
				}
			}
		}
	}
}

// row checks one run, and returns what of it must show nowhere.
func (s *witness) row(w *engine.Workflow, run, u, setting, hidden string) (nowhere []string) {
	s.t.Helper()
	path := ""
	if u == "loop" {
		path = "000000"
	}
	sides := func(action, path, kind, want string) {
		s.t.Helper()
		got := ""
		for _, side := range []string{"Inputs", "Outputs"} {
			if hides, _ := s.side(w, run, action, path, kind+side); hides {
				got += strings.ToLower(side[:1])
			}
		}
		if got != want {
			s.t.Errorf("%s: hidden %q, want %q", action, got, want)
		}
	}
	own := strings.NewReplacer("inputs", "i", "outputs", "o", " ", "").Replace(setting)
	if u == "trigger" {
		sides("", "", "Trigger", strings.ReplaceAll(own, "i", "")) // it has no inputs that could be hidden
	} else {
		sides("U", path, "Action", own)
	}
	sides("D", path, "Action", hidden)
	sides("E", path, "Action", "")
	sides("F", path, "Action", "")
	sides("Status", path, "Action", "") // a status is no use of outputs

	shown := map[string]bool{"OUT-u": !strings.Contains(setting, "outputs"), "IN-u": !strings.Contains(setting, "inputs"), "D-KEPT": hidden == ""}
	if u == "trigger" {
		delete(shown, "IN-u")
	}
	text := s.everything(w, run)
	for what, may := range shown {
		if is := strings.Contains(text, what); is != may {
			i := max(strings.Index(text, what), 0)
			s.t.Errorf("%s is shown: %v, want %v: %.400s", what, is, may, text[max(0, i-200):])
		}
		if !may {
			nowhere = append(nowhere, what)
		}
	}
	if _, content := s.side(w, run, "F", path, "ActionInputs"); !strings.Contains(content, "PASSED") {
		s.t.Errorf("behind the hop: %s", content)
	}
	// Acceptance 3: inherited settings are in no definition.
	want := 1
	if setting == "" {
		want = 0
	}
	definition := s.must("GET", witnessGroup+w.Name+asOf2019, "").Member("properties").Member("definition")
	if n := strings.Count(string(value.Reveal(definition)), "secureData"); n != want {
		s.t.Errorf("the definition has %d settings", n)
	}
	return nowhere
}

// securedDefinition is one in which U secures what setting says. What is kept must show
// where U's sides show; what is passed is visible behind the first hop.
func securedDefinition(up, u, setting, d string) string {
	secure := ""
	if setting != "" {
		secure = `,"runtimeConfiguration":{"secureData":{"properties":["` + strings.ReplaceAll(setting, " ", `","`) + `"]}}`
	}
	ofTrigger, ofAction, called, passed := "", secure, up+"/u", "body('U')?['passed']"
	if u == "trigger" {
		ofTrigger, ofAction, called, passed = secure, "", up+"/t", "triggerBody()?['passed']"
	}
	object := `{"kept":"@concat('D','-KEPT')","passed":"@` + passed + `"}`
	list := `@createArray(concat('D','-KEPT'),` + passed + `)`
	body, use := map[string]string{
		"Http":      `"inputs":{"method":"POST","uri":"` + up + `/d","body":` + object + `}`,
		"Query":     `"inputs":{"from":"` + list + `","where":"@equals(item(),'PASSED')"}`,
		"Foreach":   `"foreach":"` + list + `","actions":{"Inside":{"type":"Compose","inputs":{"n":"@length(item())"}}}`,
		"If":        `"expression":{"and":[{"equals":["@concat(` + passed + `,'D','-KEPT')","x"]}]},"actions":{}`,
		"Compose":   `"inputs":` + object,
		"ParseJson": `"inputs":{"content":` + object + `}`,
		"Response":  `"inputs":{"statusCode":200,"body":` + object + `}`,
	}[d], "@body('D')?['passed']"
	switch d {
	case "Query":
		use = "@first(body('D'))"
	case "Compose":
		use = "@outputs('D')?['passed']"
	case "Foreach", "If":
		use = "@if(equals(actions('D')?['status'],'Succeeded'),concat('PA','SSED'),'')"
	}
	after := func(name string) string { return `,"runAfter":{"` + name + `":["Succeeded"]}` }
	actions := fmt.Sprintf(`
		"U":{"type":"Http","inputs":{"method":"POST","uri":"%s","body":"@concat('IN','-u')"}%s},
		"D":{"type":"%s",%s%s},
		"E":{"type":"Compose","inputs":"%s"%s},
		"F":{"type":"Compose","inputs":"@outputs('E')"%s},
		"Status":{"type":"Compose","inputs":"@actions('U')['status']"%s}`,
		called, ofAction, d, body, after("U"), use, after("D"), after("E"), after("U"))
	if u == "loop" {
		actions = `"Loop":{"type":"Foreach","foreach":[1,2],"actions":{` + actions + `}}`
	}
	return `{"triggers":{"manual":{"type":"Request","kind":"Http"` + ofTrigger + `}},"actions":{` + actions + `}}`
}
