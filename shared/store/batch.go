package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// A Batch trigger's messages lie in the partition of its workflow: B. a batch that
// is open, for each partition of it; M. the messages of each, in their order; X. who
// has sent one, so that a repeat is known; D.~~ a batch that was released and has
// not started its run.

// BatchMessage is a message for a Batch trigger.
type BatchMessage struct {
	Key              TriggerKey
	Batch, Partition string
	ID               string
	Content          value.Value
	// SenderRun and Sender name the execution that sends it. A repeat does nothing.
	SenderRun, Sender string
}

// A partition of a batch is released when it has as many messages or bytes, whatever
// its criteria are (docs: batch).
const (
	MaxBatchMessages = 5000
	MaxBatchBytes    = 80 << 20
)

// Release is a batch that was released.
type Release struct {
	Key              TriggerKey
	Batch, Partition string
	At               time.Time // when it was released
	Due              time.Time // when somebody must see to it
	Row, ETag        string
	messages         string // what the keys of its messages begin with
}

func batchPart(key TriggerKey, batch, partition string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(batch) + "\n" + partition))
	return escape(key.Trigger) + ":" + hex.EncodeToString(sum[:12])
}

func releasedPrefix(key TriggerKey) string {
	return dueKey(triggerMark + triggerMark + escape(key.Trigger) + ":")
}

// began names a batch from its opening to its release. The first message is part of
// the name: two batches of one partition never share it, whatever the clocks say.
func began(m *BatchMessage, now time.Time) string {
	sum := sha256.Sum256([]byte(senderKey(m)))
	return fmt.Sprintf("%019d-%s", now.UnixNano(), hex.EncodeToString(sum[:6]))
}

// senders is what the keys of senders begin with.
const senders = "X."

func senderKey(m *BatchMessage) string { return senders + escape(m.SenderRun) + ":" + escape(m.Sender) }

// SendToBatch adds a message, and releases the batch if it has enough then: messages
// or bytes, where 0 says nothing. ErrConflict: somebody else was at the batch; again.
func (s *Store) SendToBatch(ctx context.Context, m *BatchMessage, messages, bytes int64, now time.Time) (released bool, err error) {
	partition := m.Key.partition()
	if _, err := s.backend.Get(ctx, partition, senderKey(m)); err == nil {
		return false, nil // it was sent before
	} else if !errors.Is(err, ErrNotFound) {
		return false, fmt.Errorf("read sender: %w", err)
	}
	part := batchPart(m.Key, m.Batch, m.Partition)
	head, err := s.backend.Get(ctx, partition, "B."+part)
	if errors.Is(err, ErrNotFound) {
		head = Row{Properties: Properties{"Batch": m.Batch, "Partition": m.Partition, "Began": began(m, now)}}
	} else if err != nil {
		return false, fmt.Errorf("read batch: %w", err)
	}
	count, _ := head.Properties["Count"].(int64)
	size, _ := head.Properties["Bytes"].(int64)
	opened, _ := head.Properties["Began"].(string)
	var blobs []Blob
	at := fmt.Sprintf("M.%s:%s:%06d", part, opened, count)
	row := s.row(partition, at, &blobs).text("ID", m.ID).value("Content", m.Content)
	if row.err != nil {
		return false, row.err
	}
	if err := s.putBlobs(ctx, blobs); err != nil {
		return false, err
	}
	count, size = count+1, size+int64(len(value.Reveal(m.Content)))
	released = messages > 0 && count >= messages || bytes > 0 && size >= bytes || count >= MaxBatchMessages || size >= MaxBatchBytes
	head.Properties["Count"], head.Properties["Bytes"] = count, size
	ops := []Op{{Kind: Insert, Key: senderKey(m)}, {Kind: Insert, Key: at, Properties: row.properties}}
	head.Key = "B." + part
	ops = append(ops, closing(m.Key, head, released, now)...)
	if _, err := s.backend.Transact(ctx, partition, ops); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = ErrConflict // the batch was released just now
		}
		return false, fmt.Errorf("write message: %w", err)
	}
	return released, nil
}

// closing writes an open batch, or releases it.
func closing(key TriggerKey, head Row, released bool, now time.Time) []Op {
	began, _ := head.Properties["Began"].(string)
	op := Op{Kind: Replace, Key: head.Key, Properties: head.Properties, ETag: head.ETag}
	if head.ETag == "" {
		op.Kind = Insert
	}
	if !released {
		return []Op{op}
	}
	_, hash, _ := strings.Cut(strings.TrimPrefix(head.Key, "B."), ":")
	release := Op{Kind: Insert, Key: releasedPrefix(key) + hash + ":" + began, Properties: Properties{
		"Due": now.UTC(), "Released": now.UTC(), "Batch": head.Properties["Batch"], "Partition": head.Properties["Partition"],
	}}
	if head.ETag == "" {
		return []Op{release} // it was never open
	}
	return []Op{{Kind: Delete, Key: head.Key, ETag: head.ETag}, release}
}

// ReleaseBatch releases all partitions of a batch that hold messages.
func (s *Store) ReleaseBatch(ctx context.Context, key TriggerKey, batch string, now time.Time) error {
	prefix := "B." + escape(key.Trigger) + ":"
	rows, err := s.rangeAll(ctx, key.partition(), prefix, after(prefix))
	if err != nil {
		return fmt.Errorf("list batches: %w", err)
	}
	for _, head := range rows {
		if name, _ := head.Properties["Batch"].(string); !strings.EqualFold(name, batch) {
			continue
		}
		_, err := s.backend.Transact(ctx, key.partition(), closing(key, head, true, now))
		if errors.Is(err, ErrNotFound) {
			err = ErrConflict // somebody else released it
		}
		if err != nil {
			return fmt.Errorf("release batch: %w", err)
		}
	}
	return nil
}

// Releases lists batches that were released, at most limit.
func (s *Store) Releases(ctx context.Context, key TriggerKey, limit int) ([]*Release, error) {
	prefix := releasedPrefix(key)
	rows, _, err := s.backend.Range(ctx, key.partition(), prefix, after(prefix), limit, "")
	if err != nil {
		return nil, fmt.Errorf("list released batches: %w", err)
	}
	list := make([]*Release, len(rows))
	for i, row := range rows {
		r := s.reader(ctx, row)
		list[i] = &Release{
			Key: key, Batch: r.text("Batch"), Partition: r.text("Partition"), At: r.time("Released"), Due: r.time("Due"), Row: row.Key, ETag: row.ETag,
			messages: "M." + escape(key.Trigger) + ":" + strings.TrimPrefix(row.Key, prefix) + ":",
		}
	}
	return list, nil
}

// Postpone says when somebody must see to a release again: ErrConflict if somebody
// else does.
func (s *Store) Postpone(ctx context.Context, r *Release, due time.Time) error {
	etags, err := s.backend.Transact(ctx, r.Key.partition(), []Op{{Kind: Replace, Key: r.Row, ETag: r.ETag, Properties: Properties{
		"Due": due.UTC(), "Released": r.At.UTC(), "Batch": r.Batch, "Partition": r.Partition,
	}}})
	if errors.Is(err, ErrNotFound) {
		err = ErrConflict // it has its run
	}
	if err != nil {
		return fmt.Errorf("write released batch: %w", err)
	}
	r.ETag = etags[0]
	return nil
}

// Messages reads the messages of a release, in the order in which they came.
func (s *Store) Messages(ctx context.Context, r *Release) ([]BatchMessage, error) {
	rows, err := s.rangeAll(ctx, r.Key.partition(), r.messages, after(r.messages))
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	list := make([]BatchMessage, len(rows))
	for i, row := range rows {
		m := s.reader(ctx, row)
		list[i] = BatchMessage{Key: r.Key, Batch: r.Batch, Partition: r.Partition, ID: m.text("ID"), Content: m.value("Content")}
		if m.err != nil {
			return nil, fmt.Errorf("read message: %w", m.err)
		}
	}
	return list, nil
}

// EndRelease deletes a release that has its run: its messages first, so that none is
// left behind.
func (s *Store) EndRelease(ctx context.Context, r *Release) error {
	for {
		rows, _, err := s.backend.Range(ctx, r.Key.partition(), r.messages, after(r.messages), MaxTransactionOps, "")
		if err != nil {
			return fmt.Errorf("read messages: %w", err)
		}
		if len(rows) == 0 {
			break
		}
		if err := s.deleteRows(ctx, r.Key.partition(), rows); err != nil {
			return fmt.Errorf("delete messages: %w", err)
		}
	}
	_, err := s.backend.Transact(ctx, r.Key.partition(), []Op{{Kind: Delete, Key: r.Row}})
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("delete released batch: %w", err)
	}
	return nil
}

// TrimSenders forgets who sent messages to batches of a workflow, of runs that began
// before a time: at most so many, and returns how many.
func (s *Store) TrimSenders(ctx context.Context, workflowID string, before time.Time, limit int) (int, error) {
	partition := RunKey{workflowID, "00"}.partition()
	deleted := 0
	for deleted < limit {
		rows, _, err := s.backend.Range(ctx, partition, senders+run.NewVersion(before), after(senders), min(limit-deleted, MaxTransactionOps), "")
		if err != nil || len(rows) == 0 {
			return deleted, err
		}
		if err := s.deleteRows(ctx, partition, rows); err != nil {
			return deleted, fmt.Errorf("delete senders: %w", err)
		}
		deleted += len(rows)
	}
	return deleted, nil
}
