package handlers

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/value"
)

func lintCommand() *cobra.Command {
	var parameters string
	var warnings bool
	c := &cobra.Command{
		Use:   "lint PATH…",
		Short: "Compile definitions and print every problem",
		Long: `Lint compiles the workflows in files and folders and prints every problem with
file, line, column, code and JSON path. It exits with 1 if there is an error.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return lint(c.OutOrStdout(), args, parameters, warnings) },
	}
	c.Flags().StringVar(&parameters, "parameters", "", "parameters `FILE` for ARM templates (default: <name>.parameters.json beside the template)")
	c.Flags().BoolVar(&warnings, "warnings", true, "print warnings too")
	return c
}

// linted is what lint found in one file.
type linted struct {
	doc       *document
	err       error
	workflows int
	problems  []value.Problem
}

func lint(w io.Writer, paths []string, parameters string, warnings bool) error {
	files, err := findFiles(paths)
	if err != nil {
		return err
	}
	results := make([]linted, len(files))
	var group sync.WaitGroup
	work := make(chan int)
	for range runtime.NumCPU() {
		group.Go(func() {
			for i := range work {
				results[i] = lintFile(files[i], parameters)
			}
		})
	}
	for i := range files {
		work <- i
	}
	close(work)
	group.Wait()

	var failed, workflows, errorCount, warningCount int
	for i, r := range results {
		if r.err != nil {
			fmt.Fprintf(w, "%s: %v\n", files[i], r.err)
			failed++
			continue
		}
		workflows += r.workflows
		bad := false
		for _, p := range r.problems {
			if p.Warning {
				warningCount++
			} else {
				errorCount++
				bad = true
			}
			if !p.Warning || warnings {
				printProblem(w, r.doc, p)
			}
		}
		if bad {
			failed++
		}
	}
	fmt.Fprintf(w, "%d files, %d workflows: %d errors, %d warnings\n", len(files), workflows, errorCount, warningCount)
	if failed > 0 {
		return errQuiet
	}
	return nil
}

func lintFile(path, parameters string) linted {
	where := here()
	where.Assume = parameters == "" // a template may be checked without its parameters
	doc, err := loadFile(path, parameters, where)
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
	sortByPlace(doc.data, r.problems)
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
func sortByPlace(data []byte, problems []value.Problem) {
	type place struct{ line, column int }
	places := make(map[*value.Path]place, len(problems))
	for _, p := range problems {
		line, column := placeOf(data, p)
		places[p.Path] = place{line, column}
	}
	slices.SortStableFunc(problems, func(x, y value.Problem) int {
		a, b := places[x.Path], places[y.Path]
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(x.Column, y.Column))
	})
}

func placeOf(data []byte, p value.Problem) (line, column int) {
	if p.At != nil {
		return p.At.Line, p.At.Column
	}
	return value.Locate(data, p.Path)
}

// printProblem prints file:line:column, then code, message, path and, for an
// expression, the expression with a mark below the place.
func printProblem(w io.Writer, d *document, p value.Problem) {
	line, column := placeOf(d.data, p)
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
