package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/deploy"
	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/management"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

func TestMain(m *testing.M) { os.Exit(azurite.Main(m)) }

var moment = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

// onBothStores runs a test on the embedded store and on the emulator; open gives an
// empty store each time.
func onBothStores(t *testing.T, test func(t *testing.T, open func() store.Backend)) {
	t.Run("local", func(t *testing.T) {
		test(t, func() store.Backend {
			b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
			return opened(t, b, err)
		})
	})
	t.Run("azure", func(t *testing.T) {
		n := 0
		test(t, func() store.Backend {
			n++
			b, err := azure.Open(t.Context(), azure.Config{ConnectionString: azurite.Shared(t).ConnectionString, Prefix: fmt.Sprintf("deploy%dx%d", time.Now().UnixNano()%1e9, n)})
			return opened(t, b, err)
		})
	})
}

func opened(t *testing.T, b store.Backend, err error) store.Backend {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

// target is a store with its API, and both ways to deploy into it.
func target(t *testing.T, b store.Backend) (*deploy.Local, *management.API) {
	t.Helper()
	s, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	st := store.New(b, s)
	tick := moment
	var mu sync.Mutex
	now := func() time.Time { mu.Lock(); defer mu.Unlock(); tick = tick.Add(time.Millisecond); return tick }
	e := engine.New(engine.Config{Store: st, Catalog: operation.Catalog{}, Ambient: expr.Ambient{Now: now}, Log: zerolog.Nop()})
	api := &management.API{
		Engine: e, Store: st, Trusted: true, Identity: management.Identity{Principal: "p", Tenant: "t"}, CallbackBase: "https://flows.example.test", Client: gate.Peer, Now: now, Log: zerolog.Nop(),
		Authorize: func(*http.Request) (management.Caller, *management.Error) {
			return management.Caller{Name: "t", Role: management.Contributor, Contents: true}, nil
		},
	}
	return &deploy.Local{
		Name: "the store", Catalog: operation.Catalog{}, Engine: e, Store: st, API: api, Identity: management.Identity{Principal: "p", Tenant: "t"}.Of,
		Resolve: func(_ context.Context, v value.Value, _ *value.Path) (value.Value, *value.Problem) { return v, nil },
	}, api
}

// open reads a template that must have no problem.
func open(t *testing.T, document, parameters string) *template.Template {
	t.Helper()
	given := value.Object()
	if parameters != "" {
		given = parse(t, parameters)
	}
	opened, problems := template.Open([]byte(document), "fallback", given, template.Local(moment))
	for _, p := range problems {
		t.Fatalf("%s at %s", p.Message, p.Path)
	}
	return opened
}

func parse(t *testing.T, text string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func planned(t *testing.T, to deploy.Target, tmpl *template.Template) *deploy.Plan {
	t.Helper()
	p, problems, err := deploy.New(t.Context(), tmpl, to, deploy.Answers{})
	if err != nil || p == nil {
		t.Fatalf("%v %v", err, problems)
	}
	return p
}

// changes are the signs of a plan's steps, in order.
func changes(p *deploy.Plan) string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, string(s.Change)+" "+s.Name)
	}
	return strings.Join(all, ", ")
}

const (
	before = `{"resources":[
		{"type":"Microsoft.Web/connections","name":"mail","properties":{"api":{"id":"/x/managedApis/office365"},"parameterValues":{"token":"old-token"}}},
		{"type":"Microsoft.Logic/workflows","name":"a","identity":{"type":"SystemAssigned"},"tags":{"k":"v"},"properties":{"state":"Disabled","parameters":{"s":{"value":"old-secret"}},
			"definition":{"parameters":{"s":{"type":"securestring"}},"triggers":{"manual":{"type":"Request"}},"actions":{}}}}]}`
	after = `{"resources":[
		{"type":"Microsoft.Logic/workflows","name":"b","dependsOn":["mail"],"properties":{"parameters":{"url":{"value":"[listCallbackUrl(resourceId('Microsoft.Logic/workflows/triggers','a','manual'),'2019-05-01').value]"}},
			"definition":{"parameters":{"url":{"type":"string"}},"triggers":{"every":{"type":"Recurrence","recurrence":{"frequency":"Day","interval":1}}},"actions":{}}}},
		{"type":"Microsoft.Web/connections","name":"mail","properties":{"api":{"id":"/x/managedApis/office365"},"parameterValues":{"token":"new-token"}}},
		{"type":"Microsoft.Logic/workflows","name":"a","properties":{"parameters":{"s":{"value":"new-secret"}},
			"definition":{"parameters":{"s":{"type":"securestring"}},"triggers":{"manual":{"type":"Request"}},"actions":{"C":{"type":"Compose","inputs":1,"runAfter":{}}}}}},
		{"type":"Microsoft.Web/connections","name":"more","properties":{"api":{"id":"/x/managedApis/keyvault"}}}]}`
)

// state is all that a store holds of workflows and connections, in full.
func state(t *testing.T, b store.Backend) string {
	t.Helper()
	to, _ := target(t, b)
	workflows, err := to.Store.Workflows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, w := range workflows {
		if err := to.Store.WorkflowVersion(t.Context(), w, w.Version); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s %s %s %s %s %s %s\n", w.Name, w.State, w.Version, value.Reveal(w.Tags), value.Reveal(w.Identity), value.Reveal(w.Definition), value.Reveal(w.Parameters))
	}
	connections, err := to.Store.Connections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range connections {
		fmt.Fprintf(&text, "%s %s %s\n", c.Name, c.API, value.Reveal(c.Properties))
	}
	return text.String()
}

// failing fails at its n-th write: once, or from then on; with lost the write takes
// effect and only its answer is lost.
type failing struct {
	store.Backend
	left int
	lost bool
}

func (f *failing) Transact(ctx context.Context, partition string, ops []store.Op) ([]string, error) {
	f.left--
	if f.left != -1 {
		return f.Backend.Transact(ctx, partition, ops)
	}
	if f.lost {
		if _, err := f.Backend.Transact(ctx, partition, ops); err != nil {
			return nil, err
		}
	}
	return nil, storetest.ErrInjected
}

// TestAllOrNothing: whichever write fails, what was there is there again, to the last
// secret, and the message says so.
func TestAllOrNothing(t *testing.T) {
	onBothStores(t, func(t *testing.T, fresh func() store.Backend) {
		for _, lost := range []bool{false, true} {
			b := fresh()
			healthy, _ := target(t, b)
			if err := planned(t, healthy, open(t, before, "")).Apply(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			was := state(t, b)
			failures := 0
			for n := 0; ; n++ {
				to, _ := target(t, &failing{b, n, lost})
				p := planned(t, to, open(t, after, ""))
				if got := changes(p); got != "Modify mail, Modify a, Create b, Create more" {
					t.Fatalf("write %d: planned %s", n, got)
				}
				err := p.Apply(t.Context(), nil)
				if err == nil {
					break
				}
				failures++
				var f *deploy.Failure
				if !errors.As(err, &f) || !errors.Is(err, storetest.ErrInjected) || len(f.Left) > 0 || !strings.HasPrefix(err.Error(), "DeploymentFailed: Microsoft.") {
					t.Fatalf("write %d, lost %t: %v", n, lost, err)
				}
				if got := state(t, b); got != was {
					t.Fatalf("write %d, lost %t: %v\nwas\n%sis\n%s", n, lost, err, was, got)
				}
			}
			if failures < 6 || state(t, b) == was {
				t.Errorf("%d writes failed", failures)
			}
			to, _ := target(t, b)
			if got := changes(planned(t, to, open(t, after, ""))); strings.Count(got, "NoChange") != 4 {
				t.Errorf("afterwards: %s", got)
			}
		}
	})
}

// TestAStoreThatDies: what cannot be taken back is told.
func TestAStoreThatDies(t *testing.T) {
	backend, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	b := opened(t, backend, err)
	healthy, _ := target(t, b)
	if err := planned(t, healthy, open(t, before, "")).Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	dying := storetest.NewFaulty(b, 3, false) // mail is written by one, a by two
	to, _ := target(t, dying)
	err = planned(t, to, open(t, after, "")).Apply(t.Context(), nil)
	for _, want := range []string{
		"DeploymentFailed: Microsoft.Logic/workflows 'b': ", "could not be taken back as a whole:",
		"left:   Microsoft.Logic/workflows 'b': it is not known whether it was changed", "left:   Microsoft.Logic/workflows 'a': it was changed and cannot be restored",
		"left:   Microsoft.Web/connections 'mail': it was changed and cannot be restored",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %q", err, want)
		}
	}
}

// TestGivenUp: a deployment that is interrupted is taken back.
func TestGivenUp(t *testing.T) {
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	to, _ := target(t, opened(t, b, err))
	p := planned(t, to, open(t, before, ""))
	ctx, cancel := context.WithCancel(t.Context())
	err = p.Apply(ctx, func(*deploy.Step) { cancel() }) // between the first and the second
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "everything is as it was") || state(t, b) != "" {
		t.Errorf("%v; %s", err, state(t, b))
	}
}
