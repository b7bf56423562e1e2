package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/store"
)

// invoke answers calls of callback URLs.
func (a *app) invoke() http.Handler {
	return &gate.Gate{
		Directory: a.target, Client: a.settings.client, Now: time.Now, Log: a.log, Tokens: a.tokens, Observe: a.observe, Next: a.call,
	}
}

// target finds a workflow for the gate.
func (a *app) target(ctx context.Context, id string) (*gate.Target, error) {
	w, err := a.engine.Workflow(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, gate.ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	return &gate.Target{
		ID: w.ID, State: w.State, PrimaryKey: w.Keys.Primary, SecondaryKey: w.Keys.Secondary, ContentsKey: w.Keys.Contents,
		Access: a.engine.Access(w), Trigger: triggersOf(w),
		Version: func(ctx context.Context, version string) (func(string) (gate.Trigger, bool), error) {
			pinned, err := a.engine.WorkflowVersion(ctx, id, version)
			if errors.Is(err, store.ErrNotFound) {
				return nil, gate.ErrUnknown
			}
			if err != nil {
				return nil, err
			}
			return triggersOf(pinned), nil
		},
	}, nil
}

func triggersOf(w *engine.Workflow) func(name string) (gate.Trigger, bool) {
	return func(name string) (gate.Trigger, bool) {
		t := w.Program.Trigger(name)
		if t == nil || !t.Spec.Request {
			return gate.Trigger{}, false
		}
		if operation.FindTrigger(t.Type).Subscribe != nil { // its method and path are those of the subscription
			return gate.Trigger{Name: t.Name}, true
		}
		return gate.Trigger{Name: t.Name, Method: t.Raw.Member("method").Str(), RelativePath: t.Raw.Member("relativePath").Str()}, true
	}
}

// called is the workflow that a call is for, in the version that its URL names.
func (a *app) called(ctx context.Context, c gate.Call) (*engine.Workflow, error) {
	if c.Version != "" {
		return a.engine.WorkflowVersion(ctx, c.WorkflowID, c.Version)
	}
	return a.engine.Workflow(ctx, c.WorkflowID)
}

// observe writes a decision of the gate into the audit trail.
func (a *app) observe(d gate.Decision) {
	e := store.AuditEvent{
		At: d.At, Kind: d.Kind, Outcome: audit.Allowed, WorkflowID: d.WorkflowID, Subject: d.Subject, Scheme: d.Scheme, Key: d.Key,
		Principal: d.Principal, Caller: d.Caller,
	}
	if !d.Allowed {
		e.Outcome, e.Status, e.Code, e.Reason = audit.Refused, int64(d.Status), d.Code, d.Reason
		if e.Reason == "" {
			e.Reason = d.Check
		}
	}
	a.audit.Record(e)
}

const (
	// defaultAuthority is where Entra gives out the keys that it signs with.
	defaultAuthority = "https://login.microsoftonline.com"
	// maxKeySet is far above what Entra answers.
	maxKeySet       = 1 << 20
	keySetTimeLimit = 10 * time.Second
)

// openTokens makes the check of tokens: by the keys of a file or a setting, or else by
// those that the authority gives out for a tenant, under the same rules as all that
// goes out.
func (a *app) openTokens() (*gate.Tokens, error) {
	algorithms := gate.DefaultAlgorithms
	if text := a.settings.getenv(settingAlgorithms); text != "" {
		algorithms = strings.Split(strings.ReplaceAll(text, " ", ""), ",")
	}
	fetch, err := a.keySource()
	tokens, wrong := gate.NewTokens(&gate.Keys{Fetch: fetch, Now: time.Now, Log: a.log}, algorithms)
	if wrong != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", settingAlgorithms, wrong))
	}
	if err != nil {
		return nil, err
	}
	return tokens, nil
}

// keySource says where keys come from. A file is read again when a key is not known,
// so that it can be replaced while this runs.
func (a *app) keySource() (func(ctx context.Context, tenant string) ([]byte, error), error) {
	if given := a.settings.getenv(settingTokenKeys); given != "" {
		data, err := givenKeys(given)
		if err == nil {
			err = gate.CheckKeys(data)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", settingTokenKeys, err)
		}
		return func(context.Context, string) ([]byte, error) { return givenKeys(given) }, nil
	}
	authority := strings.TrimRight(a.settings.getenv(settingAuthority), "/")
	if authority == "" {
		authority = defaultAuthority
	}
	if u, err := url.Parse(authority); err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s: want an https address, such as %s", settingAuthority, defaultAuthority)
	}
	return func(ctx context.Context, tenant string) ([]byte, error) { return a.fetchKeys(ctx, authority, tenant) }, nil
}

// givenKeys are in the setting itself, or in the file that it names.
func givenKeys(setting string) ([]byte, error) {
	if strings.HasPrefix(strings.TrimSpace(setting), "{") {
		return []byte(setting), nil
	}
	return os.ReadFile(setting)
}

func (a *app) fetchKeys(ctx context.Context, authority, tenant string) ([]byte, error) {
	answer, err := a.http.Do(ctx, &outbound.Request{
		Method: http.MethodGet, URL: authority + "/" + url.PathEscape(tenant) + "/discovery/v2.0/keys",
		Header: http.Header{"Accept": {"application/json"}}, Timeout: keySetTimeLimit, MaxBody: maxKeySet,
	})
	if err != nil {
		return nil, fmt.Errorf("read the keys of the authority: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the keys of the authority: status %d", answer.StatusCode)
	}
	return answer.Body, nil
}
