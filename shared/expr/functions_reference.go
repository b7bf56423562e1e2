package expr

import (
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Functions that read from the scope. Their names are resolved when they are
// evaluated; what they name is known at save time where it is a literal.
var _ = register(
	named("parameters", RefParameter, "The value of a workflow parameter.", func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.Parameter(name)
		return v, unless(ok, "The workflow parameter '%s' is not found.", name)
	}),
	named("variables", RefVariable, "The value of a variable.", func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.Variable(name)
		return v, unless(ok, "Template language expression cannot be evaluated: the template variable '%s' cannot be found.", name)
	}),
	named("agentParameters", 0, "The value of a parameter of an agent loop.", func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.AgentParameter(name)
		return v, unless(ok, "The agent parameter '%s' is not found.", name)
	}),
	named("actions", RefAction, "The record of an action.", action),
	named("outputs", RefAction, "The outputs of an action.", part("outputs")),
	named("actionOutputs", RefAction, "The outputs of an action.", part("outputs")),
	named("body", RefAction, "The body in the outputs of an action.", part("outputs", "body")),
	named("actionBody", RefAction, "The body in the outputs of an action.", part("outputs", "body")),
	named("items", RefLoop, "The current item of an enclosing Foreach.", func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.LoopItem(name)
		return v, unless(ok, "%s", here("items"))
	}),
	named("iterationIndexes", RefIteration, "The index of the current iteration of an enclosing Until.", func(m *machine, name string) (value.Value, error) {
		i, ok := m.env.Scope.IterationIndex(name)
		return value.Int(i), unless(ok, "%s", here("iterationIndexes"))
	}),
	named("result", RefResult, "The records of the actions directly inside a scope or loop.", func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.Result(name)
		return v, unless(ok, "%s", notAction(name))
	}),
	named("appsetting", 0, "An application setting; not available in Consumption.", func(*machine, string) (value.Value, error) {
		return value.Value{}, failure("%s", here("appsetting"))
	}),
	plain("trigger", RefTrigger, "The record of the trigger.", func(m *machine) (value.Value, bool) { return m.env.Scope.Trigger() }),
	plain("triggerOutputs", RefTrigger, "The outputs of the trigger.", func(m *machine) (value.Value, bool) { return m.triggerPart("outputs") }),
	plain("triggerBody", RefTrigger, "The body in the outputs of the trigger.", func(m *machine) (value.Value, bool) { return m.triggerPart("outputs", "body") }),
	plain("action", RefSelf, "The record of this action.", func(m *machine) (value.Value, bool) { return m.env.Scope.Self() }),
	plain("item", RefItem, "The current item of a Foreach, Select, Filter array or table.", func(m *machine) (value.Value, bool) { return m.env.Scope.Item() }),
	plain("workflow", RefWorkflow, "What is known of the workflow and its run.", func(m *machine) (value.Value, bool) { return m.env.Scope.Workflow() }),
	plain("listCallbackUrl", RefCallback, "The URL that a webhook calls back.", func(m *machine) (value.Value, bool) { return m.env.Scope.CallbackURL() }),
)

func here(name string) string {
	return "The template function '" + name + "' is not expected at this location."
}

func notAction(name string) string {
	return "Template language expression cannot be evaluated: the template action '" + name + "' is not defined at current scope."
}

func unless(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return failure(format, args...)
}

// named makes a function whose one argument is a name.
func named(name string, ref ReferenceKind, doc string, read func(*machine, string) (value.Value, error)) Function {
	return Function{Name: name, Min: 1, Max: 1, Doc: doc, ref: ref, read: func(m *machine, n *node) (value.Value, error) {
		if n.named {
			return read(m, n.constant)
		}
		v, err := m.eval(n.args[0])
		if err != nil {
			return value.Value{}, err
		}
		s, ok := v.AsString()
		if !ok {
			return value.Value{}, wantString(name, v)
		}
		return read(m, s)
	}}
}

// plain makes a function without arguments.
func plain(name string, ref ReferenceKind, doc string, read func(*machine) (value.Value, bool)) Function {
	return Function{Name: name, Doc: doc, ref: ref, read: func(m *machine, _ *node) (value.Value, error) {
		v, ok := read(m)
		return v, unless(ok, "%s", here(name))
	}}
}

func action(m *machine, name string) (value.Value, error) {
	v, ok := m.env.Scope.Action(name)
	return v, unless(ok, "%s", notAction(name))
}

// part reads a member of an action's record; what is missing is null.
func part(path ...string) func(*machine, string) (value.Value, error) {
	return func(m *machine, name string) (value.Value, error) {
		v, err := action(m, name)
		return walk(v, path), err
	}
}

func walk(v value.Value, path []string) value.Value {
	for _, key := range path {
		v = v.Member(key)
	}
	if v.IsAbsent() {
		return value.Null()
	}
	return v
}

func (m *machine) triggerPart(path ...string) (value.Value, bool) {
	v, ok := m.env.Scope.Trigger()
	return walk(v, path), ok
}

// Forms and multipart bodies decide by the Content-Type header of the outputs
// (expressions §11).
var _ = register(
	form("formDataValue", true, false), form("formDataMultiValues", true, true),
	form("triggerFormDataValue", false, false), form("triggerFormDataMultiValues", false, true),
	multipart("multipartBody", true), multipart("triggerMultipartBody", false),
)

func form(name string, ofAction, many bool) Function {
	doc := "The value of a form field."
	if many {
		doc = "All values of a form field, as an array."
	}
	f := Function{Name: name, Min: 1, Max: 1, Doc: doc, ref: RefTrigger}
	if ofAction {
		f.Min, f.Max, f.ref = 2, 2, RefAction
	}
	f.read = func(m *machine, n *node) (value.Value, error) {
		outputs, rest, err := m.outputsOf(name, ofAction, n)
		if err != nil {
			return value.Value{}, err
		}
		key, ok := rest.AsString()
		if !ok {
			return value.Value{}, wantString(name, rest)
		}
		found, err := formFields(name, outputs, key)
		switch {
		case err != nil:
			return value.Value{}, err
		case many:
			return value.Array(found...), nil
		case len(found) == 0:
			return value.Null(), nil
		case len(found) > 1:
			return value.Value{}, failure("The template language function '%s' failed to retrieve formdata contents from outputs. There are more than one items matching the field name '%s'.", name, key)
		}
		return found[0], nil
	}
	return f
}

// outputsOf evaluates the arguments of a form or multipart function: the outputs
// meant, and the last argument.
func (m *machine) outputsOf(function string, ofAction bool, n *node) (outputs, last value.Value, err error) {
	if last, err = m.eval(n.args[len(n.args)-1]); err != nil {
		return
	}
	if !ofAction {
		outputs, _ = m.triggerPart("outputs")
		return
	}
	name, err := m.eval(n.args[0])
	if err != nil {
		return
	}
	s, ok := name.AsString()
	if !ok {
		return outputs, last, wantString(function, name)
	}
	record, err := action(m, s)
	return walk(record, []string{"outputs"}), last, err
}

func contentType(outputs value.Value) string {
	return strings.ToLower(outputs.Member("headers").Member("Content-Type").Str())
}

func formFields(name string, outputs value.Value, key string) ([]value.Value, error) {
	found := []value.Value{}
	switch ct := contentType(outputs); {
	case strings.HasPrefix(ct, "application/x-www-form-urlencoded"):
		for _, pair := range outputs.Member("body").Member("$formdata").Elements {
			if pair.Member("key").Str() == key {
				found = append(found, pair.Member("value"))
			}
		}
	case strings.HasPrefix(ct, "multipart/form-data"):
		for _, p := range outputs.Member("body").Member("$multipart").Elements {
			if dispositionName(p.Member("headers").Member("Content-Disposition").Str()) == key {
				found = append(found, p.Member("body"))
			}
		}
	default:
		shown := outputs.Member("headers").Member("Content-Type").Str()
		if shown == "" {
			shown = "<null>"
		}
		return nil, failure("The template language function '%s' failed to retrieve formdata contents from outputs. The output content is not a valid form data content. Supported form data content types are 'multipart/form-data' and 'application/x-www-form-urlencoded' and the provided content type is '%s'.", name, shown)
	}
	return found, nil
}

func dispositionName(header string) string {
	for part := range strings.SplitSeq(header, ";") {
		if name, ok := strings.CutPrefix(strings.TrimSpace(part), "name="); ok {
			return strings.Trim(name, `"`)
		}
	}
	return ""
}

func multipart(name string, ofAction bool) Function {
	f := Function{Name: name, Min: 1, Max: 1, Doc: "The body of one part of a multipart body, counted from 0.", ref: RefTrigger}
	if ofAction {
		f.Min, f.Max, f.ref = 2, 2, RefAction
	}
	f.read = func(m *machine, n *node) (value.Value, error) {
		outputs, last, err := m.outputsOf(name, ofAction, n)
		if err != nil {
			return value.Value{}, err
		}
		parts := outputs.Member("body").Member("$multipart")
		i, ok := last.AsInt()
		switch {
		case !strings.HasPrefix(contentType(outputs), "multipart/"):
			return value.Value{}, failure("The template language function '%s' failed to retrieve multipart contents from outputs. The supported multipart content type is 'multipart/*' and the provided content type is '%s'.", name, outputs.Member("headers").Member("Content-Type").Str())
		case !ok || i < 0 || i >= int64(parts.Len()):
			return value.Value{}, failure("The template language function '%s' failed to retrieve multipart contents from outputs. The index value '%s' exceeds the number of multipart contents '%d' in the outputs.", name, TextOf(last), parts.Len())
		}
		return parts.At(int(i)).Member("body"), nil
	}
	return f
}
