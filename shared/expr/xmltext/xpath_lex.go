package xmltext

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenNumber
	tokenLiteral
	tokenName     // also prefix:name and prefix:*
	tokenOperator // and, or, mod, div, * and the signs
	tokenSign     // ( ) [ ] . .. @ , :: $ and * as a name test
)

type token struct {
	kind   tokenKind
	text   string
	number float64
	at     int
}

const errToken failure = "The XPath expression has an invalid token."

// lex splits an expression into tokens. Whether * and names such as "and" are
// operators depends on what stands before (XPath §3.7).
func lex(s string) ([]token, error) {
	var tokens []token
	for at := 0; ; {
		for at < len(s) && isSpace(s[at]) {
			at++
		}
		if at == len(s) {
			return append(tokens, token{kind: tokenEnd, at: at}), nil
		}
		t, size, err := lexOne(s[at:], operatorExpected(tokens))
		if err != nil {
			return nil, err
		}
		t.at = at
		tokens = append(tokens, t)
		at += size
	}
}

func operatorExpected(before []token) bool {
	if len(before) == 0 {
		return false
	}
	switch last := before[len(before)-1]; last.kind {
	case tokenOperator:
		return false
	case tokenSign:
		return last.text == ")" || last.text == "]" || last.text == "." || last.text == ".." || last.text == "*"
	}
	return true
}

func lexOne(s string, operator bool) (token, int, error) {
	switch c := s[0]; {
	case c == '"' || c == '\'':
		length := strings.IndexByte(s[1:], c)
		if length < 0 {
			return token{}, 0, failure("The XPath expression has a string that is not closed.")
		}
		return token{kind: tokenLiteral, text: s[1 : 1+length]}, length + 2, nil
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		size := 0
		for size < len(s) && isDigit(s[size]) {
			size++
		}
		if size < len(s) && s[size] == '.' {
			for size++; size < len(s) && isDigit(s[size]); {
				size++
			}
		}
		number, _ := strconv.ParseFloat(s[:size], 64)
		return token{kind: tokenNumber, number: number}, size, nil
	}
	for _, sign := range []string{"::", "..", "(", ")", "[", "]", ".", "@", ",", "$"} {
		if strings.HasPrefix(s, sign) {
			return token{kind: tokenSign, text: sign}, len(sign), nil
		}
	}
	for _, sign := range []string{"//", "/", "|", "+", "-", "=", "!=", "<=", "<", ">=", ">"} {
		if strings.HasPrefix(s, sign) {
			return token{kind: tokenOperator, text: sign}, len(sign), nil
		}
	}
	if s[0] == '*' {
		if operator {
			return token{kind: tokenOperator, text: "*"}, 1, nil
		}
		return token{kind: tokenSign, text: "*"}, 1, nil
	}
	name := nameAt(s)
	switch {
	case name == "":
		return token{}, 0, errToken
	case operator:
		if name == "and" || name == "or" || name == "mod" || name == "div" {
			return token{kind: tokenOperator, text: name}, len(name), nil
		}
		return token{}, 0, errToken
	}
	size := len(name)
	if rest := s[size:]; strings.HasPrefix(rest, ":") && !strings.HasPrefix(rest, "::") {
		if local := nameAt(rest[1:]); local != "" {
			size += 1 + len(local)
		} else if strings.HasPrefix(rest, ":*") {
			size += 2
		} else {
			return token{}, 0, errToken
		}
	}
	return token{kind: tokenName, text: s[:size]}, size, nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// nameAt returns the name without a colon that s begins with.
func nameAt(s string) string {
	end := 0
	for end < len(s) {
		r, size := utf8.DecodeRuneInString(s[end:])
		if end == 0 && !isNameStart(r) || !isNameChar(r) {
			break
		}
		end += size
	}
	return s[:end]
}
