package handlers

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/store"
)

// TestSecuredAcceptance: each item of the acceptance list of secure-data §8, over HTTP.
// Items 1 to 3 and 8 are shown for every row by TestSecuredRows; here is one of each.
func TestSecuredAcceptance(t *testing.T) {
	cloud := cloudtest.Start(t)
	s := startWitness(t, cloud.Env())
	for _, item := range []struct {
		name  string
		check func(t *testing.T, s *witness)
	}{
		{"1 the rows of the table, for a trigger and an action", acceptRows},
		{"2 row 5 chained twice", acceptChain},
		{"3 the definition is unchanged", acceptDefinition},
		{"4 tracked properties on what is secured", acceptTracked},
		{"5 securestring and secureobject", acceptParameters},
		{"6 authorization headers", func(t *testing.T, s *witness) { acceptAuthorization(t, s, cloud) }},
		{"7 content links by address", acceptAddresses},
		{"8 logs and diagnostics", acceptLogs},
	} {
		t.Run(item.name, func(t *testing.T) {
			s.t = t
			item.check(t, s)
		})
	}
}

func acceptRows(t *testing.T, s *witness) {
	for _, u := range []string{"trigger", "action"} {
		for setting, hidden := range map[string]string{"outputs": "i", "inputs": "i"} {
			w := s.save("rows-"+u+"-"+setting, securedDefinition(s.up.URL, u, setting, "Http"))
			s.row(w, s.run(w, `{"passed":"PASSED","kept":"OUT-`+map[bool]string{true: "u", false: "t"}[u == "trigger"]+`"}`), u, setting, hidden)
		}
	}
}

// A Compose after a Compose after what is secured is visible, secret and all.
func acceptChain(t *testing.T, s *witness) {
	w := s.save("chain", `{"triggers":{"manual":{"type":"Request","runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}},"actions":{
		"A":{"type":"Compose","inputs":"@triggerBody()"},
		"B":{"type":"Compose","inputs":"@outputs('A')","runAfter":{"A":["Succeeded"]}},
		"C":{"type":"Compose","inputs":"@outputs('B')","runAfter":{"B":["Succeeded"]}}}}`)
	run := s.run(w, `"CHAINED"`)
	for action, hides := range map[string]bool{"A": true, "B": false, "C": false} {
		for _, side := range []string{"ActionInputs", "ActionOutputs"} {
			if hidden, content := s.side(w, run, action, "", side); hidden != hides || !hides && content != `"CHAINED"` {
				t.Errorf("%s of %s: hidden %v, %s", side, action, hidden, content)
			}
		}
	}
}

// What is saved is what is read, of the workflow and of its version.
func acceptDefinition(t *testing.T, s *witness) {
	definition := `{"triggers":{"manual":{"type":"Request","runtimeConfiguration":{"secureData":{"properties":["outputs"]}}}},"actions":{"A":{"type":"Compose","inputs":"@triggerBody()"}}}`
	w := s.save("unchanged", definition)
	s.run(w, `1`)
	for _, path := range []string{"", "/versions/" + w.Version} {
		if _, text := s.ask(http.MethodGet, witnessGroup+"unchanged"+path+asOf2019, ""); !strings.Contains(text, `"definition":`+definition) {
			t.Errorf("%s: %s", path, text)
		}
	}
}

func acceptTracked(t *testing.T, s *witness) {
	const extra = `,"trackedProperties":{"a":"@action().status"},"runtimeConfiguration":{"secureData":{"properties":["%s"]}}`
	for _, side := range []string{"inputs", "outputs"} {
		tracked := fmt.Sprintf(extra, side)
		for place, definition := range map[string]string{
			"action":  `{"triggers":{"manual":{"type":"Request"}},"actions":{"A":{"type":"Compose","inputs":1` + tracked + `}}}`,
			"trigger": `{"triggers":{"manual":{"type":"Request"` + tracked + `}},"actions":{}}`,
		} {
			status, text := s.ask(http.MethodPut, witnessGroup+"tracked"+asOf2019, `{"location":"l","properties":{"definition":`+definition+`}}`)
			if status != http.StatusBadRequest || !strings.Contains(text, `"PropertyNotAllowed"`) {
				t.Errorf("%s of a %s: %d %s", side, place, status, text)
			}
		}
	}
	if status, text := s.ask(http.MethodGet, witnessGroup+"tracked"+asOf2019, ""); status != http.StatusNotFound {
		t.Errorf("it was saved: %s", text)
	}
}

// Values of secure parameters are in no read of the definition, of versions and runs;
// not when they come from a default either, and not in what is refused.
func acceptParameters(t *testing.T, s *witness) {
	const definition = `{"parameters":{"text":{"type":"SecureString"},"object":{"type":"secureobject"},"plain":{"type":"string"}},"triggers":{"manual":{"type":"Request"}},"actions":{
		"Send":{"type":"Http","inputs":{"method":"POST","uri":"UP/p","headers":{"X-Key":"@parameters('text')"},"body":"@parameters('object')"}},
		"Show":{"type":"Compose","inputs":{"a":"@parameters('text')","b":"@concat('x',parameters('object')?['deep'])","c":"@parameters('plain')"},"runAfter":{"Send":["Succeeded"]}}}}`
	w := s.save("parameters", strings.ReplaceAll(definition, "UP", s.up.URL),
		`"parameters":{"text":{"type":"SecureString","value":"TEXT-CANARY-1"},"object":{"value":{"deep":"OBJECT-CANARY-2"}},"plain":{"value":"PLAIN"}},`)
	all := s.everything(w, s.run(w, `1`))
	if strings.Contains(all, "CANARY") || !strings.Contains(all, "PLAIN") || !strings.Contains(all, "[redacted]") {
		t.Errorf("reads: %s", all)
	}
	for method, body := range map[string]string{
		http.MethodPut:   `{"location":"l","properties":{"parameters":{"text":{"value":{"a":"TEXT-CANARY-3"}},"object":{"value":"OBJECT-CANARY-4"},"plain":{"value":1}},"definition":` + definition + `}}`,
		http.MethodPatch: `{"properties":{"parameters":{"text":{"value":["TEXT-CANARY-5"]}}}}`,
	} {
		if status, text := s.ask(method, witnessGroup+"parameters"+asOf2019, body); status != http.StatusBadRequest || strings.Contains(text, "CANARY") {
			t.Errorf("%s: %d %s", method, status, text)
		}
	}
	if _, text := s.ask(http.MethodPost, witnessGroup+"parameters/validate"+asOf2019, `{"location":"l","properties":{"parameters":{"text":{"value":1},"object":{"value":"OBJECT-CANARY-6"}},"definition":`+definition+`}}`); strings.Contains(text, "CANARY") {
		t.Errorf("validate: %s", text)
	}
	if strings.Contains(s.log.String(), "CANARY") {
		t.Error("the log has a value")
	}
}

// Authorization headers are absent from what actions send and from what triggers get,
// unless the option says otherwise.
func acceptAuthorization(t *testing.T, s *witness, cloud *cloudtest.Cloud) {
	const policy = `"accessControl":{"triggers":{"openAuthenticationPolicies":{"policies":{"p":{"type":"AAD","claims":[{"name":"iss","value":"` + cloudtest.Issuer + `"},{"name":"aud","value":"api://berths"}]}}}}},`
	for options, kept := range map[string]bool{"": false, `,"operationOptions":"IncludeAuthorizationHeadersInOutputs"`: true} {
		w := s.save(fmt.Sprintf("authorization-%v", kept), `{"triggers":{"manual":{"type":"Request"`+options+`}},"actions":{
			"Header":{"type":"Http","inputs":{"method":"GET","uri":"`+s.up.URL+`/a","headers":{"Authorization":"Bearer SENT-CANARY","X-Plain":"PLAIN"}}},
			"Raw":{"type":"Http","inputs":{"method":"GET","uri":"`+s.up.URL+`/a","authentication":{"type":"Raw","value":"Key SENT-CANARY"}}},
			"Basic":{"type":"Http","inputs":{"method":"GET","uri":"`+s.up.URL+`/a","authentication":{"type":"Basic","username":"user","password":"SENT-CANARY"}}}}}`, policy)
		token := cloud.Token(map[string]any{"aud": "api://berths"})
		run := s.run(w, `1`, "Authorization", "Bearer "+token)
		_, got := s.side(w, run, "", "", "TriggerOutputs")
		if strings.Contains(got, token) != kept || strings.Contains(got, "Authorization") != kept || !strings.Contains(got, "Content-Type") {
			t.Errorf("option %v: the trigger got %s", kept, got)
		}
		for _, action := range []string{"Header", "Raw", "Basic"} {
			_, sent := s.side(w, run, action, "", "ActionInputs")
			if strings.Contains(sent, "SENT-CANARY") || strings.Contains(sent, "Authorization") || !strings.Contains(sent, `"uri"`) {
				t.Errorf("%s sends %s", action, sent)
			}
			_, histories := s.ask(http.MethodGet, run+"/actions/"+action+"/requestHistories"+asOf2019, "")
			if strings.Contains(histories, "SENT-CANARY") || !strings.Contains(histories, `"method":"GET"`) {
				t.Errorf("requests of %s: %s", action, histories)
			}
		}
	}
}

// A content link opens nothing for a caller outside of the ranges; the shape of the
// run is there all the same.
func acceptAddresses(t *testing.T, s *witness) {
	const definition = `{"triggers":{"manual":{"type":"Request"}},"actions":{"A":{"type":"Compose","inputs":"@triggerBody()"}}}`
	for ranges, may := range map[string]bool{`[{"addressRange":"203.0.113.0/24"}]`: false, `[{"addressRange":"0.0.0.0-0.0.0.0"}]`: false, `[]`: false, `[{"addressRange":"127.0.0.0/8"}]`: true} {
		w := s.save("addresses", definition, `"accessControl":{"contents":{"allowedCallerIpAddresses":`+ranges+`}},`)
		run := s.run(w, `"CONTENT"`)
		a := s.must(http.MethodGet, run+"/actions/A"+asOf2019, "").Member("properties")
		if a.Member("status").Str() != "Succeeded" || a.Member("startTime").IsNull() {
			t.Errorf("%s: the status does not load", ranges)
		}
		status, text := s.ask(http.MethodGet, a.Member("outputsLink").Member("uri").Str(), "")
		if may && (status != http.StatusOK || text != `"CONTENT"`) || !may && (status != http.StatusUnauthorized || !strings.Contains(text, `"AuthorizationFailed"`) || strings.Contains(text, "CONTENT")) {
			t.Errorf("%s: %d %s", ranges, status, text)
		}
	}
}

// Hidden values are in no line of the log, whatever its level, in no span and no metric,
// and not in the audit trail; nor are those that a failure quotes.
func acceptLogs(t *testing.T, s *witness) {
	w := s.save("logs", `{"triggers":{"manual":{"type":"Request","runtimeConfiguration":{"secureData":{"properties":["inputs","outputs"]}}}},"actions":{
		"Number":{"type":"Compose","inputs":"@int(triggerBody())"},
		"Send":{"type":"Http","inputs":{"method":"GET","uri":"@concat('http://',triggerBody(),'.invalid/')","retryPolicy":{"type":"none"}},"runAfter":{"Number":["Failed"]}},
		"Stop":{"type":"Terminate","inputs":{"runStatus":"Failed","runError":{"code":"@triggerBody()","message":"@triggerBody()"}},"runAfter":{"Send":["Failed"]}}}}`)
	run := s.run(w, `"LOGGED-CANARY"`)
	all := s.everything(w, run)
	var trail strings.Builder
	s.app.audit.Close(t.Context())
	if err := s.app.store.Audit(t.Context(), store.AuditFilter{Since: s.app.engine.Ambient.Now().AddDate(0, 0, -1), Until: s.app.engine.Ambient.Now()}, func(e store.AuditEvent) bool {
		fmt.Fprintf(&trail, "%+v\n", e)
		return true
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.app.Close(); err != nil { // sends what is left to the collector
		t.Fatal(err)
	}
	for name, text := range map[string]string{"history": all, "log": s.log.String(), "spans and metrics": s.sent.String(), "audit trail": trail.String()} {
		if strings.Contains(text, "LOGGED-CANARY") || strings.Contains(text, "logged-canary") || !strings.Contains(text, w.ID) && !strings.Contains(text, "logs") {
			i := strings.Index(strings.ToUpper(text), "LOGGED-CANARY")
			t.Errorf("%s: %d bytes show it, or do not tell of the run: %.600s", name, len(text), text[max(0, i-300):])
		}
	}
}
