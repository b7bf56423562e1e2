package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/value"
)

// hourly polls an address.
const hourly = `{"type": "Http", "inputs": {"method": "GET", "uri": "https://x/a"%s}, "recurrence": {"frequency": "Hour", "interval": 1}%s}`

// TestPolls: what an answer to a poll does (triggers §2, §8).
func TestPolls(t *testing.T) {
	const location, after = "Location", "Retry-After"
	at := func(status int, headers ...string) answer {
		a := answer{status: status, body: `{"value": [1, 2]}`, headers: map[string]string{}}
		for i := 0; i < len(headers); i += 2 {
			a.headers[headers[i]] = headers[i+1]
		}
		return a
	}
	fixed := `, "retryPolicy": {"type": "fixed", "count": 2, "interval": "PT10S"}`
	for _, tt := range []struct {
		name           string
		inputs, more   string
		seconds        int // of the recurrence; 0: an hour
		answers        []answer
		looks          int
		past, next, at string // at: the calls after the first
	}{
		{name: "200 fires", answers: []answer{at(200)}, looks: 1, past: "Succeeded OK fired", next: "1h0m0s"},
		{name: "200 and Retry-After", answers: []answer{at(200, after, "90")}, looks: 1, past: "Succeeded OK fired", next: "1m30s"},
		{name: "more is waiting", answers: []answer{at(200, after, "0"), at(202)}, looks: 1, past: "Succeeded OK fired, Skipped Accepted", next: "1h0m0s", at: "GET https://x/a"},
		{name: "an unbounded Retry-After", answers: []answer{at(200, after, "99999999")}, looks: 1, past: "Succeeded OK fired", next: "24h0m0s"},
		{name: "202 waits for the recurrence", answers: []answer{at(202, after, "10")}, looks: 1, past: "Skipped Accepted", next: "1h0m0s"},
		{name: "202 of a short recurrence", seconds: 15, answers: []answer{at(202, after, "10")}, looks: 1, past: "Skipped Accepted", next: "10s"},
		{name: "other successes", answers: []answer{at(204)}, looks: 1, past: "Skipped NoContent", next: "1h0m0s"},
		{name: "redirect", answers: []answer{at(304, location, "https://x/b")}, looks: 1, past: "Skipped NotModified", next: "1h0m0s"},
		{name: "Location is relative", answers: []answer{at(202, location, "/b?triggerState=1", after, "5"), at(200)}, seconds: 30, looks: 2,
			past: "Skipped Accepted, Succeeded OK fired", next: "25s", at: "GET https://x/b?triggerState=1"},
		{name: "refused", answers: []answer{at(404)}, looks: 1, past: "Failed NotFound", next: "1h0m0s"},
		{name: "retried in time", inputs: fixed, answers: []answer{at(500), {}, at(200)}, looks: 3, past: "Succeeded OK fired", next: "1h0m0s", at: "GET https://x/a, GET https://x/a"},
		{name: "retries used up", inputs: fixed, answers: []answer{at(429)}, looks: 3, past: "Failed 429", next: "1h0m0s", at: "GET https://x/a, GET https://x/a"},
		{name: "no retries", inputs: `, "retryPolicy": {"type": "none"}`, answers: []answer{{}}, looks: 1, past: "Failed ServiceUnavailable", next: "1h0m0s"},
		{name: "the conditions hold", more: `, "conditions": [{"expression": "@equals(triggerBody()['value'][0], 1)"}]`, answers: []answer{at(200)}, looks: 1, past: "Succeeded OK fired", next: "1h0m0s"},
		{name: "a condition does not hold", more: `, "conditions": [{"expression": "@true"}, {"expression": "@equals(triggerBody()['value'][0], 2)"}]`,
			answers: []answer{at(200)}, looks: 1, past: "Skipped OK", next: "1h0m0s"},
		{name: "a condition fails", more: `, "conditions": [{"expression": "@equals(triggerBody()['none'], 2)"}]`, answers: []answer{at(200)}, looks: 1, past: "Failed OK InvalidTemplate", next: "1h0m0s"},
		{name: "a condition wants 201", more: `, "conditions": [{"expression": "@equals(triggerOutputs()['statusCode'], 201)"}]`, answers: []answer{at(201)}, looks: 1, past: "Succeeded Created fired", next: "1h0m0s"},
		{name: "then 200 is nothing", more: `, "conditions": [{"expression": "@equals(trigger()['outputs']['statusCode'], 201)"}]`, answers: []answer{at(200)}, looks: 1, past: "Skipped OK", next: "1h0m0s"},
		{name: "a condition wants an error", inputs: `, "retryPolicy": {"type": "none"}`, more: `, "conditions": [{"expression": "@equals(trigger().code, 'InternalServerError')"}]`,
			answers: []answer{at(500)}, looks: 1, past: "Succeeded InternalServerError fired", next: "1h0m0s"},
		{name: "split", more: `, "splitOn": "@triggerBody()?['value']"`, answers: []answer{at(200)}, looks: 1, past: "Succeeded OK fired, Succeeded OK fired", next: "1h0m0s"},
		{name: "nothing to split", more: `, "splitOn": "@triggerBody()?['none']"`, answers: []answer{at(200)}, looks: 1, past: "Failed OK InvalidTemplate", next: "1h0m0s"},
		{name: "an empty array", more: `, "splitOn": "@take(triggerBody()?['value'], 0)"`, answers: []answer{at(200)}, looks: 1, past: "Skipped OK", next: "1h0m0s"},
		{name: "no JSON", answers: []answer{{status: 200, body: "{"}}, looks: 1, past: "Failed BadGateway InvalidJSON", next: "1h0m0s"},
		{name: "inputs cannot be evaluated", inputs: `, "body": "@json('{')"`, answers: []answer{at(200)}, looks: 1, past: "Failed InvalidTemplate", next: "1h0m0s", at: "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			backends(t, func(t *testing.T, open func() store.Backend) {
				s := newStage(t, open(), tt.answers...)
				e := s.engine()
				trigger := fmt.Sprintf(hourly, tt.inputs, tt.more)
				if tt.seconds > 0 {
					trigger = strings.Replace(trigger, `"Hour", "interval": 1`, fmt.Sprintf(`"Second", "interval": %d`, tt.seconds), 1)
				}
				w := s.save(e, trigger)
				for i := range tt.looks {
					if i > 0 {
						state, err := e.Store.LoadTrigger(t.Context(), keyOf(w))
						if err != nil {
							t.Fatal(err)
						}
						s.move(max(state.Due.Sub(s.now()), 0))
					}
					s.fire(e, w)
					s.fire(e, w) // a doubled doorbell
				}
				s.want("history", s.past(e, w), tt.past)
				if tt.seconds == 0 && tt.next == "1h0m0s" { // from when it was saved
					tt.next = (time.Hour - s.now().Sub(epoch)).String()
				}
				s.want("next", s.next(e, w), tt.next)
				if tt.at == "none" {
					s.wantCalls()
				} else {
					s.want("calls", strings.Join(s.calls[1:], ", "), tt.at)
				}
			})
		})
	}
}

// TestPollElsewhere: to another server, nothing goes that could identify us.
func TestPollElsewhere(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{status: 202, headers: map[string]string{"Location": "https://y/b"}}, answer{status: 202, headers: map[string]string{"Location": "https://x/c"}}, answer{status: 202}, answer{status: 202})
		e := s.engine()
		w := s.save(e, fmt.Sprintf(hourly, `, "headers": {"a": "b"}, "authentication": {"type": "Basic", "username": "u", "password": "p"}`, ""))
		for range 4 {
			s.fire(e, w)
			s.move(time.Hour)
		}
		s.want("calls", strings.Join(s.calls, ", "), "GET https://x/a, GET https://y/b, GET https://x/c, GET https://x/a")
		for i, own := range []bool{true, false, false, true} {
			if got := s.headers[i].Get("Authenticated") != "" && s.headers[i].Get("a") == "b"; got != own {
				t.Errorf("call %d: %v", i, s.headers[i])
			}
		}
	})
}

// TestPollRecovers: a process that has the store to itself does not wait for the claim
// of one that died.
func TestPollRecovers(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{status: 200, body: "1"})
		w := s.save(s.engine(), fmt.Sprintf(hourly, "", ""))
		dying := s.engineOn(storetest.NewFaulty(s.b, 1, false))
		if dying.FireTrigger(t.Context(), keyOf(w)) == nil {
			t.Error("it did not die")
		}
		e := s.engine()
		s.want("claimed", s.next(e, w), "5m0s")
		if _, err := e.Recover(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.fire(e, w)
		s.want("history", s.past(e, w), "Succeeded OK fired")
	})
}

// TestPollsOfConnectors: API Management, and a connector by its wire shape.
func TestPollsOfConnectors(t *testing.T) {
	const recurrence = `, "recurrence": {"frequency": "Hour", "interval": 1}}`
	for name, tt := range map[string]struct{ trigger, call string }{
		"ApiManagement": {`{"type": "ApiManagement", "inputs": {"api": {"id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/demo/apis/a"},
			"method": "get", "pathTemplate": {"template": "/a/{id}", "parameters": {"id": "7"}}, "subscriptionKey": "k"}`, "GET https://demo.azure-api.net/a/7"},
		"ApiConnection": {`{"type": "ApiConnection", "inputs": {"host": {"connection": {"name": "@parameters('$connections')['c']['connectionId']"}},
			"method": "get", "path": "/new"}`, "GET https://gateway/base/new"},
	} {
		t.Run(name, func(t *testing.T) {
			backends(t, func(t *testing.T, open func() store.Backend) {
				s := newStage(t, open(), answer{status: 202, headers: map[string]string{"Location": "?triggerState=2"}}, answer{status: 200, body: "1"})
				e := s.engine()
				r := s.resource(t.Name(), tt.trigger+recurrence)
				connections, err := value.Parse([]byte(`{"$connections": {"value": {"c": {"connectionId": "/c", "connectionRuntimeUrl": "https://gateway/base",
					"id": "/subscriptions/s/providers/Microsoft.Web/locations/l/managedApis/none"}}}}`))
				if err != nil {
					t.Fatal(err)
				}
				declared, err := value.Parse([]byte(`{"$connections": {"type": "Object", "defaultValue": {}}}`))
				if err != nil {
					t.Fatal(err)
				}
				r.Parameters, r.Definition = connections, r.Definition.With("parameters", declared)
				w := save(t, e, r)
				s.fire(e, w)
				s.move(time.Hour)
				s.fire(e, w)
				s.want("calls", strings.Join(s.calls, ", "), tt.call+", "+tt.call+"?triggerState=2")
				s.want("history", s.past(e, w), "Skipped Accepted, Succeeded OK fired")
			})
		})
	}
}

// TestPollShows: inputs as history may show them, outputs, and who asks.
func TestPollShows(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{status: 200, body: `{"a": 1}`}, answer{status: 202, body: `{"b": 2}`})
		e := s.engine()
		w := s.save(e, fmt.Sprintf(hourly, `, "headers": {"n": "@{1}"}, "authentication": {"type": "Basic", "username": "u", "password": "very secret"}`,
			`, "runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}, "correlation": {"clientTrackingId": "@concat('a-', triggerBody()?['a'])"}`))
		s.fire(e, w)
		s.move(time.Hour)
		s.fire(e, w)
		list, _, err := e.TriggerHistories(t.Context(), keyOf(w), 10, "")
		if err != nil || len(list) != 2 {
			t.Fatalf("%v %v", list, err)
		}
		for i, body := range []string{`{"b":2}`, `{"a":1}`} {
			h, err := e.TriggerHistory(t.Context(), keyOf(w), list[i].Name)
			if err != nil {
				t.Fatal(err)
			}
			s.want("inputs", string(value.Reveal(h.Record.Inputs.Value)),
				`{"method":"GET","uri":"https://x/a","headers":{"n":"1"},"authentication":{"type":"Basic","username":"u","password":"*sanitized*"}}`)
			s.want("outputs", string(value.Reveal(h.Record.Outputs.Value.Member("body"))), body)
			if h.Record.HideInputs || !h.Record.HideOutputs || h.Record.TrackingID == "" || h.Record.Scheduled.IsZero() {
				t.Errorf("record: %+v", h.Record)
			}
		}
		fired := list[1]
		st := settle(t, e, store.RunKey{WorkflowID: w.ID, Run: fired.Run})
		if fired.Name != fired.Run || fired.ClientTrackingID != "a-1" || st.ClientTrackingID != "a-1" {
			t.Errorf("fired: %+v", fired)
		}
		s.want("trigger()", st.Records["C"].Outputs.Value.Member("code").Str(), "OK")
		if h := s.headers[0]; h.Get("x-ms-workflow-id") != w.ID || h.Get("x-ms-workflow-operation-name") != "T" || h.Get("x-ms-client-tracking-id") == "" {
			t.Errorf("headers: %v", h)
		}
		status, err := e.TriggerStatus(t.Context(), keyOf(w))
		if err != nil || status.Status != "Skipped" || !status.Last.Equal(s.now()) || !status.Next.Equal(s.now().Add(time.Hour)) {
			t.Errorf("status: %+v %v", status, err)
		}
	})
}

// TestPollSurvivesCrashes: wherever the process dies, each item that was found has
// one run in the end, and while one process asks no other does.
func TestPollSurvivesCrashes(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		for n := range 8 {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("write %d after %v", n, after), func(t *testing.T) {
					s := newStage(t, open(), answer{status: 200, body: `[1, 2, 3]`}, answer{status: 200, body: `[4]`}, answer{status: 202})
					e := s.engine()
					w := s.save(e, fmt.Sprintf(hourly, "", `, "splitOn": "@triggerBody()"`), `{"C": {"type": "Compose", "inputs": "@triggerBody()"}}`)
					dying := s.engineOn(storetest.NewFaulty(s.b, n, after))
					if n > 0 || after { // else it dies before it asks
						s.during = func() { s.fire(e, w) }
					}
					_ = dying.FireTrigger(t.Context(), keyOf(w))
					s.during = nil
					for range 3 {
						s.move(30 * time.Minute)
						s.fire(e, w)
						s.fire(e, w)
					}
					seen := map[string]int{}
					for _, r := range runsOf(t, e, w.ID) {
						st := settle(t, e, store.RunKey{WorkflowID: w.ID, Run: r.State.Name})
						seen[string(value.Reveal(st.Records["C"].Outputs.Value))]++
					}
					for item, times := range seen {
						if times != 1 {
							t.Errorf("%s has %d runs", item, times)
						}
					}
					asked, found := 2, 4
					if n == 1 && !after { // the first answer died with the process, and is asked for again
						asked, found = 3, 1
					}
					if len(s.calls) != asked || len(seen) != found {
						t.Errorf("%d polls, items %v", len(s.calls), seen)
					}
				})
			}
		}
	})
}

// TestPollManyItems: runs are started in portions, each once.
func TestPollManyItems(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		items := strings.Repeat("1,", 550) + "1"
		s := newStage(t, open(), answer{status: 200, body: "[" + items + "]"})
		e := s.engine()
		w := s.save(e, fmt.Sprintf(hourly, "", `, "splitOn": "@triggerBody()"`))
		s.fire(e, w)
		s.want("next", s.next(e, w), "0s")
		s.fire(e, w)
		s.fire(e, w)
		s.want("next", s.next(e, w), "1h0m0s")
		n := 0
		for token := ""; ; {
			runs, next, err := e.Store.Runs(t.Context(), w.ID, 1000, token)
			if err != nil {
				t.Fatal(err)
			}
			if n += len(runs); next == "" {
				break
			}
			token = next
		}
		if n != 551 || len(s.calls) != 1 {
			t.Errorf("%d runs of %d polls", n, len(s.calls))
		}
	})
}

// TestHistoryOfRequests: who calls a trigger that does not fire leaves a trace, and so
// does what the trigger cannot evaluate.
func TestHistoryOfRequests(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		w := s.save(e, `{"type": "Request", "conditions": [{"expression": "@greater(triggerBody()['n'], 1)"}], "correlation": {"clientTrackingId": "@triggerBody()?['id']"},
			"runtimeConfiguration": {"secureData": {"properties": ["outputs"]}}}`)
		for _, body := range []string{`{"n": 1}`, `{"n": "x"}`, `{"n": 2, "id": {}}`, `{"n": 2, "id": "` + strings.Repeat("i", 129) + `"}`, `{"n": 2, "id": "a\nb"}`, `{"n": 2, "id": 7}`, `{"n": 2}`} {
			s.move(time.Second)
			r, err := s.start(e, w, body)
			if err == nil && r.Skipped != (body == `{"n": 1}`) {
				t.Errorf("%s: %+v", body, r)
			}
		}
		s.want("history", s.past(e, w), "Skipped, Failed InvalidTemplate, Failed InvalidClientTrackingId, Failed ClientTrackingIdLengthLimitExceeded, Failed InvalidClientTrackingId, Succeeded fired, Succeeded fired")
		list, _, err := e.TriggerHistories(t.Context(), keyOf(w), 10, "")
		if err != nil {
			t.Fatal(err)
		}
		s.want("id", list[1].ClientTrackingID, "7")
		s.want("default id", list[0].ClientTrackingID, list[0].Run)
		if m := list[5].Record.Error.Message; strings.Contains(m, "'x'") || !strings.Contains(m, "trigger 'T'") {
			t.Errorf("the error quotes what is hidden: %s", m)
		}
	})
}

// TestHistoryEnds: old entries go, in portions, of triggers that are gone too.
func TestHistoryEnds(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{status: 202, body: `"` + strings.Repeat("x", 100<<10) + `"`})
		e := s.engine()
		w := s.save(e, fmt.Sprintf(hourly, "", ""))
		old := s.resource(t.Name(), fmt.Sprintf(hourly, "", ""))
		s.fire(e, w)
		s.move(89 * 24 * time.Hour)
		s.fire(e, w)
		s.move(time.Hour)
		s.fire(e, w)
		clean := func() {
			if _, err := e.Clean(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		clean()
		s.want("kept", s.past(e, w), "Skipped Accepted, Skipped Accepted, Skipped Accepted")
		s.move(2 * 24 * time.Hour)
		clean()
		s.want("the young one is kept", s.past(e, w), "Skipped Accepted")
		definition, err := value.Parse([]byte(`{"triggers": {"other": {"type": "Request"}}, "actions": {}}`))
		if err != nil {
			t.Fatal(err)
		}
		old.Definition = definition
		w = save(t, e, old)
		s.move(90 * 24 * time.Hour)
		clean()
		s.want("of a trigger that is gone", s.past(e, w), "")
	})
}
