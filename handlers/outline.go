package handlers

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// outlinePrinter prints runs for people, without live credentials.
type outlinePrinter struct {
	stdout  io.Writer
	live    *outbound.Credentials
	history bool // with the inputs and outputs that history shows
}

// print prints a line per action, those inside a container below it, in the
// order in which they started.
func (p outlinePrinter) print(workflow string, g *definition.Graph, st *run.State) {
	fmt.Fprintf(p.stdout, "%s  run %s  %s  %s\n", workflow, st.Name, st.Status, shortDuration(st.End.Sub(st.Start)))
	if st.Error != nil {
		fmt.Fprintf(p.stdout, "  %s: %s\n", st.Error.Code, p.live.Replace([]byte(st.Error.Message)))
	}
	lines := outline(g, st, 0)
	width := len(st.Trigger.Name)
	for _, l := range lines {
		width = max(width, l.width())
	}
	p.record(outlined{record: &st.Trigger}, width)
	for _, l := range lines {
		p.record(l, width)
	}
}

// outlined is a line of an outline.
type outlined struct {
	record *run.Record
	depth  int
}

func (l outlined) width() int { return 2*l.depth + utf8.RuneCountInString(l.record.Name) }

func outline(g *definition.Graph, st *run.State, depth int) []outlined {
	actions := slices.DeleteFunc(slices.Clone(g.Actions), func(x *definition.Action) bool { return st.Records[x.Name] == nil })
	slices.SortStableFunc(actions, func(x, y *definition.Action) int {
		return st.Records[x.Name].Start.Compare(st.Records[y.Name].Start)
	})
	var lines []outlined
	for _, x := range actions {
		lines = append(lines, outlined{st.Records[x.Name], depth})
		for _, body := range x.Bodies {
			lines = append(lines, outline(body, st, depth+1)...)
		}
	}
	return lines
}

func (p outlinePrinter) record(l outlined, width int) {
	r := l.record
	var notes []string
	switch {
	case r.HideInputs && r.HideOutputs:
		notes = append(notes, "inputs and outputs hidden")
	case r.HideInputs:
		notes = append(notes, "inputs hidden")
	case r.HideOutputs:
		notes = append(notes, "outputs hidden")
	}
	if r.Static {
		notes = append(notes, "static result")
	}
	if len(r.Retries) > 0 {
		notes = append(notes, fmt.Sprintf("%d attempts", len(r.Retries)))
	}
	if r.Loop != nil {
		notes = append(notes, fmt.Sprintf("%d iterations", r.Loop.Next))
	}
	if r.Repetitions > 0 {
		notes = append(notes, fmt.Sprintf("%d times", r.Repetitions))
	}
	code := r.Code
	if code == "" {
		code = "-"
	}
	name := strings.Repeat("  ", l.depth) + r.Name
	line := fmt.Sprintf("  %-*s  %-9s  %-12s  %8s  %s", width, name, r.Status, code, shortDuration(r.End.Sub(r.Start)), strings.Join(notes, ", "))
	fmt.Fprintln(p.stdout, strings.TrimRight(line, " "))
	if r.Error != nil && r.Status != definition.Skipped {
		fmt.Fprintf(p.stdout, "      %s: %s\n", r.Error.Code, p.live.Replace([]byte(r.Error.Message)))
	}
	if p.history {
		p.side("inputs", r.Inputs.Value, r.HideInputs)
		p.side("outputs", r.Outputs.Value, r.HideOutputs)
	}
}

func (p outlinePrinter) side(name string, v value.Value, hidden bool) {
	switch {
	case hidden:
		fmt.Fprintf(p.stdout, "      %s: (hidden)\n", name)
	case !v.IsAbsent():
		shown := p.live.Replace(pretty(value.Reveal(value.Redact(v, value.Credential))), value.Credential)
		fmt.Fprintf(p.stdout, "      %s: %s\n", name, strings.ReplaceAll(string(shown), "\n", "\n      "))
	}
}

func shortDuration(d time.Duration) string {
	switch {
	case d < 0:
		return "-"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	default:
		return d.Round(10 * time.Millisecond).String()
	}
}
