package handlers

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

const (
	witnessGroup = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/"
	witnessToken = "the-token-of-the-witness"
	asOf2019     = "?api-version=2019-05-01"
)

// witness is a standalone app, and all that it tells anybody.
type witness struct {
	t     *testing.T
	app   *app
	front string
	up    *httptest.Server
	log   lockedText

	mu   sync.Mutex
	sent strings.Builder // to the collector of spans and metrics
}

func startWitness(t *testing.T, env map[string]string) *witness {
	t.Helper()
	s := &witness{t: t}
	s.up = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"passed":"PASSED","kept":"OUT-%s","list":["OUT-%[1]s"]}`, strings.Trim(r.URL.Path, "/"))
	}))
	t.Cleanup(s.up.Close)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.sent.Write(data)
	}))
	t.Cleanup(collector.Close)
	settings := map[string]string{settingLogLevel: "trace", settingOTLP: collector.URL}
	maps.Copy(settings, env)
	a, err := opened(t, options{log: &s.log}, settings)
	if err != nil {
		t.Fatal(err)
	}
	a.managers.openLocally(witnessToken)
	h, err := a.standalone(false, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	s.app, s.front = a, server.URL
	a.settings.baseURL = server.URL
	return s
}

// ask makes a management call, or follows a link.
func (s *witness) ask(method, target, body string) (int, string) {
	s.t.Helper()
	token := ""
	if strings.HasPrefix(target, "/") {
		target, token = s.front+strings.ReplaceAll(target, " ", "%20"), witnessToken
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

func (s *witness) must(method, target, body string) value.Value {
	s.t.Helper()
	status, text := s.ask(method, target, body)
	if status >= 300 {
		s.t.Fatalf("%s %s: %d %s", method, target, status, text)
	}
	v, err := value.Parse([]byte(text))
	if err != nil && text != "" {
		s.t.Fatal(err)
	}
	return v
}

// save puts a workflow with a request trigger.
func (s *witness) save(name, definition string, properties ...string) *engine.Workflow {
	s.t.Helper()
	s.must(http.MethodPut, witnessGroup+name+asOf2019, `{"location":"l","properties":{`+strings.Join(properties, "")+`"definition":`+definition+`}}`)
	id, err := s.app.store.WorkflowNamed(s.t.Context(), witnessGroup+name)
	if err != nil {
		s.t.Fatal(err)
	}
	w, err := s.app.engine.Workflow(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return w
}

// run calls the trigger and returns the path of the run, which is over.
func (s *witness) run(w *engine.Workflow, body string, headers ...string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, gate.URLs{Base: s.front}.Trigger(w.Keys.Primary, w.ID, "manual", time.Time{}), strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i] == "Authorization" {
			r.URL.RawQuery = "api-version=2016-10-01" // there may be one scheme
		}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	name := answer.Header.Get("X-Ms-Workflow-Run-Id")
	if name == "" || answer.StatusCode >= 300 {
		s.t.Fatalf("%d %s\n%s", answer.StatusCode, text, s.log.String())
	}
	key := store.RunKey{WorkflowID: w.ID, Run: name}
	for range 20 { // a driver may be at it
		if err := s.app.engine.Continue(s.t.Context(), key); err != nil {
			s.t.Fatal(err)
		}
		if st, err := s.app.store.LoadRun(s.t.Context(), key); err == nil && st.State.Status.Final() {
			break
		}
	}
	return witnessGroup + w.Name + "/runs/" + name
}

// everything is all that anybody with every right gets to see of a run: each view of it,
// and what each link leads to.
func (s *witness) everything(w *engine.Workflow, run string) string {
	s.t.Helper()
	var all strings.Builder
	seen := map[string]bool{}
	var visit func(method, target string)
	visit = func(method, target string) {
		if seen[target] {
			return
		}
		seen[target] = true
		status, text := s.ask(method, target, "")
		if status >= 300 {
			s.t.Errorf("%s %s: %d %s", method, target, status, text)
		}
		all.WriteString(text)
		var links func(v value.Value)
		links = func(v value.Value) {
			for _, m := range v.Members {
				links(m)
			}
			for _, m := range v.Elements {
				links(m)
			}
			if uri := v.Member("uri").Str(); strings.HasPrefix(uri, s.front+"/workflows/") {
				visit(http.MethodGet, uri)
			}
		}
		if v, err := value.Parse([]byte(text)); err == nil {
			links(v)
		}
	}
	workflow := witnessGroup + w.Name
	for _, path := range []string{workflow, workflow + "/runs", workflow + "/versions", workflow + "/triggers", workflow + "/triggers/manual/histories", run, run + "/actions"} {
		visit(http.MethodGet, path+asOf2019)
	}
	visit(http.MethodGet, run+asOf2019+"&$expand=properties/actions,workflow/properties")
	for _, a := range w.Program.Order {
		action := run + "/actions/" + a.Name
		if status, _ := s.ask(http.MethodGet, action+asOf2019, ""); status == http.StatusNotFound {
			continue // a loop's, of which there are repetitions only
		}
		for _, more := range []string{"", "/repetitions", "/scopeRepetitions", "/requestHistories"} {
			visit(http.MethodGet, action+more+asOf2019)
		}
		visit(http.MethodPost, action+"/listExpressionTraces"+asOf2019)
		list, err := value.Parse([]byte(func() string { _, text := s.ask(http.MethodGet, action+"/repetitions"+asOf2019, ""); return text }()))
		if err != nil {
			s.t.Fatal(err)
		}
		for _, r := range list.Member("value").Elements {
			repetition := action + "/repetitions/" + r.Member("name").Str()
			visit(http.MethodGet, repetition+asOf2019)
			visit(http.MethodGet, repetition+"/requestHistories"+asOf2019)
			visit(http.MethodPost, repetition+"/listExpressionTraces"+asOf2019)
		}
	}
	return all.String()
}

// side asks for one side of an execution: by its link, and by a link that is signed
// though history offers none. It tells whether that side is hidden, and its content.
func (s *witness) side(w *engine.Workflow, run, action, path, name string) (hidden bool, content string) {
	s.t.Helper()
	view := run
	if action != "" {
		view += "/actions/" + action
	}
	if path != "" {
		view += "/repetitions/" + path
	}
	properties := s.must(http.MethodGet, view+asOf2019, "").Member("properties")
	if action == "" {
		properties = properties.Member("trigger")
	}
	which := "outputs"
	if strings.HasSuffix(name, "Inputs") {
		which = "inputs"
	}
	link := properties.Member(which + "Link")
	of := gate.Content{Execution: gate.Execution{Run: run[strings.LastIndexByte(run, '/')+1:], Action: action, Path: path}, Name: name}
	signed := gate.URLs{Base: s.front, APIVersion: "2019-05-01"}.Content(w.Keys.Contents, w.ID, of, time.Now().Add(time.Hour))
	status, text := s.ask(http.MethodGet, signed, "")
	switch hides := !link.Member("secureData").IsNull(); {
	case hides:
		var e struct{ Error struct{ Code string } }
		_ = json.Unmarshal([]byte(text), &e) // what is none has no code
		if status != http.StatusForbidden || e.Error.Code != "ContentSecured" {
			s.t.Errorf("a signed link to %s %s %s: %d %s", action, path, name, status, text)
		}
		if link.Has("uri") || link.Has("contentHash") || link.Has("contentVersion") || link.Member("contentSize").IsNull() || string(value.Reveal(link.Member("secureData"))) != `{"properties":["`+which+`"]}` {
			s.t.Errorf("the link to %s %s %s: %s", action, path, name, value.Reveal(link))
		}
		return true, ""
	case link.IsNull():
		return false, "" // there is nothing on that side
	}
	if offered, body := s.ask(http.MethodGet, link.Member("uri").Str(), ""); offered != http.StatusOK || status != http.StatusOK || body != text {
		s.t.Errorf("the link to %s %s %s: %d %s; a signed one: %d", action, path, name, offered, body, status)
	}
	return false, text
}
