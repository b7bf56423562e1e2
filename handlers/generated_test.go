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
	top, err := os.ReadFile("../host.json")
	if err != nil || !bytes.Equal(top, hostJSON) {
		t.Errorf("host.json and handlers/host.json, which is embedded, differ: run `make generate` (%v)", err)
	}
}
