package handlers_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

// TestPackagedAppInAFunctionsHost is the whole path: the packaged binary behind
// the host's protocol, Azurite, a managed identity, Key Vault and Entra over TLS,
// and a Graph that wants a token obtained with the secret.
func TestPackagedAppInAFunctionsHost(t *testing.T) {
	d := deploy(t)
	status, body := post(t, d.url, `{"userid":"megan"}`)
	if status != http.StatusOK || !strings.Contains(body, "Sara Davis") {
		t.Fatalf("answer: %d %s\n%s", status, body, d.host.Log())
	}
	if n := d.cloud.Count(cloudtest.Graph); n != 1 {
		t.Errorf("Graph was called %d times", n)
	}
	if status, body = post(t, strings.Replace(d.url, "sig=", "sig=A", 1), "{}"); status != http.StatusUnauthorized || !strings.Contains(body, "AuthorizationFailed") {
		t.Errorf("a changed signature: %d %s", status, body)
	}
	d.checkRefusals(t)
	d.searchCanary(t)
}

// checkRefusals: what goes wrong outside ends in the product's codes, and the
// process lives on.
func (d *deployed) checkRefusals(t *testing.T) {
	t.Helper()
	for name, c := range map[string]struct {
		endpoint string
		status   int
		code     string
		action   string
		want     string
	}{
		"vault forbids":          {cloudtest.Vault, http.StatusForbidden, "Forbidden", "Get_secret", "Forbidden"},
		"secret missing":         {cloudtest.Vault, http.StatusNotFound, "SecretNotFound", "Get_secret", "NotFound"},
		"secret disabled":        {cloudtest.Vault, http.StatusForbidden, "SecretDisabled", "Get_secret", "Forbidden"},
		"token endpoint refuses": {cloudtest.EntraToken, http.StatusUnauthorized, "invalid_client", "Get_manager", ""},
		"graph forbids":          {cloudtest.Graph, http.StatusForbidden, "Forbidden", "Get_manager", "Forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			d.host.Kill() // what is cached must not help
			d.host.StartHandler()
			d.awaitOpen(t) // reads the key that seals from the same vault
			d.cloud.Fail(c.endpoint, c.status, c.code, canary)
			defer d.cloud.Intercept(c.endpoint, nil)
			status, body := post(t, d.url, `{"userid":"megan"}`)
			if status != http.StatusBadGateway || !strings.Contains(body, "NoResponse") {
				t.Errorf("answer: %d %s", status, body)
			}
			record := d.lastRun(t).Records[c.action]
			if record == nil || record.Status != definition.Failed || c.want != "" && record.Code != c.want {
				t.Errorf("%s: %+v", c.action, record)
			}
		})
	}
}

// TestKilledBetweenTwoCalls ends the handler at once while the second outgoing
// call is under way. After a restart the run ends as if nothing had happened; the
// call is repeated with the same tracking id.
func TestKilledBetweenTwoCalls(t *testing.T) {
	d := deploy(t)
	var mu sync.Mutex
	var tracking []string
	arrived := make(chan struct{})
	var once sync.Once
	d.cloud.Intercept(cloudtest.Graph, func(_ http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		tracking = append(tracking, r.Header.Get("x-ms-action-tracking-id"))
		mu.Unlock()
		once.Do(func() {
			close(arrived)
			<-r.Context().Done() // the caller dies
		})
		return false
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if answer, err := http.Post(d.url, "application/json", strings.NewReader(`{"userid":"megan"}`)); err == nil {
			_ = answer.Body.Close() // the host answers 500 for a handler that died
		}
	}()
	<-arrived
	d.host.Kill()
	<-done
	d.host.StartHandler()
	deadline := time.After(60 * time.Second)
	for tick := time.NewTicker(200 * time.Millisecond); !d.lastRun(t).Status.Final(); {
		select {
		case <-tick.C:
			if err := d.host.Fire("Sweep"); err != nil {
				t.Fatalf("sweep: %v\n%s", err, d.host.Log())
			}
		case <-deadline:
			t.Fatalf("the run did not go on:\n%s", d.host.Log())
		}
	}
	st := d.lastRun(t)
	if st.Status != definition.Succeeded {
		t.Errorf("run: %s %+v", st.Status, st.Error)
	}
	for name, r := range st.Records {
		if r.Status != definition.Succeeded {
			t.Errorf("%s: %s %s %v", name, r.Status, r.Code, r.Error)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(tracking) < 2 || tracking[0] == "" {
		t.Errorf("calls of Graph: %v", tracking)
	}
	for _, id := range tracking {
		if id != tracking[0] {
			t.Errorf("a repeat has another tracking id: %v", tracking)
		}
	}
	d.searchCanary(t)
}
