package store

import (
	"context"
	"fmt"
	"time"
)

// AuditEvent is one line of the audit trail: who was let in or refused, and who has
// changed what. It holds no credential.
type AuditEvent struct {
	At time.Time
	// Kind is trigger, resume, content or other for calls; key, change,
	// management or lost otherwise. Outcome is allowed, refused or done.
	Kind, Outcome string
	WorkflowID    string
	Subject       string // what was called or changed, below the workflow
	Scheme, Key   string // what was shown, and what of it let the caller in
	Principal     string // whom a token was issued to, or who has changed something
	Caller        string // address
	Correlation   string // the id that the caller gave to what it does, or the call got
	Status        int64  // of the answer, where a call was refused
	Code, Reason  string
	Count         int64 // how many events this one stands for; 0: itself

	// Instance and Sequence tell events of one moment apart.
	Instance string
	Sequence int64
}

// auditDay is the partition of a day: append-only, and never in the way of runs.
func auditDay(at time.Time) string { return "audit:" + at.UTC().Format("20060102") }

const auditTime = "150405.000000000"

func (e *AuditEvent) row() string {
	return fmt.Sprintf("%s.%s.%09d", e.At.UTC().Format(auditTime), escape(e.Instance), e.Sequence)
}

// ID names the event among all of a store.
func (e *AuditEvent) ID() string { return e.At.UTC().Format("20060102") + "." + e.row() }

// AppendAudit writes events, in one transaction for each day among them. There may be
// as many as a transaction takes. Doing it again after an error, with others beside
// them, writes nothing twice: the key of an event is its own.
func (s *Store) AppendAudit(ctx context.Context, events []AuditEvent) error {
	days := map[string][]Op{}
	for i := range events {
		e := &events[i]
		day := auditDay(e.At)
		days[day] = append(days[day], Op{Kind: Replace, Key: e.row(), Properties: s.auditRow(e)})
	}
	for day, ops := range days {
		if _, err := s.backend.Transact(ctx, day, ops); err != nil {
			return fmt.Errorf("write audit trail: %w", err)
		}
	}
	return nil
}

func (s *Store) auditRow(e *AuditEvent) Properties {
	r := s.row("", "", nil).time("At", e.At).number("Status", e.Status).number("Count", e.Count).number("Sequence", e.Sequence)
	for column, v := range e.texts() {
		r.text(column, *v)
	}
	return r.properties
}

func (e *AuditEvent) texts() map[string]*string {
	return map[string]*string{
		"Kind": &e.Kind, "Outcome": &e.Outcome, "WorkflowID": &e.WorkflowID, "Subject": &e.Subject, "Scheme": &e.Scheme, "Key": &e.Key,
		"Principal": &e.Principal, "Caller": &e.Caller, "Code": &e.Code, "Reason": &e.Reason, "Instance": &e.Instance,
		"Correlation": &e.Correlation,
	}
}

// AuditFilter says which events to read; what is "" does not matter.
type AuditFilter struct {
	Since, Until              time.Time // from Since on, before Until
	WorkflowID, Kind, Outcome string
}

func (f *AuditFilter) fits(e *AuditEvent) bool {
	return !e.At.Before(f.Since) && e.At.Before(f.Until) &&
		(f.WorkflowID == "" || f.WorkflowID == e.WorkflowID) && (f.Kind == "" || f.Kind == e.Kind) && (f.Outcome == "" || f.Outcome == e.Outcome)
}

// Audit reads events, oldest first, until yield returns false.
func (s *Store) Audit(ctx context.Context, f AuditFilter, yield func(AuditEvent) bool) error {
	for day := f.Since.UTC().Truncate(24 * time.Hour); day.Before(f.Until); day = day.Add(24 * time.Hour) {
		for token, more := "", true; more; more = token != "" {
			rows, next, err := s.backend.Range(ctx, auditDay(day), "0", "3", 1000, token)
			if err != nil {
				return fmt.Errorf("read audit trail: %w", err)
			}
			token = next
			for _, row := range rows {
				if e := s.auditEvent(ctx, row); f.fits(&e) && !yield(e) {
					return nil
				}
			}
		}
	}
	return nil
}

func (s *Store) auditEvent(ctx context.Context, row Row) AuditEvent {
	r := s.reader(ctx, row)
	e := AuditEvent{At: r.time("At"), Status: r.number("Status"), Count: r.number("Count"), Sequence: r.number("Sequence")}
	for column, v := range e.texts() {
		*v = r.text(column)
	}
	return e
}
