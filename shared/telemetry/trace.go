// Package telemetry counts and times what happens, and follows a run across
// processes: metrics as Prometheus text and by OTLP, spans by OTLP.
//
// A run goes on in whichever process has its turn, so nothing of a span may live in
// memory between steps: ids follow from the ids of the run and its actions, and a
// span is made whole when it has ended. That is why no SDK is used here.
package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// TraceContext is where something belongs in a trace, as W3C Trace Context has it.
type TraceContext struct {
	TraceID string // 32 hex digits, not all zero
	SpanID  string // 16 hex digits, not all zero
	Sampled bool
	// State is what systems on the way have added to the trace for themselves: the
	// tracestate header, passed on as it came.
	State string
}

// ParseTraceParent reads a traceparent header; what is malformed is as if it were not
// there (Trace Context §3.2).
func ParseTraceParent(s string) (TraceContext, bool) {
	parts := strings.Split(strings.TrimSpace(s), "-")
	if len(parts) < 4 || len(parts[0]) != 2 || !isHex(parts[0]) || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 ||
		!isID(parts[1], 32) || !isID(parts[2], 16) || len(parts[3]) != 2 || !isHex(parts[3]) {
		return TraceContext{}, false
	}
	flags, _ := hex.DecodeString(parts[3])
	return TraceContext{TraceID: parts[1], SpanID: parts[2], Sampled: flags[0]&1 == 1}, true
}

// What every system must be able to pass on (Trace Context §3.3.1.5); more is dropped.
const (
	maxStateBytes   = 512
	maxStateMembers = 32
)

// ParseTraceState reads tracestate headers, of which there may be several. A list that
// is malformed or too long is as if it were not there (Trace Context §3.3).
func ParseTraceState(headers []string) string {
	s := strings.Join(headers, ",")
	if len(s) > maxStateBytes {
		return ""
	}
	var members []string
	for member := range strings.SplitSeq(s, ",") {
		if member = strings.Trim(member, " \t"); member == "" {
			continue
		}
		key, v, ok := strings.Cut(member, "=")
		if !ok || key == "" || v == "" || strings.Trim(key, stateKeyCharacters) != "" || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' || r == '=' }) {
			return ""
		}
		members = append(members, member)
	}
	if len(members) > maxStateMembers {
		return ""
	}
	return strings.Join(members, ",")
}

// stateKeyCharacters are what keys of a tracestate are made of.
const stateKeyCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_-*/@"

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

func isID(s string, length int) bool {
	return len(s) == length && isHex(s) && strings.Trim(s, "0") != ""
}

// String is the traceparent header.
func (c TraceContext) String() string {
	flags := "00"
	if c.Sampled {
		flags = "01"
	}
	return "00-" + c.TraceID + "-" + c.SpanID + "-" + flags
}

// TraceID makes the id of a trace from other ids, the same in every process.
func TraceID(of ...string) string { return digest(of, 16) }

// SpanID makes the id of a span from other ids.
func SpanID(of ...string) string { return digest(of, 8) }

func digest(of []string, size int) string {
	sum := sha256.Sum256([]byte(strings.Join(of, "\n")))
	sum[0] |= 1 // an id is never all zero
	return hex.EncodeToString(sum[:size])
}

type contextKey struct{}

// With puts what outgoing calls belong to into a context.
func With(ctx context.Context, c TraceContext) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From is what outgoing calls belong to.
func From(ctx context.Context) (TraceContext, bool) {
	c, ok := ctx.Value(contextKey{}).(TraceContext)
	return c, ok
}
