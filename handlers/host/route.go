package host

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// route is an ASP.NET route template: literals, {p}, {p:int}, {p?}, {p=default}
// and {*rest}. It matches ignoring case and a final slash (functions-host §5.6).
type route []segment

type segment struct {
	literal     string
	name        string // of a parameter
	rest        bool
	optional    bool // or with a default
	constraints []constraint
}

func parseRoute(template string) (route, error) {
	var r route
	template = strings.Trim(template, "/")
	if template == "" {
		return r, nil
	}
	parts := splitTemplate(template)
	for i, part := range parts {
		s := segment{literal: part}
		if strings.ContainsAny(part, "{}") {
			var err error
			if s, err = parseParameter(part); err != nil {
				return nil, fmt.Errorf("the route %q has %w", template, err)
			}
		}
		if part == "" {
			return nil, fmt.Errorf("the route %q has an empty segment", template)
		}
		if s.rest && i != len(parts)-1 {
			return nil, fmt.Errorf("the route %q goes on after its catch-all", template)
		}
		r = append(r, s)
	}
	return r, nil
}

// splitTemplate splits at the slashes outside of parameters. Inside of them a brace
// that is meant stands twice.
func splitTemplate(template string) []string {
	var parts []string
	inside, start := false, 0
	for i := 0; i < len(template); i++ {
		c := template[i]
		switch {
		case (c == '{' || c == '}') && strings.HasPrefix(template[i+1:], string(c)):
			i++
		case c == '{' || c == '}':
			inside = c == '{'
		case c == '/' && !inside:
			parts = append(parts, template[start:i])
			start = i + 1
		}
	}
	return append(parts, template[start:])
}

var doubledBraces = strings.NewReplacer("{{", "{", "}}", "}")

// parseParameter reads {name}, {*name}, {name:constraint(…):…}, {name?} and
// {name=default}.
func parseParameter(part string) (segment, error) {
	inside, begins := strings.CutPrefix(part, "{")
	inside, ends := strings.CutSuffix(inside, "}")
	single := strings.NewReplacer("{{", "", "}}", "").Replace(inside)
	if !begins || !ends || strings.ContainsAny(single, "{}") {
		return segment{}, errors.New("a parameter that is not a whole segment")
	}
	var s segment
	name := strings.TrimLeft(inside, "*")
	s.rest = name != inside
	name, s.optional = strings.CutSuffix(name, "?")
	more := ""
	if end := strings.IndexAny(name, ":="); end >= 0 {
		name, more = name[:end], doubledBraces.Replace(name[end:])
	}
	if name == "" || strings.ContainsAny(name, "{}()*?/") {
		return segment{}, fmt.Errorf("a parameter without a name: %s", part)
	}
	s.name = name
	for strings.HasPrefix(more, ":") {
		var text string
		text, more = cutConstraint(more[1:])
		c, err := parseConstraint(text)
		if err != nil {
			return segment{}, fmt.Errorf("a constraint on %q that is none: %w", name, err)
		}
		s.constraints = append(s.constraints, c)
	}
	s.optional = s.optional || strings.HasPrefix(more, "=")
	return s, nil
}

// pathParts splits a path (without leading slash, still escaped) for match.
func pathParts(path string) []string {
	if path = strings.Trim(path, "/"); path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// match compares the parts of a path with the route.
func (r route) match(parts []string) bool {
	for i, s := range r {
		if s.rest {
			rest, err := url.PathUnescape(strings.Join(parts[min(i, len(parts)):], "/"))
			return err == nil && (rest == "" && s.optional || s.accepts(rest))
		}
		if i >= len(parts) {
			if s.optional {
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
		} else if part == "" || !s.accepts(part) {
			return false
		}
	}
	return len(parts) <= len(r)
}

func (s segment) accepts(part string) bool {
	for _, fits := range s.constraints {
		if !fits(part) {
			return false
		}
	}
	return true
}
