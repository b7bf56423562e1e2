package definition

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// sides says which sides of an operation a setting names.
type sides struct{ inputs, outputs bool }

func (s sides) any() bool { return s.inputs || s.outputs }

// settings reads what every action may have besides its inputs.
func (b *builder) settings(a *Action, body value.Value, at *value.Path) {
	a.Options = Options(b.text(body.Member("operationOptions"), at.Key("operationOptions")))
	if limit := b.object(body.Member("limit"), at.Key("limit")); limit.Len() > 0 && a.Spec.Role == Operation {
		a.Limit = b.template(limit, at.Key("limit"))
		if text, isText := limit.Member("timeout").AsString(); isText && !strings.Contains(text, "@") {
			if _, ok := ParseDuration(text); !ok {
				b.fail(InvalidTemplate, at.Keys("limit", "timeout"), "The limit 'timeout' of '%s' must be a duration in ISO 8601 format, such as 'PT1H'.", a.Name)
			}
		}
	}
	runtime := b.object(body.Member("runtimeConfiguration"), at.Key("runtimeConfiguration"))
	a.Runtime = runtime
	a.manual = b.secureData(runtime, at.Key("runtimeConfiguration"))
	a.Static = b.staticResult(a, runtime, at.Keys("runtimeConfiguration", "staticResult"))
	if tracked, ok := body.Get("trackedProperties"); ok {
		if a.manual.any() {
			// secure-data §1; the product's code is not known.
			b.fail(PropertyNotAllowed, at.Key("trackedProperties"),
				"Tracked properties are not allowed on '%s', because its inputs or outputs are secured.", a.Name)
		}
		a.Tracked = b.template(b.object(tracked, at.Key("trackedProperties")), at.Key("trackedProperties"))
	}
}

func (b *builder) secureData(runtime value.Value, at *value.Path) (s sides) {
	at = at.Key("secureData")
	data := b.object(runtime.Member("secureData"), at)
	properties := data.Member("properties")
	at = at.Key("properties")
	if !properties.IsNull() && properties.Kind() != value.KindArray {
		b.fail(InvalidTemplate, at, "The secured properties must be an array.")
	}
	for i, p := range properties.Elements {
		switch strings.ToLower(b.text(p, at.Index(i))) {
		case "inputs":
			s.inputs = true
		case "outputs":
			s.outputs = true
		default:
			b.fail(InvalidTemplate, at.Index(i), "Only 'inputs' and 'outputs' can be secured.")
		}
	}
	return s
}

// staticResult finds the mock that an action is set to use (workflow-definition
// §6); nil when it runs for real.
func (b *builder) staticResult(a *Action, runtime value.Value, at *value.Path) *StaticResult {
	setting := b.object(runtime.Member("staticResult"), at)
	if setting.IsAbsent() {
		return nil
	}
	name := b.text(setting.Member("name"), at.Key("name"))
	option := b.text(setting.Member("staticResultOptions"), at.Key("staticResultOptions"))
	results := b.object(b.src.Definition.Member("staticResults"), b.src.Path.Key("staticResults"))
	result, ok := results.Get(name)
	if !ok {
		b.fail(InvalidStaticResultName, at.Key("name"), "The static result '%s' of action '%s' is not defined in 'staticResults'.", name, a.Name)
		return nil
	}
	r := b.staticOutcome(name, result)
	if !strings.EqualFold(option, "Enabled") {
		return nil
	}
	return r
}

func (b *builder) staticOutcome(name string, result value.Value) *StaticResult {
	at := b.src.Path.Keys("staticResults", name)
	result = b.object(result, at)
	r := &StaticResult{Code: b.text(result.Member("code"), at.Key("code")), Outputs: result.Member("outputs"), Error: result.Member("error")}
	switch status := b.text(result.Member("status"), at.Key("status")); {
	case strings.EqualFold(status, string(Succeeded)):
		r.Status = Succeeded
		if !result.Has("outputs") {
			b.fail(InvalidStaticResults, at, "The static result '%s' succeeds and so needs 'outputs'.", name)
		}
	case strings.EqualFold(status, string(Failed)):
		r.Status = Failed
		if !result.Has("error") {
			b.fail(InvalidStaticResults, at, "The static result '%s' fails and so needs 'error'.", name)
		}
	default:
		b.fail(InvalidStaticResults, at.Key("status"), "The status of static result '%s' must be 'Succeeded' or 'Failed'.", name)
	}
	for key := range result.Members {
		if !slices.ContainsFunc([]string{"status", "code", "error", "outputs"}, func(k string) bool { return strings.EqualFold(k, key) }) {
			b.fail(InvalidStaticResults, at.Key(key), "A static result has no property '%s'.", key)
		}
	}
	return r
}

// checkStatic looks at the outputs of a mock once the type of its action is
// known: HTTP-like outputs need a status code as text, and headers.
func (b *builder) checkStatic(a *Action) {
	if a.Static == nil || a.Static.Status != Succeeded || !a.Spec.HTTPLike {
		return
	}
	setting := b.bodyOf[a].Member("runtimeConfiguration").Member("staticResult")
	at := b.src.Path.Keys("staticResults", setting.Member("name").Str(), "outputs")
	code, isText := a.Static.Outputs.Member("statusCode").AsString()
	if n, err := strconv.Atoi(code); !isText || err == nil && (n < 200 || n > 599) {
		b.fail(InvalidStaticResults, at, "The outputs of a static result for '%s' need 'statusCode': the name of a status or '200' to '599', as a string.", a.Type)
	}
	if a.Static.Outputs.Member("headers").Kind() != value.KindObject {
		b.fail(InvalidStaticResults, at, "The outputs of a static result for '%s' need 'headers'.", a.Type)
	}
}

// inputs compiles the inputs of an action whose type is known.
func (b *builder) inputs(a *Action, body value.Value, at *value.Path) {
	b.checkStatic(a)
	if a.Spec.Unavailable != "" && a.Static == nil {
		b.warn(NotAvailable, at.Key("type"), "The template action '%s' has the type '%s', which is not available here: %s. It fails when it is reached, unless it has a static result.", a.Name, a.Type, a.Spec.Unavailable)
	}
	if !body.Has("inputs") {
		if len(a.Spec.Required) > 0 {
			b.fail(PropertyNotSpecified, at, "The template action '%s' has no 'inputs'.", a.Name)
			return
		}
		b.required(a.Name, a.Spec, value.Value{}, at.Key("inputs"))
		return
	}
	at = at.Key("inputs")
	inputs := body.Member("inputs")
	b.required(a.Name, a.Spec, inputs, at)
	evaluated := inputs
	for _, member := range a.Spec.Deferred {
		evaluated = b.deferMember(a, member, evaluated, at)
	}
	for _, member := range a.Spec.Verbatim {
		evaluated = evaluated.Without(member)
	}
	if v, ok := evaluated.Get(a.Spec.Bare); ok && a.Spec.Bare != "" {
		a.Inputs = b.template(v, at.Key(a.Spec.Bare))
	} else {
		if a.Spec.Retries {
			evaluated = spelled(evaluated)
		}
		a.Inputs = b.template(evaluated, at)
	}
	if a.Spec.Reads != nil {
		for _, r := range a.Spec.Reads(inputs) {
			r.Path = at.Join(r.Path)
			a.Reads = append(a.Reads, r)
		}
	}
	a.Connection = b.connection("action '"+a.Name+"'", inputs, at)
	b.nested(a, inputs, at)
	b.retryPolicies(a.Spec, inputs, at)
}

// deferMember compiles a member that the operation evaluates itself, and returns
// the inputs without it. Members of the elements of an array are taken out one by
// one, so that what is beside them is evaluated with the rest.
func (b *builder) deferMember(a *Action, member string, inputs value.Value, at *value.Path) value.Value {
	list, inside, ofElements := strings.Cut(member, "[].")
	if !ofElements {
		v, ok := inputs.Get(member)
		if ok {
			b.keep(a, member, b.template(v, at.Key(member)))
		}
		return inputs.Without(member)
	}
	array := inputs.Member(list)
	if array.Kind() != value.KindArray {
		return inputs // nothing is there, or an expression gives the whole array
	}
	rest := make([]value.Value, 0, array.Len())
	for i, element := range array.Elements {
		if v, ok := element.Get(inside); ok {
			b.keep(a, fmt.Sprintf("%s[%d].%s", list, i, inside), b.template(v, at.Key(list).Index(i).Key(inside)))
			element = element.Without(inside)
		}
		rest = append(rest, element)
	}
	return inputs.With(list, value.Array(rest...))
}

func (b *builder) keep(a *Action, name string, t *expr.Template) {
	if a.Deferred == nil {
		a.Deferred = map[string]*expr.Template{}
	}
	a.Deferred[name] = t
}

// kind finds what an action does whose type leaves that to its kind.
func (b *builder) kind(a *Action, at *value.Path) {
	if a.Spec.Kinds == nil {
		return
	}
	names := make([]string, len(a.Spec.Kinds))
	for i, k := range a.Spec.Kinds {
		if strings.EqualFold(k.Name, a.Kind) {
			a.Kind, a.Spec.Required = k.Name, k.Required
			if k.Body != "" {
				b.keep(a, k.Name, b.template(value.String(k.Body), at.Key("kind")))
			}
			return
		}
		names[i] = k.Name
	}
	b.fail(cmp.Or(a.Spec.KindCode, InvalidTemplate), at.Key("kind"), "The kind '%s' of template action '%s' is not one of '%s', which are those of the type '%s'.%s",
		a.Kind, a.Name, strings.Join(names, ", "), a.Type, suggestion(a.Kind, names))
}

func (b *builder) required(name string, spec Spec, inputs value.Value, at *value.Path) {
	if spec.Check != nil {
		spec.Check(inputs, func(code string, inside *value.Path, message string) {
			b.fail(code, at.Join(inside), "%s", message)
		})
	}
	if len(spec.Required) == 0 {
		return
	}
	if inputs.Kind() != value.KindObject {
		if _, isExpression := inputs.AsString(); !isExpression || spec.needsDeferred() {
			b.fail(InvalidInput, at, "The inputs of '%s' must be an object.", name)
		}
		return // an expression may give the whole object at run time
	}
	for _, member := range spec.Required {
		if !inputs.Has(member) {
			b.fail(MissingInput, at, "The inputs of '%s' lack the property '%s'.", name, member)
		}
	}
}

// needsDeferred tells whether inputs must have a member that is evaluated for
// each item, which no expression can give: its result is not evaluated again.
func (s Spec) needsDeferred() bool {
	return slices.ContainsFunc(s.Required, func(member string) bool { return slices.Contains(s.Deferred, member) })
}
