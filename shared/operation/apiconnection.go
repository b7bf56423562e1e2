package operation

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "ApiConnection", HTTPLike: true, Retries: true,
		Required: []string{"host", "method", "path"},
		History:  httpHistory,
	},
	Doc: "Calls an operation of a connector, found by the connection's API, the method and the path. A connector that has no implementation here is called by its wire shape at the runtime address of the connection.",
	Examples: []Example{{
		Inputs: `{"host":{"connection":{"name":"c"}},"method":"get","path":"/x"}`,
		Want:   `{"code":"ConnectionAddressNotConfigured","message":"The connector '' of action 'example' has no implementation here and is called by its wire shape, but the connection '' has no address. Set 'connectionRuntimeUrl' in its entry of '$connections' or in the properties of its connection resource."}`,
	}},
	Run: callConnector,
})

func callConnector(ctx context.Context, d Deps, c Call) run.Outcome {
	connector := FindConnector(c.Connection.API)
	if connector == nil {
		return callWireShape(ctx, d, c)
	}
	method, path := strings.ToUpper(c.Inputs.Member("method").Str()), c.Inputs.Member("path").Str()
	for _, o := range connector.Operations {
		if values, ok := matchPath(o.Path, path); ok && strings.EqualFold(o.Method, method) {
			return o.Run(ctx, d, c, values)
		}
	}
	return run.Fail("NotFound", "OperationNotFound", fmt.Sprintf("The connector '%s' has no operation with the method '%s' and the path of action '%s'.", connector.API, method, c.Action))
}

// matchPath compares a path with a pattern segment by segment. A segment {name}
// takes one segment and decodes it once, as the caller encoded it.
func matchPath(pattern, path string) (map[string]string, bool) {
	want, got := strings.Split(strings.Trim(pattern, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/")
	if len(want) != len(got) {
		return nil, false
	}
	values := map[string]string{}
	for i, segment := range want {
		name, isValue := strings.CutPrefix(segment, "{")
		if !isValue {
			if !strings.EqualFold(segment, got[i]) {
				return nil, false
			}
			continue
		}
		decoded, err := url.PathUnescape(got[i])
		if err != nil || decoded == "" {
			return nil, false
		}
		values[strings.TrimSuffix(name, "}")] = decoded
	}
	return values, true
}
