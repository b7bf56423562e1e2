package operation

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{Type: "IntegrationAccountArtifactLookup", Required: []string{"artifactType", "artifactName"}, Check: checkLookup},
	Doc:  "Reads a schema, map, partner or agreement from the artifacts: its name, its properties, and its content as body.",
	Run:  lookUpArtifact,
})

func checkLookup(inputs value.Value, report definition.Report) {
	text, ok := inputs.Member("artifactType").AsString()
	if _, known := artifactKind(text); ok && !known && !strings.Contains(text, "@") {
		report(definition.InvalidInput, (*value.Path)(nil).Key("artifactType"), wrongArtifactType(text))
	}
}

func artifactKind(text string) (artifacts.Kind, bool) {
	for _, kind := range artifacts.Kinds {
		if strings.EqualFold(text, string(kind)) {
			return kind, true
		}
	}
	return "", false
}

func wrongArtifactType(text string) string {
	return fmt.Sprintf("The artifact type '%s' must be one of 'Schema, Map, Partner, Agreement'.", text)
}

func lookUpArtifact(_ context.Context, d Deps, c Call) run.Outcome {
	kind, ok := artifactKind(c.Inputs.Member("artifactType").Str())
	if !ok {
		return run.Fail("BadRequest", definition.InvalidInput, wrongArtifactType(c.Inputs.Member("artifactType").Str()))
	}
	a, failure := lookUp(d, c, kind, c.Inputs.Member("artifactName").Str())
	if failure != nil {
		return *failure
	}
	properties, body, err := describeArtifact(a)
	if err != nil {
		return run.Fail("BadRequest", "InvalidIntegrationAccount"+string(kind), fmt.Sprintf("The %s '%s' of action '%s' is not valid JSON.%s", kind, a.Name, c.Action, jsonPlace(err)))
	}
	return run.Succeed("OK", value.Object(value.Member{Key: "name", Value: value.String(a.Name)},
		value.Member{Key: "properties", Value: properties}, value.Member{Key: "body", Value: body}))
}

// describeArtifact returns the properties of an artifact and its content. The file
// of a partner or agreement is its resource, or the properties of that.
func describeArtifact(a artifacts.Artifact) (properties, body value.Value, err error) {
	text := func(key, s string) value.Member { return value.Member{Key: key, Value: value.String(s)} }
	const xmlType = "application/xml"
	switch {
	case a.Kind == artifacts.Schema:
		return value.Object(text("schemaType", "Xml"), text("contentType", xmlType)), envelope(xmlType, a.Content), nil
	case a.Extension == ".liquid":
		return value.Object(text("mapType", "Liquid"), text("contentType", "text/plain")), value.String(decodeText(a.Content, "")), nil
	case a.Kind == artifacts.Map:
		return value.Object(text("mapType", "Xslt"), text("contentType", xmlType)), envelope(xmlType, a.Content), nil
	}
	resource, err := value.Parse([]byte(decodeText(a.Content, "")))
	if err != nil {
		return value.Value{}, value.Value{}, err
	}
	if inner, ok := resource.Get("properties"); ok {
		resource = inner
	}
	return resource, resource.Member("content"), nil
}
