package handlers

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/value"
)

// lintOptions are the flags of lint.
type lintOptions struct {
	parameters, format     string
	warnings, secrets, fix bool
}

func lintCommand() *cobra.Command {
	var o lintOptions
	c := &cobra.Command{
		Use:   "lint PATH…",
		Short: "Compile definitions and print every problem",
		Long: `Lint compiles the workflows in files and folders and prints every problem with
file, line, column, code and JSON path. It exits with 1 if there is an error.

With --secrets it also follows secrets through the definitions, prints each place
where one shows, the way it took and the setting that hides it, and exits with 1 if
there is any. --fix writes the settings into the files.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return lint(c.OutOrStdout(), args, o) },
	}
	c.Flags().StringVar(&o.parameters, "parameters", "", "parameters `FILE` for ARM templates (default: <name>.parameters.json beside the template)")
	c.Flags().BoolVar(&o.warnings, "warnings", true, "print warnings too")
	c.Flags().BoolVar(&o.secrets, "secrets", false, "find where secrets show")
	c.Flags().BoolVar(&o.fix, "fix", false, "with --secrets: write the settings that hide them into the files")
	c.Flags().StringVar(&o.format, "format", "text", "`FORMAT` of what is found: text or sarif (2.1.0)")
	return c
}

// linted is what lint found in one file.
type linted struct {
	doc       *document
	err       error
	workflows int
	problems  []value.Problem
}

func lint(w io.Writer, paths []string, o lintOptions) error {
	switch {
	case o.format != "text" && o.format != "sarif":
		return fmt.Errorf("--format %s: it is text or sarif", o.format)
	case o.fix && !o.secrets:
		return errors.New("--fix goes with --secrets")
	}
	files, err := findFiles(paths)
	if err != nil {
		return err
	}
	results := lintFiles(files, o)
	var findings []found
	if o.secrets {
		var settings map[*document][]leaks.Setting
		findings, settings = findSecrets(results)
		if o.fix && len(settings) > 0 {
			to := w
			if o.format != "text" {
				to = io.Discard
			}
			if err := fixSecrets(to, settings, results); err != nil {
				return err
			}
			results = lintFiles(files, o)
			findings, _ = findSecrets(results)
		}
	}
	if o.format == "sarif" {
		if err := writeSARIF(w, results, files, o.warnings, findings); err != nil {
			return err
		}
		w = io.Discard
	}
	failed := printResults(w, files, results, findings, o)
	if failed || len(findings) > 0 {
		return errQuiet
	}
	return nil
}

func lintFiles(files []string, o lintOptions) []linted {
	results := make([]linted, len(files))
	var group sync.WaitGroup
	work := make(chan int)
	for range runtime.NumCPU() {
		group.Go(func() {
			for i := range work {
				results[i] = lintFile(files[i], o)
			}
		})
	}
	for i := range files {
		work <- i
	}
	close(work)
	group.Wait()
	return append(results, besideOf(results)...)
}

// besideOf are the files of projects that are about no workflow of their own.
func besideOf(results []linted) []linted {
	var more []linted
	seen := map[string]bool{}
	for _, r := range results {
		if r.doc == nil {
			continue
		}
		for _, d := range r.doc.beside {
			if !seen[d.path] {
				seen[d.path] = true
				sortByPlace(d, d.problems)
				more = append(more, linted{doc: d, problems: d.problems})
			}
		}
	}
	return more
}

// printResults prints what was found in each file, and a summary.
func printResults(w io.Writer, files []string, results []linted, findings []found, o lintOptions) (failed bool) {
	var workflows, errorCount, warningCount int
	for i, r := range results {
		if r.err != nil {
			fmt.Fprintf(w, "%s: %v\n", files[i], r.err)
			failed = true
			continue
		}
		workflows += r.workflows
		for _, p := range r.problems {
			if p.Warning {
				warningCount++
			} else {
				errorCount++
				failed = true
			}
			if !p.Warning || o.warnings {
				printProblem(w, r.doc, p)
			}
		}
		for _, f := range findings {
			if f.doc == r.doc {
				printFinding(w, f)
			}
		}
	}
	fmt.Fprintf(w, "%d files, %d workflows: %d errors, %d warnings", len(results), workflows, errorCount, warningCount)
	if o.secrets {
		fixable := 0
		for _, f := range findings {
			if len(f.Fix) > 0 {
				fixable++
			}
		}
		fmt.Fprintf(w, ", secrets show in %s", counted(len(findings), "place"))
		if fixable > 0 {
			fmt.Fprintf(w, ", of which --fix hides %d", fixable)
		}
	}
	fmt.Fprintln(w)
	return failed
}

func lintFile(path string, o lintOptions) linted {
	where := here()
	where.Assume = o.parameters == "" // a template may be checked without its parameters
	doc, err := loadFile(path, o.parameters, where, nil)
	if err == nil {
		err = doc.join(true)
	}
	if err != nil {
		return linted{err: err}
	}
	r := linted{doc: doc, problems: doc.problems}
	if doc.deployment == nil {
		return r
	}
	r.workflows = len(doc.deployment.Workflows)
	for _, w := range doc.deployment.Workflows {
		saved := resource(w)
		_, problems := saved.Compile(operation.Catalog{})
		if where.Assume {
			problems = withoutAssumed(problems, saved.AccessControlPath, doc.data)
		}
		r.problems = append(r.problems, problems...)
	}
	if !o.secrets {
		r.problems = append(r.problems, secretWarnings(doc)...)
	}
	sortByPlace(doc, r.problems)
	return r
}

// withoutAssumed leaves out what is wrong with an access control only because
// parameters of the template have no values yet: what does not stand in the file as
// it was checked.
func withoutAssumed(problems []value.Problem, control *value.Path, data []byte) []value.Problem {
	document, _, err := value.ParseDocument(data)
	if err != nil {
		return problems
	}
	return slices.DeleteFunc(problems, func(p value.Problem) bool {
		for at := p.Path; at != nil; at = at.Parent() {
			if at == control {
				written, ok := p.Path.Lookup(document)
				return !ok || strings.HasPrefix(written.Str(), "[")
			}
		}
		return false
	})
}

// sortByPlace puts problems in the order in which they stand in the file.
func sortByPlace(d *document, problems []value.Problem) {
	type place struct{ line, column int }
	places := make(map[*value.Path]place, len(problems))
	for _, p := range problems {
		line, column := d.placeOf(p)
		places[p.Path] = place{line, column}
	}
	slices.SortStableFunc(problems, func(x, y value.Problem) int {
		a, b := places[x.Path], places[y.Path]
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(x.Column, y.Column))
	})
}

func (d *document) placeOf(p value.Problem) (line, column int) {
	if p.At != nil {
		return p.At.Line, p.At.Column
	}
	return d.places.Locate(p.Path)
}

// printProblem prints file:line:column, then code, message, path and, for an
// expression, the expression with a mark below the place.
func printProblem(w io.Writer, d *document, p value.Problem) {
	line, column := d.placeOf(p)
	kind := "error"
	if p.Warning {
		kind = "warning"
	}
	where := p.Path.String()
	if p.Column > 0 {
		where = fmt.Sprintf("%s, column %d", where, p.Column)
	}
	fmt.Fprintf(w, "%s:%d:%d: %s %s: %s\n    at %s\n", d.path, line, column, kind, p.Code, p.Message, where)
	if p.Caret != "" {
		fmt.Fprintf(w, "    %s\n", strings.ReplaceAll(p.Caret, "\n", "\n    "))
	}
}
