package operation

import (
	"encoding/base64"
	"errors"
	"fmt"
	"mime"

	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation/xmltree"
	"github.com/latchwork/latchwork/shared/operation/xsd"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// Artifacts finds maps, schemas, partners and agreements by name. Its error is
// artifacts.ErrNotFound where there is none, and else says what is wrong.
type Artifacts interface {
	Lookup(kind artifacts.Kind, name string) (artifacts.Artifact, error)
}

// artifactMember is the member of inputs that names a kind of artifact.
var artifactMember = map[artifacts.Kind]string{artifacts.Map: "map", artifacts.Schema: "schema"}

// artifactName returns the name that inputs give: integrationAccount.map.name in
// Consumption, map.name in Standard.
func artifactName(inputs value.Value, kind artifacts.Kind) value.Value {
	member := artifactMember[kind]
	if name, ok := inputs.Member("integrationAccount").Member(member).Get("name"); ok {
		return name
	}
	return inputs.Member(member).Member("name")
}

// checkArtifact reports inputs that name no artifact.
func checkArtifact(kind artifacts.Kind) func(value.Value, definition.Report) {
	return func(inputs value.Value, report definition.Report) {
		if inputs.Kind() == value.KindObject && artifactName(inputs, kind).IsNull() {
			member := "integrationAccount." + artifactMember[kind] + ".name"
			report("WorkflowRunActionInputsMissingProperty", nil, fmt.Sprintf("The inputs are not valid: the property '%s' is missing.", member))
		}
	}
}

// findArtifact returns the artifact that the inputs of an action name.
func findArtifact(d Deps, c Call, kind artifacts.Kind) (artifacts.Artifact, *run.Outcome) {
	return lookUp(d, c, kind, artifactName(c.Inputs, kind).Str())
}

func lookUp(d Deps, c Call, kind artifacts.Kind, name string) (artifacts.Artifact, *run.Outcome) {
	fail := func(code, format string, args ...any) (artifacts.Artifact, *run.Outcome) {
		o := run.Fail("BadRequest", code, fmt.Sprintf(format, args...))
		return artifacts.Artifact{}, &o
	}
	if d.Artifacts == nil {
		return fail("IntegrationAccountNotFound", "The action '%s' needs the %s '%s', and no folder of artifacts is configured here.", c.Action, kind, name)
	}
	a, err := d.Artifacts.Lookup(kind, name)
	switch {
	case errors.Is(err, artifacts.ErrNotFound):
		return fail("IntegrationAccount"+string(kind)+"NotFound", "The %s '%s' of action '%s' is not found.", kind, name, c.Action)
	case err != nil:
		return fail("InvalidIntegrationAccount"+string(kind), "The %s '%s' of action '%s' cannot be used: %s.", kind, name, c.Action, err)
	}
	return a, nil
}

// schemas loads what a schema includes and imports.
func schemas(d Deps) xsd.Loader {
	return func(name string) (string, bool) {
		a, err := d.Artifacts.Lookup(artifacts.Schema, name)
		return decodeText(a.Content, ""), err == nil
	}
}

// xmlContent parses inputs.content.
func xmlContent(c Call) (*xmltree.Node, *run.Outcome) {
	text, failure := content(c)
	if failure != nil {
		return nil, failure
	}
	root, err := xmltree.Parse(text)
	if err != nil {
		o := run.Fail("BadRequest", "InvalidXml", fmt.Sprintf("The content of action '%s' is not valid XML.%s", c.Action, xmlPlace(err, c.Inputs.Marked())))
		return nil, &o
	}
	return root, nil
}

// content returns the text of inputs.content: text, or the bytes of an envelope
// decoded as its content type says.
func content(c Call) (string, *run.Outcome) {
	v := c.Inputs.Member("content")
	fail := func(code, format string, args ...any) (string, *run.Outcome) {
		o := run.Fail("BadRequest", code, fmt.Sprintf(format, args...))
		return "", &o
	}
	switch {
	case v.IsNull():
		return fail(definition.InvalidTemplate, "Unable to process template language expressions in action '%s' inputs: 'Required property 'content' expects a value but got null. Path ''.'.", c.Action)
	case v.Kind() == value.KindString:
		return v.Str(), nil
	case v.Has("$content") && v.Has("$content-type"):
		data, err := base64.StdEncoding.DecodeString(v.Member("$content").Str())
		if err != nil {
			return fail("InvalidContent", "The content of action '%s' cannot be used: %s.", c.Action, errBase64)
		}
		_, params, _ := mime.ParseMediaType(v.Member("$content-type").Str())
		return decodeText(data, params["charset"]), nil
	}
	return fail("InvalidContent", "The content of action '%s' is a JSON %s; text is expected.", c.Action, v.Kind())
}

// bodyOf is the outcome of an action whose outputs are a body. Whatever the body
// was made from, it may hold the same secrets.
func bodyOf(body value.Value, from ...value.Value) run.Outcome {
	for _, v := range from {
		body = body.Mark(v.Taint()...)
	}
	return run.Succeed("OK", value.Object(value.Member{Key: "body", Value: body}))
}
