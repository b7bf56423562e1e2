package handlers

import (
	"cmp"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
)

func functionNames() []string {
	var names []string
	for _, f := range expr.Functions() {
		names = append(names, f.Name)
	}
	return names
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
