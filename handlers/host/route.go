package host

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// route is an ASP.NET route template: literals, {p}, {p:int}, {p?}, {p=default}
// and {*rest}. It matches ignoring case and a final slash (functions-host §5.6).
type route []segment

type segment struct {
	literal    string
	name       string
	rest       bool
	optional   bool
	fallback   string
	constraint []string
}

func parseRoute(template string) (route, error) {
	var r route
	template = strings.Trim(template, "/")
	if template == "" {
		return r, nil
	}
	parts := strings.Split(template, "/")
	for i, part := range parts {
		inside, ok := strings.CutPrefix(part, "{")
		if !ok {
			r = append(r, segment{literal: part})
			continue
		}
		inside, ok = strings.CutSuffix(inside, "}")
		if !ok {
			return nil, fmt.Errorf("the route %q has a parameter that is not a whole segment", template)
		}
		s := segment{}
		inside, s.rest = strings.CutPrefix(inside, "*")
		inside, s.optional = strings.CutSuffix(inside, "?")
		inside, s.fallback, _ = strings.Cut(inside, "=")
		names := strings.SplitN(inside, ":", 2)
		s.name = names[0]
		if len(names) > 1 {
			s.constraint = strings.Split(names[1], ":")
		}
		if s.rest && i != len(parts)-1 {
			return nil, fmt.Errorf("the route %q goes on after its catch-all", template)
		}
		r = append(r, s)
	}
	return r, nil
}

// match compares a path (without leading slash, still escaped) with the route.
func (r route) match(path string) bool {
	path = strings.Trim(path, "/")
	var parts []string
	if path != "" {
		parts = strings.Split(path, "/")
	}
	for i, s := range r {
		if s.rest {
			return true
		}
		if i >= len(parts) {
			if s.optional || s.fallback != "" {
				continue
			}
			return false
		}
		part, err := url.PathUnescape(parts[i])
		if err != nil {
			return false
		}
		if s.name == "" {
			if !strings.EqualFold(s.literal, part) {
				return false
			}
		} else if !s.accepts(part) {
			return false
		}
	}
	return len(parts) <= len(r)
}

var guid = regexp.MustCompile(`^\{?[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}\}?$`)

func (s segment) accepts(part string) bool {
	for _, c := range s.constraint {
		name, argument, _ := strings.Cut(strings.TrimSuffix(c, ")"), "(")
		ok := true
		switch strings.ToLower(name) {
		case "int", "long":
			_, err := strconv.ParseInt(part, 10, 64)
			ok = err == nil
		case "guid":
			ok = guid.MatchString(part)
		case "bool":
			ok = strings.EqualFold(part, "true") || strings.EqualFold(part, "false")
		case "alpha":
			ok = strings.IndexFunc(part, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) < 0
		case "length", "minlength", "maxlength":
			ok = lengthFits(strings.ToLower(name), argument, len([]rune(part)))
		case "regex":
			re, err := regexp.Compile("(?i)" + argument)
			ok = err == nil && re.MatchString(part)
		}
		if !ok {
			return false
		}
	}
	return true
}

func lengthFits(name, argument string, n int) bool {
	low, high, isRange := strings.Cut(argument, ",")
	a, _ := strconv.Atoi(strings.TrimSpace(low))
	b, _ := strconv.Atoi(strings.TrimSpace(high))
	switch {
	case name == "minlength":
		return n >= a
	case name == "maxlength":
		return n <= a
	case isRange:
		return n >= a && n <= b
	default:
		return n == a
	}
}
