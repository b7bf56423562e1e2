// Package liquid renders the Liquid templates of integration accounts: the
// dialect of DotLiquid, on a parser for Liquid.
//
// The parser is a library's. The tags and filters are not: those of the library
// read files, print types of Go, compute in floating point, and know no limits.
// Here an endless template ends with the context, and one that grows ends at a
// limit. A template sees its content, and nothing of the host.
package liquid

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/osteele/liquid/parser"
	"github.com/osteele/liquid/render"

	"github.com/latchwork/latchwork/shared/value"
)

const (
	// maxOutput is how much a template may write, and how large a text it may make.
	maxOutput = 32 << 20
	// maxItems is how long a list may get that a template makes.
	maxItems = 1 << 20
	// maxSteps bounds loops: one step is one iteration.
	maxSteps = 1 << 20
)

// Error is what is wrong with a template, or went wrong in it. Message may quote
// values.
type Error struct {
	Line    int // from 1; 0 unknown
	Message string
}

func (e *Error) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("Liquid error (line %d): %s", e.Line, e.Message)
	}
	return "Liquid error: " + e.Message
}

var (
	errOutput = errors.New("the template writes too much")
	errItems  = errors.New("a list gets too long")
	errSteps  = errors.New("the template takes too many steps")
)

// Render renders a template with content bound to the variable content. An error
// is an *Error, unless the context ended.
func Render(ctx context.Context, template string, content value.Value, now func() time.Time) (text string, err error) {
	s := &session{ctx: ctx, now: now, cycles: map[string]int{}}
	// The parser tells of some mistakes by a panic.
	defer func() {
		if r := recover(); r != nil {
			text, err = "", &Error{Message: "the template cannot be rendered"}
		}
		if ctx.Err() != nil {
			text, err = "", ctx.Err()
		}
	}()
	c := render.NewConfig()
	c.TemplateStore = noTemplates{}
	s.addTags(&c)
	s.addFilters(&c)
	node, failed := c.Compile(dialect(template), parser.SourceLoc{LineNo: 1})
	if failed != nil {
		return "", wrap(failed)
	}
	out := &bounded{}
	if failed := render.Render(node, out, map[string]any{"content": fromJSON(content)}, c); failed != nil {
		return "", wrap(failed)
	}
	return out.String(), nil
}

func wrap(failed parser.Error) error {
	message := failed.Error()
	if cause := failed.Cause(); cause != nil {
		message = cause.Error()
	} else if _, rest, ok := strings.Cut(message, "): "); ok {
		message = rest
	}
	if i := strings.LastIndex(message, " in {"); i >= 0 { // the text of the tag is in the template
		message = message[:i]
	}
	return &Error{Line: failed.LineNumber(), Message: message}
}

// session is one rendering.
type session struct {
	ctx    context.Context
	now    func() time.Time
	steps  int
	cycles map[string]int
}

// step counts an iteration of a loop.
func (s *session) step() error {
	if s.steps++; s.steps > maxSteps {
		return errSteps
	}
	return s.ctx.Err()
}

// bounded is a buffer that takes only so much.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxOutput {
		return 0, errOutput
	}
	return b.Builder.Write(p)
}

func (b *bounded) WriteString(s string) (int, error) { return b.Write([]byte(s)) }

// noTemplates refuses to include other templates: an integration account does not
// offer them to each other, and the library would read files of the host.
type noTemplates struct{}

func (noTemplates) ReadTemplate(string) ([]byte, error) {
	return nil, errors.New("other templates cannot be included")
}

// In DotLiquid the members of forloop are capitalised; the other spelling works
// as well.
var (
	tags    = regexp.MustCompile(`(?s)\{[{%].*?[%}]\}`)
	forloop = regexp.MustCompile(`\bforloop\.[A-Z]\w*`)
)

func dialect(template string) string {
	return tags.ReplaceAllStringFunc(template, func(tag string) string {
		return forloop.ReplaceAllStringFunc(tag, strings.ToLower)
	})
}
