package xsd

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cockroachdb/apd/v3"
)

// datatype is a built-in type.
type datatype struct {
	clr     string // what .NET calls it in messages
	valid   func(string) bool
	compare func(a, b string) (order int, ok bool) // of valid texts; nil without an order
	length  func(string) int                       // nil: characters
}

// refuse says what .NET says of a text that is no value of the type.
func (d *datatype) refuse(shown string) string {
	return fmt.Sprintf("The string '%s' is not a valid %s value.", shown, d.clr)
}

var (
	anySimpleType = &simpleType{name: name{Space: Space, Local: "anySimpleType"}, builtin: &datatype{clr: "String", valid: anything}, facets: noFacets()}
	builtinTypes  = makeBuiltins()
)

// builtin returns a built-in type by its name.
func builtin(local string) *simpleType {
	t, _ := builtinTypes[name{Space: Space, Local: local}].(*simpleType)
	return t
}

func anything(string) bool { return true }

// pattern makes a check of a regular expression that must match all of the text.
func pattern(expression string) func(string) bool {
	re := regexp.MustCompile(`^(?:` + expression + `)$`)
	return re.MatchString
}

const (
	nameStart = `\pL_`
	nameChar  = `\pL\pM\pN_.\x{B7}\-`
	zonePart  = `(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)?`
)

func makeBuiltins() map[name]schemaType {
	types := map[name]schemaType{anyType.name: anyType, anySimpleType.name: anySimpleType}
	builtin := func(local string) *simpleType {
		t, _ := types[name{Space: Space, Local: local}].(*simpleType)
		return t
	}
	add := func(local, base string, white whiteSpace, d *datatype) {
		t := &simpleType{name: name{Space: Space, Local: local}, base: builtin(base), white: white, builtin: d, facets: noFacets()}
		types[t.name] = t
	}
	list := func(local, item string) {
		t := &simpleType{name: name{Space: Space, Local: local}, base: anySimpleType, white: collapse, item: builtin(item), facets: noFacets()}
		t.facets.minLength = 1
		types[t.name] = t
	}
	text := func(clr string, valid func(string) bool) *datatype { return &datatype{clr: clr, valid: valid} }

	add("string", "anySimpleType", preserve, text("String", anything))
	add("normalizedString", "string", replace, text("NormalizedString", anything))
	add("token", "normalizedString", collapse, text("Token", anything))
	add("language", "token", collapse, text("Language", pattern(`[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*`)))
	add("Name", "token", collapse, text("Name", pattern(`[`+nameStart+`:][`+nameChar+`:]*`)))
	add("NMTOKEN", "token", collapse, text("NMTOKEN", pattern(`[`+nameChar+`:]+`)))
	ncName := pattern(`[` + nameStart + `][` + nameChar + `]*`)
	add("NCName", "Name", collapse, text("NCName", ncName))
	for _, local := range []string{"ID", "IDREF", "ENTITY"} {
		add(local, "NCName", collapse, text(local, ncName))
	}
	list("NMTOKENS", "NMTOKEN")
	list("IDREFS", "IDREF")
	list("ENTITIES", "ENTITY")
	add("anyURI", "anySimpleType", collapse, text("AnyUri", func(s string) bool { return !strings.ContainsAny(s, "<>\"{}|\\^`") || !strings.Contains(s, "://") }))
	qName := pattern(`(?:[` + nameStart + `][` + nameChar + `]*:)?[` + nameStart + `][` + nameChar + `]*`)
	add("QName", "anySimpleType", collapse, &datatype{clr: "QName", valid: qName, length: func(string) int { return 0 }})
	add("NOTATION", "anySimpleType", collapse, &datatype{clr: "NOTATION", valid: qName, length: func(string) int { return 0 }})
	add("boolean", "anySimpleType", collapse, &datatype{clr: "Boolean", valid: pattern(`true|false|1|0`), compare: func(a, b string) (int, bool) {
		return strings.Compare(strconv.FormatBool(isTrue(a)), strconv.FormatBool(isTrue(b))), true
	}})
	add("base64Binary", "anySimpleType", collapse, &datatype{clr: "Base64Binary", valid: func(s string) bool { _, ok := bytesOf64(s); return ok }, length: func(s string) int { n, _ := bytesOf64(s); return n }})
	add("hexBinary", "anySimpleType", collapse, &datatype{clr: "HexBinary", valid: func(s string) bool { _, err := hex.DecodeString(s); return err == nil }, length: func(s string) int { return len(s) / 2 }})
	add("float", "anySimpleType", collapse, &datatype{clr: "Single", valid: validFloat, compare: compareFloats})
	add("double", "anySimpleType", collapse, &datatype{clr: "Double", valid: validFloat, compare: compareFloats})
	add("decimal", "anySimpleType", collapse, &datatype{clr: "Decimal", valid: pattern(`[+-]?(?:\d+(?:\.\d*)?|\.\d+)`), compare: compareDecimals})
	for _, i := range integers {
		add(i.local, i.base, collapse, i.datatype())
	}
	for local, k := range temporals {
		add(local, "anySimpleType", collapse, &datatype{clr: k.clr, valid: func(s string) bool { _, ok := k.parse(s); return ok }, compare: k.compare})
	}
	add("duration", "anySimpleType", collapse, &datatype{clr: "TimeSpan", valid: func(s string) bool { _, ok := parseDuration(s); return ok }, compare: compareDurations})
	return types
}

func bytesOf64(s string) (int, bool) {
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(s, " ", ""))
	return len(data), err == nil
}

var floatForm = pattern(`[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|-?INF|NaN`)

func validFloat(s string) bool { return floatForm(s) }

func compareFloats(a, b string) (int, bool) {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	if errX != nil && !math.IsInf(x, 0) || errY != nil && !math.IsInf(y, 0) || math.IsNaN(x) || math.IsNaN(y) {
		return 0, a == b
	}
	switch {
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

// maxDecimal is how long a decimal may be that is compared.
const maxDecimal = 10_000

func compareDecimals(a, b string) (int, bool) {
	if len(a) > maxDecimal || len(b) > maxDecimal {
		return 0, false
	}
	x, _, errX := apd.NewFromString(a)
	y, _, errY := apd.NewFromString(b)
	if errX != nil || errY != nil {
		return 0, false
	}
	return x.Cmp(y), true
}

// integer is one of the types of whole numbers, with the bounds it has; "" is none.
type integer struct{ local, base, clr, low, high string }

// integers come after the type that they derive from.
var integers = []integer{
	{"integer", "decimal", "Integer", "", ""},
	{"nonPositiveInteger", "integer", "NonPositiveInteger", "", "0"},
	{"negativeInteger", "nonPositiveInteger", "NegativeInteger", "", "-1"},
	{"nonNegativeInteger", "integer", "NonNegativeInteger", "0", ""},
	{"positiveInteger", "nonNegativeInteger", "PositiveInteger", "1", ""},
	{"long", "integer", "Int64", "-9223372036854775808", "9223372036854775807"},
	{"int", "long", "Int32", "-2147483648", "2147483647"},
	{"short", "int", "Int16", "-32768", "32767"},
	{"byte", "short", "SByte", "-128", "127"},
	{"unsignedLong", "nonNegativeInteger", "UInt64", "0", "18446744073709551615"},
	{"unsignedInt", "unsignedLong", "UInt32", "0", "4294967295"},
	{"unsignedShort", "unsignedInt", "UInt16", "0", "65535"},
	{"unsignedByte", "unsignedShort", "Byte", "0", "255"},
}

var integerForm = pattern(`[+-]?\d+`)

func (i integer) datatype() *datatype {
	within := func(s, limit string, sign int) bool {
		order, ok := compareDecimals(s, limit)
		return limit == "" || ok && order*sign >= 0
	}
	return &datatype{clr: i.clr, compare: compareDecimals, valid: func(s string) bool {
		return integerForm(s) && utf8.RuneCountInString(s) <= maxDecimal && within(s, i.low, 1) && within(s, i.high, -1)
	}}
}
