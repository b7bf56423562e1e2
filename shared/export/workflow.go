package export

import (
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// workflow is the resource of a workflow.
func (x *exporter) workflow(w template.Workflow) value.Value {
	of := owner{name: w.Name}
	if x.several {
		of.prefix = w.Name + "_"
	}
	var needs []value.Value
	of.calls = func(name string) {
		if name == w.Name || slices.Contains(x.dependsOn[w.Name], name) || x.leadsTo(name, w.Name, map[string]bool{}) {
			return // a ring of them has no order
		}
		x.dependsOn[w.Name] = append(x.dependsOn[w.Name], name)
		needs = append(needs, expression("resourceId('Microsoft.Logic/workflows', "+quoted(name)+")"))
	}
	definition, secure := x.definition(w.Definition, of)
	parameters := value.NewObject(w.Parameters.Len())
	for name, entry := range w.Parameters.Members {
		if secure[strings.ToLower(name)] == "" {
			v, depends := x.parameter(name, entry, of)
			parameters.Set(key(name, entry), v)
			needs = append(needs, depends...)
		}
	}
	for name, p := range definition.Member("parameters").Members {
		if typ := secure[strings.ToLower(name)]; typ != "" {
			secret := x.secret(of.prefix+name, "The parameter '"+name+"' of workflow '"+w.Name+"'.", typ == "securestring")
			parameters.Set(key(name, p), value.Object(member("value", secret)))
		}
	}
	p := value.NewObject(5).Set("state", value.String(w.State))
	if !w.AccessControl.IsNull() {
		p.Set("accessControl", x.plain(w.AccessControl, of, "accessControl"))
	}
	p.Set("definition", definition).Set("parameters", parameters.Build())
	r := value.NewObject(8).Set("type", value.String("Microsoft.Logic/workflows")).Set("apiVersion", value.String(workflowVersion)).
		Set("name", literal(w.Name)).Set("location", expression("parameters('location')"))
	if w.Tags.Len() > 0 {
		r.Set("tags", x.plain(w.Tags, of, "tags"))
	}
	if identity := identityOf(w.Identity); !identity.IsAbsent() {
		r.Set("identity", x.plain(identity, of, "identity"))
	}
	if len(needs) > 0 {
		r.Set("dependsOn", value.Array(needs...))
	}
	return r.Set("properties", p.Build()).Build()
}

// leadsTo tells whether a workflow depends on another one already.
func (x *exporter) leadsTo(from, to string, seen map[string]bool) bool {
	if seen[from] {
		return false
	}
	seen[from] = true
	return slices.ContainsFunc(x.dependsOn[from], func(next string) bool { return next == to || x.leadsTo(next, to, seen) })
}

// definition is the definition without the values that secure parameters have by
// default, and the types of those, by lower-case name.
func (x *exporter) definition(d value.Value, of owner) (value.Value, map[string]string) {
	secure := map[string]string{}
	declared := d.Member("parameters")
	for name, p := range declared.Members {
		if typ := strings.ToLower(p.Member("type").Str()); strings.HasPrefix(typ, "secure") {
			secure[strings.ToLower(name)] = typ
			declared = declared.With(name, p.Without("defaultValue"))
		}
	}
	if len(secure) > 0 {
		d = d.With("parameters", declared)
	}
	b := value.NewObject(d.Len())
	for name, part := range d.Members {
		b.Set(name, x.plain(part, of, name))
	}
	return b.Build(), secure
}

// parameter is the value of a parameter. Its type stands in the definition.
func (x *exporter) parameter(name string, entry value.Value, of owner) (value.Value, []value.Value) {
	entry = entry.Without("type")
	if !strings.EqualFold(name, connectionsKey) {
		return x.plain(entry, of, name), nil
	}
	var needs []value.Value
	b := value.NewObject(entry.Member("value").Len())
	for k, c := range entry.Member("value").Members {
		made := x.connection(k, c)
		b.Set(key(k, c), x.entry(k, c, made, of))
		if made != nil && !slices.ContainsFunc(needs, func(v value.Value) bool { return v.Str() == made.id.Str() }) {
			needs = append(needs, made.id)
		}
	}
	return entry.With("value", b.Build()), needs
}

// identityOf leaves out what Azure gives an identity when it makes one.
func identityOf(v value.Value) value.Value {
	if v.Kind() != value.KindObject {
		return value.Value{}
	}
	v = v.Without("principalId").Without("tenantId")
	users := v.Member("userAssignedIdentities")
	for id := range users.Members {
		users = users.With(id, value.Object())
	}
	if users.Len() > 0 {
		v = v.With("userAssignedIdentities", users)
	}
	return v
}
