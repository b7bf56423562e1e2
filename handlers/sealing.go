package handlers

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"time"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
)

// sealer opens the keys that seal what lies in the store: from a setting, from a secret
// of the vault, wrapped by a key of the vault, or from a file beside the embedded store.
func (a *app) sealer(ctx context.Context, backend store.Backend) (*seal.Sealer, error) {
	switch {
	case a.settings.getenv(settingSealKey) != "":
		s, err := a.sealerOf(a.settings.getenv(settingSealKey))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", settingSealKey, err)
		}
		return s, nil
	case a.settings.getenv(settingSealSecret) != "":
		s, err := a.sealerOfSecret(ctx, a.settings.getenv(settingSealSecret))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", settingSealSecret, err)
		}
		return s, nil
	case a.settings.getenv(settingSealWrap) != "":
		s, err := a.sealerOfWrapped(ctx, backend, a.settings.getenv(settingSealWrap))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", settingSealWrap, err)
		}
		return s, nil
	case a.local:
		keys, err := seal.KeysFile(filepath.Join(a.settings.dataDir, "store.key"))
		if err != nil {
			return nil, err
		}
		return seal.New(keys[0], keys[1:]...)
	}
	return nil, fmt.Errorf("a store on Azure needs a key to seal with: set %s to the name of a key in the vault, %s to that of a secret, or %s to %d bytes in base64",
		settingSealWrap, settingSealSecret, settingSealKey, seal.KeySize)
}

// sealerOf seals with the first key of a text and opens with all.
func (a *app) sealerOf(text string) (*seal.Sealer, error) {
	keys, err := a.keys(text)
	if err != nil {
		return nil, err
	}
	return seal.New(keys[0], keys[1:]...)
}

func (a *app) keys(text string) ([][]byte, error) {
	a.live.Note(text)
	return seal.ParseKeys(text)
}

// maxKeyVersions is how many versions of a secret are looked at for a key.
const maxKeyVersions = 25

// findTime bounds the search for a key, for which somebody waits who reads a run.
const findTime = 30 * time.Second

// sealerOfSecret seals with the current version of a secret and opens with all of them.
func (a *app) sealerOfSecret(ctx context.Context, name string) (*seal.Sealer, error) {
	current, err := a.vault.Secret(ctx, name, "")
	if err != nil {
		return nil, err
	}
	s, err := a.sealerOf(current.Value.Str())
	if err != nil {
		return nil, err
	}
	s.Find = func(id seal.KeyID) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), findTime)
		defer cancel()
		versions, err := a.vault.Versions(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, v := range versions[:min(len(versions), maxKeyVersions)] {
			if !v.Enabled {
				continue
			}
			secret, err := a.vault.Secret(ctx, name, v.Version)
			if err != nil {
				return nil, err
			}
			keys, err := a.keys(secret.Value.Str())
			if err != nil {
				continue // a version that never was a key
			}
			for _, key := range keys {
				if seal.IDOf(key) == id {
					return key, nil
				}
			}
		}
		return nil, nil
	}
	return s, nil
}

// dataKeyLife is after how long an app that starts makes a new data key.
const dataKeyLife = 90 * 24 * time.Hour

// sealerOfWrapped seals with a data key that lies in the store, encrypted by a key that
// never leaves the vault. Older data keys are asked for when something needs them.
func (a *app) sealerOfWrapped(ctx context.Context, backend store.Backend, name string) (*seal.Sealer, error) {
	if a.outbound.KeyVault == "" {
		return nil, fmt.Errorf("there is no Key Vault; set %s", outbound.SettingVault)
	}
	wrap, err := outbound.NewKeyWrap(a.outbound.KeyVault, name, a.identity, a.outbound.HTTPClient(), a.outbound.VaultOptions()...)
	if err != nil {
		return nil, err
	}
	known, err := store.DataKeys(ctx, backend)
	if err != nil {
		return nil, err
	}
	var key []byte
	if len(known) == 0 || time.Since(known[0].Created) > dataKeyLife {
		key, err = newDataKey(ctx, backend, wrap)
	} else {
		key, err = wrap.Unwrap(ctx, known[0].Wrapped, known[0].WrappedBy)
	}
	if err != nil {
		return nil, err
	}
	s, err := seal.New(key)
	if err != nil {
		return nil, err
	}
	s.Find = func(id seal.KeyID) ([]byte, error) {
		ctx, cancel := context.WithTimeout(context.Background(), findTime)
		defer cancel()
		known, err := store.DataKeys(ctx, backend)
		if err != nil {
			return nil, err
		}
		for _, k := range known {
			if k.ID == hex.EncodeToString(id[:]) {
				return wrap.Unwrap(ctx, k.Wrapped, k.WrappedBy)
			}
		}
		return nil, nil
	}
	return s, nil
}

// newDataKey makes a data key. Of two apps that make one at once each keeps its own, and
// both open what the other has sealed.
func newDataKey(ctx context.Context, backend store.Backend, wrap *outbound.KeyWrap) ([]byte, error) {
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	wrapped, version, err := wrap.Wrap(ctx, key)
	if err != nil {
		return nil, err
	}
	id := seal.IDOf(key)
	return key, store.AddDataKey(ctx, backend, store.DataKey{ID: hex.EncodeToString(id[:]), Wrapped: wrapped, WrappedBy: version, Created: time.Now()})
}
