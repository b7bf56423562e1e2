package expr

import (
	"github.com/latchwork/latchwork/shared/value"
)

// ExampleContext is what the examples see, in the form of the context of a
// conformance file.
const ExampleContext = `{
  "parameters": {"region": "westeurope"},
  "variables": {"count": 3},
  "agentParameters": {"city": "Oslo"},
  "trigger": {"name": "manual", "status": "Succeeded", "outputs": {
    "headers": {"Content-Type": "multipart/form-data; boundary=x", "X-Id": "42"},
    "body": {"$content-type": "multipart/form-data; boundary=x", "$multipart": [
      {"headers": {"Content-Disposition": "form-data; name=\"text\""}, "body": "hello"},
      {"headers": {"Content-Disposition": "form-data; name=\"tag\""}, "body": "a"},
      {"headers": {"Content-Disposition": "form-data; name=\"tag\""}, "body": "b"}]}}},
  "actions": {
    "Get": {"name": "Get", "status": "Succeeded", "outputs": {"statusCode": 200, "body": {"value": ["a", "b"]}}},
    "Form": {"name": "Form", "status": "Succeeded", "outputs": {
      "headers": {"Content-Type": "application/x-www-form-urlencoded"},
      "body": {"$formdata": [{"key": "user", "value": "megan"}, {"key": "role", "value": "r1"}, {"key": "role", "value": "r2"}]}}},
    "Mail": {"name": "Mail", "status": "Succeeded", "outputs": {
      "headers": {"Content-Type": "multipart/mixed; boundary=y"}, "body": {"$multipart": [{"headers": {}, "body": "first"}]}}}
  },
  "item": {"id": 7},
  "items": {"For_each": {"id": 7}},
  "iterationIndexes": {"Until": 2},
  "results": {"Scope": [{"name": "Get", "status": "Succeeded"}]},
  "workflow": {"name": "orders", "run": {"name": "08584"}},
  "action": {"name": "Hook"},
  "callbackUrl": "https://localhost/callback"
}`

// Functions that read from the scope. Their names are resolved when they are
// evaluated; what they name is known at save time where it is a literal.
var _ = register(References,
	named("parameters(name string)", RefParameter, "The value of a workflow parameter.", Example{"@parameters('region')", `"westeurope"`}, func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.Parameter(name)
		return v, unless(ok, "The workflow parameter '%s' is not found.", name)
	}),
	named("variables(name string)", RefVariable, "The value of a variable.", Example{"@variables('Count')", `3`}, func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.Variable(name)
		return v, unless(ok, "Template language expression cannot be evaluated: the template variable '%s' cannot be found.", name)
	}),
	named("agentParameters(name string)", 0, "The value of a parameter of an agent loop.", Example{"@agentParameters('city')", `"Oslo"`}, func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.AgentParameter(name)
		return v, unless(ok, "The agent parameter '%s' is not found.", name)
	}),
	named("actions(action string)", RefAction, "The record of an action: its status, code, inputs, outputs and times.", Example{"@actions('Get')['status']", `"Succeeded"`}, action),
	named("outputs(action string)", RefAction, "The outputs of an action.", Example{"@outputs('Get')['statusCode']", `200`}, outputs("")),
	named("actionOutputs(action string)", RefAction, "The outputs of an action.", Example{"@actionOutputs('Get')['statusCode']", `200`}, outputs("")),
	named("body(action string)", RefAction, "The body in the outputs of an action.", Example{"@body('Get')?['value'][0]", `"a"`}, outputs("body")),
	named("actionBody(action string)", RefAction, "The body in the outputs of an action.", Example{"@actionBody('Get')?['value'][1]", `"b"`}, outputs("body")),
	named("items(loop string)", RefLoop, "The current item of an enclosing Foreach.", Example{"@items('For_each')?['id']", `7`}, func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.LoopItem(name)
		return v, unless(ok, "%s", here("items"))
	}),
	named("iterationIndexes(loop string)", RefIteration, "The index of the current iteration of an enclosing Until.", Example{"@iterationIndexes('Until')", `2`}, func(m *machine, name string) (value.Value, error) {
		i, ok := m.env.Scope.IterationIndex(name)
		return value.Int(i), unless(ok, "%s", here("iterationIndexes"))
	}),
	named("result(scope string)", RefResult, "The records of the actions directly inside a scope or loop.", Example{"@first(result('Scope'))['name']", `"Get"`}, func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.Result(name)
		return v, unless(ok, "%s", notAction(name))
	}),
	named("appsetting(name string)", 0, "An application setting; not available in Consumption.", Example{"@appsetting('x')", `error: is not expected at this location`}, func(*machine, string) (value.Value, error) {
		return value.Value{}, failure("%s", here("appsetting"))
	}),
	plain("trigger()", RefTrigger, "The record of the trigger.", Example{"@trigger()['name']", `"manual"`}, func(m *machine) (value.Value, bool) { return m.env.Scope.Trigger() }),
	plain("triggerOutputs()", RefTrigger, "The outputs of the trigger.", Example{"@triggerOutputs()['headers']['X-Id']", `"42"`}, func(m *machine) (value.Value, bool) { return m.triggerPart("") }),
	plain("triggerBody()", RefTrigger, "The body in the outputs of the trigger.", Example{"@triggerBody()?['$multipart'][0]['body']", `"hello"`}, func(m *machine) (value.Value, bool) { return m.triggerPart("body") }),
	plain("action()", RefSelf, "The record of this action.", Example{"@action()['name']", `"Hook"`}, func(m *machine) (value.Value, bool) { return m.env.Scope.Self() }),
	plain("item()", RefItem, "The current item of a Foreach, Select, Filter array or table.", Example{"@item()?['id']", `7`}, func(m *machine) (value.Value, bool) { return m.env.Scope.Item() }),
	plain("workflow()", RefWorkflow, "What is known of the workflow and its run.", Example{"@workflow()['run']['name']", `"08584"`}, func(m *machine) (value.Value, bool) { return m.env.Scope.Workflow() }),
	plain("listCallbackUrl()", RefCallback, "The URL that a webhook calls back.", Example{"@startsWith(listCallbackUrl(),'https://')", `true`}, func(m *machine) (value.Value, bool) { return m.env.Scope.CallbackURL() }),
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
func named(signature string, ref ReferenceKind, doc string, example Example, read func(*machine, string) (value.Value, error)) Function {
	return Function{Signature: signature, Doc: doc, Examples: []Example{example}, ref: ref, read: func(m *machine, n *node) (value.Value, error) {
		if n.named {
			return read(m, n.constant)
		}
		name, err := m.name(n)
		if err != nil {
			return value.Value{}, err
		}
		return read(m, name)
	}}
}

// name evaluates the first argument of a function that takes a name.
func (m *machine) name(n *node) (string, error) {
	if n.named {
		return n.constant, nil
	}
	v, err := m.eval(n.args[0])
	if err != nil {
		return "", err
	}
	s, ok := v.AsString()
	if !ok {
		return "", n.function.wrongType(0, stringType, v.Kind())
	}
	return s, nil
}

// plain makes a function without arguments.
func plain(signature string, ref ReferenceKind, doc string, example Example, read func(*machine) (value.Value, bool)) Function {
	return Function{Signature: signature, Doc: doc, Examples: []Example{example}, ref: ref, read: func(m *machine, n *node) (value.Value, error) {
		v, ok := read(m)
		return v, unless(ok, "%s", here(n.function.Name))
	}}
}

func action(m *machine, name string) (value.Value, error) {
	v, ok := m.env.Scope.Action(name)
	return v, unless(ok, "%s", notAction(name))
}

// outputs reads an action's outputs, or one member of them; what is missing is
// null.
func outputs(member string) func(*machine, string) (value.Value, error) {
	return func(m *machine, name string) (value.Value, error) {
		v, ok := m.env.Scope.Outputs(name, member)
		if !ok {
			return value.Value{}, failure("%s", notAction(name))
		}
		return orNull(v), nil
	}
}

func orNull(v value.Value) value.Value {
	if v.IsAbsent() {
		return value.Null()
	}
	return v
}

func (m *machine) triggerPart(member string) (value.Value, bool) {
	v, ok := m.env.Scope.TriggerOutputs()
	if member != "" {
		v = v.Member(member)
	}
	return orNull(v), ok
}
