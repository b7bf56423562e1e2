package template

import (
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"net/url"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// call evaluates a function of the template language, ignoring case.
func (e *evaluation) call(name string, args []value.Value) (value.Value, error) {
	if v, known, err := e.scoped(strings.ToLower(name), args); known {
		return v, err
	}
	f, ok := pureFunctions[strings.ToLower(name)]
	if !ok {
		return value.Value{}, fmt.Errorf("the function '%s' is not known here", name)
	}
	if len(args) < f.least || f.most >= 0 && len(args) > f.most {
		return value.Value{}, fmt.Errorf("the function '%s' has %d parameters, which is not what it takes", name, len(args))
	}
	return f.body(args)
}

// scoped are the functions that depend on the template or on where it goes.
func (e *evaluation) scoped(name string, args []value.Value) (value.Value, bool, error) {
	c := e.l.context
	first := ""
	if len(args) > 0 {
		first = args[0].Str()
	}
	object := func(pairs ...string) value.Value {
		b := value.NewObject(len(pairs) / 2)
		for i := 0; i+1 < len(pairs); i += 2 {
			b.Set(pairs[i], value.String(pairs[i+1]))
		}
		return b.Build()
	}
	switch name {
	case "parameters":
		if v, ok := e.given[strings.ToLower(first)]; ok {
			return v, true, nil
		}
		return value.Value{}, true, fmt.Errorf("the template parameter '%s' is not found", first)
	case "variables":
		v, err := e.variable(first)
		return v, true, err
	case "resourcegroup":
		return object("id", c.group(), "name", c.ResourceGroup, "location", c.Location), true, nil
	case "subscription":
		return object("id", "/subscriptions/"+c.SubscriptionID, "subscriptionId", c.SubscriptionID, "tenantId", c.TenantID, "displayName", "local"), true, nil
	case "tenant":
		return object("tenantId", c.TenantID), true, nil
	case "deployment":
		return value.Object(value.Member{Key: "name", Value: value.String("latchwork")}), true, nil
	case "environment":
		return object("resourceManager", "https://management.azure.com/", "portal", "https://portal.azure.com"), true, nil
	case "resourceid":
		id, err := e.resourceID(args)
		return value.String(id), true, err
	case "subscriptionresourceid":
		id, err := joinType("/subscriptions/"+c.SubscriptionID, args)
		return value.String(id), true, err
	case "copyindex":
		if !e.inCopy {
			return value.Value{}, true, errors.New("copyIndex() is only known inside a copy loop")
		}
		offset := int64(0)
		for _, a := range args {
			if n, ok := a.AsInt(); ok {
				offset = n
			}
		}
		return value.Int(e.copyIndex + offset), true, nil
	case "utcnow":
		return value.String(c.Now.UTC().Format("20060102T150405Z")), true, nil
	case "newguid":
		h := fnv.New128a()
		_, _ = fmt.Fprint(h, c.Now.UnixNano(), len(e.l.problems)) // a hash takes everything
		return value.String(guidOf(h.Sum(nil))), true, nil
	case "reference", "listkeys", "listcallbackurl", "listaccountsas":
		return known(), true, nil
	}
	return value.Value{}, false, nil
}

// known stands in for what only a deployed resource can answer: an empty object
// whose members read as empty text.
func known() value.Value {
	names := []string{"principalId", "tenantId", "clientId", "vaultUri", "value", "key1", "primaryKey", "accessEndpoint", "primaryConnectionString"}
	b := value.NewObject(len(names) + 2)
	for _, n := range names {
		b.Set(n, value.String(""))
	}
	inner := b.Build()
	return inner.With("identity", inner).With("keys", value.Array(inner))
}

func (e *evaluation) variable(name string) (value.Value, error) {
	key := strings.ToLower(name)
	if v, ok := e.variables[key]; ok {
		return v, nil
	}
	at := e.at.Key("variables")
	declared, ok := e.template.Member("variables").Get(name)
	if !ok {
		return value.Value{}, fmt.Errorf("the template variable '%s' is not found", name)
	}
	if e.evaluating[key] {
		return value.Value{}, fmt.Errorf("the template variable '%s' depends on itself", name)
	}
	e.evaluating[key] = true
	v := e.value(declared, at.Key(name))
	delete(e.evaluating, key)
	e.variables[key] = v
	return v, nil
}

// resourceID: [subscription], [group], type, names.
func (e *evaluation) resourceID(args []value.Value) (string, error) {
	c := e.l.context
	subscription, group := c.SubscriptionID, c.ResourceGroup
	typeAt := -1
	for i, a := range args {
		if strings.Contains(a.Str(), "/") && strings.Contains(a.Str(), ".") {
			typeAt = i
			break
		}
	}
	switch typeAt {
	case 0:
	case 1:
		group = args[0].Str()
	case 2:
		subscription, group = args[0].Str(), args[1].Str()
	default:
		return "", errors.New("resourceId() needs a resource type such as 'Microsoft.Web/connections'")
	}
	return joinType("/subscriptions/"+subscription+"/resourceGroups/"+group, args[typeAt:])
}

// joinType puts names between the segments of a type: A.B/c/d with x, y gives
// A.B/c/x/d/y.
func joinType(base string, args []value.Value) (string, error) {
	if len(args) < 2 {
		return "", errors.New("a resource id needs a type and a name")
	}
	types := strings.Split(args[0].Str(), "/")
	names := args[1:]
	if len(types)-1 != len(names) {
		return "", errors.New("a resource id needs as many names as its type has segments")
	}
	id := base + "/providers/" + types[0]
	for i, n := range names {
		id += "/" + types[i+1] + "/" + n.Str()
	}
	return id, nil
}

func guidOf(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

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
	"indexof": {2, 2, func(a []value.Value) (value.Value, error) {
		return value.Int(int64(strings.Index(strings.ToLower(a[0].Str()), strings.ToLower(a[1].Str())))), nil
	}},
	"lastindexof": {2, 2, func(a []value.Value) (value.Value, error) {
		return value.Int(int64(strings.LastIndex(strings.ToLower(a[0].Str()), strings.ToLower(a[1].Str())))), nil
	}},
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
	"guid":         {1, -1, func(a []value.Value) (value.Value, error) { return value.String(guidOf(hashOf(a))), nil }},

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
			return value.Value{}, errors.New("the text grows too long")
		}
	}
	return value.String(b.String()), nil
}

func format(a []value.Value) (value.Value, error) {
	s := a[0].Str()
	for i, v := range a[1:] {
		if s = strings.ReplaceAll(s, "{"+strconv.Itoa(i)+"}", textOf(v)); len(s) > maxText {
			return value.Value{}, errors.New("the text grows too long")
		}
	}
	return value.String(strings.NewReplacer("{{", "{", "}}", "}").Replace(s)), nil
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

func hashOf(a []value.Value) []byte {
	h := fnv.New128a()
	for _, v := range a {
		_, _ = h.Write(append(value.Reveal(v), 0)) // a hash takes everything
	}
	return h.Sum(nil)
}

// uniqueString gives 13 letters and digits; which ones is the product's secret.
func uniqueString(a []value.Value) (value.Value, error) {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	sum := hashOf(a)
	b := make([]byte, 13)
	for i := range b {
		b[i] = letters[sum[i]%32]
	}
	return value.String(string(b)), nil
}

func equal(a, b value.Value) bool {
	if a.Kind() == value.KindString && b.Kind() == value.KindString {
		return strings.EqualFold(a.Str(), b.Str())
	}
	return string(value.Reveal(a)) == string(value.Reveal(b))
}

func count(a []value.Value) int {
	n := 0
	for _, v := range a {
		if b, _ := v.AsBool(); b {
			n++
		}
	}
	return n
}

func comparison(holds func(int) bool) function {
	return function{2, 2, func(a []value.Value) (value.Value, error) {
		x, okX := a[0].AsInt()
		y, okY := a[1].AsInt()
		if !okX || !okY {
			return value.Bool(holds(strings.Compare(a[0].Str(), a[1].Str()))), nil
		}
		switch {
		case x < y:
			return value.Bool(holds(-1)), nil
		case x > y:
			return value.Bool(holds(1)), nil
		}
		return value.Bool(holds(0)), nil
	}}
}

func contains(a []value.Value) (value.Value, error) {
	switch a[0].Kind() {
	case value.KindString:
		return value.Bool(strings.Contains(a[0].Str(), textOf(a[1]))), nil
	case value.KindObject:
		return value.Bool(a[0].Has(a[1].Str())), nil
	}
	for _, item := range a[0].Elements {
		if equal(item, a[1]) {
			return value.Bool(true), nil
		}
	}
	return value.Bool(false), nil
}

func createObject(a []value.Value) (value.Value, error) {
	if len(a)%2 != 0 {
		return value.Value{}, errors.New("createObject() needs pairs of name and value")
	}
	b := value.NewObject(len(a) / 2)
	for i := 0; i < len(a); i += 2 {
		b.Set(a[i].Str(), a[i+1])
	}
	return b.Build(), nil
}

func element(v value.Value, at int) value.Value {
	if s, ok := v.AsString(); ok {
		runes := []rune(s)
		if len(runes) == 0 {
			return value.String("")
		}
		if at < 0 {
			at = len(runes) - 1
		}
		return value.String(string(runes[at]))
	}
	if v.Len() == 0 {
		return value.Null()
	}
	if at < 0 {
		at = v.Len() - 1
	}
	return v.At(at)
}

func part(v value.Value, from, n int) value.Value {
	if s, ok := v.AsString(); ok {
		runes := []rune(s)
		from = min(from, len(runes))
		return value.String(string(runes[from : from+min(n, len(runes)-from)]))
	}
	var items []value.Value
	for i, item := range v.Elements {
		if i >= from && i-from < n {
			items = append(items, item)
		}
	}
	return value.Array(items...)
}

func union(a []value.Value) (value.Value, error) {
	if a[0].Kind() == value.KindObject {
		merged := a[0]
		for _, o := range a[1:] {
			for k, v := range o.Members {
				merged = merged.With(k, v)
			}
		}
		return merged, nil
	}
	var items []value.Value
	for _, list := range a {
	next:
		for _, item := range list.Elements {
			for _, x := range items {
				if equal(x, item) {
					continue next
				}
			}
			items = append(items, item)
		}
	}
	return value.Array(items...), nil
}

func numbers(a []value.Value) (value.Value, error) {
	start, _ := a[0].AsInt()
	n, _ := a[1].AsInt()
	if n < 0 || n > 10000 {
		return value.Value{}, errors.New("range() takes a count of 0 to 10000")
	}
	items := make([]value.Value, n)
	for i := range items {
		items[i] = value.Int(start + int64(i))
	}
	return value.Array(items...), nil
}

func arithmetic(divides bool, f func(a, b int64) int64) function {
	return function{2, 2, func(a []value.Value) (value.Value, error) {
		x, okX := a[0].AsInt()
		y, okY := a[1].AsInt()
		if !okX || !okY {
			return value.Value{}, errors.New("arithmetic needs integers")
		}
		if divides && y == 0 {
			return value.Value{}, errors.New("division by zero")
		}
		return value.Int(f(x, y)), nil
	}}
}

func extreme(better func(a, b int64) bool) func([]value.Value) (value.Value, error) {
	return func(a []value.Value) (value.Value, error) {
		if len(a) == 1 && a[0].Kind() == value.KindArray {
			var list []value.Value
			for _, item := range a[0].Elements {
				list = append(list, item)
			}
			a = list
		}
		var best int64
		for i, v := range a {
			n, ok := v.AsInt()
			if !ok {
				return value.Value{}, errors.New("min() and max() need integers")
			}
			if i == 0 || better(n, best) {
				best = n
			}
		}
		return value.Int(best), nil
	}
}
