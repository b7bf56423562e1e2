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
	named("parameters(name string)", RefParameter, "The value of a workflow parameter.", Example{"@parameters('region')", `"westeurope"`},
		func(s Scope, name string) (value.Value, bool) { return s.Parameter(name) }, func(name string) string {
			return "The workflow parameter '" + name + "' is not found."
		}),
	named("variables(name string)", RefVariable, "The value of a variable.", Example{"@variables('Count')", `3`},
		func(s Scope, name string) (value.Value, bool) { return s.Variable(name) }, func(name string) string {
			return "Template language expression cannot be evaluated: the template variable '" + name + "' cannot be found."
		}),
	named("agentParameters(name string)", 0, "The value of a parameter of an agent loop.", Example{"@agentParameters('city')", `"Oslo"`},
		func(s Scope, name string) (value.Value, bool) { return s.AgentParameter(name) }, func(name string) string {
			return "The agent parameter '" + name + "' is not found."
		}),
	named("actions(action string)", RefAction, "The record of an action: its status, code, inputs, outputs and times.", Example{"@actions('Get')['status']", `"Succeeded"`},
		func(s Scope, name string) (value.Value, bool) { return s.Action(name) }, notAction),
	named("outputs(action string)", RefAction, "The outputs of an action.", Example{"@outputs('Get')['statusCode']", `200`}, outputs, notAction),
	named("actionOutputs(action string)", RefAction, "The outputs of an action.", Example{"@actionOutputs('Get')['statusCode']", `200`}, outputs, notAction),
	named("body(action string)", RefAction, "The body in the outputs of an action.", Example{"@body('Get')?['value'][0]", `"a"`}, body, notAction),
	named("actionBody(action string)", RefAction, "The body in the outputs of an action.", Example{"@actionBody('Get')?['value'][1]", `"b"`}, body, notAction),
	named("items(loop string)", RefLoop, "The current item of an enclosing Foreach.", Example{"@items('For_each')?['id']", `7`},
		func(s Scope, name string) (value.Value, bool) { return s.LoopItem(name) }, func(string) string { return here("items") }),
	named("iterationIndexes(loop string)", RefIteration, "The index of the current iteration of an enclosing Until.", Example{"@iterationIndexes('Until')", `2`},
		func(s Scope, name string) (value.Value, bool) {
			i, ok := s.IterationIndex(name)
			return value.Int(i), ok
		}, func(string) string { return here("iterationIndexes") }),
	named("result(scope string)", RefResult, "The records of the actions directly inside a scope or loop.", Example{"@first(result('Scope'))['name']", `"Get"`},
		func(s Scope, name string) (value.Value, bool) { return s.Result(name) }, notAction),
	named("appsetting(name string)", 0, "An application setting; not available in Consumption.", Example{"@appsetting('x')", `error: is not expected at this location`},
		func(Scope, string) (value.Value, bool) { return value.Value{}, false }, func(string) string { return here("appsetting") }),
	plain("trigger()", RefTrigger, "The record of the trigger.", Example{"@trigger()['name']", `"manual"`}, Scope.Trigger),
	plain("triggerOutputs()", RefTrigger, "The outputs of the trigger.", Example{"@triggerOutputs()['headers']['X-Id']", `"42"`}, func(s Scope) (value.Value, bool) {
		v, ok := s.TriggerOutputs()
		return orNull(v), ok
	}),
	plain("triggerBody()", RefTrigger, "The body in the outputs of the trigger.", Example{"@triggerBody()?['$multipart'][0]['body']", `"hello"`}, func(s Scope) (value.Value, bool) {
		v, ok := s.TriggerOutputs()
		return orNull(v.Member("body")), ok
	}),
	plain("action()", RefSelf, "The record of this action.", Example{"@action()['name']", `"Hook"`}, Scope.Self),
	plain("item()", RefItem, "The current item of a Foreach, Select, Filter array or table.", Example{"@item()?['id']", `7`}, Scope.Item),
	plain("workflow()", RefWorkflow, "What is known of the workflow and its run.", Example{"@workflow()['run']['name']", `"08584"`}, Scope.Workflow),
	plain("listCallbackUrl()", RefCallback, "The URL that a webhook calls back.", Example{"@startsWith(listCallbackUrl(),'https://')", `true`}, Scope.CallbackURL),
)

func here(name string) string {
	return "The template function '" + name + "' is not expected at this location."
}

func notAction(name string) string {
	return "Template language expression cannot be evaluated: the template action '" + name + "' is not defined at current scope."
}

// named makes a function whose one argument is a name. Most are found: the text of
// the error is only made when it is needed.
func named(signature string, ref ReferenceKind, doc string, example Example, read func(s Scope, name string) (value.Value, bool), missing func(name string) string) Function {
	return Function{Signature: signature, Doc: doc, Examples: []Example{example}, ref: ref, read: func(m *machine, n *node) (value.Value, error) {
		if n.named {
			v, ok := read(m.env.Scope, n.constant)
			if !ok {
				return value.Value{}, failure("%s", missing(n.constant))
			}
			return v, nil
		}
		name, err := m.name(n)
		if err != nil {
			return value.Value{}, err
		}
		v, ok := read(m.env.Scope, name.Str())
		if !ok {
			return value.Value{}, failure("%s", missing(shown(name)))
		}
		return v.Mark(name.Origins()...), nil
	}}
}

// name evaluates the first argument of a function that takes a name.
func (m *machine) name(n *node) (value.Value, error) {
	v, err := m.eval(n.args[0])
	if err == nil && v.Kind() != value.KindString {
		err = n.function.wrongType(0, stringType, v.Kind())
	}
	return v, err
}

// shown is how the message of an error quotes a value.
func shown(v value.Value) string {
	if v.Marked() {
		return value.Redacted
	}
	return TextOf(v)
}

// plain makes a function without arguments.
func plain(signature string, ref ReferenceKind, doc string, example Example, read func(s Scope) (value.Value, bool)) Function {
	return Function{Signature: signature, Doc: doc, Examples: []Example{example}, ref: ref, read: func(m *machine, n *node) (value.Value, error) {
		v, ok := read(m.env.Scope)
		if !ok {
			return value.Value{}, failure("%s", here(n.function.Name))
		}
		return v, nil
	}}
}

// outputs and body read an action's outputs, or one member of them; what is missing
// is null.
func outputs(s Scope, name string) (value.Value, bool) {
	v, ok := s.Outputs(name, "")
	return orNull(v), ok
}

func body(s Scope, name string) (value.Value, bool) {
	v, ok := s.Outputs(name, "body")
	return orNull(v), ok
}

func orNull(v value.Value) value.Value {
	if v.IsAbsent() {
		return value.Null()
	}
	return v
}
