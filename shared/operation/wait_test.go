package operation_test

import (
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// TestWait: how long a run takes that only waits, and how often the action was
// carried out: once to compute the end, once at the end. The clock of the test
// begins at noon of 15 January 2026.
func TestWait(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		inputs   string
		took     time.Duration
		attempts int
	}{
		{`{"interval":{"count":5,"unit":"Second"}}`, 5 * time.Second, 2},
		{`{"interval":{"count":"10","unit":"minute"}}`, 10 * time.Minute, 2},
		{`{"interval":{"count":2.0,"unit":"HOUR"}}`, 2 * time.Hour, 2},
		{`{"interval":{"count":3,"unit":"Day"}}`, 3 * day, 2},
		{`{"interval":{"count":2,"unit":"Week"}}`, 14 * day, 2},
		{`{"interval":{"count":1,"unit":"Month"}}`, 31 * day, 2},
		{`{"interval":{"count":2,"unit":"Month"}}`, (31 + 28) * day, 2},
		{`{"interval":{"count":26,"unit":"Month"}}`, time.Date(2028, 3, 15, 12, 0, 0, 0, time.UTC).Sub(clock), 2},
		{`{"interval":{"count":3,"unit":"Year"}}`, (365 + 365 + 366) * day, 2},
		{`{"interval":{"count":250,"unit":"Year"}}`, time.Date(2276, 1, 15, 12, 0, 0, 0, time.UTC).Sub(clock), 4},
		{`{"interval":{"count":0,"unit":"Day"}}`, 0, 1},
		{`{"until":{"timestamp":"2026-01-15T12:00:00.5Z"}}`, 500 * time.Millisecond, 2},
		{`{"until":{"timestamp":"2026-03-15T12:00:00Z"}}`, 59 * day, 2},
		{`{"until":{"timestamp":"2026-01-15T15:00:00+02:00"}}`, time.Hour, 2},
		{`{"until":{"timestamp":"2026-01-16"}}`, 12 * time.Hour, 2},
		{`{"until":{"timestamp":"@addMinutes(utcNow(),7)"}}`, 7 * time.Minute, 2},
		{`{"until":{"timestamp":"2026-01-15T12:00:00Z"}}`, 0, 1},
		{`{"until":{"timestamp":"2025-01-15T12:00:00Z"}}`, 0, 1},
		{`{"until":{"timestamp":"0001-01-01"}}`, 0, 1},
		{`"@json('{\"interval\":{\"count\":1,\"unit\":\"Minute\"}}')"`, time.Minute, 2},
	} {
		h := driveRun(t, `{"wait":{"type":"Wait","inputs":`+c.inputs+`},"then":{"type":"Compose","runAfter":{"wait":["Succeeded"]},"inputs":1}}`)
		r := h.Records["wait"]
		if r.Status != definition.Succeeded || r.Code != "OK" || !r.Outputs.Value.IsAbsent() || len(r.Retries) > 0 || h.took != c.took || h.attempts["wait"] != c.attempts {
			t.Errorf("%s: %s %s %+v took %s in %d attempts", c.inputs, r.Status, r.Code, r.Error, h.took, h.attempts["wait"])
		}
		if h.Records["then"].Start != clock.Add(c.took) {
			t.Errorf("%s: then at %s", c.inputs, h.Records["then"].Start)
		}
	}
}

// TestWaitKeepsItsEnd: what is kept is when the delay is over, not how long it
// still is, so that a run that is taken over late does not wait again.
func TestWaitKeepsItsEnd(t *testing.T) {
	now := clock
	call := prepare(t, parse(t, `{"type":"Wait","inputs":{"interval":{"count":1,"unit":"Hour"}}}`))
	call.Env = func(value.Value) *expr.Env {
		return &expr.Env{Ambient: expr.Ambient{Now: func() time.Time { return now }}}
	}
	wait := func() run.Outcome { return operation.Find("wait").Run(t.Context(), operation.Deps{}, call) }
	first := wait()
	if first.Again != time.Hour || first.Keep.Str() != "2026-01-15T13:00:00Z" {
		t.Fatalf("first: %+v", first)
	}
	call.Keep, call.Attempt, now = first.Keep, 2, clock.Add(20*time.Minute)
	if o := wait(); o.Again != 40*time.Minute || o.Keep != first.Keep && o.Keep.Str() != first.Keep.Str() {
		t.Errorf("too early: %+v", o)
	}
	now = clock.Add(5 * time.Hour)
	if o := wait(); o.Again != 0 || o.Status != definition.Succeeded || o.Code != "OK" {
		t.Errorf("late: %+v", o)
	}
	// A time that derives from a secret is kept as one.
	call = prepare(t, parse(t, `{"type":"Wait","inputs":{"until":{"timestamp":"@variables('at')"}}}`),
		run.Variable{Name: "at", Type: "Array", Value: value.String("2027-01-01").Mark(vaultOrigin)})
	if o := operation.Find("wait").Run(t.Context(), operation.Deps{}, call); !o.Keep.Marked() || o.Again == 0 {
		t.Errorf("secret: %+v", o)
	}
}

// TestWaitFails: what only a run can find out.
func TestWaitFails(t *testing.T) {
	for _, c := range []struct{ inputs, message string }{
		{`{"interval":{"count":"@null","unit":"Day"}}`, "The 'count' of action 'example' must be an integer"},
		{`{"interval":{"count":-1,"unit":"Day"}}`, "that is not negative"},
		{`{"interval":{"count":1.5,"unit":"Day"}}`, "must be an integer"},
		{`{"interval":{"count":"@string('x')","unit":"Day"}}`, "must be an integer"},
		{`{"interval":{"count":1,"unit":"@{'Fortnight'}"}}`, "The 'unit' of action 'example' must be one of 'Second, Minute, Hour, Day, Week, Month, Year'."},
		{`{"interval":{"count":9000,"unit":"Year"}}`, "leads beyond the year 9999"},
		{`{"interval":{"count":9223372036854775807,"unit":"Week"}}`, "leads beyond the year 9999"},
		{`{"until":{"timestamp":"@null"}}`, "The 'timestamp' of action 'example' is not a time in ISO 8601 format."},
		{`{"until":{"timestamp":"2026-02-30T00:00:00Z"}}`, "is not a time"},
		{`"@json('{}')"`, "The 'unit' of action 'example' must be one of"},
	} {
		o := perform(t, `{"type":"Wait","inputs":`+c.inputs+`}`)
		if o.Status != definition.Failed || o.Code != "BadRequest" || o.Error.Code != "InvalidTemplate" || !strings.Contains(o.Error.Message, c.message) || o.Again != 0 {
			t.Errorf("%s: %+v %+v", c.inputs, o, o.Error)
		}
	}
}
