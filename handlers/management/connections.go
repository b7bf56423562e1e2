package management

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

const connectionType = "Microsoft.Web/connections"

func (c *call) connectionID() string {
	return c.group() + "/providers/Microsoft.Web/connections/" + c.names["connection"]
}

func (a *API) listConnections(c *call) (answer, error) {
	all, err := a.Store.Connections(c.ctx)
	if err != nil {
		return answer{}, err
	}
	slices.SortFunc(all, func(x, y store.Connection) int { return strings.Compare(x.ResourceID, y.ResourceID) })
	views := []value.Value{}
	for _, x := range all {
		if hasPrefixFold(x.ResourceID, c.group()+"/") {
			views = append(views, connectionView(x))
		}
	}
	return c.slicePage(views)
}

func (a *API) connection(c *call) (store.Connection, error) {
	all, err := a.Store.Connections(c.ctx)
	if err != nil {
		return store.Connection{}, err
	}
	for _, x := range all {
		if strings.EqualFold(x.ResourceID, c.connectionID()) {
			return x, nil
		}
	}
	return store.Connection{}, fail(http.StatusNotFound, "ResourceNotFound", "The Resource 'Microsoft.Web/connections/%s' under resource group '%s' was not found.", c.names["connection"], c.names["group"])
}

func (a *API) getConnection(c *call) (answer, error) {
	x, err := a.connection(c)
	if err != nil {
		return answer{}, err
	}
	return ok(connectionView(x))
}

// connectionView shows a connection. Values of its parameters are not given back
// (management-api §7.1).
func connectionView(x store.Connection) value.Value {
	p := x.Properties.Without("parameterValues").Without("accessPolicies")
	if set := p.Member("parameterValueSet"); set.Kind() == value.KindObject {
		p = p.With("parameterValueSet", set.Without("values"))
	}
	if p.Kind() != value.KindObject {
		p = value.Object()
	}
	p = p.With("statuses", value.Array(value.Object(value.Member{Key: "status", Value: value.String("Connected")}))).
		With("overallStatus", value.String("Connected"))
	return newObject(8).text("id", x.ResourceID).text("name", x.Name).text("type", connectionType).text("location", x.Location).
		text("kind", x.Properties.Member("kind").Str()).value("properties", p.Without("kind")).Build()
}

// putConnection creates or replaces a connection; both forms of a connection with a
// managed identity are kept as they come (management-api §7.1).
func (a *API) putConnection(c *call) (answer, error) {
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	old, err := a.connection(c)
	var missing *Error
	if err != nil && !errors.As(err, &missing) {
		return answer{}, err
	}
	p := body.Member("properties")
	if c.r.Method == http.MethodPatch {
		if missing != nil {
			return answer{}, missing
		}
		merged := old.Properties
		for name, v := range p.Members {
			merged = merged.With(name, v)
		}
		p = merged
	}
	api := apiName(p)
	if api == "" {
		return answer{}, fail(http.StatusBadRequest, "InvalidApiConnectionProperties", "The connection '%s' must have 'properties.api.id'.", c.names["connection"])
	}
	if missing != nil {
		if err := creatable(c.names["group"], c.names["connection"]); err != nil {
			return answer{}, err
		}
	}
	if k := body.Member("kind"); !k.IsNull() {
		p = p.With("kind", k)
	}
	for _, shown := range []string{"statuses", "overallStatus"} { // what a client has read and sends back
		p = p.Without(shown)
	}
	for _, name := range []string{"accessPolicies", "parameterValues"} { // never given back: who writes back what he has read leaves them out
		if kept := old.Properties.Member(name); !kept.IsAbsent() && !p.Has(name) && api == old.API {
			p = p.With(name, kept)
		}
	}
	x := store.Connection{ResourceID: c.connectionID(), Name: c.names["connection"], API: api, Location: body.Member("location").Str(), Properties: p}
	if missing == nil {
		x.ResourceID, x.Name = old.ResourceID, old.Name
		if x.Location == "" {
			x.Location = old.Location
		}
	}
	if err := a.Engine.SaveConnection(c.ctx, x); err != nil {
		return answer{}, err
	}
	result, err := ok(connectionView(x))
	if missing != nil {
		result.status = http.StatusCreated
	}
	return result, err
}

func apiName(properties value.Value) string {
	id := properties.Member("api").Member("id").Str()
	if id == "" {
		id = properties.Member("api").Member("name").Str()
	}
	return strings.ToLower(id[strings.LastIndexByte(id, '/')+1:])
}

func (a *API) deleteConnection(c *call) (answer, error) {
	x, err := a.connection(c)
	var missing *Error
	switch {
	case errors.As(err, &missing):
		return done(http.StatusNoContent)
	case err != nil:
		return answer{}, err
	}
	if err := a.Engine.DeleteConnection(c.ctx, x.ResourceID); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

// consentLinks: connections here need no consent; they sign in with an identity.
func (a *API) consentLinks(c *call) (answer, error) {
	x, err := a.connection(c)
	if err != nil {
		return answer{}, err
	}
	link := newObject(2).text("displayName", x.Name).text("status", "Authenticated").Build()
	return ok(value.Object(value.Member{Key: "value", Value: value.Array(link)}))
}

// The access policies of a connection say which identities of Standard apps may use
// it. They are kept and shown; a connection here is used by this app alone.

func (a *API) listAccessPolicies(c *call) (answer, error) {
	x, err := a.connection(c)
	if err != nil {
		return answer{}, err
	}
	views := []value.Value{}
	for name, p := range x.Properties.Member("accessPolicies").Members {
		views = append(views, policyView(x, name, p))
	}
	return c.slicePage(views)
}

func policyView(x store.Connection, name string, p value.Value) value.Value {
	return newObject(5).text("id", x.ResourceID+"/accessPolicies/"+name).text("name", name).text("type", connectionType+"/accessPolicies").
		text("location", x.Location).value("properties", p).Build()
}

func (a *API) getAccessPolicy(c *call) (answer, error) {
	x, err := a.connection(c)
	if err != nil {
		return answer{}, err
	}
	policies := x.Properties.Member("accessPolicies")
	p, found := policies.Get(c.names["policy"])
	if !found {
		return answer{}, fail(http.StatusNotFound, "ResourceNotFound", "The Resource 'Microsoft.Web/connections/%s/accessPolicies/%s' under resource group '%s' was not found.", x.Name, c.names["policy"], c.names["group"])
	}
	return ok(policyView(x, policies.KeyAt(policies.Find(c.names["policy"])), p))
}

func (a *API) putAccessPolicy(c *call) (answer, error) {
	x, err := a.connection(c)
	if err != nil {
		return answer{}, err
	}
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	policies := x.Properties.Member("accessPolicies")
	if policies.IsAbsent() {
		policies = value.Object()
	}
	p := body.Member("properties")
	if identity := p.Member("principal").Member("identity"); identity.Member("objectId").Str() == "" || identity.Member("tenantId").Str() == "" {
		return answer{}, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'Required property 'principal.identity' with objectId and tenantId not found in JSON'.")
	}
	if !policies.Has(c.names["policy"]) {
		if err := creatable(c.names["group"], c.names["policy"]); err != nil {
			return answer{}, err
		}
	}
	x.Properties = x.Properties.With("accessPolicies", policies.With(c.names["policy"], p))
	if err := a.Engine.SaveConnection(c.ctx, x); err != nil {
		return answer{}, err
	}
	return ok(policyView(x, c.names["policy"], p))
}

func (a *API) deleteAccessPolicy(c *call) (answer, error) {
	x, err := a.connection(c)
	if err != nil {
		return answer{}, err
	}
	policies := x.Properties.Member("accessPolicies")
	if !policies.Has(c.names["policy"]) {
		return done(http.StatusNoContent)
	}
	x.Properties = x.Properties.With("accessPolicies", policies.Without(c.names["policy"]))
	if err := a.Engine.SaveConnection(c.ctx, x); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}

// listManagedAPIs lists the connectors that are carried out here.
func (a *API) listManagedAPIs(c *call) (answer, error) {
	views := []value.Value{}
	for _, name := range (operation.Catalog{}).Connectors() {
		views = append(views, c.managedAPI(name))
	}
	return c.slicePage(views)
}

func (a *API) getManagedAPI(c *call) (answer, error) {
	// Clients ask for the connector of any connection that a workflow uses: others
	// than those here are called by their wire shape.
	return ok(c.managedAPI(strings.ToLower(c.names["api"])))
}

func (c *call) managedAPI(name string) value.Value {
	doc := ""
	if known := operation.FindConnector(name); known != nil {
		doc = known.Doc
	}
	id := "/subscriptions/" + c.names["sub"] + "/providers/Microsoft.Web/locations/" + c.names["location"] + "/managedApis/" + name
	general := newObject(3).text("displayName", name).text("description", doc).Build()
	p := newObject(6).text("name", name).value("connectionParameters", value.Object()).value("generalInformation", general).
		value("capabilities", value.Strings("actions")).value("runtimeUrls", value.Array()).Build()
	return newObject(5).text("id", id).text("name", name).text("type", "Microsoft.Web/locations/managedApis").
		text("location", c.names["location"]).value("properties", p).Build()
}
