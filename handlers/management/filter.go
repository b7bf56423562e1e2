package management

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/run"
)

// filter is a parsed $filter: comparisons that must all hold (management-api §5).
type filter []comparison

type comparison struct {
	field, op string // in lower case
	text      string
	at        time.Time // of a field that is a time
}

// fields are what a list can be filtered by; true marks times.
type fields map[string]bool

var (
	runFields     = fields{"status": false, "starttime": true, "clienttrackingid": false}
	actionFields  = fields{"status": false}
	triggerFields = fields{"state": false}
	eventFields   = fields{
		"eventtimestamp": true, "resourceuri": false, "resourceid": false, "resourcegroupname": false, "resourceprovider": false,
		"correlationid": false, "caller": false, "status": false, "eventchannels": false,
	}
	workflowFields = fields{"state": false, "trigger": false, "referencedresourceid": false}
)

var operators = []string{"eq", "ne", "gt", "ge", "lt", "le"}

// filter reads $filter.
func (c *call) filter(known fields) (filter, error) {
	return parseFilter(strings.TrimSpace(c.query["$filter"]), known)
}

// RunFilter is a $filter of a list of runs.
type RunFilter struct{ comparisons filter }

// ParseRunFilter reads one; "" lets all runs through.
func ParseRunFilter(text string) (RunFilter, error) {
	f, err := parseFilter(strings.TrimSpace(text), runFields)
	return RunFilter{f}, err
}

// Between are bounds for the start of the runs; zero is none.
func (f RunFilter) Between() (from, to time.Time) { return f.comparisons.between("starttime") }

// Matches tells whether a run is in the list.
func (f RunFilter) Matches(st *run.State) bool { return runMatches(f.comparisons, st) }

func parseFilter(text string, known fields) (filter, error) {
	if text == "" {
		return nil, nil
	}
	bad := fail(http.StatusBadRequest, "InvalidFilterInQueryString", "Invalid $filter '%s' specified in the query string.", text)
	words, ok := words(text)
	if !ok {
		return nil, bad
	}
	var f filter
	for {
		if len(words) < 3 {
			return nil, bad
		}
		x := comparison{field: strings.ToLower(words[0]), op: strings.ToLower(words[1]), text: words[2]}
		isTime, has := known[x.field]
		if !has || !slices.Contains(operators, x.op) {
			return nil, bad
		}
		quoted := strings.HasPrefix(x.text, "'")
		x.text = strings.TrimPrefix(x.text, "'")
		switch {
		case isTime:
			var err error
			if x.at, err = time.Parse(time.RFC3339, strings.ToUpper(x.text)); err != nil {
				return nil, bad
			}
		case !quoted:
			return nil, bad
		}
		f = append(f, x)
		switch words = words[3:]; {
		case len(words) == 0:
			return f, nil
		case !strings.EqualFold(words[0], "and"):
			return nil, bad
		}
		words = words[1:]
	}
}

// words takes a filter apart. A word that was quoted begins with a quote and has
// its doubled quotes undone.
func words(text string) ([]string, bool) {
	var list []string
	for text = strings.TrimLeft(text, " \t"); text != ""; text = strings.TrimLeft(text, " \t") {
		if text[0] != '\'' {
			end := strings.IndexAny(text, " \t'")
			if end < 0 {
				end = len(text)
			}
			list, text = append(list, text[:end]), text[end:]
			continue
		}
		var b strings.Builder
		rest := text[1:]
		for {
			end := strings.IndexByte(rest, '\'')
			if end < 0 {
				return nil, false
			}
			b.WriteString(rest[:end])
			if rest = rest[end+1:]; !strings.HasPrefix(rest, "'") {
				break
			}
			b.WriteByte('\'')
			rest = rest[1:]
		}
		list, text = append(list, "'"+b.String()), rest
	}
	return list, true
}

// holds tells whether all comparisons hold; text and when give the fields.
func (f filter) holds(text func(field string) string, when func(field string) time.Time) bool {
	for _, c := range f {
		order := 0
		if c.at.IsZero() {
			order = strings.Compare(strings.ToLower(text(c.field)), strings.ToLower(c.text))
		} else {
			order = when(c.field).Compare(c.at)
		}
		if !c.op1(order) {
			return false
		}
	}
	return true
}

func (c comparison) op1(order int) bool {
	switch c.op {
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

// between returns the bounds that the comparisons of a time field give: the zero
// time is none. Lists that are ordered by it read no more than lies between.
func (f filter) between(field string) (from, to time.Time) {
	for _, c := range f {
		if c.field != field {
			continue
		}
		if c.op == "ge" || c.op == "gt" || c.op == "eq" {
			if c.at.After(from) {
				from = c.at
			}
		}
		if c.op == "le" || c.op == "lt" || c.op == "eq" {
			if to.IsZero() || c.at.Before(to) {
				to = c.at
			}
		}
	}
	return from, to
}
