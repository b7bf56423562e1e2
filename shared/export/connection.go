package export

import (
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// connection is the resource of a connection, with the expressions that name it.
type connection struct {
	resource      value.Value
	id, name, api value.Value
}

// connection makes the resource that an entry of $connections stands for, once; nil
// where it stands for none.
func (x *exporter) connection(alias string, entry value.Value) *connection {
	id := entry.Member("connectionId").Str()
	if id == "" {
		return nil
	}
	if made, ok := x.made[strings.ToLower(id)]; ok {
		return made
	}
	c, known := x.known[strings.ToLower(id)]
	if !known {
		c = template.Connection{Name: lastSegment(id), API: lastSegment(entry.Member("id").Str())}
		if strings.EqualFold(entry.Member("connectionProperties").Member("authentication").Member("type").Str(), "ManagedServiceIdentity") {
			c.Properties = value.Object(member("parameterValueType", value.String("Alternative")))
		}
	}
	if c.API == "" {
		c.API = strings.ToLower(alias)
	}
	name := x.declare("connections_"+c.Name+"_name", value.Object(member("type", value.String("string")), member("defaultValue", literal(c.Name)),
		member("metadata", value.Object(member("description", value.String("Name of the connection to '"+c.API+"'."))))))
	made := &connection{
		id:   expression("resourceId('Microsoft.Web/connections', parameters('" + name + "'))"),
		name: expression("parameters('" + name + "')"),
		api:  apiID(c.API, entry.Member("id").Str(), c.Properties.Member("api").Member("id").Str()),
	}
	made.resource = x.connectionResource(c, made)
	x.made[strings.ToLower(id)] = made
	x.order = append(x.order, made)
	return made
}

// apiID is the id of a managed API where the template is deployed; custom ones have
// their own.
func apiID(name string, ids ...string) value.Value {
	for _, id := range ids {
		if strings.Contains(strings.ToLower(id), "/customapis/") {
			return literal(id)
		}
	}
	return expression("concat(subscription().id, '/providers/Microsoft.Web/locations/', parameters('location'), " + quoted("/managedApis/"+name) + ")")
}

// shownOnly are properties that Azure gives a connection.
var shownOnly = map[string]bool{
	"api": true, "statuses": true, "connectionstate": true, "overallstatus": true, "createdtime": true, "changedtime": true, "testlinks": true, "testrequests": true,
	"authenticateduser": true, "accesspolicies": true, "connectionruntimeurl": true, "isdelegatedauthenabled": true, "authentication": true,
}

func (x *exporter) connectionResource(c template.Connection, made *connection) value.Value {
	of := owner{name: c.Name, prefix: c.Name + "_"}
	b := value.NewObject(6)
	if !c.Properties.Has("displayName") {
		b.Set("displayName", literal(c.Name))
	}
	for name, v := range c.Properties.Members {
		switch lower := strings.ToLower(name); {
		case lower == "parametervalues" || lower == "alternativeparametervalues" && hidden(v):
			if v.Len() > 0 {
				b.Set(name, x.writeOnly(v, of, name))
			}
		case lower == "parametervalueset":
			set := v
			if values := v.Member("values"); values.Len() > 0 {
				set = v.Without("values")
				b.Set(name, x.plain(set, of, name).With("values", x.writeOnly(values, of, "values")))
				continue
			}
			b.Set(name, x.plain(set, of, name))
		case !shownOnly[lower]:
			b.Set(name, x.plain(v, of, name))
		}
	}
	b.Set("api", value.Object(member("id", made.api)))
	version := connectionVersion
	if c.Properties.Has("parameterValueSet") {
		version = connectionVersion2
	}
	return value.Object(
		member("type", value.String("Microsoft.Web/connections")), member("apiVersion", value.String(version)), member("name", made.name),
		member("location", expression("parameters('location')")), member("kind", value.String("V1")), member("properties", b.Build()))
}

func hidden(v value.Value) bool { return v.Marked() }

// writeOnly are values that Azure never gives back: keys, passwords and what goes with
// them. Each becomes a parameter.
func (x *exporter) writeOnly(v value.Value, of owner, at string) value.Value {
	b := value.NewObject(v.Len())
	for name, item := range v.Members {
		switch inner, isBox := item.Get("value"); {
		case isBox && item.Len() == 1:
			b.Set(key(name, item), value.Object(member("value", x.secret(of.prefix+name, "The value '"+name+"' of connection '"+of.name+"'.", inner.Kind() == value.KindString))))
		case item.Kind() == value.KindString || item.Kind() == value.KindObject:
			b.Set(key(name, item), x.secret(of.prefix+name, "The value '"+name+"' of connection '"+of.name+"'.", item.Kind() == value.KindString))
		default: // a number or a switch
			b.Set(key(name, item), x.plain(item, of, at+"_"+name))
		}
	}
	return b.Build()
}

// entry is what a workflow says of a connection in $connections.
func (x *exporter) entry(alias string, entry value.Value, made *connection, of owner) value.Value {
	if made == nil {
		return x.plain(entry, of, alias)
	}
	b := value.NewObject(entry.Len())
	for name, v := range entry.Members {
		switch strings.ToLower(name) {
		case "connectionid":
			v = made.id
		case "connectionname":
			v = made.name
		case "id":
			v = made.api
		default:
			v = x.plain(v, of, alias+"_"+name)
		}
		b.Set(name, v)
	}
	return b.Build()
}

func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
