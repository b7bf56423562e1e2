package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// members is an object that keeps its order.
type members struct {
	keys   []string
	values []any
}

func (m *members) add(key string, v any) {
	m.keys, m.values = append(m.keys, key), append(m.values, v)
}

// MarshalJSON implements json.Marshaler.
func (m *members) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, k := range m.keys {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := encode(k)
		if err != nil {
			return nil, err
		}
		v, err := encode(m.values[i])
		if err != nil {
			return nil, err
		}
		b.Write(bytes.TrimSpace(key))
		b.WriteByte(':')
		b.Write(bytes.TrimSpace(v))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

var _ json.Marshaler = (*members)(nil)

// data is what a node becomes where JSON stands: objects and arrays stay what they
// are, all that is to be computed is a string in brackets.
func (c *compiler) data(n node) any {
	switch n := n.(type) {
	case literal:
		if s, ok := n.value.(string); ok && strings.HasPrefix(s, "[") {
			return "[" + s
		}
		return n.value
	case object:
		m := &members{}
		for _, e := range n.members {
			if key, ok := e.key.(literal); ok {
				m.add(key.value.(string), c.data(e.value))
				continue
			}
			m.add("["+c.expression(e.key)+"]", c.data(e.value))
		}
		return m
	case list:
		items := make([]any, len(n.items))
		for i, item := range n.items {
			items[i] = c.data(item)
		}
		return items
	}
	return "[" + c.expression(n) + "]"
}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// expression is what a node becomes inside of brackets.
func (c *compiler) expression(n node) string {
	switch n := n.(type) {
	case literal:
		switch v := n.value.(type) {
		case string:
			return quoted(v)
		case int:
			return fmt.Sprint(v)
		case bool:
			return fmt.Sprintf("%t()", v)
		}
		return "null()"
	case format:
		return c.formatted(n)
	case ident:
		return c.named(n.name)
	case member:
		return c.member(n)
	case index:
		return c.expression(n.of) + "[" + c.expression(n.at) + "]"
	case call:
		return n.name + "(" + c.all(n.args) + ")"
	case unary:
		return "not(" + c.expression(n.of) + ")"
	case binary:
		return c.compared(n)
	case choice:
		return "if(" + c.all([]node{n.when, n.then, n.otherwise}) + ")"
	case object:
		var args []node
		for _, e := range n.members {
			args = append(args, e.key, e.value)
		}
		return "createObject(" + c.all(args) + ")"
	case list:
		return "createArray(" + c.all(n.items) + ")"
	}
	panic(fmt.Sprintf("a node of type %T", n))
}

func (c *compiler) all(nodes []node) string {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = c.expression(n)
	}
	return strings.Join(texts, ", ")
}

func (c *compiler) formatted(n format) string {
	var text strings.Builder
	for i, part := range n.parts {
		text.WriteString(strings.NewReplacer("{", "{{", "}", "}}").Replace(part))
		if i < len(n.inner) {
			fmt.Fprintf(&text, "{%d}", i)
		}
	}
	return "format(" + quoted(text.String()) + ", " + c.all(n.inner) + ")"
}

func (c *compiler) named(name string) string {
	switch {
	case c.params[name]:
		return "parameters(" + quoted(name) + ")"
	case c.vars[name]:
		return "variables(" + quoted(name) + ")"
	}
	refuse("%s is not known here", name)
	return ""
}

// member: of a resource, id and name are known beforehand, all else is its state.
func (c *compiler) member(n member) string {
	if base, ok := n.of.(ident); ok {
		if r, ok := c.resources[base.name]; ok {
			c.used = append(c.used, base.name)
			switch n.name {
			case "id":
				return c.id(base.name)
			case "name":
				return c.expression(r.name[len(r.name)-1])
			case "properties":
				return c.state(base.name, "reference("+quoted(base.name)+")")
			}
			return c.state(base.name, "reference("+quoted(base.name)+", "+quoted(r.version)+", 'full')") + "." + n.name
		}
	}
	return c.expression(n.of) + "." + n.name
}

func (c *compiler) state(symbol, expression string) string {
	if c.stateless != "" {
		refuse("%s may not read the state of %s", c.stateless, symbol)
	}
	return expression
}

func (c *compiler) compared(n binary) string {
	function := map[string]string{"||": "or", "&&": "and", "==": "equals", "!=": "equals", "<": "less", "<=": "lessOrEquals", ">": "greater", ">=": "greaterOrEquals"}[n.mark]
	text := function + "(" + c.all([]node{n.left, n.right}) + ")"
	if n.mark == "!=" {
		return "not(" + text + ")"
	}
	return text
}
