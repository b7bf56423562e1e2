package outbound_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

func openLocal(t testing.TB, folder string) *outbound.LocalVault {
	t.Helper()
	v, err := outbound.OpenLocalVault(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestLocalVault(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new")
	live := &outbound.Credentials{}
	vault, err := outbound.OpenLocalVault(folder, live)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range [][2]string{{"Api-Key", "first " + canary}, {"db", ""}, {"api-key", canary}} {
		if err := vault.Set(set[0], set[1]); err != nil {
			t.Fatal(err)
		}
	}
	vault = openLocal(t, folder) // what follows survives the program
	names, err := vault.Names()
	if diff := cmp.Diff([]string{"Api-Key", "db"}, names); diff != "" || err != nil {
		t.Error(diff, err)
	}
	s, err := vault.Secret(t.Context(), "API-KEY", "")
	if err != nil || s.Value.Str() != canary || s.Name != "API-KEY" || !s.Enabled || s.Created.IsZero() {
		t.Errorf("got %+v, %v", s, err)
	}
	if diff := cmp.Diff([]value.Origin{{Class: value.Secured, Name: "keyvault:API-KEY"}}, s.Value.Origins()); diff != "" {
		t.Error(diff)
	}
	versions, err := vault.Versions(t.Context(), "api-key")
	if err != nil || len(versions) != 2 || versions[0].Version != s.Version || !versions[0].Value.IsAbsent() {
		t.Fatalf("got %+v, %v", versions, err)
	}
	if old, err := vault.Secret(t.Context(), "api-key", versions[1].Version); err != nil || old.Value.Str() != "first "+canary {
		t.Errorf("got %+v, %v", old, err)
	}
	for range 25 {
		if err := vault.Set("api-key", "again"); err != nil {
			t.Fatal(err)
		}
	}
	if versions, _ = vault.Versions(t.Context(), "api-key"); len(versions) != 20 {
		t.Errorf("%d versions are kept", len(versions))
	}
	if err := vault.Remove("API-key"); err != nil {
		t.Error(err)
	}
	if names, _ := vault.Names(); len(names) != 1 {
		t.Errorf("got %v", names)
	}
}

func TestLocalVaultRefuses(t *testing.T) {
	vault := openLocal(t, t.TempDir())
	if err := vault.Set("here", canary); err != nil {
		t.Fatal(err)
	}
	read := func(name, version string) error { _, err := vault.Secret(t.Context(), name, version); return err }
	versions := func(name string) error { _, err := vault.Versions(t.Context(), name); return err }
	notFound := "A secret with (name/id) gone was not found in this key vault. If it is the local vault, 'latchwork secret set gone' stores one."
	tests := []struct {
		name    string
		err     error
		status  int
		code    string
		message string
	}{
		{"missing", read("gone", ""), 404, "SecretNotFound", notFound},
		{"missing to list", versions("gone"), 404, "SecretNotFound", notFound},
		{"missing to remove", vault.Remove("gone"), 404, "SecretNotFound", notFound},
		{"another version", read("here", "abc"), 404, "SecretNotFound", ""},
		{"no name", vault.Set("", canary), 400, "BadParameter", ""},
		{"bad name", vault.Set("a_b", canary), 400, "BadParameter", ""},
		{"bad name to read", read("../vault.key", ""), 400, "BadParameter", ""},
		{"long name", vault.Set(strings.Repeat("x", 128), canary), 400, "BadParameter", ""},
		{"large value", vault.Set("large", strings.Repeat(canary, 2000)), 400, "BadParameter", ""},
	}
	for _, tt := range tests {
		f := failureOf(t, tt.err)
		if f.StatusCode != tt.status || f.Code != tt.code || tt.message != "" && f.Message != tt.message {
			t.Errorf("%s: got %+v", tt.name, f)
		}
	}
	if err := vault.Set(strings.Repeat("x", 127), canary); err != nil {
		t.Errorf("127 letters: %v", err)
	}
}

func TestLocalVaultAtRest(t *testing.T) {
	folder := t.TempDir()
	vault := openLocal(t, folder)
	for _, name := range []string{"one", "two"} {
		if err := vault.Set(name, canary+name); err != nil {
			t.Fatal(err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, _ := e.Info()
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", e.Name(), info.Mode())
		}
		data, _ := os.ReadFile(filepath.Join(folder, e.Name()))
		if bytes.Contains(data, []byte(canary)) {
			t.Errorf("%s holds the secret in the clear", e.Name())
		}
		if strings.HasPrefix(e.Name(), ".vault-") {
			t.Errorf("%s was left behind", e.Name())
		}
	}

	path := filepath.Join(folder, "vault.json")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(good, &file); err != nil {
		t.Fatal(err)
	}
	first := func(name string) map[string]any {
		return file["secrets"].(map[string]any)[name].(map[string]any)["versions"].([]any)[0].(map[string]any)
	}
	first("one")["sealed"] = first("two")["sealed"]
	moved, _ := json.Marshal(file)
	first("one")["sealed"] = "not base64 " + canary
	damaged, _ := json.Marshal(file)
	for name, data := range map[string][]byte{
		"moved": moved, "damaged value": damaged, "half a file": good[:len(good)/2], "empty": {}, "null": []byte("null"),
		"no versions": []byte(`{"format":1,"secrets":{"one":{"name":"one","versions":[]}}}`), "null secret": []byte(`{"format":1,"secrets":{"one":null}}`),
		"another format": []byte(`{"format":2,"secrets":{}}`),
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := vault.Secret(t.Context(), "one", "")
			if err == nil {
				t.Fatal("a secret came out")
			}
			if f := failureOf(t, err); name != "null" && f.StatusCode != 500 {
				t.Errorf("got %+v", f)
			}
			if name == "null" || name == "moved" {
				return
			}
			if err := vault.Set("three", canary); err == nil || strings.Contains(err.Error(), canary) {
				t.Errorf("a damaged vault was written to, or quoted: %v", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, data) {
				t.Error("a damaged vault was changed")
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(folder, "vault.key")); err != nil {
			t.Fatal(err)
		}
		_, err := openLocal(t, folder).Secret(t.Context(), "one", "")
		if f := failureOf(t, err); f.StatusCode != 500 || f.Message != "The local vault cannot be opened with its key file." {
			t.Errorf("got %+v", f)
		}
	})
}

// Two processes write at once, with several goroutines each; nothing gets lost.
func TestLocalVaultSharedByProcesses(t *testing.T) {
	const folderVariable, prefixVariable = "TEST_LOCAL_VAULT", "TEST_LOCAL_VAULT_PREFIX"
	write := func(folder, prefix string) error {
		vault, err := outbound.OpenLocalVault(folder, nil)
		if err != nil {
			return err
		}
		errs := make(chan error, 2)
		for g := range 2 {
			go func() {
				for i := range 10 {
					if err := vault.Set(fmt.Sprintf("%s-%d-%d", prefix, g, i), canary); err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		first, second := <-errs, <-errs
		if first != nil {
			return first
		}
		return second
	}
	if folder := os.Getenv(folderVariable); folder != "" {
		if err := write(folder, os.Getenv(prefixVariable)); err != nil {
			t.Fatal(err)
		}
		return
	}
	folder := t.TempDir()
	var wait sync.WaitGroup
	for _, prefix := range []string{"a", "b"} {
		wait.Go(func() {
			c := exec.Command(os.Args[0], "-test.run=^TestLocalVaultSharedByProcesses$")
			c.Env = append(os.Environ(), folderVariable+"="+folder, prefixVariable+"="+prefix)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	if err := write(folder, "c"); err != nil {
		t.Error(err)
	}
	wait.Wait()
	all, err := openLocal(t, folder).Secrets(context.Background())
	if err != nil || len(all) != 60 {
		t.Errorf("%d secrets, want 60: %v", len(all), err)
	}
}

func FuzzLocalVaultFile(f *testing.F) {
	f.Add([]byte(`{"format":1,"secrets":{"one":{"name":"one","versions":[{"version":"00","sealed":"AAAA"}]}}}`))
	f.Add([]byte(`{"secrets":{"":{"versions":[{}]}}}`))
	folder := f.TempDir()
	vault := openLocal(f, folder)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(filepath.Join(folder, "vault.json"), data, fs.FileMode(0o600)); err != nil {
			t.Fatal(err)
		}
		if _, err := vault.Secret(t.Context(), "one", ""); err == nil {
			t.Error("a secret came out of nothing")
		}
		_, _ = vault.Secrets(t.Context())
		_, _ = vault.Versions(t.Context(), "one")
	})
}
