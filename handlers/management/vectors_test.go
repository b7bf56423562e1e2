package management_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// vector is one call with its answer, as Microsoft's own clients have read it.
type vector struct {
	ID      string
	Request struct {
		Method, Path string
		URL          string // of a content link
		Query        map[string]string
		Body         any
	}
	Response struct {
		Status  int
		Headers map[string]string
		Body    any
		RawBody string
	}
}

func vectors(t *testing.T, file string) []vector {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "vectors", file))
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Cases []vector }
	if err := json.Unmarshal(data, &all); err != nil || len(all.Cases) == 0 {
		t.Fatalf("%s: %d cases, %v", file, len(all.Cases), err)
	}
	return all.Cases
}

// The runs in the vectors: one that failed, one under way, one that a resubmit started.
const (
	failedRun  = "08584281310234705804090311764CU00"
	runningRun = "08584281307553541240417205583CU00"
)

// elsewhere is what the vectors show and is not known, or settled otherwise, here.
var elsewhere = map[string]string{
	".properties.endpointsConfiguration": "the addresses of this host are its operator's business",
	".properties.repetitionCount":        "on a loop itself it greys the card; iterationCount says it (ui §4)",
}

// TestVectors replays each case: the answer has all that the vector has, of the same
// kind, and to the letter what does not hang on names, times and keys.
func TestVectors(t *testing.T) {
	h := newHouse(t)
	all := append(append(append(vectors(t, "workflows.json"), vectors(t, "runs.json")...), vectors(t, "triggers.json")...), vectors(t, "actions.json")...)
	var names *strings.Replacer
	replayed := 0
	for _, v := range all {
		t.Run(v.ID, func(t *testing.T) {
			h.t = t
			if v.ID == "workflows-listByResourceGroup" {
				h.must("PUT", "zz"+version, resource(compose)) // for a second page
			}
			if v.ID == "runs-list-page1" {
				h.must("POST", "berth-intake/enable"+version, "") // another vector has disabled it
				names = h.runVectors()
			}
			path, want := v.Request.Path, v.Response.Body
			if names != nil {
				path = names.Replace(path)
			}
			query := url.Values{}
			for name, text := range v.Request.Query {
				if name == "$skiptoken" {
					continue // that of the answer before
				}
				query.Set(name, text)
			}
			body := ""
			if v.Request.Body != nil {
				data, err := json.Marshal(v.Request.Body)
				if err != nil {
					t.Fatal(err)
				}
				body = string(data)
			}
			var got answer
			if v.Request.URL != "" {
				got = h.content(v.Request.Method, h.anyLink(names), "192.0.2.7:1")
			} else {
				got = h.call("contributor+", v.Request.Method, path+"?"+query.Encode(), body)
			}
			if got.status != v.Response.Status {
				t.Fatalf("%d %s, want %d", got.status, got.text, v.Response.Status)
			}
			for name := range v.Response.Headers {
				if got.header.Get(name) == "" {
					t.Errorf("there is no header %s", name)
				}
			}
			if v.ID == "runs-list-page1" {
				want.(map[string]any)["value"], want.(map[string]any)["nextLink"] = []any{}, nil // a page that is empty here has no successor
			}
			if want == nil {
				if got.text != v.Response.RawBody {
					t.Errorf("the body is %s", got.text)
				}
				return
			}
			compare(t, "", want, any(got.body))
		})
		replayed++
	}
	if replayed < 18 {
		t.Errorf("%d vectors", replayed)
	}
}

// runVectors makes the runs that the vectors name.
func (h *house) runVectors() *strings.Replacer {
	// What came in makes an action of the vectors fail; here it takes a function that does.
	stored := h.must("GET", "berth-intake"+version, "").text
	h.must("PUT", "berth-intake"+version, strings.Replace(stored, "items('For_each_container'))", "substring(items('For_each_container'), 0))", 1))
	h.busy = 1
	waiting := h.start("berth-intake", `{"containers":["KX1"]}`)
	h.busy = 1
	failed := h.run("berth-intake", `{"containers":["KX1",null]}`)
	return strings.NewReplacer(failedRun, failed.Name, runningRun, waiting.Name)
}

// anyLink is a link to contents: the vector's own is signed with a key of its own.
func (h *house) anyLink(names *strings.Replacer) string {
	a := h.must("GET", "berth-intake/runs/"+names.Replace(failedRun)+"/actions/Log_container/repetitions/000000"+version, "")
	return a.body["properties"].(map[string]any)["outputsLink"].(map[string]any)["uri"].(string)
}

// volatile are texts of which only the form can be compared.
var volatile = []*regexp.Regexp{
	regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$`),
	regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
	regexp.MustCompile(`^https://flows\.example\.test/workflows/[0-9a-f]{32}($|/)`),
	regexp.MustCompile(`^\d{20}(\d{9}CU\d\d)?$`),
	regexp.MustCompile(`^[A-Za-z0-9+/]{22}==$`),
	regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`),
	regexp.MustCompile(`^Unable to process template language expressions in action '\w+' inputs at line '0' and column '0': '.+'\.$`),
	regexp.MustCompile(`^(Upstream said 503|The request was answered with 'ServiceUnavailable')`),
	regexp.MustCompile(`/(runs|versions|histories)/\d{20}`),
}

// compare: objects have at least the members of the vector, arrays as many elements.
func compare(t *testing.T, at string, want, got any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %v, want an object", at, got)
			return
		}
		for name, w := range want {
			place := at + "." + name
			if _, settled := elsewhere[regexp.MustCompile(`^\.value\[\d+\]`).ReplaceAllString(place, "")]; settled || w == nil {
				continue
			}
			if _, there := object[name]; !there {
				t.Errorf("%s is not there: %v", place, object)
				continue
			}
			compare(t, place, w, object[name])
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) < len(want) {
			t.Errorf("%s is %v, want %d elements", at, got, len(want))
			return
		}
		for i, w := range want {
			compare(t, fmt.Sprintf("%s[%d]", at, i), w, counterpart(w, list, i))
		}
	case string:
		text, ok := got.(string)
		if at == ".nextLink" { // how a list goes on is not told
			want, _, _ = strings.Cut(want, "%24skiptoken=")
			text, _, _ = strings.Cut(text, "%24skiptoken=")
		}
		if !ok {
			t.Errorf("%s is %v, want a text", at, got)
			return
		}
		for _, form := range volatile {
			if form.MatchString(want) {
				if !form.MatchString(text) {
					t.Errorf("%s is %q, and has another form than %q", at, text, want)
				}
				return
			}
		}
		if text != want {
			t.Errorf("%s is %q, want %q", at, text, want)
		}
	case float64:
		if _, ok := got.(float64); !ok {
			t.Errorf("%s is %v, want a number", at, got)
		}
	case nil: // anything
	case bool:
		if got != want {
			t.Errorf("%s is %v, want %v", at, got, want)
		}
	}
}

// counterpart is the element of the same name, or else at the same place.
func counterpart(want any, list []any, i int) any {
	if object, ok := want.(map[string]any); ok && object["name"] != nil {
		for _, item := range list {
			if other, ok := item.(map[string]any); ok && other["name"] == object["name"] {
				return item
			}
		}
	}
	return list[i]
}

// TestErrorVectors: codes and messages to the letter.
func TestErrorVectors(t *testing.T) {
	h := newHouse(t)
	const absent = "08584281307553541240417205583CU00"
	h.must("PUT", "present"+version, resource(compose))
	over := h.run("present", "{}")
	calls := map[string]answer{
		"ResourceNotFound-404":             h.call("reader", "GET", "berth-intake"+version, ""),
		"WorkflowNotFound-404":             h.call("reader", "GET", "berth-intake/runs"+version, ""),
		"WorkflowRunNotFound-404":          h.call("reader", "GET", "present/runs/"+absent+version, ""),
		"BadRequest-400":                   h.call("reader", "GET", "present/runs/yesterday"+version, ""),
		"WorkflowRunCanNotBeCancelled-409": h.call("operator", "POST", "present/runs/"+over.Name+"/cancel"+version, ""),
		"InvalidTemplate-400":              h.call("contributor", "PUT", "bad"+version, resource(`"Answer":{"type":"Compose","inputs":"@outputs('Chek_tariff')"}`)),
		"MissingApiVersionParameter-400":   h.call("reader", "GET", "present", ""),
		"InvalidFilterInQueryString-400":   h.call("reader", "GET", "present/runs"+version+"&$filter=colour+eq+1", ""),
	}
	replaced := strings.NewReplacer("berth-intake", "present", absent, over.Name)
	for _, v := range vectors(t, "errors.json") {
		got, there := calls[v.ID]
		want := v.Response.Body.(map[string]any)["error"].(map[string]any)
		message := want["message"].(string)
		switch v.ID {
		case "WorkflowRunNotFound-404":
			message = strings.NewReplacer("berth-intake", "present").Replace(message)
		case "WorkflowRunCanNotBeCancelled-409":
			message = replaced.Replace(message)
		case "InvalidTemplate-400": // it says where, besides
			if !strings.HasPrefix(got.message(), "The template validation failed: '") || !strings.Contains(got.message(), "Chek_tariff") {
				t.Errorf("%s: %s", v.ID, got.message())
			}
			message = got.message()
		}
		if !there || got.status != v.Response.Status || got.code() != want["code"] || got.message() != message {
			t.Errorf("%s: %d %s\n want %d %s: %s", v.ID, got.status, got.text, v.Response.Status, want["code"], message)
		}
	}
}
