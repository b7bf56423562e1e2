package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/latchwork/latchwork/shared/seal"
)

func TestSealedTextOpensOnlyInItsPlace(t *testing.T) {
	s, err := seal.New(bytes.Repeat([]byte{7}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	sealed := s.Seal([]byte("canary"), "run/1")
	if bytes.Contains(sealed, []byte("canary")) {
		t.Error("the plain text shows")
	}
	if plain, err := s.Open(sealed, "run/1"); err != nil || string(plain) != "canary" {
		t.Errorf("Open = %q, %v", plain, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	other, _ := seal.New(bytes.Repeat([]byte{8}, seal.KeySize))
	for name, open := range map[string]func() ([]byte, error){
		"another place": func() ([]byte, error) { return s.Open(sealed, "run/2") },
		"changed":       func() ([]byte, error) { return s.Open(changed, "run/1") },
		"another key":   func() ([]byte, error) { return other.Open(sealed, "run/1") },
		"cut":           func() ([]byte, error) { return s.Open(sealed[:5], "run/1") },
	} {
		if _, err := open(); !errors.Is(err, seal.ErrOpen) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

func TestKeyFileIsMadeOnceAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "store.key")
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = seal.KeyFile(path); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if len(k) != seal.KeySize || !bytes.Equal(k, keys[0]) {
			t.Fatal("callers got different keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.KeyFile(path); err == nil {
		t.Error("a broken key file was accepted")
	}
}
