package azure

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/aztables"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"

	"github.com/latchwork/latchwork/shared/store"
)

// encodeEntity writes a row with the types of Table storage: 64-bit integers and
// bytes would lose their type otherwise.
func encodeEntity(partition, key string, p store.Properties) ([]byte, error) {
	e := aztables.EDMEntity{Entity: aztables.Entity{PartitionKey: partition, RowKey: key}, Properties: make(map[string]any, len(p))}
	for name, v := range p {
		switch v := v.(type) {
		case int64:
			e.Properties[name] = aztables.EDMInt64(v)
		case []byte:
			e.Properties[name] = aztables.EDMBinary(v)
		case time.Time:
			e.Properties[name] = aztables.EDMDateTime(v.UTC())
		default:
			e.Properties[name] = v
		}
	}
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode row: %w", err)
	}
	return data, nil
}

func decodeEntity(data []byte) (store.Row, error) {
	var e aztables.EDMEntity
	if err := json.Unmarshal(data, &e); err != nil {
		return store.Row{}, fmt.Errorf("read row: the answer is not an entity")
	}
	row := store.Row{Partition: e.PartitionKey, Key: e.RowKey, ETag: e.ETag, Properties: make(store.Properties, len(e.Properties))}
	for name, v := range e.Properties {
		switch v := v.(type) {
		case aztables.EDMInt64:
			row.Properties[name] = int64(v)
		case int32:
			row.Properties[name] = int64(v)
		case aztables.EDMBinary:
			row.Properties[name] = []byte(v)
		case aztables.EDMDateTime:
			row.Properties[name] = time.Time(v).UTC()
		default:
			row.Properties[name] = v
		}
	}
	return row, nil
}

func errorCode(r *http.Response) string {
	if code := r.Header.Get("x-ms-error-code"); code != "" {
		return code
	}
	var body struct {
		Error struct {
			Code string `json:"code"`
		} `json:"odata.error"`
	}
	_ = json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&body) // without a code the status says enough
	return body.Error.Code
}

func readAll(ctx context.Context, answer azblob.DownloadStreamResponse) ([]byte, error) {
	body := answer.NewRetryReader(ctx, nil)
	data, err := io.ReadAll(body)
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	return data, err
}
