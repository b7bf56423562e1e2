package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// Failure is a deployment that was not carried out.
type Failure struct {
	Step     *Step // nil: it was given up between two
	Cause    error
	Problems []value.Problem // why the step was refused, for the author of the template
	Undone   []string        // what was taken back, or was not changed after all
	Left     []string        // what is not as it was
}

func (f *Failure) Error() string {
	var b strings.Builder
	b.WriteString(deploymentFailed + ": ")
	if f.Step != nil {
		fmt.Fprintf(&b, "%s '%s': ", f.Step.Type, f.Step.Name)
	}
	if f.Cause != nil {
		b.WriteString(f.Cause.Error())
	} else {
		b.WriteString("the template is not valid")
	}
	switch {
	case len(f.Left) > 0:
		b.WriteString("\nThe deployment could not be taken back as a whole:")
	case len(f.Undone) > 0:
		b.WriteString("\nThe deployment was taken back; everything is as it was:")
	default:
		b.WriteString("\nNothing was changed.")
	}
	for _, line := range f.Left {
		b.WriteString("\n  left:   " + line)
	}
	for _, line := range f.Undone {
		b.WriteString("\n  undone: " + line)
	}
	return b.String()
}

func (f *Failure) Unwrap() error { return f.Cause }

// undoTime bounds what a deployment that was given up is allowed for taking itself back.
const undoTime = 2 * time.Minute

// Apply carries out the plan: all of it or, if a part fails, nothing. done is told of
// each resource that was written.
func (p *Plan) Apply(ctx context.Context, done func(*Step)) error {
	var written []*Step
	for _, s := range p.Steps {
		if s.Change != Create && s.Change != Modify {
			continue
		}
		tried, problems, err := p.write(ctx, s)
		if tried {
			written = append(written, s)
		}
		if err != nil || failed(problems) {
			f := &Failure{Step: s, Cause: err, Problems: problems}
			p.undo(ctx, f, written)
			return f
		}
		if tried && done != nil {
			done(s)
		}
	}
	return nil
}

// write evaluates a resource anew, with what the resources before it answer now, and
// writes it. tried: it may have been changed.
func (p *Plan) write(ctx context.Context, s *Step) (tried bool, problems []value.Problem, err error) {
	if err := ctx.Err(); err != nil {
		return false, nil, err
	}
	body, problems := p.t.Body(s.Resource, p.lookup(ctx, true))
	if failed(problems) {
		return false, problems, nil
	}
	body, checked, err := p.check(ctx, s.Resource, body)
	if problems = append(problems, checked...); err != nil || failed(problems) {
		return false, problems, err
	}
	if p.differ(s, body); s.Change == NoChange {
		return false, nil, nil // what was not known turned out to be what it was
	}
	if location := s.After.Member("location"); !location.IsAbsent() {
		body = body.With("location", location)
	}
	return true, nil, p.to.Write(ctx, p.t, s.Resource, body)
}

// undo brings back what was there, last first. A write that failed may have been
// carried out all the same, so it is looked at.
func (p *Plan) undo(ctx context.Context, f *Failure, written []*Step) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTime)
	defer cancel()
	for _, s := range slices.Backward(written) {
		name := fmt.Sprintf("%s '%s'", s.Type, s.Name)
		unsure := s == f.Step
		if unsure {
			now, err := p.to.Read(ctx, s.Resource)
			if err != nil {
				f.Left = append(f.Left, fmt.Sprintf("%s: it is not known whether it was changed: %v", name, err))
				continue
			}
			if now == nil && s.old == nil || now != nil && s.old != nil && same(s, now) {
				continue
			}
		}
		if s.old == nil {
			if err := p.to.Remove(ctx, s.Resource); err != nil && !errors.Is(err, ErrNotThere) {
				f.Left = append(f.Left, fmt.Sprintf("%s: it was created and cannot be removed: %v", name, err))
			} else {
				f.Undone = append(f.Undone, name+": removed again")
			}
			continue
		}
		switch lost, err := p.to.Restore(ctx, s.Resource, s.old, s.After); {
		case err != nil:
			f.Left = append(f.Left, fmt.Sprintf("%s: it was changed and cannot be restored: %v", name, err))
		case lost != "":
			f.Left = append(f.Left, name+": restored, but "+lost)
		default:
			f.Undone = append(f.Undone, name+": restored")
		}
	}
}

// same tells whether a resource is what it was when the plan was made.
func same(s *Step, now *Stored) bool {
	return string(value.Reveal(comparable(s.Type, s.old.Body))) == string(value.Reveal(comparable(s.Type, now.Body))) && len(s.old.Opaque) == 0
}
