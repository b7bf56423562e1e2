package engine

import (
	"context"
	"errors"
	"slices"

	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// Compile checks all of a resource: the definition, and who may call it. The program
// is nil unless all problems are warnings.
func (r *Resource) Compile(c definition.Catalog) (*definition.Program, []value.Problem) {
	program, problems := definition.Compile(r.Source(), c)
	_, more := access.Compile(r.AccessControl, r.AccessControlPath)
	if slices.ContainsFunc(more, func(p value.Problem) bool { return !p.Warning }) {
		program = nil
	}
	return program, append(problems, more...)
}

// compiledAccess is the access control of one state of a workflow.
type compiledAccess struct {
	etag   string
	access *access.Access
}

// Access says who may call a workflow. It is compiled once for each state of the
// workflow.
func (e *Engine) Access(w *Workflow) *access.Access {
	if w.AccessControl.IsNull() {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	c, ok := e.access[w.ID]
	if !ok || c.etag != w.ETag {
		c.etag = w.ETag
		c.access, _ = access.Compile(w.AccessControl, nil) // what is stored was checked when it was saved
		e.access[w.ID] = c
	}
	return c.access
}

// keyAttempts is how often somebody else's change of a workflow may be in the way.
const keyAttempts = 5

// RegenerateKey gives a workflow another key, at once: every URL that the old one has
// signed is dead, and those of its other keys live on (inbound-security §3.4). Other
// processes learn it within Config.Fresh.
func (e *Engine) RegenerateKey(ctx context.Context, workflowID string, name store.KeyName) error {
	if (&store.Keys{}).Named(name) == nil {
		return ErrNoKey
	}
	err := store.ErrConflict
	for i := 0; i < keyAttempts && errors.Is(err, store.ErrConflict); i++ {
		err = e.Store.ReplaceKey(ctx, workflowID, name, random(32))
	}
	e.forget(workflowID)
	if err != nil {
		return err
	}
	e.Audit.Write(ctx, store.AuditEvent{
		Kind: audit.Key, Outcome: audit.Done, WorkflowID: workflowID, Subject: string(name), Principal: audit.Actor(ctx), Correlation: audit.Correlation(ctx), Reason: "the key was regenerated",
	})
	return nil
}

// ErrNoKey means that a workflow has no key of this name.
var ErrNoKey = errors.New("a workflow has the keys Primary and Secondary, and Contents")

// forget lets a workflow be read from the store when it is needed next.
func (e *Engine) forget(workflowID string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.workflows, workflowID)
}

// saved records that a workflow has another version.
func (e *Engine) saved(ctx context.Context, w *store.Workflow) {
	e.Audit.Write(ctx, store.AuditEvent{
		Kind: audit.Change, Outcome: audit.Done, WorkflowID: w.ID, Subject: "/versions/" + w.Version, Principal: audit.Actor(ctx), Correlation: audit.Correlation(ctx), Reason: "the workflow '" + w.Name + "' was saved",
	})
}
