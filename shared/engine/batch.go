package engine

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// SendToBatch implements operation.Workflows.
func (e *Engine) SendToBatch(ctx context.Context, m operation.BatchMessage) (*run.Error, error) {
	id, err := e.Store.WorkflowNamed(ctx, m.ResourceID)
	if errors.Is(err, store.ErrNotFound) {
		return &run.Error{Code: "WorkflowNotFound", Message: fmt.Sprintf("The workflow '%s' could not be found.", m.ResourceID)}, nil
	}
	if err != nil {
		return nil, err
	}
	w, err := e.Workflow(ctx, id)
	if err != nil {
		return nil, err
	}
	t := w.Program.Trigger(m.Trigger)
	if failure := takesBatch(w, t, m); failure != nil {
		return failure, nil
	}
	c := t.Batch(m.Batch)
	key := store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name}
	message := &store.BatchMessage{
		Key: key, Batch: c.Name, Partition: m.Partition, ID: m.ID, Content: m.Content,
		SenderRun: m.Tracking.RunName, Sender: m.Tracking.ActionTrackingID,
	}
	defer e.lockSlots(key)()
	for range slotTries {
		released, err := e.Store.SendToBatch(ctx, message, c.Messages, c.Bytes, e.Ambient.Now())
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err == nil && released {
			if err := e.Store.RingTrigger(ctx, key, 0); err != nil {
				e.Log.Warn().Err(err).Str("workflow", w.Name).Msg("a doorbell was not sent; the sweep will find the batch")
			}
		}
		return nil, err
	}
	return nil, errors.New("too many others send to the same batch at the same time")
}

// takesBatch tells what keeps a workflow from taking a message.
func takesBatch(w *Workflow, t *definition.Trigger, m operation.BatchMessage) *run.Error {
	switch {
	case t == nil:
		return &run.Error{Code: "WorkflowTriggerNotFound", Message: fmt.Sprintf("The workflow '%s' trigger '%s' could not be found.", w.Name, m.Trigger)}
	case !t.Spec.Batch:
		return &run.Error{Code: "InvalidBatchTrigger", Message: fmt.Sprintf("The trigger '%s' of workflow '%s' is not a batch trigger.", t.Name, w.Name)}
	case t.Batch(m.Batch) == nil:
		return &run.Error{Code: "BatchConfigurationNotFound", Message: fmt.Sprintf("The trigger '%s' of workflow '%s' has no batch '%s'.", t.Name, w.Name, m.Batch)}
	case !strings.EqualFold(w.State, "Enabled"):
		return &run.Error{Code: "WorkflowTriggerIsNotEnabled", Message: fmt.Sprintf("Could not execute workflow '%s' trigger '%s' with state '%s': trigger is not enabled.", w.ID, t.Name, w.State)}
	}
	return nil
}

// firstReleases are the times at which batches are released by their recurrence, by
// name; the trigger keeps them.
func firstReleases(t *definition.Trigger, now time.Time) value.Value {
	b := value.NewObject(len(t.Batches))
	for _, c := range t.Batches {
		if c.Schedule == nil {
			continue
		}
		at := c.Schedule.First(now)
		if !at.After(now) { // there is nothing to be released at once
			at = c.Schedule.From(now).Next(now)
		}
		b.Set(c.Name, releaseTimeValue(at))
	}
	return b.Build()
}

func releaseTimeValue(at time.Time) value.Value {
	if at.IsZero() {
		return value.Null()
	}
	return value.String(at.Format(time.RFC3339Nano))
}

func releaseTimeOf(v value.Value) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, v.Str()) // written by releaseTimeValue
	return at
}

// nextRelease is the earliest of them; zero when there is none.
func nextRelease(keep value.Value) (next time.Time) {
	for _, v := range keep.Members {
		if at := releaseTimeOf(v); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// maxReleases is how many batches one look at a trigger turns into runs.
const maxReleases = 20

// fireBatches releases the batches whose recurrence says so, and starts the runs of
// all that were released.
func (e *Engine) fireBatches(ctx context.Context, w *Workflow, t *definition.Trigger, s *store.TriggerState) error {
	key := store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name}
	if err := e.releaseScheduled(ctx, t, s); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return e.Store.RingTrigger(ctx, key, 0) // messages came just now
		}
		return err
	}
	releases, err := e.Store.Releases(ctx, key, maxReleases)
	if err != nil {
		return err
	}
	for _, r := range releases {
		if r.Due.After(e.Ambient.Now()) {
			continue // somebody is at it
		}
		if err := e.fireRelease(ctx, w, t, r); errors.Is(err, errHeld) {
			return nil
		} else if err != nil && !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	if len(releases) == maxReleases {
		return e.Store.RingTrigger(ctx, key, 0)
	}
	return nil
}

// releaseScheduled releases the batches that are due by their recurrence.
func (e *Engine) releaseScheduled(ctx context.Context, t *definition.Trigger, s *store.TriggerState) error {
	now := e.Ambient.Now()
	if s.Due.IsZero() || s.Due.After(now) {
		return nil
	}
	for _, c := range t.Batches {
		at := releaseTimeOf(s.Keep.Member(c.Name))
		if c.Schedule == nil || at.IsZero() || at.After(now) {
			continue
		}
		if err := e.Store.ReleaseBatch(ctx, store.TriggerKey{WorkflowID: s.WorkflowID, Trigger: s.Trigger}, c.Name, now); err != nil {
			return err
		}
		s.Keep = s.Keep.With(c.Name, releaseTimeValue(c.Schedule.From(s.Started).Next(now)))
	}
	s.Due = nextRelease(s.Keep)
	if err := e.Store.SaveTrigger(ctx, s); err != nil {
		return err
	}
	return e.ringTrigger(ctx, s)
}

// fireRelease starts the run of a released batch. Its name follows from the batch,
// so that there is one however often this is tried; the messages go after it exists.
func (e *Engine) fireRelease(ctx context.Context, w *Workflow, t *definition.Trigger, r *store.Release) error {
	if err := e.Store.Postpone(ctx, r, e.Ambient.Now().Add(operation.PollTimeout)); err != nil {
		return err
	}
	messages, err := e.Store.Messages(ctx, r)
	if err != nil {
		return err
	}
	if len(messages) > 0 { // without, the run exists and its messages are gone
		hash := sha256.Sum256([]byte(r.Row))
		_, err = e.fire(ctx, w, Trigger{
			Name: t.Name, Outputs: batchOutputs(r, messages), RunName: run.NameAt(r.At, int64(binary.BigEndian.Uint32(hash[:4])), 0),
		})
	}
	var overflow *Overflow
	if errors.As(err, &overflow) {
		return errors.Join(errHeld, e.Store.Postpone(ctx, r, e.Ambient.Now()))
	}
	if err != nil {
		return err
	}
	return e.Store.EndRelease(ctx, r)
}

// batchOutputs is { body: { batchName, partitionName, items } } (triggers §6).
func batchOutputs(r *store.Release, messages []store.BatchMessage) value.Value {
	items := make([]value.Value, len(messages))
	for i, m := range messages {
		items[i] = value.Object(value.Member{Key: "content", Value: m.Content}, value.Member{Key: "messageId", Value: value.String(m.ID)})
	}
	return value.Object(value.Member{Key: "body", Value: value.Object(
		value.Member{Key: "batchName", Value: value.String(r.Batch)}, value.Member{Key: "partitionName", Value: value.String(r.Partition)},
		value.Member{Key: "items", Value: value.Array(items...)})})
}
