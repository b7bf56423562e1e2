package leaks_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/value"
)

const (
	unsecured = `"type":"ApiConnection","inputs":{"host":{"connection":{"name":"@parameters('$connections')['keyvault']['connectionId']"}},"method":"get","path":"/secrets/@{encodeURIComponent('n')}/value"}`
	secured   = unsecured + `,"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}`
)

// chain makes actions that run one after another: name, then the rest of its body.
func chain(actions ...string) string {
	var b strings.Builder
	before := ""
	for i := 0; i < len(actions); i += 2 {
		after := ""
		if before != "" {
			after = `,"runAfter":{"` + before + `":["Succeeded"]}`
		}
		fmt.Fprintf(&b, `,%q:{%s%s}`, actions[i], actions[i+1], after)
		before = actions[i]
	}
	return strings.TrimPrefix(b.String(), ",")
}

func source(t testing.TB, name, text string) definition.Source {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return definition.Source{Name: name, Definition: v}
}

func workflow(t testing.TB, trigger, actions, more string) definition.Source {
	return source(t, "w", `{"parameters":{"$connections":{"type":"Object","defaultValue":{}},"pw":{"type":"SecureString"},"all":{"type":"secureObject"},"plain":{"type":"string","defaultValue":"x"}},
		"triggers":{"manual":{`+trigger+`}},"actions":{`+actions+`}`+more+`}`)
}

// lines are findings as text: kind, name, sides, ways, and fix or "-".
func lines(findings []leaks.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		var ways, fix []string
		for _, w := range f.Ways {
			ways = append(ways, w.Names())
		}
		for _, s := range f.Fix {
			fix = append(fix, s.Name+"."+s.Side)
		}
		if fix == nil {
			fix = []string{"-"}
		}
		fmt.Fprintf(&b, "%s %s", strings.TrimPrefix(string(f.Kind), "Secret"), f.Name)
		if f.Sides != nil {
			fmt.Fprintf(&b, " %s", strings.Join(f.Sides, "+"))
		}
		fmt.Fprintf(&b, ": %s | %s\n", strings.Join(ways, "; "), strings.Join(fix, " "))
	}
	return b.String()
}

const post = `"type":"Http","inputs":{"method":"POST","uri":"https://example.com/a",`

var flows = []struct{ name, trigger, actions, more, want string }{
	{"nothing secret", "", chain("A", `"type":"Compose","inputs":"@triggerBody()"`, "B", post+`"body":"@outputs('A')"}`), "", ""},
	{"an unsecured read", "", chain("Get_secret", unsecured), "", "InRunHistory Get_secret outputs: Get_secret | Get_secret.outputs\n"},
	{"a secured read", "", chain("Get_secret", secured), "", ""},
	{"one fix for both", "", chain("Get_secret", unsecured, "Send", post+`"headers":{"X-Key":"@body('Get_secret')?['value']"}}`), "",
		"InRunHistory Get_secret outputs: Get_secret | Get_secret.outputs\nInRunHistory Send inputs: Get_secret → Send | Get_secret.outputs\n"},
	{"hidden by inheritance, one hop", "", chain("Get_secret", secured, "Send", post+`"body":"@body('Get_secret')"}`), "", ""},
	{"row 5: a Compose passes nothing on", "", chain("Get_secret", secured, "Compose", `"type":"Compose","inputs":"@body('Get_secret')?['value']"`, "Send", post+`"body":"@outputs('Compose')"}`), "",
		"InRunHistory Send inputs: Get_secret → Compose → Send | Send.inputs\n"},
	{"what is selected is no secret", "", chain("Get_secret", secured, "C", `"type":"Compose","inputs":{"name":"@body('Get_secret')?['name']","all":"@body('Get_secret')","key":"@body('Get_secret')['value']"}`,
		"D", `"type":"Compose","inputs":"@outputs('C')['name']"`, "E", `"type":"Compose","inputs":"@outputs('C')?['all']?['version']"`, "F", `"type":"Compose","inputs":"@outputs('C')['all'].value"`), "",
		"InRunHistory F inputs+outputs: Get_secret → C → F | F.inputs\n"},
	{"decisions", "", chain("Get_secret", secured, "C", `"type":"Compose","inputs":"@body('Get_secret')['value']"`, "D", `"type":"Compose","inputs":"@concat(string(empty(outputs('C'))),length(outputs('C')),if(equals(outputs('C'),'x'),'a','b'))"`,
		"If", `"type":"If","expression":{"equals":["@outputs('C')","x"]},"actions":{}`), "", ""},
	{"a value chosen", "", chain("Get_secret", secured, "C", `"type":"Compose","inputs":"@body('Get_secret')['value']"`, "D", `"type":"Compose","inputs":"@if(true,'a',coalesce(null,toUpper(base64(outputs('C')))))"`), "",
		"InRunHistory D inputs+outputs: Get_secret → C → D | D.inputs\n"},
	{"never shown: Authorization and authentication", "", chain("A", post+`"headers":{"authorization":"Bearer @{parameters('pw')}"},"authentication":{"type":"Basic","username":"u","password":"@parameters('pw')"}}`,
		"B", `"type":"HttpWebhook","inputs":{"subscribe":{"method":"POST","uri":"https://example.com","authentication":"@parameters('all')"}}`), "", ""},
	{"a user name is shown", "", chain("A", post+`"authentication":{"type":"Basic","username":"@parameters('pw')","password":"@parameters('pw')"}}`), "",
		"InRunHistory A inputs: parameter 'pw' → A | A.inputs\n"},
	{"query of an address", "", chain("A", `"type":"Http","inputs":{"method":"GET","uri":"https://example.com/x?code=@{parameters('pw')}"},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}`), "",
		"InAddress A: parameter 'pw' → A | -\n"},
	{"host of an address", "", chain("A", `"type":"Http","inputs":{"method":"GET","uri":"https://@{parameters('pw')}/x"},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}`,
		"B", `"type":"Http","inputs":{"method":"GET","uri":"@parameters('pw')"},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}`), "", ""},
	{"queries", "", chain("A", `"type":"Http","inputs":{"method":"GET","uri":"https://example.com","queries":{"k":"@parameters('all')['a']"}}`), "",
		"InRunHistory A inputs: parameter 'all' → A | A.inputs\nInAddress A: parameter 'all' → A | -\n"},
	{"an address put together before", "", chain("A", `"type":"Compose","inputs":"https://example.com/?k=@{parameters('pw')}","runtimeConfiguration":{"secureData":{"properties":["inputs"]}}`,
		"B", `"type":"Http","inputs":{"method":"GET","uri":"@outputs('A')"}`), "", "InRunHistory B inputs: parameter 'pw' → A → B | B.inputs\nInAddress B: parameter 'pw' → A → B | -\n"},
	{"response", "", chain("R", `"type":"Response","inputs":{"statusCode":200,"body":{"x":"@parameters('pw')"}},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}`), "", "InResponse R: parameter 'pw' → R | -\n"},
	{"tracked", "", chain("A", post+`"body":1},"trackedProperties":{"p":"@parameters('pw')"}`), "", "InTrackedProperty A: parameter 'pw' → A | -\n"},
	{"tracked of what it reads itself", "", chain("Get_secret", unsecured+`,"trackedProperties":{"v":"@action()['outputs']['body']['value']","s":"@action()['status']"}`), "",
		"InRunHistory Get_secret outputs: Get_secret | -\nInTrackedProperty Get_secret: Get_secret | -\n"},
	{"run outputs", "", chain("Get_secret", secured), `,"outputs":{"o":{"type":"string","value":"@body('Get_secret')['value']"},"n":{"type":"string","value":"@body('Get_secret')['name']"}}`,
		"InRunOutput o: Get_secret → output 'o' | -\n"},
	{"terminate", "", chain("T", `"type":"Terminate","inputs":{"runStatus":"Failed","runError":{"code":"x","message":"no @{parameters('pw')}"}}`), "",
		"InRunHistory T inputs: parameter 'pw' → T | -\nInRunError T: parameter 'pw' → T | -\n"},
	{"tracking id", `"type":"Request","correlation":{"clientTrackingId":"@triggerBody()['id']"},"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}`, "", "", "InTrackingId manual: manual | -\n"},
	{"a secured trigger, two hops on", `"type":"Request","runtimeConfiguration":{"secureData":{"properties":["outputs"]}}`,
		chain("P", `"type":"ParseJson","inputs":{"content":"@triggerBody()"}`, "S", `"type":"Select","inputs":{"from":"@body('P')?['list']","select":{"v":"@item()?['v']","c":"c"}}`), "",
		"InRunHistory S inputs+outputs: manual → P → S | S.inputs S.outputs\n"},
	{"secured inputs, read again", "", chain("A", post+`"body":"@triggerBody()"},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}`, "B", `"type":"Compose","inputs":"@actions('A')['inputs']"`, "C", `"type":"Compose","inputs":"@outputs('B')"`, "D", `"type":"Compose","inputs":"@body('A')"`, "E", `"type":"Compose","inputs":"@outputs('D')"`), "",
		"InRunHistory C inputs+outputs: A → B → C | C.inputs\n"},
	{"secured inputs that the definition shows", "", chain("A", post+`"body":"x"},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}`, "B", `"type":"Compose","inputs":"@actions('A')['inputs']"`, "C", `"type":"Compose","inputs":"@outputs('B')"`), "", ""},
}

func TestFlows(t *testing.T) {
	for _, c := range flows {
		t.Run(c.name, func(t *testing.T) { expect(t, c.trigger, c.actions, c.more, c.want) })
	}
}

func expect(t *testing.T, trigger, actions, more, want string) {
	t.Helper()
	if trigger == "" {
		trigger = `"type":"Request"`
	}
	w := workflow(t, trigger, actions, more)
	findings, settings := leaks.Find([]definition.Source{w}, operation.Catalog{})
	if got := lines(findings); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
	for _, f := range findings {
		if f.Note != "" && !strings.Contains(f.Note, "history hides") {
			t.Errorf("note %q", f.Note)
		}
		if f.Message() == "" || f.Remedy() == "" || f.Path == nil {
			t.Errorf("%s of %s says too little", f.Kind, f.Name)
		}
	}
	// What the settings are said to hide is hidden by them.
	edited, left, err := leaks.Apply(value.Reveal(w.Definition), settings)
	if err != nil || len(left) > 0 {
		t.Fatalf("%v %v", left, err)
	}
	again, more2 := leaks.Find([]definition.Source{source(t, "w", string(edited))}, operation.Catalog{})
	if len(more2) > 0 || strings.Count(lines(again), "| -\n") != len(again) {
		t.Errorf("left after the fix: %s", lines(again))
	}
}

// TestOperations: what each type makes of what it is given.
func TestOperations(t *testing.T) {
	get := chain("Get_secret", secured, "C", `"type":"Compose","inputs":{"v":"@body('Get_secret')['value']","w":"plain","l":[{"v":"@body('Get_secret')['value']","w":1}]}`)
	for name, c := range map[string]struct{ actions, want string }{
		"select of another member": {`"S":{"type":"Select","inputs":{"from":"@outputs('C')['l']","select":"@item()['w']"},"runAfter":{"C":["Succeeded"]},"runtimeConfiguration":{"secureData":{"properties":["inputs"]}}},
			"D":{"type":"Compose","inputs":"@body('S')","runAfter":{"S":["Succeeded"]}}`, ""},
		"query":                            {`"Q":{"type":"Query","inputs":{"from":"@outputs('C')['l']","where":"@equals(item()['v'],'x')"},"runAfter":{"C":["Succeeded"]}}`, "InRunHistory Q inputs+outputs: Get_secret → C → Q | Q.inputs Q.outputs\n"},
		"join":                             {`"J":{"type":"Join","inputs":{"from":["@outputs('C')['v']"],"joinWith":","},"runAfter":{"C":["Succeeded"]}}`, "InRunHistory J inputs+outputs: Get_secret → C → J | J.inputs J.outputs\n"},
		"table":                            {`"T":{"type":"Table","inputs":{"format":"CSV","from":"@outputs('C')['l']","columns":[{"header":"w","value":"@item()['w']"}]},"runAfter":{"C":["Succeeded"]}}`, "InRunHistory T inputs: Get_secret → C → T | T.inputs\n"},
		"liquid":                           {`"L":{"type":"Liquid","kind":"JsonToText","inputs":{"content":"@outputs('C')['v']","integrationAccount":{"map":{"name":"m"}}},"runAfter":{"C":["Succeeded"]}}`, "InRunHistory L inputs+outputs: Get_secret → C → L | L.inputs L.outputs\n"},
		"script":                           {`"J":{"type":"JavaScriptCode","inputs":{"code":"return workflowContext.actions.C.outputs.v + workflowContext.actions['C'].outputs.w"},"runAfter":{"C":["Succeeded"]}}`, "InRunHistory J outputs: Get_secret → C → J | J.outputs\n"},
		"script that reads something else": {`"J":{"type":"JavaScriptCode","inputs":{"code":"return workflowContext.actions.C.outputs.w"},"runAfter":{"C":["Succeeded"]}}`, ""},
		"foreach": {`"F":{"type":"Foreach","foreach":"@outputs('C')['l']","actions":{"I":{"type":"Compose","inputs":"@items('F')['v']"},"K":{"type":"Compose","inputs":"@item()['w']"}},"runAfter":{"C":["Succeeded"]}}`,
			"InRunHistory F inputs: Get_secret → C → F | -\nInRunHistory I inputs+outputs: Get_secret → C → F → I | I.inputs\n"},
		"switch": {`"S":{"type":"Switch","expression":"@outputs('C')['v']","cases":{},"runAfter":{"C":["Succeeded"]}}`, "InRunHistory S inputs: Get_secret → C → S | -\n"},
		"result": {`"S":{"type":"Scope","actions":{"A":{"type":"Compose","inputs":"@outputs('C')['v']","runtimeConfiguration":{"secureData":{"properties":["inputs"]}}}},"runAfter":{"C":["Succeeded"]}},
			"R":{"type":"Compose","inputs":"@first(result('S'))['outputs']","runAfter":{"S":["Succeeded"]}},"N":{"type":"Compose","inputs":"@first(result('S'))['name']","runAfter":{"S":["Succeeded"]}}`, "InRunHistory R inputs+outputs: Get_secret → C → A → R | R.inputs\n"},
		"child outside": {`"W":{"type":"Workflow","inputs":{"host":{"workflow":{"id":"/x/workflows/child"},"triggerName":"manual"},"body":{"p":"@outputs('C')['v']"}},"runAfter":{"C":["Succeeded"]}}`,
			"InRunHistory W inputs: Get_secret → C → W | W.inputs\nHandedToWorkflow W: Get_secret → C → W | -\n"},
		"result, of what failed": {`"S":{"type":"Scope","actions":{"A":{"type":"Http","inputs":{"method":"GET","uri":"https://example.com"},"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}},"runAfter":{"C":["Succeeded"]}},
			"Q":{"type":"Query","inputs":{"from":"@result('S')","where":"@or(equals(item()?['status'], 'Failed'), equals(item()['status'],'TimedOut'))"},"runAfter":{"S":["Failed"]}},"D":{"type":"Compose","inputs":"@body('Q')","runAfter":{"Q":["Succeeded"]}}`, ""},
		"result, of what succeeded": {`"S":{"type":"Scope","actions":{"A":{"type":"Http","inputs":{"method":"GET","uri":"https://example.com"},"runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}},"runAfter":{"C":["Succeeded"]}},
			"Q":{"type":"Query","inputs":{"from":"@result('S')","where":"@or(equals(item()?['status'], 'Failed'), equals(item()['status'],'Succeeded'))"},"runAfter":{"S":["Failed"]}}`, "InRunHistory Q outputs: A → Q | Q.outputs\n"},
		"an answer that is declared a secret": {`"A":{"type":"Http","inputs":{"method":"GET","uri":"https://example.com"},"runtimeConfiguration":{"secureData":{"properties":["outputs"]}},"runAfter":{"C":["Succeeded"]}},
			"B":{"type":"Compose","inputs":{"code":"@outputs('A')['statusCode']","id":"@outputs('A')?['body/id']"},"runAfter":{"A":["Succeeded"]}},
			"D":{"type":"Compose","inputs":"@outputs('B')['code']","runAfter":{"B":["Succeeded"]}},"E":{"type":"Compose","inputs":"@outputs('B')['id']","runAfter":{"B":["Succeeded"]}}`, "InRunHistory E inputs+outputs: A → B → E | E.inputs\n"},
		"object functions": {`"D":{"type":"Compose","inputs":"@removeProperty(outputs('C'),'v')['w']","runAfter":{"C":["Succeeded"]}},"E":{"type":"Compose","inputs":"@setProperty(json('{}'),'x',outputs('C')['v'])['y']","runAfter":{"C":["Succeeded"]}},
			"G":{"type":"Compose","inputs":"@setProperty(json('{}'),'x',outputs('C')['v']).x","runAfter":{"C":["Succeeded"]}}`, "InRunHistory G inputs+outputs: Get_secret → C → G | G.inputs\n"},
		"elements": {`"D":{"type":"Compose","inputs":"@createArray('a',outputs('C')['v'])[0]","runAfter":{"C":["Succeeded"]}},"E":{"type":"Compose","inputs":"@last(split(outputs('C')['v'],'.'))","runAfter":{"C":["Succeeded"]}}`,
			"InRunHistory E inputs+outputs: Get_secret → C → E | E.inputs\n"},
		"a computed name that can be told": {`"D":{"type":"Compose","inputs":"@outputs(concat('C',''))['v']","runAfter":{"C":["Succeeded"]}},"E":{"type":"Compose","inputs":"@outputs('D')","runAfter":{"D":["Succeeded"]}}`, "InRunHistory E inputs+outputs: Get_secret → C → D → E | E.inputs\n"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, "", get+","+c.actions, "", c.want) })
	}
}

func TestVariables(t *testing.T) {
	declare := `"type":"InitializeVariable","inputs":{"variables":[{"name":"V","type":"string","value":""}]}`
	set := func(v string) string { return `"type":"SetVariable","inputs":{"name":"v","value":"` + v + `"}` }
	read := `"type":"Compose","inputs":"@variables('v')"`
	for name, c := range map[string]struct{ actions, want string }{
		"read after": {chain("D", declare, "S", set("@parameters('pw')"), "R", read),
			"InRunHistory S inputs+outputs: parameter 'pw' → S | -\nInRunHistory R inputs+outputs: parameter 'pw' → S → R | R.inputs\n"},
		"read before": {chain("D", declare, "R", read, "S", set("@parameters('pw')")), "InRunHistory S inputs+outputs: parameter 'pw' → S | -\n"},
		"overwritten": {chain("D", declare, "S", set("@parameters('pw')"), "Clear", set("gone"), "R", read), "InRunHistory S inputs+outputs: parameter 'pw' → S | -\n"},
		"appended":    {chain("D", declare, "S", `"type":"AppendToStringVariable","inputs":{"name":"v","value":"@parameters('pw')"}`, "R", read), "InRunHistory S inputs: parameter 'pw' → S | -\nInRunHistory R inputs+outputs: parameter 'pw' → S → R | R.inputs\n"},
		"given at once": {chain("D", `"type":"InitializeVariable","inputs":{"variables":[{"name":"a","type":"string","value":"x"},{"name":"v","type":"string","value":"@parameters('pw')"}]}`, "R", `"type":"Compose","inputs":"@variables('a')"`),
			"InRunHistory D inputs: parameter 'pw' → D | -\n"},
		"round a loop": {chain("D", declare, "U", `"type":"Until","expression":"@equals(1,1)","limit":{"count":2,"timeout":"PT1M"},"actions":{`+chain("R", read, "S", set("@parameters('pw')"))+`}`),
			"InRunHistory R inputs+outputs: parameter 'pw' → S → R | R.inputs\nInRunHistory S inputs+outputs: parameter 'pw' → S | -\n"},
		"set anew in each round": {chain("D", declare, "U", `"type":"Until","expression":"@equals(1,1)","limit":{"count":2,"timeout":"PT1M"},"actions":{`+chain("Clear", set("x"), "R", read, "S", set("@parameters('pw')"))+`}`),
			"InRunHistory S inputs+outputs: parameter 'pw' → S | -\n"},
		"perhaps not overwritten": {chain("D", declare, "S", set("@parameters('pw')"), "If", `"type":"If","expression":"@equals(1,1)","actions":{"Clear":{`+set("x")+`}}`, "R", read),
			"InRunHistory S inputs+outputs: parameter 'pw' → S | -\nInRunHistory R inputs+outputs: parameter 'pw' → S → R | R.inputs\n"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, "", c.actions, "", c.want) })
	}
}
