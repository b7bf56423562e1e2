package management

import (
	"crypto/md5" //nolint:gosec // contentHash is md5 by definition (management-api §4.5)
	"encoding/base64"
	"net/http"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// The sides of a record as content links name them.
const (
	triggerInputs  = "TriggerInputs"
	triggerOutputs = "TriggerOutputs"
	actionInputs   = "ActionInputs"
	actionOutputs  = "ActionOutputs"
)

// linker makes the content links of one workflow in one answer. They are minted
// for each answer and never stored (management-api §4.5); a caller without the permission
// for contents gets none.
type linker struct {
	w     *store.Workflow
	sees  bool // what answers themselves hold of contents
	urls  gate.URLs
	until time.Time
	may   bool // the caller may follow links
}

// linker: links live until the whole hour that lies three to four hours ahead.
func (a *API) linker(c *call, w *engine.Workflow) *linker {
	return &linker{
		w: w.Workflow, sees: a.sees(c, w) == nil, urls: gate.URLs{Base: a.CallbackBase, APIVersion: c.query["api-version"]},
		until: a.Now().UTC().Truncate(time.Hour).Add(4 * time.Hour), may: c.caller.Contents,
	}
}

// sees refuses what went in and out of runs, where an answer itself holds it, to callers
// that may not follow a link to it.
func (a *API) sees(c *call, w *engine.Workflow) error {
	if !c.caller.Contents {
		return c.unauthorized()
	}
	if r := gate.Address(a.Engine.Access(w), access.Contents, a.Client, c.r); r != nil {
		return fail(http.StatusForbidden, r.Code, "%s", r.Message)
	}
	return nil
}

// link describes one side of a record: a side that is hidden has its size and says
// so, and no address (ui §4: a link that is offered is followed).
func (l *linker) link(of gate.Execution, side string, p run.Payload, hidden bool) value.Value {
	if p.Loaded() && p.Value.IsAbsent() {
		return value.Value{}
	}
	content := Content(p.Value)
	if hidden {
		name := "outputs"
		if side == triggerInputs || side == actionInputs {
			name = "inputs"
		}
		return value.Object(
			value.Member{Key: "contentSize", Value: value.Int(int64(len(content)))},
			value.Member{Key: "secureData", Value: value.Object(value.Member{Key: "properties", Value: value.Strings(name)})})
	}
	sum := md5.Sum(content) //nolint:gosec // as above
	hash := value.String(base64.StdEncoding.EncodeToString(sum[:]))
	o := newObject(5)
	if l.may {
		o.text("uri", l.urls.Content(l.w.Keys.Contents, l.w.ID, gate.Content{Execution: of, Name: side}, l.until))
	}
	return o.value("contentVersion", hash).value("contentSize", value.Int(int64(len(content)))).
		value("contentHash", value.Object(value.Member{Key: "algorithm", Value: value.String("md5")}, value.Member{Key: "value", Value: hash})).Build()
}

// Content is what is downloaded of one side: the JSON, without credentials.
func Content(v value.Value) []byte { return value.Reveal(value.Redact(v, value.Credential)) }
