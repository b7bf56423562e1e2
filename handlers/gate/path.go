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
	mismatch := &Rejection{http.StatusBadRequest, "TriggerRelativePathNotValid", fmt.Sprintf(
		"The relative path of the request does not match the relative path '%s' of trigger '%s'.", in.trigger.RelativePath, in.trigger.Name)}
	want, got := segments(in.trigger.RelativePath), segments(in.path.relative)
	if len(want) != len(got) {
		return mismatch
	}
	for i, segment := range want {
		decoded, err := url.PathUnescape(got[i])
		if err != nil {
			return mismatch
		}
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			if decoded == "" {
				return mismatch
			}
			in.call.RelativePath = append(in.call.RelativePath, Parameter{strings.TrimSuffix(name, "}"), decoded})
		} else if segment != decoded {
			return mismatch
		}
	}
	return nil
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

// invokePath is /workflows/{id}/triggers/{trigger}/paths/invoke[/{relative}], or
// /workflows/{id}/runs/{run}/actions/{action}[/repetitions/{path}]/run, or
// /workflows/{id}/runs/{run}/operations/{operation}.
type invokePath struct {
	workflowID, trigger, relative string
	resume                        Execution
}

func parsePath(escaped string) (invokePath, bool) {
	parts := strings.SplitN(strings.TrimPrefix(escaped, "/"), "/", 9)
	is := func(words ...string) bool { // "" stands for any segment
		for i, word := range words {
			if i >= len(parts) || word != "" && !strings.EqualFold(parts[i], word) {
				return false
			}
		}
		return true
	}
	named := make([]string, len(parts))
	for i, part := range parts {
		name, err := url.PathUnescape(part)
		if named[i] = name; err != nil && i < 6 {
			return invokePath{}, false
		}
	}
	switch {
	case is("workflows", "", "triggers", "", "paths", "invoke"):
		p := invokePath{workflowID: named[1], trigger: named[3], relative: strings.Join(parts[6:], "/")}
		return p, p.workflowID != "" && p.trigger != ""
	case is("workflows", "", "runs", "", "actions", "", "run") && len(parts) == 7:
		p := invokePath{workflowID: named[1], resume: Execution{Run: named[3], Action: named[5]}}
		return p, p.workflowID != "" && p.resume.Run != "" && p.resume.Action != ""
	case is("workflows", "", "runs", "", "actions", "", "repetitions", "", "run"):
		p := invokePath{workflowID: named[1], resume: Execution{Run: named[3], Action: named[5], Path: named[7]}}
		return p, p.workflowID != "" && p.resume.Run != "" && p.resume.Action != "" && p.resume.Path != ""
	case is("workflows", "", "runs", "", "operations", "") && len(parts) == 6:
		p := invokePath{workflowID: named[1], resume: Execution{Run: named[3], Operation: named[5]}}
		return p, p.workflowID != "" && p.resume.Run != "" && p.resume.Operation != ""
	}
	return invokePath{}, false
}
