package engine

import (
	"context"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// ReferenceOrigin begins the name of the origin of what a reference to a secret was
// replaced by; the reference follows.
const ReferenceOrigin = "reference:"

// renewEvery is how often at most the references of a workflow are looked up because a
// service refused what they gave: one that refuses everything must not cost the vault a
// call each time.
const renewEvery = 10 * time.Second

// renew looks up anew what the parameters of a workflow refer to. What has changed is
// saved as a version of its own, which runs use from now on; those that are under way
// keep theirs.
func (e *Engine) renew(ctx context.Context, workflowID string) {
	e.mu.Lock()
	now := e.Ambient.Now()
	since := now.Sub(e.renewed[workflowID])
	if since < renewEvery {
		e.mu.Unlock()
		return
	}
	e.renewed[workflowID] = now
	e.mu.Unlock()
	log := e.Log.With().Str("workflow", workflowID).Logger()
	w, err := e.Store.WorkflowHeader(ctx, workflowID)
	if err == nil {
		err = e.Store.WorkflowVersion(ctx, w, w.Version)
	}
	if err != nil {
		log.Warn().Err(err).Msg("references to secrets cannot be looked up anew")
		return
	}
	parameters, refers := referringParameters(w.Parameters)
	if !refers || w.State == store.Deleted {
		return
	}
	r := &Resource{
		Name: w.Name, ResourceID: w.ResourceID, Location: w.Location, Kind: w.Kind, State: w.State, Tags: w.Tags, Identity: w.Identity, AccessControl: w.AccessControl,
		Definition: w.Definition, Parameters: parameters,
	}
	if w.Declared != "" {
		r.FromFile, r.State = true, w.Declared
	}
	saved, problems, err := e.Save(audit.WithActor(ctx, "a rotated secret"), r)
	switch {
	case err != nil: // somebody else may have saved it, with the secret of now
		log.Warn().Err(err).Msg("references to secrets cannot be looked up anew")
	case saved == nil:
		log.Warn().Int("problems", len(problems)).Msg("references to secrets lead nowhere; what they led to before is used")
	case saved.Version != w.Version:
		log.Info().Str("version", saved.Version).Msg("a secret was rotated; the workflow has a new version with it")
	}
}

// referringParameters puts references back in place of what they were replaced by.
func referringParameters(parameters value.Value) (value.Value, bool) {
	any := false
	for name, p := range parameters.Members {
		if v, refers := referring(p.Member("value")); refers {
			parameters, any = parameters.With(name, p.With("value", v)), true
		}
	}
	return parameters, any
}

func referring(v value.Value) (value.Value, bool) {
	any := false
	switch v.Kind() {
	case value.KindString:
		for _, o := range v.Origins() {
			if reference, ok := strings.CutPrefix(o.Name, ReferenceOrigin); ok {
				return value.String(reference), true
			}
		}
	case value.KindArray:
		items := make([]value.Value, v.Len())
		for i := range items {
			var refers bool
			items[i], refers = referring(v.At(i))
			any = any || refers
		}
		return value.Array(items...), any
	case value.KindObject:
		b := value.NewObject(v.Len())
		for name, member := range v.Members {
			member, refers := referring(member)
			b.Set(name, member)
			any = any || refers
		}
		return b.Build(), any
	}
	return v, any
}
