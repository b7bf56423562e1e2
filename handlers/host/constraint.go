package host

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// constraint tells whether a part of a path fits a parameter of a route.
type constraint func(part string) bool

// simpleConstraints are those without an argument. Those that hang on a culture or
// on a file system are not known here.
var simpleConstraints = map[string]constraint{
	"int":      isInteger(32),
	"long":     isInteger(64),
	"bool":     func(part string) bool { return strings.EqualFold(part, "true") || strings.EqualFold(part, "false") },
	"guid":     regexp.MustCompile(`^\{?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?$`).MatchString,
	"alpha":    regexp.MustCompile(`^[a-zA-Z]*$`).MatchString,
	"decimal":  regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)$`).MatchString,
	"double":   isFloat,
	"float":    isFloat,
	"required": func(part string) bool { return part != "" },
}

var isFloat = regexp.MustCompile(`^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$`).MatchString

func isInteger(bits int) constraint {
	return func(part string) bool {
		_, err := strconv.ParseInt(part, 10, bits)
		return err == nil
	}
}

// cutConstraint cuts off the first constraint. Its argument may hold : and =: it
// ends with the ) that another constraint, the default or nothing follows, as in
// ASP.NET.
func cutConstraint(s string) (first, rest string) {
	end := strings.IndexAny(s, ":=(")
	if end < 0 {
		return s, ""
	}
	if s[end] != '(' {
		return s[:end], s[end:]
	}
	for i := end; i < len(s); i++ {
		if s[i] == ')' && (i+1 == len(s) || s[i+1] == ':' || s[i+1] == '=') {
			return s[:i+1], s[i+1:]
		}
	}
	return s, ""
}

// parseConstraint reads name or name(argument). What it does not know it refuses:
// a constraint that lets everything pass is worse than none.
func parseConstraint(text string) (constraint, error) {
	name, argument, called := strings.Cut(text, "(")
	name = strings.ToLower(name)
	if simple, known := simpleConstraints[name]; known && !called {
		return simple, nil
	}
	argument, closed := strings.CutSuffix(argument, ")")
	if !closed {
		return nil, fmt.Errorf("%q is not known here", text)
	}
	switch name {
	case "regex":
		re, err := regexp.Compile("(?i)" + argument)
		if err != nil {
			return nil, err
		}
		return re.MatchString, nil
	case "length", "minlength", "maxlength":
		low, high, err := bounds(name, argument)
		return func(part string) bool {
			n := int64(utf8.RuneCountInString(part))
			return low <= n && n <= high
		}, err
	case "range", "min", "max":
		low, high, err := bounds(name, argument)
		return func(part string) bool {
			n, err := strconv.ParseInt(part, 10, 64)
			return err == nil && low <= n && n <= high
		}, err
	}
	return nil, fmt.Errorf("%q is not known here", text)
}

// bounds reads the numbers of an argument: two of a range, one or two of a length,
// one of all others.
func bounds(name, argument string) (low, high int64, err error) {
	first, second, two := strings.Cut(argument, ",")
	if low, err = strconv.ParseInt(strings.TrimSpace(first), 10, 64); err != nil {
		return 0, 0, err
	}
	high = low
	if two {
		if high, err = strconv.ParseInt(strings.TrimSpace(second), 10, 64); err != nil {
			return 0, 0, err
		}
	}
	if two && name != "range" && name != "length" || !two && name == "range" {
		return 0, 0, fmt.Errorf("%s(%s) has not as many numbers as it needs", name, argument)
	}
	switch name {
	case "min", "minlength":
		high = math.MaxInt64
	case "max", "maxlength":
		low = math.MinInt64
	}
	return low, high, nil
}
