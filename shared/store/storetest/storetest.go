package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/store"
)

// Opener opens a backend; called again it opens the same data anew, after the
// first was closed.
type Opener func(t *testing.T) store.Backend

// Exercise is what every backend must pass.
func Exercise(t *testing.T, open Opener) {
	b := open(t)
	for _, part := range []struct {
		name string
		test func(*testing.T, store.Backend)
	}{
		{"conditions", conditions}, {"merging", merging}, {"all or nothing", allOrNothing}, {"types", types}, {"limits", limits},
		{"ranges", ranges}, {"writers", writers}, {"blobs", blobs}, {"queues", queues}, {"queue visibility", visibility},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, b) })
	}
	t.Run("durability", func(t *testing.T) { durability(t, b, open) })
}

func transact(t *testing.T, b store.Backend, partition string, ops ...store.Op) []string {
	t.Helper()
	etags, err := b.Transact(t.Context(), partition, ops)
	if err != nil {
		t.Fatal(err)
	}
	return etags
}

func want(t *testing.T, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("err = %v, want %v", err, target)
	}
}

func try(b store.Backend, partition string, ops ...store.Op) error {
	_, err := b.Transact(context.Background(), partition, ops)
	return err
}

func conditions(t *testing.T, b store.Backend) {
	const p = "conditions:00"
	first := transact(t, b, p, store.Op{Kind: store.Insert, Key: "a", Properties: store.Properties{"V": "1"}})[0]
	if first == "" {
		t.Error("an insert gave no ETag")
	}
	want(t, try(b, p, store.Op{Kind: store.Insert, Key: "a"}), store.ErrConflict)
	second := transact(t, b, p, store.Op{Kind: store.Replace, Key: "a", ETag: first, Properties: store.Properties{"W": "2"}})[0]
	if second == first {
		t.Error("a write did not change the ETag")
	}
	want(t, try(b, p, store.Op{Kind: store.Replace, Key: "a", ETag: first}), store.ErrConflict)
	want(t, try(b, p, store.Op{Kind: store.Delete, Key: "a", ETag: first}), store.ErrConflict)
	row, err := b.Get(t.Context(), p, "a")
	if err != nil || row.ETag != second || row.Key != "a" || row.Partition != p {
		t.Errorf("row = %+v, %v", row, err)
	}
	if _, kept := row.Properties["V"]; kept || row.Properties["W"] != "2" {
		t.Errorf("a replace merged: %v", row.Properties)
	}
	transact(t, b, p, store.Op{Kind: store.Replace, Key: "a"}, store.Op{Kind: store.Replace, Key: "new"})
	transact(t, b, p, store.Op{Kind: store.Delete, Key: "a"})
	_, err = b.Get(t.Context(), p, "a")
	want(t, err, store.ErrNotFound)
	want(t, try(b, p, store.Op{Kind: store.Delete, Key: "a"}), store.ErrNotFound)
	want(t, try(b, p, store.Op{Kind: store.Replace, Key: "a", ETag: second}), store.ErrNotFound)
	want(t, try(b, p, store.Op{Kind: store.Merge, Key: "a", Properties: store.Properties{"V": "1"}}), store.ErrNotFound)
	_, err = b.Get(t.Context(), "no such partition", "a")
	want(t, err, store.ErrNotFound)
}

// merging sets columns and leaves the others as they are.
func merging(t *testing.T, b store.Backend) {
	const p = "merging:00"
	first := transact(t, b, p, store.Op{Kind: store.Insert, Key: "a", Properties: store.Properties{"V": "1", "N": int64(1), "B": []byte{1}}})[0]
	second := transact(t, b, p, store.Op{Kind: store.Merge, Key: "a", Properties: store.Properties{"V": "2", "W": true}})[0]
	want(t, try(b, p, store.Op{Kind: store.Merge, Key: "a", ETag: first, Properties: store.Properties{"V": "3"}}), store.ErrConflict)
	row, err := b.Get(t.Context(), p, "a")
	if err != nil || row.ETag != second || second == first {
		t.Errorf("row = %+v, %v", row, err)
	}
	if got := row.Properties; got["V"] != "2" || got["W"] != true || got["N"] != int64(1) || !bytes.Equal(got["B"].([]byte), []byte{1}) {
		t.Errorf("columns: %v", got)
	}
	transact(t, b, p, store.Op{Kind: store.Merge, Key: "a", ETag: second, Properties: store.Properties{"V": "3"}})
}

func allOrNothing(t *testing.T, b store.Backend) {
	const p = "all:00"
	transact(t, b, p, store.Op{Kind: store.Insert, Key: "there"})
	want(t, try(b, p, store.Op{Kind: store.Insert, Key: "one"}, store.Op{Kind: store.Insert, Key: "there"}, store.Op{Kind: store.Insert, Key: "two"}), store.ErrConflict)
	for _, key := range []string{"one", "two"} {
		_, err := b.Get(t.Context(), p, key)
		want(t, err, store.ErrNotFound)
	}
	etags := transact(t, b, p, store.Op{Kind: store.Insert, Key: "x"}, store.Op{Kind: store.Delete, Key: "there"}, store.Op{Kind: store.Insert, Key: "y"})
	if len(etags) != 3 || etags[0] == "" || etags[1] != "" || etags[2] == "" {
		t.Errorf("ETags: %q", etags)
	}
	if row, err := b.Get(t.Context(), p, "y"); err != nil || row.ETag != etags[2] {
		t.Errorf("the ETag of a transaction is not that of its row: %+v %v", row, err)
	}
}

func types(t *testing.T, b store.Backend) {
	p := store.Properties{
		"String": "text 'quoted' ü😀\n", "Empty": "", "Int": int64(1<<62 + 1), "Negative": int64(-5), "Bool": true, "No": false, "Float": 1.5,
		"Time": time.Date(2026, 11, 21, 9, 30, 15, 123456700, time.UTC), "Bytes": []byte{0, 1, 2, 255},
	}
	transact(t, b, "types:00", store.Op{Kind: store.Insert, Key: "row", Properties: p})
	row, err := b.Get(t.Context(), "types:00", "row")
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range p {
		got := row.Properties[name]
		if data, isBytes := v.([]byte); isBytes {
			if g, _ := got.([]byte); !bytes.Equal(g, data) {
				t.Errorf("%s: %v", name, got)
			}
		} else if at, isTime := v.(time.Time); isTime {
			if g, _ := got.(time.Time); !g.Equal(at) {
				t.Errorf("%s: %v", name, got)
			}
		} else if got != v {
			t.Errorf("%s: %v (%T), want %v", name, got, got, v)
		}
	}
}

func limits(t *testing.T, b store.Backend) {
	const p = "limits:00"
	many := make([]store.Op, store.MaxTransactionOps+1)
	for i := range many {
		many[i] = store.Op{Kind: store.Insert, Key: fmt.Sprintf("k%03d", i)}
	}
	want(t, try(b, p, many...), store.ErrTooLarge)
	transact(t, b, p, many[:store.MaxTransactionOps]...)

	columns := store.Properties{}
	for i := range store.MaxProperties + 1 {
		columns[fmt.Sprintf("C%d", i)] = "v"
	}
	full := store.Properties{}
	for i := range 18 {
		full[fmt.Sprintf("B%d", i)] = make([]byte, store.MaxBinaryBytes)
	}
	for name, properties := range map[string]store.Properties{
		"columns": columns, "text": {"T": strings.Repeat("ü", store.MaxTextUnits+1)}, "binary": {"B": make([]byte, store.MaxBinaryBytes+1)}, "row": full,
		"text in UTF-16": {"T": strings.Repeat("😀", store.MaxTextUnits/2+1)},
	} {
		if err := try(b, p, store.Op{Kind: store.Insert, Key: "large", Properties: properties}); !errors.Is(err, store.ErrTooLarge) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
	delete(full, "B0")
	delete(full, "B1")
	delete(full, "B2")
	batch := make([]store.Op, 5)
	for i := range batch {
		batch[i] = store.Op{Kind: store.Insert, Key: fmt.Sprintf("batch%d", i), Properties: full}
	}
	want(t, try(b, p, batch...), store.ErrTooLarge)
	transact(t, b, p, store.Op{Kind: store.Insert, Key: "fits", Properties: store.Properties{"T": strings.Repeat("ü", store.MaxTextUnits), "B": make([]byte, store.MaxBinaryBytes)}})
	for name, ops := range map[string][]store.Op{
		"none": {}, "row twice": {{Kind: store.Insert, Key: "same"}, {Kind: store.Replace, Key: "same"}},
		"slash": {{Kind: store.Insert, Key: "a/b"}}, "hash": {{Kind: store.Insert, Key: "a#b"}}, "empty key": {{Kind: store.Insert}},
		"type": {{Kind: store.Insert, Key: "type", Properties: store.Properties{"X": 1}}},
	} {
		if err := try(b, p, ops...); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func ranges(t *testing.T, b store.Backend) {
	const p = "ranges:00"
	var ops []store.Op
	var keys []string
	for i := range 25 {
		key := fmt.Sprintf("R.%02d", 24-i)
		keys = append(keys, key)
		ops = append(ops, store.Op{Kind: store.Insert, Key: key, Properties: store.Properties{"N": int64(i)}})
	}
	for _, key := range []string{"Q", "R", "R-", "S.", "r.00"} {
		ops = append(ops, store.Op{Kind: store.Insert, Key: key})
	}
	transact(t, b, p, ops...)
	transact(t, b, "ranges:01", store.Op{Kind: store.Insert, Key: "R.05"})
	slices.Sort(keys)
	var got []string
	pages := 0
	for token := ""; ; pages++ {
		rows, next, err := b.Range(t.Context(), p, "R.", "R/", 10, token)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > 10 {
			t.Errorf("a page of %d rows", len(rows))
		}
		for _, r := range rows {
			got = append(got, r.Key)
			if r.ETag == "" {
				t.Error("a row of a range has no ETag")
			}
		}
		if token = next; token == "" {
			break
		}
	}
	if !slices.Equal(got, keys) || pages < 2 {
		t.Errorf("%d pages gave %v", pages+1, got)
	}
	if rows, next, err := b.Range(t.Context(), p, "X", "Y", 10, ""); err != nil || len(rows) > 0 || next != "" {
		t.Errorf("an empty range gave %v %q %v", rows, next, err)
	}
}

func writers(t *testing.T, b store.Backend) {
	const p = "writers:00"
	etag := transact(t, b, p, store.Op{Kind: store.Insert, Key: "h", Properties: store.Properties{"N": int64(0)}})[0]
	for round := range 5 {
		var mu sync.Mutex
		var winners []string
		var group sync.WaitGroup
		for i := range 8 {
			group.Go(func() {
				etags, err := b.Transact(context.Background(), p, []store.Op{
					{Kind: store.Replace, Key: "h", ETag: etag, Properties: store.Properties{"N": int64(i)}},
					{Kind: store.Insert, Key: fmt.Sprintf("w%d-%d", round, i)},
				})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					winners = append(winners, etags[0])
				} else if !errors.Is(err, store.ErrConflict) {
					t.Errorf("a loser got %v", err)
				}
			})
		}
		group.Wait()
		if len(winners) != 1 {
			t.Fatalf("%d writers won", len(winners))
		}
		etag = winners[0]
	}
	rows, _, err := b.Range(t.Context(), p, "w", "x", 100, "")
	if err != nil || len(rows) != 5 {
		t.Errorf("%d rows beside the header, %v", len(rows), err)
	}
}

func blobs(t *testing.T, b store.Backend) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	long := bytes.Repeat(data, 9)
	long[len(long)-1] = 'z'
	for _, content := range [][]byte{data, {1}, data[:100], long, long[1:], {}, data} {
		if err := b.PutBlob(t.Context(), "folder/blob", content); err != nil {
			t.Fatal(err)
		}
		if got, err := b.GetBlob(t.Context(), "folder/blob"); err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
	for range 2 {
		if err := b.DeleteBlob(t.Context(), "folder/blob"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := b.GetBlob(t.Context(), "folder/blob")
	want(t, err, store.ErrNotFound)
	for _, name := range []string{"list/a/1", "list/a/2", "list/a/3", "list/ab/4", "lisa"} {
		if err := b.PutBlob(t.Context(), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for limit, n := range map[int]int{2: 2, 3: 3, 10: 3} {
		names, err := b.Blobs(t.Context(), "list/a/", limit)
		if err != nil || len(names) != n || slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, "list/a/") }) {
			t.Errorf("at most %d names: %q, %v", limit, names, err)
		}
	}
	if names, err := b.Blobs(t.Context(), "nothing/", 10); err != nil || len(names) > 0 {
		t.Errorf("no names: %q, %v", names, err)
	}
}

func durability(t *testing.T, b store.Backend, open Opener) {
	etag := transact(t, b, "durable:00", store.Op{Kind: store.Insert, Key: "k", Properties: store.Properties{"V": "kept"}})[0]
	if err := b.PutBlob(t.Context(), "durable", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if err := b.Queue("storetest-durable").Send(t.Context(), "kept", 0); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = open(t)
	if row, err := b.Get(t.Context(), "durable:00", "k"); err != nil || row.Properties["V"] != "kept" || row.ETag != etag {
		t.Errorf("row: %+v %v", row, err)
	}
	if data, err := b.GetBlob(t.Context(), "durable"); err != nil || string(data) != "kept" {
		t.Errorf("blob: %q %v", data, err)
	}
	if messages := receive(t, b.Queue("storetest-durable"), 1, time.Minute); len(messages) != 1 || messages[0].Text != "kept" {
		t.Errorf("message: %v", messages)
	}
}
