package management_test

import (
	"crypto/md5" //nolint:gosec // contentHash is md5 by definition
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

const loops = `"Each":{"type":"Foreach","foreach":"@triggerBody()","runtimeConfiguration":{"concurrency":{"repetitions":1}},"actions":{
		"Inner":{"type":"Foreach","foreach":"@items('Each')","actions":{"Deep":{"type":"Compose","inputs":"@items('Inner')"}}},
		"Fragile":{"type":"Scope","actions":{"Cut":{"type":"Compose","inputs":"@substring('abc', length(items('Each')))"}},"runAfter":{"Inner":["Succeeded"]}}}},
	"Ask":{"type":"Http","inputs":{"method":"GET","uri":"https://upstream.example.test/x","headers":{"x-key":"@parameters('key')"}}},
	"Secret":{"type":"Compose","inputs":{"a":1},"runtimeConfiguration":{"secureData":{"properties":["inputs","outputs"]}},"runAfter":{"Ask":["Succeeded"]}},
	"Reads_secret":{"type":"Compose","inputs":"@concat('x', outputs('Secret')['a'])","runAfter":{"Secret":["Succeeded"]}}`

func (h *house) loops() string {
	body := strings.Replace(resource(loops, `"parameters":{"key":{"value":"`+canary+`"}},`), `"triggers":{"manual"`, `"parameters":{"key":{"type":"securestring"}},"triggers":{"manual"`, 1)
	h.must("PUT", "loops"+version, body)
	return "loops/runs/" + h.run("loops", `[["a","b"],["c","d","e","f"]]`).Name
}

// member walks down objects and arrays.
func member(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[p]
		case int:
			list, _ := v.([]any)
			if p >= len(list) {
				return nil
			}
			v = list[p]
		}
	}
	return v
}

// runNames is what the designer's filter takes for the name of a run.
var runNames = regexp.MustCompile(`^\d{29}CU\d{2,8}$`)

// TestTheDesignersRequests: each is answered with the fields that the designer reads
// (ui §4).
func TestTheDesignersRequests(t *testing.T) {
	h := newHouse(t)
	run := h.loops()
	got := h.must("GET", run+version+"&$expand=properties/actions,workflow/properties", "").body
	name := member(got, "name").(string)
	if !runNames.MatchString(name) {
		t.Errorf("the run is called %s", name)
	}
	for what, there := range map[string]any{
		"the definition":           member(got, "properties", "workflow", "properties", "definition", "actions", "Each"),
		"the trigger":              member(got, "properties", "trigger", "outputsLink", "uri"),
		"iterations of a loop":     member(got, "properties", "actions", "Each", "iterationCount"),
		"repetitions of an action": member(got, "properties", "actions", "Deep", "repetitionCount"),
		"a status":                 member(got, "properties", "actions", "Ask", "status"),
		"a code":                   member(got, "properties", "actions", "Ask", "code"),
		"a start":                  member(got, "properties", "actions", "Ask", "startTime"),
		"an end":                   member(got, "properties", "actions", "Ask", "endTime"),
		"a tracking id":            member(got, "properties", "actions", "Ask", "correlation", "actionTrackingId"),
		"an error":                 member(got, "properties", "actions", "Each", "error", "message"),
		"outputs":                  member(got, "properties", "actions", "Ask", "outputsLink", "uri"),
		"hidden inputs":            member(got, "properties", "actions", "Secret", "inputsLink", "secureData"),
		"hidden outputs":           member(got, "properties", "actions", "Secret", "outputsLink", "secureData"),
	} {
		if there == nil {
			t.Errorf("%s: not there", what)
		}
	}
	for what, there := range map[string]any{
		"a link to what is hidden":      member(got, "properties", "actions", "Secret", "outputsLink", "uri"),
		"repetitions of the loop":       member(got, "properties", "actions", "Each", "repetitionCount"),
		"repetitions outside of loops":  member(got, "properties", "actions", "Ask", "repetitionCount"),
		"secured data of what is plain": member(got, "properties", "actions", "Ask", "outputsLink", "secureData"),
	} {
		if there != nil {
			t.Errorf("%s: %v", what, there)
		}
	}
	h.run("loops", `[]`)
	listed := 0
	h.pages("loops/runs"+version+"&$top=1", func(page answer) {
		for _, one := range page.body["value"].([]any) {
			listed++
			if !runNames.MatchString(member(one, "name").(string)) || member(one, "properties", "startTime") == nil || member(one, "properties", "status") == nil {
				t.Errorf("listed: %v", one)
			}
		}
	})
	if listed != 2 {
		t.Errorf("%d runs are listed", listed)
	}
	if got := h.content(http.MethodGet, member(got, "properties", "actions", "Ask", "outputsLink", "uri").(string), "192.0.2.7:1"); got.status != http.StatusOK || got.body["statusCode"] != float64(200) {
		t.Errorf("the side panel gets %d %s", got.status, got.text)
	}
	const site = "/runtime/webhooks/workflow/api/management/workflows/"
	standard := h.must("GET", site+run+"?api-version=2018-11-01&$expand=properties/actions,workflow/properties", "").body
	if member(standard, "properties", "workflow", "properties", "definition", "actions", "Each") == nil || member(standard, "properties", "actions", "Ask", "outputsLink", "uri") == nil {
		t.Errorf("at the path of a Standard app: %v", standard)
	}
	deep := h.must("GET", run+"/actions/Deep/repetitions/000001-000002"+version, "").body
	if member(deep, "properties", "repetitionIndexes", 1, "itemIndex") != float64(2) || member(deep, "properties", "repetitionIndexes", 1, "scopeName") != "Inner" {
		t.Errorf("a repetition in two loops: %v", deep)
	}
	failed := h.must("GET", run+"/actions/Fragile/scopeRepetitions"+version+"&$filter=status+eq+'Failed'", "").body
	if list := member(failed, "value").([]any); len(list) != 1 || member(list[0], "name") != "000001" {
		t.Errorf("failed repetitions: %v", failed)
	}
	const groups = "/runtime/webhooks/workflow/api/management/operationGroups/"
	compose := h.must("GET", groups+"dataoperationnew/operations/composenew?api-version=2018-11-01&$expand=properties/manifest", "").body
	if member(compose, "properties", "manifest", "inputs", "properties", "inputs") == nil || member(compose, "properties", "api", "properties", "displayName") == nil || member(compose, "properties", "brandColor") == nil {
		t.Errorf("an operation: %v", compose)
	}
	if with := member(compose, "properties", "manifest", "connection"); with != nil {
		t.Errorf("Compose has a connection: %v", with)
	}
	if got := h.must("GET", groups+"dataOperationNew/operations/composeNew?api-version=2018-11-01", "").body; member(got, "properties", "manifest") != nil || member(got, "properties", "summary") != "Compose" {
		t.Errorf("an operation without its manifest: %v", got)
	}
	if got := h.must("GET", groups+"dataOperationNew?api-version=2018-11-01", "").body; member(got, "properties", "displayName") != "Data Operations" {
		t.Errorf("a group: %v", got)
	}
	for path, code := range map[string]string{"nobody": "OperationGroupNotFound", "nobody/operations/composenew": "OperationGroupNotFound", "dataoperationnew/operations/nothing": "OperationNotFound"} {
		if got := h.call("reader", "GET", groups+path+"?api-version=2018-11-01", ""); got.status != http.StatusNotFound || member(got.body, "error", "code") != code {
			t.Errorf("%s: %d %s", path, got.status, got.text)
		}
	}
	connections := strings.Replace(group, "Microsoft.Logic/workflows", "Microsoft.Web/connections", 1) + "?api-version=2018-07-01-preview"
	if list := member(h.must("GET", connections, "").body, "value").([]any); len(list) != 0 {
		t.Errorf("connections: %v", list)
	}
	h.showsNoSecret(run)
}

// showsNoSecret asks for all there is of a run.
func (h *house) showsNoSecret(run string) {
	h.t.Helper()
	w := h.workflow("loops")
	for _, path := range []string{
		"", "loops", "loops/versions", "loops/versions/" + w.Version, "loops/triggers", "loops/triggers/manual/histories", "loops/runs", run, run + "/actions", run + "/actions/Ask",
		run + "/actions/Ask/requestHistories", run + "/actions/Deep/repetitions",
	} {
		at := path + version
		if path == "" {
			at = group + version
		}
		if got := h.must("GET", at, ""); strings.Contains(got.text, canary) {
			h.t.Errorf("%s shows the secret", path)
		}
	}
	for _, action := range []string{"Ask", "Secret", "Reads_secret", "Each"} {
		got := h.must("POST", run+"/actions/"+action+"/listExpressionTraces"+version, "")
		if strings.Contains(got.text, canary) || strings.Contains(got.text, `"x1"`) {
			h.t.Errorf("traces of %s: %s", action, got.text)
		}
	}
	traced := h.must("POST", run+"/actions/Ask/listExpressionTraces"+version, "").text
	if !strings.Contains(traced, `"text":"parameters('key')","value":"[redacted]"`) && traced != `{"inputs":[]}` {
		h.t.Errorf("traces of Ask: %s", traced)
	}
}

// TestContents: links lead to what went in and out, for those who may, from where they
// may, for as long as they may.
func TestContents(t *testing.T) {
	h := newHouse(t)
	run := h.loops()
	one := h.must("GET", run+"/actions/Deep/repetitions/000000-000001"+version, "").body
	link := member(one, "properties", "outputsLink").(map[string]any)
	uri := link["uri"].(string)
	got := h.content(http.MethodGet, uri, "192.0.2.7:1")
	sum := md5.Sum([]byte(got.text)) //nolint:gosec // as above
	if got.status != http.StatusOK || got.text != `"b"` || link["contentSize"] != float64(len(got.text)) || member(link, "contentHash", "value") != base64.StdEncoding.EncodeToString(sum[:]) {
		t.Errorf("%d %s for %v", got.status, got.text, link)
	}
	if got.header.Get("X-Content-Type-Options") != "nosniff" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", got.header)
	}
	if head := h.content(http.MethodHead, uri, "192.0.2.7:1"); head.status != http.StatusOK || head.text != "" || head.header.Get("Content-Length") != "3" {
		t.Errorf("HEAD: %d %s", head.status, head.text)
	}
	u, err := url.Parse(uri)
	if err != nil || !strings.HasSuffix(u.Query().Get("se"), ":00:00.0000000Z") || !strings.HasPrefix(u.RawQuery, "api-version=2019-05-01&se=") {
		t.Errorf("the link is %s", uri)
	}
	for name, c := range map[string]struct {
		link, from string
		headers    []string
		status     int
		code       string
	}{
		"another side":    {strings.Replace(uri, "ActionOutputs?", "ActionInputs?", 1), "", nil, 401, "AuthorizationFailed"},
		"another run":     {strings.Replace(uri, "/runs/08", "/runs/07", 1), "", nil, 401, "AuthorizationFailed"},
		"a longer life":   {strings.Replace(uri, "&se=20", "&se=21", 1), "", nil, 401, "AuthorizationFailed"},
		"a token besides": {uri, "", []string{"Authorization", "Bearer contributor+"}, 401, "DirectApiRequestHasMoreThanOneAuthorization"},
		"no signature":    {uri[:strings.Index(uri, "&sig")], "", nil, 401, "DirectApiAuthorizationRequired"},
		"the trigger's":   {uri, "", nil, 200, ""},
	} {
		if got := h.content(http.MethodGet, c.link, "192.0.2.7:1", c.headers...); got.status != c.status || got.code() != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, got.status, got.text, c.status, c.code)
		}
	}
	// A signed link to a hidden side is one that somebody has made up with the key, or had
	// before the side was hidden.
	hidden := h.signed("loops", strings.Split(run, "/")[2], "Secret", "ActionOutputs")
	if got := h.content(http.MethodGet, hidden, "192.0.2.7:1"); got.status != http.StatusForbidden || got.code() != "ContentSecured" {
		t.Errorf("a hidden side: %d %s", got.status, got.text)
	}
	if got := h.content(http.MethodGet, h.signed("loops", strings.Split(run, "/")[2], "Nobody", "ActionOutputs"), "192.0.2.7:1"); got.status != http.StatusNotFound || got.code() != "ContentNotFound" {
		t.Errorf("nothing: %d %s", got.status, got.text)
	}
	for _, side := range []string{"ActionInputs", "ActionOutputs"} {
		if got := h.content(http.MethodGet, h.signed("loops", strings.Split(run, "/")[2], "Ask", side), "192.0.2.7:1"); strings.Contains(got.text, canary) {
			t.Errorf("%s show the secret", side)
		}
	}
	plain := h.call("contributor", "GET", run+"/actions/Ask"+version, "").body
	if member(plain, "properties", "outputsLink", "uri") != nil || member(plain, "properties", "outputsLink", "contentSize") == nil {
		t.Errorf("without the permission for contents: %v", plain)
	}
	h.must("PATCH", "loops"+version, `{"properties":{"accessControl":{"contents":{"allowedCallerIpAddresses":[{"addressRange":"0.0.0.0-0.0.0.0"}]}}}}`)
	if got := h.content(http.MethodGet, uri, "192.0.2.7:1"); got.status != http.StatusUnauthorized {
		t.Errorf("from an address that may not: %d %s", got.status, got.text)
	}
	h.must("GET", run+version, "") // the shapes stay visible
	h.must("PATCH", "loops"+version, `{"properties":{"accessControl":{}}}`)
	h.ahead = 5 * 3600e9
	if got := h.content(http.MethodGet, uri, "192.0.2.7:1"); got.status != http.StatusUnauthorized {
		t.Errorf("after its life: %d %s", got.status, got.text)
	}
}
