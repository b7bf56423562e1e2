package definition

import (
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/recurrence"
	"github.com/latchwork/latchwork/shared/value"
)

func (b *builder) triggers() {
	at := b.src.Path.Key("triggers")
	seen := map[string]bool{}
	for name, body := range b.object(b.src.Definition.Member("triggers"), at).Members {
		if key := strings.ToLower(name); seen[key] {
			b.fail(InvalidTemplate, at.Key(name), "The trigger name '%s' is used more than once; names must differ by more than case.", name)
		} else {
			seen[key] = true
		}
		b.trigger(name, b.object(body, at.Key(name)), at.Key(name))
	}
	if len(seen) > maxTriggers {
		b.warn(InvalidTemplate, at, "The definition has %d triggers; Logic Apps accepts %d.", len(seen), maxTriggers)
	}
}

func (b *builder) trigger(name string, body value.Value, at *value.Path) {
	if utf8.RuneCountInString(name) > maxName || strings.TrimSpace(name) == "" {
		b.fail(InvalidTemplate, at, "The name of a trigger must have 1 to %d characters.", maxName)
	}
	typ := b.text(body.Member("type"), at.Key("type"))
	spec, known := b.catalog.Trigger(typ)
	switch {
	case typ == "":
		b.fail(PropertyNotSpecified, at, "The template trigger '%s' has no 'type'.", name)
		return
	case !known && elsewhere[strings.ToLower(typ)] != "":
		spec.Type = elsewhere[strings.ToLower(typ)]
		b.warn(NotAvailable, at.Key("type"), "The template trigger '%s' has the type '%s', which is not available here: it does not fire by itself.", name, typ)
	case !known:
		b.fail(InvalidTemplate, at.Key("type"), "The template trigger '%s' has the type '%s', which is not available here.%s",
			name, typ, suggestion(typ, b.catalog.TriggerTypes()))
		return
	}
	t := &Trigger{
		Name: name, Type: spec.Type, Spec: spec, Path: at,
		Kind:    b.text(body.Member("kind"), at.Key("kind")),
		Raw:     body.Member("inputs"),
		Options: Options(b.text(body.Member("operationOptions"), at.Key("operationOptions"))),
	}
	runtime := b.object(body.Member("runtimeConfiguration"), at.Key("runtimeConfiguration"))
	t.Runtime = runtime
	t.manual = b.secureData(runtime, at.Key("runtimeConfiguration"))
	b.triggerConcurrency(t, runtime, at.Key("runtimeConfiguration"))
	if tracked := body.Member("trackedProperties"); !tracked.IsNull() && t.manual.any() {
		b.fail(PropertyNotAllowed, at.Key("trackedProperties"),
			"Tracked properties are not allowed on '%s', because its inputs or outputs are secured.", name)
	}
	if !t.Raw.IsNull() {
		b.required(name, spec, t.Raw, at.Key("inputs"))
		evaluated := t.Raw
		for _, member := range spec.Verbatim {
			evaluated = evaluated.Without(member)
		}
		t.Inputs = b.template(evaluated, at.Key("inputs"))
		t.Connection = b.connection("trigger '"+name+"'", t.Raw, at.Key("inputs"))
		b.retryPolicies(spec, t.Raw, at.Key("inputs"))
	}
	b.conditions(t, body, at)
	if id, ok := body.Member("correlation").Get("clientTrackingId"); ok {
		t.ClientTrackingID = b.template(id, at.Keys("correlation", "clientTrackingId"))
	}
	if split, ok := body.Get("splitOn"); ok && !split.IsNull() {
		t.SplitOn = b.template(split, at.Key("splitOn"))
		if id, ok := body.Member("splitOnConfiguration").Member("correlation").Get("clientTrackingId"); ok {
			t.SplitID = b.template(id, at.Keys("splitOnConfiguration", "correlation", "clientTrackingId"))
		}
	}
	b.recurrence(t, body, at)
	b.batches(t, at)
	b.program.Triggers = append(b.program.Triggers, t)
}

// recurrence reads when a trigger fires by itself (triggers §7).
func (b *builder) recurrence(t *Trigger, body value.Value, at *value.Path) {
	if !t.Spec.Recurs {
		return
	}
	written, ok := body.Get("recurrence")
	if !ok {
		b.fail(PropertyNotSpecified, at, "The template trigger '%s' has no 'recurrence'.", t.Name)
		return
	}
	at = at.Key("recurrence")
	v, known := b.constant(written, at)
	if !known {
		return
	}
	var problems []value.Problem
	if t.Spec.Sliding {
		t.Sliding, problems = recurrence.ParseSliding(v, at, body.Member("inputs").Member("delay"), t.Path.Keys("inputs", "delay"))
	} else {
		t.Schedule, problems = recurrence.Parse(v, at)
	}
	b.problems = append(b.problems, problems...)
}

// constant evaluates what may hold expressions of parameters alone. It is not known
// while a parameter has no value, as in a template that is only checked.
func (b *builder) constant(v value.Value, at *value.Path) (value.Value, bool) {
	t := b.template(v, at)
	for _, r := range t.References() {
		if p, ok := b.parameterNamed(r.Name); r.Kind == expr.RefParameter && (!ok || p.Value.IsAbsent()) {
			return value.Value{}, false
		}
	}
	result, err := t.Evaluate(&expr.Env{Scope: parametersOnly{p: b.program}})
	if err != nil {
		b.fail(InvalidTemplate, at, "%s", err)
		return value.Value{}, false
	}
	return result, true
}

// parametersOnly is the scope of what is evaluated when a definition is saved.
type parametersOnly struct {
	expr.NoScope
	p *Program
}

func (s parametersOnly) Parameter(name string) (value.Value, bool) { return s.p.Parameter(name) }

// conditions must all hold for the trigger to fire (triggers §2).
func (b *builder) conditions(t *Trigger, body value.Value, at *value.Path) {
	at = at.Key("conditions")
	list := body.Member("conditions")
	if !list.IsNull() && list.Kind() != value.KindArray {
		b.fail(InvalidTemplate, at, "The conditions of trigger '%s' must be an array.", t.Name)
	}
	for i, c := range list.Elements {
		e, ok := b.object(c, at.Index(i)).Get("expression")
		if !ok {
			b.fail(PropertyNotSpecified, at.Index(i), "A condition of trigger '%s' has no 'expression'.", t.Name)
			continue
		}
		t.Conditions = append(t.Conditions, b.condition(e, at.Index(i).Key("expression")))
	}
	t.LooksAtStatus = looksAtStatus(t.Conditions)
}
