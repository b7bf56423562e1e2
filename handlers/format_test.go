package handlers

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

// oldStore lays out the data folder of the first version that was kept: one workflow
// and one run.
func oldStore(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	packed, err := os.Open("testdata/stores/format-1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	r, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile("testdata/stores/format-1.key")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"store.db": data, storeKeyFile: key} {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func openOld(t *testing.T, folder string) (*app, error) {
	t.Helper()
	return openApp(t.Context(), options{
		getenv: func(name string) string { return map[string]string{settingDataDir: folder}[name] }, storeFile: filepath.Join(folder, "store.db"), log: io.Discard,
	})
}

// A store of an older version is read, and says its format from then on.
func TestOlderStoreIsRead(t *testing.T) {
	folder := oldStore(t)
	for range 2 {
		a, err := openOld(t, folder)
		if err != nil {
			t.Fatal(err)
		}
		workflows, err := a.store.Workflows(t.Context())
		if err != nil || len(workflows) != 1 || workflows[0].Name != "flow" {
			t.Fatalf("workflows: %v, %v", workflows, err)
		}
		runs, _, err := a.store.Runs(t.Context(), workflows[0].ID, 10, "")
		if err != nil || len(runs) != 1 || runs[0].State.Status != "Succeeded" {
			t.Fatalf("runs: %v, %v", runs, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A store of a newer version is refused, with what to do, and stays as it is:
// whether its rows are newer, or its file.
func TestNewerStoreIsRefused(t *testing.T) {
	newerRows := func(t *testing.T, folder string) {
		b, err := local.Open(filepath.Join(folder, "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		writeFormat(t, b, store.Format+1)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
	}
	newerFile := func(t *testing.T, folder string) {
		db, err := bbolt.Open(filepath.Join(folder, "store.db"), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte("2")) })
		if err != nil || db.Close() != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(*testing.T, string){"rows": newerRows, "file": newerFile} {
		t.Run(name, func(t *testing.T) {
			folder := oldStore(t)
			change(t, folder)
			before, err := os.ReadFile(filepath.Join(folder, "store.db"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = openOld(t, folder)
			if err == nil || !strings.Contains(err.Error(), "format 2") || !strings.Contains(err.Error(), "use a newer latchwork") {
				t.Errorf("%v", err)
			}
			after, err := os.ReadFile(filepath.Join(folder, "store.db"))
			if err != nil || len(after) != len(before) {
				t.Errorf("%d bytes became %d, %v", len(before), len(after), err)
			}
		})
	}
}

func writeFormat(t *testing.T, b store.Backend, format int64) {
	t.Helper()
	if _, err := b.Transact(t.Context(), "registry", []store.Op{{Kind: store.Replace, Key: "F", Properties: store.Properties{"Format": format}}}); err != nil {
		t.Fatal(err)
	}
}

// On Azure it is the same.
func TestFormatOnAzure(t *testing.T) {
	b, err := azure.Open(t.Context(), azure.Config{ConnectionString: azurite.Shared(t).ConnectionString, Prefix: "formattest"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.CheckFormat(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	writeFormat(t, b, store.Format+1)
	if err := store.CheckFormat(t.Context(), b); err == nil || !strings.Contains(err.Error(), "use a newer latchwork") {
		t.Errorf("%v", err)
	}
}
