package handlers

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

// opened is an app with the embedded store and these settings.
func opened(t *testing.T, o options, env map[string]string) (*app, error) {
	t.Helper()
	folder := t.TempDir()
	o.getenv = func(name string) string {
		if name == settingDataDir {
			return folder
		}
		return env[name]
	}
	if o.storeFile = filepath.Join(folder, "store.db"); o.log == nil {
		o.log = io.Discard
	}
	a, err := openApp(t.Context(), o)
	if err == nil {
		t.Cleanup(func() { _ = a.Close() })
	}
	return a, err
}

// Keys come from the authority, through the rules of all that goes out; or from a
// file or a setting, and then nobody is asked.
func TestKeySources(t *testing.T) {
	cloud := cloudtest.Start(t)
	a, err := opened(t, options{}, cloud.Env())
	if err != nil {
		t.Fatal(err)
	}
	fetch, err := a.keySource()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := fetch(t.Context(), cloudtest.Tenant)
	if err != nil || gate.CheckKeys(keys) != nil || cloud.Count(cloudtest.EntraDiscovery) != 1 {
		t.Fatalf("from the authority: %s, %v", keys, err)
	}
	cloud.Fail(cloudtest.EntraDiscovery, http.StatusServiceUnavailable, "Down", "down")
	if _, err := fetch(t.Context(), cloudtest.Tenant); err == nil || !strings.Contains(err.Error(), "status 503") {
		t.Errorf("an answer that is none: %v", err)
	}

	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, keys, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, given := range []string{file, " " + string(keys)} {
		offline, err := opened(t, options{}, map[string]string{settingTokenKeys: given, settingAuthority: "not asked"})
		if err != nil {
			t.Fatal(err)
		}
		fetch, err := offline.keySource()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fetch(t.Context(), "any tenant"); err != nil || gate.CheckKeys(got) != nil {
			t.Errorf("%.20s…: %v", given, err)
		}
	}
	if n := cloud.Count(cloudtest.EntraDiscovery); n != 2 {
		t.Errorf("the authority was asked %d times", n)
	}

	// A metadata address is no authority, whatever the settings say.
	metadata, err := opened(t, options{}, map[string]string{settingAuthority: "https://169.254.169.254"})
	if err != nil {
		t.Fatal(err)
	}
	if fetch, err = metadata.keySource(); err == nil {
		_, err = fetch(t.Context(), cloudtest.Tenant)
	}
	if err == nil || !strings.Contains(err.Error(), "read the keys of the authority") {
		t.Errorf("a metadata address: %v", err)
	}
}

// Where the caller's address is read, by the mode of the host (inbound-security §5.1).
func TestWhereTheAddressIsRead(t *testing.T) {
	for _, c := range []struct {
		o       options
		setting string
		want    gate.ClientAddress
	}{
		{options{}, "", gate.Peer},
		{options{hosted: true}, "", gate.FrontEnd},
		{options{hosted: true, forwarded: true}, "", gate.Forwarded},
		{options{hosted: true, forwarded: true}, "front-end", gate.FrontEnd},
		{options{}, "xff:1", gate.Forwarded},
	} {
		a, err := opened(t, c.o, map[string]string{settingClient: c.setting})
		if err != nil || a.settings.client != c.want {
			t.Errorf("%+v %q: %+v, %v", c.o, c.setting, a.settings.client, err)
		}
	}
}
