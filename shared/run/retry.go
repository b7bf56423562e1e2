package run

import (
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// policy is a retry policy (actions §2.4).
type policy struct {
	count    int64
	fixed    bool
	interval time.Duration
	min, max time.Duration
}

// defaultPolicy: exponential, four retries, scale 7.5 s, 5 s to 45 s.
var defaultPolicy = policy{count: 4, interval: 7500 * time.Millisecond, min: 5 * time.Second, max: 45 * time.Second}

// retryPolicy reads inputs.retryPolicy as evaluated; of a webhook that of its
// subscribe, which is all that is retried of it. What cannot be read counts as the
// default.
func retryPolicy(inputs value.Value) policy {
	v := inputs.Member("retryPolicy")
	if v.IsNull() {
		v = inputs.Member("subscribe").Member("retryPolicy")
	}
	typ := strings.ToLower(v.Member("type").Str())
	if typ == "none" {
		return policy{}
	}
	fixed := typ == "fixed" || typ == "interval" // one of the model's names for it
	p := policy{fixed: fixed, max: 24 * time.Hour}
	count, okCount := definition.Count(v.Member("count"))
	interval, okInterval := definition.ParseDuration(v.Member("interval").Str())
	if !fixed && typ != "exponential" || !okCount || !okInterval {
		return defaultPolicy
	}
	p.count, p.interval = min(max(count, 0), 90), interval
	if d, ok := definition.ParseDuration(v.Member("minimumInterval").Str()); ok {
		p.min = d
	}
	if d, ok := definition.ParseDuration(v.Member("maximumInterval").Str()); ok {
		p.max = d
	}
	return p
}

// delay before retry n (from 1): fixed, or uniform between the bounds of its
// step, 0..i, i..2i, 2i..4i and so on, cut to min and max.
func (p policy) delay(n int, rand func(int64) int64) time.Duration {
	if p.fixed {
		return p.interval
	}
	low, high := time.Duration(0), p.interval
	for range n - 1 {
		low, high = high, min(high*2, 24*time.Hour)
	}
	low, high = max(low, p.min), min(high, p.max)
	if high <= low {
		return max(min(low, p.max), p.min)
	}
	return low + time.Duration(rand(int64(high-low)+1))
}

// retry decides whether the policy of an action allows another attempt, and
// after what time. What the other side asked for replaces the computed delay.
func (m *machine) retry(a *definition.Action, r *Record, o Outcome) (time.Duration, bool) {
	if !o.Retry || !a.Spec.Retries || o.Status != definition.Failed {
		return 0, false
	}
	p := retryPolicy(r.Inputs.Value)
	if int64(len(r.Retries)) >= p.count {
		return 0, false
	}
	m.noteAttempt(r, o)
	if o.RetryAfter > 0 {
		return min(o.RetryAfter, 24*time.Hour), true
	}
	return p.delay(len(r.Retries), m.ambient.Rand), true
}

func (m *machine) noteAttempt(r *Record, o Outcome) {
	start := r.Start
	if n := len(r.Retries); n > 0 {
		start = r.Retries[n-1].End
	}
	r.Retries = append(r.Retries, Attempt{Start: start, End: m.now, Code: o.Code, ClientRequestID: r.TrackingID, Error: o.Error})
}

// RetryAfter decides, outside of a run, whether the retry policy in some inputs
// allows another attempt after as many as were made, and after what time.
func RetryAfter(inputs value.Value, retries int, o Outcome, rand func(int64) int64) (time.Duration, bool) {
	p := retryPolicy(inputs)
	if !o.Retry || int64(retries) >= p.count {
		return 0, false
	}
	if o.RetryAfter > 0 {
		return min(o.RetryAfter, 24*time.Hour), true
	}
	return p.delay(retries+1, rand), true
}
