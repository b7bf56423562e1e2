package management

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
)

// filter is a parsed $filter: a comparison, or others joined by and, or by or
// (management-api §5). nil lets everything through.
type filter struct {
	comparison
	join  string // "" of a comparison
	parts []*filter
}

type comparison struct {
	field, op string // in lower case
	text      string
	time      time.Time // of a field that is a time
}

// comparand is what a field is compared as.
type comparand int

const (
	text   comparand = iota
	moment           // a time
	member           // the resource has it or has it not: eq and ne alone
)

// fields are what a list can be filtered by.
type fields map[string]comparand

var (
	runFields     = fields{"status": text, "starttime": moment, "clienttrackingid": text}
	actionFields  = fields{"status": text}
	triggerFields = fields{"state": text}
	eventFields   = fields{
		"eventtimestamp": moment, "resourceuri": text, "resourceid": text, "resourcegroupname": text, "resourceprovider": text,
		"correlationid": text, "caller": text, "status": text, "eventchannels": text,
	}
	workflowFields = fields{"state": text, "trigger": member, "referencedresourceid": member}
)

var operators = []string{"eq", "ne", "gt", "ge", "lt", "le"}

// What a filter may hold at most.
const (
	maxComparisons = 100
	maxNesting     = 20
)

// filter reads $filter.
func (c *call) filter(known fields) (*filter, error) {
	return parseFilter(strings.TrimSpace(c.query["$filter"]), known)
}

// RunFilter is a $filter of a list of runs.
type RunFilter struct{ comparisons *filter }

// ParseRunFilter reads one; "" lets all runs through.
func ParseRunFilter(text string) (RunFilter, error) {
	f, err := parseFilter(strings.TrimSpace(text), runFields)
	return RunFilter{f}, err
}

// Between are bounds for the start of the runs; zero is none.
func (f RunFilter) Between() (from, to time.Time) { return f.comparisons.between("starttime") }

// Matches tells whether a run is in the list.
func (f RunFilter) Matches(st *run.State) bool { return runMatches(f.comparisons, st) }

func parseFilter(asked string, known fields) (*filter, error) {
	if asked == "" {
		return nil, nil
	}
	words, ok := words(asked)
	p := parser{known: known, words: words}
	if ok {
		if f := p.any(0); f != nil && len(p.words) == 0 {
			return f, nil
		}
	}
	return nil, fail(http.StatusBadRequest, "InvalidFilterInQueryString", "Invalid $filter '%s' specified in the query string.", asked)
}

// parser reads words from left to right; nil is what cannot be read.
type parser struct {
	known fields
	words []string
	count int // of comparisons
}

func (p *parser) next() string {
	if len(p.words) == 0 {
		return ""
	}
	word := p.words[0]
	p.words = p.words[1:]
	return word
}

func (p *parser) take(word string) bool {
	if len(p.words) == 0 || !strings.EqualFold(p.words[0], word) {
		return false
	}
	p.words = p.words[1:]
	return true
}

func (p *parser) any(depth int) *filter { return p.joined("or", depth, p.all) }
func (p *parser) all(depth int) *filter { return p.joined("and", depth, p.one) }

func (p *parser) joined(join string, depth int, part func(int) *filter) *filter {
	f := &filter{join: join}
	for {
		one := part(depth)
		if one == nil {
			return nil
		}
		f.parts = append(f.parts, one)
		if !p.take(join) {
			break
		}
	}
	if len(f.parts) == 1 {
		return f.parts[0]
	}
	return f
}

func (p *parser) one(depth int) *filter {
	if p.take("(") {
		if depth == maxNesting {
			return nil
		}
		if f := p.any(depth + 1); f != nil && p.take(")") {
			return f
		}
		return nil
	}
	if p.count++; p.count > maxComparisons {
		return nil
	}
	x := comparison{field: strings.ToLower(p.next()), op: strings.ToLower(p.next())}
	literal, quoted := strings.CutPrefix(p.next(), "'")
	as, has := p.known[x.field]
	if !has || !slices.Contains(operators, x.op) || as == member && x.op != "eq" && x.op != "ne" {
		return nil
	}
	if as != moment {
		if x.text = literal; !quoted {
			return nil
		}
		return &filter{comparison: x}
	}
	var ok bool
	if x.time, ok = readTime(literal); !ok {
		return nil
	}
	return &filter{comparison: x}
}

// readTime reads a time, or the day it begins with; without an offset it is UTC.
func readTime(s string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, strings.ToUpper(s)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// words takes a filter apart. A word that was quoted begins with a quote and has
// its doubled quotes undone; datetime before a quote is left out.
func words(text string) ([]string, bool) {
	var list []string
	for text = strings.TrimLeft(text, " \t"); text != ""; text = strings.TrimLeft(text, " \t") {
		if text[0] == '(' || text[0] == ')' {
			list, text = append(list, text[:1]), text[1:]
			continue
		}
		if text[0] != '\'' {
			end := strings.IndexAny(text, " \t'()")
			if end < 0 {
				end = len(text)
			}
			if !strings.EqualFold(text[:end], "datetime") || !strings.HasPrefix(text[end:], "'") {
				list = append(list, text[:end])
			}
			text = text[end:]
			continue
		}
		word, rest, closed := unquote(text[1:])
		if !closed {
			return nil, false
		}
		list, text = append(list, "'"+word), rest
	}
	return list, true
}

// unquote reads to the closing quote.
func unquote(text string) (word, rest string, closed bool) {
	var b strings.Builder
	for {
		before, behind, found := strings.Cut(text, "'")
		b.WriteString(before)
		if !found {
			return "", "", false
		}
		if !strings.HasPrefix(behind, "'") {
			return b.String(), behind, true
		}
		b.WriteByte('\'')
		text = behind[1:]
	}
}

// holds tells whether the filter lets something through, of which holds tells whether
// one comparison does.
func (f *filter) holds(one func(x comparison) bool) bool {
	if f == nil {
		return true
	}
	is := func(part *filter) bool { return part.holds(one) }
	switch f.join {
	case "and":
		return !slices.ContainsFunc(f.parts, func(part *filter) bool { return !is(part) })
	case "or":
		return slices.ContainsFunc(f.parts, is)
	}
	return one(f.comparison)
}

// is compares a text, ignoring case.
func (x comparison) is(text string) bool {
	return x.orders(strings.Compare(strings.ToLower(text), strings.ToLower(x.text)))
}

// at compares a time.
func (x comparison) at(t time.Time) bool { return x.orders(t.Compare(x.time)) }

// member compares what is there, or is not.
func (x comparison) member(there bool) bool { return there == (x.op == "eq") }

func (x comparison) orders(order int) bool {
	switch x.op {
	case "eq":
		return order == 0
	case "ne":
		return order != 0
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	default:
		return order <= 0
	}
}

// between returns the bounds that a filter sets to a time field: the zero time is none.
// Lists that are ordered by it read no more than lies between.
func (f *filter) between(field string) (from, to time.Time) {
	if f == nil {
		return from, to
	}
	switch f.join {
	case "and":
		for _, part := range f.parts {
			low, high := part.between(field)
			if low.After(from) {
				from = low
			}
			if to.IsZero() || !high.IsZero() && high.Before(to) {
				to = high
			}
		}
		return from, to
	case "or":
		from, to = f.parts[0].between(field)
		for _, part := range f.parts[1:] {
			low, high := part.between(field)
			if low.Before(from) { // the zero time is before all others
				from = low
			}
			if high.IsZero() || !to.IsZero() && high.After(to) {
				to = high
			}
		}
		return from, to
	}
	if f.field != field {
		return from, to
	}
	switch f.op {
	case "eq":
		return f.time, f.time
	case "gt", "ge":
		return f.time, to
	case "lt", "le":
		return from, f.time
	}
	return from, to
}
