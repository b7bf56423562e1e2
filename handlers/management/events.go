package management

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// eventRoot is what is shown of every event, with which it is found again.
type eventRoot struct {
	*store.AuditEvent
	workflow string // its name
	resource string // the resource that it is about, or ""
	scope    string // what of it
}

// listEvents shows the audit trail as Azure shows its Activity Log, newest first: that of
// a subscription, or all of it, also what is about no resource. A page costs a bounded
// number of transactions. The address rules of workflows do not count: who may change a
// workflow cannot hide from whoever reads the trail.
func (a *API) listEvents(c *call) (answer, error) {
	f, err := c.filter(eventFields)
	if err != nil {
		return answer{}, err
	}
	from, to := f.between("eventtimestamp")
	if from.IsZero() {
		return answer{}, fail(http.StatusBadRequest, "InvalidFilterInQueryString", "The $filter must say from which time on: eventTimestamp ge '2026-03-14T12:00:00Z'.")
	}
	if to.IsZero() {
		to = a.Now()
	}
	keep, err := c.selected()
	if err != nil {
		return answer{}, err
	}
	top, token, err := c.page()
	if err != nil {
		return answer{}, err
	}
	roots, err := a.roots(c)
	if err != nil {
		return answer{}, err
	}
	subscription := c.names["sub"]
	found, next, err := a.Store.AuditPage(c.ctx, store.AuditFilter{Since: from, Until: to.Add(1)}, func(e *store.AuditEvent) bool {
		r := roots(e)
		return (subscription == "" || strings.EqualFold(part(r.resource, "subscriptions"), subscription)) && r.fits(f)
	}, top, token)
	if errors.Is(err, store.ErrBadToken) {
		return answer{}, fail(http.StatusBadRequest, "InvalidSkipToken", "The $skiptoken '%s' specified in the query string is not valid.", c.query["$skiptoken"])
	}
	if err != nil {
		return answer{}, err
	}
	views := make([]value.Value, len(found))
	for i := range found {
		views[i] = keep(a.eventView(roots(&found[i])))
	}
	return c.list(views, next)
}

// roots finds the resources that events are about.
func (a *API) roots(c *call) (func(*store.AuditEvent) eventRoot, error) {
	list, err := a.Store.AllWorkflows(c.ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[string]*store.Workflow, len(list))
	for _, w := range list {
		known[w.ID] = w
	}
	return func(e *store.AuditEvent) eventRoot {
		r := eventRoot{AuditEvent: e}
		if e.Kind == audit.Management && strings.HasPrefix(e.Subject, "/subscriptions/") {
			r.resource, r.scope = e.Subject, e.Subject
		}
		w := known[e.WorkflowID]
		if w == nil {
			return r
		}
		r.workflow, r.resource = w.Name, w.ResourceID
		switch {
		case r.scope != "":
		case strings.HasPrefix(e.Subject, "/") && e.Kind != audit.Management:
			r.scope = w.ResourceID + e.Subject
		default:
			r.scope = w.ResourceID
		}
		return r
	}, nil
}

// part is the segment of a resource id that follows a name.
func part(id, name string) string {
	segments := strings.Split(id, "/")
	for i := 1; i+1 < len(segments); i += 2 {
		if strings.EqualFold(segments[i], name) {
			return segments[i+1]
		}
	}
	return ""
}

func (r eventRoot) fits(f *filter) bool {
	return f.holds(func(x comparison) bool {
		switch x.field {
		case "eventtimestamp":
			return x.at(r.At)
		case "resourceuri", "resourceid":
			return x.is(r.resource)
		case "resourcegroupname":
			return x.is(part(r.resource, "resourceGroups"))
		case "resourceprovider":
			return x.is(part(r.resource, "providers"))
		case "correlationid":
			return x.is(r.correlation())
		case "caller":
			return x.is(r.Principal)
		case "status":
			return x.is(r.status())
		}
		return inChannel(x)
	})
}

// inChannel compares the channel that all events are in: az asks for 'Admin, Operation'.
func inChannel(x comparison) bool {
	const channel = "Operation"
	if x.op == "eq" {
		return slices.ContainsFunc(strings.Split(x.text, ","), func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), channel) })
	}
	return x.is(channel)
}

// eventNames are the members of an event that $select may name.
var eventNames = []string{
	"authorization", "caller", "category", "correlationId", "description", "eventDataId", "eventName", "eventTimestamp", "httpRequest", "id", "level", "operationId", "operationName",
	"properties", "resourceGroupName", "resourceId", "resourceProviderName", "status", "submissionTimestamp", "subscriptionId", "subStatus", "tenantId",
}

// selected reads $select: a function that leaves in what it names.
func (c *call) selected() (func(value.Value) value.Value, error) {
	text := strings.TrimSpace(c.query["$select"])
	if text == "" {
		return func(v value.Value) value.Value { return v }, nil
	}
	var names []string
	for name := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(eventNames, func(known string) bool { return strings.EqualFold(known, strings.TrimSpace(name)) })
		if i < 0 {
			return nil, fail(http.StatusBadRequest, "InvalidSelectInQueryString", "Invalid $select '%s' specified in the query string.", text)
		}
		names = append(names, eventNames[i])
	}
	return func(v value.Value) value.Value {
		o := newObject(len(names))
		for _, name := range eventNames {
			if slices.Contains(names, name) {
				o.value(name, v.Member(name))
			}
		}
		return o.Build()
	}, nil
}

// eventView is one event as the Activity Log shows it.
func (a *API) eventView(r eventRoot) value.Value {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte(r.ID())).String()
	o := newObject(len(eventNames)).
		value("authorization", newObject(2).text("action", r.operation()).text("scope", r.scope).Build()).
		text("caller", r.Principal).
		value("category", localizable("Administrative")).
		text("correlationId", r.correlation()).
		text("description", r.Reason).
		text("eventDataId", id).
		value("eventName", localizable("EndRequest")).
		time("eventTimestamp", r.At)
	if r.Caller != "" {
		o.value("httpRequest", newObject(1).text("clientIpAddress", r.Caller).Build())
	}
	o.text("id", fmt.Sprintf("%s/events/%s/ticks/%d", r.resource, id, ticks(r.At))).
		text("level", r.level()).
		text("operationId", r.correlation()).
		value("operationName", localizable(r.operation())).
		value("properties", r.properties()).
		text("resourceGroupName", part(r.resource, "resourceGroups")).
		text("resourceId", r.resource)
	if provider := part(r.resource, "providers"); provider != "" {
		o.value("resourceProviderName", localizable(provider))
	}
	o.value("status", localizable(r.status())).
		time("submissionTimestamp", r.At).
		text("subscriptionId", part(r.resource, "subscriptions"))
	if text := http.StatusText(int(r.Status)); text != "" {
		o.value("subStatus", value.Object(
			value.Member{Key: "value", Value: value.String(strings.ReplaceAll(text, " ", ""))},
			value.Member{Key: "localizedValue", Value: value.String(fmt.Sprintf("%s (HTTP Status Code: %d)", text, r.Status))}))
	}
	return o.text("tenantId", a.Identity.Tenant).Build()
}

// properties has what the trail tells and the Activity Log has no member for. As there,
// all of it is text.
func (r eventRoot) properties() value.Value {
	o := newObject(12).text("kind", r.Kind).text("outcome", r.Outcome).text("workflowId", r.WorkflowID).text("workflow", r.workflow).
		text("subject", r.Subject).text("entity", r.scope).text("scheme", r.Scheme).text("key", r.Key).text("code", r.Code)
	if r.Status != 0 {
		o.text("statusCode", strconv.FormatInt(r.Status, 10))
	}
	return o.text("count", strconv.FormatInt(max(r.Count, 1), 10)).Build()
}

// operation is the name of the operation that a call is, as roles name it.
func (r eventRoot) operation() string {
	switch r.Kind {
	case "trigger":
		return "Microsoft.Logic/workflows/triggers/run/action"
	case "resume":
		return "Microsoft.Logic/workflows/runs/actions/run/action"
	case "content":
		return "Microsoft.Logic/workflows/runs/contents/read"
	case audit.Key:
		return "Microsoft.Logic/workflows/regenerateAccessKey/action"
	case audit.Change:
		return "Microsoft.Logic/workflows/write"
	case audit.Management:
		return r.Reason
	}
	return "Microsoft.Insights/eventtypes/" + r.Kind
}

func (r eventRoot) status() string {
	if r.Outcome == audit.Refused {
		return "Failed"
	}
	return "Succeeded"
}

func (r eventRoot) level() string {
	switch {
	case r.Kind == audit.Lost:
		return "Error"
	case r.Outcome == audit.Refused:
		return "Warning"
	}
	return "Informational"
}

// correlation is the id that events of one call share.
func (r eventRoot) correlation() string {
	if r.Correlation != "" {
		return r.Correlation
	}
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte(r.ID())).String()
}

func localizable(s string) value.Value {
	return value.Object(value.Member{Key: "value", Value: value.String(s)}, value.Member{Key: "localizedValue", Value: value.String(s)})
}

// ticks counts hundreds of nanoseconds since the year 1, as .NET does.
func ticks(t time.Time) int64 {
	return t.Unix()*1e7 + int64(t.Nanosecond()/100) + 621355968000000000
}
