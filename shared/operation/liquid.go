package operation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation/liquid"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Liquid", Required: []string{"content"},
		Verbatim: []string{"transformedContentSchema"}, // for the designer
		Check:    checkArtifact(artifacts.Map),
		KindCode: missingLiquidKind,
		Kinds:    []definition.Kind{{Name: "JsonToJson"}, {Name: "JsonToText"}, {Name: "XmlToJson"}, {Name: "XmlToText"}},
	},
	Doc: "Renders a Liquid template from the artifacts. The kind says what comes in and what goes out: JsonToJson, JsonToText, XmlToJson or XmlToText.",
	Run: runLiquid,
})

// liquidKinds tells of each kind whether XML comes in and JSON goes out.
var liquidKinds = map[string]struct{ fromXML, toJSON bool }{
	"JsonToJson": {false, true}, "JsonToText": {false, false}, "XmlToJson": {true, true}, "XmlToText": {true, false},
}

const (
	missingLiquidKind = "MissingLiquidActionKind"
	// liquidTime is how long a template may take; most take none.
	liquidTime = 30 * time.Second
)

func runLiquid(ctx context.Context, d Deps, c Call) run.Outcome {
	kind := liquidKinds[c.Kind]
	data, failure := liquidContent(c, kind.fromXML)
	if failure != nil {
		return *failure
	}
	a, failure := findArtifact(d, c, artifacts.Map)
	if failure != nil {
		return *failure
	}
	limited, cancel := context.WithTimeout(ctx, liquidTime)
	defer cancel()
	text, err := liquid.Render(limited, decodeText(a.Content, ""), data, time.Now)
	var wrong *liquid.Error
	switch {
	case errors.As(err, &wrong):
		return run.Fail("BadRequest", "TransformException", fmt.Sprintf("The Liquid template '%s' of action '%s' cannot be rendered. %s", a.Name, c.Action, describeLiquid(wrong, data.Marked())))
	case err != nil:
		return run.Fail("BadRequest", "TransformException", fmt.Sprintf("The Liquid template '%s' of action '%s' cannot be rendered: it takes too long.", a.Name, c.Action))
	case !kind.toJSON:
		return bodyOf(value.String(text), c.Inputs)
	}
	body, err := value.Parse([]byte(withoutTrailingCommas(text)))
	if err != nil {
		return run.Fail("BadRequest", "IncorrectLiquidTransformOutputType", "An error occurred while converting the transformed value to JSON. The transformed value is not a valid JSON."+jsonPlace(err))
	}
	return bodyOf(body, c.Inputs)
}

// describeLiquid leaves out what may quote a value that derives from a secret.
func describeLiquid(e *liquid.Error, secret bool) string {
	if !secret {
		return e.Error()
	}
	return (&liquid.Error{Line: e.Line, Message: "what it says is left out, because it may hold a secret"}).Error()
}

// jsonPlace names the line of a mistake, and none of the text around it.
func jsonPlace(err error) string {
	var e *value.SyntaxError
	if errors.As(err, &e) {
		return fmt.Sprintf(" Line %d, position %d.", e.Line, e.Column)
	}
	return ""
}

// liquidContent returns what the template sees as content. JSON may come as text.
func liquidContent(c Call, fromXML bool) (value.Value, *run.Outcome) {
	given := c.Inputs.Member("content")
	isText := given.Kind() == value.KindString || given.Has("$content") && given.Has("$content-type")
	if !fromXML && !isText && !given.IsNull() {
		return given, nil
	}
	text, failure := content(c)
	if failure != nil {
		return value.Value{}, failure
	}
	v, err := value.Value{}, error(nil)
	if fromXML {
		v, err = liquid.FromXML(text)
	} else {
		v, err = value.Parse([]byte(text))
	}
	if err != nil {
		what := "JSON"
		if fromXML {
			what = "XML"
		}
		o := run.Fail("BadRequest", "IncorrectLiquidTransformContent", fmt.Sprintf("The content of action '%s' is not valid %s.%s", c.Action, what, xmlPlace(err, given.Marked())))
		return value.Value{}, &o
	}
	return v.Mark(given.Taint()...), nil
}

// xmlPlace is what a parser says of a document. It may name elements.
func xmlPlace(err error, secret bool) string {
	if place := jsonPlace(err); place != "" || secret {
		return place
	}
	return " " + err.Error()
}

// withoutTrailingCommas drops a comma before the end of an array or object, which
// loops in templates like to leave and the product's parser accepts.
func withoutTrailingCommas(s string) string {
	var b strings.Builder
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			for i++; i < len(s) && s[i] != '"'; i++ {
				if s[i] == '\\' {
					i++
				}
			}
		case ',':
			rest := strings.TrimLeft(s[i+1:], " \t\r\n")
			if rest != "" && (rest[0] == ']' || rest[0] == '}') {
				b.WriteString(s[from:i])
				from = i + 1
			}
		}
	}
	return b.String() + s[from:]
}
