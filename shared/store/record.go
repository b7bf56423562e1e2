package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// recordName is the part of a row's key that names a record: A. and the action,
// or P., the action and the iterations, so that the iterations of an action lie
// side by side in their order.
func recordName(r *run.Record) string {
	if r.Path == "" {
		return "A." + escape(r.Name)
	}
	return "P." + escape(r.Name) + "." + r.Path
}

// recordWriter adds the records of a state to a transaction.
type recordWriter struct {
	s     *Store
	key   RunKey
	ops   []Op
	blobs *[]Blob
	errs  []error
	left  []*run.Record // moved to the past
	bytes int
}

// write adds all that changed. A record whose iteration is over moves to the past,
// as far as the transaction has room: a row that is there already takes two
// operations. What does not fit moves with a later commit; if there is none, it
// stays, which does no harm.
func (w *recordWriter) write(st *run.State) {
	touched := st.Touched()
	spare := MaxTransactionOps - len(w.ops) - len(touched)
	moved := map[*run.Record]bool{}
	for _, r := range touched {
		switch {
		case r.Progressed() && w.progress(r):
			continue
		case !r.IsSettled():
			w.put(stateKey(w.key.Run), r)
			continue
		case r.Stored() && spare < 1:
			w.put(stateKey(w.key.Run), r)
			continue
		case r.Stored():
			spare--
			w.remove(r)
		}
		w.move(r)
		moved[r] = true
	}
	for _, r := range st.Settled() {
		if spare < 2 {
			return
		}
		if moved[r] || r.Changed() || !r.Inputs.Loaded() || !r.Outputs.Loaded() {
			continue
		}
		spare -= 2
		w.remove(r)
		w.move(r)
	}
}

// progress writes only how far a loop has come, beside what lies in its row: its
// items may be many.
func (w *recordWriter) progress(r *run.Record) bool {
	key := stateKey(w.key.Run) + recordName(r)
	row := w.s.row(w.key.partition(), key, w.blobs).value(loopColumn, loopValue(r.Loop))
	if _, plain := row.properties[loopColumn]; row.err != nil || !plain || len(row.properties) != 1 {
		return false // it has other columns when it is large, and the old ones would stay
	}
	w.ops = append(w.ops, Op{Kind: Merge, Key: key, Properties: row.properties})
	return true
}

const loopColumn = "Loop"

func (w *recordWriter) put(prefix string, r *run.Record) {
	key := prefix + recordName(r)
	row := w.s.record(w.key, key, r, w.blobs, w.bytes > MaxTransactionBytes/2)
	size, err := rowSize(row.properties)
	w.bytes += size
	w.errs = append(w.errs, err)
	w.ops = append(w.ops, Op{Kind: Replace, Key: key, Properties: row.properties})
	w.errs = append(w.errs, row.err)
}

func (w *recordWriter) move(r *run.Record) {
	w.put(pastKey(w.key.Run), r)
	w.left = append(w.left, r)
}

func (w *recordWriter) remove(r *run.Record) {
	w.ops = append(w.ops, Op{Kind: Delete, Key: stateKey(w.key.Run) + recordName(r)})
}

func (s *Store) record(key RunKey, recordKey string, rec *run.Record, blobs *[]Blob, crowded bool) *row {
	r := s.row(key.partition(), recordKey, blobs)
	r.crowded = crowded
	r.text("Name", rec.Name).text("Path", rec.Path).number("Repetitions", int64(rec.Repetitions)).
		text("Status", string(rec.Status)).text("Code", rec.Code).
		time("Start", rec.Start).time("End", rec.End).text("TrackingID", rec.TrackingID).
		flag("HideInputs", rec.HideInputs).flag("HideOutputs", rec.HideOutputs).flag("Static", rec.Static).
		number("Attempt", int64(rec.Attempt)).time("Wake", rec.Wake).time("Scheduled", rec.Scheduled).
		flag("Awaiting", rec.Awaiting).value("Early", rec.Early).time("Deadline", rec.Deadline).
		value("Inputs", rec.Inputs.Value).value("Outputs", rec.Outputs.Value).value("Sending", rec.Sending.Value).
		value("Keep", rec.Keep).value("Tracked", rec.Tracked)
	if rec.Loop != nil {
		r.value(loopColumn, loopValue(rec.Loop))
	}
	if len(rec.Retries) > 0 {
		r.value("Retries", retriesValue(rec.Retries))
	}
	return r.failure(rec.Error)
}

func (s *Store) readRecord(ctx context.Context, row Row) (*run.Record, error) {
	r := s.reader(ctx, row)
	rec := &run.Record{
		Name: r.text("Name"), Path: r.text("Path"), Repetitions: int(r.number("Repetitions")), Loop: readLoop(r.value(loopColumn)), Status: definition.Status(r.text("Status")), Code: r.text("Code"), Error: r.failure(),
		Start: r.time("Start"), End: r.time("End"), TrackingID: r.text("TrackingID"),
		HideInputs: r.flag("HideInputs"), HideOutputs: r.flag("HideOutputs"), Static: r.flag("Static"),
		Attempt: int(r.number("Attempt")), Wake: r.time("Wake"), Scheduled: r.time("Scheduled"),
		Awaiting: r.flag("Awaiting"), Early: r.value("Early"), Deadline: r.time("Deadline"),
		Inputs: r.payload("Inputs"), Outputs: r.payload("Outputs"), Sending: r.payload("Sending"),
		Keep: r.value("Keep"), Tracked: r.value("Tracked"), Retries: readRetries(r.value("Retries")),
	}
	if r.err != nil {
		return nil, fmt.Errorf("read record: %w", r.err)
	}
	return rec, nil
}

// payload reads a payload that lies in the row; of one in a blob only the name.
func (r *reader) payload(column string) run.Payload {
	if name, ok := r.s.codec.BlobName(r.p, column); ok {
		return run.Payload{Blob: name}
	}
	return run.Payload{Value: r.value(column)}
}

// LoadPayloads fetches the blobs of records, in place.
func (s *Store) LoadPayloads(ctx context.Context, key RunKey, st *run.State, records []*run.Record) error {
	for _, rec := range records {
		recordKey := stateKey(key.Run) + recordName(rec)
		if rec == &st.Trigger {
			recordKey = stateKey(key.Run) + "T"
		}
		row, err := s.backend.Get(ctx, key.partition(), recordKey)
		if err != nil {
			return fmt.Errorf("read payload: %w", err)
		}
		if err := s.loadPayload(ctx, row, rec); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) loadPayload(ctx context.Context, row Row, rec *run.Record) error {
	r := s.reader(ctx, row)
	rec.Inputs, rec.Outputs, rec.Sending = run.Payload{Value: r.value("Inputs")}, run.Payload{Value: r.value("Outputs")}, run.Payload{Value: r.value("Sending")}
	if r.err != nil {
		return fmt.Errorf("read payload: %w", r.err)
	}
	return nil
}

// LoadRepetitions reads all executions of an action in a loop that is over, in the
// order of the iterations, into the state. which is the action's Key outside of the
// loop.
func (s *Store) LoadRepetitions(ctx context.Context, key RunKey, st *run.State, which string) error {
	name, path, _ := strings.Cut(which, "\x00")
	byPath := map[string]*run.Record{}
	for _, prefix := range []string{stateKey(key.Run), pastKey(key.Run)} {
		prefix += "P." + escape(name) + "."
		rows, err := s.rangeAll(ctx, key.partition(), prefix+path, after(prefix+path))
		if err != nil {
			return fmt.Errorf("read iterations: %w", err)
		}
		for _, row := range rows {
			r, err := s.readRecord(ctx, row)
			if err != nil {
				return err
			}
			if !r.Inputs.Loaded() || !r.Outputs.Loaded() {
				if err := s.loadPayload(ctx, row, r); err != nil {
					return err
				}
			}
			if r.Name == name && r.Repetitions == 0 && r.Path != path {
				byPath[r.Path] = r
			}
		}
	}
	for _, r := range st.Records { // what no commit has written yet
		if r.Name == name && r.Repetitions == 0 && strings.HasPrefix(r.Path, path) && r.Path != path && r.Inputs.Loaded() && r.Outputs.Loaded() {
			byPath[r.Path] = r
		}
	}
	list := make([]*run.Record, 0, len(byPath))
	for _, r := range byPath {
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b *run.Record) int { return strings.Compare(a.Path, b.Path) })
	st.Repetitions[which] = list
	return nil
}

func retriesValue(list []run.Attempt) value.Value {
	items := make([]value.Value, len(list))
	for i, a := range list {
		items[i] = value.Object(
			value.Member{Key: "startTime", Value: value.String(a.Start.Format(time.RFC3339Nano))},
			value.Member{Key: "endTime", Value: value.String(a.End.Format(time.RFC3339Nano))},
			value.Member{Key: "code", Value: value.String(a.Code)},
			value.Member{Key: "clientRequestId", Value: value.String(a.ClientRequestID)},
			value.Member{Key: "error", Value: a.Error.Value()})
	}
	return value.Array(items...)
}

func readRetries(v value.Value) []run.Attempt {
	var list []run.Attempt
	for _, item := range v.Elements {
		a := run.Attempt{Code: item.Member("code").Str(), ClientRequestID: item.Member("clientRequestId").Str()}
		a.Start, _ = time.Parse(time.RFC3339Nano, item.Member("startTime").Str())
		a.End, _ = time.Parse(time.RFC3339Nano, item.Member("endTime").Str())
		if e := item.Member("error"); !e.IsNull() {
			a.Error = &run.Error{Code: e.Member("code").Str(), Message: e.Member("message").Str()}
		}
		list = append(list, a)
	}
	return list
}

func loopValue(p *run.Progress) value.Value {
	active := make([]value.Value, len(p.Active))
	for i, n := range p.Active {
		active[i] = value.Int(int64(n))
	}
	inner := value.NewObject(len(p.Inner))
	for name, t := range p.Inner {
		inner.Set(name, value.Array(value.Int(int64(t.Count)), value.String(string(t.Status))))
	}
	return value.Object(
		value.Member{Key: "count", Value: value.Int(int64(p.Count))}, value.Member{Key: "next", Value: value.Int(int64(p.Next))},
		value.Member{Key: "active", Value: value.Array(active...)}, value.Member{Key: "status", Value: value.String(string(p.Status))},
		value.Member{Key: "deadline", Value: value.String(p.Deadline.Format(time.RFC3339Nano))}, value.Member{Key: "inner", Value: inner.Build()})
}

func readLoop(v value.Value) *run.Progress {
	if v.IsAbsent() {
		return nil
	}
	number := func(v value.Value) int { n, _ := v.AsInt(); return int(n) }
	p := &run.Progress{Count: number(v.Member("count")), Next: number(v.Member("next")), Status: definition.Status(v.Member("status").Str())}
	p.Deadline, _ = time.Parse(time.RFC3339Nano, v.Member("deadline").Str()) // written by loopValue
	for _, n := range v.Member("active").Elements {
		p.Active = append(p.Active, number(n))
	}
	if inner := v.Member("inner"); inner.Len() > 0 {
		p.Inner = make(map[string]run.Tally, inner.Len())
		for name, t := range inner.Members {
			p.Inner[name] = run.Tally{Count: number(t.At(0)), Status: definition.Status(t.At(1).Str())}
		}
	}
	return p
}
