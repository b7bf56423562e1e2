package host

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// The envelope of a non-HTTP invocation (functions-host §6): a POST to
// /<FunctionName> with Data, one entry per input binding, and Metadata.
type envelope struct {
	Data     map[string]json.RawMessage `json:"Data"`
	Metadata map[string]json.RawMessage `json:"Metadata"`
}

// decodeText reads a binding value that is a text. The host quotes texts twice
// and prints numbers as strings; documents and other hosts do not.
func decodeText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw) // an object or a number as it is
	}
	var inner any
	if json.Unmarshal([]byte(s), &inner) != nil {
		return s
	}
	if text, ok := inner.(string); ok {
		return text
	}
	return s // JSON in the text is the text
}

// decodeInt reads a number that may have been printed as a string.
func decodeInt(raw json.RawMessage) int64 {
	n, err := strconv.ParseInt(decodeText(raw), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// encodeText writes a text the way the host does.
func encodeText(s string) json.RawMessage {
	once, _ := json.Marshal(s) // strings always encode
	twice, _ := json.Marshal(string(once))
	return twice
}

// metadata is binding data. A name that is there already keeps its case.
type metadata map[string]any

func (d metadata) set(name string, v any) {
	for known := range d {
		if strings.EqualFold(known, name) {
			name = known
		}
	}
	d[name] = v
}

// queueMetadata is what the host tells of a queue message. If the text is an
// object, its members are merged in and replace what the host says itself; lists
// are left out, and so is what is named like a trigger (functions-host §6.2).
func queueMetadata(m store.Message) metadata {
	d := metadata{
		"DequeueCount": strconv.FormatInt(m.DequeueCount, 10), "Id": encodeText(m.ID), "PopReceipt": encodeText(m.Receipt),
		"InsertionTime": m.Inserted.UTC().Format("2006-01-02T15:04:05+00:00"),
	}
	payload, err := value.Parse([]byte(m.Text))
	if err != nil {
		return d // a text
	}
	for name, v := range payload.Members {
		if strings.HasSuffix(strings.ToLower(name), "trigger") {
			continue
		}
		switch v.Kind() {
		case value.KindArray:
		case value.KindString:
			d.set(name, encodeText(v.Str()))
		case value.KindObject, value.KindNull:
			d.set(name, json.RawMessage(value.JSON(v)))
		default:
			d.set(name, string(value.JSON(v))) // numbers and booleans are printed as texts
		}
	}
	return d
}

// invokePayload serves one payload invocation. An error becomes a status that
// the host counts as a failure, without text: the host logs what it gets.
func invokePayload(w http.ResponseWriter, r *http.Request, f Function) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var e envelope
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		answer(w, http.StatusBadRequest, `{"error":"not an invocation"}`)
		return
	}
	switch {
	case f.Queue != nil:
		m := QueueMessage{Text: decodeText(e.Data[queueBinding]), DequeueCount: decodeInt(e.Metadata["DequeueCount"])}
		err = f.Queue.Handle(r.Context(), m)
	case f.Timer != nil:
		var tick struct{ IsPastDue bool }
		raw := e.Data[timerBinding]
		if json.Unmarshal(raw, &tick) != nil {
			_ = json.Unmarshal([]byte(decodeText(raw)), &tick) // sent as text by older hosts
		}
		err = f.Timer.Handle(r.Context(), Tick{PastDue: tick.IsPastDue})
	default:
		invokeHTTPPayload(w, r, f, e.Data[httpBinding])
		return
	}
	if err != nil {
		answer(w, http.StatusInternalServerError, `{"error":"failed"}`)
		return
	}
	answer(w, http.StatusOK, "{}") // an empty body would never complete (functions-host §6.4)
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a host that is gone needs no answer
}

// httpRequest is an HTTP request inside an envelope.
type httpRequest struct {
	URL     string              `json:"Url"`
	Method  string              `json:"Method"`
	Headers map[string][]string `json:"Headers"`
	Body    *string             `json:"Body"`
}

// invokeHTTPPayload serves an HTTP function of an app that does not pass requests
// through.
func invokeHTTPPayload(w http.ResponseWriter, r *http.Request, f Function, raw json.RawMessage) {
	var in httpRequest
	if json.Unmarshal(raw, &in) != nil || in.URL == "" {
		answer(w, http.StatusBadRequest, `{"error":"not an HTTP invocation"}`)
		return
	}
	inner, err := http.NewRequestWithContext(r.Context(), in.Method, in.URL, http.NoBody)
	if err != nil {
		answer(w, http.StatusBadRequest, `{"error":"not an HTTP invocation"}`)
		return
	}
	for name, values := range in.Headers { // written as the client wrote them
		for _, v := range values {
			inner.Header.Add(name, v)
		}
	}
	inner.RemoteAddr = r.RemoteAddr
	if in.Body != nil {
		body := payloadBody(inner.Header.Get("Content-Type"), *in.Body)
		inner.Body, inner.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	recorder := httptest.NewRecorder()
	f.HTTP.Handler.ServeHTTP(recorder, inner)
	headers := map[string]string{}
	for name, values := range recorder.Header() {
		headers[name] = strings.Join(values, ",")
	}
	out := map[string]any{"statusCode": recorder.Code, "headers": headers, "body": recorder.Body.String()}
	if !utf8.Valid(recorder.Body.Bytes()) {
		out["body"], out["isRaw"] = base64.StdEncoding.EncodeToString(recorder.Body.Bytes()), true
	}
	encoded, err := json.Marshal(map[string]any{"Outputs": map[string]any{"res": out}})
	if err != nil {
		answer(w, http.StatusInternalServerError, `{"error":"failed"}`)
		return
	}
	answer(w, http.StatusOK, string(encoded))
}

// payloadBody: binary bodies come as base64.
func payloadBody(contentType, body string) []byte {
	media, _, _ := mime.ParseMediaType(contentType)
	if media == "application/octet-stream" || strings.HasPrefix(media, "multipart/") {
		if decoded, err := base64.StdEncoding.DecodeString(body); err == nil {
			return decoded
		}
	}
	return []byte(body)
}

// readReply judges the answer to a payload invocation as the host does
// (functions-host §6.4).
func readReply(status int, header http.Header, body []byte) error {
	media, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case status < 200 || status > 299:
		return errors.New("the function failed")
	case len(body) == 0 || strings.TrimSpace(string(body)) == "null":
		return errors.New("the function gave an empty reply, which the host would wait for until the time is up")
	case media != "application/json":
		return errors.New("the reply of the function is not application/json")
	}
	var reply map[string]json.RawMessage
	if json.Unmarshal(body, &reply) != nil {
		return errors.New("the reply of the function is not a JSON object")
	}
	return nil
}
