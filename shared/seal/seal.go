// Package seal encrypts what must not lie on a disk in the clear: signing keys,
// secure parameters, the local vault, and values of run history that derive
// from a secret.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// KeySize is the length of a key in bytes: AES-256.
const KeySize = 32

// ErrOpen means that a sealed text was changed, belongs to another place, or
// was sealed with another key.
var ErrOpen = errors.New("sealed data cannot be opened: wrong key, or the data was changed or moved")

// Sealer seals and opens with one key. It is safe for concurrent use.
type Sealer struct{ aead cipher.AEAD }

// New returns the sealer of a key of KeySize bytes.
func New(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("seal key: want %d bytes, got %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("seal key: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal encrypts plain. place says where the result will stand; Open refuses it
// anywhere else, so that a sealed text cannot be copied to another row.
func (s *Sealer) Seal(plain []byte, place string) []byte {
	nonce := make([]byte, s.aead.NonceSize(), s.aead.NonceSize()+len(plain)+s.aead.Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program instead
	return s.aead.Seal(nonce, nonce, plain, []byte(place))
}

// Open decrypts what Seal returned for the same place. The error is ErrOpen.
func (s *Sealer) Open(sealed []byte, place string) ([]byte, error) {
	size := s.aead.NonceSize()
	if len(sealed) < size {
		return nil, ErrOpen
	}
	plain, err := s.aead.Open(nil, sealed[:size], sealed[size:], []byte(place))
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// KeyFile reads the key in a file (base64, mode 0600), making file and key when
// there is none.
func KeyFile(path string) ([]byte, error) {
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			return parseKey(path, text)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read seal key: %w", err)
		}
		if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create seal key: %w", err)
		}
	}
}

func parseKey(path string, text []byte) ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("seal key file %s does not hold a key of %d bytes in base64", path, KeySize)
	}
	return key, nil
}

// createKey writes a new key under another name and links it into place, so
// that nobody ever reads half a key and two processes agree on one.
func createKey(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	key := make([]byte, KeySize)
	_, _ = rand.Read(key)
	f, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
