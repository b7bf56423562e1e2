package operation

import (
	"context"
	"errors"
	"time"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Connector{
	API: "keyvault",
	Doc: "Azure Key Vault, or the local vault where no vault is configured.",
	Operations: []ConnectorOperation{
		{ID: "GetSecret", Method: "GET", Path: "/secrets/{secretName}/value", Run: getSecret},
		{ID: "GetSecretVersion", Method: "GET", Path: "/secrets/{secretName}/versions/{version}/value", Run: getSecret},
	},
})

// getSecret answers with the shape of the connector: value, name, version and
// the attributes as times.
func getSecret(ctx context.Context, d Deps, c Call, path map[string]string) run.Outcome {
	vault, err := d.Vault(c.Connection)
	if err != nil {
		return failedCall(err)
	}
	s, err := vault.Secret(ctx, path["secretName"], path["version"])
	if err != nil {
		return failedSecret(err)
	}
	body := value.NewObject(8)
	body.Set("value", s.Value)
	body.Set("name", value.String(s.Name))
	body.Set("version", value.String(s.Version))
	body.Set("contentType", textOrNull(s.ContentType))
	body.Set("isEnabled", value.Bool(s.Enabled))
	body.Set("createdTime", timeOrNull(s.Created))
	body.Set("lastUpdatedTime", timeOrNull(s.Updated))
	body.Set("validityStartTime", timeOrNull(s.NotBefore))
	body.Set("validityEndTime", timeOrNull(s.Expires))
	return run.Succeed("OK", connectorOutputs(200, body.Build()))
}

func connectorOutputs(status int64, body value.Value) value.Value {
	return value.Object(
		value.Member{Key: "statusCode", Value: value.Int(status)},
		value.Member{Key: "headers", Value: value.Object(value.Member{Key: "Content-Type", Value: value.String(jsonContent)})},
		value.Member{Key: "body", Value: body})
}

// failedSecret keeps the vault's answer as outputs, as the connector does: the
// status, and a body with code and message.
func failedSecret(err error) run.Outcome {
	o := failedCall(err)
	var f *outbound.Failure
	if errors.As(err, &f) && f.StatusCode != 0 {
		o.Code, o.Error = statusName(f.StatusCode), nil
		o.RetryAfter = f.RetryAfter
		o.Outputs = connectorOutputs(int64(f.StatusCode), value.Object(
			value.Member{Key: "status", Value: value.Int(int64(f.StatusCode))},
			value.Member{Key: "error", Value: value.Object(
				value.Member{Key: "code", Value: value.String(f.Code)},
				value.Member{Key: "message", Value: value.String(f.Message)})}))
	}
	return o
}

func textOrNull(s string) value.Value {
	if s == "" {
		return value.Null()
	}
	return value.String(s)
}

func timeOrNull(t time.Time) value.Value {
	if t.IsZero() {
		return value.Null()
	}
	return value.String(t.UTC().Format("2006-01-02T15:04:05Z"))
}
