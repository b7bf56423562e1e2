package run_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// TestOrderOfCompletionsDoesNotMatter: whatever the order in which parallel actions
// of a generated definition complete, in whatever groups a commit takes them up, the
// run ends with the same statuses and the same records.
func TestOrderOfCompletionsDoesNotMatter(t *testing.T) {
	const graphs, orders = 150, 6
	seen := map[definition.Status]int{}
	for seed := range uint64(graphs) {
		g := &generator{rand: rand.New(rand.NewPCG(seed, 7))}
		actions := g.container(0, false)
		want := ""
		for order := range uint64(orders) {
			s := start(t, actions)
			r := rand.New(rand.NewPCG(seed, order+100))
			for !s.finished {
				s.completeOne(r)
			}
			seen[s.s.Status]++
			got := s.everything()
			if order == 0 {
				want = got
			}
			if got != want {
				t.Fatalf("seed %d, order %d:\n got %s\nwant %s\n%s", seed, order, got, want, actions)
			}
		}
	}
	if seen[definition.Succeeded] == 0 || seen[definition.Failed] == 0 || seen[definition.TimedOut] == 0 {
		t.Errorf("the generated runs ended: %v", seen)
	}
}

// completeOne completes one of the actions given out, as its name and path say.
func (s *scenario) completeOne(r *rand.Rand) {
	s.t.Helper()
	keys := make([]string, 0, len(s.waiting))
	for key := range s.waiting {
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		s.t.Fatalf("nothing is given out and the run is not over:\n%s", s.everything())
	}
	slices.Sort(keys)
	key := keys[r.IntN(len(keys))]
	s.held = r.IntN(2) == 0 && len(keys) > 1 // the next one belongs to the same commit
	s.end(key, outcomeOf(key))
}

// outcomeOf is what an execution ends with: it depends on nothing but its name.
func outcomeOf(key string) run.Outcome {
	h := uint32(2166136261)
	for _, b := range []byte(key) {
		h = (h ^ uint32(b)) * 16777619
	}
	switch body := value.Object(value.Member{Key: "body", Value: value.String(key)}); (h >> 8) % 8 {
	case 0, 1:
		return run.Outcome{Status: definition.Failed, Code: "NotFound", Outputs: body}
	case 2:
		return run.Outcome{Status: definition.TimedOut, Code: "ActionTimedOut"}
	default:
		return run.Succeed("OK", body)
	}
}

// everything prints the run and all its records, without what differs from run to
// run by chance.
func (s *scenario) everything() string {
	lines := []string{fmt.Sprintf("run %s %s", s.s.Status, s.s.Code)}
	records := slices.Clone(s.past)
	for _, r := range s.s.Records {
		if !slices.ContainsFunc(s.past, func(p *run.Record) bool { return p.Key() == r.Key() }) {
			records = append(records, r)
		}
	}
	for _, r := range records {
		line := fmt.Sprintf("%s %q %s %s %v %d of %d in %s out %s", r.Name, r.Path, r.Status, r.Code, r.Error, r.Attempt, r.Repetitions, r.Inputs.Value, r.Outputs.Value)
		if p := r.Loop; p != nil {
			line += fmt.Sprintf(" loop %d %d %v %s %v", p.Count, p.Next, p.Active, p.Status, p.Inner)
		}
		lines = append(lines, strings.ReplaceAll(line, "\x00", "/"))
	}
	slices.Sort(lines[1:])
	return strings.Join(lines, "\n")
}

// generator makes definitions: every container, every set of statuses in runAfter,
// references to what an action runs after.
type generator struct {
	rand  *rand.Rand
	count int
	loops []string // around, the innermost last
}

func (g *generator) one(of ...string) string { return of[g.rand.IntN(len(of))] }

// container writes the actions of one container.
func (g *generator) container(depth int, until bool) string {
	var names, list []string
	for range 1 + g.rand.IntN(5-depth) {
		g.count++
		name := fmt.Sprintf("A%d", g.count)
		after, reads := g.runAfter(names)
		list = append(list, fmt.Sprintf(`%q:{%s,"runAfter":{%s}}`, name, g.body(name, depth, reads), after))
		names = append(names, name)
	}
	if until {
		g.count++
		list = append(list, fmt.Sprintf(`"A%d":{"type":"Compose","inputs":"@iterationIndexes('%s')"}`, g.count, g.loops[len(g.loops)-1]))
	}
	g.rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return "{" + strings.Join(list, ",") + "}"
}

// runAfter lets an action run after some of those before it, with any statuses.
func (g *generator) runAfter(names []string) (after string, reads []string) {
	var list []string
	for _, name := range names {
		if g.rand.IntN(3) > 0 {
			continue
		}
		statuses := []string{}
		for _, s := range []string{"Succeeded", "Failed", "Skipped", "TimedOut"} {
			if g.rand.IntN(5) < 3 {
				statuses = append(statuses, `"`+s+`"`)
			}
		}
		if len(statuses) == 0 {
			statuses = append(statuses, `"Succeeded"`)
		}
		list = append(list, fmt.Sprintf(`%q:[%s]`, name, strings.Join(statuses, ",")))
		reads = append(reads, name)
	}
	return strings.Join(list, ","), reads
}

// body writes the type of an action and what it does.
func (g *generator) body(name string, depth int, reads []string) string {
	kind := g.rand.IntN(12)
	if depth >= 3 && kind >= 5 {
		kind = g.rand.IntN(5)
	}
	inside := func(loop string, until bool) string {
		if loop != "" {
			g.loops = append(g.loops, loop)
			defer func() { g.loops = g.loops[:len(g.loops)-1] }()
		}
		return g.container(depth+1, until)
	}
	switch kind {
	case 0, 1, 2:
		return `"type":"Http","inputs":{}`
	case 3, 4, 5:
		return `"type":"Compose","inputs":` + g.inputs(reads)
	case 6, 7:
		return fmt.Sprintf(`"type":"Scope","actions":%s`, inside("", false))
	case 8:
		return fmt.Sprintf(`"type":"If","expression":"%s","actions":%s,"else":{"actions":%s}`,
			g.one("@equals(1,1)", "@equals(1,2)", "@triggerBody()", g.isFailed(reads)), inside("", false), inside("", false))
	case 9:
		return fmt.Sprintf(`"type":"Switch","expression":"%s","cases":{"one":{"case":1,"actions":%s},"two":{"case":2,"actions":%s}},"default":{"actions":%s}`,
			g.one("@1", "@2", "@3", "@null"), inside("", false), inside("", false), inside("", false))
	case 10:
		return fmt.Sprintf(`"type":"Foreach","foreach":"%s","runtimeConfiguration":{"concurrency":{"repetitions":%d}},"actions":%s`,
			g.one("@range(0,4)", "@range(0,2)", "@json('[]')", "@triggerBody()"), 1+g.rand.IntN(4), inside(name, false))
	default:
		return fmt.Sprintf(`"type":"Until","expression":"@equals(iterationIndexes('%s'),%d)","limit":{"count":3},"actions":%s`, name, g.rand.IntN(4), inside(name, true))
	}
}

// isFailed asks for the status of an action that this one runs after.
func (g *generator) isFailed(reads []string) string {
	if len(reads) == 0 {
		return "@not(false)"
	}
	return fmt.Sprintf("@equals(actions('%s')?['status'],'Failed')", g.one(reads...))
}

func (g *generator) inputs(reads []string) string {
	if len(reads) == 0 || g.rand.IntN(3) == 0 {
		return g.one("1", `"@triggerBody()"`, `"@int(triggerBody())"`)
	}
	return fmt.Sprintf(`"@actions('%s')?['status']"`, g.one(reads...))
}
