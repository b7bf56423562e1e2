package management

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// timeText writes a time as the product does: UTC, seven digits.
func timeText(t time.Time) value.Value {
	return value.String(t.UTC().Format("2006-01-02T15:04:05.0000000Z"))
}

// object is a builder that leaves out what is not there: absent keys are safest
// (management-api §1).
type object struct{ *value.Builder }

func newObject(size int) object { return object{value.NewObject(size)} }

func (o object) text(name, s string) object {
	if s != "" {
		o.Set(name, value.String(s))
	}
	return o
}

func (o object) time(name string, t time.Time) object {
	if !t.IsZero() {
		o.Set(name, timeText(t))
	}
	return o
}

func (o object) value(name string, v value.Value) object {
	if !v.IsAbsent() {
		o.Set(name, v)
	}
	return o
}

// reference names a resource.
func reference(id, typ string) value.Value {
	return value.Object(
		value.Member{Key: "id", Value: value.String(id)},
		value.Member{Key: "name", Value: value.String(id[strings.LastIndexByte(id, '/')+1:])},
		value.Member{Key: "type", Value: value.String(typ)})
}

// endpoint is where a workflow is called.
func (a *API) endpoint(workflowID string) string {
	return strings.TrimRight(a.CallbackBase, "/") + "/workflows/" + workflowID
}

const (
	workflowType = "Microsoft.Logic/workflows"
	versionType  = workflowType + "/versions"
)

// workflowView is a workflow resource as it is shown (management-api §4.1). Without
// a definition it is one of a list's elements.
func (a *API) workflowView(w *store.Workflow) value.Value {
	p := newObject(12).text("provisioningState", "Succeeded").
		time("createdTime", w.Created).time("changedTime", w.Changed).
		text("state", w.State).text("version", w.Version).text("accessEndpoint", a.endpoint(w.ID)).
		value("accessControl", normalAccessControl(w.AccessControl)).
		value("definition", w.Definition).value("parameters", parametersView(w.Parameters, w.Definition))
	o := newObject(8).text("id", w.ResourceID).text("name", w.Name).text("type", workflowType).text("location", w.Location).
		value("tags", w.Tags).value("identity", w.Identity).text("kind", w.Kind)
	return o.value("properties", p.Build()).Build()
}

// versionView is one version of a workflow (management-api §3.2).
func (a *API) versionView(w *store.Workflow) value.Value {
	p := newObject(12).text("provisioningState", "Succeeded").
		time("createdTime", w.Changed).time("changedTime", w.Changed).
		text("state", w.State).text("version", w.Version).text("accessEndpoint", a.endpoint(w.ID)).
		value("accessControl", normalAccessControl(w.AccessControl)).
		value("definition", w.Definition).value("parameters", parametersView(w.Parameters, w.Definition))
	return newObject(6).text("id", versionID(w.ResourceID, w.Version)).text("name", w.Version).text("type", versionType).
		text("location", w.Location).value("tags", w.Tags).value("properties", p.Build()).Build()
}

func versionID(resourceID, version string) string { return resourceID + "/versions/" + version }

// parametersView leaves out the values of secure parameters: nothing gives them
// back (management-api §4.1).
func parametersView(parameters, definition value.Value) value.Value {
	if parameters.IsAbsent() {
		return parameters
	}
	secure := secureNames(definition)
	b := value.NewObject(parameters.Len())
	for name, v := range parameters.Members {
		if secure[strings.ToLower(name)] {
			continue
		}
		declared, _ := definition.Member("parameters").Get(name)
		if typ := parameterTypes[strings.ToLower(declared.Member("type").Str())]; typ != "" && !v.Has("type") {
			typed := value.NewObject(2).Set("type", value.String(typ))
			for key, x := range v.Members {
				typed.Set(key, x)
			}
			v = typed.Build()
		}
		b.Set(name, value.Redact(v))
	}
	return b.Build()
}

// parameterTypes are the types as resources spell them.
var parameterTypes = map[string]string{"string": "String", "int": "Int", "float": "Float", "bool": "Bool", "array": "Array", "object": "Object"}

// secureNames are the names, in lower case, of the parameters whose values are not
// shown.
func secureNames(definition value.Value) map[string]bool {
	names := map[string]bool{}
	for name, p := range definition.Member("parameters").Members {
		typ := strings.ToLower(p.Member("type").Str())
		if strings.HasPrefix(typ, "secure") {
			names[strings.ToLower(name)] = true
		}
	}
	return names
}

// normalAccessControl writes "only other workflows" as an empty list of addresses:
// some clients cannot read {"addressRange": []} (management-api §4.1).
func normalAccessControl(v value.Value) value.Value {
	for name, part := range v.Members {
		list := part.Member("allowedCallerIpAddresses")
		if list.Len() == 1 && list.At(0).Member("addressRange").Kind() == value.KindArray && list.At(0).Member("addressRange").Len() == 0 {
			v = v.With(name, part.With("allowedCallerIpAddresses", value.Array()))
		}
	}
	return v
}
