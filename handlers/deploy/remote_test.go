package deploy_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/deploy"
	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
)

// app is a running app whose API refuses a PUT.
type app struct {
	backend store.Backend
	to      *deploy.Remote
	refuse  int // which PUT from now on, from 1; 0: none
	puts    []string
}

func startApp(t *testing.T) *app {
	t.Helper()
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	a := &app{backend: opened(t, b, err)}
	_, api := target(t, b)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			a.puts = append(a.puts, r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
			if a.refuse--; a.refuse == 0 {
				w.WriteHeader(http.StatusConflict)
				fmt.Fprint(w, `{"error":{"code":"ScopeLocked","message":"The scope is locked."}}`)
				return
			}
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := remote.New(remote.Options{Endpoint: server.URL, Token: "token", Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	a.to = &deploy.Remote{Client: client, Catalog: operation.Catalog{}}
	return a
}

var versionName = regexp.MustCompile(`08[0-9]{18,}`)

// content is the state without the names of versions.
func (a *app) content(t *testing.T) string {
	return versionName.ReplaceAllString(state(t, a.backend), "VERSION")
}

func TestRemote(t *testing.T) {
	a := startApp(t)
	if err := planned(t, a.to, open(t, before, "")).Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	was := a.content(t)
	for refused, want := range []struct{ message, undone, left string }{
		{"Microsoft.Web/connections 'mail': ScopeLocked: The scope is locked.", "", ""},
		{"Microsoft.Logic/workflows 'a': ScopeLocked", "", "Microsoft.Web/connections 'mail': restored, but the values of its parameters, which are never given out"},
		{"Microsoft.Logic/workflows 'b': ScopeLocked", "Microsoft.Logic/workflows 'a': restored", "Microsoft.Web/connections 'mail': restored, but the values"},
		{"Microsoft.Web/connections 'more': ScopeLocked", "Microsoft.Logic/workflows 'b': removed again", "Microsoft.Web/connections 'mail': restored, but the values"},
	} {
		p := planned(t, a.to, open(t, after, ""))
		a.refuse, a.puts = refused+1, nil
		err := p.Apply(t.Context(), nil)
		if err == nil || !strings.Contains(err.Error(), want.message) || !strings.Contains(err.Error(), want.undone) || !strings.Contains(err.Error(), want.left) || strings.Contains(err.Error(), "secret") {
			t.Errorf("PUT %d refused: %v", refused+1, err)
		}
		// The secrets of a are those that it had, though the API never showed them.
		if got := strings.Replace(a.content(t), "new-token", "old-token", 1); got != was {
			t.Errorf("PUT %d refused:\nwas\n%sis\n%s", refused+1, was, got)
		}
	}
	a.puts = nil
	p := planned(t, a.to, open(t, after, ""))
	if got := changes(p); got != "Modify mail, Modify a, Create b, Create more" {
		t.Errorf("planned %s", got)
	}
	if err := p.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(a.puts, " "); got != "mail a b more" {
		t.Errorf("written: %s", got)
	}
	// b calls a by its URL, which was known only after a was there.
	if got := a.content(t); !strings.Contains(got, "https://flows.example.test/workflows/") || !strings.Contains(got, "new-secret") {
		t.Errorf("it holds\n%s", got)
	}
	// What is never shown cannot be compared: it is written again, and said so.
	p = planned(t, a.to, open(t, after, ""))
	if got := changes(p); got != "Modify mail, Modify a, NoChange b, NoChange more" {
		t.Errorf("afterwards: %s", got)
	}
	var text strings.Builder
	p.Print(&text)
	for _, want := range []string{"  ~ properties.parameterValues (never shown, so it is written)\n", "  ~ properties.parameters.s (never shown, so it is written)\n", "  = Microsoft.Logic/workflows b\n"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the plan\n%s\ndoes not say %q", text.String(), want)
		}
	}
}

// TestRemoteChecks: what the app would refuse is known before anything is written.
func TestRemoteChecks(t *testing.T) {
	a := startApp(t)
	_, problems, err := deploy.New(t.Context(), open(t, `{"resources":[
		{"type":"Microsoft.Logic/workflows","name":"good","properties":{"definition":{"triggers":{},"actions":{}}}},
		{"type":"Microsoft.Logic/workflows","name":"two","identity":{"type":"SystemAssigned, UserAssigned"},"properties":{"definition":{"triggers":{},"actions":{}}}}]}`, ""), a.to, deploy.Answers{})
	if err == nil || !strings.Contains(err.Error(), "InvalidIdentity") || len(problems) > 0 || len(a.puts) > 0 {
		t.Errorf("%v %v, written %v", err, problems, a.puts)
	}
}
