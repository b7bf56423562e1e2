package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation/flatfile"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{Type: "FlatFileDecoding", Required: []string{"content"}, Check: checkArtifact(artifacts.Schema)},
	Doc:  "Turns a flat file into XML, as a flat-file schema from the artifacts says.",
	Run:  decodeFlatFile,
})

var _ = register(Operation{
	Spec: definition.Spec{Type: "FlatFileEncoding", Required: []string{"content"}, Check: checkFlatFileEncoding},
	Doc:  "Turns XML into a flat file, as a flat-file schema from the artifacts says. Line ends in values are normalized, as XML parsers do.",
	Run:  encodeFlatFile,
})

const emptyNodes = "emptyNodeGenerationMode"

func checkFlatFileEncoding(inputs value.Value, report definition.Report) {
	checkArtifact(artifacts.Schema)(inputs, report)
	mode, ok := inputs.Member(emptyNodes).AsString()
	if _, err := emptyNodeMode(mode); ok && err != nil && !strings.Contains(mode, "@") {
		report(definition.InvalidInput, (*value.Path)(nil).Key(emptyNodes), err.Error())
	}
}

func emptyNodeMode(text string) (flatfile.EmptyNodes, error) {
	for _, mode := range []flatfile.EmptyNodes{flatfile.ForcedDisabled, flatfile.HonorSchema, flatfile.ForcedEnabled} {
		if strings.EqualFold(text, string(mode)) {
			return mode, nil
		}
	}
	if text == "" {
		return flatfile.ForcedDisabled, nil
	}
	return "", fmt.Errorf("the '%s' must be one of 'ForcedDisabled, HonorSchemaNodeProperty, ForcedEnabled'", emptyNodes)
}

// flatFileSchema compiles the schema that the inputs name.
func flatFileSchema(d Deps, c Call) (*flatfile.Schema, *run.Outcome) {
	a, failure := findArtifact(d, c, artifacts.Schema)
	if failure != nil {
		return nil, failure
	}
	s, err := flatfile.Compile(a.Name+a.Extension, decodeText(a.Content, ""), schemas(d))
	if err != nil {
		o := run.Fail("BadRequest", "InvalidFlatFileSchema", fmt.Sprintf("The schema '%s' of action '%s' cannot be used for flat files: %s.", a.Name, c.Action, strings.TrimSuffix(err.Error(), ".")))
		return nil, &o
	}
	return s, nil
}

func decodeFlatFile(ctx context.Context, d Deps, c Call) run.Outcome {
	text, failure := content(c)
	if failure != nil {
		return *failure
	}
	s, failure := flatFileSchema(d, c)
	if failure != nil {
		return *failure
	}
	document, err := s.Decode(ctx, text)
	if err != nil {
		return flatFileFailure(c, "FlatFileDecodingFailed", "decoded", err)
	}
	return bodyOf(envelope("application/xml; charset=utf-8", []byte(document)), c.Inputs)
}

func encodeFlatFile(ctx context.Context, d Deps, c Call) run.Outcome {
	mode, err := emptyNodeMode(c.Inputs.Member(emptyNodes).Str())
	if err != nil {
		return run.Fail("BadRequest", definition.InvalidInput, fmt.Sprintf("The inputs of action '%s' are not valid: %s.", c.Action, err))
	}
	root, failure := xmlContent(c)
	if failure != nil {
		return *failure
	}
	s, failure := flatFileSchema(d, c)
	if failure != nil {
		return *failure
	}
	text, err := s.Encode(ctx, root, mode)
	if err != nil {
		return flatFileFailure(c, "FlatFileEncodingFailed", "encoded", err)
	}
	return bodyOf(value.String(text), c.Inputs)
}

// flatFileFailure says what is wrong with the data. Offsets and names are no
// secrets; values are not quoted.
func flatFileFailure(c Call, code, what string, err error) run.Outcome {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		o := run.Fail("InternalServerError", "InternalServerError", fmt.Sprintf("The action '%s' was interrupted.", c.Action))
		o.Retry = true
		return o
	}
	return run.Fail("BadRequest", code, fmt.Sprintf("The content of action '%s' cannot be %s. %s", c.Action, what, err))
}
