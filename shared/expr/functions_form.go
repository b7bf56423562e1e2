package expr

import (
	"mime"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// Forms and multipart bodies decide by the Content-Type header of the outputs
// (expressions §11).
var _ = register(Forms,
	form("formDataValue(action string, field string)", "The value of a field in a form that an action received; null without one.", Example{"@formDataValue('Form','user')", `"megan"`}, one),
	form("formDataMultiValues(action string, field string)", "All values of a field in a form that an action received.", Example{"@formDataMultiValues('Form','role')", `["r1","r2"]`}, all),
	form("triggerFormDataValue(field string)", "The value of a field in the form that the trigger received; null without one.", Example{"@triggerFormDataValue('text')", `"hello"`}, one),
	form("triggerFormDataMultiValues(field string)", "All values of a field in the form that the trigger received.", Example{"@triggerFormDataMultiValues('tag')", `["a","b"]`}, all),
	multipart("multipartBody(action string, index integer)", "The body of one part, counted from 0, of a multipart body that an action received.", Example{"@multipartBody('Mail',0)", `"first"`}),
	multipart("triggerMultipartBody(index integer)", "The body of one part, counted from 0, of the multipart body that the trigger received.", Example{"@triggerMultipartBody(2)", `"b"`}),
)

// outputsOf evaluates the arguments of a form or multipart function: the outputs
// meant, and the last argument.
func (m *machine) outputsOf(n *node) (outputs, last value.Value, err error) {
	f := n.function
	if f.ref == RefAction {
		name, err := m.name(n)
		if err != nil {
			return outputs, last, err
		}
		var ok bool
		if outputs, ok = m.env.Scope.Outputs(name.Str(), ""); !ok {
			return outputs, last, failure("%s", notAction(shown(name)))
		}
	} else {
		outputs, _ = m.env.Scope.TriggerOutputs()
	}
	at := len(n.args) - 1
	if last, err = m.eval(n.args[at]); err != nil {
		return outputs, last, err
	}
	if t := f.params[at].typ; !fits(t, last.Kind()) {
		return outputs, last, f.wrongType(at, t, last.Kind())
	}
	return outputs, last, nil
}

// ofAction tells by its signature whether a function reads an action's outputs.
func ofAction(signature string) ReferenceKind {
	if strings.Contains(signature, "action string") {
		return RefAction
	}
	return RefTrigger
}

// form makes a function of fields; give turns what was found into its result.
func form(signature, doc string, example Example, give func(n *node, field string, found []value.Value) (value.Value, error)) Function {
	return Function{Signature: signature, Doc: doc, Examples: []Example{example}, ref: ofAction(signature), read: func(m *machine, n *node) (value.Value, error) {
		outputs, field, err := m.outputsOf(n)
		if err != nil {
			return value.Value{}, err
		}
		found, ok := fields(outputs, field.Str())
		if !ok {
			return value.Value{}, failure("The template language function '%s' failed to retrieve formdata contents from outputs. The output content is not a valid form data content. Supported form data content types are 'multipart/form-data' and 'application/x-www-form-urlencoded' and the provided content type is '%s'.",
				n.function.Name, shownType(outputs))
		}
		v, err := give(n, shown(field), found)
		return v.Mark(field.Origins()...), err
	}}
}

func one(n *node, field string, found []value.Value) (value.Value, error) {
	switch len(found) {
	case 0:
		return value.Null(), nil
	case 1:
		return found[0], nil
	}
	return value.Value{}, failure("The template language function '%s' failed to retrieve formdata contents from outputs. There are more than one items matching the field name '%s'.", n.function.Name, field)
}

func all(_ *node, _ string, found []value.Value) (value.Value, error) {
	return value.Array(found...), nil
}

// fields finds the values of a field; false means that the outputs hold no form.
// The fields of a form are in $formdata, or they are parts that have a name.
func fields(outputs value.Value, field string) ([]value.Value, bool) {
	ct := contentType(outputs)
	if !strings.HasPrefix(ct, "application/x-www-form-urlencoded") && !strings.HasPrefix(ct, "multipart/form-data") {
		return nil, false
	}
	found := []value.Value{}
	body := outputs.Member("body")
	for _, pair := range body.Member("$formdata").Elements {
		if pair.Member("key").Str() == field {
			found = append(found, pair.Member("value"))
		}
	}
	if body.Has("$formdata") {
		return found, true
	}
	for _, p := range body.Member("$multipart").Elements {
		if dispositionName(p.Member("headers").Member("Content-Disposition").Str()) == field {
			found = append(found, p.Member("body"))
		}
	}
	return found, true
}

func contentType(outputs value.Value) string {
	return strings.ToLower(outputs.Member("headers").Member("Content-Type").Str())
}

func shownType(outputs value.Value) string {
	if shown := outputs.Member("headers").Member("Content-Type").Str(); shown != "" {
		return shown
	}
	return "<null>"
}

// dispositionName is the name parameter of a Content-Disposition header.
func dispositionName(header string) string {
	_, parameters, err := mime.ParseMediaType(header)
	if err != nil {
		return ""
	}
	return parameters["name"]
}

func multipart(signature, doc string, example Example) Function {
	return Function{Signature: signature, Doc: doc, Examples: []Example{example}, ref: ofAction(signature), read: func(m *machine, n *node) (value.Value, error) {
		outputs, index, err := m.outputsOf(n)
		if err != nil {
			return value.Value{}, err
		}
		if !strings.HasPrefix(contentType(outputs), "multipart/") {
			return value.Value{}, failure("The template language function '%s' failed to retrieve multipart contents from outputs. The supported multipart content type is 'multipart/*' and the provided content type is '%s'.", n.function.Name, shownType(outputs))
		}
		parts := outputs.Member("body").Member("$multipart")
		i, _ := index.AsInt()
		if i < 0 || i >= int64(parts.Len()) {
			return value.Value{}, failure("The template language function '%s' failed to retrieve multipart contents from outputs. The index value '%d' exceeds the number of multipart contents '%d' in the outputs.", n.function.Name, i, parts.Len())
		}
		return parts.At(int(i)).Member("body"), nil
	}}
}
