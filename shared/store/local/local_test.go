package local_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest"
)

func TestBackend(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "store.db")
	storetest.Exercise(t, func(t *testing.T) store.Backend {
		s, err := local.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of the file: %v %v", info.Mode(), err)
	}
}

func TestOneProcessPerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := local.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := local.Open(path); err == nil || !strings.Contains(err.Error(), "in use by another latchwork process") {
		t.Errorf("second open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Transact(context.Background(), "p", []store.Op{{Kind: store.Insert, Key: "k"}}); err == nil {
		t.Error("a closed store took a transaction")
	}
}

func TestAStoreOfANewerFormatIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := local.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("99")) }); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	if _, err := local.Open(path); err == nil || !strings.Contains(err.Error(), "format 99") {
		t.Errorf("err = %v", err)
	}
}

func BenchmarkTransact(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, err := local.Open(filepath.Join(b.TempDir(), "store.db"))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			text := strings.Repeat("x", 500)
			work := make(chan int)
			var group sync.WaitGroup
			for range writers {
				group.Go(func() {
					for i := range work {
						var ops []store.Op
						for j := range 3 {
							ops = append(ops, store.Op{Kind: store.Replace, Key: fmt.Sprintf("%d-%d", i, j), Properties: store.Properties{"T": text}})
						}
						if _, err := s.Transact(context.Background(), "p", ops); err != nil {
							b.Error(err)
						}
					}
				})
			}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				work <- i
			}
			close(work)
			group.Wait()
		})
	}
}

// BenchmarkLongQueue measures to receive and delete a message where many others wait:
// it must not matter how many.
func BenchmarkLongQueue(b *testing.B) {
	s, err := local.Open(filepath.Join(b.TempDir(), "store.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	q := s.Queue("long")
	var senders sync.WaitGroup
	for range 50 {
		senders.Go(func() {
			for range 200 {
				if err := q.Send(context.Background(), "waits", 0); err != nil {
					b.Error(err)
				}
			}
		})
	}
	senders.Wait()
	b.ResetTimer()
	for range b.N {
		if err := q.Send(context.Background(), "one more", 0); err != nil {
			b.Fatal(err)
		}
		got, err := q.Receive(context.Background(), 1, time.Minute)
		if err != nil || len(got) != 1 {
			b.Fatalf("%v, %v", got, err)
		}
		if err := q.Delete(context.Background(), got[0]); err != nil {
			b.Fatal(err)
		}
	}
}
