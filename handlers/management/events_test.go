package management_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

const (
	activity = "/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01"
	ofGroup  = "/subscriptions/0f6b2c1e-58d4-4a0b-9c37-6f0a1d2e3b44"
	given    = "7f9c1f0e-1111-4222-8333-444455556666"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// trail is a house with a workflow, one of another subscription, and a trail of events.
func trail(t *testing.T) *house {
	h := newHouse(t)
	h.must("PUT", "w"+version, resource(compose))
	h.must("PUT", strings.Replace(group, "0f6b2c1e", "ffffffff", 1)+"/far"+version, resource(compose, `"accessControl":{"workflowManagement":{"allowedCallerIpAddresses":[{"addressRange":"203.0.113.0/24"}]}},`))
	id, err := h.store.WorkflowNamed(t.Context(), strings.Replace(group, "0f6b2c1e", "ffffffff", 1)+"/far")
	if err != nil {
		t.Fatal(err)
	}
	w := h.workflow("w").ID
	events := []store.AuditEvent{
		{Kind: "trigger", Outcome: "allowed", WorkflowID: w, Subject: "/triggers/manual", Scheme: "SAS", Key: "primary", Caller: "192.0.2.1"},
		{Kind: "trigger", Outcome: "refused", WorkflowID: w, Subject: "/triggers/manual", Caller: "192.0.2.2", Status: 401, Code: "AuthorizationFailed", Reason: "it is expired"},
		{Kind: "management", Outcome: "done", WorkflowID: w, Subject: group + "/w/disable", Principal: "appid=a", Caller: "192.0.2.3", Reason: "Microsoft.Logic/workflows/disable/action", Correlation: given},
		{Kind: "change", Outcome: "done", WorkflowID: w, Subject: "/versions/1", Principal: "appid=a", Reason: "the workflow 'w' was saved", Correlation: given},
		{Kind: "management", Outcome: "done", Subject: strings.Replace(group, "Microsoft.Logic/workflows", "Microsoft.Web/connections", 1) + "/c", Principal: "appid=b", Reason: "Microsoft.Web/connections/write"},
		{Kind: "trigger", Outcome: "allowed", WorkflowID: id, Subject: "/triggers/manual"},
		{Kind: "other", Outcome: "refused", WorkflowID: "?", Count: 40, Status: 401},
		{Kind: "lost", Outcome: "done", Count: 3},
	}
	for i := range events {
		events[i].At, events[i].Instance, events[i].Sequence = noon.Add(time.Duration(i)*time.Minute), "i", int64(i)
	}
	if err := h.store.AppendAudit(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	return h
}

func filtered(path, filter string) string { return path + "&$filter=" + url.QueryEscape(filter) }

const fromNoon = "eventTimestamp ge '2026-03-14T12:00:00Z' and eventTimestamp le '2026-03-14T13:00:00Z'"

// TestEventsAreFiltered: which events each filter shows, newest first, by their minutes
// after noon.
func TestEventsAreFiltered(t *testing.T) {
	h := trail(t)
	for _, c := range []struct{ path, filter, want string }{
		{activity, fromNoon, "7 6 5 4 3 2 1 0"},
		{ofGroup + activity, fromNoon, "4 3 2 1 0"},
		{"/subscriptions/FFFFFFFF-58d4-4a0b-9c37-6f0a1d2e3b44" + activity, fromNoon, "5"},
		{activity, "eventTimestamp ge '2026-03-14T12:01:00.0000000Z' and eventTimestamp le '2026-03-14T12:03:00Z'", "3 2 1"},
		{activity, "eventTimestamp gt 2026-03-14T12:01:00Z and eventTimestamp lt 2026-03-14T12:03:00Z", "2"},
		{activity, fromNoon + " and eventChannels eq 'Admin, Operation' and caller eq 'appid=a'", "3 2"},
		{activity, fromNoon + " and eventChannels eq 'Debug'", ""},
		{activity, fromNoon + " and resourceUri eq '" + strings.ToUpper(group) + "/W'", "3 2 1 0"},
		{activity, fromNoon + " and resourceId eq '" + group + "/w' and status eq 'Failed'", "1"},
		{activity, fromNoon + " and resourceGroupName eq 'harbor-rg' and resourceProvider eq 'Microsoft.Web'", "4"},
		{activity, fromNoon + " and correlationId eq '" + given + "'", "3 2"},
		{activity, fromNoon + " and resourceUri eq '" + group + "'", ""},
	} {
		var got []string
		for _, e := range h.call("reader!", "GET", filtered(c.path, c.filter), "").body["value"].([]any) {
			at, err := time.Parse(time.RFC3339, member(e, "eventTimestamp").(string))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprint(int(at.Sub(noon)/time.Minute)))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %v, want %s", c.path, c.filter, got, c.want)
		}
	}
}

// TestEventsAreThoseOfTheActivityLog: the members of an event.
func TestEventsAreThoseOfTheActivityLog(t *testing.T) {
	h := trail(t)
	list := h.call("reader!", "GET", filtered(activity, fromNoon), "").body["value"].([]any)
	slices.Reverse(list)
	for i, want := range []map[string]string{
		0: {"operationName.value": "Microsoft.Logic/workflows/triggers/run/action", "authorization.scope": group + "/w/triggers/manual", "resourceId": group + "/w", "status.localizedValue": "Succeeded",
			"httpRequest.clientIpAddress": "192.0.2.1", "level": "Informational", "properties.kind": "trigger", "properties.scheme": "SAS", "properties.key": "primary", "properties.count": "1", "subscriptionId": ofGroup[len("/subscriptions/"):],
			"resourceGroupName": "harbor-rg", "resourceProviderName.value": "Microsoft.Logic", "category.value": "Administrative", "properties.workflow": "w"},
		1: {"status.value": "Failed", "subStatus.value": "Unauthorized", "subStatus.localizedValue": "Unauthorized (HTTP Status Code: 401)", "level": "Warning", "description": "it is expired", "properties.code": "AuthorizationFailed", "properties.statusCode": "401"},
		2: {"operationName.value": "Microsoft.Logic/workflows/disable/action", "authorization.action": "Microsoft.Logic/workflows/disable/action", "authorization.scope": group + "/w/disable", "caller": "appid=a", "correlationId": given, "operationId": given},
		3: {"operationName.value": "Microsoft.Logic/workflows/write", "correlationId": given, "authorization.scope": group + "/w/versions/1"},
		4: {"operationName.value": "Microsoft.Web/connections/write", "resourceProviderName.value": "Microsoft.Web", "resourceGroupName": "harbor-rg"},
		6: {"properties.count": "40", "level": "Warning"},
		7: {"level": "Error", "properties.kind": "lost", "properties.count": "3"},
	} {
		for path, text := range want {
			first, second, _ := strings.Cut(path, ".")
			got := member(list[i], first)
			if second != "" {
				got = member(got, second)
			}
			if got != text {
				t.Errorf("event %d, %s: %v, want %s", i, path, got, text)
			}
		}
	}
	seen := map[any]bool{}
	for _, e := range list {
		if id := member(e, "eventDataId"); id == nil || seen[id] || !strings.Contains(member(e, "id").(string), fmt.Sprintf("/events/%s/ticks/63909", id)) {
			t.Errorf("id %v of %v", id, e)
		} else {
			seen[id] = true
		}
	}
	for _, e := range h.call("reader!", "GET", filtered(activity, fromNoon)+"&$select=eventTimestamp,%20caller,OperationName", "").body["value"].([]any) {
		for name := range e.(map[string]any) {
			if name != "eventTimestamp" && name != "caller" && name != "operationName" {
				t.Errorf("%s is shown", name)
			}
		}
		if member(e, "operationName", "value") == nil {
			t.Errorf("selected: %v", e)
		}
	}
}

// TestPagesOfEvents: a page has no more than it may, links on, and a look at the trail
// is in the trail.
func TestPagesOfEvents(t *testing.T) {
	h := trail(t)
	var ids []string
	h.pages("https://x"+filtered(activity, fromNoon)+"&$top=3&$select=id", func(page answer) {
		list := page.body["value"].([]any)
		if len(list) > 3 {
			t.Errorf("%d events on a page", len(list))
		}
		for _, e := range list {
			ids = append(ids, member(e, "id").(string))
		}
	})
	if len(slices.Compact(slices.Clone(ids))) != 8 || len(ids) != 8 {
		t.Errorf("%d events", len(ids))
	}
	looks := 0
	for _, e := range h.events {
		if e.Operation == "Microsoft.Insights/eventtypes/values/read" && e.Status == http.StatusOK {
			looks++
		}
	}
	if looks < 3 {
		t.Errorf("%d looks are noted", looks)
	}
}

// TestBadLooksAtEvents: what is not let in, and what is malformed.
func TestBadLooksAtEvents(t *testing.T) {
	h := trail(t)
	for name, c := range map[string]struct {
		as, path string
		status   int
		code     string
	}{
		"nobody":                      {"", filtered(activity, fromNoon), 401, "AuthenticationFailed"},
		"a contributor with contents": {"contributor+", filtered(activity, fromNoon), 403, "AuthorizationFailed"},
		"the permission without role": {"x!", filtered(activity, fromNoon), 403, "AuthorizationFailed"},
		"no filter":                   {"reader!", activity, 400, "InvalidFilterInQueryString"},
		"no beginning":                {"reader!", filtered(activity, "eventTimestamp le '2026-03-14T12:00:00Z'"), 400, "InvalidFilterInQueryString"},
		"a time that is none":         {"reader!", filtered(activity, "eventTimestamp ge 'noon'"), 400, "InvalidFilterInQueryString"},
		"a field that is none":        {"reader!", filtered(activity, fromNoon+" and colour eq 'red'"), 400, "InvalidFilterInQueryString"},
		"or":                          {"reader!", filtered(activity, fromNoon+" or status eq 'Failed'"), 400, "InvalidFilterInQueryString"},
		"a member that is none":       {"reader!", filtered(activity, fromNoon) + "&$select=caller,colour", 400, "InvalidSelectInQueryString"},
		"a token that is none":        {"reader!", filtered(activity, fromNoon) + "&$skiptoken=eHg", 400, "InvalidSkipToken"},
		"an api-version of workflows": {"reader!", strings.Replace(filtered(activity, fromNoon), "2015-04-01", "2019-05-01", 1), 400, "InvalidApiVersionParameter"},
		"its own for workflows":       {"reader!", group + "?api-version=2015-04-01", 400, "InvalidApiVersionParameter"},
		"another method":              {"reader!", "", 405, "MethodNotAllowed"},
	} {
		method := "GET"
		if c.path == "" {
			method, c.path = "DELETE", activity
		}
		if got := h.call(c.as, method, c.path, ""); got.status != c.status || got.code() != c.code {
			t.Errorf("%s: %d %s", name, got.status, got.text)
		}
	}
	// Whoever shows no token has named nothing that is kept: the names may be credentials.
	h.call("", "DELETE", "/subscriptions/"+canary+"/resourceGroups/g/providers/Microsoft.Logic/workflows/"+canary+version+"&x="+canary, canary, "x-ms-correlation-request-id", canary, "User-Agent", canary)
	h.call("reader", "DELETE", "w"+version+"&x="+canary, canary, "x-ms-correlation-request-id", canary)
	if all := fmt.Sprintf("%+v", h.events); strings.Contains(all, canary) || !strings.Contains(all, "/workflows/{workflow}") {
		t.Errorf("the trail: %s", all)
	}
}
