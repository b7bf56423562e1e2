package engine

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// StrictTag is the tag that makes the history of one workflow strict. Tags travel with
// a workflow to Azure and mean nothing there.
const StrictTag = "latchwork-history"

// strict tells whether a workflow has a strict history: by its tag, or all have.
func (e *Engine) strict(tags value.Value) bool {
	return e.StrictHistory || tags.Member(StrictTag).Str() == "strict"
}

// noteSecrets makes the secured parameters of a program known to the second net,
// before something goes out that may come back.
func (e *Engine) noteSecrets(p *definition.Program) {
	for i := range p.Parameters {
		e.Live.NoteValue(p.Parameters[i].Value)
	}
}

// noteRun makes the secrets known that a run read from a vault while another process
// drove it. Of what is no inline operation only they have such an origin: all else comes
// from outside without one.
func (e *Engine) noteRun(p *definition.Program, st *run.State) {
	for _, r := range st.Records {
		if a := p.Action(r.Name); a != nil && len(a.Bodies) == 0 && !a.Spec.Inline {
			e.noteRead(r.Outputs.Value)
		}
	}
}

func (e *Engine) noteRead(v value.Value) {
	if !v.Marked() {
		return
	}
	if slices.ContainsFunc(v.Origins(), func(o value.Origin) bool { return strings.HasPrefix(o.Name, outbound.VaultOrigin) }) {
		e.Live.NoteValue(v)
		return
	}
	for i := range v.Len() {
		e.noteRead(v.At(i))
	}
}

// fromOutside is an outcome with what the second net finds in it: what comes back of a
// credential is marked like the credential, and errors, which keep no origins, lose it.
func (e *Engine) fromOutside(o run.Outcome) run.Outcome {
	o.Outputs, o.Keep = e.Live.Mark(o.Outputs), e.Live.Mark(o.Keep)
	o.Error = e.cleaned(o.Error)
	return o
}

// refused: where a service did not accept what an attempt sent, the secrets in it may
// have been rotated, and are read anew.
func (e *Engine) refused(ctx context.Context, workflowID string, inputs value.Value, o run.Outcome) {
	status, _ := o.Outputs.Member("statusCode").AsInt()
	if o.Status != definition.Failed || !o.Outputs.IsAbsent() && status != http.StatusUnauthorized && status != http.StatusForbidden {
		return
	}
	refers := false
	for _, origin := range inputs.Taint() {
		if name, ok := strings.CutPrefix(origin.Name, outbound.VaultOrigin); ok {
			e.Live.Doubt(name)
		}
		refers = refers || strings.HasPrefix(origin.Name, ReferenceOrigin)
	}
	if refers {
		e.renew(ctx, workflowID)
	}
}

func (e *Engine) cleaned(why *run.Error) *run.Error {
	if why == nil {
		return nil
	}
	return &run.Error{Code: string(e.Live.Replace([]byte(why.Code))), Message: string(e.Live.Replace([]byte(why.Message)))}
}

// received marks what a trigger took in or gave, as the author and the net say.
func (e *Engine) received(p *definition.Program, t *definition.Trigger, inputs, outputs value.Value) (markedInputs, markedOutputs value.Value) {
	securesInputs, securesOutputs := t.Secures()
	inputs = e.sided(p, inputs, securesInputs, "trigger inputs:"+t.Name)
	return inputs, e.sided(p, e.Live.Mark(outputs), securesOutputs, "trigger outputs:"+t.Name)
}

// resumed marks what an action that waited was given.
func (e *Engine) resumed(p *definition.Program, a *definition.Action, data value.Value) value.Value {
	_, outputs := a.Secures()
	return e.sided(p, e.Live.Mark(data), outputs, "outputs:"+a.Name)
}

func (e *Engine) sided(p *definition.Program, v value.Value, secured bool, name string) value.Value {
	if secured {
		v = v.Mark(value.Origin{Class: value.Secured, Name: name})
	}
	if p.Strict {
		v = value.Harden(v)
	}
	return v
}
