package handlers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
)

// namesOf says where in a context the names are that functions of a kind take.
var namesOf = map[expr.ReferenceKind]string{
	expr.RefAction: "actions", expr.RefResult: "results", expr.RefParameter: "parameters", expr.RefVariable: "variables",
	expr.RefLoop: "items", expr.RefIteration: "iterationIndexes",
}

// complete gives what may stand for the word before the cursor: commands at the
// beginning, functions in an expression, names of the context inside quotes.
func (c *calculator) complete(line string, cursor int) (head string, completions []string, tail string) {
	runes := []rune(line)
	left, tail := string(runes[:cursor]), string(runes[cursor:])
	if left != "" && left[0] == ':' {
		if word, ok := strings.CutPrefix(left, ":doc "); ok {
			return ":doc ", startingWith(functionNames(), word), tail
		}
		return "", startingWith(sessionCommands, left), tail
	}
	// Quotes outside of an interpolation's braces mean nothing.
	start := strings.LastIndex(left, "@{") + 1
	if open := openQuote(left[start:]); open >= 0 {
		open += start
		names := c.namesFor(left[:open])
		for _, name := range startingWith(names, strings.ReplaceAll(left[open+1:], "''", "'")) {
			name = strings.ReplaceAll(name, "'", "''")
			if tail == "" {
				name += "'"
			}
			completions = append(completions, name)
		}
		return left[:open+1], completions, tail
	}
	word := left[strings.LastIndexFunc(left, func(r rune) bool { return !isLetter(r) })+1:]
	head = strings.TrimSuffix(left, word)
	if word == "" || strings.HasSuffix(head, ".") {
		return head, nil, tail
	}
	for _, name := range startingWith(functionNames(), word) {
		if !strings.HasPrefix(tail, "(") {
			name += "("
			if expr.Find(name[:len(name)-1]).Max == 0 {
				name += ")"
			}
		}
		completions = append(completions, name)
	}
	return head, completions, tail
}

// openQuote returns where a text that has not ended begins, or -1. A doubled
// quote inside a text closes it and opens it again, which comes to the same.
func openQuote(s string) int {
	open := -1
	for i := range len(s) {
		switch {
		case s[i] != '\'':
		case open < 0:
			open = i
		case i+1 < len(s) && s[i+1] == '\'' || i > 0 && s[i-1] == '\'' && i-1 > open:
			// one half of a doubled quote
		default:
			open = -1
		}
	}
	return open
}

// namesFor lists the names that the function before a quote takes.
func (c *calculator) namesFor(before string) []string {
	call, ok := strings.CutSuffix(strings.TrimRight(before, " "), "(")
	if !ok {
		return nil
	}
	f := expr.Find(call[strings.LastIndexFunc(call, func(r rune) bool { return !isLetter(r) })+1:])
	if f == nil || namesOf[f.Reads()] == "" {
		return nil
	}
	var names []string
	for name := range c.context.Member(namesOf[f.Reads()]).Members {
		names = append(names, name)
	}
	return names
}

func isLetter(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
}

func functionNames() []string {
	var names []string
	for _, f := range expr.Functions() {
		names = append(names, f.Name)
	}
	return names
}

// startingWith returns the words that begin as a prefix does, ignoring case.
func startingWith(words []string, prefix string) []string {
	var list []string
	for _, w := range words {
		if len(w) >= len(prefix) && strings.EqualFold(w[:len(prefix)], prefix) {
			list = append(list, w)
		}
	}
	return list
}

// similar returns the functions whose names come near a mistyped one, the nearest
// first.
func similar(word string) []string {
	const most = 4
	type candidate struct {
		name     string
		distance int
	}
	word = strings.ToLower(word)
	if len(word) > 40 { // no name is nearly as long
		return nil
	}
	var list []candidate
	for _, name := range functionNames() {
		lower := strings.ToLower(name)
		distance := definition.EditDistance(word, lower)
		within := len(word) > 2 && strings.Contains(lower, word) || len(lower) > 3 && strings.Contains(word, lower)
		if within {
			distance = min(distance, 2)
		}
		if within || distance <= max(1, min(3, len(word)/3)) {
			list = append(list, candidate{name, distance})
		}
	}
	slices.SortStableFunc(list, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var names []string
	for _, c := range list[:min(most, len(list))] {
		names = append(names, c.name)
	}
	return names
}
