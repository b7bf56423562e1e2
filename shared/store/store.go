package store

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/value"
)

// Store keeps workflows and runs in a Backend: it encodes them into rows, seals
// what derives from a secret, and keeps each commit one transaction.
type Store struct {
	backend Backend
	codec   Codec
}

// New returns the store on a backend. The sealer's key must stay the same for as
// long as what it sealed is to be read.
func New(b Backend, s *seal.Sealer) *Store { return &Store{b, Codec{Sealer: s}} }

// Close closes the backend.
func (s *Store) Close() error { return s.backend.Close() }

// Doorbell returns the queue whose messages name runs to be looked at.
func (s *Store) Doorbell() Queue { return s.backend.Queue(DoorbellQueue) }

// Queue returns the queue of a name.
func (s *Store) Queue(name string) Queue { return s.backend.Queue(name) }

// The names of the queues.
const (
	DoorbellQueue = "latchwork-doorbell"
	PoisonQueue   = DoorbellQueue + "-poison"
)

// row collects the columns of one row.
type row struct {
	s          *Store
	place      string // partition and key: what is sealed here opens nowhere else
	properties Properties
	blobs      *[]Blob
	crowded    bool
	err        error
}

// usualColumns is how many columns most rows have at most.
const usualColumns = 14

func (s *Store) row(partition, key string, blobs *[]Blob) *row {
	return &row{s: s, place: partition + "\n" + key, properties: make(Properties, usualColumns), blobs: blobs}
}

func (r *row) text(column, v string) *row {
	if v != "" {
		r.properties[column] = v
	}
	return r
}

func (r *row) time(column string, t time.Time) *row {
	if !t.IsZero() {
		r.properties[column] = t.UTC()
	}
	return r
}

func (r *row) number(column string, n int64) *row {
	if n != 0 {
		r.properties[column] = n
	}
	return r
}

func (r *row) flag(column string, b bool) *row {
	if b {
		r.properties[column] = true
	}
	return r
}

func (r *row) bytes(column string, sealed []byte) *row {
	if len(sealed) > 0 {
		r.properties[column] = sealed
	}
	return r
}

// value adds a payload, which may take several columns and a blob.
func (r *row) value(column string, v value.Value) *row {
	if v.IsAbsent() || r.err != nil {
		return r
	}
	if err := r.s.codec.encode(r.properties, r.blobs, r.place, column, v, r.crowded); err != nil {
		r.err = fmt.Errorf("encode %s: %w", column, err)
	}
	return r
}

// reader reads the columns of one row; the first error sticks.
type reader struct {
	s     *Store
	ctx   context.Context
	place string
	p     Properties
	err   error
}

func (s *Store) reader(ctx context.Context, r Row) *reader {
	return &reader{s: s, ctx: ctx, place: r.Partition + "\n" + r.Key, p: r.Properties}
}

func (r *reader) text(column string) string { s, _ := r.p[column].(string); return s }

func (r *reader) time(column string) time.Time {
	t, _ := r.p[column].(time.Time)
	return t.UTC()
}

func (r *reader) number(column string) int64 { n, _ := r.p[column].(int64); return n }

func (r *reader) flag(column string) bool { b, _ := r.p[column].(bool); return b }

func (r *reader) bytes(column string) []byte { b, _ := r.p[column].([]byte); return b }

// value reads a payload, its blob included.
func (r *reader) value(column string) value.Value {
	if r.err != nil {
		return value.Value{}
	}
	v, err := r.s.codec.Decode(r.place, column, r.p, func(name string) ([]byte, error) {
		return r.s.backend.GetBlob(r.ctx, name)
	})
	if err != nil {
		r.err = fmt.Errorf("decode %s: %w", column, err)
	}
	return v
}

func (s *Store) putBlobs(ctx context.Context, blobs []Blob) error {
	for _, b := range blobs {
		if err := s.backend.PutBlob(ctx, b.Name, b.Data); err != nil {
			return fmt.Errorf("write payload: %w", err)
		}
	}
	return nil
}

// rangeAll reads all rows of a key range.
func (s *Store) rangeAll(ctx context.Context, partition, from, to string) ([]Row, error) {
	var all []Row
	for token := ""; ; {
		rows, next, err := s.backend.Range(ctx, partition, from, to, 1000, token)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
		if next == "" {
			return all, nil
		}
		token = next
	}
}

// after returns the first key behind all keys that begin with prefix.
func after(prefix string) string { return prefix[:len(prefix)-1] + string(prefix[len(prefix)-1]+1) }

// escape makes any name a legal part of a row key: letters, digits and a few
// marks stay, everything else is percent-encoded, with ! for %.
func escape(name string) string {
	if !strings.ContainsFunc(name, needsEscape) {
		return name
	}
	return keyReplacer.Replace(url.QueryEscape(name))
}

var keyReplacer = strings.NewReplacer("%", "!", "+", "!20", "~", "!7E")

func needsEscape(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
}

// unescape undoes escape.
func unescape(escaped string) (string, error) {
	return url.QueryUnescape(strings.ReplaceAll(escaped, "!", "%"))
}
