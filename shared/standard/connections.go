package standard

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// readConnections reads connections.json. Each connection becomes an entry as
// $connections has them; several of them may have identities of their own.
func (p *Project) readConnections(r *reader) {
	b := value.NewObject(4)
	seen := map[string]bool{}
	add := func(name string, at *value.Path, entry value.Value) {
		if seen[strings.ToLower(name)] {
			r.fail(invalidConnection, at, "The connection name '%s' is used more than once.", name)
			return
		}
		seen[strings.ToLower(name)] = true
		b.Set(name, entry)
	}
	for group, list := range r.object(r.files.Connections, nil).Members {
		at := (*value.Path)(nil).Key(group)
		switch strings.ToLower(group) {
		case "managedapiconnections":
			for name, c := range r.object(list, at).Members {
				add(name, at.Key(name), r.managed(name, c, at.Key(name)))
			}
		case "functionconnections":
			for name, c := range r.object(list, at).Members {
				add(name, at.Key(name), r.function(name, c, at.Key(name)))
			}
		case "serviceproviderconnections":
			for name, c := range r.object(list, at).Members {
				p.providers[strings.ToLower(name)] = struct{}{}
				r.provider(name, c, at.Key(name))
			}
		default:
			r.warn(notImplemented, at, "The connections in '%s' have no effect here.", group)
		}
	}
	p.connections = b.Build()
}

// managed is a connection of a managed connector.
func (r *reader) managed(name string, c value.Value, at *value.Path) value.Value {
	api := r.required(c, at, name, "api", "id")
	id := r.required(c, at, name, "connection", "id")
	b := value.NewObject(6)
	b.Set("connectionId", id).Set("connectionName", value.String(lastSegment(id.Str()))).Set("id", api)
	if address, ok := c.Get("connectionRuntimeUrl"); ok {
		b.Set("connectionRuntimeUrl", r.evaluate(address, at.Key("connectionRuntimeUrl"), false))
	}
	if given, ok := c.Get("authentication"); ok {
		b.Set("authentication", r.authentication(given, at.Key("authentication")))
	}
	if properties, ok := c.Get("connectionProperties"); ok {
		place := at.Key("connectionProperties")
		v := r.evaluate(properties.Without("authentication"), place, false)
		if given, ok := properties.Get("authentication"); ok {
			v = v.With("authentication", r.authentication(given, place.Key("authentication")))
		}
		b.Set("connectionProperties", v)
	}
	return b.Build()
}

// function is a connection to a function of an app.
func (r *reader) function(name string, c value.Value, at *value.Path) value.Value {
	b := value.NewObject(4)
	b.Set("connectionName", value.String(name)).Set("functionId", r.required(c, at, name, "function", "id")).
		Set("triggerUrl", r.required(c, at, name, "triggerUrl"))
	if given, ok := c.Get("authentication"); ok {
		b.Set("authentication", r.authentication(given, at.Key("authentication")))
	}
	return b.Build()
}

// provider checks a connection of a built-in connector. They run inside of the product's
// own host, so all there is to do is to say which ones are affected.
func (r *reader) provider(name string, c value.Value, at *value.Path) {
	id := r.required(c, at, name, "serviceProvider", "id").Str()
	if id == "" {
		return
	}
	r.warn(notImplemented, at, "The connection '%s' is one of the built-in connector '%s', which has no implementation here: actions that use it fail when they are reached, unless they have a static result.", name, lastSegment(id))
}

// required is a text that must be there.
func (r *reader) required(c value.Value, at *value.Path, name string, keys ...string) value.Value {
	v := c
	for _, k := range keys {
		v = v.Member(k)
	}
	if v.Str() == "" {
		r.fail(invalidConnection, at, "The connection '%s' needs '%s'.", name, strings.Join(keys, "."))
		return value.String("")
	}
	return r.evaluate(v, at.Keys(keys...), false)
}

// authentication is how a connection signs in.
func (r *reader) authentication(given value.Value, at *value.Path) value.Value {
	v := r.evaluate(given, at, true)
	if v.Kind() != value.KindObject {
		if v.Kind() != value.KindString || v.Str() != "" { // what is wrong has been said otherwise
			r.fail(invalidConnection, at, "The authentication of a connection must be an object.")
		}
		return value.Object()
	}
	if v.Member("type").Str() == "" {
		r.fail(invalidConnection, at, "The authentication of a connection needs 'type'.")
	}
	return v
}

func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
