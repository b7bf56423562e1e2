package deploy

import (
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// comparable brings a resource into one form, so that what it is can be compared with
// what it is to be: without what only the target decides, and without what is empty.
func comparable(typ string, v value.Value) value.Value {
	b := value.NewObject(6)
	keep := func(to *value.Builder, name string, v value.Value) {
		if text, ok := v.AsString(); ok && text == "" {
			return
		}
		if !v.IsNull() && (v.Kind() != value.KindObject || v.Len() > 0) {
			to.Set(name, v)
		}
	}
	properties := v.Member("properties")
	keep(b, "location", v.Member("location"))
	if strings.EqualFold(typ, template.ConnectionType) {
		kind := v.Member("kind")
		if kind.IsNull() {
			kind = properties.Member("kind")
		}
		keep(b, "kind", kind)
		for _, name := range []string{"kind", "statuses", "overallStatus", "createdTime", "changedTime", "testLinks", "accessPolicies"} {
			properties = properties.Without(name)
		}
		return b.Set("properties", properties).Build()
	}
	keep(b, "kind", v.Member("kind"))
	keep(b, "tags", v.Member("tags"))
	keep(b, "identity", identity(v.Member("identity")))
	p := value.NewObject(4)
	state := properties.Member("state").Str()
	if state == "" || strings.EqualFold(state, "NotSpecified") {
		state = "Enabled"
	}
	p.Set("state", value.String(state))
	keep(p, "accessControl", properties.Member("accessControl"))
	keep(p, "definition", properties.Member("definition"))
	keep(p, "parameters", parameters(properties.Member("parameters")))
	return b.Set("properties", p.Build()).Build()
}

// identity without what the target adds to it.
func identity(v value.Value) value.Value {
	typ := v.Member("type").Str()
	if typ == "" || strings.EqualFold(typ, "None") {
		return value.Value{}
	}
	b := value.NewObject(2).Set("type", value.String(typ))
	if users := v.Member("userAssignedIdentities"); users.Len() > 0 {
		ids := value.NewObject(users.Len())
		for id := range users.Members {
			ids.Set(id, value.Object())
		}
		b.Set("userAssignedIdentities", ids.Build())
	}
	return b.Build()
}

// parameters without the types that an answer repeats.
func parameters(v value.Value) value.Value {
	for name, entry := range v.Members {
		if entry.Has("type") && entry.Has("value") {
			v = v.With(name, entry.Without("type"))
		}
	}
	return v
}

// secured marks what a body must not show: the values of secure parameters, their
// defaults, and the values that a connection is made with.
func secured(typ string, v value.Value) value.Value {
	properties := v.Member("properties")
	mark := func(v value.Value, name string) value.Value {
		return v.Mark(value.Origin{Class: value.Credential, Name: "deploy:" + name})
	}
	if strings.EqualFold(typ, template.ConnectionType) {
		if values, ok := properties.Get("parameterValues"); ok && values.Len() > 0 {
			properties = properties.With("parameterValues", mark(values, "parameterValues"))
		}
		if set := properties.Member("parameterValueSet"); set.Member("values").Len() > 0 {
			properties = properties.With("parameterValueSet", set.With("values", mark(set.Member("values"), "parameterValues")))
		}
		return v.With("properties", properties)
	}
	if properties.Kind() != value.KindObject {
		return v
	}
	definition, given := properties.Member("definition"), properties.Member("parameters")
	declared := definition.Member("parameters")
	for name, d := range declared.Members {
		if !strings.HasPrefix(strings.ToLower(d.Member("type").Str()), "secure") {
			continue
		}
		if entry, ok := given.Get(name); ok {
			given = given.With(given.KeyAt(given.Find(name)), mark(entry, name))
		}
		if standard, ok := d.Get("defaultValue"); ok {
			declared = declared.With(name, d.With("defaultValue", mark(standard, name)))
		}
	}
	if declared.Len() > 0 {
		properties = properties.With("definition", definition.With("parameters", declared))
	}
	if given.Len() > 0 {
		properties = properties.With("parameters", given)
	}
	return v.With("properties", properties)
}

// shown is a value as the plan shows it: secrets redacted, and what is not known yet
// said so.
func shown(v value.Value) value.Value {
	if v.IsAbsent() {
		return v
	}
	return value.Redact(template.Replace(v, value.String("("+laterKnown+")")))
}
