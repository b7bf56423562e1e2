package host

import (
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the largest request body (functions-host §5.5).
const maxBody = 104_857_600

// customHandler is what the host talks to.
type customHandler struct {
	prefix    string
	functions []routed
	byName    map[string]Function
}

type routed struct {
	Function
	route route
}

// NewCustomHandler returns the handler that is served on the port the host names.
// HTTP functions get the original request (proxying and forwarding mode) or an
// envelope (payload mode); other functions get envelopes.
func NewCustomHandler(a App, s Settings) (http.Handler, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	h := &customHandler{prefix: s.RoutePrefix, byName: map[string]Function{}}
	for _, f := range a.sorted() {
		h.byName[f.Name] = f
		if f.HTTP != nil {
			r, err := parseRoute(f.template())
			if err != nil {
				return nil, err
			}
			h.functions = append(h.functions, routed{f, r})
		}
	}
	return h, nil
}

func (h *customHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if path == "" {
		answer(w, http.StatusOK, "{}") // readiness and health: cheap, and any answer will do
		return
	}
	// An envelope goes to the bare name of a function, which no route of this app
	// looks like: routes have at least two segments.
	if f, ok := h.byName[path]; ok && r.Method == http.MethodPost && (f.HTTP == nil || isEnvelope(r)) {
		invokePayload(w, r, f)
		return
	}
	if f, ok := match(h.functions, h.prefix, r.Method, path); ok {
		f.HTTP.Handler.ServeHTTP(w, r)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// isEnvelope: only the host sends this header with a payload.
func isEnvelope(r *http.Request) bool {
	return r.Header.Get("X-Azure-Functions-InvocationId") != "" && strings.HasPrefix(r.Header.Get("Content-Type"), "application/json")
}

// match finds the first function, by name, whose route and method fit. A method
// that is not listed is as if there were no such route. What the host keeps for
// itself reaches no function, not even a catch-all without prefix.
func match(functions []routed, prefix, method, path string) (Function, bool) {
	path = strings.Trim(path, "/")
	if reserved(path) {
		return Function{}, false
	}
	if prefix != "" {
		rest, ok := cutPrefixFold(path, prefix)
		if !ok || rest != "" && rest[0] != '/' {
			return Function{}, false
		}
		path = rest
	}
	parts := pathParts(path)
	for _, f := range functions {
		if f.route.match(parts) && f.HTTP.allows(method) {
			return f.Function, true
		}
	}
	return Function{}, false
}

// reserved are /admin and /runtime and all below them (functions-host §5.5).
func reserved(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	first, err := url.PathUnescape(first)
	return err != nil || strings.EqualFold(first, "admin") || strings.EqualFold(first, "runtime")
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}
