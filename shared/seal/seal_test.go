package seal_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
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

func TestOlderKeysOpen(t *testing.T) {
	one, two, three := bytes.Repeat([]byte{1}, seal.KeySize), bytes.Repeat([]byte{2}, seal.KeySize), bytes.Repeat([]byte{3}, seal.KeySize)
	make := func(key []byte, older ...[]byte) *seal.Sealer {
		s, err := seal.New(key, older...)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	sealed := make(one).Seal([]byte("canary"), "place")
	if plain, err := make(two, one).Open(sealed, "place"); err != nil || string(plain) != "canary" {
		t.Errorf("an older key: %q, %v", plain, err)
	}
	asked := 0
	s := make(two)
	s.Find = func(id seal.KeyID) ([]byte, error) {
		asked++
		if id == seal.IDOf(one) {
			return one, nil
		}
		return three, nil // not what was asked for
	}
	for range 2 {
		if plain, err := s.Open(sealed, "place"); err != nil || string(plain) != "canary" {
			t.Errorf("a key that is found: %q, %v", plain, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if _, err := s.Open(make(bytes.Repeat([]byte{9}, seal.KeySize)).Seal(nil, "place"), "place"); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("a key that nobody has: %v", err)
	}
	down := errors.New("the vault is down")
	s.Find = func(seal.KeyID) ([]byte, error) { return nil, down }
	if _, err := s.Open(make(three).Seal(nil, "place"), "place"); !errors.Is(err, down) {
		t.Errorf("a vault that is down: %v", err)
	}
}

// What was sealed before keys had ids: nonce and ciphertext, without a header.
func TestSealedWithoutAKeyIDOpens(t *testing.T) {
	key := bytes.Repeat([]byte{1}, seal.KeySize)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	for first := range 256 { // whatever the nonce begins with
		nonce := append([]byte{byte(first)}, make([]byte, aead.NonceSize()-1)...)
		s, err := seal.New(bytes.Repeat([]byte{2}, seal.KeySize), key)
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := s.Open(aead.Seal(nonce, nonce, []byte("canary"), []byte("place")), "place"); err != nil || string(plain) != "canary" {
			t.Fatalf("%q, %v", plain, err)
		}
	}
}

func TestParseKeys(t *testing.T) {
	key := base64.StdEncoding.EncodeToString(make([]byte, seal.KeySize))
	for text, want := range map[string]int{key: 1, " " + key + "\n": 1, key + "," + key: 2, key + "\n" + key + "\n": 2, "": 0, "x": 0, key + ",x": 0, key[4:]: 0} {
		if keys, err := seal.ParseKeys(text); len(keys) != want || (err == nil) != (want > 0) || err != nil && text != "" && strings.Contains(err.Error(), text) && len(text) > 4 {
			t.Errorf("%q: %d keys, %v", text, len(keys), err)
		}
	}
}
