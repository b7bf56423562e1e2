package template

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/value"
)

// function is one that depends on its arguments alone; most < 0: any number.
type function struct {
	least, most int
	body        func([]value.Value) (value.Value, error)
}

var pureFunctions = map[string]function{
	"null":  {0, 0, func([]value.Value) (value.Value, error) { return value.Null(), nil }},
	"true":  {0, 0, func([]value.Value) (value.Value, error) { return value.Bool(true), nil }},
	"false": {0, 0, func([]value.Value) (value.Value, error) { return value.Bool(false), nil }},

	"concat":  {0, -1, concat},
	"format":  {1, -1, format},
	"tolower": textFunction(strings.ToLower),
	"toupper": textFunction(strings.ToUpper),
	"trim":    textFunction(strings.TrimSpace),
	"replace": {3, 3, func(a []value.Value) (value.Value, error) {
		return value.String(strings.ReplaceAll(a[0].Str(), a[1].Str(), a[2].Str())), nil
	}},
	"split":     {2, 2, func(a []value.Value) (value.Value, error) { return texts(strings.Split(a[0].Str(), a[1].Str())), nil }},
	"join":      {2, 2, joinTexts},
	"substring": {2, 3, substring},
	"startswith": {2, 2, func(a []value.Value) (value.Value, error) {
		return value.Bool(strings.HasPrefix(strings.ToLower(a[0].Str()), strings.ToLower(a[1].Str()))), nil
	}},
	"endswith": {2, 2, func(a []value.Value) (value.Value, error) {
		return value.Bool(strings.HasSuffix(strings.ToLower(a[0].Str()), strings.ToLower(a[1].Str()))), nil
	}},
	"indexof": indexOf(strings.Index, false), "lastindexof": indexOf(strings.LastIndex, true),
	"padleft": {2, 3, padLeft},
	"string":  {1, 1, func(a []value.Value) (value.Value, error) { return value.String(textOf(a[0])), nil }},
	"int":     {1, 1, toInt},
	"bool": {1, 1, func(a []value.Value) (value.Value, error) {
		return value.Bool(strings.EqualFold(textOf(a[0]), "true") || textOf(a[0]) == "1"), nil
	}},
	"json": {1, 1, parseJSON},
	"base64": {1, 1, func(a []value.Value) (value.Value, error) {
		return value.String(base64.StdEncoding.EncodeToString([]byte(a[0].Str()))), nil
	}},
	"base64tostring": {1, 1, fromBase64},
	"base64tojson": {1, 1, func(a []value.Value) (value.Value, error) {
		s, err := fromBase64(a)
		if err != nil {
			return s, err
		}
		return parseJSON([]value.Value{s})
	}},
	"uri":          {2, 2, joinURI},
	"uricomponent": textFunction(url.PathEscape),
	"uricomponenttostring": textFunction(func(s string) string {
		t, err := url.PathUnescape(s)
		if err != nil {
			return s
		}
		return t
	}),
	"uniquestring": {1, -1, uniqueString},
	"guid":         {1, -1, nameGUID},

	"datetimeadd": {2, 3, dateTimeAdd}, "datetimefromepoch": {1, 1, fromEpoch}, "datetimetoepoch": {1, 1, toEpoch},
	"parsecidr": {1, 1, parseCIDR}, "cidrsubnet": {3, 3, cidrSubnet}, "cidrhost": {2, 2, cidrHost},
	"items": {1, 1, items}, "objectkeys": {1, 1, objectKeys}, "intersection": {2, -1, intersection}, "shallowmerge": {1, 1, shallowMerge},
	"tryget": {2, -1, tryGet}, "indexfromend": fromEnd(true), "tryindexfromend": fromEnd(false),
	"datauri": {1, 1, dataURI}, "datauritostring": {1, 1, fromDataURI}, "float": {1, 1, toFloat},
	"any":  {1, 1, func(a []value.Value) (value.Value, error) { return a[0], nil }},
	"fail": {1, 1, func(a []value.Value) (value.Value, error) { return value.Value{}, errors.New(a[0].Str()) }},

	"equals": {2, 2, func(a []value.Value) (value.Value, error) { return value.Bool(equal(a[0], a[1])), nil }},
	"not":    {1, 1, func(a []value.Value) (value.Value, error) { b, _ := a[0].AsBool(); return value.Bool(!b), nil }},
	"and":    {1, -1, func(a []value.Value) (value.Value, error) { return value.Bool(count(a) == len(a)), nil }},
	"or":     {1, -1, func(a []value.Value) (value.Value, error) { return value.Bool(count(a) > 0), nil }},
	"if": {3, 3, func(a []value.Value) (value.Value, error) {
		if b, _ := a[0].AsBool(); b {
			return a[1], nil
		}
		return a[2], nil
	}},
	"coalesce": {1, -1, func(a []value.Value) (value.Value, error) {
		for _, v := range a {
			if !v.IsNull() {
				return v, nil
			}
		}
		return value.Null(), nil
	}},
	"less":            comparison(func(c int) bool { return c < 0 }),
	"lessorequals":    comparison(func(c int) bool { return c <= 0 }),
	"greater":         comparison(func(c int) bool { return c > 0 }),
	"greaterorequals": comparison(func(c int) bool { return c >= 0 }),

	"length": {1, 1, func(a []value.Value) (value.Value, error) {
		if s, ok := a[0].AsString(); ok {
			return value.Int(int64(len([]rune(s)))), nil
		}
		return value.Int(int64(a[0].Len())), nil
	}},
	"empty": {1, 1, func(a []value.Value) (value.Value, error) {
		return value.Bool(a[0].IsNull() || a[0].Str() == "" && a[0].Len() == 0), nil
	}},
	"contains":    {2, 2, contains},
	"createarray": {0, -1, func(a []value.Value) (value.Value, error) { return value.Array(a...), nil }},
	"array": {1, 1, func(a []value.Value) (value.Value, error) {
		if a[0].Kind() == value.KindArray {
			return a[0], nil
		}
		return value.Array(a[0]), nil
	}},
	"createobject": {0, -1, createObject},
	"first":        {1, 1, func(a []value.Value) (value.Value, error) { return element(a[0], 0), nil }},
	"last":         {1, 1, func(a []value.Value) (value.Value, error) { return element(a[0], -1), nil }},
	"skip": {2, 2, func(a []value.Value) (value.Value, error) {
		n, _ := a[1].AsInt()
		return part(a[0], int(min(max(n, 0), 1<<30)), 1<<30), nil
	}},
	"take": {2, 2, func(a []value.Value) (value.Value, error) {
		n, _ := a[1].AsInt()
		return part(a[0], 0, int(min(max(n, 0), 1<<30))), nil
	}},
	"union": {2, -1, union},
	"range": {2, 2, numbers},

	"add": arithmetic(false, func(a, b int64) int64 { return a + b }), "sub": arithmetic(false, func(a, b int64) int64 { return a - b }),
	"mul": arithmetic(false, func(a, b int64) int64 { return a * b }), "div": arithmetic(true, func(a, b int64) int64 { return a / b }),
	"mod": arithmetic(true, func(a, b int64) int64 { return a % b }),
	"min": {1, -1, extreme(func(a, b int64) bool { return a < b })}, "max": {1, -1, extreme(func(a, b int64) bool { return a > b })},
}

func textFunction(f func(string) string) function {
	return function{1, 1, func(a []value.Value) (value.Value, error) { return value.String(f(a[0].Str())), nil }}
}

func textOf(v value.Value) string {
	if s, ok := v.AsString(); ok {
		return s
	}
	if b, ok := v.AsBool(); ok {
		return map[bool]string{true: "True", false: "False"}[b]
	}
	if IsUnknown(v) {
		return ""
	}
	return string(value.Reveal(v))
}

// maxText bounds what an expression may build.
const maxText = 4 << 20

func concat(a []value.Value) (value.Value, error) {
	if len(a) > 0 && a[0].Kind() == value.KindArray {
		var items []value.Value
		for _, v := range a {
			for _, item := range v.Elements {
				items = append(items, item)
			}
		}
		return value.Array(items...), nil
	}
	var b strings.Builder
	for _, v := range a {
		if b.WriteString(textOf(v)); b.Len() > maxText {
			return value.Value{}, errTooLong
		}
	}
	return value.String(b.String()), nil
}

// placeholder is {0}, {0,8} or {0:format}.
var placeholder = regexp.MustCompile(`\{\{|\}\}|\{(\d{1,3})(,-?\d{1,3})?(:[^{}]*)?\}`)

func format(a []value.Value) (value.Value, error) {
	var failed error
	grown := 0
	text := placeholder.ReplaceAllStringFunc(a[0].Str(), func(found string) string {
		if found == "{{" || found == "}}" {
			return found[:1]
		}
		parts := placeholder.FindStringSubmatch(found)
		n, _ := strconv.Atoi(parts[1])
		if n+1 >= len(a) {
			failed = errors.New("format() has fewer arguments than its text names")
			return ""
		}
		s, err := formatted(a[n+1], strings.TrimPrefix(parts[3], ":"))
		if err != nil || grown > maxText {
			failed = cmp.Or(err, errTooLong)
			return ""
		}
		width, _ := strconv.Atoi(strings.TrimPrefix(parts[2], ","))
		s = fmt.Sprintf("%*s", width, s)
		grown += len(s)
		return s
	})
	return value.String(text), failed
}

var errTooLong = errors.New("the text grows too long")

func formatted(v value.Value, format string) (string, error) {
	if n, ok := v.AsInt(); ok && format != "" {
		return dotnet.FormatInt(n, format, culture.Invariant())
	}
	if f, ok := v.AsFloat(); ok && format != "" {
		return dotnet.FormatFloat(f, format, culture.Invariant())
	}
	return textOf(v), nil
}

func texts(parts []string) value.Value {
	items := make([]value.Value, len(parts))
	for i, p := range parts {
		items[i] = value.String(p)
	}
	return value.Array(items...)
}

func joinTexts(a []value.Value) (value.Value, error) {
	var parts []string
	for _, v := range a[0].Elements {
		parts = append(parts, textOf(v))
	}
	return value.String(strings.Join(parts, a[1].Str())), nil
}

func substring(a []value.Value) (value.Value, error) {
	runes := []rune(a[0].Str())
	start, _ := a[1].AsInt()
	length := int64(len(runes)) - start
	if len(a) > 2 {
		length, _ = a[2].AsInt()
	}
	if start < 0 || length < 0 || length > int64(len(runes))-start {
		return value.Value{}, errors.New("substring() reaches outside of its text")
	}
	return value.String(string(runes[start : start+length])), nil
}

func padLeft(a []value.Value) (value.Value, error) {
	s, fill := textOf(a[0]), " "
	if len(a) > 2 {
		fill = a[2].Str()
	}
	width, _ := a[1].AsInt()
	if width > 1000 || fill == "" {
		return value.Value{}, errors.New("padLeft() takes a width up to 1000 and one character")
	}
	return value.String(strings.Repeat(fill[:1], max(int(width)-len(s), 0)) + s), nil
}

func toInt(a []value.Value) (value.Value, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(textOf(a[0])), 10, 64)
	if err != nil {
		return value.Value{}, errors.New("int() needs a whole number")
	}
	return value.Int(n), nil
}

func parseJSON(a []value.Value) (value.Value, error) {
	v, err := value.Parse([]byte(a[0].Str()))
	if err != nil {
		return value.Value{}, errors.New("json() needs JSON text")
	}
	return v, nil
}

func fromBase64(a []value.Value) (value.Value, error) {
	data, err := base64.StdEncoding.DecodeString(a[0].Str())
	if err != nil {
		return value.Value{}, errors.New("the text is not base64")
	}
	return value.String(string(data)), nil
}

func joinURI(a []value.Value) (value.Value, error) {
	base, err := url.Parse(a[0].Str())
	if err != nil {
		return value.Value{}, errors.New("uri() needs a base address")
	}
	relative, err := url.Parse(a[1].Str())
	if err != nil {
		return value.Value{}, errors.New("uri() needs a relative address")
	}
	return value.String(base.ResolveReference(relative).String()), nil
}

func toFloat(a []value.Value) (value.Value, error) {
	f, err := strconv.ParseFloat(strings.TrimSpace(textOf(a[0])), 64)
	if err != nil {
		return value.Value{}, errors.New("float() needs a number")
	}
	return value.Float(f), nil
}
