// Package azure keeps the store in an Azure storage account: rows in a table,
// large payloads in a blob container, doorbells in queues.
package azure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azqueue"

	"github.com/latchwork/latchwork/shared/store"
)

// Config says where the storage account is and how to sign in. Either a
// connection string, or the addresses of the three services with a credential.
type Config struct {
	ConnectionString                string
	TableURL, BlobURL, QueueURL     string
	Credential                      azcore.TokenCredential
	Prefix                          string // of table, container and queue names; "" means latchwork
	Transport                       policy.Transporter
	InsecureAllowCredentialWithHTTP bool

	noRetry bool // an answer is wanted at once, whatever it is
}

// DevelopmentStorage is the connection string that stands for the emulator on
// its usual ports.
const DevelopmentStorage = "UseDevelopmentStorage=true"

const emulator = "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;" +
	"AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;" +
	"BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"

// Store is the store in a storage account.
type Store struct {
	tables *aztables.ServiceClient
	rows   *aztables.Client
	blobs  *azblob.Client
	queues *azqueue.ServiceClient

	table, container string

	mu     sync.Mutex
	opened map[string]*queue
}

var _ store.Backend = (*Store)(nil)

// Open connects to the storage account and makes the table and the container
// where they are missing.
func Open(ctx context.Context, c Config) (*Store, error) {
	s := &Store{table: c.name(), container: c.name(), opened: map[string]*queue{}}
	if err := s.connect(c); err != nil {
		return nil, fmt.Errorf("connect to storage: %w", safe(err))
	}
	s.rows = s.tables.NewClient(s.table)
	if _, err := s.tables.CreateTable(ctx, s.table, nil); err != nil && !exists(err) && !denied(err) {
		return nil, fmt.Errorf("create table: %w", safe(err))
	}
	if _, err := s.blobs.CreateContainer(ctx, s.container, nil); err != nil && !bloberror.HasCode(err, bloberror.ContainerAlreadyExists) && !denied(err) {
		return nil, fmt.Errorf("create blob container: %w", safe(err))
	}
	return s, nil
}

func (s *Store) connect(c Config) (err error) {
	options := policy.ClientOptions{Transport: c.Transport, InsecureAllowCredentialWithHTTP: c.InsecureAllowCredentialWithHTTP}
	if c.noRetry {
		options.Retry.MaxRetries = -1
	}
	if text := c.ConnectionString; text != "" {
		if strings.EqualFold(strings.TrimSpace(text), DevelopmentStorage) {
			text = emulator
		}
		if s.tables, err = aztables.NewServiceClientFromConnectionString(text, &aztables.ClientOptions{ClientOptions: options}); err != nil {
			return err
		}
		if s.blobs, err = azblob.NewClientFromConnectionString(text, &azblob.ClientOptions{ClientOptions: options}); err != nil {
			return err
		}
		s.queues, err = azqueue.NewServiceClientFromConnectionString(text, &azqueue.ClientOptions{ClientOptions: options})
		return err
	}
	if s.tables, err = aztables.NewServiceClient(c.TableURL, c.Credential, &aztables.ClientOptions{ClientOptions: options}); err != nil {
		return err
	}
	if s.blobs, err = azblob.NewClient(c.BlobURL, c.Credential, &azblob.ClientOptions{ClientOptions: options}); err != nil {
		return err
	}
	s.queues, err = azqueue.NewServiceClient(c.QueueURL, c.Credential, &azqueue.ClientOptions{ClientOptions: options})
	return err
}

// Close implements store.Backend.
func (s *Store) Close() error { return nil }

// Get implements store.Backend.
func (s *Store) Get(ctx context.Context, partition, key string) (store.Row, error) {
	answer, err := s.rows.GetEntity(ctx, partition, key, nil)
	if err != nil {
		return store.Row{}, fmt.Errorf("get row: %w", classify(err))
	}
	row, err := decodeEntity(answer.Value)
	if err == nil && row.ETag == "" {
		row.ETag = string(answer.ETag)
	}
	return row, err
}

// Range implements store.Backend. The service's own tokens page it: the row key
// to go on with.
func (s *Store) Range(ctx context.Context, partition, from, to string, limit int, token string) ([]store.Row, string, error) {
	filter := fmt.Sprintf("PartitionKey eq '%s' and RowKey ge '%s' and RowKey lt '%s'", quote(partition), quote(from), quote(to))
	top := int32(min(limit, 1000))
	options := &aztables.ListEntitiesOptions{Filter: &filter, Top: &top}
	if token != "" {
		nextPartition, nextRow, _ := strings.Cut(token, "\n")
		options.NextPartitionKey, options.NextRowKey = &nextPartition, &nextRow
	}
	page, err := s.rows.NewListEntitiesPager(options).NextPage(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("list rows: %w", classify(err))
	}
	rows := make([]store.Row, 0, len(page.Entities))
	for _, data := range page.Entities {
		row, err := decodeEntity(data)
		if err != nil {
			return nil, "", err
		}
		rows = append(rows, row)
	}
	next := ""
	if page.NextPartitionKey != nil && *page.NextPartitionKey != "" {
		next = *page.NextPartitionKey + "\n"
		if page.NextRowKey != nil {
			next += *page.NextRowKey
		}
	}
	return rows, next, nil
}

func quote(s string) string { return strings.ReplaceAll(s, "'", "''") }

// PutBlob implements store.Backend.
func (s *Store) PutBlob(ctx context.Context, name string, data []byte) error {
	if _, err := s.blobs.UploadBuffer(ctx, s.container, name, data, nil); err != nil {
		return fmt.Errorf("put blob: %w", classify(err))
	}
	return nil
}

// GetBlob implements store.Backend.
func (s *Store) GetBlob(ctx context.Context, name string) ([]byte, error) {
	answer, err := s.blobs.DownloadStream(ctx, s.container, name, nil)
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", classify(err))
	}
	data, err := readAll(ctx, answer)
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", safe(err))
	}
	return data, nil
}

// Blobs implements store.Backend.
func (s *Store) Blobs(ctx context.Context, prefix string, limit int) ([]string, error) {
	most := int32(min(limit, 5000))
	page, err := s.blobs.NewListBlobsFlatPager(s.container, &azblob.ListBlobsFlatOptions{Prefix: &prefix, MaxResults: &most}).NextPage(ctx)
	if err != nil {
		return nil, fmt.Errorf("list blobs: %w", classify(err))
	}
	names := make([]string, 0, len(page.Segment.BlobItems))
	for _, item := range page.Segment.BlobItems {
		names = append(names, *item.Name)
	}
	return names, nil
}

// DeleteBlob implements store.Backend.
func (s *Store) DeleteBlob(ctx context.Context, name string) error {
	_, err := s.blobs.DeleteBlob(ctx, s.container, name, nil)
	if err = classify(err); err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// classify maps the answers of the service to what callers branch on.
func classify(err error) error {
	var answer *azcore.ResponseError
	if err == nil || !errors.As(err, &answer) {
		return safe(err)
	}
	return classifyStatus(answer.StatusCode, answer.ErrorCode)
}

func classifyStatus(status int, code string) error {
	switch status {
	case http.StatusNotFound:
		return fmt.Errorf("%s: %w", code, store.ErrNotFound)
	case http.StatusConflict, http.StatusPreconditionFailed:
		return fmt.Errorf("%s: %w", code, store.ErrConflict)
	case http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%s: %w", code, store.ErrTooLarge)
	}
	return fmt.Errorf("the storage service answered %d %s", status, code)
}

// safe drops what an error of the SDK quotes of addresses, which may hold a
// signature.
func safe(err error) error {
	var answer *azcore.ResponseError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &answer):
		return fmt.Errorf("the storage service answered %d %s", answer.StatusCode, answer.ErrorCode)
	}
	return fmt.Errorf("the storage service cannot be reached: %s", reason(err))
}

func exists(err error) bool {
	var answer *azcore.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusConflict
}

// denied: the identity may use what exists and not create; that shows at first
// use if it does not exist.
func denied(err error) bool {
	var answer *azcore.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden
}
