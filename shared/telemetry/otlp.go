package telemetry

import (
	"encoding/json"
	"strconv"
	"time"
)

// Span is something that has happened.
type Span struct {
	TraceContext
	Parent     string // id of the span it belongs to; "": none
	Name       string
	Kind       SpanKind
	Start, End time.Time
	Failed     string // why; "": it went well
	Attributes []Attribute
}

// SpanKind is that of OTLP.
type SpanKind int

// The kinds.
const (
	Internal SpanKind = 1
	Server   SpanKind = 2
	Client   SpanKind = 3
)

// Attribute says more of a span, or of where spans come from.
type Attribute struct{ Key, Value string }

// The JSON form of OTLP: names in camel case, ids in hex, 64-bit numbers as text.

type attributeJSON struct {
	Key   string `json:"key"`
	Value struct {
		Text string `json:"stringValue"`
	} `json:"value"`
}

func attributes(list []Attribute) []attributeJSON {
	out := make([]attributeJSON, len(list))
	for i, a := range list {
		out[i].Key, out[i].Value.Text = a.Key, a.Value
	}
	return out
}

func nanos(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

type object = map[string]any

func encodeSpans(resource []Attribute, version string, spans []Span) ([]byte, error) {
	list := make([]object, len(spans))
	for i, s := range spans {
		o := object{
			"traceId": s.TraceID, "spanId": s.SpanID, "name": s.Name, "kind": s.Kind, "startTimeUnixNano": nanos(s.Start), "endTimeUnixNano": nanos(s.End),
			"attributes": attributes(s.Attributes), "flags": 1,
		}
		if s.State != "" {
			o["traceState"] = s.State
		}
		if s.Parent != "" {
			o["parentSpanId"] = s.Parent
		}
		if s.Failed != "" {
			o["status"] = object{"code": 2, "message": s.Failed}
		}
		list[i] = o
	}
	return json.Marshal(object{"resourceSpans": []object{{
		"resource": object{"attributes": attributes(resource)}, "scopeSpans": []object{{"scope": object{"name": scopeName, "version": version}, "spans": list}},
	}}})
}

const (
	scopeName  = "latchwork"
	cumulative = 2 // AGGREGATION_TEMPORALITY_CUMULATIVE
)

func (m *Metrics) encode(resource []Attribute, version string, now time.Time) ([]byte, error) {
	var list []object
	for _, f := range m.samples() {
		points := make([]object, len(f.series))
		for i, s := range f.series {
			labels := make([]Attribute, len(f.labels))
			for j, name := range f.labels {
				labels[j] = Attribute{name, s.labels[j]}
			}
			points[i] = object{"attributes": attributes(labels), "startTimeUnixNano": nanos(m.start), "timeUnixNano": nanos(now)}
			if f.kind != "histogram" {
				points[i]["asDouble"] = s.value
				continue
			}
			buckets := make([]string, len(s.buckets))
			for j, n := range s.buckets {
				buckets[j] = strconv.FormatUint(n, 10)
			}
			points[i]["count"], points[i]["sum"] = strconv.FormatUint(s.count, 10), s.value
			points[i]["bucketCounts"], points[i]["explicitBounds"] = buckets, f.bounds
		}
		if len(points) == 0 {
			continue
		}
		metric := object{"name": f.name, "description": f.help}
		switch f.kind {
		case "counter":
			metric["sum"] = object{"dataPoints": points, "aggregationTemporality": cumulative, "isMonotonic": true}
		case "histogram":
			metric["unit"] = "s"
			metric["histogram"] = object{"dataPoints": points, "aggregationTemporality": cumulative}
		default:
			metric["gauge"] = object{"dataPoints": points}
		}
		list = append(list, metric)
	}
	return json.Marshal(object{"resourceMetrics": []object{{
		"resource": object{"attributes": attributes(resource)}, "scopeMetrics": []object{{"scope": object{"name": scopeName, "version": version}, "metrics": list}},
	}}})
}
