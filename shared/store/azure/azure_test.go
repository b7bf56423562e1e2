package azure_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/storetest"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

func TestMain(m *testing.M) { os.Exit(azurite.Main(m)) }

func open(t *testing.T, prefix string, transport *lossy) store.Backend {
	t.Helper()
	c := azure.Config{ConnectionString: azurite.Shared(t).ConnectionString, Prefix: prefix}
	if transport != nil {
		c.Transport = transport
	}
	s, err := azure.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func unique() string { return fmt.Sprintf("t%d", time.Now().UnixNano()) }

func TestBackend(t *testing.T) {
	prefix := unique()
	storetest.Exercise(t, func(t *testing.T) store.Backend { return open(t, prefix, nil) })
}

// lossy drops the answer of the next transactions: the service has done them, and
// the client does not know.
type lossy struct{ drop atomic.Int32 }

func (l *lossy) Do(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && strings.Contains(r.URL.Path, "$batch") && l.drop.Add(-1) >= 0 {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
		return &http.Response{StatusCode: http.StatusServiceUnavailable, Status: "503", Header: http.Header{"Retry-After-Ms": {"1"}}, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
	}
	return answer, err
}

// TestALostAnswerIsNoConflict: the client sends again by itself and finds its own
// work; that must not look like somebody else's.
func TestALostAnswerIsNoConflict(t *testing.T) {
	transport := &lossy{}
	b := open(t, unique(), transport)
	transport.drop.Store(1)
	etags, err := b.Transact(t.Context(), "p:00", []store.Op{{Kind: store.Insert, Key: "a"}, {Kind: store.Insert, Key: "b"}})
	if err != nil {
		t.Fatal(err)
	}
	row, err := b.Get(t.Context(), "p:00", "a")
	if err != nil || row.ETag != etags[0] {
		t.Fatalf("ETag %q, row %+v, %v", etags[0], row, err)
	}
	transport.drop.Store(1)
	etags, err = b.Transact(t.Context(), "p:00", []store.Op{{Kind: store.Replace, Key: "a", ETag: etags[0]}, {Kind: store.Delete, Key: "b"}})
	if err != nil || etags[0] == row.ETag {
		t.Fatalf("%q %v", etags, err)
	}
	transport.drop.Store(0)
	if err := func() error {
		_, err := b.Transact(t.Context(), "p:00", []store.Op{{Kind: store.Replace, Key: "a", ETag: row.ETag}})
		return err
	}(); err == nil || !strings.Contains(err.Error(), store.ErrConflict.Error()) {
		t.Errorf("a true conflict: %v", err)
	}
}

func TestErrorsQuoteNoKeys(t *testing.T) {
	const key = "c2VjcmV0LWtleS1vZi10aGUtYWNjb3VudA=="
	// An identity that may not create anything can still use what exists, so opening
	// works and the first use fails.
	b, err := azure.Open(t.Context(), azure.Config{
		ConnectionString: "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=" + key + ";BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:1/a;TableEndpoint=http://127.0.0.1:1/a;",
		Transport:        failing{},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, getErr := b.Get(t.Context(), "p", "k")
	_, transactErr := b.Transact(t.Context(), "p", []store.Op{{Kind: store.Insert, Key: "k"}})
	_, blobErr := b.GetBlob(t.Context(), "n")
	for _, err := range []error{getErr, transactErr, blobErr, b.Queue("queue").Send(t.Context(), "m", 0)} {
		if err == nil || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), "sig=") || !strings.Contains(err.Error(), "403") {
			t.Errorf("err = %v", err)
		}
	}
}

type failing struct{}

func (failing) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Status: "403 Forbidden", Header: http.Header{"X-Ms-Error-Code": {"AuthenticationFailed"}}, Body: io.NopCloser(strings.NewReader("the signature was sig=abc")), Request: r}, nil
}
