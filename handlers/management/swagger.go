package management

import (
	"net/http"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// triggerSchema is the schema of a request trigger, as a text (management-api §3.3).
func (a *API) triggerSchema(c *call) (answer, error) {
	_, t, err := a.trigger(c)
	if err != nil {
		return answer{}, err
	}
	o := newObject(2).text("title", t.Name)
	if schema := t.Raw.Member("schema"); !schema.IsNull() {
		o.text("content", string(value.Reveal(schema)))
	}
	return ok(o.Build())
}

// swagger describes the request triggers of a workflow (management-api §3.1).
func (a *API) swagger(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	scheme, host, base := splitURL(a.endpoint(w.ID))
	paths := value.NewObject(1)
	for _, t := range w.Program.Triggers {
		if t.Spec.Request {
			paths.Set("/"+t.Name+"/paths/invoke"+slashed(t.Raw.Member("relativePath").Str()), swaggerPath(t))
		}
	}
	text := func(s string) value.Value { return value.String(s) }
	return ok(newObject(8).text("swagger", "2.0").
		value("info", value.Object(value.Member{Key: "title", Value: text(w.Name)}, value.Member{Key: "description", Value: text("Azure Logic App.")}, value.Member{Key: "version", Value: text("1.0.0.0")})).
		text("host", host).text("basePath", base+"/triggers").
		value("schemes", value.Strings(scheme)).value("consumes", value.Strings("application/json")).value("produces", value.Strings("application/json")).
		value("paths", paths.Build()).Build())
}

func slashed(path string) string {
	if path == "" {
		return ""
	}
	return "/" + strings.TrimPrefix(path, "/")
}

func swaggerPath(t *definition.Trigger) value.Value {
	var parameters []value.Value
	add := func(name, in, description string) {
		parameters = append(parameters, newObject(5).text("name", name).text("in", in).text("description", description).
			value("required", value.Bool(true)).text("type", "string").Build())
	}
	for _, name := range templateNames(t.Raw.Member("relativePath").Str()) {
		add(name, "path", "")
	}
	for _, q := range []Header{{"api-version", "The service API version."}, {"sp", "The permissions; '/triggers/" + t.Name + "/run'."}, {"sv", "The version number of the query parameters."}, {"sig", "The SHA 256 hash of the entire request URI with an internal key."}} {
		add(q.Name, "query", q.Value)
	}
	if schema := t.Raw.Member("schema"); schema.Kind() == value.KindObject && !slices.Contains([]string{http.MethodGet, http.MethodHead}, method(t)) {
		parameters = append(parameters, newObject(4).text("name", "body").text("in", "body").value("required", value.Bool(false)).value("schema", schema).Build())
	}
	response := value.Object(value.Member{Key: "default", Value: value.Object(
		value.Member{Key: "description", Value: value.String("The Logic App Response.")},
		value.Member{Key: "schema", Value: value.Object(value.Member{Key: "type", Value: value.String("object")})})})
	operation := newObject(5).text("description", "Trigger a run of the logic app.").text("operationId", t.Name+"-invoke").
		value("parameters", value.Array(parameters...)).value("responses", response).Build()
	return value.Object(value.Member{Key: strings.ToLower(method(t)), Value: operation})
}
