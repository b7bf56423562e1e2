package handlers

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var settingName = regexp.MustCompile(`"(LATCHWORK_[A-Z_]*[A-Z])"`)

// TestTableOfSettingsIsComplete looks for settings in all of the code: each is in the
// table, and each of the table is read somewhere.
func TestTableOfSettingsIsComplete(t *testing.T) {
	var found []string
	for _, folder := range []string{".", "../shared"} {
		err := filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "storetest") || path == "settings_table.go" {
				return err
			}
			source, err := os.ReadFile(path)
			for _, m := range settingName.FindAllStringSubmatch(string(source), -1) {
				found = append(found, m[1])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	names := settingNames()
	for _, name := range found {
		if !slices.Contains(names, name) && !slices.Contains(internalSettings, name) {
			t.Errorf("%s is read and not in the table of settings (settings_table.go)", name)
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, ownPrefix) && !slices.Contains(found, name) {
			t.Errorf("%s is in the table of settings, and nobody reads it", name)
		}
	}
	slices.Sort(names)
	if len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("a setting stands twice in the table")
	}
}

func TestUnknownSettings(t *testing.T) {
	err := unknownSettings([]string{
		"PATH=/bin", "LATCHWORK_SLICE=4m", "LATCHWORK_KEYVAULT=x", "latchwork_lease=s3cret", "LATCHWORK_SOMETHING_ELSE=1", "LATCHWORK_CORPUS=y", "AzureWebJobsStorage=z",
	})
	want := `LATCHWORK_KEYVAULT: there is no such setting; did you mean LATCHWORK_KEY_VAULT?
latchwork_lease: there is no such setting; did you mean LATCHWORK_LEASE?
LATCHWORK_SOMETHING_ELSE: there is no such setting`
	if err == nil || cmp.Diff(want, err.Error()) != "" {
		t.Errorf("%v", err)
	}
	if err := unknownSettings([]string{"LATCHWORK_DATA=/x"}); err != nil {
		t.Error(err)
	}
}

// All that is wrong is said at once, whichever package reads it, and no value of a
// secret is repeated.
func TestAllProblemsOfSettingsAreListed(t *testing.T) {
	const canary = "canary-7c1d0f"
	t.Setenv("LATCHWORK_DATTA", canary)
	_, err := opened(t, options{}, map[string]string{
		settingLogLevel: "loud", settingSlice: "soon", settingSteps: "-1", settingPrefix: "No!", settingSealKey: canary, settingBaseURL: "example.com",
		settingClient: "anywhere", settingAlgorithms: "none", settingAuthority: "http://" + canary, "LATCHWORK_HTTP_TIMEOUT": "0s", "LATCHWORK_KEY_VAULT": "http://" + canary,
		"LATCHWORK_CREDENTIALS": "guess",
	})
	var all *settingsError
	if !errors.As(err, &all) {
		t.Fatalf("%v", err)
	}
	if strings.Contains(err.Error(), canary) {
		t.Errorf("a value is repeated: %v", err)
	}
	for _, name := range []string{
		settingLogLevel, settingSlice, settingSteps, settingPrefix, settingSealKey, settingBaseURL, settingClient, settingAlgorithms,
		"LATCHWORK_HTTP_TIMEOUT", "LATCHWORK_KEY_VAULT", "LATCHWORK_CREDENTIALS", "LATCHWORK_DATTA",
	} {
		if strings.Count(err.Error(), "\n  "+name+":") != 1 {
			t.Errorf("%s is not named once in:\n%v", name, err)
		}
	}
	if _, err := opened(t, options{}, map[string]string{settingAuthority: "http://x"}); err == nil || !strings.Contains(err.Error(), settingAuthority) {
		t.Errorf("authority: %v", err)
	}
}
