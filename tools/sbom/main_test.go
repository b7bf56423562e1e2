package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	binary, file := filepath.Join(folder, "bicep"), filepath.Join(folder, "sbom.json")
	build := exec.Command("go", "build", "-buildvcs=false", "-o", binary, "github.com/latchwork/latchwork")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := write(binary, file); err != nil {
		t.Fatal(err)
	}
	var d document
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, &d)
	}
	if err != nil || d.Format != "CycloneDX" || d.Metadata.Component.Name != "github.com/latchwork/latchwork" {
		t.Fatalf("%+v, %v", d, err)
	}
	linked := map[string]component{}
	for _, c := range d.Components {
		linked[c.Name] = c
	}
	if c := linked["go.etcd.io/bbolt"]; c.Purl != "pkg:golang/go.etcd.io/bbolt@"+c.Version || !strings.HasPrefix(c.Properties[0].Value, "h1:") {
		t.Errorf("bbolt: %+v", c)
	}
	if _, ok := linked["github.com/google/go-cmp"]; ok {
		t.Error("what only tests use is in the list")
	}
	if err := write(file, filepath.Join(folder, "no")); err == nil {
		t.Error("a file that is no binary has a list")
	}
}
