package gate_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
)

// Each kind of URL that is minted opens what it is for, by its own key, and until it
// expires; names that look like more than a name stay names.
func TestMintedURLsOpenWhatTheyAreFor(t *testing.T) {
	urls := gate.URLs{Base: "http://localhost:7071", APIVersion: "2019-05-01"}
	later, past := now.Add(time.Minute), now.Add(-time.Minute)
	odd := gate.Execution{Run: "0858CU00", Action: "a b,/triggers/manual/run", Path: "1/2,%2F"}
	triggers := func(name string) (gate.Trigger, bool) { return gate.Trigger{Name: name, Method: "PUT"}, true }
	for _, c := range []struct {
		name, method, url string
		want              gate.Call
		refused           bool
	}{
		{"trigger", "PUT", urls.Trigger(secondary, workflowID, "manual", later), gate.Call{Trigger: "manual"}, false},
		{"trigger, old form", "PUT", strings.Replace(urls.Trigger(primary, workflowID, "manual", later), "paths/invoke", "run", 1), gate.Call{Trigger: "manual"}, false},
		{"trigger, expired", "PUT", urls.Trigger(primary, workflowID, "manual", past), gate.Call{}, true},
		{"trigger by the key of contents", "PUT", urls.Trigger(contents, workflowID, "manual", later), gate.Call{}, true},
		{"trigger of an odd name", "PUT", urls.Trigger(primary, workflowID, "a/b,c", later), gate.Call{Trigger: "a/b,c"}, false},
		{"trigger of a version", "PUT", urls.Version(primary, workflowID, "0858", "manual", later), gate.Call{Version: "0858", Trigger: "manual"}, false},
		{"trigger of a version that is none", "PUT", urls.Version(primary, workflowID, "0859", "manual", later), gate.Call{}, true},
		{"a version's URL without the version", "PUT", strings.Replace(urls.Version(primary, workflowID, "0858", "manual", later), "/versions/0858", "", 1), gate.Call{}, true},
		{"action", "POST", urls.Resume(primary, workflowID, odd), gate.Call{Resume: odd}, false},
		{"action, by GET", "GET", urls.Resume(secondary, workflowID, gate.Execution{Run: "r", Action: "a"}), gate.Call{Resume: gate.Execution{Run: "r", Action: "a"}}, false},
		{"action by the key of contents", "POST", urls.Resume(contents, workflowID, odd), gate.Call{}, true},
		{"another action", "POST", strings.Replace(urls.Resume(primary, workflowID, gate.Execution{Run: "r", Action: "a"}), "/actions/a/", "/actions/b/", 1), gate.Call{}, true},
		{"contents of an action", "GET", urls.Content(contents, workflowID, gate.Content{Execution: odd, Name: "ActionInputs"}, later), gate.Call{Content: gate.Content{Execution: odd, Name: "ActionInputs"}}, false},
		{"contents of the trigger", "HEAD", urls.Content(contents, workflowID, gate.Content{Execution: gate.Execution{Run: "r"}, Name: "TriggerOutputs"}, later), gate.Call{Content: gate.Content{Execution: gate.Execution{Run: "r"}, Name: "TriggerOutputs"}}, false},
		{"contents, expired", "GET", urls.Content(contents, workflowID, gate.Content{Execution: odd, Name: "ActionInputs"}, past), gate.Call{}, true},
		{"contents of the other side", "GET", strings.Replace(urls.Content(contents, workflowID, gate.Content{Execution: odd, Name: "ActionInputs"}, later), "/ActionInputs?", "/ActionOutputs?", 1), gate.Call{}, true},
		{"contents by the key of triggers", "GET", urls.Content(primary, workflowID, gate.Content{Execution: odd, Name: "ActionInputs"}, later), gate.Call{}, true},
		{"contents that are none", "GET", urls.Content(contents, workflowID, gate.Content{Execution: odd, Name: "TriggerInputs"}, later), gate.Call{}, true},
		{"a resume URL for its trigger", "PUT", strings.Replace(urls.Resume(primary, workflowID, odd), strings.Split(strings.SplitN(urls.Resume(primary, workflowID, odd), workflowID, 2)[1], "?")[0], "/triggers/manual/paths/invoke", 1), gate.Call{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			workflow := target()
			workflow.Trigger = triggers
			workflow.Version = func(_ context.Context, version string) (func(string) (gate.Trigger, bool), error) {
				if version != "0858" {
					return nil, gate.ErrUnknown
				}
				return triggers, nil
			}
			d := open(t, workflow, gate.Peer)
			w := httptest.NewRecorder()
			d.Config.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.url, nil))
			let, _ := d.seen()
			if c.refused {
				if len(let) > 0 || w.Code < 400 {
					t.Errorf("%s: %d, let in %+v", c.url, w.Code, let)
				}
				return
			}
			c.want.WorkflowID = workflowID
			if w.Code != http.StatusAccepted || len(let) != 1 || fmt.Sprintf("%+v", let[0]) != fmt.Sprintf("%+v", c.want) {
				t.Errorf("%s: %d %s\n let in %+v\n   want %+v", c.url, w.Code, w.Body, let, c.want)
			}
			if !strings.Contains(c.url, "?api-version=2019-05-01&") {
				t.Errorf("the version of the API is not that of the call: %s", c.url)
			}
		})
	}
}

// Minted resume URLs name both permissions, in the product's words.
func TestMintedResumeURL(t *testing.T) {
	u := gate.URLs{Base: "https://h"}.Resume(primary, workflowID, gate.Execution{Run: "0858CU00", Action: "Wait_for_crane"})
	const want = "https://h" + resumePath + "?api-version=2016-10-01&sp=%2Fruns%2F0858CU00%2Factions%2FWait_for_crane%2Frun%2C%2Fruns%2F0858CU00%2Factions%2FWait_for_crane%2Fread&sv=1.0&sig="
	if !strings.HasPrefix(u, want) {
		t.Errorf("got  %s\nwant %s", u, want)
	}
}

// Whoever calls in vain all the time does not fill the log; how often is told. Other
// refusals are told meanwhile.
func TestRefusedCallsAreLoggedInBounds(t *testing.T) {
	clock := now
	d := openWith(t, target(), gate.Peer, func(g *gate.Gate) { g.Now = func() time.Time { return clock } })
	refused := func(n int, query string) {
		for range n {
			w := httptest.NewRecorder()
			d.Config.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "PUT", invoke+query, nil))
		}
	}
	lines := func() int { _, log := d.seen(); return strings.Count(log, "\n") }
	refused(1000, "?api-version=1")
	first := lines()
	if first == 0 || first > 20 {
		t.Errorf("%d lines for 1000 calls", first)
	}
	if n := len(d.decisions()); n != 1000 {
		t.Errorf("the audit trail was told of %d calls", n)
	}
	refused(1, "")
	if _, log := d.seen(); lines() != first+1 || !strings.Contains(log, "MissingApiVersionParameter") {
		t.Errorf("a call that was refused for another reason: %d lines", lines())
	}
	clock = clock.Add(time.Minute)
	refused(1, "?api-version=1")
	_, log := d.seen()
	if lines() != first+2 || !strings.Contains(log, fmt.Sprintf(`"refusedWithoutLine":%d`, 1000-first)) {
		t.Errorf("later: %d lines; %s", lines(), log[strings.LastIndex(strings.TrimSpace(log), "\n")+1:])
	}
}

// What is refused behind the gate is answered and logged as what the gate refuses.
func TestRefusedBehindTheGate(t *testing.T) {
	d := openWith(t, target(), gate.Peer, func(g *gate.Gate) {
		g.Next = func(http.ResponseWriter, *http.Request, gate.Call) *gate.Rejection {
			return &gate.Rejection{Status: 400, Code: "TriggerInputSchemaMismatch", Message: "no berth"}
		}
	})
	q := signed(manualRun, "")
	answer, body := d.call(t, "PUT", invoke, q, nil)
	checkError(t, answer, body, 400, "TriggerInputSchemaMismatch", "no berth")
	_, log := d.seen()
	checkLog(t, log, "behind the gate", "TriggerInputSchemaMismatch", q.Get("sig"))
	if was := d.decisions(); len(was) != 1 || !was[0].Allowed {
		t.Errorf("the audit trail was told %+v", was)
	}
}
