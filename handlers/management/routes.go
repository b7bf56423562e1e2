package management

import (
	"net/http"
	"strings"
)

// route is one operation.
type route struct {
	name   string // as in Microsoft.Logic's list of operations
	method string
	path   string // segments in braces capture a name
	role   Role
	needs  permission
	handle func(a *API, c *call) (answer, error)
}

// permission is what a caller needs beside a role.
type permission string

const (
	// contents: the answer leads to what went in or out of a run, or lets call a trigger.
	contents permission = "contents"
	// trail: the answer tells who has called, and from where.
	trail permission = "audit"
)

// changes tells whether the audit trail must know of a call: one that changes something,
// or looks at what not everybody may see.
func (r *route) changes() bool { return r.method != http.MethodGet || r.needs != "" }

// versions are the api-versions of a route.
func (r *route) versions() []string {
	if r.needs == trail {
		return insightsVersions
	}
	return logicVersions
}

const (
	group       = "/subscriptions/{sub}/resourceGroups/{group}/providers/Microsoft.Logic"
	workflow    = group + "/workflows/{workflow}"
	version     = workflow + "/versions/{version}"
	trigger     = workflow + "/triggers/{trigger}"
	history     = trigger + "/histories/{history}"
	oneRun      = workflow + "/runs/{run}"
	action      = oneRun + "/actions/{action}"
	repetition  = action + "/repetitions/{repetition}"
	connections = "/subscriptions/{sub}/resourceGroups/{group}/providers/Microsoft.Web/connections"
	events      = "/providers/Microsoft.Insights/eventtypes/management/values"
	managedAPIs = "/subscriptions/{sub}/providers/Microsoft.Web/locations/{location}/managedApis"
)

// routes is every operation there is (management-api §3, §7.1).
var routes = []*route{
	{"Microsoft.Logic/operations/read", "GET", "/providers/Microsoft.Logic/operations", Reader, "", (*API).operations},

	{"Microsoft.Logic/workflows/read", "GET", "/subscriptions/{sub}/providers/Microsoft.Logic/workflows", Reader, "", (*API).listWorkflows},
	{"Microsoft.Logic/workflows/read", "GET", group + "/workflows", Reader, "", (*API).listWorkflows},
	{"Microsoft.Logic/workflows/read", "GET", workflow, Reader, "", (*API).getWorkflow},
	{"Microsoft.Logic/workflows/write", "PUT", workflow, Contributor, "", (*API).putWorkflow},
	{"Microsoft.Logic/workflows/write", "PATCH", workflow, Contributor, "", (*API).patchWorkflow},
	{"Microsoft.Logic/workflows/delete", "DELETE", workflow, Contributor, "", (*API).deleteWorkflow},
	{"Microsoft.Logic/workflows/enable/action", "POST", workflow + "/enable", Operator, "", (*API).enableWorkflow},
	{"Microsoft.Logic/workflows/disable/action", "POST", workflow + "/disable", Operator, "", (*API).disableWorkflow},
	{"Microsoft.Logic/workflows/listCallbackUrl/action", "POST", workflow + "/listCallbackUrl", Operator, contents, (*API).workflowCallback},
	{"Microsoft.Logic/workflows/listSwagger/action", "POST", workflow + "/listSwagger", Reader, "", (*API).swagger},
	{"Microsoft.Logic/workflows/generateUpgradedDefinition/action", "POST", workflow + "/generateUpgradedDefinition", Reader, "", (*API).upgradedDefinition},
	{"Microsoft.Logic/workflows/move/action", "POST", workflow + "/move", Contributor, "", (*API).moveWorkflow},
	{"Microsoft.Logic/workflows/regenerateAccessKey/action", "POST", workflow + "/regenerateAccessKey", Contributor, "", (*API).regenerateKey},
	{"Microsoft.Logic/workflows/validate/action", "POST", workflow + "/validate", Reader, "", (*API).validate},
	{"Microsoft.Logic/locations/workflows/validate/action", "POST", group + "/locations/{location}/workflows/{workflow}/validate", Reader, "", (*API).validate},

	{"Microsoft.Logic/workflows/versions/read", "GET", workflow + "/versions", Reader, "", (*API).listVersions},
	{"Microsoft.Logic/workflows/versions/read", "GET", version, Reader, "", (*API).getVersion},
	{"Microsoft.Logic/workflows/versions/triggers/listCallbackUrl/action", "POST", version + "/triggers/{trigger}/listCallbackUrl", Operator, contents, (*API).versionCallback},

	{"Microsoft.Logic/workflows/triggers/read", "GET", workflow + "/triggers", Reader, "", (*API).listTriggers},
	{"Microsoft.Logic/workflows/triggers/read", "GET", trigger, Reader, "", (*API).getTrigger},
	{"Microsoft.Logic/workflows/triggers/listCallbackUrl/action", "POST", trigger + "/listCallbackUrl", Operator, contents, (*API).triggerCallback},
	{"Microsoft.Logic/workflows/triggers/run/action", "POST", trigger + "/run", Operator, "", (*API).runTrigger},
	{"Microsoft.Logic/workflows/triggers/reset/action", "POST", trigger + "/reset", Operator, "", (*API).resetTrigger},
	{"Microsoft.Logic/workflows/triggers/setState/action", "POST", trigger + "/setState", Operator, "", (*API).setTriggerState},
	{"Microsoft.Logic/workflows/triggers/read", "GET", trigger + "/schemas/json", Reader, "", (*API).triggerSchema},
	{"Microsoft.Logic/workflows/triggers/histories/read", "GET", trigger + "/histories", Reader, "", (*API).listHistories},
	{"Microsoft.Logic/workflows/triggers/histories/read", "GET", history, Reader, "", (*API).getHistory},
	{"Microsoft.Logic/workflows/triggers/histories/resubmit/action", "POST", history + "/resubmit", Operator, "", (*API).resubmit},

	{"Microsoft.Logic/workflows/runs/read", "GET", workflow + "/runs", Reader, "", (*API).listRuns},
	{"Microsoft.Logic/workflows/runs/read", "GET", oneRun, Reader, "", (*API).getRun},
	{"Microsoft.Logic/workflows/runs/delete", "DELETE", oneRun, Contributor, "", (*API).deleteRun},
	{"Microsoft.Logic/workflows/runs/cancel/action", "POST", oneRun + "/cancel", Operator, "", (*API).cancelRun},
	{"Microsoft.Logic/workflows/runs/operations/read", "GET", oneRun + "/operations/{operation}", Reader, "", (*API).runOperation},
	{"Microsoft.Logic/workflows/runs/actions/read", "GET", oneRun + "/actions", Reader, "", (*API).listActions},
	{"Microsoft.Logic/workflows/runs/actions/read", "GET", action, Reader, "", (*API).getAction},
	{"Microsoft.Logic/workflows/runs/actions/listExpressionTraces/action", "POST", action + "/listExpressionTraces", Reader, contents, (*API).traces},
	{"Microsoft.Logic/workflows/runs/actions/requestHistories/read", "GET", action + "/requestHistories", Reader, "", (*API).listRequests},
	{"Microsoft.Logic/workflows/runs/actions/requestHistories/read", "GET", action + "/requestHistories/{request}", Reader, "", (*API).getRequest},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/read", "GET", action + "/repetitions", Reader, "", (*API).listRepetitions},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/read", "GET", repetition, Reader, "", (*API).getRepetition},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/listExpressionTraces/action", "POST", repetition + "/listExpressionTraces", Reader, contents, (*API).traces},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/requestHistories/read", "GET", repetition + "/requestHistories", Reader, "", (*API).listRequests},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/requestHistories/read", "GET", repetition + "/requestHistories/{request}", Reader, "", (*API).getRequest},
	{"Microsoft.Logic/workflows/runs/actions/scopeRepetitions/read", "GET", action + "/scopeRepetitions", Reader, "", (*API).listScopeRepetitions},
	{"Microsoft.Logic/workflows/runs/actions/scopeRepetitions/read", "GET", action + "/scopeRepetitions/{repetition}", Reader, "", (*API).getScopeRepetition},

	{"Microsoft.Insights/eventtypes/values/read", "GET", "/subscriptions/{sub}" + events, Reader, trail, (*API).listEvents},
	{"Microsoft.Insights/eventtypes/values/read", "GET", events, Reader, trail, (*API).listEvents},

	{"Microsoft.Web/connections/read", "GET", connections, Reader, "", (*API).listConnections},
	{"Microsoft.Web/connections/read", "GET", connections + "/{connection}", Reader, "", (*API).getConnection},
	{"Microsoft.Web/connections/write", "PUT", connections + "/{connection}", Contributor, "", (*API).putConnection},
	{"Microsoft.Web/connections/write", "PATCH", connections + "/{connection}", Contributor, "", (*API).putConnection},
	{"Microsoft.Web/connections/delete", "DELETE", connections + "/{connection}", Contributor, "", (*API).deleteConnection},
	{"Microsoft.Web/connections/listConsentLinks/action", "POST", connections + "/{connection}/listConsentLinks", Contributor, "", (*API).consentLinks},
	{"Microsoft.Web/connections/accessPolicies/read", "GET", connections + "/{connection}/accessPolicies", Reader, "", (*API).listAccessPolicies},
	{"Microsoft.Web/connections/accessPolicies/read", "GET", connections + "/{connection}/accessPolicies/{policy}", Reader, "", (*API).getAccessPolicy},
	{"Microsoft.Web/connections/accessPolicies/write", "PUT", connections + "/{connection}/accessPolicies/{policy}", Contributor, "", (*API).putAccessPolicy},
	{"Microsoft.Web/connections/accessPolicies/delete", "DELETE", connections + "/{connection}/accessPolicies/{policy}", Contributor, "", (*API).deleteAccessPolicy},
	{"Microsoft.Web/locations/managedApis/read", "GET", managedAPIs, Reader, "", (*API).listManagedAPIs},
	{"Microsoft.Web/locations/managedApis/read", "GET", managedAPIs + "/{api}", Reader, "", (*API).getManagedAPI},
}

// siteRoutes are those at which a Standard app serves what is below a workflow, the list
// of its workflows, and what it says of operations.
var siteRoutes = func() []*route {
	list := []*route{
		{"Microsoft.Logic/workflows/read", "GET", "/workflows", Reader, "", (*API).listWorkflows},
		{"Microsoft.Logic/operationGroups/read", "GET", "/operationGroups/{operationGroup}", Reader, "", (*API).getOperationGroup},
		{"Microsoft.Logic/operationGroups/read", "GET", "/operationGroups/{operationGroup}/operations/{operation}", Reader, "", (*API).getOperation},
	}
	for _, r := range routes {
		if rest, ok := strings.CutPrefix(r.path, workflow); ok && (rest != "" || r.method == http.MethodGet) && rest != "/move" {
			short := *r
			short.path = "/workflows/{workflow}" + rest
			list = append(list, &short)
		}
	}
	return list
}()

// find returns the route of a call and the names in its path; known tells whether
// there is one for another method.
func find(table []*route, method string, segments []string) (found *route, names map[string]string, known bool) {
	for _, r := range table {
		n, matches := match(r.path, segments)
		if !matches {
			continue
		}
		if r.method == method || r.method == http.MethodGet && method == http.MethodHead {
			return r, n, true
		}
		known = true
	}
	return nil, nil, known
}

// match compares a path segment by segment, ignoring case (management-api §1).
func match(pattern string, segments []string) (map[string]string, bool) {
	want := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	if len(want) != len(segments) {
		return nil, false
	}
	var names map[string]string
	for i, w := range want {
		switch {
		case strings.HasPrefix(w, "{"):
			if segments[i] == "" {
				return nil, false
			}
			if names == nil {
				names = map[string]string{}
			}
			names[w[1:len(w)-1]] = segments[i]
		case !strings.EqualFold(w, segments[i]):
			return nil, false
		}
	}
	return names, true
}
