package operation

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Function", HTTPLike: true, Retries: true,
		History: httpHistory,
		Check:   checkFunction,
	},
	Doc: "Calls an Azure function, by its resource id or by the address of a function app with a Swagger document. Without 'authentication' its key is read with the identity of this app.",
	Examples: []Example{{
		Inputs: `{"function":{"id":"/sites/app"}}`,
		Want:   `{"code":"InvalidFunctionId","message":"The 'function.id' of action 'example' is not the resource id of a function: '…/providers/Microsoft.Web/sites/{app}/functions/{function}'."}`,
	}},
	Run: callFunction,
})

func checkFunction(inputs value.Value, report definition.Report) {
	if inputs.Kind() == value.KindObject && !inputs.Has("function") && (!inputs.Has("functionApp") || !inputs.Has("uri")) {
		report(definition.MissingInput, nil, "The inputs of a function action need 'function', or 'functionApp' and 'uri'.")
	}
}

func callFunction(ctx context.Context, d Deps, c Call) run.Outcome {
	target, id, failure := functionAddress(c)
	if failure != nil {
		return *failure
	}
	method := c.Inputs.Member("method").Str()
	if method == "" {
		method = http.MethodPost
	}
	request, failure := requestTo(target, c.Inputs, method)
	if failure != nil {
		return *failure
	}
	if key := c.Connection.Entry.Member("authentication").Member("value"); request.Authentication == nil && !key.IsNull() && c.Inputs.Member("function").Has("connectionName") {
		request.Authentication = outbound.WithKey("x-functions-key", key, nil) // and not in the query, where it would be logged
	}
	withKey := request.Authentication == nil && id != ""
	if withKey {
		request.Authentication = outbound.FunctionKey(id)
	}
	o := attemptHTTP(ctx, d, c, request, false)
	if withKey && o.Code == "Unauthorized" && o.Error == nil {
		o.Error = &run.Error{Code: "Unauthorized", Message: "The function refused the call. Its key is read with the identity of this app, which needs the right 'Microsoft.Web/sites/functions/listKeys/action' on the function app; or give the action an 'authentication'."}
	}
	return o
}

// functionAddress returns where the function is, and whose key it wants; "" for
// none. The host of a function is that of its app: custom routes are not known
// (actions §2.9).
func functionAddress(c Call) (target *url.URL, id string, failure *run.Outcome) {
	if uri := c.Inputs.Member("uri").Str(); uri != "" && !c.Inputs.Has("function") {
		target, ok := address(uri)
		if !ok {
			o := refused("InvalidUri", "The provided 'uri' is not an absolute http or https address.")
			return nil, "", &o
		}
		id := c.Inputs.Member("functionApp").Member("id").Str()
		if !belongsTo(target, resourceName(id, "sites")) {
			id = "" // the key of an app is for that app
		}
		return target, id, nil
	}
	if name, ok := c.Inputs.Member("function").Member("connectionName").AsString(); ok { // Standard: connections.json
		target, ok := address(c.Connection.Entry.Member("triggerUrl").Str())
		if !ok {
			o := refused("InvalidUri", "The connection '"+name+"' has no 'triggerUrl' that is an absolute http or https address.")
			return nil, "", &o
		}
		return target, "", nil
	}
	id = c.Inputs.Member("function").Member("id").Str()
	app, slot, name := resourceName(id, "sites"), resourceName(id, "slots"), resourceName(id, "functions")
	if slot != "" {
		app += "-" + slot
	}
	if !hostLabel.MatchString(app) || !hostLabel.MatchString(strings.ReplaceAll(name, "_", "-")) {
		o := refused("InvalidFunctionId", "The 'function.id' of action '"+c.Action+"' is not the resource id of a function: '…/providers/Microsoft.Web/sites/{app}/functions/{function}'.")
		return nil, "", &o
	}
	return &url.URL{Scheme: "https", Host: strings.ToLower(app) + ".azurewebsites.net", Path: "/api/" + name}, id, nil
}

// hostLabel is what an app or a service may be called, as part of a host name: a
// name with more in it could lead to another host.
var hostLabel = regexp.MustCompile(`^[A-Za-z0-9](-*[A-Za-z0-9])*-*$`)

// belongsTo tells whether an address is one of an app: its default host name, with
// or without the part that makes it unique.
func belongsTo(u *url.URL, app string) bool {
	host, app := strings.ToLower(u.Hostname()), strings.ToLower(app)
	label, domain, _ := strings.Cut(host, ".")
	return app != "" && u.Scheme == "https" && (domain == "azurewebsites.net" || strings.HasSuffix(domain, ".azurewebsites.net")) &&
		(label == app || strings.HasPrefix(label, app+"-"))
}

// resourceName returns the segment of a resource id that follows the one with this
// type, or "".
func resourceName(id, typ string) string {
	segments := strings.Split(strings.Trim(id, "/"), "/")
	for i := len(segments) - 2; i >= 0; i-- {
		if strings.EqualFold(segments[i], typ) {
			return segments[i+1]
		}
	}
	return ""
}
