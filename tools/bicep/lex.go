package main

import (
	"fmt"
	"strings"
)

type kind uint8

const (
	end kind = iota
	newline
	name
	number
	text // parts holds what stands between interpolations, inner their sources
	mark
)

type token struct {
	kind  kind
	text  string
	parts []string
	inner []string
	line  int
}

// marks are the operators and brackets, the longer ones first.
var marks = []string{"==", "!=", "&&", "||", "<=", ">=", "{", "}", "[", "]", "(", ")", ":", ",", ".", "?", "!", "=", "<", ">", "@", "-"}

// lex cuts a source into tokens. Newlines are tokens: they end statements and
// separate the members of objects and arrays.
func lex(source string) ([]token, error) {
	var list []token
	line := 1
	for i := 0; i < len(source); {
		c := source[i]
		switch {
		case c == '\n':
			list = append(list, token{kind: newline, line: line})
			line++
			i++
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case strings.HasPrefix(source[i:], "//"):
			for i < len(source) && source[i] != '\n' {
				i++
			}
		case c == '\'':
			t, n, err := lexText(source[i:])
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", line, err)
			}
			t.line = line
			list, i = append(list, t), i+n
		case isLetter(c) || isDigit(c):
			start, of := i, name
			if isDigit(c) {
				of = number
			}
			for i < len(source) && (isLetter(source[i]) || isDigit(source[i])) {
				i++
			}
			list = append(list, token{kind: of, text: source[start:i], line: line})
		default:
			m := markAt(source[i:])
			if m == "" {
				return nil, fmt.Errorf("line %d: %q is not known here", line, c)
			}
			list, i = append(list, token{kind: mark, text: m, line: line}), i+len(m)
		}
	}
	return append(list, token{kind: end, line: line}), nil
}

func markAt(s string) string {
	for _, m := range marks {
		if strings.HasPrefix(s, m) {
			return m
		}
	}
	return ""
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// lexText reads a string in quotes and says how long it was.
func lexText(s string) (token, int, error) {
	t := token{kind: text}
	var part strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\'':
			t.parts = append(t.parts, part.String())
			return t, i + 1, nil
		case s[i] == '\n':
			return t, 0, fmt.Errorf("a string does not end")
		case s[i] == '\\' && i+1 < len(s):
			i++
			replaced, ok := map[byte]byte{'n': '\n', 't': '\t', '\\': '\\', '\'': '\'', '$': '$'}[s[i]]
			if !ok {
				return t, 0, fmt.Errorf("\\%c is not known", s[i])
			}
			part.WriteByte(replaced)
		case strings.HasPrefix(s[i:], "${"):
			length := strings.IndexByte(s[i:], '}')
			if length < 0 {
				return t, 0, fmt.Errorf("an interpolation does not end")
			}
			t.parts, t.inner = append(t.parts, part.String()), append(t.inner, s[i+2:i+length])
			part.Reset()
			i += length
		default:
			part.WriteByte(s[i])
		}
	}
	return t, 0, fmt.Errorf("a string does not end")
}
