package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ErrBadToken: no page of the audit trail ended there.
var ErrBadToken = errors.New("the token leads to no page")

// Rows lie oldest first, so a page that goes back in time reads one stretch of time
// after the other, each as wide as it takes to read about auditRows at once.
const (
	auditRows = 250
	// auditScan bounds the rows that one page looks at, auditReads how often it reads: often
	// enough for three months without an event.
	auditScan  = 8 * auditRows
	auditReads = 100
	// auditNarrowest is a stretch that is read whole, whatever lies in it.
	auditNarrowest = time.Millisecond
	firstStretch   = time.Hour
	oneDay         = 24 * time.Hour
)

// auditPlace is where a page goes on: before a key of a day.
type auditPlace struct {
	day    time.Time
	before string
	at     time.Time // nothing before that key is later
}

func placeAt(at time.Time) auditPlace {
	at = at.UTC()
	day := at.Truncate(oneDay)
	if at.Equal(day) { // nothing of that day is before it
		return auditPlace{day.Add(-oneDay), "3", day}
	}
	return auditPlace{day, at.Format(auditTime), at}
}

func (p auditPlace) token() string { return p.day.Format("20060102") + "/" + p.before }

func parsePlace(token string) (p auditPlace, err error) {
	day, key, _ := strings.Cut(token, "/")
	if p.day, err = time.Parse("20060102", day); err != nil || strings.ContainsAny(key, "/\\#?") || len(key) > 200 {
		return p, ErrBadToken
	}
	p.before, p.at = key, p.day.Add(oneDay)
	if key == "3" {
		return p, nil
	}
	at, err := keyTime(p.day, key)
	if err != nil {
		return p, ErrBadToken
	}
	p.at = at.Add(1) // events of the same moment have lower keys
	return p, nil
}

// keyTime is the time that the key of an event begins with.
func keyTime(day time.Time, key string) (time.Time, error) {
	at, err := time.Parse(auditTime, key[:min(len(key), len(auditTime))])
	return day.Add(at.Sub(at.Truncate(oneDay))), err
}

// AuditPage reads the newest events that the filter lets through and wanted (nil: all)
// takes, newest first, at most limit. It does a bounded amount of work and may find none
// of those that there are. next is where the next page goes on, "" at the end; a token
// that is not one is ErrBadToken.
func (s *Store) AuditPage(ctx context.Context, f AuditFilter, wanted func(*AuditEvent) bool, limit int, token string) (events []AuditEvent, next string, err error) {
	place := placeAt(f.Until)
	if token != "" {
		if place, err = parsePlace(token); err != nil {
			return nil, "", err
		}
	}
	width, seen := firstStretch, 0
	for range auditReads {
		if !place.at.After(f.Since) {
			return events, "", nil
		}
		from := place.at.Add(-width)
		for _, bound := range []time.Time{place.day, f.Since.UTC()} {
			if bound.After(from) {
				from = bound
			}
		}
		rows, all, err := s.stretch(ctx, place, from, width <= auditNarrowest)
		if err != nil {
			return nil, "", fmt.Errorf("read audit trail: %w", err)
		}
		if !all { // no wider than what those took that were read
			width = max(min(width/2, timeOf(place.day, rows).Sub(from)), auditNarrowest)
			continue
		}
		for _, row := range slices.Backward(rows) {
			e := s.auditEvent(ctx, row)
			if !f.fits(&e) || wanted != nil && !wanted(&e) {
				continue
			}
			if events = append(events, e); len(events) == limit {
				return events, auditPlace{day: place.day, before: row.Key}.token(), nil
			}
		}
		if seen += len(rows); len(rows) < auditRows/4 {
			width = min(4*width, oneDay)
		}
		if place = placeAt(from); seen >= auditScan {
			break
		}
	}
	return events, place.token(), nil
}

// stretch reads what lies before a place from a time on; all is false if there is more
// than is read at once, unless it is to be whole.
func (s *Store) stretch(ctx context.Context, p auditPlace, from time.Time, whole bool) (rows []Row, all bool, err error) {
	for token := ""; ; {
		some, next, err := s.backend.Range(ctx, auditDay(p.day), from.Format(auditTime), p.before, auditRows, token)
		if err != nil {
			return nil, false, err
		}
		rows = append(rows, some...)
		if next == "" || !whole {
			return rows, next == "", nil
		}
		token = next
	}
}

// timeOf is when the last of some rows was written.
func timeOf(day time.Time, rows []Row) time.Time {
	if len(rows) == 0 {
		return day
	}
	at, _ := keyTime(day, rows[len(rows)-1].Key) // the time in a key is one that AppendAudit wrote
	return at
}

// firstAudit is before all that any trail tells.
var firstAudit = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

// auditStart is the row of the registry that says with which day the trail begins.
const auditStart = "audit"

// PurgeAudit removes the days of the audit trail that lie before a time, all of them;
// about budget rows. It tells how many it removed.
func (s *Store) PurgeAudit(ctx context.Context, before time.Time, budget int) (removed int, err error) {
	end := before.UTC().Truncate(oneDay)
	start := firstAudit
	switch row, err := s.backend.Get(ctx, registry, auditStart); {
	case err == nil:
		start, _ = row.Properties["Oldest"].(time.Time)
	case !errors.Is(err, ErrNotFound):
		return 0, fmt.Errorf("purge audit trail: %w", err)
	}
	day := start.UTC().Truncate(oneDay)
	for work := 0; day.Before(end) && work < budget; day = day.Add(oneDay) {
		n, done, err := s.removeRows(ctx, auditDay(day), "0", "3", budget-work)
		removed += n
		if err != nil {
			return removed, fmt.Errorf("purge audit trail: %w", err)
		}
		if !done {
			break
		}
		work += n + 1 // to look is work too
	}
	if !day.After(start) {
		return removed, nil
	}
	_, err = s.backend.Transact(ctx, registry, []Op{{Kind: Replace, Key: auditStart, Properties: Properties{"Oldest": day}}})
	return removed, err
}
