package definition_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// The rows of secure-data §2. U has the setting, D explicitly uses the outputs of
// U, E those of D and F those of E. sides is what history hides: i, o, io or none.
var rows = []struct {
	row, setting string
	d            []string // types of D
	hidden       string   // sides of D
}{
	{"row 1: secure outputs of U hide the inputs of D", `"outputs"`, []string{"Http", "ApiConnection", "Query", "If", "Switch", "Foreach", "SetVariable"}, "i"},
	{"row 2: secure outputs of U hide inputs and outputs of Compose, Parse JSON and Response", `"outputs"`, []string{"Compose", "ParseJson", "Response"}, "io"},
	{"row 3: secure inputs of U hide the inputs of D", `"inputs"`, []string{"Http", "ApiConnection", "Query", "If", "Switch", "Foreach", "SetVariable"}, "i"},
	{"row 4: secure inputs of U hide inputs and outputs of Compose, Parse JSON and Response", `"inputs"`, []string{"Compose", "ParseJson", "Response"}, "io"},
	{"row 7: both settings of U, the inputs of D", `"inputs","outputs"`, []string{"Http", "Query"}, "i"},
	{"row 7: both settings of U, inputs and outputs of Compose, Parse JSON and Response", `"inputs","outputs"`, []string{"Compose", "ParseJson", "Response"}, "io"},
	{"no setting of U", ``, []string{"Http", "Compose", "Foreach"}, ""},
}

func TestTruthTable(t *testing.T) {
	for _, r := range rows {
		for _, typ := range r.d {
			for _, u := range []string{"action", "trigger"} {
				t.Run(r.row+"/"+typ+" after "+u, func(t *testing.T) {
					p := program(t, rowText(u, r.setting, typ))
					sidesOf(t, p, "D", r.hidden)
					// row 5, from a Compose, Parse JSON or Response; row 6, from anything else; a
					// Compose after a Compose is visible: one hop, never further.
					sidesOf(t, p, "E", "")
					sidesOf(t, p, "F", "")
					sidesOf(t, p, "Status", "") // a status is no use of outputs
				})
			}
		}
	}
}

// rowText is a definition in which U secures what setting says.
func rowText(u, setting, d string) string {
	secure := `,"runtimeConfiguration":{"secureData":{"properties":[` + setting + `]}}`
	ofTrigger, ofAction, reads := "", secure, "@body('U')"
	if u == "trigger" {
		ofTrigger, ofAction, reads = secure, "", "@triggerBody()"
	}
	body := map[string]string{
		"Http":          `"inputs":{"method":"GET","uri":"u","body":{"deep":["x",{"y":"` + reads + `"}]}}`,
		"ApiConnection": `"inputs":{"path":"/a/@{concat('b',` + reads[1:] + `)}"}`,
		"Query":         `"inputs":{"from":[1],"where":"@equals(item(),` + reads[1:] + `)"}`,
		"If":            `"expression":{"and":[{"equals":["` + reads + `",1]}]},"actions":{}`,
		"Switch":        `"expression":"` + reads + `","cases":{}`,
		"Foreach":       `"foreach":"` + reads + `","actions":{"Inside":{"type":"Compose","inputs":"@item()"}}`,
		"SetVariable":   `"inputs":{"name":"v","value":"` + reads + `"}`,
		"Compose":       `"inputs":"` + reads + `"`,
		"ParseJson":     `"inputs":{"content":"` + reads + `"}`,
		"Response":      `"inputs":{"body":"` + reads + `"}`,
	}[d]
	after := func(name string) string { return `,"runAfter":{"` + name + `":["Succeeded"]}` }
	return `{"triggers":{"manual":{"type":"Request"` + ofTrigger + `}},"actions":{
		"Declare":{"type":"InitializeVariable","inputs":{"variables":[{"name":"v","type":"string"}]}},
		"U":{"type":"Http","inputs":{"method":"GET","uri":"u"}` + ofAction + after("Declare") + `},
		"D":{"type":"` + d + `",` + body + after("U") + `},
		"E":{"type":"Compose","inputs":"@outputs('D')"` + after("D") + `},
		"F":{"type":"Compose","inputs":"@outputs('E')"` + after("E") + `},
		"Status":{"type":"Compose","inputs":"@actions('U')['status']"` + after("U") + `}}}`
}

func sidesOf(t *testing.T, p *definition.Program, name, want string) {
	t.Helper()
	a, got := p.Action(name), ""
	if a.HideInputs {
		got = "i"
	}
	if a.HideOutputs {
		got += "o"
	}
	if got != want {
		t.Errorf("%s: hidden %q, want %q", name, got, want)
	}
}

// What "explicitly uses" means (secure-data §2, points left to the implementer).
func TestExplicitUse(t *testing.T) {
	for name, c := range map[string]struct{ d, want string }{
		"actions":            {`"type":"Http","inputs":{"method":"GET","uri":"@actions('U')"}`, "i"},
		"actions, outputs":   {`"type":"Http","inputs":{"method":"GET","uri":"@actions('U').outputs"}`, "i"},
		"actions, code":      {`"type":"Http","inputs":{"method":"GET","uri":"@actions('U').code"}`, ""},
		"outputs":            {`"type":"Http","inputs":{"method":"GET","uri":"@{outputs('u')?['x']}"}`, "i"},
		"form data":          {`"type":"Http","inputs":{"method":"GET","uri":"@formDataValue('U','k')"}`, "i"},
		"result of a scope":  {`"type":"Http","inputs":{"method":"GET","uri":"@result('S')"}`, "i"},
		"computed name":      {`"type":"Http","inputs":{"method":"GET","uri":"@body(concat('U'))"}`, "i"},
		"computed scope":     {`"type":"Http","inputs":{"method":"GET","uri":"@result(concat('S'))"}`, "i"},
		"a member's name":    {`"type":"Compose","inputs":{"@{body('U')}":1}`, "io"},
		"the item of a loop": {`"type":"Foreach","foreach":"@body('U')","actions":{"I":{"type":"Compose","inputs":"@items('D')"}}`, "i"},
		"a limit":            {`"type":"Http","inputs":{"method":"GET","uri":"u"},"limit":{"timeout":"@{body('U')}"}`, ""},
		"tracked properties": {`"type":"Http","inputs":{"method":"GET","uri":"u"},"trackedProperties":{"x":"@body('U')"}`, ""},
		"run after alone":    {`"type":"Http","inputs":{"method":"GET","uri":"u"}`, ""},
	} {
		p := program(t, `{"actions":{"S":{"type":"Scope","actions":{
			"U":{"type":"Http","inputs":{"method":"GET","uri":"u"},"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}}},
			"D":{`+c.d+`,"runAfter":{"S":["Succeeded"]}}}}`)
		t.Run(name, func(t *testing.T) {
			sidesOf(t, p, "D", c.want)
			if p.Action("I") != nil {
				sidesOf(t, p, "I", "")
			}
		})
	}
}

// Acceptance 3: what is inherited is added to no definition.
func TestInheritanceLeavesTheDefinitionAlone(t *testing.T) {
	text := rowText("action", `"outputs"`, "Http")
	before, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p := program(t, text)
	if got, want := string(value.Reveal(p.Definition)), string(value.Reveal(before)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if strings.Count(string(value.Reveal(p.Definition)), "secureData") != 1 {
		t.Error("a setting was added")
	}
}

// Acceptance 4: tracked properties stand on nothing that is secured.
func TestTrackedPropertiesOnWhatIsSecuredAreRefused(t *testing.T) {
	for _, side := range []string{"inputs", "outputs"} {
		extra := fmt.Sprintf(`,"trackedProperties":{"a":"@action().status"},"runtimeConfiguration":{"secureData":{"properties":["%s"]}}`, side)
		for name, text := range map[string]string{
			"$.actions.A":       `{"actions":{"A":{"type":"Http","inputs":{"method":"GET","uri":"u"}` + extra + `}}}`,
			"$.triggers.manual": `{"triggers":{"manual":{"type":"Request"` + extra + `}}}`,
		} {
			_, problems := compile(t, text)
			if len(problems) != 1 || problems[0].Code != definition.PropertyNotAllowed || problems[0].Path.String() != name+".trackedProperties" {
				t.Errorf("%s %s: %v", name, side, problems)
			}
		}
	}
}
