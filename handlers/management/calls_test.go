package management_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/store"
)

// TestBadCalls: each has its code, and none of them changes anything.
func TestBadCalls(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "present"+version, resource(compose, `"parameters":{},`))
	over := h.run("present", `{"a":1}`)
	before := h.must("GET", "present"+version, "")
	tag := before.header.Get("ETag")
	const absent = "08584281307553541240417205583CU00"
	run := "present/runs/" + over.Name
	large := resource(compose + `,"Large":{"type":"Compose","inputs":"` + strings.Repeat("x", 5<<20) + `"}`)
	for name, c := range map[string]struct {
		as, method, path, body string
		headers                []string
		status                 int
		code                   string
	}{
		"no api-version":          {"contributor", "PUT", "present", resource(compose), nil, 400, "MissingApiVersionParameter"},
		"empty api-version":       {"contributor", "GET", "present?api-version=", "", nil, 400, "MissingApiVersionParameter"},
		"unknown api-version":     {"contributor", "DELETE", "present?api-version=2030-01-01", "", nil, 400, "InvalidApiVersionParameter"},
		"a Standard api-version":  {"contributor", "GET", "present?api-version=2018-11-01", "", nil, 400, "InvalidApiVersionParameter"},
		"nobody":                  {"", "DELETE", "present" + version, "", nil, 401, "AuthenticationFailed"},
		"no role":                 {"stranger", "GET", "present" + version, "", nil, 403, "AuthorizationFailed"},
		"a reader deletes":        {"reader", "DELETE", "present" + version, "", nil, 403, "AuthorizationFailed"},
		"a reader disables":       {"reader", "POST", "present/disable" + version, "", nil, 403, "AuthorizationFailed"},
		"a reader runs":           {"reader", "POST", "present/triggers/manual/run" + version, "", nil, 403, "AuthorizationFailed"},
		"an operator writes":      {"operator", "PUT", "present" + version, resource(compose), nil, 403, "AuthorizationFailed"},
		"an operator's key":       {"operator", "POST", "present/regenerateAccessKey" + version, `{"keyType":"Primary"}`, nil, 403, "AuthorizationFailed"},
		"a URL without contents":  {"contributor", "POST", "present/listCallbackUrl" + version, "{}", nil, 403, "AuthorizationFailed"},
		"traces without contents": {"contributor", "POST", run + "/actions/Compose/listExpressionTraces" + version, "", nil, 403, "AuthorizationFailed"},
		"no such path":            {"reader", "GET", "present/colours" + version, "", nil, 404, "InvalidResourceType"},
		"integration accounts":    {"reader", "GET", strings.Replace(group, "workflows", "integrationAccounts", 1) + version, "", nil, 404, "InvalidResourceType"},
		"no such method":          {"contributor", "PUT", run + version, "{}", nil, 405, "MethodNotAllowed"},
		"no such workflow":        {"contributor", "POST", "absent/disable" + version, "", nil, 404, "WorkflowNotFound"},
		"no such version":         {"reader", "GET", "present/versions/08584281832759275795" + version, "", nil, 404, "WorkflowVersionNotFound"},
		"no such trigger":         {"operator+", "POST", "present/triggers/absent/listCallbackUrl" + version, "", nil, 404, "WorkflowTriggerNotFound"},
		"no such history":         {"operator", "POST", "present/triggers/manual/histories/" + absent + "/resubmit" + version, "", nil, 404, "WorkflowTriggerHistoryNotFound"},
		"no such run":             {"operator", "POST", "present/runs/" + absent + "/cancel" + version, "", nil, 404, "WorkflowRunNotFound"},
		"a run that is none":      {"reader", "GET", "present/runs/..%2F..%2Fx" + version, "", nil, 400, "BadRequest"},
		"no such action":          {"reader", "GET", run + "/actions/absent" + version, "", nil, 404, "WorkflowRunActionNotFound"},
		"no such repetition":      {"reader", "GET", run + "/actions/Compose/repetitions/000000" + version, "", nil, 404, "WorkflowRunActionRepetitionNotFound"},
		"no such request":         {"reader", "GET", run + "/actions/Compose/requestHistories/08584281832759275795" + version, "", nil, 404, "WorkflowRunActionRequestHistoryNotFound"},
		"a finished run":          {"operator", "POST", run + "/cancel" + version, "", nil, 409, "WorkflowRunCanNotBeCancelled"},
		"a stale tag":             {"contributor", "PUT", "present" + version, resource(compose), []string{"If-Match", `"08584281832759275795.Enabled"`}, 412, "PreconditionFailed"},
		"a stale tag, patch":      {"contributor", "PATCH", "present" + version, `{"tags":{"a":"b"}}`, []string{"If-Match", `"x"`}, 412, "PreconditionFailed"},
		"a stale tag, delete":     {"contributor", "DELETE", "present" + version, "", []string{"If-Match", `"x", "y"`}, 412, "PreconditionFailed"},
		"not twice":               {"contributor", "PUT", "present" + version, resource(compose), []string{"If-None-Match", "*"}, 412, "PreconditionFailed"},
		"not anew":                {"contributor", "PUT", "absent" + version, resource(compose), []string{"If-Match", "*"}, 412, "PreconditionFailed"},
		"a definition of 5 MB":    {"contributor", "PUT", "present" + version, large, nil, 413, "RequestEntityTooLarge"},
		"half a body":             {"contributor", "PUT", "present" + version, resource(compose)[:100], nil, 400, "InvalidRequestContent"},
		"a body that is a list":   {"contributor", "PUT", "present" + version, `[1]`, nil, 400, "InvalidRequestContent"},
		"no body":                 {"contributor", "PUT", "present" + version, "", nil, 400, "InvalidRequestContent"},
		"a state that is none":    {"contributor", "PUT", "present" + version, resource(compose, `"state":"Suspended",`), nil, 400, "WorkflowStateNotValid"},
		"a type that is none":     {"contributor", "PUT", "present" + version, resource(`"A":{"type":"Compos","inputs":1}`), nil, 400, "InvalidTemplate"},
		"two identities":          {"contributor", "PUT", "present" + version, strings.Replace(resource(compose), `{"location"`, `{"identity":{"type":"SystemAssigned, UserAssigned"},"location"`, 1), nil, 400, "InvalidIdentity"},
		"an address that is none": {"contributor", "PUT", "present" + version, resource(compose, `"accessControl":{"triggers":{"allowedCallerIpAddresses":[{"addressRange":"300.1.2.3"}]}},`), nil, 400, "InvalidWorkflowAccessControl"},
		"a key that is none":      {"contributor", "POST", "present/regenerateAccessKey" + version, `{"keyType":"Contents"}`, nil, 400, "InvalidKeyType"},
		"a URL of the past":       {"contributor+", "POST", "present/triggers/manual/listCallbackUrl" + version, `{"NotAfter":"2020-01-01T00:00:00Z"}`, nil, 400, "InvalidNotAfter"},
		"no date":                 {"contributor+", "POST", "present/triggers/manual/listCallbackUrl" + version, `{"notAfter":"tomorrow"}`, nil, 400, "InvalidRequestContent"},
		"a move to nowhere":       {"contributor", "POST", "present/move" + version, `{"id":"/subscriptions/x"}`, nil, 400, "InvalidRequestContent"},
		"no source":               {"operator", "POST", "present/triggers/manual/setState" + version, `{}`, nil, 400, "InvalidRequestContent"},
		"no state":                {"operator", "POST", "present/triggers/manual/setState" + version, `{"source":{"flowName":"present","triggerName":"manual"}}`, nil, 400, "TriggerStateNotFound"},
		"$top 0":                  {"reader", "GET", "present/runs" + version + "&$top=0", "", nil, 400, "InvalidTopInQueryString"},
		"$top many":               {"reader", "GET", "present/runs" + version + "&$top=many", "", nil, 400, "InvalidTopInQueryString"},
		"a token that is none":    {"reader", "GET", "present/runs" + version + "&$skiptoken=*", "", nil, 400, "InvalidSkipToken"},
		"an unknown field":        {"reader", "GET", "present/runs" + version + "&$filter=colour+eq+'teal'", "", nil, 400, "InvalidFilterInQueryString"},
		"no operator":             {"reader", "GET", "present/runs" + version + "&$filter=status", "", nil, 400, "InvalidFilterInQueryString"},
		"no end of a text":        {"reader", "GET", "present/runs" + version + "&$filter=status+eq+'Failed", "", nil, 400, "InvalidFilterInQueryString"},
		"no quotes":               {"reader", "GET", "present/runs" + version + "&$filter=status+eq+Failed", "", nil, 400, "InvalidFilterInQueryString"},
		"half an or":              {"reader", "GET", "present/runs" + version + "&$filter=status+eq+'A'+or", "", nil, 400, "InvalidFilterInQueryString"},
		"an open parenthesis":     {"reader", "GET", "present/runs" + version + "&$filter=(status+eq+'A'", "", nil, 400, "InvalidFilterInQueryString"},
		"parentheses of nothing":  {"reader", "GET", "present/runs" + version + "&$filter=()", "", nil, 400, "InvalidFilterInQueryString"},
		"a closed parenthesis":    {"reader", "GET", "present/runs" + version + "&$filter=status+eq+'A')", "", nil, 400, "InvalidFilterInQueryString"},
		"parentheses in depth":    {"reader", "GET", "present/runs" + version + "&$filter=" + strings.Repeat("(", 5000) + "status+eq+'A'" + strings.Repeat(")", 5000), "", nil, 400, "InvalidFilterInQueryString"},
		"comparisons in number":   {"reader", "GET", "present/runs" + version + "&$filter=status+eq+'A'" + strings.Repeat("+and+status+eq+'A'", 100), "", nil, 400, "InvalidFilterInQueryString"},
		"no such operator":        {"reader", "GET", "present/runs" + version + "&$filter=status+like+'A'", "", nil, 400, "InvalidFilterInQueryString"},
		"a function":              {"reader", "GET", "present/runs" + version + "&$filter=startswith(status,'A')", "", nil, 400, "InvalidFilterInQueryString"},
		"a filter of histories":   {"reader", "GET", "present/triggers/manual/histories" + version + "&$filter=state+eq+'Enabled'", "", nil, 400, "InvalidFilterInQueryString"},
		"a filter of triggers":    {"reader", "GET", "present/triggers" + version + "&$filter=status+eq+'A'", "", nil, 400, "InvalidFilterInQueryString"},
		"a filter of workflows":   {"reader", "GET", group + version + "&$filter=startTime+ge+2020-01-01", "", nil, 400, "InvalidFilterInQueryString"},
		"an order of triggers":    {"reader", "GET", group + version + "&$filter=trigger+gt+'manual'", "", nil, 400, "InvalidFilterInQueryString"},
		"$top of minus one":       {"reader", "GET", "present/versions" + version + "&$top=-1", "", nil, 400, "InvalidTopInQueryString"},
		"a half $top":             {"reader", "GET", group + version + "&$top=1.5", "", nil, 400, "InvalidTopInQueryString"},
		"an empty definition":     {"contributor", "PUT", "present" + version, `{"properties":{}}`, nil, 400, "InvalidTemplate"},
		"a token of its own":      {"reader", "GET", "present/runs" + version + "&$skiptoken=Li4vLi4", "", nil, 400, "InvalidSkipToken"},
		"an action's token":       {"reader", "GET", run + "/actions" + version + "&$skiptoken=eA", "", nil, 400, "InvalidSkipToken"},
		"a version's trigger":     {"contributor+", "POST", "present/versions/08584281832759275795/triggers/manual/listCallbackUrl" + version, "", nil, 404, "WorkflowVersionNotFound"},
		"no such trigger's reset": {"operator", "POST", "present/triggers/absent/reset" + version, "", nil, 404, "WorkflowTriggerNotFound"},
		"a move of nothing":       {"contributor", "POST", "absent/move" + version, `{"id":"` + group + `/x"}`, nil, 404, "WorkflowNotFound"},
		"a new key of nothing":    {"contributor", "POST", "absent/regenerateAccessKey" + version, `{"keyType":"Primary"}`, nil, 404, "WorkflowNotFound"},
		"a run that is deleted":   {"contributor", "DELETE", "present/runs/" + absent + version, "", nil, 404, "WorkflowRunNotFound"},
		"a name with a slash":     {"contributor", "PUT", "a%2Fb" + version, resource(compose), nil, 400, "InvalidResourceName"},
		"a name with a bracket":   {"contributor", "PUT", "a%3Cb" + version, resource(compose), nil, 400, "InvalidResourceName"},
		"a name with a period":    {"contributor", "PUT", "ab." + version, resource(compose), nil, 400, "InvalidResourceName"},
		"a long name":             {"contributor", "PUT", strings.Repeat("x", 81) + version, resource(compose), nil, 400, "InvalidResourceName"},
		"a very long name":        {"reader", "GET", strings.Repeat("x", 5000) + version, "", nil, 400, "InvalidResourceName"},
		"a control character":     {"reader", "GET", "a%00b" + version, "", nil, 400, "InvalidResourceName"},
		"a validated name":        {"reader", "POST", "a%3Cb/validate" + version, resource(compose), nil, 400, "InvalidResourceName"},
		"a move to a bad name":    {"contributor", "POST", "present/move" + version, `{"id":"` + group + `/a%b?c"}`, nil, 400, "InvalidResourceName"},
		"tags in a list":          {"contributor", "PATCH", "present" + version, `{"tags":[1]}`, nil, 400, "InvalidRequestContent"},
		"tags of numbers":         {"contributor", "PATCH", "present" + version, `{"tags":{"a":1}}`, nil, 400, "InvalidRequestContent"},
		"access that is none":     {"contributor", "PUT", "present" + version, resource(compose, `"accessControl":7,`), nil, 400, "InvalidRequestContent"},
		"no definition":           {"contributor", "PATCH", "present" + version, `{"properties":{"definition":null}}`, nil, 400, "InvalidTemplate"},
		"parameters in a list":    {"contributor", "PUT", "present" + version, resource(compose, `"parameters":[1],`), nil, 400, "InvalidTemplate"},
		"no such connection":      {"reader", "GET", strings.Replace(group, "Logic/workflows", "Web/connections", 1) + "/absent" + version, "", nil, 404, "ResourceNotFound"},
		"no such policy's home":   {"contributor", "PUT", strings.Replace(group, "Logic/workflows", "Web/connections", 1) + "/absent/accessPolicies/p" + version, "{}", nil, 404, "ResourceNotFound"},
		"no time":                 {"reader", "GET", "present/runs" + version + "&$filter=startTime+ge+'yesterday'", "", nil, 400, "InvalidFilterInQueryString"},
		"a field of another list": {"reader", "GET", run + "/actions" + version + "&$filter=startTime+ge+2020-01-01T00:00:00Z", "", nil, 400, "InvalidFilterInQueryString"},
	} {
		t.Run(name, func(t *testing.T) {
			h.t = t
			got := h.call(c.as, c.method, c.path, c.body, c.headers...)
			if got.status != c.status || got.code() != c.code || got.message() == "" {
				t.Errorf("%d %.300s, want %d %s", got.status, got.text, c.status, c.code)
			}
			if got.header.Get("x-ms-request-id") == "" {
				t.Error("the answer has no x-ms-request-id")
			}
		})
	}
	h.t = t
	after := h.must("GET", "present"+version, "")
	if after.text != before.text || after.header.Get("ETag") != tag {
		t.Errorf("something changed:\n%s\n%s", before.text, after.text)
	}
	if all, err := h.store.Workflows(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("%d workflows, %v", len(all), err)
	}
	if runs, _, err := h.store.Runs(t.Context(), h.workflow("present").ID, 10, ""); err != nil || len(runs) != 1 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

// versionOf is an api-version that an operation has.
func versionOf(name string) string {
	if strings.Contains(name, "Microsoft.Insights/") {
		return "?api-version=2015-04-01"
	}
	return version
}

// TestAuditTrail: changes, looks at what opens something, and refused calls are noted;
// mere looks are not.
func TestAuditTrail(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "w"+version, resource(compose))
	h.call("reader", "GET", "w"+version, "")
	h.call("reader", "DELETE", "w"+version, "")
	h.call("stranger", "GET", "w"+version, "")
	h.call("", "GET", "w"+version, "")
	h.call("operator+", "POST", "w/listCallbackUrl"+version, "{}")
	var got []string
	for _, e := range h.events {
		got = append(got, fmt.Sprintf("%s %s %s %d %s", e.Caller, e.Operation, e.Address, e.Status, e.Code))
	}
	want := []string{
		"contributor+! Microsoft.Logic/workflows/write 192.0.2.7 201 ",
		"reader Microsoft.Logic/workflows/delete 192.0.2.7 403 AuthorizationFailed",
		"stranger Microsoft.Logic/workflows/read 192.0.2.7 403 AuthorizationFailed",
		" Microsoft.Logic/workflows/read 192.0.2.7 401 AuthenticationFailed",
		"operator+ Microsoft.Logic/workflows/listCallbackUrl/action 192.0.2.7 200 ",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if id := h.workflow("w").ID; h.events[4].WorkflowID != id {
		t.Errorf("workflow %q, want %q", h.events[4].WorkflowID, id)
	}
}

// TestManagementAddresses: workflowManagement of a workflow's access control keeps
// callers from elsewhere out, of the workflow and of what is below, and out of lists.
func TestManagementAddresses(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "open"+version, resource(compose))
	h.must("PUT", "closed"+version, resource(compose, `"accessControl":{"workflowManagement":{"allowedCallerIpAddresses":[{"addressRange":"203.0.113.0/24"}]}},`))
	for _, path := range []string{"closed", "closed/runs", "closed/triggers/manual"} {
		if got := h.call("contributor+", "GET", path+version, ""); got.status != http.StatusForbidden || got.code() != "AuthorizationFailed" {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	if got := h.call("contributor+", "DELETE", "closed"+version, ""); got.status != http.StatusForbidden {
		t.Errorf("delete: %d %s", got.status, got.text)
	}
	if got := h.must("GET", group+version, "").body["value"].([]any); len(got) != 1 {
		t.Errorf("%d workflows in the list", len(got))
	}
}

// TestReadModifyWrite: what clients drop from what they have read is not lost.
func TestReadModifyWrite(t *testing.T) {
	h := newHouse(t)
	body := resource(compose, `"accessControl":{"triggers":{"sasAuthenticationPolicy":{"state":"Disabled"}}},"parameters":{"key":{"value":"`+canary+`"}},`)
	body = strings.Replace(body, `"triggers":{"manual"`, `"parameters":{"key":{"type":"SecureString"}},"triggers":{"manual"`, 1)
	h.must("PUT", "w"+version, body)
	read := h.must("GET", "w"+version, "").text
	if strings.Contains(read, canary) {
		t.Fatal("a secure parameter is shown")
	}
	h.must("PUT", "w"+version, strings.Replace(read, `"sasAuthenticationPolicy":{"state":"Disabled"}`, ``, 1))
	if !h.engine.Access(h.workflow("w")).SASDisabled {
		t.Error("signed URLs are on again")
	}
	url := h.must("POST", "w/triggers/manual/listCallbackUrl"+version, "").text
	if strings.Contains(url, "sig") || strings.Contains(url, `"sp"`) {
		t.Errorf("the callback URL is signed: %s", url)
	}
	w := h.workflow("w")
	if err := h.store.WorkflowVersion(t.Context(), w.Workflow, w.Version); err != nil || w.Parameters.Member("key").Member("value").Str() != canary {
		t.Errorf("the secure parameter is lost: %v", err)
	}
	h.must("PATCH", "w"+version, `{"tags":{"team":"dock"},"properties":{"state":"Disabled"}}`)
	if got := h.must("GET", "w"+version, ""); !strings.Contains(got.text, `"team":"dock"`) || !strings.Contains(got.text, `"state":"Disabled"`) || !strings.Contains(got.text, "Compose") {
		t.Errorf("after a patch: %s", got.text)
	}
	h.must("PUT", "w"+version, resource(compose, `"accessControl":{"triggers":{"allowedCallerIpAddresses":[{"addressRange":[]}]}},`))
	if got := h.must("GET", "w"+version, ""); !strings.Contains(got.text, `"allowedCallerIpAddresses":[]`) {
		t.Errorf("the older form of nobody is shown: %s", got.text)
	}
}

// TestStandardPaths: those of a Standard app lead to the same, by the name alone.
func TestStandardPaths(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "berth"+version, resource(compose))
	run := h.run("berth", `{"a":1}`)
	const site = "/runtime/webhooks/workflow/api/management/workflows"
	const through = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app/hostruntime" + site
	for _, path := range []string{
		site + "?api-version=2018-11-01", site + "/berth?api-version=2018-11-01", site + "/BERTH/runs?api-version=2022-05-01", site + "/berth/runs/" + run.Name + "/actions/Compose" + version,
		through + "/berth/runs?api-version=2024-11-01", site + "/berth/triggers/manual/histories" + version,
	} {
		if got := h.must("GET", path, ""); !strings.Contains(got.text, group+"/berth") {
			t.Errorf("%s: %s", path, got.text)
		}
	}
	if got := h.must("POST", site+"/berth/triggers/manual/listCallbackUrl"+version, ""); !strings.Contains(got.text, "/triggers/manual/paths/invoke") {
		t.Error(got.text)
	}
	if got := h.call("reader", "GET", site+"/absent/runs"+version, ""); got.code() != "WorkflowNotFound" {
		t.Errorf("%d %s", got.status, got.text)
	}
	h.must("PUT", strings.Replace(group, "harbor-rg", "other-rg", 1)+"/berth"+version, resource(compose))
	if got := h.call("reader", "GET", site+"/berth/runs"+version, ""); got.code() != "AmbiguousWorkflowName" {
		t.Errorf("%d %s", got.status, got.text)
	}
	if got := h.call("contributor", "PUT", site+"/berth"+version, resource(compose)); got.status != http.StatusMethodNotAllowed {
		t.Errorf("%d %s", got.status, got.text)
	}
}

// TestMove: id and keys stay, the old name is free, and a taken one is refused.
func TestMove(t *testing.T) {
	h := newHouse(t)
	h.must("PUT", "a"+version, resource(compose))
	h.must("PUT", "b"+version, resource(compose))
	id := h.workflow("a").ID
	if got := h.call("contributor", "POST", "a/move"+version, `{"id":"`+group+`/b"}`); got.code() != "WorkflowAlreadyExists" {
		t.Errorf("%d %s", got.status, got.text)
	}
	h.must("POST", "a/move"+version, `{"id":"`+group[1:]+`/c"}`)
	if moved := h.workflow("c"); moved.ID != id || moved.Name != "c" {
		t.Errorf("moved to %s %s", moved.ID, moved.Name)
	}
	if _, err := h.store.WorkflowNamed(t.Context(), group+"/a"); err == nil {
		t.Error("the old name leads somewhere")
	}
	if err := h.engine.Move(t.Context(), strings.Repeat("0", 32), group+"/d", "d"); err == nil || !strings.Contains(err.Error(), store.ErrNotFound.Error()) {
		t.Errorf("nobody was moved: %v", err)
	}
}
