package handlers

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/value"
)

// secretShows is the code of the one warning that stands for what --secrets lists.
const secretShows = "SecretShows"

// found is a finding with the file that it is in.
type found struct {
	leaks.Finding
	doc  *document
	docs []*document // by workflow
}

// routes are the ways as text, each once.
func (f found) routes() []string {
	var list []string
	for _, w := range f.Ways {
		if way := w.Names(); !slices.Contains(list, way) {
			list = append(list, way)
		}
	}
	return list
}

// findSecrets looks at the workflows of all files together, since they may call
// each other. The settings come by file.
func findSecrets(results []linted) (findings []found, settings map[*document][]leaks.Setting) {
	var sources []definition.Source
	var docs []*document
	for _, r := range results {
		if r.err != nil || r.doc.deployment == nil {
			continue
		}
		for _, w := range r.doc.deployment.Workflows {
			sources = append(sources, resource(w).Source())
			docs = append(docs, r.doc)
		}
	}
	list, all := leaks.Find(sources, operation.Catalog{})
	for _, f := range list {
		findings = append(findings, found{f, docs[f.Workflow], docs})
	}
	settings = map[*document][]leaks.Setting{}
	for _, s := range all {
		settings[docs[s.Workflow]] = append(settings[docs[s.Workflow]], s)
	}
	return findings, settings
}

// secretWarnings is one line for each workflow of a file that shows secrets.
func secretWarnings(d *document) []value.Problem {
	var sources []definition.Source
	for _, w := range d.deployment.Workflows {
		sources = append(sources, resource(w).Source())
	}
	findings, _ := leaks.Find(sources, operation.Catalog{})
	counts := make([]int, len(sources))
	for _, f := range findings {
		counts[f.Workflow]++
	}
	var problems []value.Problem
	for i, n := range counts {
		if n > 0 {
			problems = append(problems, value.Problem{Code: secretShows, Path: sources[i].Path, Warning: true,
				Message: fmt.Sprintf("Secrets show in %s; 'latchwork lint --secrets' names them.", counted(n, "place"))})
		}
	}
	return problems
}

// warnOfSecrets tells in a line, when a workflow is saved, that it shows secrets:
// where somebody watches, or in the log.
func (a *app) warnOfSecrets(stdout io.Writer, d *document) {
	for _, p := range secretWarnings(d) {
		if stdout != nil {
			printProblem(stdout, d, p)
		} else {
			a.log.Warn().Str("file", d.path).Str("path", p.Path.String()).Msg(p.Message)
		}
	}
}

// told is where problems are printed: the log, where nobody watches.
func (a *app) told(stdout io.Writer) io.Writer {
	if stdout == nil {
		return logWriter{a}
	}
	return stdout
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func printFinding(w io.Writer, f found) {
	line, column := f.doc.places.Locate(f.Path)
	fmt.Fprintf(w, "%s:%d:%d: warning %s: %s\n", f.doc.path, line, column, f.Kind, f.Message())
	for _, way := range f.routes() {
		fmt.Fprintf(w, "    %s\n", way)
	}
	if f.Note != "" {
		fmt.Fprintf(w, "    note: %s\n", f.Note)
	}
	label := "instead"
	if len(f.Fix) > 0 {
		label = "fix"
	}
	fmt.Fprintf(w, "    at %s\n    %s: %s\n", f.Path, label, f.Remedy())
}

// fixSecrets writes the settings into the files.
func fixSecrets(w io.Writer, settings map[*document][]leaks.Setting, results []linted) error {
	for _, r := range results {
		list := settings[r.doc]
		if r.doc == nil || len(list) == 0 {
			continue
		}
		list = onceEach(list)
		edited, left, err := leaks.Apply(r.doc.data, list)
		if err != nil {
			return fmt.Errorf("%s: %w", r.doc.path, err)
		}
		if _, _, err := value.ParseDocument(edited); err != nil {
			return fmt.Errorf("%s: the edited text would not be JSON: %w", r.doc.path, err)
		}
		if !bytes.Equal(edited, r.doc.data) {
			if err := replaceFile(r.doc.path, edited); err != nil {
				return err
			}
		}
		for _, s := range list {
			if slices.Contains(left, s) {
				fmt.Fprintf(w, "%s: '%s' does not stand in the file as it is deployed; secure its %s where it comes from\n", r.doc.path, s.Name, s.Side)
			} else {
				fmt.Fprintf(w, "%s: secured the %s of '%s'\n", r.doc.path, s.Side, s.Name)
			}
		}
	}
	return nil
}

// onceEach leaves out the settings of further copies of one operation, which a copy
// loop of a template makes.
func onceEach(list []leaks.Setting) []leaks.Setting {
	seen := map[string]bool{}
	var once []leaks.Setting
	for _, s := range list {
		if key := s.Path.String() + " " + s.Side; !seen[key] {
			seen[key] = true
			once = append(once, s)
		}
	}
	return once
}

// replaceFile writes a file beside the old one and puts it in its place, so that
// there is always one of the two.
func replaceFile(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".latchwork-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
