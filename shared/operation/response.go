package operation

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Response", Inline: true, Responds: true, NoOutputSetting: true, HTTPLike: true,
		Verbatim: []string{"schema"}, // design time only
	},
	Doc: "Answers the caller of the trigger with a status, headers and a body.",
	Examples: []Example{
		{Inputs: `{"statusCode":200,"body":{"a":1}}`, Want: `{"statusCode":200,"body":{"a":1}}`},
		{Inputs: `{"statusCode":"201","headers":{"X-A":"b","Content-Length":"9"}}`, Want: `{"statusCode":201,"headers":{"X-A":"b"}}`},
		{Inputs: `{"statusCode":302}`, Want: `{"code":"WorkflowRunActionResponseStatusCodeNotSupported","message":"The status code '302' of action 'example' is not supported: a response has a status of 2xx, 4xx or 5xx."}`},
	},
	Run: respond,
})

// respond checks the answer; the run gives it to the caller when it is committed.
func respond(_ context.Context, _ Deps, c Call) run.Outcome {
	status, ok := responseStatus(c.Inputs.Member("statusCode"))
	if !ok {
		return run.Fail("BadRequest", "WorkflowRunActionResponseStatusCodeNotSupported", fmt.Sprintf(
			"The status code '%s' of action '%s' is not supported: a response has a status of 2xx, 4xx or 5xx.",
			c.Inputs.Member("statusCode"), c.Action))
	}
	b := value.NewObject(3)
	b.Set("statusCode", value.Int(int64(status)))
	if headers := c.Inputs.Member("headers"); headers.Len() > 0 {
		kept := value.NewObject(headers.Len())
		for name, v := range headers.Members {
			if !removedFromResponse(name) {
				kept.Set(name, v)
			}
		}
		b.Set("headers", kept.Build())
	}
	b.Set("body", c.Inputs.Member("body"))
	outputs := b.Build()
	if _, err := AnswerOf(outputs); err != nil {
		return run.Fail("BadRequest", invalidResponse, fmt.Sprintf("The answer of action '%s' cannot be sent: %s.", c.Action, err))
	}
	return run.Succeed("OK", outputs)
}

// invalidResponse is a code of our own: the product's is not known.
const invalidResponse = "InvalidResponse"

// responseStatus reads the status of a response: 2xx, 4xx or 5xx (actions §3).
func responseStatus(v value.Value) (int, bool) {
	status, ok := statusCode(v)
	return status, ok && status >= 200 && status <= 599 && status/100 != 3
}

// statusCode reads a status given as number or text; absent means 200.
func statusCode(v value.Value) (int, bool) {
	if v.IsNull() {
		return http.StatusOK, true
	}
	if n, ok := v.AsInt(); ok {
		return int(n), n > 0 && n < 1000
	}
	if v.Kind() != value.KindString {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(v.Str()))
	return n, err == nil
}

// removedFromResponse: headers that a Response action may not set (actions §3).
func removedFromResponse(name string) bool {
	switch n := strings.ToLower(name); n {
	case "allow", "cookie", "expires", "last-modified", "set-cookie", "transfer-encoding":
		return true
	case "content-disposition", "content-encoding", "content-type":
		return false
	default:
		return strings.HasPrefix(n, "content-")
	}
}
