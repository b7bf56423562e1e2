package engine_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
	"github.com/latchwork/latchwork/shared/value"
)

func TestMain(m *testing.M) { os.Exit(azurite.Main(m)) }

const canary = "CANARY-secret-of-the-vault"

// backends are the stores that each test runs on.
func backends(t *testing.T, f func(t *testing.T, open func() store.Backend)) {
	t.Run("local", func(t *testing.T) {
		b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		f(t, func() store.Backend { return b })
	})
	t.Run("azure", func(t *testing.T) {
		prefix := fmt.Sprintf("t%d", time.Now().UnixNano())
		b, err := azure.Open(t.Context(), azure.Config{ConnectionString: azurite.Shared(t).ConnectionString, Prefix: prefix})
		if err != nil {
			t.Fatal(err)
		}
		f(t, func() store.Backend { return b })
	})
}

func TestSampleRunsAndCostsWhatWasPromised(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		counter := storetest.NewCounter(open())
		w := &world{}
		var log bytes.Buffer
		e := newEngine(t, counter, w, &log, 0)
		defer closeEngine(e)
		workflow := save(t, e, sample(t))
		counter.Counts()

		running, err := e.Start(t.Context(), workflow, trigger())
		if err != nil {
			t.Fatal(err)
		}
		record, err := e.Response(t.Context(), running)
		if err != nil || record == nil {
			t.Fatalf("response: %v, %v", record, err)
		}
		if body := record.Outputs.Value.Member("body").Member("displayName").Str(); body != "Sara" {
			t.Errorf("answered %q", body)
		}
		st, err := running.Wait(t.Context())
		if err != nil || st.Status != definition.Succeeded {
			t.Fatalf("run: %v %v", st.Status, err)
		}
		calls := len(w.calls)
		if n := counter.Counts(); n["Transact"]+n["Get"]+n["Range"]+n["Send"]+n["PutBlob"]+n["GetBlob"] > 2+calls {
			t.Errorf("the run of %d outgoing calls took %v storage transactions, at most %d are promised", calls, n, 2+calls)
		} else {
			t.Logf("storage transactions for %d outgoing calls: %v", calls, n)
		}
		checkHistory(t, e, running.Key)
		if strings.Contains(log.String(), canary) {
			t.Error("the secret shows in the log")
		}
	})
}

// checkHistory reads the run back as a stranger would.
func checkHistory(t *testing.T, e *engine.Engine, key store.RunKey) {
	t.Helper()
	snapshot, err := e.Store.LoadRun(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		status                  definition.Status
		code                    string
		hideInputs, hideOutputs bool
	}{
		"Get_secret":  {definition.Succeeded, "OK", false, true},
		"Get_manager": {definition.Succeeded, "OK", true, false},
		"Response":    {definition.Succeeded, "OK", false, false},
	} {
		r := snapshot.State.Records[name]
		if r == nil {
			t.Errorf("%s has no record", name)
			continue
		}
		if r.Status != want.status || r.Code != want.code || r.HideInputs != want.hideInputs || r.HideOutputs != want.hideOutputs {
			t.Errorf("%s: %s %s, hidden %v %v", name, r.Status, r.Code, r.HideInputs, r.HideOutputs)
		}
		if !r.Sending.Value.IsAbsent() || r.Sending.Blob != "" {
			t.Errorf("%s still holds what was sent", name)
		}
		if text := fmt.Sprintf("%+v", r); strings.Contains(text, canary) {
			t.Errorf("%s prints the secret", name)
		}
	}
	if auth := snapshot.State.Records["Get_manager"].Inputs.Value.Member("authentication").Member("secret").Str(); auth != "*sanitized*" {
		t.Errorf("authentication.secret is recorded as %q", auth)
	}
	if snapshot.State.Status != definition.Succeeded || snapshot.State.Responded != "Response" {
		t.Errorf("run: %s, answered by %q", snapshot.State.Status, snapshot.State.Responded)
	}
}

// TestCrashAtEveryCommit lets the store die at each transaction of a run, before
// and after it takes effect, and starts over with a new engine on the same data:
// the run ends as without the crash, each call is made at least once, and its
// repeats carry the same tracking id.
func TestCrashAtEveryCommit(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		for n := range 4 {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprintf("commit %d after %v", n, after), func(t *testing.T) { crash(t, open(), n, after) })
			}
		}
	})
}

func crash(t *testing.T, b store.Backend, n int, after bool) {
	w := &world{}
	resource := sample(t)
	resource.ResourceID += fmt.Sprintf("-%d-%v", n, after)
	first := newEngine(t, b, w, nil, 0)
	workflow := save(t, first, resource)
	closeEngine(first)

	faulty := storetest.NewFaulty(b, n, after)
	dying := newEngine(t, faulty, w, nil, 0)
	workflow, err := dying.Workflow(t.Context(), workflow.ID)
	if err != nil {
		t.Fatal(err)
	}
	running, err := dying.Start(t.Context(), workflow, trigger())
	if err == nil {
		_, _ = running.Wait(t.Context())
	}
	closeEngine(dying)

	// Another process, after the lease of the dead driver; the caller still waits.
	later := newEngine(t, b, w, nil, 90*time.Second)
	defer closeEngine(later)
	due, _, err := later.Store.Due(t.Context(), workflow.ID, time.Now().Add(90*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range due {
		if err := later.Continue(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		if err := later.Continue(t.Context(), key); err != nil { // a doubled doorbell
			t.Fatal(err)
		}
	}
	runs, _, err := later.Store.Runs(t.Context(), workflow.ID, 10, "")
	if err != nil {
		t.Fatal(err)
	}
	if n == 0 && !after {
		if len(runs) != 0 {
			t.Errorf("a run exists whose creation failed")
		}
		return
	}
	if len(runs) != 1 {
		t.Fatalf("%d runs", len(runs))
	}
	checkHistory(t, later, store.RunKey{WorkflowID: workflow.ID, Run: runs[0].State.Name})
	checkCalls(t, w.calls)
}

func checkCalls(t *testing.T, calls []call) {
	t.Helper()
	tracking := map[string]string{}
	seen := map[string]int{}
	for _, c := range calls {
		seen[c.method]++
		if before, ok := tracking[c.url]; ok && before != c.tracking {
			t.Errorf("a repeat of %s has another tracking id", c.url)
		}
		tracking[c.url] = c.tracking
	}
	if seen["SECRET"] < 1 || seen["GET"] < 1 {
		t.Errorf("calls made: %v", seen)
	}
}

func TestTwoDriversMakeOneRun(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		w := &world{}
		e := newEngine(t, open(), w, nil, 0)
		defer closeEngine(e)
		workflow := save(t, e, sample(t))
		st := trigger()
		st.Waits = false
		running, err := e.Start(t.Context(), workflow, st)
		if err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				if err := e.Continue(t.Context(), running.Key); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		snapshot, err := e.Store.LoadRun(t.Context(), running.Key)
		if err != nil || snapshot.State.Status != definition.Succeeded {
			t.Fatalf("run: %v, %v", snapshot.State.Status, err)
		}
		if r := snapshot.State.Records["Response"]; r.Status != definition.Skipped || r.Code != "ActionResponseSkipped" {
			t.Errorf("Response without a caller: %s %s", r.Status, r.Code)
		}
		if len(w.calls) != 2 {
			t.Errorf("the losers sent as well: %v", w.calls)
		}
	})
}

func TestSaveWithProblemsStoresNothing(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		e := newEngine(t, open(), &world{}, nil, 0)
		defer closeEngine(e)
		good := save(t, e, sample(t))
		bad := sample(t)
		bad.Definition = bad.Definition.With("actions", value.Object(value.Member{Key: "A", Value: value.Object(value.Member{Key: "type", Value: value.String("Nothing")})}))
		w, problems, err := e.Save(t.Context(), bad)
		if w != nil || err != nil || len(problems) == 0 {
			t.Fatalf("saved %v, problems %v, %v", w, problems, err)
		}
		header, err := e.Store.WorkflowHeader(t.Context(), good.ID)
		if err != nil || header.Version != good.Version {
			t.Errorf("the version changed: %v %v", header, err)
		}
		again := save(t, e, sample(t))
		if again.Version != good.Version || again.ID != good.ID {
			t.Error("saving the same again made another version")
		}
	})
}

func TestCancelEndsARunThatWaits(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		w := &world{}
		e := newEngine(t, open(), w, nil, 0)
		defer closeEngine(e)
		workflow := save(t, e, sample(t))
		began, release := make(chan struct{}), make(chan struct{})
		w.hook = func(n int) {
			if n == 1 {
				close(began)
				<-release
			}
		}
		running, err := e.Start(t.Context(), workflow, trigger())
		if err != nil {
			t.Fatal(err)
		}
		<-began
		if err := e.Cancel(t.Context(), running.Key); err != nil {
			t.Fatal(err)
		}
		st, err := running.Wait(t.Context())
		close(release)
		if err != nil || st.Status != definition.Cancelled {
			t.Fatalf("run: %v %v", st.Status, err)
		}
		if _, err := e.Response(t.Context(), running); err != nil {
			t.Errorf("a caller of a cancelled run: %v", err)
		}
	})
}

func TestLateResponseFails(t *testing.T) {
	w := &world{}
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	sealer, _ := seal.New(make([]byte, seal.KeySize))
	fired := make(chan time.Time, 1)
	fired <- time.Time{}
	release := make(chan struct{})
	w.hook = func(int) { <-release }
	now := time.Now()
	var mu sync.Mutex
	e := engine.New(engine.Config{
		Store: store.New(b, sealer), Catalog: operation.Catalog{}, Log: zerolog.Nop(),
		Deps:    operation.Deps{HTTP: w, Vault: func(operation.Connection) (outbound.Vault, error) { return w, nil }},
		Ambient: expr.Ambient{Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }, Rand: func(n int64) int64 { return now.UnixNano() % n }},
		After: func(d time.Duration) <-chan time.Time {
			if d == engine.DefaultResponseTimeout {
				return fired
			}
			return nil
		},
	})
	defer closeEngine(e)
	running, err := e.Start(t.Context(), save(t, e, sample(t)), trigger())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Response(t.Context(), running); !errors.Is(err, engine.ErrResponseTimeout) {
		t.Fatalf("err = %v", err)
	}
	mu.Lock()
	now = now.Add(engine.DefaultResponseTimeout + time.Second)
	mu.Unlock()
	close(release)
	st, err := running.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r := st.Records["Response"]; r.Status != definition.Failed || r.Code != "ActionResponseTimedOut" {
		t.Errorf("Response: %s %s", r.Status, r.Code)
	}
}

func TestAPanickingOperationFailsItsAction(t *testing.T) {
	b, err := local.Open(filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	var log bytes.Buffer
	w := &world{hook: func(int) { panic(canary) }}
	e := newEngine(t, b, w, &log, 0)
	defer closeEngine(e)
	running, err := e.Start(t.Context(), save(t, e, sample(t)), trigger())
	if err != nil {
		t.Fatal(err)
	}
	st, err := running.Wait(t.Context())
	if err != nil || st.Records["Get_secret"].Code != "InternalServerError" {
		t.Errorf("Get_secret: %+v, %v", st.Records["Get_secret"], err)
	}
	if strings.Contains(log.String(), canary) {
		t.Error("what the operation panicked with shows in the log")
	}
	var line map[string]any
	if err := json.Unmarshal(bytes.SplitN(log.Bytes(), []byte("\n"), 2)[0], &line); err != nil {
		t.Errorf("the log is not JSON: %v", err)
	}
}
