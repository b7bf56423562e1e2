package handlers_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// corpora are folders with definitions written by others. LATCHWORK_CORPUS names
// one more.
func corpora() []string {
	list := []string{"testdata/corpus"}
	if more := os.Getenv("LATCHWORK_CORPUS"); more != "" {
		list = append(list, more)
	}
	return list
}

// TestCorpusCompiles: each definition either compiles or fails for lack of an
// operation; nothing else is wrong with what others have in production, but for
// the oddities named here.
func TestCorpusCompiles(t *testing.T) {
	oddities := []string{
		"The workflow parameter '",    // never declared
		"the property '",              // of a template that only got a placeholder
		"the template variable '",     // as above
		"which is not available here", // what this binary does not have
		"The name stands more than",
	}
	where := template.Local(time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
	where.Assume = true
	for _, folder := range corpora() {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			deployment, problems := template.Load(data, "w", value.Value{}, where)
			if deployment == nil || len(deployment.Workflows) == 0 {
				t.Errorf("%s: no workflow: %v", path, problems)
				return nil
			}
			for _, w := range deployment.Workflows {
				_, more := definition.Compile(definition.Source{Name: w.Name, Definition: w.Definition, Parameters: w.Parameters}, operation.Catalog{})
				problems = append(problems, more...)
			}
		each:
			for _, p := range problems {
				for _, known := range oddities {
					if p.Warning || strings.Contains(p.Message, known) {
						continue each
					}
				}
				t.Errorf("%s: %s %s at %s", path, p.Code, p.Message, p.Path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
