package management

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// keyChoice is the body of listCallbackUrl: which key signs, and until when.
type keyChoice struct {
	secondary bool
	notAfter  time.Time
}

// choice reads a body whose names are spelled in two ways, or none at all: the
// primary key then, and no expiry.
func (a *API) choice(c *call) (k keyChoice, err error) {
	body, err := c.readBody()
	if err != nil {
		return k, err
	}
	if k.secondary, err = secondary(body.Member("keyType")); err != nil {
		return k, err
	}
	if text := body.Member("notAfter").Str(); text != "" {
		if k.notAfter, err = time.Parse(time.RFC3339, text); err != nil {
			return k, fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'the value of 'notAfter' is not a date and time'.")
		}
		if !k.notAfter.After(a.Now()) {
			return k, fail(http.StatusBadRequest, "InvalidNotAfter", "The callback URL cannot expire at '%s': that time has passed.", text)
		}
	}
	return k, nil
}

func secondary(v value.Value) (bool, error) {
	switch text := v.Str(); {
	case text == "" || strings.EqualFold(text, "Primary") || strings.EqualFold(text, "NotSpecified"):
		return false, nil
	case strings.EqualFold(text, "Secondary"):
		return true, nil
	default:
		return false, fail(http.StatusBadRequest, "InvalidKeyType", "The access key type '%s' is not valid. It must be 'Primary' or 'Secondary'.", text)
	}
}

func (k keyChoice) of(keys store.Keys) []byte {
	if k.secondary {
		return keys.Secondary
	}
	return keys.Primary
}

// callback is the answer with a callback URL. Where signatures are switched off the
// URL carries none (management-api §4.6).
func (a *API) callback(c *call, w *engine.Workflow, version string, t *definition.Trigger) (answer, error) {
	k, err := a.choice(c)
	if err != nil {
		return answer{}, err
	}
	urls := gate.URLs{Base: a.CallbackBase, APIVersion: c.query["api-version"]}
	base, query, _ := strings.Cut(urls.Version(k.of(w.Keys), w.ID, version, t.Name, k.notAfter), "?")
	signed := a.Engine.Access(w) == nil || !a.Engine.Access(w).SASDisabled
	kept := []string{}
	queries := value.NewObject(5)
	for piece := range strings.SplitSeq(query, "&") {
		name, escaped, _ := strings.Cut(piece, "=")
		text, err := url.QueryUnescape(escaped)
		if err != nil || !signed && name != "api-version" {
			continue
		}
		kept = append(kept, piece)
		queries.Set(name, value.String(text))
	}
	relative := slashed(t.Raw.Member("relativePath").Str())
	if operation.FindTrigger(t.Type).Subscribe != nil { // its path is that of the subscription
		relative = ""
	}
	o := newObject(6).text("value", base+relative+"?"+strings.Join(kept, "&")).text("method", method(t)).text("basePath", base)
	if relative != "" {
		o.text("relativePath", relative).value("relativePathParameters", value.Strings(templateNames(relative)...))
	}
	return ok(o.value("queries", queries.Build()).Build())
}

func method(t *definition.Trigger) string {
	if m := t.Raw.Member("method").Str(); m != "" && operation.FindTrigger(t.Type).Subscribe == nil {
		return strings.ToUpper(m)
	}
	return http.MethodPost
}

var inBraces = regexp.MustCompile(`\{([^{}]+)\}`)

func templateNames(path string) []string {
	names := []string{}
	for _, m := range inBraces.FindAllStringSubmatch(path, -1) {
		names = append(names, m[1])
	}
	return names
}

// callable finds a trigger that has a callback URL.
func callable(w *engine.Workflow, name string) (*definition.Trigger, error) {
	t := w.Program.Trigger(name)
	if t == nil {
		return nil, fail(http.StatusNotFound, "WorkflowTriggerNotFound", "The workflow '%s' trigger '%s' could not be found.", w.Name, name)
	}
	if !t.Spec.Request {
		return nil, fail(http.StatusBadRequest, "TriggerTypeNotSupported", "The trigger '%s' of type '%s' has no callback URL.", t.Name, t.Type)
	}
	return t, nil
}

func (a *API) triggerCallback(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	t, err := callable(w, c.names["trigger"])
	if err != nil {
		return answer{}, err
	}
	return a.callback(c, w, "", t)
}

// workflowCallback is the URL of the one trigger that has one.
func (a *API) workflowCallback(c *call) (answer, error) {
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	for _, t := range w.Program.Triggers {
		if t.Spec.Request {
			return a.callback(c, w, "", t)
		}
	}
	return answer{}, fail(http.StatusBadRequest, "TriggerTypeNotSupported", "The workflow '%s' has no trigger with a callback URL.", w.Name)
}

func (a *API) versionCallback(c *call) (answer, error) {
	v, err := a.version(c)
	if err != nil {
		return answer{}, err
	}
	w, err := a.Engine.WorkflowVersion(c.ctx, v.ID, v.Version)
	if err != nil {
		return answer{}, err
	}
	t, err := callable(w, c.names["trigger"])
	if err != nil {
		return answer{}, err
	}
	return a.callback(c, w, v.Version, t)
}

// regenerateKey replaces one of the two keys; URLs that the other signed go on
// working (inbound-security §3.4). Nobody is told the key.
func (a *API) regenerateKey(c *call) (answer, error) {
	body, err := c.readBody()
	if err != nil {
		return answer{}, err
	}
	second, err := secondary(body.Member("keyType"))
	if err != nil {
		return answer{}, err
	}
	w, err := a.workflow(c)
	if err != nil {
		return answer{}, err
	}
	name := store.PrimaryKey
	if second {
		name = store.SecondaryKey
	}
	if err := a.Engine.RegenerateKey(c.ctx, w.ID, name); err != nil {
		return answer{}, err
	}
	return done(http.StatusOK)
}
