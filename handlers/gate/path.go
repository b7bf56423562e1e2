package gate

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// relativePath: parameters take one segment each, which is not empty; literals
// match exactly (triggers §11.2).
func (in *inbound) relativePath() *Rejection {
	want, got := segments(in.trigger.RelativePath), segments(in.path.relative)
	if len(want) != len(got) {
		return in.pathMismatch()
	}
	for i, segment := range want {
		decoded, err := url.PathUnescape(got[i])
		if err != nil {
			return in.pathMismatch()
		}
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			if decoded == "" {
				return in.pathMismatch()
			}
			in.call.RelativePath = append(in.call.RelativePath, Parameter{strings.TrimSuffix(name, "}"), decoded})
		} else if segment != decoded {
			return in.pathMismatch()
		}
	}
	return nil
}

func (in *inbound) pathMismatch() *Rejection {
	return &Rejection{Status: http.StatusBadRequest, Code: "TriggerRelativePathNotValid", Message: fmt.Sprintf(
		"The relative path of the request does not match the relative path '%s' of trigger '%s'.", in.trigger.RelativePath, in.trigger.Name)}
}

func segments(path string) []string {
	path = strings.Trim(path, "/")
	if path == "" {
		return nil
	}
	return strings.Split(path, "/")
}

// ownQueries are the caller's own, decoded, in their order.
func ownQueries(raw string) []Parameter {
	var list []Parameter
	for piece := range strings.SplitSeq(raw, "&") {
		k, v, _ := strings.Cut(piece, "=")
		name, err := url.QueryUnescape(k)
		if err != nil || name == "" || sasParameters[name] {
			continue
		}
		text, err := url.QueryUnescape(v)
		if err != nil {
			text = v
		}
		list = append(list, Parameter{name, text})
	}
	return list
}

// The kinds of call.
const (
	triggerCall = "trigger"
	resumeCall  = "resume"
	contentCall = "content"
	answerCall  = "answer" // asks for the response of a run
	otherCall   = "other"  // what a run has besides, which is not served here
)

// invokePath is what a path below /workflows/{id} asks for (inbound-security §1).
type invokePath struct {
	kind, verb                             string
	workflowID, version, trigger, relative string
	resume                                 Execution
	content                                Content
	other                                  string // scope
}

// scope is what permissions name, without the verb.
func (p invokePath) scope() string {
	switch p.kind {
	case triggerCall:
		scope := "/triggers/" + scopeName(p.trigger)
		if p.version != "" {
			scope = "/versions/" + scopeName(p.version) + scope
		}
		return scope
	case resumeCall, answerCall:
		return p.resume.scope()
	case contentCall:
		return p.content.scope()
	}
	return p.other
}

// scopeName keeps a name from being taken for more than one part of a scope, or for
// the end of a permission.
func scopeName(name string) string { return scopeNames.Replace(name) }

var scopeNames = strings.NewReplacer("%", "%25", ",", "%2C", "/", "%2F")

func (x Execution) scope() string { return x.in(scopeName) }
func (x Execution) path() string  { return x.in(url.PathEscape) }

func (c Content) scope() string { return c.Execution.scope() + "/contents/" + c.Name }

// in writes the execution as a path, its names in the given way.
func (x Execution) in(name func(string) string) string {
	s := "/runs/" + name(x.Run)
	if x.Operation != "" {
		s += "/operations/" + name(x.Operation)
	}
	if x.Action != "" {
		s += "/actions/" + name(x.Action)
	}
	if x.Path != "" {
		s += "/repetitions/" + name(x.Path)
	}
	return s
}

// parsePath reads
//
//	/workflows/{id}[/versions/{version}]/triggers/{trigger}/paths/invoke[/{relative}]
//	/workflows/{id}/triggers/{trigger}/run
//	/workflows/{id}/runs/{run}/actions/{action}[/repetitions/{path}]/run
//	/workflows/{id}/runs/{run}[/actions/{action}[/repetitions/{path}]]/contents/{name}
//	/workflows/{id}/runs/{run}/operations/{operation}
//	/workflows/{id}/runs/{run}/…
//
// Words are read without regard to case.
func parsePath(escaped string) (p invokePath, ok bool) {
	parts := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	if len(parts) < 4 || !strings.EqualFold(parts[0], "workflows") {
		return p, false
	}
	if p.workflowID, ok = unescaped(parts[1]); !ok {
		return p, false
	}
	below := parts[2:]
	if names, _, ok := shaped(below, "versions", "", "..."); ok {
		p.version = names[0]
		if below = below[2:]; len(below) == 0 || !strings.EqualFold(below[0], "triggers") {
			return p, false
		}
	}
	if names, rest, ok := shaped(below, "triggers", "", "paths", "invoke", "..."); ok {
		p.kind, p.verb, p.trigger, p.relative = triggerCall, "run", names[0], strings.Join(rest, "/")
		return p, true
	}
	if names, _, ok := shaped(below, "triggers", "", "run"); ok {
		p.kind, p.verb, p.trigger = triggerCall, "run", names[0]
		return p, true
	}
	return p.below(below)
}

// below reads what is below a run.
func (p invokePath) below(parts []string) (invokePath, bool) {
	for _, shape := range []struct {
		kind  string
		words []string
	}{
		{resumeCall, []string{"runs", "", "actions", "", "run"}},
		{resumeCall, []string{"runs", "", "actions", "", "repetitions", "", "run"}},
		{contentCall, []string{"runs", "", "contents", ""}},
		{contentCall, []string{"runs", "", "actions", "", "contents", ""}},
		{contentCall, []string{"runs", "", "actions", "", "repetitions", "", "contents", ""}},
	} {
		names, _, ok := shaped(parts, shape.words...)
		if !ok {
			continue
		}
		p.kind, p.verb = shape.kind, "run"
		var content string
		if shape.kind == contentCall {
			p.verb, content, names = "read", names[len(names)-1], names[:len(names)-1]
			if content, ok = contentName(content, len(names) > 1); !ok {
				return p, false
			}
		}
		x := Execution{Run: names[0]}
		if len(names) > 1 {
			x.Action = names[1]
		}
		if len(names) > 2 {
			x.Path = names[2]
		}
		if shape.kind == contentCall {
			p.content = Content{x, content}
		} else {
			p.resume = x
		}
		return p, true
	}
	if names, _, ok := shaped(parts, "runs", "", "operations", ""); ok {
		p.kind, p.verb, p.resume = answerCall, "read", Execution{Run: names[0], Operation: names[1]}
		return p, true
	}
	if _, rest, ok := shaped(parts, "runs", "", "..."); ok && len(rest) > 0 {
		last := len(parts) - 1
		verb, ok := unescaped(parts[last])
		p.kind, p.verb, p.other = otherCall, verb, "/"+strings.Join(parts[:last], "/")
		return p, ok
	}
	return p, false
}

// contentName is the name of a side of a trigger or an action as it is written.
func contentName(name string, ofAction bool) (string, bool) {
	known := []string{"TriggerInputs", "TriggerOutputs"}
	if ofAction {
		known = []string{"ActionInputs", "ActionOutputs"}
	}
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return k, true
		}
	}
	return "", false
}

// shaped compares parts of a path with words, of which "" stands for any name and
// "..." for the rest. It returns the names and the rest.
func shaped(parts []string, words ...string) (names, rest []string, ok bool) {
	for i, word := range words {
		switch {
		case word == "...":
			return names, parts[i:], true
		case i >= len(parts):
			return nil, nil, false
		case word == "":
			name, ok := unescaped(parts[i])
			if !ok {
				return nil, nil, false
			}
			names = append(names, name)
		case !strings.EqualFold(word, parts[i]):
			return nil, nil, false
		}
	}
	return names, nil, len(parts) == len(words)
}

func unescaped(part string) (string, bool) {
	name, err := url.PathUnescape(part)
	return name, err == nil && name != ""
}
