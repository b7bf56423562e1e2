package outbound

import (
	"context"
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

	"golang.org/x/sys/unix"

	"github.com/latchwork/latchwork/shared/seal"
)

// LocalVault is the stand-in for Key Vault on a laptop: a file in which values
// are sealed, with the key in a file beside it. It answers keyvault connections
// where no vault is configured.
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
		return nil, err
	}
	sealer, err := seal.New(key)
	if err != nil {
		return nil, err
	}
	return &LocalVault{filepath.Join(folder, "vault.json"), sealer, live}, nil
}

// entry is a secret at rest.
type entry struct {
	Version string    `json:"version"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	Sealed  []byte    `json:"sealed"`
}

// Set stores a secret, replacing an older value.
func (v *LocalVault) Set(name, plain string) error {
	if !validName(name) {
		return badName()
	}
	return v.change(func(all map[string]entry) error {
		now := time.Now().UTC().Truncate(time.Second)
		key := strings.ToLower(name)
		e := entry{Version: fmt.Sprintf("%032x", now.UnixNano()), Created: now, Updated: now}
		if old, ok := all[key]; ok {
			e.Created = old.Created
		}
		e.Sealed = v.sealer.Seal([]byte(plain), "vault/"+key)
		all[key] = e
		return nil
	})
}

// Remove deletes a secret. The error is a *Failure with status 404 if there is
// none.
func (v *LocalVault) Remove(name string) error {
	return v.change(func(all map[string]entry) error {
		key := strings.ToLower(name)
		if _, ok := all[key]; !ok {
			return notInVault(name)
		}
		delete(all, key)
		return nil
	})
}

// Names lists the secrets in order.
func (v *LocalVault) Names() ([]string, error) {
	all, err := v.read()
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Secret implements Vault.
func (v *LocalVault) Secret(_ context.Context, name, version string) (Secret, error) {
	if !validName(name) {
		return Secret{}, badName()
	}
	all, err := v.read()
	if err != nil {
		return Secret{}, &Failure{StatusCode: http.StatusInternalServerError, Code: "InternalServerError", Message: "The local vault cannot be read."}
	}
	key := strings.ToLower(name)
	e, ok := all[key]
	if !ok || version != "" && version != e.Version {
		return Secret{}, notInVault(name)
	}
	plain, err := v.sealer.Open(e.Sealed, "vault/"+key)
	if err != nil {
		return Secret{}, &Failure{StatusCode: http.StatusInternalServerError, Code: "InternalServerError", Message: "The local vault cannot be opened with its key file."}
	}
	v.live.Note(string(plain))
	return Secret{Name: name, Version: e.Version, Value: secretValue(name, string(plain)), Enabled: true, Created: e.Created, Updated: e.Updated}, nil
}

func notInVault(name string) *Failure {
	return &Failure{StatusCode: http.StatusNotFound, Code: "SecretNotFound", Message: fmt.Sprintf(
		"A secret with (name/id) %s was not found in this key vault. If it is the local vault, 'latchwork secret set %s' stores one.", name, name)}
}

func (v *LocalVault) read() (map[string]entry, error) {
	all := map[string]entry{}
	data, err := os.ReadFile(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read local vault: %w", err)
	}
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, fmt.Errorf("the local vault %s is damaged", v.path)
	}
	return all, nil
}

// change reads, changes and replaces the file whole, while no other process does.
func (v *LocalVault) change(f func(map[string]entry) error) error {
	lock, err := os.OpenFile(v.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock local vault: %w", err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
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
		return err
	}
	return replaceFile(v.path, data)
}

// replaceFile writes a file so that a reader sees the old or the new one, whole.
func replaceFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".vault-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write local vault: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write local vault: %w", err)
	}
	return nil
}
