// Package seal encrypts what must not lie on a disk in the clear: signing keys,
// secure parameters, the local vault, and values of run history that derive
// from a secret.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// KeySize is the length of a key in bytes: AES-256.
const KeySize = 32

// ErrOpen means that a sealed text was changed, belongs to another place, or
// was sealed with another key.
var ErrOpen = errors.New("sealed data cannot be opened: wrong key, or the data was changed or moved")

// KeyID tells keys apart. It is derived from the key and tells nothing about it.
type KeyID [8]byte

// IDOf returns the id of a key.
func IDOf(key []byte) (id KeyID) {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("latchwork key id"))
	copy(id[:], mac.Sum(nil))
	return id
}

// Sealer seals with one key and opens what it or an older one sealed, so that a key can
// be replaced without writing anything anew. It is safe for concurrent use.
type Sealer struct {
	// Find asks for a key that the sealer was not made with: one that another process
	// has begun to seal with. nil: there is none. It is set before first use.
	Find func(id KeyID) (key []byte, err error)

	id   KeyID
	mu   sync.Mutex
	keys map[KeyID]cipher.AEAD
}

// marker begins what is sealed with the id of its key. What lacks it was sealed before
// keys had ids.
const marker = 'K'

// New returns a sealer. It seals with the first key; all have KeySize bytes.
func New(key []byte, older ...[]byte) (*Sealer, error) {
	s := &Sealer{id: IDOf(key), keys: map[KeyID]cipher.AEAD{}}
	for _, k := range append([][]byte{key}, older...) {
		if err := s.add(k); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Sealer) add(key []byte) error {
	if len(key) != KeySize {
		return fmt.Errorf("seal key: want %d bytes, got %d", KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return fmt.Errorf("seal key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return fmt.Errorf("seal key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[IDOf(key)] = aead
	return nil
}

func (s *Sealer) key(id KeyID) cipher.AEAD {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[id]
}

// Seal encrypts plain. place says where the result will stand; Open refuses it
// anywhere else, so that a sealed text cannot be copied to another row.
func (s *Sealer) Seal(plain []byte, place string) []byte {
	aead := s.key(s.id)
	head := 1 + len(s.id)
	sealed := make([]byte, head+aead.NonceSize(), head+aead.NonceSize()+len(plain)+aead.Overhead())
	sealed[0] = marker
	copy(sealed[1:], s.id[:])
	_, _ = rand.Read(sealed[head:]) // never fails: crypto/rand ends the program instead
	return aead.Seal(sealed, sealed[head:], plain, []byte(place))
}

// Open decrypts what Seal returned for the same place. The error is ErrOpen, or says why
// the key cannot be had.
func (s *Sealer) Open(sealed []byte, place string) ([]byte, error) {
	var id KeyID
	if head := 1 + len(id); len(sealed) > head && sealed[0] == marker {
		copy(id[:], sealed[1:])
		aead, err := s.find(id)
		if err != nil {
			return nil, err
		}
		if plain, ok := open(aead, sealed[head:], place); ok {
			return plain, nil
		}
	}
	s.mu.Lock()
	all := slices.Collect(maps.Values(s.keys))
	s.mu.Unlock()
	for _, aead := range all {
		if plain, ok := open(aead, sealed, place); ok {
			return plain, nil
		}
	}
	return nil, ErrOpen
}

// find returns a key; nil where nobody has it.
func (s *Sealer) find(id KeyID) (cipher.AEAD, error) {
	if aead := s.key(id); aead != nil || s.Find == nil {
		return aead, nil
	}
	key, err := s.Find(id)
	if err != nil {
		return nil, fmt.Errorf("find the key of sealed data: %w", err)
	}
	if key == nil || IDOf(key) != id {
		return nil, nil
	}
	if err := s.add(key); err != nil {
		return nil, err
	}
	return s.key(id), nil
}

func open(aead cipher.AEAD, sealed []byte, place string) ([]byte, bool) {
	if aead == nil || len(sealed) < aead.NonceSize() {
		return nil, false
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(place))
	return plain, err == nil
}

// ParseKeys reads keys in base64, one to a line or separated by commas: the first one
// seals, all open.
func ParseKeys(text string) ([][]byte, error) {
	var keys [][]byte
	for _, field := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		key, err := base64.StdEncoding.DecodeString(field)
		if err != nil || len(key) != KeySize {
			return nil, fmt.Errorf("want %d bytes in base64", KeySize)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("want %d bytes in base64", KeySize)
	}
	return keys, nil
}

// KeyFile reads the first key in a file (base64, mode 0600), making file and key when
// there is none.
func KeyFile(path string) ([]byte, error) {
	keys, err := KeysFile(path)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// KeysFile is KeyFile with all keys: a new one is put into a line before the others.
func KeysFile(path string) ([][]byte, error) {
	for {
		text, err := os.ReadFile(path)
		if err == nil {
			keys, err := ParseKeys(string(text))
			if err != nil {
				return nil, fmt.Errorf("seal key file %s does not hold a key of %d bytes in base64", path, KeySize)
			}
			return keys, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read seal key: %w", err)
		}
		if err := createKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create seal key: %w", err)
		}
	}
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
