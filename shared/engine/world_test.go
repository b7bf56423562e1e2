package engine_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// world is what a workflow reaches: a vault and a server that records its calls.
type world struct {
	mu    sync.Mutex
	calls []call
	hook  func(n int) // before the n-th call is answered
}

type call struct{ method, url, tracking, body string }

var (
	_ operation.Doer = (*world)(nil)
	_ outbound.Vault = (*world)(nil)
)

func (w *world) record(c call) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, c)
	return len(w.calls)
}

func (w *world) Do(_ context.Context, r *outbound.Request) (*outbound.Response, error) {
	n := w.record(call{method: r.Method, url: r.URL, tracking: r.Header.Get("x-ms-action-tracking-id"), body: string(r.Body)})
	if w.hook != nil {
		w.hook(n)
	}
	if strings.HasSuffix(r.URL, "/fail") {
		return &outbound.Response{StatusCode: 503, Header: http.Header{}}, nil
	}
	return &outbound.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"displayName":"Sara","id":"ID","path":"` + r.URL + `"}`)}, nil
}

func (w *world) Secret(_ context.Context, name, _ string) (outbound.Secret, error) {
	n := w.record(call{method: "SECRET", url: name})
	if w.hook != nil {
		w.hook(n)
	}
	return outbound.Secret{Name: name, Enabled: true, Value: value.String(canary).Mark(value.Origin{Class: value.Secured, Name: "keyvault:" + name})}, nil
}

func (w *world) Secrets(context.Context) ([]outbound.Secret, error)          { return nil, nil }
func (w *world) Versions(context.Context, string) ([]outbound.Secret, error) { return nil, nil }

// sample is the get-manager workflow without its static result.
func sample(t testing.TB) *engine.Resource {
	t.Helper()
	data, err := os.ReadFile("testdata/get-manager.json")
	if err != nil {
		t.Fatal(err)
	}
	v, err := value.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return &engine.Resource{Name: "get-manager", ResourceID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/get-manager",
		Definition: v.Member("definition"), Parameters: v.Member("parameters")}
}

// newEngine returns an engine on a backend; its clock runs ahead by skew.
func newEngine(t testing.TB, b store.Backend, w *world, log *bytes.Buffer, skew time.Duration) *engine.Engine {
	t.Helper()
	sealer, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	var seed atomic.Int64
	logger := zerolog.Nop()
	if log != nil {
		logger = zerolog.New(log)
	}
	return engine.New(engine.Config{
		Store: store.New(b, sealer), Catalog: operation.Catalog{}, Log: logger,
		Callback: func(_ *engine.Workflow, run, action, path string) string {
			return "https://callback/" + run + "/" + action + path
		},
		Deps: operation.Deps{HTTP: w, Vault: func(operation.Connection) (outbound.Vault, error) { return w, nil }},
		Ambient: expr.Ambient{
			Now:  func() time.Time { return time.Now().Add(skew) },
			Rand: func(n int64) int64 { return (seed.Add(0x1e3779b97f4a7c15) >> 8 & (1<<50 - 1)) % n },
		},
	})
}

func closeEngine(e *engine.Engine) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	e.Close(ctx)
}

func save(t testing.TB, e *engine.Engine, r *engine.Resource) *engine.Workflow {
	t.Helper()
	w, problems, err := e.Save(t.Context(), r)
	if err != nil || w == nil {
		t.Fatalf("save: %v %v", problems, err)
	}
	return w
}

func trigger() engine.Trigger {
	body, _ := value.Parse([]byte(`{"headers":{},"body":{"userid":"megan"}}`))
	return engine.Trigger{Name: "manual", Outputs: body, Waits: true}
}
