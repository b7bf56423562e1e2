package script

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// References tells which actions code reads, and whether it reads the trigger,
// as far as its text shows. Like the product it looks at the text alone: a name
// that is computed, or reached through a copy of workflowContext, is not seen.
func References(code string) (actions []string, trigger bool) {
	for _, m := range references.FindAllStringSubmatch(code, -1) {
		var name string
		switch {
		case m[1] != "":
			trigger = true
			continue
		case m[2] != "":
			name = m[2]
		default:
			name = unquote(m[3])
		}
		if name != "" && !slices.Contains(actions, name) {
			actions = append(actions, name)
		}
	}
	return actions, trigger
}

var references = regexp.MustCompile(`\bworkflowContext\s*(?:\?\.|\.)\s*(?:(trigger)\b|` +
	`actions\s*(?:(?:\?\.|\.)\s*([\p{L}_$][\p{L}\p{M}\p{N}_$]*)|(?:\?\.)?\[\s*('(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|` + "`[^`\\\\$]*`" + `)\s*\]))`)

var escapes = regexp.MustCompile(`\\(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|(.))`)

// unquote returns what a string literal of JavaScript stands for.
func unquote(literal string) string {
	return escapes.ReplaceAllStringFunc(literal[1:len(literal)-1], func(s string) string {
		switch m := escapes.FindStringSubmatch(s); {
		case m[3] == "":
			n, err := strconv.ParseUint(m[1]+m[2], 16, 16)
			if err != nil {
				return s
			}
			return string(rune(n))
		case strings.Contains("nrtbfv0", m[3]):
			return strings.NewReplacer("n", "\n", "r", "\r", "t", "\t", "b", "\b", "f", "\f", "v", "\v", "0", "\x00").Replace(m[3])
		default:
			return m[3]
		}
	})
}
