package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// compiler turns statements into a template.
type compiler struct {
	params, vars map[string]bool
	resources    map[string]resource
	used         []string // symbols that the resource under way refers to
	stateless    string   // why the state of a resource may not be read here
}

type resource struct {
	typ, version string
	name         []node // segments; the parents' first
	scope        string
}

// Compile returns the template of a source.
func Compile(source string) (template []byte, err error) {
	statements, err := parse(source)
	if err != nil {
		return nil, err
	}
	c := &compiler{params: map[string]bool{}, vars: map[string]bool{}, resources: map[string]resource{}}
	line := 0
	defer func() {
		if r, ok := recover().(refused); ok {
			err = fmt.Errorf("line %d: %w", line, r.error)
		}
	}()
	for _, s := range statements {
		line = s.line
		c.declare(s)
	}
	params, vars, resources, outputs := &members{}, &members{}, &members{}, &members{}
	for _, s := range statements {
		line = s.line
		c.stateless = ""
		switch s.what {
		case "param":
			c.stateless = "a parameter"
			params.add(s.name, c.param(s))
		case "var":
			c.stateless = "a variable"
			vars.add(s.name, c.data(s.value))
		case "resource":
			resources.add(s.name, c.resource(s))
		case "output":
			out := &members{}
			out.add("type", s.typ)
			c.describe(out, s)
			out.add("value", c.data(s.value))
			outputs.add(s.name, out)
		}
	}
	t := &members{}
	t.add("$schema", "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#")
	t.add("languageVersion", "2.0")
	t.add("contentVersion", "1.0.0.0")
	t.add("parameters", params)
	t.add("variables", vars)
	t.add("resources", resources)
	t.add("outputs", outputs)
	return encode(t)
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.Bytes(), err
}

func refuse(format string, args ...any) { panic(refused{fmt.Errorf(format, args...)}) }

// declare notes what a name stands for, before anything refers to it.
func (c *compiler) declare(s statement) {
	if c.params[s.name] || c.vars[s.name] || c.resources[s.name].typ != "" {
		if s.what != "output" {
			refuse("%s stands twice", s.name)
		}
	}
	switch s.what {
	case "param":
		c.params[s.name] = true
	case "var":
		c.vars[s.name] = true
	case "targetScope":
		if s.value != (literal{"resourceGroup"}) {
			refuse("only the scope resourceGroup is known")
		}
	case "resource":
		typ, version, _ := strings.Cut(s.typ, "@")
		r := resource{typ: typ, version: version}
		for _, m := range s.value.(object).members {
			switch v, _ := m.value.(ident); m.key {
			case literal{"parent"}:
				parent, ok := c.resources[v.name]
				if !ok {
					refuse("the parent of %s must stand before it", s.name)
				}
				r.name = slices.Clone(parent.name)
			case literal{"scope"}:
				r.scope = v.name
			case literal{"name"}:
				r.name = append(r.name, m.value)
			}
		}
		if len(r.name) != strings.Count(typ, "/") && r.scope == "" {
			refuse("the name of %s has %d segments, its type %d", s.name, len(r.name), strings.Count(typ, "/"))
		}
		c.resources[s.name] = r
	}
}

func (c *compiler) param(s statement) *members {
	m := &members{}
	typ := s.typ
	for _, d := range s.decorators {
		if d.name == "secure" {
			typ = map[string]string{"string": "secureString", "object": "secureObject"}[typ]
		}
	}
	m.add("type", typ)
	if s.value != nil {
		m.add("defaultValue", c.data(s.value))
	}
	for _, d := range s.decorators {
		switch d.name {
		case "allowed":
			m.add("allowedValues", c.data(d.args[0]))
		case "minLength", "maxLength", "minValue", "maxValue":
			m.add(d.name, c.data(d.args[0]))
		case "description", "secure":
		default:
			refuse("@%s is not known", d.name)
		}
	}
	c.describe(m, s)
	return m
}

func (c *compiler) describe(m *members, s statement) {
	for _, d := range s.decorators {
		if d.name == "description" {
			about := &members{}
			about.add("description", c.data(d.args[0]))
			m.add("metadata", about)
		}
	}
}

func (c *compiler) resource(s statement) *members {
	r := c.resources[s.name]
	c.used = nil
	m := &members{}
	if s.when != nil {
		m.add("condition", c.data(s.when))
	}
	m.add("type", r.typ)
	m.add("apiVersion", r.version)
	var depends []string
	for _, e := range s.value.(object).members {
		key := e.key.(literal).value.(string)
		switch key {
		case "parent":
			m.add("name", c.data(joined(r.name)))
			c.used = append(c.used, e.value.(ident).name)
		case "name":
			if len(r.name) == 1 {
				m.add("name", c.data(e.value))
			}
		case "scope":
			m.add("scope", "["+c.id(e.value.(ident).name)+"]")
			c.used = append(c.used, e.value.(ident).name)
		case "dependsOn":
			for _, item := range e.value.(list).items {
				depends = append(depends, item.(ident).name)
			}
		default:
			m.add(key, c.data(e.value))
		}
	}
	depends = append(depends, c.used...)
	slices.Sort(depends)
	if depends = slices.Compact(depends); len(depends) > 0 {
		m.add("dependsOn", depends)
	}
	return m
}

func joined(segments []node) node {
	f := format{parts: make([]string, len(segments)+1), inner: segments}
	for i := 1; i < len(segments); i++ {
		f.parts[i] = "/"
	}
	return f
}

// id is the expression for the id of a resource.
func (c *compiler) id(symbol string) string {
	r := c.resources[symbol]
	if r.scope != "" {
		refuse("the id of %s is not known here", symbol)
	}
	var args strings.Builder
	for _, segment := range r.name {
		args.WriteString(", " + c.expression(segment))
	}
	return "resourceId(" + quoted(r.typ) + args.String() + ")"
}
