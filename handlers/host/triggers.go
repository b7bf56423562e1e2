package host

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

// The lease of a received message and how often it is renewed (functions-host
// §7.2).
const (
	messageLease = 10 * time.Minute
	firstBackoff = 100 * time.Millisecond
	poisonSuffix = "-poison"
	maxQueueName = 63
)

// poll receives messages of one queue and has them handled, several at a time.
func (h *Standalone) poll(ctx context.Context, f Function) {
	queue := h.options.Queue(h.expand(f.Queue.Name))
	slots := make(chan struct{}, h.settings.BatchSize+h.settings.NewBatchThreshold)
	var handling sync.WaitGroup
	defer handling.Wait()
	backoff := firstBackoff
	for ctx.Err() == nil {
		free := min(cap(slots)-len(slots), h.settings.BatchSize)
		if free == 0 {
			if !pause(ctx, h.options.After(firstBackoff), nil) {
				return
			}
			continue
		}
		messages, err := queue.Receive(ctx, free, messageLease)
		if err != nil && ctx.Err() == nil {
			h.options.Log.Warn().Err(err).Str("queue", f.Queue.Name).Msg("the queue cannot be read")
		}
		for _, m := range messages {
			slots <- struct{}{}
			handling.Go(func() {
				defer func() { <-slots }()
				h.handle(ctx, f, queue, m)
			})
		}
		if len(messages) > 0 {
			backoff = firstBackoff
			continue
		}
		if !pause(ctx, h.options.After(backoff), queue.Arrival()) {
			return
		}
		backoff = min(2*backoff, h.settings.MaxPollingInterval)
	}
}

// pause waits for the time, or for an arrival; it tells whether to go on.
func pause(ctx context.Context, until <-chan time.Time, arrival <-chan struct{}) bool {
	select {
	case <-until:
		return true
	case <-arrival:
		return true
	case <-ctx.Done():
		return false
	}
}

// expand replaces each %NAME% once. What a setting says is not read again, as the
// host does not either: a setting may name itself.
func (h *Standalone) expand(name string) string {
	if h.options.Setting == nil {
		return name
	}
	var expanded strings.Builder
	for {
		before, rest, _ := strings.Cut(name, "%")
		setting, after, closed := strings.Cut(rest, "%")
		if !closed {
			expanded.WriteString(name)
			return expanded.String()
		}
		expanded.WriteString(before + h.options.Setting(setting))
		name = after
	}
}

// poisonQueue names the queue that takes what failed too often. A poison queue has
// none of its own, and neither has one whose name would be too long.
func poisonQueue(name string) (string, bool) {
	poison := name + poisonSuffix
	return poison, !strings.HasSuffix(name, poisonSuffix) && len(poison) <= maxQueueName
}

// handle has one message handled and settles it: deleted, seen again, or moved to
// the poison queue (functions-host §7.3). It finishes what it began when the
// host stops.
func (h *Standalone) handle(ctx context.Context, f Function, queue store.Queue, m store.Message) {
	ctx = context.WithoutCancel(ctx)
	poison, hasPoison := poisonQueue(h.expand(f.Queue.Name))
	failed := hasPoison && m.DequeueCount > h.settings.MaxDequeueCount
	if !failed {
		m, failed = h.attempt(ctx, f, queue, m)
	}
	var err error
	switch {
	case !failed:
		err = queue.Delete(ctx, m)
	case !hasPoison:
		// It stays hidden until its lease ends: seen again at once, it would be tried
		// at once, and for ever.
	case m.DequeueCount < h.settings.MaxDequeueCount:
		_, err = queue.Hide(ctx, m, h.settings.VisibilityTimeout)
	default:
		if err = h.options.Queue(poison).Send(ctx, m.Text, 0); err == nil {
			err = queue.Delete(ctx, m)
		}
	}
	if err != nil {
		h.options.Log.Warn().Err(err).Str("queue", f.Queue.Name).Msg("a message was not settled; it will be seen again")
	}
}

// attempt calls the function and renews the lease of the message meanwhile. It
// returns the message with its last receipt.
func (h *Standalone) attempt(ctx context.Context, f Function, queue store.Queue, m store.Message) (kept store.Message, failed bool) {
	done := make(chan error, 1)
	// The function has the message as it was received; the renewals change ours.
	go func(m store.Message) { done <- h.invokeQueue(ctx, f, m) }(m)
	renew := h.options.After(messageLease / 2)
	for {
		select {
		case err := <-done:
			return m, err != nil
		case <-renew:
			if kept, err := queue.Hide(ctx, m, messageLease); err == nil {
				m = kept
			}
			renew = h.options.After(messageLease / 2)
		}
	}
}

func (h *Standalone) invokeQueue(ctx context.Context, f Function, m store.Message) error {
	return h.invoke(ctx, f, map[string]any{queueBinding: encodeText(m.Text)}, queueMetadata(m))
}
