package gate_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/value"
)

// door is a gate that listens, with what it let in and what it logged.
type door struct {
	*httptest.Server
	mu  sync.Mutex
	let []gate.Call
	was []gate.Decision
	log bytes.Buffer
}

func (d *door) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

func (d *door) seen() ([]gate.Call, string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.let, d.log.String()
}

// target is an enabled workflow with a trigger that has a method and a path.
func target() *gate.Target {
	triggers := func(name string) (gate.Trigger, bool) {
		return gate.Trigger{Name: name, Method: "PUT", RelativePath: "/berths/{berth}"}, name == "manual"
	}
	return &gate.Target{
		ID: workflowID, State: "Enabled", PrimaryKey: primary, SecondaryKey: secondary, ContentsKey: contents, Trigger: triggers,
		Version: func(_ context.Context, version string) (func(string) (gate.Trigger, bool), error) {
			if version != "0858" {
				return nil, gate.ErrUnknown
			}
			return triggers, nil
		},
	}
}

// decisions are what the gate has told the audit trail.
func (d *door) decisions() []gate.Decision {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.was
}

func open(t *testing.T, workflow *gate.Target, client gate.ClientAddress) *door {
	t.Helper()
	return openWith(t, workflow, client, func(*gate.Gate) {})
}

// openWith opens a gate that is changed before.
func openWith(t *testing.T, workflow *gate.Target, client gate.ClientAddress, change func(*gate.Gate)) *door {
	t.Helper()
	d := &door{}
	g := &gate.Gate{
		Observe: func(made gate.Decision) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.was = append(d.was, made)
		},
		Directory: func(_ context.Context, id string) (*gate.Target, error) {
			if id != workflow.ID {
				return nil, gate.ErrUnknown
			}
			return workflow, nil
		},
		Client: client, Now: func() time.Time { return now }, Log: zerolog.New(d),
		Next: func(w http.ResponseWriter, _ *http.Request, c gate.Call) *gate.Rejection {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.let = append(d.let, c)
			w.WriteHeader(http.StatusAccepted)
			return nil
		},
	}
	change(g)
	d.Server = httptest.NewServer(g)
	t.Cleanup(d.Close)
	return d
}

// signed is a query with a signature of the primary key.
func signed(permissions, expiry string) url.Values {
	q := url.Values{"api-version": {"2016-10-01"}, "sp": {permissions}, "sv": {"1.0"}, "sig": {gate.Sign(primary, workflowID, permissions, expiry)}}
	if expiry != "" {
		q.Set("se", expiry)
	}
	return q
}

// call sends one request and returns the answer with its body.
func (d *door) call(t *testing.T, method, path string, query url.Values, header http.Header) (*http.Response, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.URL+path+"?"+query.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	answer, err := d.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, body
}

func control(t testing.TB, triggers string) func(*gate.Target) {
	t.Helper()
	return whole(t, `{"triggers":`+triggers+`}`)
}

// whole gives a workflow an access control, even one that could not be saved.
func whole(t testing.TB, control string) func(*gate.Target) {
	t.Helper()
	v, err := value.Parse([]byte(control))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := access.Compile(v, nil)
	return func(target *gate.Target) { target.Access = a }
}

func without(q url.Values, name string) url.Values {
	q.Del(name)
	return q
}

func with(q url.Values, name, v string) url.Values {
	q.Set(name, v)
	return q
}

func authorization(v string) http.Header { return http.Header{"Authorization": {v}} }
