package definition

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// The bounds of a retry policy (actions §2.4).
const (
	maxRetries               = 90
	minInterval, maxInterval = 5 * time.Second, 24 * time.Hour
)

// retryPolicies checks what is written as a literal in the retry policy of inputs;
// of a webhook that of its subscribe. The rest is known when the action starts.
func (b *builder) retryPolicies(spec Spec, inputs value.Value, at *value.Path) {
	if !spec.Retries {
		return
	}
	b.retryPolicy(inputs.Member("retryPolicy"), at.Key("retryPolicy"))
	b.retryPolicy(inputs.Member("subscribe").Member("retryPolicy"), at.Keys("subscribe", "retryPolicy"))
}

func (b *builder) retryPolicy(policy value.Value, at *value.Path) {
	const invalid = "InvalidRetryPolicy"
	if policy.IsNull() || late(policy) {
		return
	}
	if policy.Kind() != value.KindObject {
		b.fail(invalid, at, "A retry policy must be an object.")
		return
	}
	typ := policy.Member("type")
	counts := slices.Contains([]string{"fixed", "interval", "exponential"}, strings.ToLower(typ.Str()))
	if !typ.IsNull() && !late(typ) && !counts && !strings.EqualFold(typ.Str(), "none") && !strings.EqualFold(typ.Str(), "default") {
		b.fail(invalid, at.Key("type"), "The type of a retry policy must be one of 'None, Default, Fixed, Exponential'.")
	}
	if !counts {
		return
	}
	if n, ok := Count(policy.Member("count")); !late(policy.Member("count")) && (!ok || n < 1 || n > maxRetries) {
		b.fail(invalid, at.Key("count"), "The count of a retry policy must be an integer from 1 to %d.", maxRetries)
	}
	for _, member := range []string{"interval", "minimumInterval", "maximumInterval"} {
		v, has := policy.Get(member)
		if !has && member != "interval" || late(v) {
			continue
		}
		if d, ok := ParseDuration(v.Str()); !ok || d < minInterval || d > maxInterval {
			b.fail(invalid, at.Key(member), "The '%s' of a retry policy must be a duration in ISO 8601 format from 'PT5S' to 'P1D'.", member)
		}
	}
}

// spelled writes the type of a retry policy as records show it: capitalised (actions
// §2.3).
func spelled(inputs value.Value) value.Value {
	policy := inputs.Member("retryPolicy")
	typ := policy.Member("type").Str()
	if typ == "" || late(policy.Member("type")) {
		return inputs
	}
	return inputs.With("retryPolicy", policy.With("type", value.String(strings.ToUpper(typ[:1])+strings.ToLower(typ[1:]))))
}

// late tells whether a value as written is only known at run time.
func late(v value.Value) bool { return strings.Contains(v.Str(), "@") }

// Count reads an integer; real definitions also write it as text.
func Count(v value.Value) (int64, bool) {
	if n, ok := v.AsInt(); ok {
		return n, true
	}
	n, err := strconv.ParseInt(v.Str(), 10, 32)
	return n, err == nil
}
