package liquid

import (
	"errors"
	"html"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/osteele/liquid/render"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/value"
)

// filter is a filter with its arguments; what is left out is missing.
type filter func(in any, args []any) (any, error)

// addFilters registers each filter under the names that templates use: divided_by,
// Divided_by and DividedBy.
func (s *session) addFilters(c *render.Config) {
	all := map[string]filter{"date": s.date}
	for _, group := range []map[string]filter{textFilters, numberFilters, listFilters} {
		for name, f := range group {
			all[name] = f
		}
	}
	for name, f := range all {
		call := func(in any, args ...any) (any, error) { return f(in, args) }
		for _, n := range spellings(name) {
			c.AddFilter(n, call)
		}
	}
}

func spellings(name string) []string {
	var pascal strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		pascal.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return []string{name, strings.ToUpper(name[:1]) + name[1:], pascal.String()}
}

// arg returns an argument as text.
func arg(args []any, i int, otherwise string) string {
	if i < len(args) && args[i] != nil {
		return text(args[i])
	}
	return otherwise
}

// count returns an argument as a whole number.
func count(args []any, i, otherwise int) int {
	if i < len(args) {
		switch n := toNumber(args[i]).(type) {
		case int:
			return n
		case float:
			return int(n)
		}
	}
	return otherwise
}

// onText makes a filter of a function on text. Nothing stays nothing.
func onText(f func(s string, args []any) string) filter {
	return func(in any, args []any) (any, error) {
		if in == nil {
			return nil, nil
		}
		s := f(text(in), args)
		if len(s) > maxOutput {
			return nil, errOutput
		}
		return s, nil
	}
}

var (
	htmlTags = regexp.MustCompile(`(?s)<script.*?</script>|<!--.*?-->|<style.*?</style>|<.*?>`)
	newlines = regexp.MustCompile(`\r?\n`)
	spaces   = regexp.MustCompile(`\s+`)
)

var textFilters = map[string]filter{
	"append":         onText(func(s string, a []any) string { return s + arg(a, 0, "") }),
	"prepend":        onText(func(s string, a []any) string { return arg(a, 0, "") + s }),
	"upcase":         onText(func(s string, _ []any) string { return strings.ToUpper(s) }),
	"downcase":       onText(func(s string, _ []any) string { return strings.ToLower(s) }),
	"capitalize":     onText(func(s string, _ []any) string { return capitalize(s) }),
	"escape":         onText(func(s string, _ []any) string { return html.EscapeString(s) }),
	"h":              onText(func(s string, _ []any) string { return html.EscapeString(s) }),
	"escape_once":    onText(func(s string, _ []any) string { return html.EscapeString(html.UnescapeString(s)) }),
	"url_encode":     onText(func(s string, _ []any) string { return url.QueryEscape(s) }),
	"url_decode":     onText(func(s string, _ []any) string { return unescape(s) }),
	"strip":          onText(func(s string, _ []any) string { return strings.TrimSpace(s) }),
	"lstrip":         onText(func(s string, _ []any) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }),
	"rstrip":         onText(func(s string, _ []any) string { return strings.TrimRightFunc(s, unicode.IsSpace) }),
	"strip_html":     onText(func(s string, _ []any) string { return htmlTags.ReplaceAllString(s, "") }),
	"strip_newlines": onText(func(s string, _ []any) string { return newlines.ReplaceAllString(s, "") }),
	"newline_to_br":  onText(func(s string, _ []any) string { return newlines.ReplaceAllString(s, "<br />\n") }),
	"replace":        replacing(-1, true),
	"replace_first":  replacing(1, true),
	"remove":         replacing(-1, false),
	"remove_first":   replacing(1, false),
	"truncate":       onText(func(s string, a []any) string { return truncate(s, count(a, 0, 50), arg(a, 1, "...")) }),
	"truncatewords":  onText(func(s string, a []any) string { return truncateWords(s, count(a, 0, 15), arg(a, 1, "...")) }),
	"truncate_words": onText(func(s string, a []any) string { return truncateWords(s, count(a, 0, 15), arg(a, 1, "...")) }),
	"slice":          sliced,
	"split":          split,
	"json":           func(in any, _ []any) (any, error) { return string(value.Reveal(toJSON(in))), nil },
	"default": func(in any, a []any) (any, error) {
		if items, isList := in.([]any); in == nil || in == false || in == "" || isList && len(items) == 0 {
			return first(a), nil
		}
		return in, nil
	},
}

func capitalize(s string) string {
	for i, r := range s {
		return s[:i] + string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}

func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// replacing replaces, or removes, what is named. DotLiquid replaces nothing by an
// empty text.
func replacing(n int, with bool) filter {
	return func(in any, a []any) (any, error) {
		s, old, by := text(in), arg(a, 0, ""), ""
		if in == nil || old == "" {
			return in, nil
		}
		if with {
			by = arg(a, 1, "")
		}
		times := strings.Count(s, old)
		if n >= 0 {
			times = min(times, n)
		}
		if len(s)+times*(len(by)-len(old)) > maxOutput {
			return nil, errOutput
		}
		return strings.Replace(s, old, by, n), nil
	}
}

func truncate(s string, n int, ellipsis string) string {
	runes := []rune(s)
	if len(runes) <= n {
		return s
	}
	keep := max(n-len([]rune(ellipsis)), 0)
	return string(runes[:keep]) + ellipsis
}

func truncateWords(s string, n int, ellipsis string) string {
	words := strings.Fields(s)
	if len(words) <= n {
		return s
	}
	return strings.Join(words[:max(n, 0)], " ") + ellipsis
}

// sliced takes a piece of a text or a list; a start below zero counts from the end.
func sliced(in any, a []any) (any, error) {
	if in == nil {
		return nil, nil
	}
	bounds := func(length int) (int, int) {
		from := count(a, 0, 0)
		if from < 0 {
			from = max(from+length, 0)
		}
		from = min(from, length)
		return from, min(max(count(a, 1, 1), 0), length-from) + from
	}
	if items, ok := in.([]any); ok {
		from, to := bounds(len(items))
		return items[from:to], nil
	}
	runes := []rune(text(in))
	from, to := bounds(len(runes))
	return string(runes[from:to]), nil
}

func split(in any, a []any) (any, error) {
	s, by := text(in), arg(a, 0, "")
	var parts []string
	switch {
	case s == "":
	case by == " ":
		parts = spaces.Split(strings.TrimSpace(s), -1)
	case len(s) > maxItems && by == "":
		return nil, errItems
	default:
		parts = strings.Split(s, by)
	}
	if len(parts) > maxItems {
		return nil, errItems
	}
	items := make([]any, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return items, nil
}

// date writes a time in a format of .NET, which is what DotLiquid does.
func (s *session) date(in any, a []any) (any, error) {
	format := arg(a, 0, "")
	if in == nil || format == "" {
		return in, nil
	}
	var t dotnet.Time
	switch given := strings.TrimSpace(text(in)); strings.ToLower(given) {
	case "now":
		t = dotnet.FromTime(s.now())
	case "today":
		t = dotnet.FromTime(s.now())
		t.Ticks -= t.Ticks % dotnet.TicksPerDay
	default:
		var ok bool
		if t, ok = dotnet.ParseTime(given, culture.Invariant(), func() dotnet.Time { return dotnet.FromTime(s.now()) }); !ok {
			return in, nil
		}
	}
	return t.Format(format, culture.Invariant())
}

// toNumber returns an int or a float, or nil for what is neither.
func toNumber(x any) any {
	switch x := x.(type) {
	case int, float:
		return x
	case int64:
		return int(x)
	case float64:
		return float(x)
	case string:
		s := strings.TrimSpace(x)
		if i, err := strconv.Atoi(s); err == nil {
			return i
		}
		if f, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return float(f)
		}
	}
	return nil
}

var errZero = errors.New("divided by zero")
