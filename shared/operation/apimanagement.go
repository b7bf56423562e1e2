package operation

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "ApiManagement", HTTPLike: true, Retries: true,
		Required: []string{"api", "method", "pathTemplate"},
		History:  httpHistory,
	},
	Doc: "Calls an API behind Azure API Management, at the gateway of the service that 'api.id' names. The path template begins with the path of the API.",
	Examples: []Example{{
		Inputs: `{"api":{"id":"demo"},"method":"GET","pathTemplate":{"template":"/x"}}`,
		Want:   `{"code":"InvalidApiId","message":"The 'api.id' of action 'example' is not the resource id of an API: '…/providers/Microsoft.ApiManagement/service/{service}/apis/{api}'."}`,
	}, {
		Inputs: `{"api":{"id":"/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/demo/apis/a"},"method":"GET","pathTemplate":{"template":"/x/{id}"}}`,
		Want:   `{"code":"InvalidTemplate","message":"The path template of action 'example' names the parameter 'id', which has no value."}`,
	}},
	Run: callAPIManagement,
})

// subscriptionKeyHeader is how API Management takes the key of a subscription.
const subscriptionKeyHeader = "Ocp-Apim-Subscription-Key"

func callAPIManagement(ctx context.Context, d Deps, c Call) run.Outcome {
	service := resourceName(c.Inputs.Member("api").Member("id").Str(), "service")
	if !hostLabel.MatchString(service) {
		return refused("InvalidApiId", fmt.Sprintf("The 'api.id' of action '%s' is not the resource id of an API: '…/providers/Microsoft.ApiManagement/service/{service}/apis/{api}'.", c.Action))
	}
	template := c.Inputs.Member("pathTemplate")
	path, missing := fillPath(template.Member("template").Str(), template.Member("parameters"))
	if missing != "" {
		return refused(definition.InvalidTemplate, fmt.Sprintf("The path template of action '%s' names the parameter '%s', which has no value.", c.Action, missing))
	}
	target, ok := joinPath("https://"+strings.ToLower(service)+".azure-api.net", path)
	if !ok {
		return refused("InvalidPath", fmt.Sprintf("The path of action '%s' is not valid, or leads out of the API.", c.Action))
	}
	request, failure := requestTo(target, c.Inputs, c.Inputs.Member("method").Str())
	if failure != nil {
		return *failure
	}
	if key := c.Inputs.Member("subscriptionKey"); !key.IsNull() {
		request.Authentication = outbound.WithKey(subscriptionKeyHeader, key, request.Authentication)
	}
	return attemptHTTP(ctx, d, c, request, false)
}

// fillPath puts the parameters into a path template, as they are: the designer
// writes each with encodeURIComponent. It names the first that is missing.
func fillPath(template string, parameters value.Value) (path, missing string) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			b.WriteString(template)
			return b.String(), ""
		}
		v := parameters.Member(name)
		if v.IsNull() {
			return "", name
		}
		b.WriteString(before + plainText(v))
		template = after
	}
}
