package standard

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// reader evaluates the texts of one file, and collects what is wrong with it.
type reader struct {
	files      Files
	parameters value.Value // absent in parameters.json itself
	problems   []value.Problem
}

func (r *reader) fail(code string, at *value.Path, format string, args ...any) {
	r.problems = append(r.problems, value.Problem{Code: code, Path: at, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) warn(code string, at *value.Path, format string, args ...any) {
	r.fail(code, at, format, args...)
	r.problems[len(r.problems)-1].Warning = true
}

// object is v, if it is an object or absent.
func (r *reader) object(v value.Value, at *value.Path) value.Value {
	if v.IsAbsent() || v.Kind() == value.KindObject {
		return v
	}
	r.fail(invalidConnection, at, "An object is expected here; this is of type '%s'.", v.Kind())
	return value.Value{}
}

// What the files may have of the expression language: one call as the whole text, or
// calls in braces within it.
var (
	whole  = regexp.MustCompile(`(?i)^@\{?\s*(appsetting|parameters)\(\s*'((?:[^']|'')+)'\s*\)\s*\}?$`)
	within = regexp.MustCompile(`(?i)@\{\s*(appsetting|parameters)\(\s*'((?:[^']|'')+)'\s*\)\s*\}`)
)

// evaluate gives v with its settings and parameters. What is secret and comes from a
// setting, or stands there, is marked as a credential.
func (r *reader) evaluate(v value.Value, at *value.Path, secret bool) value.Value {
	switch v.Kind() {
	case value.KindString:
		return r.text(v.Str(), at, secret)
	case value.KindArray:
		items := make([]value.Value, 0, v.Len())
		for i, x := range v.Elements {
			items = append(items, r.evaluate(x, at.Index(i), secret))
		}
		return value.Array(items...)
	case value.KindObject:
		b := value.NewObject(v.Len())
		for name, x := range v.Members {
			b.Set(name, r.evaluate(x, at.Key(name), secret && !public[strings.ToLower(name)]))
		}
		return b.Build()
	}
	return v
}

// public are the members of an authentication that are no secrets.
var public = map[string]bool{
	"type": true, "scheme": true, "name": true, "audience": true, "identity": true, "tenant": true, "clientid": true, "authority": true, "username": true,
}

func (r *reader) text(s string, at *value.Path, secret bool) value.Value {
	mark := func(v value.Value, name string) value.Value {
		if !secret {
			return v
		}
		return v.Mark(value.Origin{Class: value.Credential, Name: name})
	}
	switch {
	case strings.HasPrefix(s, "@@"):
		return mark(value.String(s[1:]), "connections.json")
	case strings.HasPrefix(strings.ToLower(s), "@microsoft.keyvault("):
		return mark(value.String(s), "connections.json") // resolved where it is used
	}
	if m := whole.FindStringSubmatch(s); m != nil && strings.HasPrefix(s, "@{") == strings.HasSuffix(s, "}") {
		v, origin := r.call(m[1], m[2], at)
		return mark(v, origin)
	}
	var origins []string
	rest := within.ReplaceAllStringFunc(s, func(part string) string {
		m := within.FindStringSubmatch(part)
		v, origin := r.call(m[1], m[2], at)
		origins = append(origins, origin)
		if text, ok := v.AsString(); ok {
			return text
		}
		return string(value.Reveal(v))
	})
	if left := within.ReplaceAllString(s, ""); strings.HasPrefix(left, "@") || strings.Contains(left, "@{") {
		r.fail(invalidParameter, at, "The text may use @appsetting('name') and, in connections.json, @parameters('name'), and nothing else of the expression language.")
		return value.String("")
	}
	v := value.String(rest)
	if len(origins) > 0 {
		return mark(v, origins[0])
	}
	return mark(v, "connections.json")
}

// call is the setting or the parameter of a name.
func (r *reader) call(function, name string, at *value.Path) (v value.Value, origin string) {
	name = strings.ReplaceAll(name, "''", "'")
	if strings.EqualFold(function, "parameters") {
		entry, ok := r.parameters.Get(name)
		if !ok {
			r.fail(invalidParameter, at, "The parameter '%s' is not in parameters.json.", name)
			return value.String(""), ""
		}
		return entry.Member("value"), "parameter:" + name
	}
	text, ok := r.files.Setting(name)
	switch {
	case ok:
		return value.String(text), "appsetting:" + name
	case r.files.Assume:
		r.warn(settingNotFound, at, "The application setting '%s' is not set here.", name)
		return value.String("[" + name + "]"), ""
	}
	r.fail(settingNotFound, at, "The application setting '%s' is not set. It may stand in local.settings.json, under 'Values', or in the environment.", name)
	return value.String(""), ""
}
