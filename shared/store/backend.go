// Package store keeps workflows and runs. A Backend stores rows, blobs and
// doorbells; Store, on top of it, knows what they mean: it encodes, seals and
// bounds, so that all backends behave alike.
package store

import (
	"context"
	"errors"
	"time"
)

// What a caller branches on.
var (
	ErrNotFound = errors.New("not found in the store")
	// ErrConflict: somebody else changed the row, or a row to be inserted exists.
	ErrConflict = errors.New("changed in the store meanwhile")
	// ErrTooLarge: a row or transaction is over a limit of Limits.
	ErrTooLarge = errors.New("too large for the store")
)

// Limits every backend honours, those of Azure Table storage and of a queue
// (dependencies §3.1, §6); text is measured in UTF-16.
const (
	MaxTransactionOps   = 100
	MaxTransactionBytes = 4 << 20
	MaxRowBytes         = 1 << 20
	MaxProperties       = 252
	MaxTextUnits        = 32 << 10 // UTF-16 code units of one string property
	MaxBinaryBytes      = 64 << 10 // one binary property
	MaxRingDelay        = 7 * 24 * time.Hour
)

// Properties are the columns of a row: string, int64, bool, float64, time.Time
// and []byte values.
type Properties map[string]any

// Row is one stored row.
type Row struct {
	Partition, Key string
	Properties     Properties
	ETag           string
}

// OpKind says what an Op does.
type OpKind uint8

// The kinds of operation.
const (
	Insert  OpKind = iota + 1 // fails with ErrConflict if the row exists
	Replace                   // with ETag: fails with ErrConflict unless it matches; without: insert or replace
	Delete                    // the row must exist (ErrNotFound); with ETag as Replace
	Merge                     // sets columns of a row that must exist (ErrNotFound), the others stay; with ETag as Replace
)

// Op is one operation of a transaction.
type Op struct {
	Kind       OpKind
	Key        string
	Properties Properties
	ETag       string
}

// Backend is what a place to store must offer. All methods are safe for
// concurrent use. A method that returned an error other than ErrNotFound,
// ErrConflict or ErrTooLarge may have had its effect.
type Backend interface {
	// Transact carries out all operations in one partition, or none. It returns
	// one ETag per operation ("" for deletes).
	Transact(ctx context.Context, partition string, ops []Op) ([]string, error)
	// Get reads one row.
	Get(ctx context.Context, partition, key string) (Row, error)
	// Range reads rows with from <= key < to in key order, at most limit, starting
	// after the given token of an earlier call ("" = at from). next is "" at the end.
	Range(ctx context.Context, partition, from, to string, limit int, token string) (rows []Row, next string, err error)
	// PutBlob writes a blob whole; GetBlob reads it; DeleteBlob of a missing blob succeeds.
	PutBlob(ctx context.Context, name string, data []byte) error
	GetBlob(ctx context.Context, name string) ([]byte, error)
	DeleteBlob(ctx context.Context, name string) error
	// Blobs lists at most limit names of blobs that begin with prefix, in any order.
	Blobs(ctx context.Context, prefix string, limit int) ([]string, error)
	// Queue returns the queue of a name, which is created when missing.
	Queue(name string) Queue
	Close() error
}

// Message is a received queue message.
type Message struct {
	ID, Receipt  string
	Text         string
	DequeueCount int64
	Inserted     time.Time
}

// Queue is an at-least-once queue with invisibility, as Azure Queue storage.
type Queue interface {
	// Send makes a text visible after delay (0 to MaxRingDelay).
	Send(ctx context.Context, text string, delay time.Duration) error
	// Receive takes up to limit (1 to 32) visible messages and hides them for a while.
	Receive(ctx context.Context, limit int, hide time.Duration) ([]Message, error)
	// Hide sets the remaining time of invisibility, 0 = visible at once, and
	// returns the message with its new receipt. ErrNotFound: the receipt is stale.
	Hide(ctx context.Context, m Message, hide time.Duration) (Message, error)
	// Delete removes a message. ErrNotFound: the receipt is stale.
	Delete(ctx context.Context, m Message) error
	// Arrival returns a channel that receives a value when a message may have become
	// visible, so that a poller need not wait; nil where the backend cannot tell.
	Arrival() <-chan struct{}
}
