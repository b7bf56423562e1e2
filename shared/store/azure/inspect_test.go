package azure_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

// Inspect makes nothing that is missing, and leaves nothing behind.
func TestInspect(t *testing.T) {
	prefix := unique()
	config := azure.Config{ConnectionString: azurite.Shared(t).ConnectionString, Prefix: prefix}
	for range 2 {
		list, err := azure.Inspect(t.Context(), config, prefix+"-queue")
		if err != nil || len(list) != 3 {
			t.Fatalf("%v, %v", list, err)
		}
		for _, f := range list {
			if f.Err == nil || f.Status != http.StatusNotFound || time.Since(f.Clock).Abs() > time.Minute {
				t.Errorf("missing: %+v", f)
			}
		}
	}
	b := open(t, prefix, nil)
	if err := b.Queue(prefix+"-queue").Send(t.Context(), "x", 0); err != nil {
		t.Fatal(err)
	}
	list, err := azure.Inspect(t.Context(), config, prefix+"-queue")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		if f.Err != nil || f.Clock.IsZero() {
			t.Errorf("there: %+v", f)
		}
	}
	if rows, _, err := b.Range(t.Context(), "doctor", " ", "~", 10, ""); err != nil || len(rows) != 0 {
		t.Errorf("rows left: %v, %v", rows, err)
	}
	if _, err := b.GetBlob(t.Context(), "doctor"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a blob left: %v", err)
	}
	if list, err := b.Queue(prefix+"-queue").Receive(t.Context(), 32, time.Second); err != nil || len(list) != 1 || list[0].Text != "x" {
		t.Errorf("messages: %v, %v", list, err)
	}
}
