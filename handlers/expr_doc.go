package handlers

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr"
)

// describe prints what the registry knows of a function, or lists all.
func describe(w io.Writer, name string) error {
	name = strings.TrimPrefix(strings.TrimSpace(name), "@")
	name, _, _ = strings.Cut(name, "(")
	if name == "" {
		listFunctions(w)
		return nil
	}
	f := expr.Find(name)
	if f == nil {
		hint := "; `expr doc` lists all"
		if near := similar(name); len(near) > 0 {
			hint = "; did you mean " + strings.Join(near, ", ") + "?"
		}
		return fmt.Errorf("there is no function %s%s", name, hint)
	}
	fmt.Fprintf(w, "%s\n\n  %s\n", f.Signature, f.Doc)
	if parameters := f.Parameters(); len(parameters) > 0 {
		fmt.Fprintln(w, "\nParameters")
		var rows [][2]string
		for _, p := range parameters {
			typ := p.Type
			switch {
			case p.Optional:
				typ += ", optional"
			case p.Repeats:
				typ += ", any number of them"
			}
			rows = append(rows, [2]string{p.Name, typ})
		}
		printRows(w, rows)
	}
	fmt.Fprintln(w, "\nExamples")
	var rows [][2]string
	for _, x := range f.Examples {
		rows = append(rows, [2]string{x.Expression, x.Result})
	}
	printRows(w, rows)
	if messages := f.Errors(); len(messages) > 0 {
		fmt.Fprintln(w, "\nErrors (InvalidTemplate)")
		for _, m := range messages {
			fmt.Fprintf(w, "  %s\n", m)
		}
	}
	return nil
}

// printRows prints two columns.
func printRows(w io.Writer, rows [][2]string) {
	width := 0
	for _, r := range rows {
		width = max(width, utf8.RuneCountInString(r[0]))
	}
	for _, r := range rows {
		fmt.Fprintf(w, "  %s%s  %s\n", r[0], strings.Repeat(" ", width-utf8.RuneCountInString(r[0])), r[1])
	}
}

// functionsIn lists the functions of a group by name.
func functionsIn(group expr.Group) []*expr.Function {
	return slices.DeleteFunc(expr.Functions(), func(f *expr.Function) bool { return f.Group != group })
}

// listFunctions prints all names by group, in columns.
func listFunctions(w io.Writer) {
	const screen = 80
	for i, group := range expr.Groups {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, group)
		names, width := functionsIn(group), 0
		for _, f := range names {
			width = max(width, len(f.Name)+2)
		}
		columns := (screen - 2) / width
		rows := (len(names) + columns - 1) / columns
		for row := range rows {
			line := "  "
			for at := row; at < len(names); at += rows { // down, then across, as ls does
				line += fmt.Sprintf("%-*s", width, names[at].Name)
			}
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
	fmt.Fprintln(w, "\n`latchwork expr doc NAME` describes one.")
}
