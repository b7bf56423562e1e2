package management_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/management"
)

// leastRoles is who may call each operation: a role, or one above it, and with + the
// permission for contents besides, with ! that for the audit trail. RG and W stand for what paths begin with.
const leastRoles = `
	GET    reader! /providers/Microsoft.Insights/eventtypes/management/values
	GET    reader! /subscriptions/{sub}/providers/Microsoft.Insights/eventtypes/management/values
	GET    reader  /providers/Microsoft.Logic/operations
	GET    reader  /subscriptions/{sub}/providers/Microsoft.Logic/workflows
	GET    reader  RG/Microsoft.Logic/workflows
	GET    reader  W
	PUT    contributor  W
	PATCH  contributor  W
	DELETE contributor  W
	POST   operator  W/enable
	POST   operator  W/disable
	POST   operator+ W/listCallbackUrl
	POST   reader  W/listSwagger
	POST   reader  W/generateUpgradedDefinition
	POST   contributor  W/move
	POST   contributor  W/regenerateAccessKey
	POST   reader  W/validate
	POST   reader  RG/Microsoft.Logic/locations/{location}/workflows/{workflow}/validate
	GET    reader  W/versions
	GET    reader  W/versions/{version}
	POST   operator+ W/versions/{version}/triggers/{trigger}/listCallbackUrl
	GET    reader  W/triggers
	GET    reader  W/triggers/{trigger}
	POST   operator+ W/triggers/{trigger}/listCallbackUrl
	POST   operator  W/triggers/{trigger}/run
	POST   operator  W/triggers/{trigger}/reset
	POST   operator  W/triggers/{trigger}/setState
	GET    reader  W/triggers/{trigger}/schemas/json
	GET    reader  W/triggers/{trigger}/histories
	GET    reader  W/triggers/{trigger}/histories/{history}
	POST   operator  W/triggers/{trigger}/histories/{history}/resubmit
	GET    reader  W/runs
	GET    reader  W/runs/{run}
	DELETE contributor  W/runs/{run}
	POST   operator  W/runs/{run}/cancel
	GET    reader  W/runs/{run}/operations/{operation}
	GET    reader  W/runs/{run}/actions
	GET    reader  W/runs/{run}/actions/{action}
	POST   reader+ W/runs/{run}/actions/{action}/listExpressionTraces
	GET    reader  W/runs/{run}/actions/{action}/requestHistories
	GET    reader  W/runs/{run}/actions/{action}/requestHistories/{request}
	GET    reader  W/runs/{run}/actions/{action}/repetitions
	GET    reader  W/runs/{run}/actions/{action}/repetitions/{repetition}
	POST   reader+ W/runs/{run}/actions/{action}/repetitions/{repetition}/listExpressionTraces
	GET    reader  W/runs/{run}/actions/{action}/repetitions/{repetition}/requestHistories
	GET    reader  W/runs/{run}/actions/{action}/repetitions/{repetition}/requestHistories/{request}
	GET    reader  W/runs/{run}/actions/{action}/scopeRepetitions
	GET    reader  W/runs/{run}/actions/{action}/scopeRepetitions/{repetition}
	GET    reader  RG/Microsoft.Web/connections
	GET    reader  RG/Microsoft.Web/connections/{connection}
	PUT    contributor  RG/Microsoft.Web/connections/{connection}
	PATCH  contributor  RG/Microsoft.Web/connections/{connection}
	DELETE contributor  RG/Microsoft.Web/connections/{connection}
	POST   contributor  RG/Microsoft.Web/connections/{connection}/listConsentLinks
	GET    reader  RG/Microsoft.Web/connections/{connection}/accessPolicies
	GET    reader  RG/Microsoft.Web/connections/{connection}/accessPolicies/{policy}
	PUT    contributor  RG/Microsoft.Web/connections/{connection}/accessPolicies/{policy}
	DELETE contributor  RG/Microsoft.Web/connections/{connection}/accessPolicies/{policy}
	GET    reader  /subscriptions/{sub}/providers/Microsoft.Web/locations/{location}/managedApis
	GET    reader  /subscriptions/{sub}/providers/Microsoft.Web/locations/{location}/managedApis/{api}
`

// TestRoles: what each role may do, by every route there is. A route without a row here
// fails.
func TestRoles(t *testing.T) {
	h := newHouse(t)
	const rg = "/subscriptions/{sub}/resourceGroups/{group}/providers"
	whole := strings.NewReplacer("W/", rg+"/Microsoft.Logic/workflows/{workflow}/", "RG/", rg+"/")
	names := strings.NewReplacer("{sub}", "s", "{group}", "g", "{workflow}", "w", "{version}", "1", "{trigger}", "t", "{history}", "1", "{run}", "1", "{operation}", "1",
		"{action}", "a", "{request}", "1", "{repetition}", "000000", "{location}", "here", "{connection}", "c", "{policy}", "p", "{api}", "x")
	ranks := []string{"stranger", "reader", "operator", "contributor"}
	least := map[string]string{}
	for line := range strings.Lines(strings.TrimSpace(leastRoles)) {
		words := strings.Fields(line)
		least[words[0]+" "+strings.TrimSuffix(whole.Replace(words[2]+"/"), "/")] = words[1]
	}
	if len(least) != len(management.Routes()) {
		t.Errorf("%d rows for %d routes", len(least), len(management.Routes()))
	}
	for _, r := range management.Routes() {
		role, has := least[r[0]+" "+r[1]]
		if !has {
			t.Errorf("who may %s %s?", r[0], r[1])
			continue
		}
		role, trail := strings.CutSuffix(role, "!")
		role, contents := strings.CutSuffix(role, "+")
		for _, as := range []string{
			"", "stranger", "stranger+", "stranger!", "reader", "reader+", "reader!", "operator", "operator+", "operator!", "contributor", "contributor+", "contributor!", "contributor+!",
		} {
			h.events = nil
			got := h.call(as, r[0], names.Replace(r[1])+versionOf(r[1]), "")
			plain, reads := strings.CutSuffix(as, "!")
			plain, sees := strings.CutSuffix(plain, "+")
			may := as != "" && slices.Index(ranks, plain) >= slices.Index(ranks, role) && (sees || !contents) && (reads || !trail)
			if let := got.code() != "AuthorizationFailed" && got.status != http.StatusUnauthorized; let != may {
				t.Errorf("%s %s as %q: %d %s", r[0], r[1], as, got.status, got.text)
			}
			if noted := len(h.events) == 1; noted != (!may || contents || trail || r[0] != http.MethodGet) {
				t.Errorf("%s %s as %q: the audit trail has %s", r[0], r[1], as, fmt.Sprint(h.events))
			}
		}
	}
}

// TestContentsInAnswers: what an answer itself holds of contents is for those who could
// follow a link to it, from where they could.
func TestContentsInAnswers(t *testing.T) {
	h := newHouse(t)
	body := strings.Replace(resource(`"Ask":{"type":"Http","inputs":{"method":"POST","uri":"https://upstream.example.test/x?q=teal","headers":{"x-tint":"teal"}}}`), `"triggers":{`,
		`"outputs":{"tint":{"type":"string","value":"teal"}},"triggers":{`, 1)
	h.must("PUT", "w"+version, body)
	run := "w/runs/" + h.run("w", `{}`).Name
	paths := []string{run, "w/runs", run + "/actions/Ask/requestHistories"}
	shown := func(as string) (n int) {
		for _, path := range paths {
			got := h.call(as, "GET", path+version, "")
			if got.status != http.StatusOK {
				t.Fatal(got.text)
			}
			if strings.Contains(got.text, "teal") {
				n++
			}
		}
		return n
	}
	if n := shown("reader+"); n != len(paths) {
		t.Errorf("%d of %d show it to those who may see it", n, len(paths))
	}
	if n := shown("contributor"); n != 0 {
		t.Errorf("%d show it to others", n)
	}
	h.must("PATCH", "w"+version, `{"properties":{"accessControl":{"contents":{"allowedCallerIpAddresses":[{"addressRange":"0.0.0.0-0.0.0.0"}]}}}}`)
	if n := shown("contributor+"); n != 0 {
		t.Errorf("%d show it at an address that may not", n)
	}
	if got := h.call("contributor+", "POST", run+"/actions/Ask/listExpressionTraces"+version, ""); got.status != http.StatusForbidden || got.code() != "AuthorizationFailed" {
		t.Errorf("traces: %d %s", got.status, got.text)
	}
}
