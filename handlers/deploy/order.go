package deploy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// The codes of a deployment that fails, as the product has them.
const (
	invalidTemplate   = "InvalidTemplate"
	deploymentFailed  = "DeploymentFailed"
	notFound          = "ResourceNotFound"
	invalidConnection = "InvalidApiConnectionProperties"
)

func problem(code string, at *value.Path, format string, args ...any) value.Problem {
	return value.Problem{Code: code, Path: at, Message: fmt.Sprintf(format, args...)}
}

// graph says which resources wait for which.
type graph struct {
	all      []*template.Resource
	waits    map[*template.Resource][]*template.Resource
	problems []value.Problem
}

// order sorts the resources so that each comes behind those that it depends on, by
// dependsOn or by what it asks of them; else they stay as they are in the file.
func order(t *template.Template) ([]*template.Resource, []value.Problem) {
	g := &graph{all: t.Resources, waits: map[*template.Resource][]*template.Resource{}}
	for _, r := range g.all {
		g.declared(r)
		if r.Within != nil { // a deployment is done when all in it is
			g.waits[r.Within] = append(g.waits[r.Within], r)
		}
	}
	for _, r := range g.all {
		if r.Skipped || r.Existing {
			continue
		}
		for _, c := range t.Calls(r) {
			if to := owner(g.all, c.ID); to != nil && to != r {
				g.waits[r] = append(g.waits[r], to)
			} else if to == r {
				g.problems = append(g.problems, problem(invalidTemplate, c.Path, "The resource '%s' refers to itself.", r.ID))
			}
		}
	}
	if len(g.problems) > 0 {
		return nil, g.problems
	}
	return g.sorted(), g.problems
}

// declared adds what dependsOn names, also for what is inside a deployment.
func (g *graph) declared(r *template.Resource) {
	for _, d := range r.DependsOn {
		found := g.find(d.On, r.Within)
		if len(found) == 0 {
			g.problems = append(g.problems, problem(invalidTemplate, d.Path, "The resource '%s' is not defined in the template; '%s' depends on it.", d.On, r.Name))
		}
		for _, to := range found {
			if to == r {
				g.problems = append(g.problems, problem(invalidTemplate, d.Path, "The resource '%s' depends on itself.", r.ID))
				continue
			}
			g.waits[r] = append(g.waits[r], to)
			if r.Is(template.DeploymentType) {
				for _, inside := range g.all {
					if within(inside, r) {
						g.waits[inside] = append(g.waits[inside], to)
					}
				}
			}
		}
	}
}

func within(r, deployment *template.Resource) bool {
	for ; r.Within != nil; r = r.Within {
		if r.Within == deployment {
			return true
		}
	}
	return false
}

// find returns what a dependency means: an id, the name of a copy loop, a symbolic name,
// a name, or type and name. Resources of the same template are preferred.
func (g *graph) find(on string, in *template.Resource) []*template.Resource {
	for _, same := range []bool{true, false} {
		for _, matches := range []func(*template.Resource) bool{
			func(r *template.Resource) bool { return strings.EqualFold(strings.TrimRight(on, "/"), r.ID) },
			func(r *template.Resource) bool { return r.IsSymbol(on) },
			func(r *template.Resource) bool { return r.Copy != "" && strings.EqualFold(on, r.Copy) },
			func(r *template.Resource) bool { return strings.EqualFold(on, r.Name) },
			func(r *template.Resource) bool { return strings.EqualFold(strings.Trim(on, "/"), r.Type+"/"+r.Name) },
		} {
			var found []*template.Resource
			for _, r := range g.all {
				if same == (r.Within == in) && matches(r) {
					found = append(found, r)
				}
			}
			if len(found) > 0 {
				return found
			}
		}
	}
	return nil
}

// owner is the resource whose id an id is, or begins with: that of a trigger leads to
// its workflow.
func owner(all []*template.Resource, id string) (best *template.Resource) {
	for _, r := range all {
		if r.Skipped || !strings.EqualFold(id, r.ID) && !hasPrefixFold(id, r.ID+"/") {
			continue
		}
		if best == nil || len(r.ID) > len(best.ID) {
			best = r
		}
	}
	return best
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

func (g *graph) sorted() []*template.Resource {
	var sorted, path []*template.Resource
	done := map[*template.Resource]bool{}
	var visit func(r *template.Resource) bool
	visit = func(r *template.Resource) bool {
		if at := slices.Index(path, r); at >= 0 {
			g.cycle(path[at:])
			return false
		}
		if done[r] {
			return true
		}
		path = append(path, r)
		for _, to := range g.waits[r] {
			if !visit(to) {
				return false
			}
		}
		path = path[:len(path)-1]
		done[r] = true
		sorted = append(sorted, r)
		return true
	}
	for _, r := range g.all {
		if !visit(r) {
			return nil
		}
	}
	return sorted
}

func (g *graph) cycle(round []*template.Resource) {
	var names []string
	for _, r := range append(slices.Clone(round), round[0]) {
		names = append(names, "'"+r.Type+"/"+r.Name+"'")
	}
	g.problems = append(g.problems, problem(invalidTemplate, round[0].Path, "Circular dependency detected: %s.", strings.Join(names, " waits for ")))
}
