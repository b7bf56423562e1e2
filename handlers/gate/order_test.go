package gate_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
)

// What is wrong in several ways is refused for the first of them (§6).
func TestOrderOfChecks(t *testing.T) {
	barred := control(t, `{"allowedCallerIpAddresses":[]}`)
	off := func(w *gate.Target) { w.State = "Disabled" }
	unsigned := url.Values{"api-version": {"1"}, "sp": {manualRun}, "sv": {"1.0"}, "sig": {strings.Repeat("A", 43)}}
	for _, c := range []struct {
		name         string
		method, path string
		query        url.Values
		header       http.Header
		changes      []func(*gate.Target)
		code         string
	}{
		{"api-version before schemes", "PUT", invoke, without(signed(manualRun, ""), "api-version"), authorization("Basic x"), nil, "MissingApiVersionParameter"},
		{"schemes before signature", "PUT", invoke, unsigned, authorization("Basic x"), nil, "DirectApiRequestHasMoreThanOneAuthorization"},
		{"signature before all that tells of the workflow", "GET", invoke + "/more", unsigned, nil, []func(*gate.Target){barred, off}, "AuthorizationFailed"},
		{"signature before the trigger's name", "PUT", strings.Replace(invoke, "manual", "other", 1), unsigned, nil, nil, "AuthorizationFailed"},
		{"address before state", "GET", invoke + "/more", signed(manualRun, ""), nil, []func(*gate.Target){barred, off}, "AuthorizationFailed"},
		{"state before method", "GET", invoke + "/more", signed(manualRun, ""), nil, []func(*gate.Target){off}, "WorkflowTriggerIsNotEnabled"},
		{"method before path", "GET", invoke + "/more", signed(manualRun, ""), nil, nil, "TriggerRequestMethodNotValid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			workflow := target()
			for _, change := range c.changes {
				change(workflow)
			}
			_, body := open(t, workflow, gate.Peer).call(t, c.method, c.path, c.query, c.header)
			if !strings.Contains(string(body), `"code":"`+c.code+`"`) {
				t.Errorf("got %s, want %s", body, c.code)
			}
		})
	}
}

// A store that cannot answer is no reason to let anybody in, nor to say why.
func TestDirectoryFails(t *testing.T) {
	var log bytes.Buffer
	g := &gate.Gate{
		Directory: func(context.Context, string) (*gate.Target, error) { return nil, errors.New("the disk is gone") },
		Now:       func() time.Time { return now }, Log: zerolog.New(&log),
		Next: func(http.ResponseWriter, *http.Request, gate.Call) *gate.Rejection {
			t.Error("the call was let in")
			return nil
		},
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "PUT", invoke+"?"+signed(manualRun, "").Encode(), nil))
	checkError(t, w.Result(), w.Body.Bytes(), 503, "ServiceUnavailable", "The service cannot answer now.")
	if w.Header().Get("Retry-After") == "" || !strings.Contains(log.String(), "the disk is gone") {
		t.Errorf("Retry-After %q, log %s", w.Header().Get("Retry-After"), log.String())
	}
}
