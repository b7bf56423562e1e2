package artifacts_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/artifacts"
)

func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLookup(t *testing.T) {
	outside := project(t, map[string]string{"secret.xsd": "secret"})
	dir := project(t, map[string]string{
		"Artifacts/Maps/Order.xslt": "xslt", "Artifacts/Maps/Both.xslt": "1", "Artifacts/Maps/Both.liquid": "2",
		"Artifacts/Maps/My.Map.liquid": "dotted", "Artifacts/Schemas/Order.XSD": "xsd", "Artifacts/Schemas/readme.md": "no",
		"Artifacts/Partners/Contoso.json": "{}", "Artifacts/Schemas/folder.xsd/x": "", "secret.xsd": "secret",
		"Artifacts/Schemas/Big.xsd": strings.Repeat("x", 8<<20+1),
	})
	if err := os.Symlink(filepath.Join(outside, "secret.xsd"), filepath.Join(dir, "Artifacts/Schemas/link.xsd")); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{dir, filepath.Join(dir, "Artifacts")} {
		f, err := artifacts.Open(root)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			kind       artifacts.Kind
			name, want string // "" not found, "!" another failure
		}{
			{artifacts.Map, "Order", "xslt"},
			{artifacts.Map, "order.XSLT", "xslt"},
			{artifacts.Map, "My.Map", "dotted"},
			{artifacts.Map, "Both", "!"},
			{artifacts.Map, "Both.liquid", "2"},
			{artifacts.Schema, "Order", "xsd"},
			{artifacts.Schema, "Order.xsd", "xsd"},
			{artifacts.Schema, "readme.md", ""},
			{artifacts.Schema, "folder", ""},
			{artifacts.Schema, "../../secret", ""},
			{artifacts.Schema, `..\secret`, ""},
			{artifacts.Schema, "", ""},
			{artifacts.Schema, "link", "!"},
			{artifacts.Schema, "Big", "!"},
			{artifacts.Partner, "contoso", "{}"},
			{artifacts.Agreement, "contoso", ""},
			{artifacts.Kind("Assembly"), "contoso", ""},
		} {
			a, err := f.Lookup(c.kind, c.name)
			switch {
			case c.want == "" && !errors.Is(err, artifacts.ErrNotFound):
				t.Errorf("%s %q: %v, want not found", c.kind, c.name, err)
			case c.want == "!" && (err == nil || errors.Is(err, artifacts.ErrNotFound)):
				t.Errorf("%s %q: %v, want a failure", c.kind, c.name, err)
			case c.want != "" && c.want != "!" && (err != nil || string(a.Content) != c.want):
				t.Errorf("%s %q: %q %v", c.kind, c.name, a.Content, err)
			}
		}
		if a, _ := f.Lookup(artifacts.Schema, "order"); a.Name != "Order" || a.Extension != ".xsd" {
			t.Errorf("the name of the file counts: %+v", a)
		}
		f.Close()
	}
	if _, err := artifacts.Open(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a folder that does not exist was opened")
	}
}
