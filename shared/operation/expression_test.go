package operation_test

import (
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
)

// TestExpressionKinds: the kinds give what the functions of the same name give.
func TestExpressionKinds(t *testing.T) {
	for _, c := range []struct{ kind, inputs, want string }{
		{"CurrentTime", `{}`, "2026-01-15T12:00:00.0000000Z"},
		{"GetFutureTime", `{"interval":90,"timeUnit":"second"}`, "2026-01-15T12:01:30.0000000Z"},
		{"GetFutureTime", `{"interval":"2","timeUnit":"Year"}`, "2028-01-15T12:00:00.0000000Z"},
		{"GetFutureTime", `{"interval":-1,"timeUnit":"Week"}`, "2026-01-08T12:00:00.0000000Z"},
		{"GetPastTime", `{"interval":3,"timeUnit":"Hour"}`, "2026-01-15T09:00:00.0000000Z"},
		{"GetPastTime", `{"interval":2.0,"timeUnit":"Month"}`, "2025-11-15T12:00:00.0000000Z"},
		{"AddToTime", `{"baseTime":"2024-01-31T10:00:00","interval":1,"timeUnit":"Month"}`, "2024-02-29T10:00:00.0000000"},
		{"AddToTime", `{"baseTime":"2026-01-15T12:30:00+02:00","interval":30,"timeUnit":"Minute"}`, "2026-01-15T11:00:00.0000000+00:00"},
		{"SubtractFromTime", `{"baseTime":"@utcNow()","interval":"@add(3,4)","timeUnit":"Day"}`, "2026-01-08T12:00:00.0000000Z"},
		{"converttimezone", `{"baseTime":"2026-01-15T10:30:00Z","sourceTimeZone":"UTC","destinationTimeZone":"Tokyo Standard Time"}`, "2026-01-15T19:30:00.0000000"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":"Eastern Standard Time","destinationTimeZone":"Pacific Standard Time"}`, "2026-07-01T09:00:00.0000000"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":"Europe/Berlin","destinationTimeZone":"UTC"}`, "2026-07-01T10:00:00.0000000Z"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":"UTC","destinationTimeZone":"GMT Standard Time","formatString":"dddd HH:mm"}`, "Wednesday 13:00"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00Z","sourceTimeZone":"UTC","destinationTimeZone":"UTC","formatString":null}`, "2026-07-01T12:00:00.0000000Z"},
		// A time that says how far it is from UTC needs no source, or one that agrees.
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00Z","destinationTimeZone":"Tokyo Standard Time"}`, "2026-07-01T21:00:00.0000000"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00+02:00","sourceTimeZone":"","destinationTimeZone":"UTC"}`, "2026-07-01T10:00:00.0000000Z"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00+02:00","sourceTimeZone":"W. Europe Standard Time","destinationTimeZone":"UTC"}`, "2026-07-01T10:00:00.0000000Z"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00-0330","sourceTimeZone":"America/Argentina/Buenos_Aires","destinationTimeZone":"UTC"}`, "error: ConflictingSourceTimeZone"},
		{"ConvertTimeZone", `{"baseTime":"2026-01-01T12:00:00-0330","sourceTimeZone":"Newfoundland Standard Time","destinationTimeZone":"UTC"}`, "2026-01-01T15:30:00.0000000Z"},
		{"ConvertTimeZone", `{"baseTime":"2026-01-01T12:00:00Z","sourceTimeZone":"GMT Standard Time","destinationTimeZone":"UTC"}`, "2026-01-01T12:00:00.0000000Z"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00Z","sourceTimeZone":"GMT Standard Time","destinationTimeZone":"UTC"}`, "error: ConflictingSourceTimeZone"},
		{"ConvertTimeZone", `{"baseTime":"2026-01-01T12:00:00+02:00","sourceTimeZone":"W. Europe Standard Time","destinationTimeZone":"UTC"}`, "error: ConflictingSourceTimeZone"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","destinationTimeZone":"UTC"}`, "error: MissingSourceTimeZone"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":null,"destinationTimeZone":"UTC"}`, "error: MissingSourceTimeZone"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":"Middle Earth","destinationTimeZone":"UTC"}`, "error: InvalidSourceTimeZone"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":5,"destinationTimeZone":"UTC"}`, "error: InvalidSourceTimeZone"},
		{"ConvertTimeZone", `{"baseTime":"2026-07-01T12:00:00","sourceTimeZone":"UTC","destinationTimeZone":"Middle Earth"}`, "error: InvalidTemplate"},
		{"ConvertTimeZone", `{"baseTime":"noon","sourceTimeZone":"UTC","destinationTimeZone":"UTC"}`, "error: InvalidTemplate"},
		{"ConvertTimeZone", `{"baseTime":"noon","destinationTimeZone":"UTC"}`, "error: InvalidTemplate"},
		{"ConvertTimeZone", `{"baseTime":null,"sourceTimeZone":"UTC","destinationTimeZone":"UTC"}`, "error: InvalidTemplate"},
		{"AddToTime", `{"baseTime":"","interval":1,"timeUnit":"Day"}`, "error: InvalidTemplate"},
		{"AddToTime", `{"baseTime":"2026-01-01","interval":"1.5","timeUnit":"Day"}`, "error: InvalidTemplate"},
		{"AddToTime", `{"baseTime":"2026-01-01","interval":1,"timeUnit":"Fortnight"}`, "error: InvalidTemplate"},
		{"GetPastTime", `{"interval":9000,"timeUnit":"Year"}`, "error: InvalidTemplate"},
		{"GetPastTime", `"@json('{}')"`, "error: InvalidTemplate"},
	} {
		o := perform(t, `{"type":"Expression","kind":"`+c.kind+`","inputs":`+c.inputs+`}`)
		if code, wantError := strings.CutPrefix(c.want, "error: "); wantError {
			if o.Error == nil || o.Error.Code != code || o.Code != "BadRequest" {
				t.Errorf("%s %s: %+v %+v", c.kind, c.inputs, o, o.Error)
			}
			continue
		}
		if o.Error != nil || o.Code != "OK" || o.Outputs.Member("body").Str() != c.want {
			t.Errorf("%s %s: %s %s %+v", c.kind, c.inputs, o.Code, o.Outputs, o.Error)
		}
	}
}

// TestExpressionKindsAreTold: a kind that is none is told when a definition is
// saved.
func TestExpressionKindsAreTold(t *testing.T) {
	_, problems := definition.Compile(definition.Source{Definition: parse(t, `{"actions":{"a":{"type":"Expression","kind":"CurrentTme","inputs":{}}}}`)}, operation.Catalog{})
	if len(problems) != 1 || !strings.Contains(problems[0].Message, "'CurrentTime, GetFutureTime, GetPastTime, AddToTime, SubtractFromTime, ConvertTimeZone'") || !strings.HasSuffix(problems[0].Message, "Did you mean 'CurrentTime'?") {
		t.Errorf("%v", problems)
	}
}
