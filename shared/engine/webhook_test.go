package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
)

const (
	webhook = `{"type": "HttpWebhook", "inputs": {
		"subscribe": {"method": "POST", "uri": "https://x/subscribe", "body": "@listCallbackUrl()"},
		"unsubscribe": {"method": "POST", "uri": "https://x/unsubscribe", "body": "bye"}}}`
	subscribed   = "POST https://x/subscribe https://here/T"
	unsubscribed = "POST https://x/unsubscribe bye"
)

func (s *stage) wantCalls(want ...string) {
	s.t.Helper()
	s.want("calls", strings.Join(s.calls, ", "), strings.Join(want, ", "))
}

// TestWebhookSubscribes when it is saved and enabled, and ends that when it is
// changed, disabled or gone.
func TestWebhookSubscribes(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{status: 201})
		e := s.engine()
		r := s.resource(t.Name(), webhook)
		w := save(t, e, r)
		s.fire(e, w)
		s.fire(e, w)
		s.wantCalls(subscribed)
		s.want("next", s.next(e, w), "never")
		s.want("history", s.past(e, w), "Succeeded Created")

		save(t, e, r) // unchanged
		s.fire(e, w)
		s.wantCalls(subscribed)
		if id := s.headers[0].Get("x-ms-client-tracking-id"); id == "" || s.headers[0].Get("x-ms-workflow-operation-name") != "T" {
			t.Errorf("headers: %v", s.headers[0])
		}

		step := func(change func(), more ...string) {
			t.Helper()
			s.move(time.Second)
			s.calls, s.headers = nil, nil
			change()
			w = save(t, e, r)
			s.fire(s.engine(), w) // another process
			s.fire(e, w)
			s.wantCalls(more...)
		}
		step(func() { r.State = "Disabled" }, unsubscribed)
		step(func() { r.State = "Enabled" }, subscribed)
		id := s.headers[0].Get("x-ms-client-tracking-id")
		step(func() { r.Definition = s.resource("", webhook, `{}`).Definition }, unsubscribed, subscribed)
		if got := s.headers[0].Get("x-ms-client-tracking-id"); got != id || s.headers[1].Get("x-ms-client-tracking-id") == id {
			t.Errorf("unsubscribed as %s, subscribed as %s", got, id)
		}
		step(func() {
			r.Definition = s.resource("", `{"type": "Recurrence", "recurrence": {"frequency": "Day", "interval": 1}}`).Definition
		}, unsubscribed)
		step(func() { r.Definition = s.resource("", webhook).Definition }, subscribed)
		step(func() { r.Definition = s.resource("", `{"type": "Request"}`).Definition }, unsubscribed)
	})
}

// TestWebhookIsRetried until it succeeds, slower and slower, and across processes
// that die.
func TestWebhookIsRetried(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{}, answer{status: 500}, answer{status: 400}, answer{status: 200})
		e := s.engine()
		w := s.save(e, webhook)
		for _, next := range []string{"1m0s", "2m0s", "4m0s"} {
			s.fire(e, w)
			s.fire(e, w)
			s.want("next", s.next(e, w), next)
			s.move(4 * time.Minute)
		}
		dying := s.engineOn(storetest.NewFaulty(s.b, 1, false)) // after the call, before it is known
		s.during = func() { s.fire(e, w) }
		if err := dying.FireTrigger(t.Context(), keyOf(w)); err == nil {
			t.Error("it did not die")
		}
		s.during = nil
		s.move(10 * time.Minute)
		s.fire(e, w)
		s.fire(e, w)
		s.want("next", s.next(e, w), "never")
		s.wantCalls(subscribed, subscribed, subscribed, subscribed, subscribed)
		s.want("history", s.past(e, w), "Failed ServiceUnavailable, Failed InternalServerError, Failed BadRequest, Succeeded OK")
	})
}

// TestWebhookFires: each call starts a run, as for a Request trigger.
func TestWebhookFires(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{status: 200})
		e := s.engine()
		w := s.save(e, strings.TrimSuffix(webhook, "}")+`, "splitOn": "@triggerBody()", "conditions": [{"expression": "@not(empty(triggerBody()))"}]}`)
		s.fire(e, w)
		for _, body := range []string{`[1, 2]`, `[]`} {
			s.move(time.Second)
			if _, err := s.start(e, w, body); err != nil {
				t.Fatal(err)
			}
		}
		s.want("history", s.past(e, w), "Succeeded OK, Succeeded fired, Succeeded fired, Skipped")
		s.want("runs", s.statuses(e, w), "Running Running")
		s.want("next", s.next(e, w), "never")
	})
}

// TestWebhookInputsFail: what cannot be evaluated is not tried again until it is
// changed.
func TestWebhookInputsFail(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open(), answer{status: 200})
		e := s.engine()
		w := s.save(e, strings.Replace(webhook, "@listCallbackUrl()", "@json('{')", 1))
		s.fire(e, w)
		s.want("next", s.next(e, w), "never")
		s.want("history", s.past(e, w), "Failed InvalidTemplate")
		s.wantCalls()
	})
}
