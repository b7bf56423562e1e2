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

// invokePath is /workflows/{id}/triggers/{trigger}/paths/invoke[/{relative}].
type invokePath struct{ workflowID, trigger, relative string }

func parsePath(escaped string) (invokePath, bool) {
	parts := strings.SplitN(strings.TrimPrefix(escaped, "/"), "/", 7)
	fits := len(parts) >= 6 && strings.EqualFold(parts[0], "workflows") && strings.EqualFold(parts[2], "triggers") &&
		strings.EqualFold(parts[4], "paths") && strings.EqualFold(parts[5], "invoke")
	if !fits {
		return invokePath{}, false
	}
	id, errID := url.PathUnescape(parts[1])
	trigger, errTrigger := url.PathUnescape(parts[3])
	p := invokePath{workflowID: id, trigger: trigger}
	if len(parts) == 7 {
		p.relative = parts[6]
	}
	return p, errID == nil && errTrigger == nil && id != "" && trigger != ""
}
