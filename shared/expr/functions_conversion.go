package expr

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(
	Function{Name: "string", Min: 1, Max: 1, Doc: "A value as text.", Body: func(c *Call) (value.Value, error) { return value.String(TextOf(c.Args[0])), nil },
		Examples: []Example{{"@string(createArray(5,true))", `"[5,true]"`}}},
	Function{Name: "int", Min: 1, Max: 1, Doc: "A value as integer.", Body: toInt, Examples: []Example{{"@int('10')", `10`}}},
	Function{Name: "float", Min: 1, Max: 2, Doc: "A value as floating-point number.", Body: toFloatFunction, Examples: []Example{{"@float('1.5')", `1.5`}}},
	Function{Name: "bool", Min: 1, Max: 1, Doc: "A value as boolean.", Body: toBool, Examples: []Example{{"@bool(0)", `false`}}},
	Function{Name: "json", Min: 1, Max: 1, Doc: "The JSON value in a text.", Body: toJSON, Examples: []Example{{`@json('{"a":1}')`, `{"a":1}`}}},
	Function{Name: "base64", Min: 1, Max: 1, Doc: "A text, or the bytes of a content object, in base64.", Body: func(c *Call) (value.Value, error) {
		data, ok := contentBytes(c.Args[0])
		if !ok {
			data = []byte(TextOf(c.Args[0]))
		}
		return value.String(base64.StdEncoding.EncodeToString(data)), nil
	}, Examples: []Example{{"@base64('hi')", `"aGk="`}}},
	decoding("base64ToString"), decoding("decodeBase64"),
	Function{Name: "base64ToBinary", Min: 1, Max: 1, Doc: "A content object from base64.", Body: func(c *Call) (value.Value, error) {
		s, ok := c.Args[0].AsString()
		if !ok {
			return value.Value{}, wantString(c.name, c.Args[0])
		}
		if _, err := decodeBase64(s); err != nil {
			return value.Value{}, badBase64(c.name)
		}
		return content("application/octet-stream", s), nil
	}},
	Function{Name: "binary", Min: 1, Max: 1, Doc: "A content object from a value's text.", Body: func(c *Call) (value.Value, error) {
		if c.Args[0].IsNull() {
			return value.Value{}, cannotConvert(c.name)
		}
		return content("application/octet-stream", base64.StdEncoding.EncodeToString([]byte(TextOf(c.Args[0])))), nil
	}},
	escaping("uriComponent"), escaping("encodeUriComponent"),
	unescaping("uriComponentToString"), unescaping("decodeUriComponent"),
)

func cannotConvert(name string) error {
	return failure("The template language function '%s' was invoked with a parameter that is not valid. The value cannot be converted to the target type.", name)
}

func badBase64(name string) error {
	return failure("The template language function '%s' was invoked with a parameter that is not valid. The value cannot be decoded from base64 representation.", name)
}

func content(contentType, encoded string) value.Value {
	return value.Object(value.Member{Key: "$content-type", Value: value.String(contentType)}, value.Member{Key: "$content", Value: value.String(encoded)})
}

func toInt(c *Call) (value.Value, error) {
	switch v := c.Args[0]; v.Kind() {
	case value.KindInt:
		return v, nil
	case value.KindBool:
		if b, _ := v.AsBool(); b {
			return value.Int(1), nil
		}
		return value.Int(0), nil
	case value.KindFloat, value.KindDecimal:
		if f := toFloat(v); f == math.Trunc(f) && math.Abs(f) < 1<<63 {
			return value.Int(int64(f)), nil
		}
	case value.KindString:
		if n, err := strconv.ParseInt(strings.TrimSpace(v.Str()), 10, 64); err == nil {
			return value.Int(n), nil
		}
	}
	return value.Value{}, cannotConvert("int")
}

func toFloatFunction(c *Call) (value.Value, error) {
	v := c.Args[0]
	if isNumber(v.Kind()) {
		return value.Float(toFloat(v)), nil
	}
	s := strings.TrimSpace(strings.ReplaceAll(v.Str(), ",", ""))
	if strings.HasSuffix(s, "-") {
		s = "-" + strings.TrimSuffix(s, "-")
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && v.Kind() == value.KindString && !strings.ContainsAny(s, "xX_pPiI") {
		return value.Float(f), nil
	}
	return value.Value{}, cannotConvert("float")
}

func toBool(c *Call) (value.Value, error) {
	switch v := c.Args[0]; {
	case v.Kind() == value.KindBool:
		return v, nil
	case isNumber(v.Kind()):
		return value.Bool(toFloat(v) != 0), nil
	case strings.EqualFold(v.Str(), "true"), strings.EqualFold(v.Str(), "false"):
		return value.Bool(strings.EqualFold(v.Str(), "true")), nil
	}
	return value.Value{}, cannotConvert("bool")
}

func toJSON(c *Call) (value.Value, error) {
	v := c.Args[0]
	s, ok := v.AsString()
	if data, isContent := contentBytes(v); isContent {
		s, ok = decodeText(data, v.Member("$content-type").Str()), true
	}
	if !ok {
		return v, nil
	}
	parsed, err := value.Parse([]byte(s))
	if err != nil {
		return value.Value{}, failure("The template language function 'json' parameter is not valid. The provided value '%s' cannot be parsed: '%s'.%s", s, err, usage("json"))
	}
	return parsed, nil
}

func decoding(name string) Function {
	return Function{Name: name, Min: 1, Max: 1, Doc: "The text in base64.", Body: func(c *Call) (value.Value, error) {
		s, ok := c.Args[0].AsString()
		if !ok {
			return value.Value{}, wantString(name, c.Args[0])
		}
		data, err := decodeBase64(s)
		if err != nil {
			return value.Value{}, badBase64(name)
		}
		return value.String(strings.ToValidUTF8(string(data), "\ufffd")), nil
	}}
}

// escaping is Uri.EscapeDataString: everything but letters, digits and -_.~ is
// percent-encoded.
func escaping(name string) Function {
	return Function{Name: name, Min: 1, Max: -1, Doc: "A text, escaped to stand in a URI.", Body: func(c *Call) (value.Value, error) {
		var b strings.Builder
		for _, a := range c.Args {
			for _, x := range []byte(TextOf(a)) {
				if x < utf8.RuneSelf && strings.IndexByte("-_.~", x) >= 0 || x >= '0' && x <= '9' || x|32 >= 'a' && x|32 <= 'z' {
					b.WriteByte(x)
				} else {
					b.WriteByte('%')
					b.WriteByte("0123456789ABCDEF"[x>>4])
					b.WriteByte("0123456789ABCDEF"[x&15])
				}
			}
		}
		return value.String(b.String()), nil
	}, Examples: []Example{{"@" + name + "('a b/c')", `"a%20b%2Fc"`}}}
}

func unescaping(name string) Function {
	return Function{Name: name, Min: 1, Max: 1, Doc: "The text behind its escaped form.", Body: func(c *Call) (value.Value, error) {
		s, ok := c.Args[0].AsString()
		if !ok {
			return value.Value{}, wantString(name, c.Args[0])
		}
		var b []byte
		for i := 0; i < len(s); i++ {
			if s[i] == '%' && i+2 < len(s) {
				if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
					b = append(b, byte(n))
					i += 2
					continue
				}
			}
			if s[i] == '+' {
				b = append(b, ' ')
				continue
			}
			b = append(b, s[i])
		}
		return value.String(strings.ToValidUTF8(string(b), "\ufffd")), nil
	}, Examples: []Example{{"@" + name + "('a%20b+c')", `"a b c"`}}}
}
