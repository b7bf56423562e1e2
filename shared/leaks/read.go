package leaks

import (
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
)

// read is what a reference gives.
func (f *flow) read(x *folder, r expr.Reference) *taint {
	switch r.Kind {
	case expr.RefAction:
		return f.ofAction(r)
	case expr.RefResult:
		scope := f.program.Action(r.Name)
		if scope == nil {
			return nil
		}
		var records *taint
		for _, body := range scope.Bodies {
			for _, child := range body.Actions {
				records = join2(records, f.record(child))
			}
		}
		return arrayOf(records)
	case expr.RefTrigger:
		return f.ofTrigger(strings.ToLower(r.Function))
	case expr.RefParameter:
		return f.parameters[strings.ToLower(r.Name)]
	case expr.RefVariable:
		if x.from.action == nil {
			return nil
		}
		return f.variable(strings.ToLower(r.Name), x.from.action)
	case expr.RefItem:
		if x.each {
			return x.item
		}
		return f.item(x.from.action, "")
	case expr.RefLoop:
		return f.item(x.from.action, r.Name)
	case expr.RefSelf:
		if x.from.action != nil {
			return f.record(x.from.action)
		}
	}
	return nil
}

func (f *flow) ofAction(r expr.Reference) *taint {
	a := f.program.Action(r.Name)
	if a == nil {
		return nil
	}
	switch strings.ToLower(r.Function) {
	case "actions":
		return f.record(a)
	case "outputs":
		return f.nodes[a].out
	case "body":
		return f.nodes[a].out.member("body")
	default: // form data and parts of a body
		return f.nodes[a].out.member("body").flat()
	}
}

func (f *flow) ofTrigger(function string) *taint {
	record := f.triggerRecord()
	switch function {
	case "trigger":
		return record
	case "triggeroutputs":
		return record.member("outputs")
	case "triggerbody":
		return record.member("outputs").member("body")
	default:
		return record.member("outputs").member("body").flat()
	}
}

// record is what actions() shows: inputs as history keeps them.
func (f *flow) record(a *definition.Action) *taint {
	n := f.nodes[a]
	if n == nil {
		return nil
	}
	return join2(at(join2(n.shown(), n.securedIn), "inputs"), at(n.out, "outputs"))
}

func (f *flow) triggerRecord() *taint {
	var sum *taint
	for _, n := range f.triggers {
		sum = join(sum, at(join2(n.shown(), n.securedIn), "inputs"), at(n.out, "outputs"))
	}
	return sum
}

// item is the item of a loop around an action: of the one named, or the innermost.
func (f *flow) item(a *definition.Action, name string) *taint {
	if a == nil {
		return nil
	}
	for i := len(a.Loops) - 1; i >= 0; i-- {
		l := a.Loops[i]
		if l.Spec.Role == definition.Foreach && (name == "" || strings.EqualFold(l.Name, name)) {
			return f.nodes[l].in.elements().after(f.nodes[l].step)
		}
	}
	return nil
}
