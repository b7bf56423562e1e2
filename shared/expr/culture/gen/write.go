package main

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// pool holds records once and gives their position.
type pool struct {
	records   []string
	positions map[string]int
}

func (p *pool) position(record string) int {
	if p.positions == nil {
		p.positions = map[string]int{}
	}
	n, ok := p.positions[record]
	if !ok {
		n = len(p.records)
		p.positions[record] = n
		p.records = append(p.records, record)
	}
	return n
}

// record joins fields, which must not contain what separates them.
func record(fields ...any) (string, error) {
	texts := make([]string, 0, len(fields))
	for _, field := range fields {
		text := fmt.Sprint(field)
		if strings.ContainsAny(text, "\t\n") {
			return "", fmt.Errorf("%q cannot be a field", text)
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "\t"), nil
}

// write gives the text of data.tsv. It is the same for the same CLDR: all is
// written in the order of names.
func write(c *cldr) ([]byte, error) {
	var lists, numbers, currencies, words, dates pool
	list := func(items []string) (int, error) {
		for _, item := range items {
			if strings.ContainsAny(item, "|\t\n") {
				return 0, fmt.Errorf("%q cannot be in a list", item)
			}
		}
		return lists.position(strings.Join(items, "|")), nil
	}
	sources := c.cultures()
	var cultures []string
	for _, name := range inOrder(sources) {
		l := c.locales[sources[name]]
		positions := []any{name}
		for _, part := range []struct {
			pool   *pool
			record func() (string, error)
		}{
			{&numbers, l.numbers},
			{&currencies, func() (string, error) { return c.money(name, l) }},
			{&words, func() (string, error) { return l.words(list) }},
			{&dates, func() (string, error) { return l.dates(name) }},
		} {
			text, err := part.record()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			positions = append(positions, part.pool.position(text))
		}
		culture, err := record(append(positions, c.weekday(name))...)
		if err != nil {
			return nil, err
		}
		cultures = append(cultures, culture)
	}
	var zones []string
	for _, id := range inOrder(c.zones) {
		zones = append(zones, id+"\t"+c.zones[id])
	}

	var b bytes.Buffer
	fmt.Fprintf(&b, "Written by gen from CLDR %s. Copyright Unicode, Inc.; see LICENSE-UNICODE.\n", version)
	for _, section := range []struct {
		name    string
		records []string
	}{
		{"lists", lists.records}, {"numbers", numbers.records}, {"currencies", currencies.records}, {"words", words.records},
		{"dates", dates.records}, {"cultures", cultures}, {"zones", zones},
	} {
		fmt.Fprintf(&b, "[%s]\n%s\n", section.name, strings.Join(section.records, "\n"))
	}
	return b.Bytes(), nil
}

// inOrder sorts as the package searches: without regard to case.
func inOrder(m map[string]string) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		return strings.Compare(strings.ToLower(a), strings.ToLower(b))
	})
}
