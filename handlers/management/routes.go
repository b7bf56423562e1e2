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
	// contents: the answer leads to what went in or out of a run, or lets call a
	// trigger.
	contents bool
	handle   func(a *API, c *call) (answer, error)
}

// changes tells whether the audit trail must know of a call.
func (r *route) changes() bool { return r.method != http.MethodGet || r.contents }

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
	managedAPIs = "/subscriptions/{sub}/providers/Microsoft.Web/locations/{location}/managedApis"
)

// routes is every operation there is (management-api §3, §7.1).
var routes = []*route{
	{"Microsoft.Logic/operations/read", "GET", "/providers/Microsoft.Logic/operations", Reader, false, (*API).operations},

	{"Microsoft.Logic/workflows/read", "GET", "/subscriptions/{sub}/providers/Microsoft.Logic/workflows", Reader, false, (*API).listWorkflows},
	{"Microsoft.Logic/workflows/read", "GET", group + "/workflows", Reader, false, (*API).listWorkflows},
	{"Microsoft.Logic/workflows/read", "GET", workflow, Reader, false, (*API).getWorkflow},
	{"Microsoft.Logic/workflows/write", "PUT", workflow, Contributor, false, (*API).putWorkflow},
	{"Microsoft.Logic/workflows/write", "PATCH", workflow, Contributor, false, (*API).patchWorkflow},
	{"Microsoft.Logic/workflows/delete", "DELETE", workflow, Contributor, false, (*API).deleteWorkflow},
	{"Microsoft.Logic/workflows/enable/action", "POST", workflow + "/enable", Operator, false, (*API).enableWorkflow},
	{"Microsoft.Logic/workflows/disable/action", "POST", workflow + "/disable", Operator, false, (*API).disableWorkflow},
	{"Microsoft.Logic/workflows/listCallbackUrl/action", "POST", workflow + "/listCallbackUrl", Operator, true, (*API).workflowCallback},
	{"Microsoft.Logic/workflows/listSwagger/action", "POST", workflow + "/listSwagger", Reader, false, (*API).swagger},
	{"Microsoft.Logic/workflows/generateUpgradedDefinition/action", "POST", workflow + "/generateUpgradedDefinition", Reader, false, (*API).upgradedDefinition},
	{"Microsoft.Logic/workflows/move/action", "POST", workflow + "/move", Contributor, false, (*API).moveWorkflow},
	{"Microsoft.Logic/workflows/regenerateAccessKey/action", "POST", workflow + "/regenerateAccessKey", Contributor, false, (*API).regenerateKey},
	{"Microsoft.Logic/workflows/validate/action", "POST", workflow + "/validate", Reader, false, (*API).validate},
	{"Microsoft.Logic/locations/workflows/validate/action", "POST", group + "/locations/{location}/workflows/{workflow}/validate", Reader, false, (*API).validate},

	{"Microsoft.Logic/workflows/versions/read", "GET", workflow + "/versions", Reader, false, (*API).listVersions},
	{"Microsoft.Logic/workflows/versions/read", "GET", version, Reader, false, (*API).getVersion},
	{"Microsoft.Logic/workflows/versions/triggers/listCallbackUrl/action", "POST", version + "/triggers/{trigger}/listCallbackUrl", Operator, true, (*API).versionCallback},

	{"Microsoft.Logic/workflows/triggers/read", "GET", workflow + "/triggers", Reader, false, (*API).listTriggers},
	{"Microsoft.Logic/workflows/triggers/read", "GET", trigger, Reader, false, (*API).getTrigger},
	{"Microsoft.Logic/workflows/triggers/listCallbackUrl/action", "POST", trigger + "/listCallbackUrl", Operator, true, (*API).triggerCallback},
	{"Microsoft.Logic/workflows/triggers/run/action", "POST", trigger + "/run", Operator, false, (*API).runTrigger},
	{"Microsoft.Logic/workflows/triggers/reset/action", "POST", trigger + "/reset", Operator, false, (*API).resetTrigger},
	{"Microsoft.Logic/workflows/triggers/setState/action", "POST", trigger + "/setState", Operator, false, (*API).setTriggerState},
	{"Microsoft.Logic/workflows/triggers/read", "GET", trigger + "/schemas/json", Reader, false, (*API).triggerSchema},
	{"Microsoft.Logic/workflows/triggers/histories/read", "GET", trigger + "/histories", Reader, false, (*API).listHistories},
	{"Microsoft.Logic/workflows/triggers/histories/read", "GET", history, Reader, false, (*API).getHistory},
	{"Microsoft.Logic/workflows/triggers/histories/resubmit/action", "POST", history + "/resubmit", Operator, false, (*API).resubmit},

	{"Microsoft.Logic/workflows/runs/read", "GET", workflow + "/runs", Reader, false, (*API).listRuns},
	{"Microsoft.Logic/workflows/runs/read", "GET", oneRun, Reader, false, (*API).getRun},
	{"Microsoft.Logic/workflows/runs/delete", "DELETE", oneRun, Contributor, false, (*API).deleteRun},
	{"Microsoft.Logic/workflows/runs/cancel/action", "POST", oneRun + "/cancel", Operator, false, (*API).cancelRun},
	{"Microsoft.Logic/workflows/runs/operations/read", "GET", oneRun + "/operations/{operation}", Reader, false, (*API).runOperation},
	{"Microsoft.Logic/workflows/runs/actions/read", "GET", oneRun + "/actions", Reader, false, (*API).listActions},
	{"Microsoft.Logic/workflows/runs/actions/read", "GET", action, Reader, false, (*API).getAction},
	{"Microsoft.Logic/workflows/runs/actions/listExpressionTraces/action", "POST", action + "/listExpressionTraces", Reader, true, (*API).traces},
	{"Microsoft.Logic/workflows/runs/actions/requestHistories/read", "GET", action + "/requestHistories", Reader, false, (*API).listRequests},
	{"Microsoft.Logic/workflows/runs/actions/requestHistories/read", "GET", action + "/requestHistories/{request}", Reader, false, (*API).getRequest},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/read", "GET", action + "/repetitions", Reader, false, (*API).listRepetitions},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/read", "GET", repetition, Reader, false, (*API).getRepetition},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/listExpressionTraces/action", "POST", repetition + "/listExpressionTraces", Reader, true, (*API).traces},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/requestHistories/read", "GET", repetition + "/requestHistories", Reader, false, (*API).listRequests},
	{"Microsoft.Logic/workflows/runs/actions/repetitions/requestHistories/read", "GET", repetition + "/requestHistories/{request}", Reader, false, (*API).getRequest},
	{"Microsoft.Logic/workflows/runs/actions/scopeRepetitions/read", "GET", action + "/scopeRepetitions", Reader, false, (*API).listScopeRepetitions},
	{"Microsoft.Logic/workflows/runs/actions/scopeRepetitions/read", "GET", action + "/scopeRepetitions/{repetition}", Reader, false, (*API).getScopeRepetition},

	{"Microsoft.Web/connections/read", "GET", connections, Reader, false, (*API).listConnections},
	{"Microsoft.Web/connections/read", "GET", connections + "/{connection}", Reader, false, (*API).getConnection},
	{"Microsoft.Web/connections/write", "PUT", connections + "/{connection}", Contributor, false, (*API).putConnection},
	{"Microsoft.Web/connections/write", "PATCH", connections + "/{connection}", Contributor, false, (*API).putConnection},
	{"Microsoft.Web/connections/delete", "DELETE", connections + "/{connection}", Contributor, false, (*API).deleteConnection},
	{"Microsoft.Web/connections/listConsentLinks/action", "POST", connections + "/{connection}/listConsentLinks", Contributor, false, (*API).consentLinks},
	{"Microsoft.Web/connections/accessPolicies/read", "GET", connections + "/{connection}/accessPolicies", Reader, false, (*API).listAccessPolicies},
	{"Microsoft.Web/connections/accessPolicies/read", "GET", connections + "/{connection}/accessPolicies/{policy}", Reader, false, (*API).getAccessPolicy},
	{"Microsoft.Web/connections/accessPolicies/write", "PUT", connections + "/{connection}/accessPolicies/{policy}", Contributor, false, (*API).putAccessPolicy},
	{"Microsoft.Web/connections/accessPolicies/delete", "DELETE", connections + "/{connection}/accessPolicies/{policy}", Contributor, false, (*API).deleteAccessPolicy},
	{"Microsoft.Web/locations/managedApis/read", "GET", managedAPIs, Reader, false, (*API).listManagedAPIs},
	{"Microsoft.Web/locations/managedApis/read", "GET", managedAPIs + "/{api}", Reader, false, (*API).getManagedAPI},
}

// siteRoutes are those at which a Standard app serves what is below a workflow, and the
// list of its workflows.
var siteRoutes = func() []*route {
	list := []*route{{"Microsoft.Logic/workflows/read", "GET", "/workflows", Reader, false, (*API).listWorkflows}}
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
