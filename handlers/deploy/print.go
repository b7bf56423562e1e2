package deploy

import (
	"fmt"
	"io"
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

var signs = map[string]string{
	string(Create): "+", string(Modify): "~", string(NoChange): "=", string(Ignore): "!", string(Unsupported): "!",
	"Delete": "-",
}

// Print prints the plan: a line for each resource, and below it the properties that
// change. Values are never shown.
func (p *Plan) Print(w io.Writer) {
	fmt.Fprintf(w, "Deployment to %s, incremental: nothing that is not in the template is touched or deleted.\n\n", p.to)
	counts := map[Change]int{}
	for _, s := range p.Steps {
		counts[s.Change]++
		line := fmt.Sprintf("  %s %s %s", signs[string(s.Change)], s.Type, s.Name)
		if s.Why != "" {
			line += ": not deployed: " + s.Why
		}
		fmt.Fprintln(w, line)
		for _, d := range leaves("", s.Delta) {
			why := ""
			if d.Why != "" {
				why = " (" + d.Why + ")"
			}
			fmt.Fprintf(w, "      %s %s%s\n", signs[d.Kind], d.Path, why)
		}
		if s.Change == Create && template.HasUnknown(s.After) {
			for _, path := range unknowns("", s.After) {
				fmt.Fprintf(w, "      + %s (%s)\n", path, laterKnown)
			}
		}
	}
	fmt.Fprintf(w, "\n%d to create, %d to modify, %d unchanged, %d not deployed\n", counts[Create], counts[Modify], counts[NoChange], counts[Ignore]+counts[Unsupported])
}

// unknowns are the paths of what is not known yet.
func unknowns(path string, v value.Value) (paths []string) {
	if template.IsUnknown(v) {
		return []string{path}
	}
	for i, item := range v.Elements {
		paths = append(paths, unknowns(fmt.Sprintf("%s[%d]", path, i), item)...)
	}
	for name, item := range v.Members {
		paths = append(paths, unknowns(join(path, name), item)...)
	}
	return paths
}

// JSON is the plan as the product's what-if answers it.
func (p *Plan) JSON() value.Value {
	changes := make([]value.Value, 0, len(p.Steps))
	for _, s := range p.Steps {
		b := value.NewObject(6).Set("resourceId", value.String(s.ID)).Set("changeType", value.String(string(s.Change)))
		if s.Why != "" {
			b.Set("unsupportedReason", value.String(s.Why))
		}
		if !s.Before.IsAbsent() {
			b.Set("before", named(s, s.Before))
		}
		if !s.After.IsAbsent() {
			b.Set("after", named(s, s.After))
		}
		if s.Change == Modify {
			b.Set("delta", deltas(s.Delta))
		}
		changes = append(changes, b.Build())
	}
	return value.Array(changes...)
}

// named is a body with the id, name and type of its resource.
func named(s *Step, body value.Value) value.Value {
	b := value.NewObject(8).Set("id", value.String(s.ID)).Set("name", value.String(s.Name)).Set("type", value.String(s.Type))
	for name, v := range shown(body).Members {
		b.Set(name, v)
	}
	return b.Build()
}

func deltas(all []Delta) value.Value {
	views := make([]value.Value, 0, len(all))
	for _, d := range all {
		b := value.NewObject(5).Set("path", value.String(d.Path)).Set("propertyChangeType", value.String(d.Kind))
		if d.Kind == "Array" {
			views = append(views, b.Set("children", deltas(d.Children)).Build())
			continue
		}
		before, after := shown(d.Before), shown(d.After)
		if d.Why == neverShown { // nor is what it becomes
			before, after = value.String(value.Redacted), value.String(value.Redacted)
		}
		if !before.IsAbsent() {
			b.Set("before", before)
		}
		if !after.IsAbsent() {
			b.Set("after", after)
		}
		views = append(views, b.Build())
	}
	return value.Array(views...)
}

// PrintOutputs prints what the template gives back, but for what is secure.
func PrintOutputs(w io.Writer, outputs []template.Output) {
	if len(outputs) > 0 {
		fmt.Fprintln(w, "\nOutputs:")
	}
	for _, o := range outputs {
		fmt.Fprintf(w, "  %s = %s\n", o.Name, outputText(o))
	}
}

func outputText(o template.Output) string {
	if o.Secure {
		return "(" + strings.ToLower(o.Type) + ")"
	}
	v := value.Redact(o.Value)
	if s, ok := v.AsString(); ok {
		return s
	}
	return string(value.AppendText(nil, v))
}

// OutputsJSON are the outputs as a deployment of the product has them: secure ones have
// no value.
func OutputsJSON(outputs []template.Output) value.Value {
	b := value.NewObject(len(outputs))
	for _, o := range outputs {
		entry := value.NewObject(2).Set("type", value.String(o.Type))
		if !o.Secure {
			entry.Set("value", value.Redact(o.Value))
		}
		b.Set(o.Name, entry.Build())
	}
	return b.Build()
}
