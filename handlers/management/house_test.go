package management_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/management"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest"
)

const (
	group    = "/subscriptions/0f6b2c1e-58d4-4a0b-9c37-6f0a1d2e3b44/resourceGroups/harbor-rg/providers/Microsoft.Logic/workflows"
	version  = "?api-version=2019-05-01"
	callback = "https://flows.example.test"
	canary   = "SECRET-CANARY-7f"
)

// house is a management API with an engine and a store behind it.
type house struct {
	t      testing.TB
	api    *management.API
	engine *engine.Engine
	store  *store.Store
	count  *storetest.Counter
	sealer *seal.Sealer

	mu     sync.Mutex
	busy   int           // so often the upstream is
	ahead  time.Duration // of the real time
	events []management.Event
}

// newHouse lets callers in by the name of their role, with + for contents and ! for the audit trail.
func newHouse(t testing.TB) *house {
	t.Helper()
	backend, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return houseOn(t, storetest.NewCounter(backend), sealer, true)
}

// beside is another process on the same store.
func (h *house) beside() *house { return houseOn(h.t, h.count, h.sealer, false) }

func houseOn(t testing.TB, count *storetest.Counter, sealer *seal.Sealer, owns bool) *house {
	h := &house{t: t, count: count, sealer: sealer}
	h.store = store.New(h.count, sealer)
	h.engine = engine.New(engine.Config{
		Store: h.store, Catalog: operation.Catalog{}, Deps: operation.Deps{HTTP: h}, Log: zerolog.Nop(),
		Ambient: expr.Ambient{Now: h.now, Rand: func(n int64) int64 {
			x, err := rand.Int(rand.Reader, big.NewInt(n))
			if err != nil {
				t.Fatal(err)
			}
			return x.Int64()
		}},
		TriggerURL: func(*engine.Workflow, string) string { return callback },
	})
	t.Cleanup(func() {
		h.engine.Close(context.Background())
		if !owns {
			return
		}
		if err := h.store.Close(); err != nil {
			t.Error(err)
		}
	})
	roles := map[string]management.Role{"reader": management.Reader, "operator": management.Operator, "contributor": management.Contributor}
	h.api = &management.API{
		Engine: h.engine, Store: h.store, CallbackBase: callback, Base: callback, Client: gate.Peer, Now: h.now, Log: zerolog.Nop(),
		Authorize: func(r *http.Request) (management.Caller, *management.Error) {
			name, _ := gate.Bearer(r)
			role, audit := strings.CutSuffix(name, "!")
			role, contents := strings.CutSuffix(role, "+")
			if name == "" {
				return management.Caller{}, &management.Error{Status: http.StatusUnauthorized, Code: "AuthenticationFailed", Message: "Authentication failed."}
			}
			return management.Caller{Name: name, Role: roles[role], Contents: contents, Audit: audit}, nil
		},
		Audit: func(_ context.Context, e management.Event) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.events = append(h.events, e)
		},
	}
	return h
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.ahead)
}

// Do is the upstream of all actions.
func (h *house) Do(_ context.Context, r *outbound.Request) (*outbound.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy > 0 {
		h.busy--
		return &outbound.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"3600"}}}, nil
	}
	return &outbound.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"asked":"` + r.URL + `"}`)}, nil
}

// answer is what a call got.
type answer struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a answer) code() string {
	e, _ := a.body["error"].(map[string]any)
	code, _ := e["code"].(string)
	return code
}

func (a answer) message() string {
	e, _ := a.body["error"].(map[string]any)
	message, _ := e["message"].(string)
	return message
}

// call makes a call as somebody; a path without / is below the group.
func (h *house) call(as, method, path, body string, headers ...string) answer {
	h.t.Helper()
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "https:") {
		path = group + "/" + path
	}
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, content)
	r.RemoteAddr = "192.0.2.7:4711"
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+as)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.api.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), text: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &a.body) // some have none
	return a
}

// must makes a call as a contributor that may see contents and the audit trail.
func (h *house) must(method, path, body string) answer {
	h.t.Helper()
	a := h.call("contributor+!", method, path, body)
	if a.status >= 300 {
		h.t.Fatalf("%s %s: %d %s", method, path, a.status, a.text)
	}
	return a
}

func (h *house) workflow(name string) *engine.Workflow {
	h.t.Helper()
	id, err := h.store.WorkflowNamed(h.t.Context(), group+"/"+name)
	if err != nil {
		h.t.Fatal(err)
	}
	w, err := h.engine.Workflow(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

// run starts a run and lets the time pass until it is over.
func (h *house) run(name, body string) *run.State {
	st := h.start(name, body)
	for range 10 {
		if st.Status.Final() {
			return st
		}
		if wake := st.NextWake(); wake.After(h.now()) {
			h.mu.Lock()
			h.ahead += wake.Sub(time.Now().Add(h.ahead))
			h.mu.Unlock()
		}
		st = h.goOn(st)
	}
	h.t.Fatalf("the run does not end: %s", st.Status)
	return nil
}

// goOn drives a run as far as it goes now.
func (h *house) goOn(st *run.State) *run.State {
	h.t.Helper()
	key := store.RunKey{WorkflowID: st.WorkflowID, Run: st.Name}
	if err := h.engine.Continue(h.t.Context(), key); err != nil {
		h.t.Fatal(err)
	}
	s, err := h.store.LoadRun(h.t.Context(), key)
	if err != nil {
		h.t.Fatal(err)
	}
	return s.State
}

// start starts a run and drives it until it is over or waits.
func (h *house) start(name, body string) *run.State {
	h.t.Helper()
	w := h.workflow(name)
	outputs, rejection := operation.Given(w.Program.Triggers[0], &operation.Received{
		Method: http.MethodPost, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body), HasBody: body != "",
	}, time.Now())
	if rejection != nil {
		h.t.Fatal(rejection.Message)
	}
	started, err := h.engine.Start(h.t.Context(), w, engine.Trigger{Name: w.Program.Triggers[0].Name, Outputs: outputs})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.goOn(run.NewState(run.Header{WorkflowID: w.ID, Name: started.Key.Run}))
}

// content follows a link through the gate, from an address and with a header or none.
func (h *house) content(method, link, from string, headers ...string) answer {
	h.t.Helper()
	g := &gate.Gate{
		Client: gate.Peer, Now: h.now, Log: zerolog.Nop(),
		Directory: func(ctx context.Context, id string) (*gate.Target, error) {
			w, err := h.engine.Workflow(ctx, id)
			if err != nil {
				return nil, gate.ErrUnknown
			}
			return &gate.Target{ID: w.ID, State: w.State, PrimaryKey: w.Keys.Primary, SecondaryKey: w.Keys.Secondary, ContentsKey: w.Keys.Contents, Access: h.engine.Access(w)}, nil
		},
		Next: func(rw http.ResponseWriter, r *http.Request, c gate.Call) *gate.Rejection {
			w, err := h.engine.Workflow(r.Context(), c.WorkflowID)
			if err == nil {
				err = management.Download(r.Context(), h.store, w, c.Content, rw, r.Method == http.MethodHead)
			}
			if err != nil {
				h.t.Error(err)
			}
			return nil
		},
	}
	r := httptest.NewRequestWithContext(h.t.Context(), method, link, nil)
	r.RemoteAddr = from
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rw := httptest.NewRecorder()
	g.ServeHTTP(rw, r)
	a := answer{status: rw.Code, header: rw.Header(), text: rw.Body.String()}
	_ = json.Unmarshal(rw.Body.Bytes(), &a.body) // contents need not be objects
	return a
}

// resource wraps actions into a resource with a request trigger.
func resource(actions string, more ...string) string {
	return `{"location":"onprem","properties":{` + strings.Join(more, "") + `"definition":{
		"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#","contentVersion":"1.0.0.0",
		"triggers":{"manual":{"type":"Request","kind":"Http","inputs":{"schema":{}}}},"actions":{` + actions + `}}}}`
}

const compose = `"Compose":{"type":"Compose","inputs":"@triggerBody()"}`
