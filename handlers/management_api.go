package handlers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/management"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/store"
)

// managementAPI serves the resource manager's API of workflows and connections.
func (a *app) managementAPI() http.Handler {
	return &management.API{
		Engine: a.engine, Store: a.store, Authorize: a.managers.authorize, CallbackBase: a.settings.baseURL, Base: a.managementBase(),
		Client: a.settings.client, Now: time.Now, Log: a.log, Audit: a.noteManagement,
		Identity: a.systemIdentity(),
	}
}

func (a *app) systemIdentity() management.Identity {
	return management.Identity{Principal: a.settings.getenv(settingPrincipal), Tenant: a.settings.getenv(settingTenant)}
}

// managementBase is where links to further pages lead. A server of its own takes the
// address that it was called at, unless somebody has said how it is reached.
func (a *app) managementBase() string {
	if a.local && a.settings.getenv(settingBaseURL) == "" {
		return ""
	}
	return a.settings.baseURL
}

// noteManagement writes a management call into the audit trail: a change before its
// answer goes out, a refused call with others.
func (a *app) noteManagement(ctx context.Context, e management.Event) {
	event := store.AuditEvent{
		Kind: audit.Management, Outcome: audit.Done, WorkflowID: e.WorkflowID, Subject: shortened(e.Resource), Principal: e.Caller, Caller: e.Address, Reason: e.Operation, Correlation: e.Correlation,
	}
	if e.Code == "" {
		a.audit.Write(context.WithoutCancel(ctx), event)
		return
	}
	event.Outcome, event.Status, event.Code = audit.Refused, int64(e.Status), e.Code
	a.audit.Record(event)
}

// appendAudit writes events, without live credentials: somebody may have put one into a
// name or a path.
func (a *app) appendAudit(ctx context.Context, events []store.AuditEvent) error {
	events = slices.Clone(events)
	for i := range events {
		for _, text := range []*string{&events[i].Subject, &events[i].Principal, &events[i].Reason} {
			*text = string(a.live.Replace([]byte(*text)))
		}
	}
	return a.store.AppendAudit(ctx, events)
}

// shortened keeps what a caller has written within what a record needs.
func shortened(s string) string {
	const most = 1024
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// content answers a link to inputs or outputs, which the gate has let in.
func (a *app) content(w http.ResponseWriter, r *http.Request, c gate.Call) {
	workflow, err := a.engine.Workflow(r.Context(), c.WorkflowID)
	if err == nil {
		err = management.Download(r.Context(), a.store, workflow, c.Content, w, r.Method == http.MethodHead)
	}
	if err != nil {
		a.unavailable(w, err, c.WorkflowID)
	}
}

// localToken is the token of a server of its own: that of a setting, or another one at
// each start. Nothing writes it down.
func (a *app) localToken() string {
	token := a.settings.getenv(settingToken)
	if token == "" {
		var b [32]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		token = base64.RawURLEncoding.EncodeToString(b[:])
	}
	a.live.Note(token)
	return token
}
