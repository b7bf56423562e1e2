package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/value"
)

func batching(criteria string, more ...string) string {
	return `{"type": "Batch", "inputs": {"mode": "Inline", "configurations": {"b": {"releaseCriteria": ` + criteria + `}}}` + strings.Join(more, "") + `}`
}

const collected = `{"C": {"type": "Compose", "inputs": "@triggerBody()"}}`

// send sends messages, each as an execution of its own: partition/content.
func (s *stage) send(e *engine.Engine, w *engine.Workflow, messages ...string) error {
	s.t.Helper()
	for _, m := range messages {
		partition, content, _ := strings.Cut(m, "/")
		s.move(time.Millisecond)
		failure, err := e.SendToBatch(s.t.Context(), operation.BatchMessage{
			ResourceID: w.ResourceID, Trigger: "t", Batch: "B", Partition: partition, ID: "id-" + content, Content: value.String(content),
			Tracking: operation.Tracking{RunName: "0858", ActionTrackingID: m},
		})
		if failure != nil {
			s.t.Fatal(failure)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// released is what the runs got: partition and contents of each, sorted.
func (s *stage) released(e *engine.Engine, w *engine.Workflow) string {
	s.t.Helper()
	var all []string
	for _, r := range runsOf(s.t, e, w.ID) {
		body := settle(s.t, e, store.RunKey{WorkflowID: w.ID, Run: r.State.Name}).Records["C"].Outputs.Value
		line := body.Member("batchName").Str() + " " + body.Member("partitionName").Str()
		for _, item := range body.Member("items").Elements {
			line += " " + item.Member("content").Str()
			if item.Member("messageId").Str() != "id-"+item.Member("content").Str() {
				s.t.Errorf("message id of %s", item)
			}
		}
		all = append(all, line)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TestBatchReleases by number, by size and by schedule, each partition for itself.
func TestBatchReleases(t *testing.T) {
	for name, tt := range map[string]struct{ criteria, now, later string }{
		"count":     {`{"messageCount": 2}`, "b p 1 2, b q 4 5", "b p 1 2, b q 4 5"},
		"size":      {`{"batchSize": "6"}`, "b p 1 2, b q 4 5", "b p 1 2, b q 4 5"},
		"schedule":  {`{"recurrence": {"frequency": "Hour", "interval": 1}}`, "", "b p 1 2 3, b q 4 5"},
		"whichever": {`{"messageCount": 3, "batchSize": 1000, "recurrence": {"frequency": "Hour", "interval": 1}}`, "b p 1 2 3", "b p 1 2 3, b q 4 5"},
	} {
		t.Run(name, func(t *testing.T) {
			backends(t, func(t *testing.T, open func() store.Backend) {
				s := newStage(t, open())
				e := s.engine()
				w := s.save(e, batching(tt.criteria), collected)
				if err := s.send(e, w, "p/1", "p/1", "p/2", "q/4", "p/3", "q/5", "p/2"); err != nil { // two are repeats
					t.Fatal(err)
				}
				s.fire(e, w)
				s.fire(e, w)
				s.want("released", s.released(e, w), tt.now)
				s.move(time.Hour)
				if _, err := e.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				s.fire(e, w)
				s.fire(e, w)
				s.want("later", s.released(e, w), tt.later)
			})
		})
	}
}

// TestBatchRefuses what cannot be sent, and definitions that cannot be.
func TestBatchRefuses(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		r := s.resource(t.Name(), batching(`{"messageCount": 2}`))
		w := save(t, e, r)
		request := save(t, e, s.resource(t.Name()+"2", `{"type": "Request"}`))
		for _, tt := range []struct{ resource, trigger, batch, code string }{
			{w.ResourceID, "T", "other", "BatchConfigurationNotFound"}, {w.ResourceID, "U", "b", "WorkflowTriggerNotFound"},
			{w.ResourceID + "x", "T", "b", "WorkflowNotFound"}, {request.ResourceID, "T", "b", "InvalidBatchTrigger"},
		} {
			failure, err := e.SendToBatch(t.Context(), operation.BatchMessage{ResourceID: tt.resource, Trigger: tt.trigger, Batch: tt.batch})
			if err != nil || failure == nil || failure.Code != tt.code {
				t.Errorf("%+v: %v %v", tt, failure, err)
			}
		}
		s.move(time.Second)
		r.State = "Disabled"
		save(t, e, r)
		failure, err := e.SendToBatch(t.Context(), operation.BatchMessage{ResourceID: w.ResourceID, Trigger: "T", Batch: "b"})
		if err != nil || failure == nil || failure.Code != "WorkflowTriggerIsNotEnabled" {
			t.Errorf("disabled: %v %v", failure, err)
		}
		for trigger, code := range map[string]string{
			batching(`{}`):                  "PropertyNotSpecified",
			batching(`{"messageCount": 0}`): "InvalidTemplate",
			batching(`{"batchSize": "x"}`):  "InvalidTemplate",
			`{"type": "Batch", "inputs": {"mode": "IntegrationAccount", "configurations": {}}}`: "InvalidTemplate",
			`{"type": "Batch", "inputs": {"mode": "Inline", "configurations": {}}}`:             "PropertyNotSpecified",
			`{"type": "Batch"}`: "InvalidTemplate",
		} {
			if problems := e.Check(s.resource("check", trigger)); len(problems) != 1 || problems[0].Code != code {
				t.Errorf("%s: %v", trigger, problems)
			}
		}
		problems := e.Check(s.resource("check", batching(`{"messageCount": 2}`), `{"R": {"type": "Response", "inputs": {"statusCode": 200}}}`))
		if len(problems) != 1 || problems[0].Code != "WorkflowUnsupportedBatchTriggerForResponseAction" {
			t.Errorf("a Response: %v", problems)
		}
	})
}

// TestBatchSurvivesCrashes: wherever sender or receiver die, each message is in one
// run, and nothing is left behind.
func TestBatchSurvivesCrashes(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		for n := range 9 {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("write %d after %v", n, after), func(t *testing.T) {
					s := newStage(t, open())
					e := s.engine()
					w := s.save(e, batching(`{"messageCount": 2}`), collected)
					dying := s.engineOn(storetest.NewFaulty(s.b, n, after))
					if s.send(dying, w, "p/1", "p/2", "p/3") == nil {
						_ = dying.FireTrigger(t.Context(), keyOf(w))
					}
					if err := s.send(e, w, "p/1", "p/2", "p/3", "p/4"); err != nil { // the sender tries again
						t.Fatal(err)
					}
					for range 2 {
						s.move(6 * time.Minute)
						_, triggers, err := e.Store.Due(t.Context(), w.ID, s.now())
						if err != nil {
							t.Fatal(err)
						}
						for range triggers {
							s.fire(e, w)
						}
					}
					s.want("released", s.released(e, w), "b p 1 2, b p 3 4")
					if left, err := e.Store.Releases(t.Context(), keyOf(w), 10); err != nil || len(left) != 0 {
						t.Errorf("left: %v %v", left, err)
					}
				})
			}
		}
	})
}

// TestBatchOfManySenders: processes and goroutines that send to one batch at a time
// lose nothing.
func TestBatchOfManySenders(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		engines := []*engine.Engine{s.engine(), s.engine()}
		w := s.save(engines[0], batching(`{"messageCount": 5}`), collected)
		var group sync.WaitGroup
		for i := range 20 {
			group.Go(func() {
				if err := s.send(engines[i%2], w, fmt.Sprintf("p/%02d", i)); err != nil {
					t.Error(err)
				}
				if err := engines[i%2].FireTrigger(t.Context(), keyOf(w)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		s.fire(engines[0], w)
		all := strings.Fields(strings.NewReplacer("b p ", "", ",", "").Replace(s.released(engines[0], w)))
		slices.Sort(all)
		if all = slices.Compact(all); len(all) != 20 || len(runsOf(t, engines[0], w.ID)) != 4 {
			t.Errorf("messages: %v", all)
		}
	})
}

// TestBatchInTurn: a batch waits for room, and is not lost.
func TestBatchInTurn(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		w := s.save(e, batching(`{"messageCount": 1}`, `, "runtimeConfiguration": {"concurrency": {"runs": 1, "maximumWaitingRuns": 1}}`), collected)
		if err := s.send(e, w, "p/1", "p/2", "p/3", "p/4"); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Running Waiting", "Succeeded Succeeded Running Waiting", "Succeeded Succeeded Succeeded Succeeded"} {
			s.fire(e, w)
			s.want("runs", s.statuses(e, w), want)
			s.drive(e, w)
			s.drive(e, w)
		}
	})
}

// TestSendToBatchAction: the action, from one workflow to the run of the other.
func TestSendToBatchAction(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		s := newStage(t, open())
		e := s.engine()
		receiver := s.save(e, batching(`{"messageCount": 2}`), collected)
		inputs := func(more string) string {
			return `{"type": "SendToBatch", "inputs": {"host": {"workflow": {"id": "` + receiver.ResourceID + `"}, "triggerName": "T"}, "content": "@triggerBody()"` + more + `}}`
		}
		sender := save(t, e, s.resource(t.Name()+"sender", `{"type": "Request"}`,
			`{"A": `+inputs(`, "batchName": "b"`)+`, "B": `+inputs(`, "batchName": "b", "messageId": "m", "partitionName": "DEFAULT"`)+`, "N": `+inputs(`, "batchName": "none"`)+`}`))
		r, err := s.start(e, sender, `{"a": 1}`)
		if err != nil {
			t.Fatal(err)
		}
		st := settle(t, e, r.Key)
		a, b, n := st.Records["A"], st.Records["B"], st.Records["N"]
		s.want("A", a.Outputs.Value.String(), `{"statusCode":202,"headers":{},"body":{"batchName":"b","messageId":"`+a.TrackingID+`","partitionName":"DEFAULT"}}`)
		s.want("B", b.Outputs.Value.Member("body").Member("messageId").Str(), "m")
		if n.Error == nil || n.Error.Code != "BatchConfigurationNotFound" {
			t.Errorf("an unknown batch: %+v", n)
		}
		s.fire(e, receiver)
		runs := runsOf(t, e, receiver.ID)
		if len(runs) != 1 {
			t.Fatalf("%d runs", len(runs))
		}
		items := settle(t, e, store.RunKey{WorkflowID: receiver.ID, Run: runs[0].State.Name}).Records["C"].Outputs.Value.Member("items")
		s.want("content", items.At(0).Member("content").String()+items.At(1).Member("content").String(), `{"a":1}{"a":1}`)
	})
}
