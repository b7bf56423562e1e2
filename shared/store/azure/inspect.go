package azure

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue"
)

// The services of a storage account.
const (
	TableService = "table"
	BlobService  = "blob"
	QueueService = "queue"
)

// Finding is what Inspect found out about a table, a container or a queue.
type Finding struct {
	Service, Name string
	// Err says what is wrong; nil: it can be read and written. Status is that of the
	// answer, 0 where there was none.
	Err    error
	Status int
	// Clock is what the service's clock showed, and Asked when it was asked; zero
	// where there was no answer.
	Clock, Asked time.Time
}

// Inspect tries whether what the store needs is there and may be used: it writes a
// row, a blob and a message that nobody sees, and deletes them. It makes nothing that
// is missing. The error is that of a configuration that leads nowhere.
func Inspect(ctx context.Context, c Config, queues ...string) ([]Finding, error) {
	c.noRetry = true
	s := &Store{opened: map[string]*queue{}, table: c.name(), container: c.name()}
	if err := s.connect(c); err != nil {
		return nil, fmt.Errorf("connect to storage: %w", safe(err))
	}
	s.rows = s.tables.NewClient(s.table)
	list := []Finding{
		probe(ctx, TableService, s.table, s.tryRow), probe(ctx, BlobService, s.container, s.tryBlob),
	}
	for _, name := range queues {
		list = append(list, probe(ctx, QueueService, name, func(ctx context.Context) error { return s.tryQueue(ctx, name) }))
	}
	return list, nil
}

// name of table and container.
func (c Config) name() string {
	if c.Prefix == "" {
		return "latchwork"
	}
	return c.Prefix
}

// inspected names the row and the blob that are written; no run lies there.
const inspected = "doctor"

func probe(ctx context.Context, service, name string, try func(context.Context) error) Finding {
	var raw *http.Response
	f := Finding{Service: service, Name: name, Asked: time.Now()}
	err := try(policy.WithCaptureResponse(ctx, &raw))
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		f.Status, raw = answer.StatusCode, answer.RawResponse
	}
	f.Err = safe(err)
	if raw != nil {
		if at, err := http.ParseTime(raw.Header.Get("Date")); err == nil {
			f.Clock = at
		}
	}
	return f
}

func (s *Store) tryRow(ctx context.Context) error {
	row := []byte(`{"PartitionKey":"` + inspected + `","RowKey":"` + inspected + `"}`)
	if _, err := s.rows.UpsertEntity(ctx, row, &aztables.UpsertEntityOptions{UpdateMode: aztables.UpdateModeReplace}); err != nil {
		return err
	}
	_, err := s.rows.DeleteEntity(ctx, inspected, inspected, nil)
	return err
}

func (s *Store) tryBlob(ctx context.Context) error {
	if _, err := s.blobs.UploadBuffer(ctx, s.container, inspected, []byte(inspected), nil); err != nil {
		return err
	}
	_, err := s.blobs.DeleteBlob(ctx, s.container, inspected, nil)
	return err
}

// tryQueue sends a message that is to be visible in a week, and deletes it at once.
func (s *Store) tryQueue(ctx context.Context, name string) error {
	q := s.queues.NewQueueClient(name)
	week := int32((7*24*time.Hour - time.Minute) / time.Second)
	sent, err := q.EnqueueMessage(ctx, base64.StdEncoding.EncodeToString([]byte(inspected)), &azqueue.EnqueueMessageOptions{VisibilityTimeout: &week, TimeToLive: to.Ptr(int32(-1))})
	if err != nil {
		return err
	}
	for _, m := range sent.Messages {
		if _, err := q.DeleteMessage(ctx, *m.MessageID, *m.PopReceipt, nil); err != nil {
			return err
		}
	}
	return nil
}
