package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

func workflow(t testing.TB, name, definition string) *engine.Resource {
	t.Helper()
	v, err := value.Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	return &engine.Resource{Name: name, ResourceID: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/" + name, Definition: v, Parameters: value.Object()}
}

// settle lets runs go on, as doorbells would, until one of them is over.
func settle(t testing.TB, e *engine.Engine, key store.RunKey, others ...store.RunKey) *run.State {
	t.Helper()
	for range 20 {
		for _, k := range append(others, key) {
			if err := e.Continue(t.Context(), k); err != nil {
				t.Fatal(err)
			}
		}
		snapshot, err := e.Store.LoadRun(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if snapshot.State.Status.Final() {
			return snapshot.State
		}
	}
	t.Fatalf("run %s does not end", key.Run)
	return nil
}

// begin starts a run for which nobody waits.
func begin(t testing.TB, e *engine.Engine, w *engine.Workflow) store.RunKey {
	t.Helper()
	started := trigger()
	started.Waits = false
	running, err := e.Start(t.Context(), w, started)
	if err != nil {
		t.Fatal(err)
	}
	return running.Key
}

const hook = `{"triggers": {"manual": {"type": "Request"}}, "actions": {
	"Hook": {"type": "HttpWebhook", "inputs": {
		"subscribe": {"method": "POST", "uri": "https://x.example/subscribe", "body": {"cb": "@listCallbackUrl()"}},
		"unsubscribe": {"method": "POST", "uri": "https://x.example/unsubscribe", "body": {}}}%s},
	"After": {"type": "Compose", "inputs": "@body('Hook')", "runAfter": {"Hook": ["Succeeded", "TimedOut"]}}}}`

func urls(w *world) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []string
	for _, c := range w.calls {
		list = append(list, c.url[strings.LastIndexByte(c.url, '/')+1:])
	}
	return strings.Join(list, " ")
}

// TestWebhookWaitsToBeCalled: it subscribes with its URL, costs nothing while it
// waits, takes one call, and unsubscribes.
func TestWebhookWaitsToBeCalled(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		world := &world{}
		e := newEngine(t, open(), world, nil, 0)
		defer closeEngine(e)
		e.Callback = func(_ *engine.Workflow, run, action, path string) string {
			return "https://callback/" + run + "/" + action + path
		}
		w := save(t, e, workflow(t, "hook", fmt.Sprintf(hook, "")))
		key := begin(t, e, w)
		if err := e.Continue(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		snapshot, err := e.Store.LoadRun(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		r := snapshot.State.Records["Hook"]
		if !r.Awaiting || r.Inputs.Value.Member("subscribe").Member("body").Member("cb").Str() != "https://callback/"+key.Run+"/Hook" {
			t.Fatalf("Hook: %+v", r)
		}
		if err := e.Resume(t.Context(), key, "nobody", "", "x", value.Null()); err != engine.ErrNotWaiting { //nolint:errorlint // returned as it is
			t.Errorf("another action: %v", err)
		}
		for range 2 { // the second call changes nothing
			if err := e.Resume(t.Context(), key, "hook", "", "Hook.", value.Object(value.Member{Key: "body", Value: value.String("approved")})); err != nil {
				t.Fatal(err)
			}
		}
		st := settle(t, e, key)
		if got := st.Records["After"].Outputs.Value.Str(); got != "approved" || urls(world) != "subscribe unsubscribe" {
			t.Errorf("After: %q, calls: %s", got, urls(world))
		}
		if err := e.Resume(t.Context(), key, "Hook", "", "late", value.Null()); err != engine.ErrNotWaiting { //nolint:errorlint // returned as it is
			t.Errorf("late: %v", err)
		}
	})
}

// TestWebhookTimesOutAndIsCancelled: both unsubscribe.
func TestWebhookTimesOutAndIsCancelled(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b, world := open(), &world{}
		e := newEngine(t, b, world, nil, 0)
		w := save(t, e, workflow(t, "hook", fmt.Sprintf(hook, `, "limit": {"timeout": "PT1H"}`)))
		timesOut, cancelled := begin(t, e, w), begin(t, e, w)
		for _, key := range []store.RunKey{timesOut, cancelled} {
			if err := e.Continue(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Cancel(t.Context(), cancelled); err != nil {
			t.Fatal(err)
		}
		if st := settle(t, e, cancelled); st.Status != definition.Cancelled || st.Records["Hook"].Status != definition.Cancelled {
			t.Errorf("cancelled: %s, %s", st.Status, st.Records["Hook"].Status)
		}
		closeEngine(e)
		later := newEngine(t, b, world, nil, 2*time.Hour)
		if st := settle(t, later, timesOut); st.Records["Hook"].Status != definition.TimedOut || st.Records["Hook"].Code != "ActionTimedOut" || st.Status != definition.Succeeded {
			t.Errorf("timed out: %s, %+v", st.Status, st.Records["Hook"])
		}
		closeEngine(later) // waits for what is let go
		if got := urls(world); strings.Count(got, "unsubscribe") != 2 {
			t.Errorf("calls: %s", got)
		}
	})
}

// TestNestedWorkflow: the caller waits for the response, whatever happens in
// between; what keeps a workflow from being called has its code.
func TestNestedWorkflow(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		e := newEngine(t, open(), &world{}, nil, 0)
		defer closeEngine(e)
		const id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Logic/workflows/"
		callee := save(t, e, workflow(t, "callee", `{"triggers": {"manual": {"type": "Request"}}, "actions": {
			"Answer": {"type": "Response", "inputs": {"statusCode": "@triggerBody()['status']", "body": {"hello": "@triggerBody()['name']", "caller": "@triggerOutputs()['headers']['x-ms-workflow-name']"}}}}}`))
		save(t, e, workflow(t, "mute", `{"triggers": {"manual": {"type": "Request"}}, "actions": {"C": {"type": "Compose", "inputs": 1}}}`))
		save(t, e, workflow(t, "silent", `{"triggers": {"manual": {"type": "Request"}}, "actions": {
			"R": {"type": "Response", "inputs": {"statusCode": 200}, "runAfter": {"C": ["Failed"]}}, "C": {"type": "Compose", "inputs": 1}}}`))
		for name, c := range map[string]struct{ target, body, options, want string }{
			"answered":     {"callee", `{"status": 200, "name": "Ada"}`, "", `Succeeded OK {"hello":"Ada","caller":"caller"}`},
			"refused":      {"callee", `{"status": 404, "name": "Ada"}`, "", `Failed NotFound {"hello":"Ada","caller":"caller"}`},
			"no response":  {"mute", `{}`, "", `Failed BadRequest NestedWorkflowDoesNotContainResponseAction`},
			"not waited":   {"mute", `{}`, `, "operationOptions": "DisableAsyncPattern"`, `Succeeded Accepted null`},
			"unknown":      {"nowhere", `{}`, "", `Failed BadRequest NestedWorkflowNotFound`},
			"ended mutely": {"silent", `{}`, "", `Failed BadGateway`},
		} {
			t.Run(name, func(t *testing.T) {
				w := save(t, e, workflow(t, "caller", fmt.Sprintf(`{"triggers": {"manual": {"type": "Request"}}, "actions": {
					"Call": {"type": "Workflow", "inputs": {"host": {"workflow": {"id": "%s%s"}, "triggerName": "manual"}, "body": %s}%s}}}`, id, c.target, c.body, c.options)))
				key := begin(t, e, w)
				if err := e.Continue(t.Context(), key); err != nil {
					t.Fatal(err)
				}
				var children []store.RunKey
				for _, target := range []string{"callee", "mute", "silent"} {
					wid, err := e.Store.WorkflowNamed(t.Context(), id+target)
					if err != nil {
						t.Fatal(err)
					}
					for _, child := range runsOf(t, e, wid) {
						children = append(children, store.RunKey{WorkflowID: wid, Run: child.State.Name})
					}
				}
				r := settle(t, e, key, children...).Records["Call"]
				got := string(r.Status) + " " + r.Code
				if r.Error != nil {
					got += " " + r.Error.Code
				} else if body := r.Outputs.Value.Member("body"); c.target != "silent" {
					got += " " + body.String()
				}
				if got != c.want {
					t.Errorf("got %s, want %s", got, c.want)
				}
			})
		}
		if n := len(runsOf(t, e, callee.ID)); n != 2 {
			t.Errorf("%d runs of the callee", n)
		}
	})
}

// TestQueuedRunLetsGoOfWaits: a run that came by the queue does not keep its place there
// while it waits for some seconds; the doorbell of a second is not worth the trouble.
func TestQueuedRunLetsGoOfWaits(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		for wait, letsGo := range map[string]bool{`"count": 2`: true, `"count": 20`: true, `"count": 1`: false} {
			l := newLife(t, open(), nil) // its clock stands still: who sits a wait out stays
			w := l.workflow(t, "places"+wait[len(wait)-2:], `{"W": {"type": "Wait", "inputs": {"interval": {`+wait+`, "unit": "Second"}}}}`)
			key := begin(t, l.Engine, w)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			err := l.Continue(ctx, key)
			cancel()
			if letsGo != (err == nil) {
				t.Errorf("%s: %v", wait, err)
			}
		}
	})
}
