package operation

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(Operation{
	Spec: definition.Spec{Type: "Wait", Inline: true, Check: checkWait},
	Doc:  "Waits for an interval, Second to Year, or until a time; a time that is over does not wait. It has no outputs.",
	Examples: []Example{
		{Inputs: `{"interval":{"count":0,"unit":"Minute"}}`, Want: `null`},
		{Inputs: `{"until":{"timestamp":"2001-01-01T00:00:00Z"}}`, Want: `null`},
		{Inputs: `{"until":{"timestamp":"soon"}}`, Want: `{"code":"InvalidTemplate","message":"The 'timestamp' of action 'example' is not a time in ISO 8601 format."}`},
	},
	Run: wait,
})

// checkWait finds at save time what is missing.
func checkWait(inputs value.Value, report definition.Report) {
	if holdsExpression(inputs) {
		return
	}
	root := (*value.Path)(nil)
	interval, hasInterval := inputs.Get("interval")
	until, hasUntil := inputs.Get("until")
	lacks := func(v value.Value, at *value.Path, member string) {
		if !v.Has(member) && !holdsExpression(v) {
			report(definition.MissingInput, at, fmt.Sprintf("A delay needs the property '%s'.", member))
		}
	}
	switch {
	case hasInterval && hasUntil:
		report(definition.InvalidInput, root, "A delay has either 'interval' or 'until'.")
	case hasUntil:
		lacks(until, root.Key("until"), "timestamp")
	case hasInterval:
		at := root.Key("interval")
		lacks(interval, at, "count")
		lacks(interval, at, "unit")
		unit := interval.Member("unit")
		if !unit.IsNull() && !holdsExpression(unit) && !dotnet.IsUnit(strings.ToLower(unit.Str())) {
			report(definition.InvalidInput, at.Key("unit"), "The unit of a delay must be one of '"+waitUnits+"'.")
		}
	default:
		report(definition.MissingInput, root, "A delay needs the property 'interval' or 'until'.")
	}
}

const waitUnits = "Second, Minute, Hour, Day, Week, Month, Year"

// longestWait is the longest time that one attempt asks for: a Duration ends after
// 292 years. A longer delay waits again.
const longestWait = 100 * 365 * 24 * time.Hour

// wait computes once when it is over, keeps that, and asks to be called again
// then. A run that waits is a row in the store and nothing else.
func wait(_ context.Context, _ Deps, c Call) run.Outcome {
	now := c.scope(c.Inputs).Ambient.Now().UTC()
	over, err := time.Parse(time.RFC3339Nano, c.Keep.Str())
	if err != nil {
		var wrong string
		if over, wrong = c.waitsUntil(now); wrong != "" {
			return run.Fail("BadRequest", definition.InvalidTemplate, wrong)
		}
	}
	o := run.Succeed("OK", value.Value{})
	if rest := over.Sub(now); rest > 0 {
		o.Again = min(rest, longestWait)
		o.Keep = value.String(over.Format(time.RFC3339Nano)).Mark(c.Inputs.Taint()...)
	}
	return o
}

// waitsUntil returns when the delay is over, or what is wrong.
func (c Call) waitsUntil(now time.Time) (time.Time, string) {
	if until, ok := c.Inputs.Get("until"); ok {
		t, ok := dotnet.ParseTime(until.Member("timestamp").Str(), culture.EnUS(), nil)
		if !ok {
			return now, fmt.Sprintf("The 'timestamp' of action '%s' is not a time in ISO 8601 format.", c.Action)
		}
		return t.Clock(), "" // without a zone it is UTC
	}
	interval := c.Inputs.Member("interval")
	unit := strings.ToLower(interval.Member("unit").Str())
	count, ok := wholeNumber(interval.Member("count"))
	switch {
	case !dotnet.IsUnit(unit):
		return now, fmt.Sprintf("The 'unit' of action '%s' must be one of '%s'.", c.Action, waitUnits)
	case !ok || count < 0:
		return now, fmt.Sprintf("The 'count' of action '%s' must be an integer that is not negative.", c.Action)
	}
	t, err := dotnet.FromTime(now).AddUnits(count, unit)
	if err != nil {
		return now, fmt.Sprintf("The delay of action '%s' leads beyond the year 9999.", c.Action)
	}
	return t.Clock(), ""
}

// wholeNumber reads an integer; real definitions also write it as text.
func wholeNumber(v value.Value) (int64, bool) {
	if n, ok := v.AsInt(); ok {
		return n, true
	}
	if f, ok := v.AsFloat(); ok {
		return int64(f), f == float64(int64(f))
	}
	n, err := strconv.ParseInt(strings.TrimSpace(v.Str()), 10, 64)
	return n, err == nil
}
