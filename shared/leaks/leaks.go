// Package leaks follows secrets through definitions and finds where they show: in
// run history, addresses, answers, tracked properties, the definition itself.
package leaks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/value"
)

// Kind is where a secret shows. Its text is the rule's id.
type Kind string

// The kinds.
const (
	History    Kind = "SecretInRunHistory"
	Tracked    Kind = "SecretInTrackedProperty"
	Address    Kind = "SecretInAddress"
	Answer     Kind = "SecretInResponse"
	RunOutput  Kind = "SecretInRunOutput"
	RunError   Kind = "SecretInRunError"
	TrackingID Kind = "SecretInTrackingId"
	Handed     Kind = "SecretHandedToWorkflow"
	Definition Kind = "SecretInDefinition"
)

// Rule describes a kind.
type Rule struct {
	Kind  Kind
	Short string // one sentence
	Help  string // what to do
}

// Rules lists the kinds.
var Rules = []Rule{
	{History, "Run history shows a secret in the inputs or outputs of an operation.", "Secure the side in runtimeConfiguration.secureData.properties; 'latchwork lint --secrets --fix' writes the setting. Where a type has no such setting, read the secret where it is used instead of keeping it."},
	{Tracked, "A tracked property holds a secret.", "Remove the tracked property: it goes to the diagnostics log, and no setting hides it."},
	{Address, "The address of a request holds a secret.", "Send it in a header or in the body: addresses stand in the logs of servers and proxies, and no setting hides them there."},
	{Answer, "The response to the caller holds a secret.", "Leave it out of the response; secured inputs hide it in run history only, not from the caller."},
	{RunOutput, "An output of the workflow holds a secret.", "Remove the output: the run shows it to whoever may read the run."},
	{RunError, "The error that a run ends with holds a secret.", "Leave it out of the message: the run shows it to whoever may read the run."},
	{TrackingID, "A client tracking id holds a secret.", "Take another value: tracking ids are never hidden."},
	{Handed, "A secret is handed to a workflow that was not looked at.", "Secure the outputs of the trigger of that workflow: nothing is passed on between workflows. Lint both together to have this checked."},
	{Definition, "The definition holds the value of a secured template parameter.", "Declare a workflow parameter of type securestring, give it the value in properties.parameters, and read it with @parameters() where it is used."},
}

// Way is how one secret came to a place.
type Way struct {
	Source *Source
	Steps  []Step // from the source to the place
}

// Names is the way as text: Get_secret → Compose → Send.
func (w Way) Names() string {
	names := make([]string, len(w.Steps))
	for i, s := range w.Steps {
		names[i] = s.Name
	}
	return strings.Join(names, " → ")
}

// Finding is one place where secrets show.
type Finding struct {
	Workflow int // index of the workflow
	Kind     Kind
	Name     string   // of the action, trigger, parameter or output
	Trigger  bool     // Name is that of a trigger
	Sides    []string // of History: inputs, outputs
	Path     *value.Path
	Ways     []Way
	// Fix are the settings that hide it, each on an operation of its own; nil where no
	// setting does. Advice says what to do then.
	Fix    []Setting
	Advice string
	// Note says why the product does not hide it although what comes before is hidden;
	// "" where nothing before is.
	Note string

	own  *definition.Setting // the setting of the operation itself that would hide it
	step Step
}

// Setting is a setting to be added to a definition.
type Setting struct {
	Workflow int
	definition.Setting
	Path *value.Path // of the operation
}

// Message says what shows where.
func (f Finding) Message() string {
	what := map[Kind]string{
		History: "the " + strings.Join(f.Sides, " and ") + " of '" + f.Name + "' show", Tracked: "the tracked properties of '" + f.Name + "' hold",
		Address: "the address of the request of '" + f.Name + "' holds", Answer: "the response of '" + f.Name + "' gives the caller",
		RunOutput: "the output '" + f.Name + "' of the workflow holds", RunError: "the error that '" + f.Name + "' ends the run with holds",
		TrackingID: "the client tracking id of '" + f.Name + "' holds", Handed: "'" + f.Name + "' hands another workflow",
		Definition: f.Name + " holds the value of",
	}[f.Kind]
	if f.Kind == Definition && f.Name != "the definition" {
		what = f.Name + ", which is not declared secure, holds the value of"
	}
	var sources []string
	for _, w := range f.Ways {
		sources = append(sources, w.Source.What)
	}
	where := ""
	if f.Kind == History {
		where = "In run history, "
	} else {
		what = strings.ToUpper(what[:1]) + what[1:]
	}
	return where + what + " " + list(sources) + "."
}

func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// Remedy is the fix in one line, or what to do instead.
func (f Finding) Remedy() string {
	if len(f.Fix) == 0 {
		return f.Advice
	}
	var parts []string
	elsewhere := false
	for i := 0; i < len(f.Fix); i++ {
		s, sides := f.Fix[i], `"`+f.Fix[i].Side+`"`
		for ; i+1 < len(f.Fix) && f.Fix[i+1].Name == s.Name && f.Fix[i+1].Trigger == s.Trigger; i++ {
			sides += `, "` + f.Fix[i+1].Side + `"`
		}
		parts = append(parts, fmt.Sprintf(`"secureData": { "properties": [%s] } in the runtimeConfiguration of '%s'`, sides, s.Name))
		elsewhere = elsewhere || s.Name != f.Name || s.Trigger != f.Trigger
	}
	text := "set " + strings.Join(parts, ", and ")
	if elsewhere {
		text += fmt.Sprintf("; history then hides '%s' too", f.Name)
	}
	return text
}

// Find looks at workflows that may call each other, and says of each finding
// whether settings hide it. settings are all that it takes, in the order in which
// they were found.
func Find(workflows []definition.Source, c definition.Catalog) (findings []Finding, settings []Setting) {
	findings, programs := analyze(workflows, c)
	// What is nearest to its source is hidden first: much of what comes later is then
	// hidden by inheritance.
	order := make([]int, len(findings))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(x, y int) int { return findings[x].length() - findings[y].length() })
	taken := map[string][]Setting{} // by workflow and path
	for _, i := range order {
		f := &findings[i]
		if f.own == nil || f.hidden(programs[f.Workflow]) {
			continue
		}
		s := Setting{f.Workflow, *f.own, f.step.Path}
		programs[f.Workflow].Secure(s.Setting)
		settings = append(settings, s)
		taken[s.place()] = append(taken[s.place()], s)
	}
	for i := range findings {
		if f := &findings[i]; f.hidden(programs[f.Workflow]) {
			f.Fix = f.hiddenBy(taken)
		}
	}
	return merge(findings), settings
}

func place(workflow int, path *value.Path) string { return fmt.Sprint(workflow, path) }

func (s Setting) place() string { return place(s.Workflow, s.Path) }

// hidden tells whether history hides the side by now.
func (f Finding) hidden(p *definition.Program) bool {
	if f.Kind != History {
		return false
	}
	var in, out bool
	if f.Trigger {
		in, out = p.Trigger(f.Name).Secures()
	} else {
		in, out = p.Hides(p.Action(f.Name))
	}
	return f.Sides[0] == "inputs" && in || f.Sides[0] == "outputs" && out
}

// hiddenBy returns the settings that hide a side: that of the operation itself, else
// those of operations on the way.
func (f Finding) hiddenBy(taken map[string][]Setting) []Setting {
	for _, s := range taken[place(f.Workflow, f.step.Path)] {
		if f.own != nil && *f.own == s.Setting {
			return []Setting{s}
		}
	}
	var list []Setting
	for _, w := range f.Ways {
		for _, step := range w.Steps {
			of := taken[place(step.Workflow, step.Path)]
			if step.Workflow != f.Workflow || len(of) == 0 {
				continue
			}
			s := of[0]
			for _, other := range of {
				if other.Side == "outputs" { // that alone is enough
					s = other
				}
			}
			if !slices.Contains(list, s) {
				list = append(list, s)
			}
		}
	}
	return list
}

func (f Finding) length() int {
	n := 0
	for _, w := range f.Ways {
		if n == 0 || len(w.Steps) < n {
			n = len(w.Steps)
		}
	}
	return n
}

// merge makes one finding of the two sides of an operation where the same is to be
// done for both.
func merge(findings []Finding) []Finding {
	var merged []Finding
	for _, f := range findings {
		if n := len(merged); n > 0 && f.Kind == History {
			last := &merged[n-1]
			if last.Kind == History && last.Workflow == f.Workflow && last.step == f.step && (last.Fix == nil) == (f.Fix == nil) {
				last.Sides = append(last.Sides, f.Sides...)
				for _, w := range f.Ways {
					last.addWay(w)
				}
				for _, s := range f.Fix {
					last.addFix(s)
				}
				continue
			}
		}
		merged = append(merged, f)
	}
	return merged
}

func (f *Finding) addWay(w Way) {
	for _, other := range f.Ways {
		if other.Source == w.Source {
			return
		}
	}
	f.Ways = append(f.Ways, w)
}

func (f *Finding) addFix(s Setting) {
	for _, other := range f.Fix {
		if other == s {
			return
		}
	}
	f.Fix = append(f.Fix, s)
}
