package management

import (
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// resource reads the body of a PUT. What a client read and sends back, such as id or
// version, is ignored; from is the version that it was read from.
func (a *API) resource(c *call, body value.Value, old *engine.Workflow, from *store.Workflow) (*engine.Resource, error) {
	p := body.Member("properties")
	if p.Kind() != value.KindObject {
		return nil, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'Required property 'properties' not found in JSON'.")
	}
	root := (*value.Path)(nil).Key("properties")
	r := &engine.Resource{
		Name: c.names["workflow"], ResourceID: c.workflowID(), Location: body.Member("location").Str(), Kind: kind(body),
		State: p.Member("state").Str(), Tags: body.Member("tags"), Identity: body.Member("identity"),
		AccessControl: p.Member("accessControl"), Definition: p.Member("definition"), Parameters: p.Member("parameters"),
		DefinitionPath: root.Key("definition"), ParametersPath: root.Key("parameters"),
	}
	switch {
	case r.State == "" || strings.EqualFold(r.State, "Enabled") || strings.EqualFold(r.State, "NotSpecified"):
		r.State = "Enabled"
	case strings.EqualFold(r.State, "Disabled"):
		r.State = "Disabled"
	default:
		return nil, fail(http.StatusBadRequest, "WorkflowStateNotValid", "The workflow state '%s' is not valid. The state must be 'Enabled' or 'Disabled'.", r.State)
	}
	if err := checkTags(r.Tags); err != nil {
		return nil, err
	}
	if old == nil {
		if err := creatable(c.names["group"], r.Name); err != nil {
			return nil, err
		}
	}
	if old != nil {
		r.Name, r.ResourceID = old.Name, old.ResourceID // the spelling of the first PUT stays
		r.AccessControl = keepDisabled(r.AccessControl, old.AccessControl)
		r.Parameters = keepSecrets(r.Parameters, from, r.Definition)
	}
	var before value.Value
	if old != nil {
		before = old.Identity
	}
	var err error
	r.Identity, err = a.Identity.Of(r.Identity, before)
	return r, err
}

const systemAssigned = "SystemAssigned"

// Of checks the identity that a workflow is given. That of the system is the one that
// it has already, or another one: switched off and on it is a new one (management-api
// §4.2).
func (i Identity) Of(given, old value.Value) (value.Value, error) {
	v, err := identityOf(given)
	if err != nil || v.Member("type").Str() != systemAssigned {
		return v, err
	}
	if old.Member("type").Str() == systemAssigned && old.Has("principalId") {
		return old, nil
	}
	principal, tenant := i.Principal, i.Tenant
	if principal == "" {
		principal = uuid.NewString()
	}
	if tenant == "" {
		tenant = "00000000-0000-0000-0000-000000000000"
	}
	return newObject(3).text("type", systemAssigned).text("principalId", principal).text("tenantId", tenant).Build(), nil
}

// kind is that of a Standard workflow, "" for others.
func kind(body value.Value) string {
	for _, k := range []string{"Stateful", "Stateless", "Agent"} {
		if strings.EqualFold(body.Member("kind").Str(), k) {
			return k
		}
	}
	return ""
}

// keepDisabled: clients that read a workflow and write it back drop a key that
// their models lack, which would switch signed URLs on again
// (management-api §1.1, read-modify-write trap).
func keepDisabled(given, old value.Value) value.Value {
	triggers, policy := given.Member("triggers"), "sasAuthenticationPolicy"
	if kept := old.Member("triggers").Member(policy); triggers.Kind() == value.KindObject && !triggers.Has(policy) &&
		strings.EqualFold(kept.Member("state").Str(), "Disabled") {
		return given.With("triggers", triggers.With(policy, kept))
	}
	return given
}

// keepSecrets: secure parameters are not given back, so a client that reads a
// workflow and writes it back leaves them out. They keep their values, as long as
// the definition still declares them secure.
func keepSecrets(given value.Value, old *store.Workflow, definition value.Value) value.Value {
	for name := range secureNames(definition) {
		kept, had := old.Parameters.Get(name)
		if !had || given.Has(name) || !secureNames(old.Definition)[name] {
			continue
		}
		if given.IsNull() {
			given = value.Object()
		}
		given = given.With(old.Parameters.KeyAt(old.Parameters.Find(name)), kept) // in its spelling
	}
	return given
}

// identityOf checks an identity: either the system's or one of the user's
// (management-api §4.2).
func identityOf(v value.Value) (value.Value, error) {
	typ, users := v.Member("type").Str(), v.Member("userAssignedIdentities")
	switch {
	case v.IsNull():
		return value.Value{}, nil
	case strings.EqualFold(typ, "None"):
		return value.Object(value.Member{Key: "type", Value: value.String("None")}), nil
	case strings.EqualFold(typ, systemAssigned) && users.Len() == 0:
		return value.Object(value.Member{Key: "type", Value: value.String(systemAssigned)}), nil
	case strings.EqualFold(typ, "UserAssigned") && users.Len() == 1:
		b := value.NewObject(1)
		for id, entry := range users.Members {
			if !strings.HasPrefix(strings.ToLower(id), "/subscriptions/") {
				return v, fail(http.StatusBadRequest, "InvalidIdentity", "The user-assigned identity '%s' is not the id of a resource.", id)
			}
			if entry.IsNull() {
				entry = value.Object()
			}
			b.Set(id, entry)
		}
		return value.Object(value.Member{Key: "type", Value: value.String("UserAssigned")}, value.Member{Key: "userAssignedIdentities", Value: b.Build()}), nil
	}
	return v, fail(http.StatusBadRequest, "InvalidIdentity", "The identity of the workflow is not valid: a workflow has the system-assigned identity, or exactly one user-assigned identity.")
}

// patchWorkflow merges tags, identity and the properties that are given. Released
// clients send no body, which changes nothing (management-api §3.1).
func (a *API) patchWorkflow(c *call) (answer, error) {
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	old, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	if err := c.precondition(old); err != nil {
		return answer{}, err
	}
	if body.Len() == 0 {
		return ok(a.workflowView(old.Workflow))
	}
	whole := newObject(5).text("location", old.Location).value("tags", old.Tags).value("identity", old.Identity).text("kind", old.Kind).Build()
	properties := newObject(4).text("state", old.State).value("accessControl", old.AccessControl).
		value("definition", old.Definition).value("parameters", old.Parameters).Build()
	for name, v := range body.Member("properties").Members {
		properties = properties.With(name, v)
	}
	for _, name := range []string{"tags", "identity", "location"} {
		if v := body.Member(name); !v.IsAbsent() {
			whole = whole.With(name, v)
		}
	}
	r, err := a.resource(c, whole.With("properties", properties), old, old.Workflow)
	if err != nil {
		return answer{}, err
	}
	return a.save(c, r, old)
}
