package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// RunKey names a run. Its partition follows from it: the workflow and the shard,
// which the last two digits of the name say.
type RunKey struct{ WorkflowID, Run string }

func (k RunKey) partition() string { return k.WorkflowID + ":" + k.Run[max(0, len(k.Run)-2):] }

// String returns the text of a doorbell message.
func (k RunKey) String() string { return k.WorkflowID + "/" + k.Run }

// ParseRunKey reads what String wrote.
func ParseRunKey(s string) (RunKey, error) {
	id, name, ok := strings.Cut(s, "/")
	if !ok || id == "" || name == "" || escape(id) != id || escape(name) != name {
		return RunKey{}, errors.New("not the name of a run")
	}
	return RunKey{id, name}, nil
}

// The rows of a run, all in its partition: R. its header, which is also its row
// in the list of runs; D. when it must be looked at; S., one range, with the
// trigger (T), the actions (A.), the iterations under way (P.) and the inbox (I.);
// and H. the iterations that are over, which nobody reads to go on. Beside them lie
// the rows of the workflow's triggers: T. their history, C. the places of their runs.
func headerKey(run string) string { return "R." + run }
func dueKey(run string) string    { return "D." + run }
func stateKey(run string) string  { return "S." + run + "." }
func pastKey(run string) string   { return "H." + run + "." }

// Lease says until when whoever drives the run may be believed to be at it, and
// when the run must be looked at if nothing is heard of it: zero when it is over.
type Lease struct{ Until, Due time.Time }

// Snapshot is a run as it was loaded.
type Snapshot struct {
	State *run.State
	ETag  string
	Lease Lease
	Inbox []Item
}

// Item is something that came from outside while a driver may be at work.
type Item struct {
	Key  string
	Kind string // cancel
	Data value.Value
}

// CreateRun writes a new run. It exists from then on, whatever happens.
func (s *Store) CreateRun(ctx context.Context, st *run.State, l Lease) (etag string, err error) {
	return s.commit(ctx, st, "", l, nil)
}

// CreateRunIn writes a new run and its place among those of its trigger. ErrConflict:
// the run exists, or somebody else changed the places.
func (s *Store) CreateRunIn(ctx context.Context, st *run.State, l Lease, slots *Slots) (etag string, err error) {
	return s.commit(ctx, st, "", l, nil, slots.op())
}

// CommitRun writes what changed since the last commit, in one transaction, if
// nobody else wrote the run since (ErrConflict). Inbox items that the change took
// up are removed with it.
func (s *Store) CommitRun(ctx context.Context, st *run.State, etag string, l Lease, taken []Item) (string, error) {
	return s.commit(ctx, st, etag, l, taken)
}

func (s *Store) commit(ctx context.Context, st *run.State, etag string, l Lease, taken []Item, more ...Op) (string, error) {
	key := RunKey{st.WorkflowID, st.Name}
	var blobs []Blob
	header := s.header(key, st, l, &blobs)
	ops := []Op{{Kind: Replace, Key: headerKey(key.Run), Properties: header.properties, ETag: etag}}
	errs := []error{header.err}
	if etag == "" {
		ops[0].Kind = Insert
		trigger := s.record(key, stateKey(key.Run)+"T", &st.Trigger, &blobs, false)
		fired := firedRow(st)
		ops = append(ops, Op{Kind: Insert, Key: stateKey(key.Run) + "T", Properties: trigger.properties},
			Op{Kind: Replace, Key: historyKey(st.Trigger.Name, st.Name), Properties: fired})
		ops = append(ops, more...)
		errs = append(errs, trigger.err)
	}
	if l.Due.IsZero() {
		if etag != "" {
			ops = append(ops, Op{Kind: Delete, Key: dueKey(key.Run)})
		}
	} else {
		ops = append(ops, Op{Kind: Replace, Key: dueKey(key.Run), Properties: Properties{"Due": l.Due.UTC()}})
	}
	for _, item := range taken {
		ops = append(ops, Op{Kind: Delete, Key: item.Key})
	}
	w := recordWriter{s: s, key: key, ops: ops, blobs: &blobs}
	w.write(st)
	ops, errs = w.ops, append(errs, w.errs...)
	if err := errors.Join(errs...); err != nil {
		return "", err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return "", err
	}
	etags, err := s.backend.Transact(ctx, key.partition(), ops)
	if err != nil {
		return "", fmt.Errorf("commit run: %w", err)
	}
	st.Committed(w.left)
	return etags[0], nil
}

func (s *Store) header(key RunKey, st *run.State, l Lease, blobs *[]Blob) *row {
	variables := make([]value.Value, len(st.Variables))
	for i, v := range st.Variables {
		variables[i] = value.Object(
			value.Member{Key: "name", Value: value.String(v.Name)},
			value.Member{Key: "type", Value: value.String(v.Type)},
			value.Member{Key: "value", Value: v.Value})
	}
	r := s.row(key.partition(), headerKey(key.Run), blobs).
		text("Version", st.Version).text("ResourceID", st.ResourceID).text("Location", st.Location).
		text("Status", string(st.Status)).text("Code", st.Code).time("Start", st.Start).time("End", st.End).time("WaitEnd", st.WaitEnd).
		text("ClientTrackingID", st.ClientTrackingID).text("TrackingID", st.TrackingID).text("TraceParent", st.TraceParent).text("TraceState", st.TraceState).
		time("ResponseDue", st.ResponseDue).text("Responded", st.Responded).flag("Polled", st.Polled).time("Deadline", st.Deadline).text("Stopping", string(st.Stopping)).flag("Cancelled", st.Cancelled).
		text("TriggerName", st.Trigger.Name).time("Lease", l.Until).
		value("Tags", st.Tags).value("Outputs", st.Outputs).
		text("ParentWorkflow", st.Parent.WorkflowID).text("ParentRun", st.Parent.Run).text("ParentAction", st.Parent.Action).text("ParentPath", st.Parent.Path)
	if len(variables) > 0 {
		r.value("Variables", value.Array(variables...))
	}
	return r.failure(st.Error)
}

func (r *row) failure(e *run.Error) *row {
	if e == nil {
		return r
	}
	return r.text("ErrorCode", e.Code).text("ErrorMessage", shorten(e.Message))
}

// shorten keeps a message within what one column holds.
func shorten(s string) string {
	const most = 8 << 10
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// LoadRun reads a run: two reads, and one more per page of a thousand records.
// Payloads in blobs stay there; see LoadPayloads.
func (s *Store) LoadRun(ctx context.Context, key RunKey) (*Snapshot, error) {
	headerRow, err := s.backend.Get(ctx, key.partition(), headerKey(key.Run))
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	snapshot, err := s.snapshot(ctx, key, headerRow)
	if err != nil {
		return nil, err
	}
	rows, err := s.rangeAll(ctx, key.partition(), stateKey(key.Run), after(stateKey(key.Run)))
	if err != nil {
		return nil, fmt.Errorf("read records: %w", err)
	}
	for _, row := range rows {
		switch kind := strings.TrimPrefix(row.Key, stateKey(key.Run)); {
		case kind == "T":
			t, err := s.readRecord(ctx, row)
			if err != nil {
				return nil, err
			}
			snapshot.State.Trigger = *t
		case strings.HasPrefix(kind, "A."), strings.HasPrefix(kind, "P."):
			r, err := s.readRecord(ctx, row)
			if err != nil {
				return nil, err
			}
			snapshot.State.Records[r.Key()] = r
		case strings.HasPrefix(kind, "I."):
			item, err := s.item(ctx, row)
			if err != nil {
				return nil, err
			}
			snapshot.Inbox = append(snapshot.Inbox, item)
		}
	}
	snapshot.State.Loaded()
	return snapshot, nil
}

// RunHeader reads the header of a run: one read.
func (s *Store) RunHeader(ctx context.Context, key RunKey) (*Snapshot, error) {
	row, err := s.backend.Get(ctx, key.partition(), headerKey(key.Run))
	if err != nil {
		return nil, fmt.Errorf("read run: %w", err)
	}
	return s.snapshot(ctx, key, row)
}

func (s *Store) snapshot(ctx context.Context, key RunKey, row Row) (*Snapshot, error) {
	r := s.reader(ctx, row)
	st := run.NewState(run.Header{
		Name: key.Run, WorkflowID: key.WorkflowID, Version: r.text("Version"),
		ResourceID: r.text("ResourceID"), Location: r.text("Location"), Tags: r.value("Tags"),
		Status: definition.Status(r.text("Status")), Code: r.text("Code"), Error: r.failure(),
		Start: r.time("Start"), End: r.time("End"), WaitEnd: r.time("WaitEnd"), ClientTrackingID: r.text("ClientTrackingID"), TrackingID: r.text("TrackingID"), TraceParent: r.text("TraceParent"), TraceState: r.text("TraceState"),
		ResponseDue: r.time("ResponseDue"), Responded: r.text("Responded"), Polled: r.flag("Polled"), Deadline: r.time("Deadline"), Stopping: definition.Status(r.text("Stopping")), Cancelled: r.flag("Cancelled"),
		Outputs: r.value("Outputs"),
		Parent:  run.Parent{WorkflowID: r.text("ParentWorkflow"), Run: r.text("ParentRun"), Action: r.text("ParentAction"), Path: r.text("ParentPath")},
	})
	st.Trigger.Name = r.text("TriggerName")
	for _, v := range r.value("Variables").Elements {
		st.Variables = append(st.Variables, run.Variable{Name: v.Member("name").Str(), Type: v.Member("type").Str(), Value: v.Member("value")})
	}
	if r.err != nil {
		return nil, fmt.Errorf("read run: %w", r.err)
	}
	return &Snapshot{State: st, ETag: row.ETag, Lease: Lease{Until: r.time("Lease")}}, nil
}

func (r *reader) failure() *run.Error {
	if r.text("ErrorCode") == "" && r.text("ErrorMessage") == "" {
		return nil
	}
	return &run.Error{Code: r.text("ErrorCode"), Message: r.text("ErrorMessage")}
}

// Post puts an item into the inbox of a run, which is due from now on; its driver
// takes it up with a commit. seq makes the item unique: a repeat of the same does
// nothing.
func (s *Store) Post(ctx context.Context, key RunKey, seq, kind string, data value.Value, now time.Time) error {
	var blobs []Blob
	itemKey := stateKey(key.Run) + "I." + escape(seq)
	row := s.row(key.partition(), itemKey, &blobs).text("Kind", kind).value("Data", data)
	if row.err != nil {
		return row.err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return err
	}
	_, err := s.backend.Transact(ctx, key.partition(), []Op{
		{Kind: Insert, Key: itemKey, Properties: row.properties}, {Kind: Replace, Key: dueKey(key.Run), Properties: Properties{"Due": now.UTC()}},
	})
	if err != nil && !errors.Is(err, ErrConflict) {
		return fmt.Errorf("post to run: %w", err)
	}
	return nil
}

// Forget strikes a run that is over off the list of those that are due, and what
// came too late out of its inbox.
func (s *Store) Forget(ctx context.Context, key RunKey, late []Item) error {
	ops := []Op{{Kind: Delete, Key: dueKey(key.Run)}}
	for _, item := range late[:min(len(late), MaxTransactionOps-1)] {
		ops = append(ops, Op{Kind: Delete, Key: item.Key})
	}
	_, err := s.backend.Transact(ctx, key.partition(), ops)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("forget run: %w", err)
	}
	return nil
}

// Ring makes some driver look at a run after a delay. Doorbells may get lost: the
// due row is what counts.
func (s *Store) Ring(ctx context.Context, key RunKey, delay time.Duration) error {
	if err := s.Doorbell().Send(ctx, key.String(), min(max(delay, 0), MaxRingDelay)); err != nil {
		return fmt.Errorf("ring: %w", err)
	}
	return nil
}

// Runs pages through the headers of the runs of a workflow, newest first.
func (s *Store) Runs(ctx context.Context, workflowID string, limit int, token string) ([]*Snapshot, string, error) {
	return s.runs(ctx, workflowID, "R.", limit, token)
}

func (s *Store) runs(ctx context.Context, workflowID, from string, limit int, token string) ([]*Snapshot, string, error) {
	partition := RunKey{workflowID, "00"}.partition()
	rows, next, err := s.backend.Range(ctx, partition, from, after("R."), limit, token)
	if err != nil {
		return nil, "", fmt.Errorf("list runs: %w", err)
	}
	list := make([]*Snapshot, 0, len(rows))
	for _, row := range rows {
		snapshot, err := s.snapshot(ctx, RunKey{workflowID, strings.TrimPrefix(row.Key, "R.")}, row)
		if err != nil {
			return nil, "", err
		}
		list = append(list, snapshot)
	}
	return list, next, nil
}

// Inbox reads what was posted to a run and not yet taken up.
func (s *Store) Inbox(ctx context.Context, key RunKey) ([]Item, error) {
	prefix := stateKey(key.Run) + "I."
	rows, err := s.rangeAll(ctx, key.partition(), prefix, after(prefix))
	if err != nil {
		return nil, fmt.Errorf("read inbox: %w", err)
	}
	var items []Item
	for _, row := range rows {
		item, err := s.item(ctx, row)
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

func (s *Store) item(ctx context.Context, row Row) (Item, error) {
	r := s.reader(ctx, row)
	item := Item{Key: row.Key, Kind: r.text("Kind"), Data: r.value("Data")}
	if r.err != nil {
		return Item{}, fmt.Errorf("read inbox: %w", r.err)
	}
	return item, nil
}

// Release ends the lease of whoever drove the run, so that it can be driven at
// once.
func (s *Store) Release(ctx context.Context, key RunKey, now time.Time) error {
	row, err := s.backend.Get(ctx, key.partition(), headerKey(key.Run))
	if err != nil {
		return fmt.Errorf("read run: %w", err)
	}
	delete(row.Properties, "Lease")
	_, err = s.backend.Transact(ctx, key.partition(), []Op{
		{Kind: Replace, Key: row.Key, Properties: row.Properties, ETag: row.ETag},
		{Kind: Replace, Key: dueKey(key.Run), Properties: Properties{"Due": now.UTC()}},
	})
	if err != nil {
		return fmt.Errorf("release run: %w", err)
	}
	return nil
}
