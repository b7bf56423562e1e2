package handlers_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

var updateSecrets = flag.Bool("update-secrets", false, "write testdata/secrets/corpus.golden; needs LATCHWORK_CORPUS")

// TestSecretsInTheCorpus: what lint --secrets finds in definitions written by others
// is what was reviewed by hand, finding by finding (docs/secrets.md). Some of the
// definitions are here; the rest is read where LATCHWORK_CORPUS names its folder.
func TestSecretsInTheCorpus(t *testing.T) {
	const golden = "testdata/secrets/corpus.golden"
	data, err := os.ReadFile(golden)
	if err != nil && !*updateSecrets {
		t.Fatal(err)
	}
	reviewed := map[string][]string{}
	for line := range strings.Lines(string(data)) {
		name, _, _ := strings.Cut(line, ":")
		reviewed[name] = append(reviewed[name], strings.TrimSpace(line))
	}
	folders := []string{"testdata/secrets/corpus", "testdata/corpus"}
	if more := os.Getenv("LATCHWORK_CORPUS"); more != "" {
		folders = append(folders, more)
	}
	all := map[string][]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			found := secretsIn(t, path)
			name := found[0]
			if all[name] = found[1:]; !*updateSecrets && !slices.Equal(found[1:], reviewed[name]) {
				t.Errorf("%s:\n got  %s\n want %s", path, strings.Join(found[1:], "\n      "), strings.Join(reviewed[name], "\n      "))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if *updateSecrets {
		var lines []string
		for _, list := range all {
			lines = append(lines, list...)
		}
		slices.SortStableFunc(lines, func(a, b string) int {
			x, _, _ := strings.Cut(a, ":")
			y, _, _ := strings.Cut(b, ":")
			return strings.Compare(x, y)
		})
		if err := os.WriteFile(golden, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// secretsIn returns the name under which the findings of a file are kept, and each
// finding as a line that begins with it. A whole template has its own name, beside
// that of the definition that was taken from it.
func secretsIn(t *testing.T, path string) []string {
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := value.ParseDocument(data)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(path)
	if v.Has("resources") {
		name = "template " + name
	}
	where := template.Local(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
	where.Assume = true
	deployment, _ := template.Load(data, "w", value.Value{}, where)
	var sources []definition.Source
	for _, w := range deployment.Workflows {
		sources = append(sources, definition.Source{Name: w.Name, Definition: w.Definition, Parameters: w.Parameters, Path: w.DefinitionPath, ParametersPath: w.ParametersPath})
	}
	lines := []string{name}
	findings, settings := leaks.Find(sources, operation.Catalog{})
	for _, f := range findings {
		var ways, fix []string
		for _, w := range f.Ways {
			ways = append(ways, w.Names())
		}
		for _, s := range f.Fix {
			fix = append(fix, s.Name+"."+s.Side)
		}
		if fix == nil {
			fix = []string{"none"}
		}
		lines = append(lines, fmt.Sprintf("%s: %s %s: %s | fix: %s", name, f.Kind, strings.TrimSpace(f.Name+" "+strings.Join(f.Sides, "+")), strings.Join(ways, "; "), strings.Join(fix, ", ")))
	}
	checkFix(t, path, data, sources, settings, where)
	return lines
}

// checkFix: the settings can be written, change lines only by adding to them, and
// leave nothing that settings could hide.
func checkFix(t *testing.T, path string, data []byte, sources []definition.Source, settings []leaks.Setting, where template.Context) {
	edited, left, err := leaks.Apply(data, settings)
	if err != nil || len(left) > 0 {
		t.Errorf("%s: %v, left %v", path, err, left)
		return
	}
	deployment, _ := template.Load(edited, "w", value.Value{}, where)
	for i, w := range deployment.Workflows {
		sources[i].Definition = w.Definition
	}
	again, more := leaks.Find(sources, operation.Catalog{})
	for _, f := range again {
		if len(f.Fix) > 0 {
			t.Errorf("%s: still %s", path, f.Message())
		}
	}
	if len(more) > 0 {
		t.Errorf("%s: a second fix would add %v", path, more)
	}
	rest := strings.Split(string(edited), "\n")
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		i := slices.IndexFunc(rest, func(x string) bool { return x == line || x == line+"," })
		if i < 0 {
			t.Errorf("%s: the line %q is gone or has moved", path, line)
			return
		}
		rest = rest[i+1:]
	}
}
