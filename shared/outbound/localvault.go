package outbound

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/seal"
)

// LocalVault is the stand-in for Key Vault on a laptop: a file in which values
// are sealed, with the key in a file beside it. It answers keyvault connections
// where no vault is configured. Several processes may use it at once.
type LocalVault struct {
	path   string
	sealer *seal.Sealer
	live   *Credentials
}

var _ Vault = (*LocalVault)(nil)

// OpenLocalVault opens the vault in a folder; file and key are made when needed.
func OpenLocalVault(folder string, live *Credentials) (*LocalVault, error) {
	key, err := seal.KeyFile(filepath.Join(folder, "vault.key"))
	if err != nil {
		return nil, fmt.Errorf("open local vault: %w", err)
	}
	sealer, err := seal.New(key)
	if err != nil {
		return nil, fmt.Errorf("open local vault: %w", err)
	}
	return &LocalVault{filepath.Join(folder, "vault.json"), sealer, live}, nil
}

// vaultFile is the vault at rest: names and times in the clear, values sealed.
type vaultFile struct {
	Format  int                     `json:"format"`
	Secrets map[string]*vaultSecret `json:"secrets"` // by name in lower case: Key Vault's names ignore case
}

type vaultSecret struct {
	Name     string         `json:"name"`
	Versions []vaultVersion `json:"versions"` // newest first
}

type vaultVersion struct {
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	Sealed  []byte    `json:"sealed"`
}

const (
	vaultFormat = 1
	// maxVersions is how many values of a secret are kept; the oldest goes first.
	maxVersions = 20
	// maxSecret is Key Vault's limit.
	maxSecret = 25 << 10
)

// place binds a sealed value to its secret and version, so that nobody can put an
// old value, or another secret's, in its place.
func place(key, version string) string { return "vault/" + key + "/" + version }

// Set stores a new version of a secret. A bad name or value is a *Failure.
func (v *LocalVault) Set(name, plain string) error {
	if err := checkSecretPath(name, ""); err != nil {
		return err
	}
	if len(plain) > maxSecret {
		return &Failure{StatusCode: http.StatusBadRequest, Code: "BadParameter", Message: fmt.Sprintf("The value of a secret has at most %d bytes.", maxSecret)}
	}
	return v.change(func(f *vaultFile) error {
		key := strings.ToLower(name)
		s := f.Secrets[key]
		if s == nil {
			s = &vaultSecret{Name: name}
			f.Secrets[key] = s
		}
		id := make([]byte, 16)
		_, _ = rand.Read(id) // never fails: crypto/rand ends the program instead
		version := hex.EncodeToString(id)
		s.Versions = slices.Insert(s.Versions, 0, vaultVersion{
			Version: version, Created: time.Now().UTC().Truncate(time.Second), Sealed: v.sealer.Seal([]byte(plain), place(key, version)),
		})
		s.Versions = s.Versions[:min(len(s.Versions), maxVersions)]
		return nil
	})
}

// Remove deletes a secret with all its versions. The error is a *Failure with
// status 404 if there is none.
func (v *LocalVault) Remove(name string) error {
	return v.change(func(f *vaultFile) error {
		key := strings.ToLower(name)
		if f.Secrets[key] == nil {
			return notInLocalVault(name)
		}
		delete(f.Secrets, key)
		return nil
	})
}

// Names lists the secrets in order.
func (v *LocalVault) Names() ([]string, error) {
	all, err := v.Secrets(context.Background())
	names := make([]string, len(all))
	for i, s := range all {
		names[i] = s.Name
	}
	return names, err
}

// Secret implements Vault.
func (v *LocalVault) Secret(_ context.Context, name, version string) (Secret, error) {
	if err := checkSecretPath(name, version); err != nil {
		return Secret{}, err
	}
	s, err := v.find(name)
	if err != nil {
		return Secret{}, err
	}
	i := slices.IndexFunc(s.Versions, func(e vaultVersion) bool { return version == "" || strings.EqualFold(version, e.Version) })
	if i < 0 {
		return Secret{}, notInLocalVault(name)
	}
	e := s.Versions[i]
	plain, err := v.sealer.Open(e.Sealed, place(strings.ToLower(name), e.Version))
	if err != nil {
		return Secret{}, brokenVault("The local vault cannot be opened with its key file.")
	}
	v.live.NoteSecured(string(plain))
	found := s.describe(e)
	found.Name, found.Value = name, secretValue(name, string(plain))
	return found, nil
}

// Secrets implements Vault.
func (v *LocalVault) Secrets(context.Context) ([]Secret, error) {
	f, err := v.read()
	if err != nil {
		return nil, brokenVault("The local vault cannot be read.")
	}
	all := make([]Secret, 0, len(f.Secrets))
	for _, s := range f.Secrets {
		all = append(all, s.describe(s.Versions[0]))
	}
	slices.SortFunc(all, func(a, b Secret) int { return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return all, nil
}

// Versions implements Vault.
func (v *LocalVault) Versions(_ context.Context, name string) ([]Secret, error) {
	if err := checkSecretPath(name, ""); err != nil {
		return nil, err
	}
	s, err := v.find(name)
	if err != nil {
		return nil, err
	}
	all := make([]Secret, len(s.Versions))
	for i, e := range s.Versions {
		all[i] = s.describe(e)
	}
	return all, nil
}

func (v *LocalVault) find(name string) (*vaultSecret, error) {
	f, err := v.read()
	if err != nil {
		return nil, brokenVault("The local vault cannot be read.")
	}
	if s := f.Secrets[strings.ToLower(name)]; s != nil {
		return s, nil
	}
	return nil, notInLocalVault(name)
}

func (s *vaultSecret) describe(e vaultVersion) Secret {
	return Secret{ID: "https://localvault/secrets/" + s.Name + "/" + e.Version, Name: s.Name, Version: e.Version, Enabled: true, Created: e.Created, Updated: e.Created}
}

func notInLocalVault(name string) *Failure {
	return secretNotFound(name, fmt.Sprintf("If it is the local vault, 'latchwork secret set %s' stores one.", name))
}

func brokenVault(message string) *Failure {
	return &Failure{StatusCode: http.StatusInternalServerError, Code: "InternalServerError", Message: message}
}

// read takes the whole file in. It needs no lock: the file is replaced, never
// changed.
func (v *LocalVault) read() (*vaultFile, error) {
	f := &vaultFile{Format: vaultFormat, Secrets: map[string]*vaultSecret{}}
	data, err := os.ReadFile(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read local vault: %w", err)
	}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, fmt.Errorf("the local vault %s is damaged: %w", v.path, err)
	}
	if f.Format != vaultFormat {
		return nil, fmt.Errorf("the local vault %s has format %d; this program knows %d", v.path, f.Format, vaultFormat)
	}
	for key, s := range f.Secrets {
		if s == nil || len(s.Versions) == 0 || strings.ToLower(s.Name) != key {
			return nil, fmt.Errorf("the local vault %s is damaged", v.path)
		}
	}
	return f, nil
}

// change reads, changes and replaces the file whole, while no other process does.
func (v *LocalVault) change(f func(*vaultFile) error) error {
	lock, err := os.OpenFile(v.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock local vault: %w", err)
	}
	defer lock.Close() // which unlocks it, too
	if err := lockFile(lock); err != nil {
		return fmt.Errorf("lock local vault: %w", err)
	}
	all, err := v.read()
	if err != nil {
		return err
	}
	if err := f(all); err != nil {
		return err
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write local vault: %w", err)
	}
	if err := replaceFile(v.path, data); err != nil {
		return fmt.Errorf("write local vault: %w", err)
	}
	return nil
}

// replaceFile writes a file so that a reader, and whoever comes after a power
// failure, sees the old or the new one, whole.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".vault-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
