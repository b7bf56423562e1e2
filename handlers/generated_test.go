package handlers

import (
	"bytes"
	"os"
	"testing"

	"github.com/latchwork/latchwork/handlers/host"
)

// TestGeneratedFilesAreFresh fails when a table in the code and the files made
// from it differ; `make generate` writes them.
func TestGeneratedFilesAreFresh(t *testing.T) {
	if err := host.CheckFunctions("../functions", functions(&app{})); err != nil {
		t.Errorf("run `make generate`:\n%v", err)
	}
	if doc, err := os.ReadFile("../docs/expressions.md"); err != nil || !bytes.Equal(doc, expressionReference()) {
		t.Errorf("docs/expressions.md is not what the functions say: run `make generate` (%v)", err)
	}
	if doc, err := os.ReadFile("../docs/settings.md"); err != nil || !bytes.Equal(doc, settingsReference()) {
		t.Errorf("docs/settings.md is not what the table of settings says: run `make generate` (%v)", err)
	}
	top, err := os.ReadFile("../host.json")
	if err != nil || !bytes.Equal(top, hostJSON) {
		t.Errorf("host.json and handlers/host.json, which is embedded, differ: run `make generate` (%v)", err)
	}
}
