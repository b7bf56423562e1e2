package template

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// scoped are the functions that depend on the template or on where it goes.
func (e *evaluation) scoped(p *parser, name string, args []value.Value) (value.Value, bool, error) {
	c := e.c
	first := ""
	if len(args) > 0 {
		first = args[0].Str()
	}
	text := func(s string, err error) (value.Value, bool, error) { return value.String(s), true, err }
	switch name {
	case "parameters":
		v, err := e.parameter(first)
		return v, true, err
	case "variables":
		v, err := e.variable(first)
		return v, true, err
	case "lambdavariables":
		v, err := p.lambdaVariable(first)
		return v, true, err
	case "resourcegroup":
		return members("id", c.group(), "name", c.ResourceGroup, "type", "Microsoft.Resources/resourceGroups", "location", c.Location).
			With("tags", value.Object()).With("properties", members("provisioningState", "Succeeded")), true, nil
	case "subscription":
		return members("id", "/subscriptions/"+c.SubscriptionID, "subscriptionId", c.SubscriptionID, "tenantId", c.TenantID, "displayName", "local"), true, nil
	case "tenant":
		return members("tenantId", c.TenantID), true, nil
	case "managementgroup":
		return members("id", "/providers/Microsoft.Management/managementGroups/"+c.TenantID, "name", c.TenantID, "type", "/providers/Microsoft.Management/managementGroups"), true, nil
	case "deployer":
		return members("objectId", "", "tenantId", c.TenantID), true, nil
	case "deployment":
		return e.deployment(), true, nil
	case "environment":
		return environment, true, nil
	case "resourceid":
		return text(e.resourceID(args))
	case "subscriptionresourceid":
		if len(args) > 2 && !strings.Contains(first, "/") {
			return text(joinType("/subscriptions/"+first, args[1:]))
		}
		return text(joinType("/subscriptions/"+c.SubscriptionID, args))
	case "tenantresourceid":
		return text(joinType("", args))
	case "managementgroupresourceid":
		group := c.TenantID
		if len(args) > 2 && !strings.Contains(first, "/") {
			group, args = first, args[1:]
		}
		return text(joinType("/providers/Microsoft.Management/managementGroups/"+group, args))
	case "extensionresourceid":
		if len(args) < 3 {
			return value.Value{}, true, errors.New("extensionResourceId() needs a resource id, a type and a name")
		}
		return text(joinType(strings.TrimRight(first, "/"), args[1:]))
	case "copyindex":
		v, err := e.copyIndexOf(args)
		return v, true, err
	case "utcnow":
		v, err := formatTime(c.Now.UTC(), first)
		return v, true, err
	case "newguid":
		h := fnv.New128a()
		_, _ = fmt.Fprint(h, c.Now.UnixNano(), p.place.String(), p.at) // a hash takes everything
		return value.String(guidOf(h.Sum(nil))), true, nil
	}
	return value.Value{}, false, nil
}

// members is an object of texts: a name, its text, and so on.
func members(pairs ...string) value.Value {
	b := value.NewObject(len(pairs) / 2)
	for i := 0; i+1 < len(pairs); i += 2 {
		b.Set(pairs[i], value.String(pairs[i+1]))
	}
	return b.Build()
}

func (e *evaluation) deployment() value.Value {
	template := members("contentVersion", e.template.Member("contentVersion").Str(), "$schema", e.template.Member("$schema").Str())
	return members("name", "latchwork", "location", e.c.Location).
		With("properties", members("mode", "Incremental", "provisioningState", "Accepted").With("template", template))
}

// environment is the public cloud.
var environment = members("name", "AzureCloud", "resourceManager", "https://management.azure.com/", "portal", "https://portal.azure.com",
	"gallery", "https://gallery.azure.com/", "graph", "https://graph.windows.net/", "graphAudience", "https://graph.windows.net/", "batch", "https://batch.core.windows.net/",
	"media", "https://rest.media.azure.net", "sqlManagement", "https://management.core.windows.net:8443/", "activeDirectoryDataLake", "https://datalake.azure.net/").
	With("authentication", members("loginEndpoint", "https://login.microsoftonline.com/", "tenant", "common", "identityProvider", "AAD").
		With("audiences", value.Strings("https://management.core.windows.net/", "https://management.azure.com/"))).
	With("suffixes", members("acrLoginServer", ".azurecr.io", "azureDatalakeAnalyticsCatalogAndJob", "azuredatalakeanalytics.net", "azureDatalakeStoreFileSystem", "azuredatalakestore.net",
		"azureFrontDoorEndpointSuffix", "azurefd.net", "keyvaultDns", ".vault.azure.net", "sqlServerHostname", ".database.windows.net", "storage", "core.windows.net"))

func (e *evaluation) variable(name string) (value.Value, error) {
	key := strings.ToLower(name)
	if v, ok := e.variables[key]; ok {
		return v, nil
	}
	at := e.at.Key("variables")
	declared, ok := e.template.Member("variables").Get(name)
	var loop value.Value
	for i, c := range e.template.Member("variables").Member("copy").Elements {
		if strings.EqualFold(c.Member("name").Str(), name) {
			loop, ok, at = c, true, at.Key("copy").Index(i)
		}
	}
	if !ok {
		return value.Value{}, fmt.Errorf("the template variable '%s' is not found", name)
	}
	if e.evaluating[key] {
		return value.Value{}, fmt.Errorf("the template variable '%s' depends on itself", name)
	}
	e.evaluating[key] = true
	var v value.Value
	if loop.IsAbsent() {
		v = e.value(declared, at.Key(name))
	} else {
		v = e.copies(name, loop, at)
	}
	delete(e.evaluating, key)
	e.variables[key] = v
	return v, nil
}

// resourceID: [subscription], [group], type, names.
func (e *evaluation) resourceID(args []value.Value) (string, error) {
	c := e.c
	subscription, group := c.SubscriptionID, c.ResourceGroup
	typeAt := -1
	for i, a := range args {
		if strings.Contains(a.Str(), "/") && strings.Contains(a.Str(), ".") {
			typeAt = i
			break
		}
	}
	switch typeAt {
	case 0:
	case 1:
		group = args[0].Str()
	case 2:
		subscription, group = args[0].Str(), args[1].Str()
	default:
		return "", errors.New("resourceId() needs a resource type such as 'Microsoft.Web/connections'")
	}
	return joinType("/subscriptions/"+subscription+"/resourceGroups/"+group, args[typeAt:])
}

// joinType puts names between the segments of a type: A.B/c/d with x, y gives
// A.B/c/x/d/y.
func joinType(base string, args []value.Value) (string, error) {
	if len(args) < 2 {
		return "", errors.New("a resource id needs a type and a name")
	}
	types := strings.Split(args[0].Str(), "/")
	names := args[1:]
	if len(types)-1 != len(names) {
		return "", errors.New("a resource id needs as many names as its type has segments")
	}
	id := base + "/providers/" + types[0]
	for i, n := range names {
		id += "/" + types[i+1] + "/" + n.Str()
	}
	return id, nil
}
