package engine_test

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/value"
)

// A key is replaced alone, at once, and so that nothing else of the workflow changes.
func TestRegenerateKey(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		e := newEngine(t, b, &world{}, nil, 0)
		defer closeEngine(e)
		var events []store.AuditEvent
		e.Audit = audit.New(audit.Config{Append: e.Store.AppendAudit})
		defer e.Audit.Close(t.Context())
		w := save(t, e, sample(t))
		for _, name := range []store.KeyName{store.PrimaryKey, store.SecondaryKey, store.ContentsKey} {
			before, err := e.Workflow(t.Context(), w.ID)
			if err != nil {
				t.Fatal(err)
			}
			if err := e.RegenerateKey(audit.WithActor(t.Context(), "somebody"), w.ID, name); err != nil {
				t.Fatal(err)
			}
			after, err := e.Workflow(t.Context(), w.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []store.KeyName{store.PrimaryKey, store.SecondaryKey, store.ContentsKey} {
				old, now := *before.Keys.Named(key), *after.Keys.Named(key)
				if same := bytes.Equal(old, now); same == (key == name) || len(now) != 32 {
					t.Errorf("%s was regenerated: %s is the same: %v", name, key, same)
				}
			}
			if after.Version != before.Version || after.Name != before.Name || after.State != before.State || after.ETag == before.ETag || !after.Changed.Equal(before.Changed) {
				t.Errorf("the workflow changed: %+v", after.Workflow)
			}
			row, err := b.Get(t.Context(), "registry", "W."+w.ID)
			if err != nil {
				t.Fatal(err)
			}
			if sealed, _ := row.Properties["Keys"].([]byte); len(sealed) == 0 || bytes.Contains(sealed, *after.Keys.Named(name)) {
				t.Error("the key is not sealed")
			}
		}
		for _, name := range []store.KeyName{"", "primary", "Other"} {
			if err := e.RegenerateKey(t.Context(), w.ID, name); !errors.Is(err, engine.ErrNoKey) {
				t.Errorf("%q: %v", name, err)
			}
		}
		if err := e.RegenerateKey(t.Context(), "unknown", store.PrimaryKey); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("an unknown workflow: %v", err)
		}
		again := save(t, e, sample(t))
		current, err := e.Store.WorkflowHeader(t.Context(), w.ID)
		if err != nil || !bytes.Equal(again.Keys.Primary, current.Keys.Primary) {
			t.Errorf("saving again changed the key: %v", err)
		}
		now := e.Ambient.Now()
		if err := e.Store.Audit(t.Context(), store.AuditFilter{Since: now.AddDate(0, 0, -1), Until: now.AddDate(0, 0, 1)}, func(x store.AuditEvent) bool { events = append(events, x); return true }); err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, x := range events {
			if x.Kind == audit.Key && x.Principal == "somebody" && x.WorkflowID == w.ID {
				keys = append(keys, x.Subject)
			}
		}
		if len(events) != 4 || len(keys) != 3 || keys[0] != "Primary" || events[0].Kind != audit.Change {
			t.Errorf("the audit trail has %+v", events)
		}
	})
}

// Two who replace keys at the same time both succeed.
func TestRegenerateKeysAtTheSameTime(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		b := open()
		one, two := newEngine(t, b, &world{}, nil, 0), newEngine(t, b, &world{}, nil, 0)
		defer closeEngine(one)
		defer closeEngine(two)
		w := save(t, one, sample(t))
		errs := make(chan error, 2)
		go func() { errs <- one.RegenerateKey(t.Context(), w.ID, store.PrimaryKey) }()
		go func() { errs <- two.RegenerateKey(t.Context(), w.ID, store.SecondaryKey) }()
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Fatal(err)
		}
		after, err := one.Store.WorkflowHeader(t.Context(), w.ID)
		if err != nil || bytes.Equal(after.Keys.Primary, w.Keys.Primary) || bytes.Equal(after.Keys.Secondary, w.Keys.Secondary) || !bytes.Equal(after.Keys.Contents, w.Keys.Contents) {
			t.Errorf("one of them did nothing: %v", err)
		}
	})
}

func control(t *testing.T, text string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// An access control with problems is not stored, and one that is changed counts at
// once.
func TestAccessControlIsCheckedAndCompiledOnce(t *testing.T) {
	backends(t, func(t *testing.T, open func() store.Backend) {
		counter := storetest.NewCounter(open())
		e := newEngine(t, counter, &world{}, nil, 0)
		defer closeEngine(e)
		r := sample(t)
		r.AccessControl = control(t, `{"triggers":{"allowedCallerIpAddresses":[{"addressRange":"everybody"}]}}`)
		if w, problems, err := e.Save(t.Context(), r); w != nil || err != nil || len(problems) != 1 || problems[0].Code != access.Invalid {
			t.Fatalf("saved %v, %v, %v", w, problems, err)
		}
		if problems := e.Check(r); len(problems) != 1 || problems[0].Code != access.Invalid {
			t.Errorf("checked: %v", problems)
		}
		somebody := netip.MustParseAddr("203.0.113.9")
		r.AccessControl = control(t, `{"triggers":{"allowedCallerIpAddresses":[{"addressRange":"203.0.113.0/24"}]}}`)
		w := save(t, e, r)
		counter.Total()
		first := e.Access(w)
		for range 3 {
			if again, err := e.Workflow(t.Context(), w.ID); err != nil || e.Access(again) != first {
				t.Errorf("it was compiled again: %v", err)
			}
		}
		if n := counter.Total(); n != 0 {
			t.Errorf("%d transactions", n)
		}
		if !first.Allows(access.Triggers, somebody) {
			t.Error("somebody is not let in")
		}
		r.AccessControl = control(t, `{"triggers":{"allowedCallerIpAddresses":[]}}`)
		if closed := save(t, e, r); e.Access(closed).Allows(access.Triggers, somebody) {
			t.Error("somebody is let in")
		}
		r.AccessControl = value.Value{}
		if open := save(t, e, r); !e.Access(open).Allows(access.Triggers, somebody) {
			t.Error("somebody is not let in any more")
		}
	})
}
