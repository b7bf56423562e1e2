package operation

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

var requestSpec = definition.Spec{
	Type: "Request", Request: true, HTTPLike: true,
	Verbatim: []string{"schema"},
	Check: func(inputs value.Value, report definition.Report) {
		checkSchema(inputs.Member("schema"), "TriggerInputSchema", (*value.Path)(nil).Key("schema"), report)
		if inputs.Has("relativePath") && !inputs.Has("method") {
			report(definition.InvalidTemplate, (*value.Path)(nil).Key("relativePath"), "A trigger with 'relativePath' must also have 'method'.")
		}
	},
}

var _ = register(Trigger{
	Spec:    requestSpec,
	Doc:     "Starts a run for each HTTP call to its signed URL.",
	Receive: receiveRequest,
})

// Manual is the name of the Request trigger in the 2015 schema (triggers §10).
var _ = register(Trigger{
	Spec: func() definition.Spec { s := requestSpec; s.Type = "Manual"; return s }(),
	Doc:  "Another name of Request.", Receive: receiveRequest,
})

// receiveRequest builds { headers, queries?, relativePathParameters?, body? }
// (triggers §11.3).
func receiveRequest(t *definition.Trigger, r *Received) (value.Value, *Rejection) {
	outputs := value.NewObject(4)
	outputs.Set("headers", requestHeaders(t, r))
	if len(r.Queries) > 0 {
		outputs.Set("queries", joined(r.Queries))
	}
	if len(r.RelativePathValues) > 0 {
		outputs.Set("relativePathParameters", joined(r.RelativePathValues))
	}
	var body value.Value
	if r.HasBody || r.Header.Get("Content-Type") != "" {
		var err error
		if body, err = decodeBody(r.Header, r.Body); errors.Is(err, errHeavy) {
			return value.Value{}, &Rejection{http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request content is too large: its JSON holds too many values."}
		} else if err != nil {
			return value.Value{}, &Rejection{http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized."}
		}
		if len(r.Body) == 0 {
			body = emptyBody(r.Header.Get("Content-Type"))
		}
		outputs.Set("body", body)
	}
	if t.Options.Has("EnableSchemaValidation") {
		if rejection := checkBody(t, body); rejection != nil {
			return value.Value{}, rejection
		}
	}
	return outputs.Build(), nil
}

func checkBody(t *definition.Trigger, body value.Value) *Rejection {
	problems, err := Validate(t.Raw.Member("schema"), body)
	if err != nil {
		return &Rejection{http.StatusBadRequest, "TriggerInputSchemaInvalid", fmt.Sprintf("The schema of trigger '%s' is not valid: %s.", t.Name, err)}
	}
	if len(problems) == 0 {
		return nil
	}
	details := make([]string, len(problems))
	for i, p := range problems {
		details[i] = p.Message
	}
	return &Rejection{http.StatusBadRequest, "TriggerInputSchemaMismatch", fmt.Sprintf(
		"The input body for trigger '%s' of type 'Request' did not match its schema definition. Error details: '%s'.", t.Name, strings.Join(details, ","))}
}

// requestHeaders are all headers of the call, one text each. Authorization stays
// only where the trigger asks for it; what the platform adds to identify itself
// to us is not the caller's.
func requestHeaders(t *definition.Trigger, r *Received) value.Value {
	h := r.Header.Clone()
	if !t.Options.Has("IncludeAuthorizationHeadersInOutputs") {
		h.Del("Authorization")
	}
	h.Del("X-Functions-Key")
	if r.Host != "" {
		h.Set("Host", r.Host)
	}
	names := headerValue(h)
	if a := h.Get("Authorization"); a != "" {
		names = names.With("Authorization", value.String(a))
	}
	return names
}

// joined makes an object of names and values; values of a repeated name are
// joined with a comma.
func joined(list []Query) value.Value {
	var names []string
	values := map[string][]string{}
	for _, q := range list {
		if values[q.Name] == nil {
			names = append(names, q.Name)
		}
		values[q.Name] = append(values[q.Name], q.Value)
	}
	b := value.NewObject(len(names))
	for _, name := range names {
		b.Set(name, value.String(strings.ToValidUTF8(strings.Join(values[name], ","), "\ufffd")))
	}
	return b.Build()
}

// ReceiveCallback builds what a call gives to the action that waits for it: headers,
// queries and body, as a Request trigger would have them (actions §2.9).
func ReceiveCallback(r *Received) (value.Value, *Rejection) {
	return receiveRequest(&definition.Trigger{}, r)
}
