package operation

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// All managed connectors are called alike: method, path, queries, headers and body
// at the runtime address of the connection. So a connector without an
// implementation here is reached where somebody else carries it out: the
// connector service of Azure, a gateway of one's own, a mock.

// callWireShape makes one attempt of an operation at its connection's address.
func callWireShape(ctx context.Context, d Deps, c Call) run.Outcome {
	base, ok := connectionAddress(c.Connection)
	if !ok {
		return refused("ConnectionAddressNotConfigured", fmt.Sprintf(
			"The connector '%s' of action '%s' has no implementation here and is called by its wire shape, but the connection '%s' has no address. Set 'connectionRuntimeUrl' in its entry of '$connections' or in the properties of its connection resource.",
			c.Connection.API, c.Action, c.Connection.Key))
	}
	target, ok := joinPath(base, c.Inputs.Member("path").Str())
	if !ok {
		return refused("InvalidPath", fmt.Sprintf("The address of the connection '%s' together with the path of action '%s' is no absolute http or https address, or the path leads out of it.", c.Connection.Key, c.Action))
	}
	inputs := c.Inputs
	if inputs.Member("authentication").Member("type").IsNull() {
		inputs = inputs.Without("authentication") // flows pass an empty object along
	}
	request, failure := requestTo(target, inputs, inputs.Member("method").Str())
	if failure != nil {
		return *failure
	}
	if request.Authentication == nil && !inputs.Has("authentication") {
		var err error
		if request.Authentication, err = connectionAuthentication(c.Connection, target); err != nil {
			return failedCall(err)
		}
	}
	return attemptHTTP(ctx, d, c, request, true)
}

// connectionAddress is where the connector of a connection is called. It stands
// where Standard has it, in connectionRuntimeUrl, of the entry in $connections or
// of the resource; a resource of the Consumption kind has no such property, and
// names one's own gateway as the parameter "endpoint".
func connectionAddress(c Connection) (string, bool) {
	for _, v := range []value.Value{
		c.Entry.Member("connectionRuntimeUrl"),
		c.Properties.Member("connectionRuntimeUrl"),
		c.Properties.Member("parameterValues").Member("endpoint"),
	} {
		if address := strings.TrimSpace(v.Str()); address != "" {
			return address, true
		}
	}
	return "", false
}

// joinPath puts a path behind a base address. The path stays encoded as it is:
// many operations encode a name twice, on purpose. It must not climb out of the
// base with segments that come from somebody's data.
func joinPath(base, path string) (*url.URL, bool) {
	plain, _, _ := strings.Cut(path, "?")
	for segment := range strings.SplitSeq(strings.ReplaceAll(plain, `\`, "/"), "/") {
		if decoded, err := url.PathUnescape(segment); err == nil && (decoded == "." || decoded == "..") {
			return nil, false
		}
	}
	root, ok := address(base)
	if !ok || root.RawQuery != "" {
		return nil, false
	}
	return address(strings.TrimRight(root.String(), "/") + "/" + strings.TrimLeft(path, "/"))
}

// apiHub is the audience of Azure's connector service, and its hosts.
const apiHub = "https://apihub.azure.com"

func isAPIHub(u *url.URL) bool {
	return u.Scheme == "https" && strings.HasSuffix(strings.ToLower(u.Hostname()), ".azure-apihub.net")
}

// connectionAuthentication is how this app proves who it is to a connector: as the
// connection says in "authentication", with the words of Standard's
// connections.json. Where it says nothing, Azure's connector service gets a token
// of the app's managed identity, and nobody else gets anything: whoever holds that
// token can use every connection that the identity may use.
func connectionAuthentication(c Connection, target *url.URL) (outbound.Authentication, error) {
	given := c.Entry.Member("authentication")
	if given.Kind() != value.KindObject {
		given = c.Properties.Member("authentication")
	}
	identity := c.Entry.Member("connectionProperties").Member("authentication").Member("identity")
	switch typ := given.Member("type").Str(); {
	case given.Kind() != value.KindObject || typ == "":
		if !isAPIHub(target) {
			return nil, nil
		}
		given = managed(apiHub, identity)
	case strings.EqualFold(typ, "ManagedServiceIdentity"):
		if !given.Member("identity").IsNull() {
			identity = given.Member("identity")
		}
		audience := given.Member("audience").Str()
		if audience == "" {
			audience = apiHub
		}
		given = managed(audience, identity)
	case strings.EqualFold(typ, "Raw") && given.Has("parameter"):
		key := given.Member("parameter")
		header := value.String(strings.TrimSpace(given.Member("scheme").Str() + " " + plainText(key))).Mark(key.Taint()...)
		given = value.Object(value.Member{Key: "type", Value: value.String("Raw")}, value.Member{Key: "value", Value: header})
	}
	return outbound.ParseAuthentication(given)
}

func managed(audience string, identity value.Value) value.Value {
	return value.Object(
		value.Member{Key: "type", Value: value.String("ManagedServiceIdentity")},
		value.Member{Key: "audience", Value: value.String(audience)},
		value.Member{Key: "identity", Value: identity})
}
