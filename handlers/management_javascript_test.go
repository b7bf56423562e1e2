package handlers_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// armLogic is the version of the client that tools/arm-logic/package-lock.json pins.
const armLogic = "arm-logic-8.2.0"

// The same way is walked with npm's @azure/arm-logic. Without Node or npm it fails: it is
// never skipped.

func TestTheJavaScriptSDKWalksStandalone(t *testing.T) {
	t.Parallel()
	javaScriptWalk(t, managedByItself(t))
}

func TestTheJavaScriptSDKWalksThePackagedApp(t *testing.T) {
	t.Parallel()
	javaScriptWalk(t, managedInHost(t))
}

func javaScriptWalk(t *testing.T, m *managed) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("Node is needed to run Microsoft's JavaScript client: install Node 20 or later")
	}
	modules := armLogicInstalled(t)
	m.secrets = append(m.secrets, secretParameter)
	folder := t.TempDir()
	workflow := filepath.Join(folder, "workflow.json")
	data, err := os.ReadFile(filepath.Join("testdata", "management", "berth-intake.json"))
	if err != nil {
		t.Fatal(err)
	}
	quoted, _ := json.Marshal(secretParameter) // a text always encodes
	if err := os.WriteFile(workflow, []byte(strings.ReplaceAll(string(data), `"SECRET"`, string(quoted))), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, node, filepath.Join("..", "tools", "arm-logic", "walk.mjs"))
	c.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "MODULES=" + modules, "BASE=" + m.base, "TOKEN=" + m.token("contributor", "contents"), "CA=" + m.ca,
		"SUBSCRIPTION=" + subscription, "GROUP=" + resourceGroup, "WORKFLOW=" + workflow, "CLOCK=" + filepath.Join("testdata", "management", "clock.json"),
	}
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, m.log())
	}
	m.leaksNothing(t)
}

// armLogicInstalled is the folder in the user's cache, which make puts there; the test
// does so too if it must.
func armLogicInstalled(t *testing.T) string {
	t.Helper()
	cache := os.Getenv("XDG_CACHE_HOME") // as in the Makefile
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache")
	}
	folder := filepath.Join(cache, "latchwork", armLogic)
	if _, err := os.Stat(filepath.Join(folder, ".installed")); err == nil {
		return folder
	}
	if out, err := exec.Command("make", "-C", "..", "--no-print-directory", "arm-logic-install").CombinedOutput(); err != nil {
		t.Fatalf("make arm-logic-install: %v\n%s", err, out)
	}
	return folder
}
