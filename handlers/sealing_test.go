package handlers

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
	"github.com/latchwork/latchwork/shared/value"
)

func sealingApp(t *testing.T, env map[string]string) (*app, error) {
	t.Helper()
	return openApp(t.Context(), options{getenv: cloudtest.Setenv(t, env), storeFile: filepath.Join(env["LATCHWORK_DATA"], "store.db"), log: &bytes.Buffer{}})
}

// saveSecret and readSecret put a sealed value into the store and take it out.
func saveSecret(t *testing.T, a *app, name, text string) {
	t.Helper()
	secret := value.String(text).Mark(value.Origin{Class: value.Credential, Name: "test"})
	if err := a.store.SaveConnection(t.Context(), store.Connection{ResourceID: name, Name: name, Properties: value.Object(value.Member{Key: "key", Value: secret})}); err != nil {
		t.Fatal(err)
	}
}

func readSecrets(t *testing.T, a *app) (texts []string) {
	t.Helper()
	list, err := a.store.Connections(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		texts = append(texts, c.Properties.Member("key").Str())
	}
	return texts
}

// TestKeysAreReplacedWithoutWritingAnew: after each change of a key everything that was
// sealed before still opens, and what is sealed then needs the new key.
func TestKeysAreReplacedWithoutWritingAnew(t *testing.T) {
	key := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, seal.KeySize)) }
	for name, c := range map[string]struct {
		begin, replace func(t *testing.T, cloud *cloudtest.Cloud, env map[string]string)
		lose           func(env map[string]string) // all keys but the new one
	}{
		"setting": {
			func(_ *testing.T, _ *cloudtest.Cloud, env map[string]string) { env[settingSealKey] = key(1) },
			func(_ *testing.T, _ *cloudtest.Cloud, env map[string]string) {
				env[settingSealKey] = key(2) + "," + key(1)
			},
			func(env map[string]string) { env[settingSealKey] = key(2) },
		},
		"file": {
			func(*testing.T, *cloudtest.Cloud, map[string]string) {},
			func(t *testing.T, _ *cloudtest.Cloud, env map[string]string) {
				path := filepath.Join(env["LATCHWORK_DATA"], "store.key")
				old, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, append([]byte(key(2)+"\n"), old...), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			func(env map[string]string) { env[settingSealKey] = key(2) },
		},
		"secret": {
			func(_ *testing.T, cloud *cloudtest.Cloud, env map[string]string) {
				cloud.SetSecret("seal", cloudtest.Secret{Value: key(1)})
				env[settingSealSecret] = "seal"
			},
			func(_ *testing.T, cloud *cloudtest.Cloud, _ map[string]string) {
				cloud.SetSecret("seal", cloudtest.Secret{Value: key(2)})
			},
			func(env map[string]string) { env[settingSealKey] = key(2) },
		},
		"wrapped": {
			func(t *testing.T, cloud *cloudtest.Cloud, env map[string]string) {
				cloud.SetKey(t, "wrap")
				env[settingSealWrap] = "wrap"
			},
			func(t *testing.T, cloud *cloudtest.Cloud, env map[string]string) {
				cloud.SetKey(t, "wrap") // what the old version has wrapped it unwraps still
				age(t, filepath.Join(env["LATCHWORK_DATA"], "store.db"), 91*24*time.Hour)
			},
			func(env map[string]string) { env[settingSealKey] = key(2) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := cloudtest.Start(t)
			env := cloud.Env()
			env["LATCHWORK_DATA"] = t.TempDir()
			c.begin(t, cloud, env)
			a, err := sealingApp(t, env)
			if err != nil {
				t.Fatal(err)
			}
			saveSecret(t, a, "one", "sealed with the first key")
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			c.replace(t, cloud, env)
			if a, err = sealingApp(t, env); err != nil {
				t.Fatal(err)
			}
			saveSecret(t, a, "two", "sealed with the second key")
			if got := strings.Join(readSecrets(t, a), ", "); got != "sealed with the first key, sealed with the second key" {
				t.Errorf("got %s", got)
			}
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			delete(env, settingSealSecret)
			delete(env, settingSealWrap)
			c.lose(env)
			if a, err = sealingApp(t, env); err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if _, err := a.store.Connections(t.Context()); err == nil || !strings.Contains(err.Error(), seal.ErrOpen.Error()) {
				t.Errorf("without the first key: %v", err)
			}
		})
	}
}

// age makes the data keys in a store older.
func age(t *testing.T, file string, by time.Duration) {
	t.Helper()
	backend, err := local.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Close()
	keys, err := store.DataKeys(t.Context(), backend)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d data keys, %v", len(keys), err)
	}
	if _, err := backend.Transact(t.Context(), "registry", []store.Op{{Kind: store.Merge, Key: "K." + keys[0].ID, Properties: store.Properties{"Created": keys[0].Created.Add(-by)}}}); err != nil {
		t.Fatal(err)
	}
}

// TestKeysThatCannotBeHad: an app without its key does not start, and says why.
func TestKeysThatCannotBeHad(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(t *testing.T, cloud *cloudtest.Cloud, env map[string]string)
		want    string
	}{
		"not base64":          {func(_ *testing.T, _ *cloudtest.Cloud, env map[string]string) { env[settingSealKey] = "CANARY" }, "LATCHWORK_SEAL_KEY: want 32 bytes in base64"},
		"no such secret":      {func(_ *testing.T, _ *cloudtest.Cloud, env map[string]string) { env[settingSealSecret] = "none" }, "SecretNotFound"},
		"no such key":         {func(_ *testing.T, _ *cloudtest.Cloud, env map[string]string) { env[settingSealWrap] = "none" }, "LATCHWORK_SEAL_WRAP_KEY"},
		"a name that is none": {func(_ *testing.T, _ *cloudtest.Cloud, env map[string]string) { env[settingSealWrap] = "../x" }, "letters, digits and hyphens"},
		"no rights": {func(t *testing.T, cloud *cloudtest.Cloud, env map[string]string) {
			cloud.SetKey(t, "wrap")
			env[settingSealWrap] = "wrap"
			cloud.Fail(cloudtest.Vault, http.StatusForbidden, "Forbidden", "CANARY")
		}, "Wrap Key and Unwrap Key"},
		"no vault": {func(_ *testing.T, _ *cloudtest.Cloud, env map[string]string) {
			env[settingSealWrap] = "wrap"
			delete(env, "LATCHWORK_KEY_VAULT")
		}, "there is no Key Vault"},
	} {
		t.Run(name, func(t *testing.T) {
			cloud := cloudtest.Start(t)
			env := cloud.Env()
			env["LATCHWORK_DATA"] = t.TempDir()
			c.prepare(t, cloud, env)
			a, err := sealingApp(t, env)
			if err == nil {
				_ = a.Close()
				t.Fatal("it starts")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func writeText(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
