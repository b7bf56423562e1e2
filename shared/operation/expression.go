package operation

import (
	"context"
	"fmt"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/expr/zone"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

const convertTimeZone = "ConvertTimeZone"

// The kinds are the functions of the same name (actions §6), so that an action and
// an expression never differ. int() accepts an interval that is written as text.
var _ = register(Operation{
	Spec: definition.Spec{
		Type: "Expression", Inline: true,
		Kinds: []definition.Kind{
			{Name: "CurrentTime", Body: "@utcNow()"},
			{Name: "GetFutureTime", Required: []string{"interval", "timeUnit"}, Body: "@getFutureTime(int(item()['interval']),item()['timeUnit'])"},
			{Name: "GetPastTime", Required: []string{"interval", "timeUnit"}, Body: "@getPastTime(int(item()['interval']),item()['timeUnit'])"},
			{Name: "AddToTime", Required: []string{"baseTime", "interval", "timeUnit"}, Body: "@addToTime(item()['baseTime'],int(item()['interval']),item()['timeUnit'])"},
			{Name: "SubtractFromTime", Required: []string{"baseTime", "interval", "timeUnit"}, Body: "@subtractFromTime(item()['baseTime'],int(item()['interval']),item()['timeUnit'])"},
			{Name: convertTimeZone, Required: []string{"baseTime", "destinationTimeZone"},
				Body: "@convertTimeZone(item()['baseTime'],item()['sourceTimeZone'],item()['destinationTimeZone'],coalesce(item()?['formatString'],''))"},
		},
	},
	Doc: "Computes with times. The kind says what: CurrentTime, GetFutureTime, GetPastTime, AddToTime, SubtractFromTime or ConvertTimeZone.",
	Examples: []Example{
		{Kind: "CurrentTime", Inputs: `{}`, Want: `{"body":"2026-01-15T12:00:00.0000000Z"}`},
		{Kind: "GetFutureTime", Inputs: `{"interval":1,"timeUnit":"Month"}`, Want: `{"body":"2026-02-15T12:00:00.0000000Z"}`},
		{Kind: "GetPastTime", Inputs: `{"interval":14,"timeUnit":"Day"}`, Want: `{"body":"2026-01-01T12:00:00.0000000Z"}`},
		{Kind: "AddToTime", Inputs: `{"baseTime":"2026-01-31T08:00:00Z","interval":1,"timeUnit":"Month"}`, Want: `{"body":"2026-02-28T08:00:00.0000000Z"}`},
		{Kind: "SubtractFromTime", Inputs: `{"baseTime":"2026-01-01","interval":"7","timeUnit":"Day"}`, Want: `{"body":"2025-12-25T00:00:00.0000000"}`},
		{Kind: convertTimeZone, Inputs: `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":"UTC","destinationTimeZone":"W. Europe Standard Time","formatString":"HH:mm"}`, Want: `{"body":"14:00"}`},
		{Kind: convertTimeZone, Inputs: `{"baseTime":"2026-07-01T12:00:00Z","sourceTimeZone":"Tokyo Standard Time","destinationTimeZone":"UTC"}`,
			Want: `{"code":"ConflictingSourceTimeZone","message":"The base time of action 'example' has another offset from UTC than the source time zone 'Tokyo Standard Time'."}`},
	},
	Run: timeExpression,
})

func timeExpression(_ context.Context, _ Deps, c Call) run.Outcome {
	var kind string
	var template *expr.Template
	for kind, template = range c.Deferred { // the one that its kind gives it
	}
	inputs := c.Inputs
	if kind == convertTimeZone {
		var failure *run.Outcome
		if inputs, failure = c.sourceZone(); failure != nil {
			return *failure
		}
	}
	v, err := template.Evaluate(c.scope(inputs))
	if err != nil {
		return c.templateFailure(err)
	}
	return run.Succeed("OK", bodyOutputs(v))
}

// sourceZone returns the inputs with the zone that the base time is from. A base
// time may say itself how far it is from UTC; the source time zone must not say
// otherwise, and may then be missing.
func (c Call) sourceZone() (value.Value, *run.Outcome) {
	fail := func(code, format string, args ...any) (value.Value, *run.Outcome) {
		o := run.Fail("BadRequest", code, fmt.Sprintf("The "+format+".", args...))
		return value.Value{}, &o
	}
	base, source := c.Inputs.Member("baseTime"), c.Inputs.Member("sourceTimeZone")
	t, ok := dotnet.ParseTime(base.Str(), culture.EnUS(), nil)
	if source.IsNull() || source.Str() == "" && source.Kind() == value.KindString {
		if ok && t.Kind == dotnet.Unspecified {
			return fail("MissingSourceTimeZone", "base time of action '%s' has no offset from UTC, and no source time zone is given", c.Action)
		}
		return c.Inputs.With("sourceTimeZone", value.String("UTC")), nil
	}
	shown := source.Str()
	if source.Marked() {
		shown = value.Redacted
	}
	location, known := zone.Lookup(source.Str())
	if !known {
		return fail("InvalidSourceTimeZone", "source time zone '%s' of action '%s' is not valid", shown, c.Action)
	}
	if !ok || t.Kind == dotnet.Unspecified {
		return c.Inputs, nil // the function tells what is wrong with a time
	}
	if _, offset := t.Clock().In(location).Zone(); int64(offset) != statedOffset(base.Str(), t) {
		return fail("ConflictingSourceTimeZone", "base time of action '%s' has another offset from UTC than the source time zone '%s'", c.Action, shown)
	}
	return c.Inputs, nil
}

// statedOffset is how many seconds a time says that it is ahead of UTC: what its
// clock shows, less what was read.
func statedOffset(text string, t dotnet.Time) int64 {
	if t.Kind != dotnet.Local {
		return 0
	}
	wall, _ := dotnet.ParseTime(text[:max(strings.LastIndexAny(text, "+-"), 0)], culture.EnUS(), nil)
	return (wall.Ticks - t.Ticks) / dotnet.TicksPerSecond
}
