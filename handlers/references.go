package handlers

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

// references reads the secrets that settings and parameters refer to. Where no Key Vault
// is configured, the local vault stands for all vaults.
type references struct {
	config   outbound.Config
	identity *outbound.Identity
	local    outbound.Vault // nil where a Key Vault is configured

	mu     sync.Mutex
	vaults map[string]outbound.Vault // by address
}

// newReferences reads settings of its own: parameter files are read before there is an
// app.
func newReferences(getenv func(string) string) (*references, error) {
	s, err := readSettings(getenv, false)
	if err != nil {
		return nil, err
	}
	r := &references{}
	if r.config, err = outbound.FromEnv(getenv); err != nil {
		return nil, err
	}
	if r.identity, err = outbound.NewIdentity(getenv, r.config.HTTPClient()); err != nil {
		return nil, err
	}
	if r.config.KeyVault == "" {
		r.local, err = outbound.OpenLocalVault(s.dataDir, nil)
	}
	return r, err
}

func (r *references) vault(address string) (outbound.Vault, error) {
	if r.local != nil {
		return r.local, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, ok := r.vaults[address]; ok {
		return v, nil
	}
	v, err := outbound.NewKeyVault(address, r.identity, r.config.HTTPClient(), r.config.Live, r.config.VaultOptions()...)
	if err != nil {
		return nil, err
	}
	if r.vaults == nil {
		r.vaults = map[string]outbound.Vault{}
	}
	r.vaults[address] = v
	return v, nil
}

// secret reads what a reference names. Whoever refers to a secret declares a credential:
// visible history redacts it, too.
func (r *references) secret(ctx context.Context, of outbound.Reference) (value.Value, error) {
	vault, err := r.vault(of.Vault)
	if err != nil {
		return value.Value{}, err
	}
	s, err := vault.Secret(ctx, of.Name, of.Version)
	if err != nil {
		return value.Value{}, err
	}
	plain := s.Value.Str()
	r.config.Live.Note(plain)
	return value.String(plain).Mark(value.Origin{Class: value.Credential, Name: outbound.VaultOrigin + of.Name}), nil
}

// resolve replaces each text in v that is a reference by what it names.
func (r *references) resolve(ctx context.Context, v value.Value, at *value.Path) (value.Value, *value.Problem) {
	switch v.Kind() {
	case value.KindString:
		text, _ := v.AsString()
		if !outbound.IsReference(text) {
			return v, nil
		}
		reference, err := outbound.ParseReference(text)
		if err == nil {
			v, err = r.secret(ctx, reference)
		}
		if err == nil && reference.Version == "" { // a version that is named is that version
			v = v.Mark(value.Origin{Class: value.Credential, Name: engine.ReferenceOrigin + text})
		}
		if err != nil {
			return v, &value.Problem{Code: "InvalidKeyVaultReference", Path: at, Message: "The reference to a Key Vault secret cannot be resolved: " + err.Error()}
		}
		return v, nil
	case value.KindArray:
		items := make([]value.Value, v.Len())
		for i := range v.Len() {
			item, problem := r.resolve(ctx, v.At(i), at.Index(i))
			if problem != nil {
				return v, problem
			}
			items[i] = item
		}
		return value.Array(items...), nil
	case value.KindObject:
		b := value.NewObject(v.Len())
		for i := range v.Len() {
			item, problem := r.resolve(ctx, v.At(i), at.Key(v.KeyAt(i)))
			if problem != nil {
				return v, problem
			}
			b.Set(v.KeyAt(i), item)
		}
		return b.Build(), nil
	}
	return v, nil
}

// getenv gives settings with their references resolved; on Azure the platform has done
// so. A reference that cannot be resolved is an error of the setting, not its value.
func (r *references) setting(ctx context.Context, getenv func(string) string, name string) (string, error) {
	text := getenv(name)
	if !outbound.IsReference(text) {
		return text, nil
	}
	reference, err := outbound.ParseReference(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	v, err := r.secret(ctx, reference)
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return v.Str(), nil
}

// parameterFile puts the secrets into a parameter file that it refers to.
func (r *references) parameterFile(ctx context.Context, parameters value.Value) (value.Value, error) {
	for name, p := range parameters.Members {
		reference := p.Member("reference")
		if reference.Has("value") || !reference.Has("keyVault") {
			continue
		}
		of, err := outbound.ResourceReference(reference)
		if err != nil {
			return value.Value{}, fmt.Errorf("parameter '%s': %w", name, err)
		}
		secret, err := r.secret(ctx, of)
		if err != nil {
			return value.Value{}, fmt.Errorf("parameter '%s': %w", name, err)
		}
		parameters = parameters.With(name, p.With("reference", reference.With("value", secret)))
	}
	return parameters, nil
}

// refers tells whether a parameter file has references to resolve.
func refers(parameters value.Value) bool {
	for _, p := range parameters.Members {
		if r := p.Member("reference"); r.Has("keyVault") && !r.Has("value") {
			return true
		}
	}
	return false
}

// secretSettings are the settings that may be references: those that hold a secret.
var secretSettings = []string{settingSealKey, settingStorage, settingTokenKeys}

// resolvedSettings returns getenv with the secret settings resolved.
func (r *references) resolvedSettings(ctx context.Context, getenv func(string) string) (func(string) string, error) {
	known := map[string]string{}
	for _, name := range secretSettings {
		text, err := r.setting(ctx, getenv, name)
		if err != nil {
			return nil, fmt.Errorf("settings: %w", err)
		}
		known[strings.ToUpper(name)] = text
	}
	return func(name string) string {
		if text, ok := known[strings.ToUpper(name)]; ok {
			return text
		}
		return getenv(name)
	}, nil
}
