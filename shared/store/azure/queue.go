package azure

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue/queueerror"

	"github.com/latchwork/latchwork/shared/store"
)

// queue is a queue of the storage account. Texts are base64, as the Functions
// host expects them.
type queue struct {
	client *azqueue.QueueClient
	mu     sync.Mutex
	made   bool
}

var _ store.Queue = (*queue)(nil)

// Queue implements store.Backend.
func (s *Store) Queue(name string) store.Queue {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.opened[name]
	if q == nil {
		q = &queue{client: s.queues.NewQueueClient(name)}
		s.opened[name] = q
	}
	return q
}

// make creates the queue before its first use.
func (q *queue) make(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.made {
		return nil
	}
	if _, err := q.client.Create(ctx, nil); err != nil && !exists(err) && !denied(err) {
		return fmt.Errorf("create queue: %w", classify(err))
	}
	q.made = true
	return nil
}

// Send implements store.Queue.
func (q *queue) Send(ctx context.Context, text string, delay time.Duration) error {
	if delay < 0 || delay > store.MaxRingDelay || len(text) > 48<<10 {
		return fmt.Errorf("%w: a message of %d bytes, delayed by %s", store.ErrTooLarge, len(text), delay)
	}
	if err := q.make(ctx); err != nil {
		return err
	}
	forever, seconds := int32(-1), wholeSeconds(delay)
	_, err := q.client.EnqueueMessage(ctx, base64.StdEncoding.EncodeToString([]byte(text)),
		&azqueue.EnqueueMessageOptions{TimeToLive: &forever, VisibilityTimeout: &seconds})
	if err != nil {
		return fmt.Errorf("send message: %w", classify(err))
	}
	return nil
}

// wholeSeconds rounds up: a message must not be seen too early.
func wholeSeconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

// Receive implements store.Queue.
func (q *queue) Receive(ctx context.Context, limit int, hide time.Duration) ([]store.Message, error) {
	if err := q.make(ctx); err != nil {
		return nil, err
	}
	number, seconds := int32(min(max(limit, 1), 32)), max(wholeSeconds(hide), 1)
	answer, err := q.client.DequeueMessages(ctx, &azqueue.DequeueMessagesOptions{NumberOfMessages: &number, VisibilityTimeout: &seconds})
	if err != nil {
		return nil, fmt.Errorf("receive messages: %w", classify(err))
	}
	list := make([]store.Message, 0, len(answer.Messages))
	for _, m := range answer.Messages {
		text := []byte(*m.MessageText)
		if decoded, err := base64.StdEncoding.DecodeString(*m.MessageText); err == nil {
			text = decoded
		}
		list = append(list, store.Message{
			ID: *m.MessageID, Receipt: *m.PopReceipt, Text: string(text), DequeueCount: *m.DequeueCount, Inserted: *m.InsertionTime,
		})
	}
	return list, nil
}

// Hide implements store.Queue.
func (q *queue) Hide(ctx context.Context, m store.Message, hide time.Duration) (store.Message, error) {
	seconds := wholeSeconds(hide)
	answer, err := q.client.UpdateMessage(ctx, m.ID, m.Receipt, base64.StdEncoding.EncodeToString([]byte(m.Text)), &azqueue.UpdateMessageOptions{VisibilityTimeout: &seconds})
	if err != nil {
		return m, fmt.Errorf("hide message: %w", stale(err))
	}
	m.Receipt = *answer.PopReceipt
	return m, nil
}

// Delete implements store.Queue.
func (q *queue) Delete(ctx context.Context, m store.Message) error {
	if _, err := q.client.DeleteMessage(ctx, m.ID, m.Receipt, nil); err != nil {
		return fmt.Errorf("delete message: %w", stale(err))
	}
	return nil
}

// stale: a receipt that no longer holds is answered in two ways.
func stale(err error) error {
	if queueerror.HasCode(err, queueerror.PopReceiptMismatch, queueerror.MessageNotFound) {
		return errors.Join(store.ErrNotFound, classify(err))
	}
	return classify(err)
}

// Arrival implements store.Queue: the service cannot tell.
func (q *queue) Arrival() <-chan struct{} { return nil }
