package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/remote"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// remoteTrail asks a running app for its trail. The app tells the newest first; what is
// printed begins with the oldest, as that of a store does.
func (o auditOptions) remoteTrail(c *cobra.Command, f store.AuditFilter, yield func(auditEvent) bool) error {
	if o.store != "" {
		return errors.New("--store and --endpoint: want one of them")
	}
	client, err := o.remote.client(c.InOrStdin())
	if err != nil {
		return err
	}
	path := "/providers/Microsoft.Insights/eventtypes/management/values"
	if o.remote.subscription != "" {
		path = "/subscriptions/" + url.PathEscape(o.remote.subscription) + path
	}
	moment := func(t time.Time) string { return "'" + t.UTC().Format("2006-01-02T15:04:05.0000000Z") + "'" }
	var all []auditEvent
	for v, err := range client.List(c.Context(), path, url.Values{
		"api-version": {"2015-04-01"}, "$top": {"250"}, "$filter": {"eventTimestamp ge " + moment(f.Since) + " and eventTimestamp lt " + moment(f.Until)},
	}) {
		if remote.NotFound(err) {
			return fmt.Errorf("the app shows no audit trail; it is older than this command: %w", err)
		}
		if err != nil {
			return err
		}
		if e := remoteEvent(v); o.wants(e, f) {
			all = append(all, e)
		}
	}
	for _, e := range slices.Backward(all) {
		if !yield(e) {
			break
		}
	}
	return nil
}

// wants tells whether an event that an app shows is one that is asked for.
func (o auditOptions) wants(e auditEvent, f store.AuditFilter) bool {
	return (f.Kind == "" || f.Kind == e.Kind) && (f.Outcome == "" || f.Outcome == e.Outcome) &&
		(o.workflow == "" || o.workflow == e.WorkflowID || strings.EqualFold(o.workflow, e.workflow))
}

// remoteEvent reads an event as the management API shows it.
func remoteEvent(v value.Value) auditEvent {
	p := v.Member("properties")
	at, _ := time.Parse(time.RFC3339, v.Member("eventTimestamp").Str()) // the zero time shows that it has none
	status, _ := strconv.ParseInt(p.Member("statusCode").Str(), 10, 64)
	count, _ := strconv.ParseInt(p.Member("count").Str(), 10, 64)
	return auditEvent{store.AuditEvent{
		At: at, Kind: p.Member("kind").Str(), Outcome: p.Member("outcome").Str(), WorkflowID: p.Member("workflowId").Str(), Subject: p.Member("subject").Str(),
		Scheme: p.Member("scheme").Str(), Key: p.Member("key").Str(), Principal: v.Member("caller").Str(), Caller: v.Member("httpRequest").Member("clientIpAddress").Str(),
		Correlation: v.Member("correlationId").Str(), Status: status, Code: p.Member("code").Str(), Reason: v.Member("description").Str(), Count: count,
	}, p.Member("workflow").Str()}
}
