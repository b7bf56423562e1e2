package expr

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/expr/xmltext"
	"github.com/latchwork/latchwork/shared/value"
)

// Conversion between types (expressions §4, §6, §10).
var _ = register(Conversion,
	Function{Signature: "string(value any)", Doc: "A value as text; arrays and objects as compact JSON.", Body: func(c *Call) (value.Value, error) { return c.asText(c.Args[0]) },
		Examples: []Example{{"@string(createArray(5,true))", `"[5,true]"`}, {"@string(true)", `"True"`}, {"@string(5.0)", `"5"`}}},
	Function{Signature: "int(value any)", Doc: "A value as integer: a number without a fraction, or a text of digits.", Body: toInt,
		Examples: []Example{{"@int('10')", `10`}, {"@int(5.0)", `5`}, {"@int('1.5')", `error: cannot be converted to the target type`}}},
	Function{Signature: "float(value any, locale? string)", Doc: "A value as floating-point number; texts as a culture writes them, en-US unless another is named.", Body: toFloatNumber,
		Examples: []Example{{"@float('10,000.333')", `10000.333`}, {"@float('10.000,333','de-DE')", `10000.333`}}},
	Function{Signature: "decimal(value any)", Doc: "A value as decimal number, with up to 28 decimal places that are kept.", Body: toDecimalNumber,
		Examples: []Example{{"@string(decimal('1.2345000'))", `"1.2345000"`}, {"@string(add(decimal('0.1'),decimal('0.2')))", `"0.3"`}}},
	Function{Signature: "bool(value any)", Doc: "A value as boolean: 0 is false, other numbers are true, texts must say it.", Body: toBool,
		Examples: []Example{{"@bool(0)", `false`}, {"@bool('True')", `true`}, {"@bool('yes')", `error: cannot be converted to the target type`}}},
	Function{Signature: "json(value any)", Doc: "The value of a JSON text; XML as the object that stands for it.", Body: toJSON,
		Examples: []Example{{`@json('{"a":1}')`, `{"a":1}`}, {`@json(xml('<a><b>1</b><b>2</b></a>'))`, `{"a":{"b":["1","2"]}}`}, {`@json('{')`, `error: cannot be parsed`}}},
	Function{Signature: "xml(value any)", Doc: "The XML of a text, or of an object with one property that stands for the root.", Body: toXML,
		Examples: []Example{{`@string(xml(json('{"a":{"b":[1,2]}}')))`, `"<a><b>1</b><b>2</b></a>"`}, {`@string(xml('<a/>'))`, `"<a />"`}}},
	Function{Signature: "xpath(xml content, expression string)", Doc: "What an XPath 1.0 expression selects from XML: a number, text or boolean, or an array of nodes.", Body: xpath,
		Examples: []Example{{`@xpath(xml('<r><a>1</a><a>2</a></r>'),'sum(//a)')`, `3.0`}, {`@xpath(xml('<r><a>1</a></r>'),'/r/a/text()')`, `["1"]`}}},
	Function{Signature: "base64(value any)", Doc: "A text, or the bytes of a content object, in base64.", Body: func(c *Call) (value.Value, error) {
		if data, ok := contentBytes(c.Args[0]); ok {
			return c.give(base64.StdEncoding.AppendEncode(c.buffer(), data))
		}
		return c.give(base64.StdEncoding.AppendEncode(c.buffer(), []byte(TextOf(c.Args[0]))))
	}, Examples: []Example{{"@base64('hi')", `"aGk="`}}},
	Function{Signature: "base64ToString(encoded string)", Doc: "The text in base64.", Body: fromBase64, Examples: []Example{{"@base64ToString('aGk=')", `"hi"`}}},
	Function{Signature: "decodeBase64(encoded string)", Doc: "The text in base64; base64ToString is the present name.", Body: fromBase64, Examples: []Example{{"@decodeBase64('aGk=')", `"hi"`}}},
	Function{Signature: "base64ToBinary(encoded string)", Doc: "A content object from base64.", Body: func(c *Call) (value.Value, error) {
		if _, err := decodeBase64(c.str(0)); err != nil {
			return value.Value{}, badBase64(c)
		}
		return contentEncoded(octetStream, c.str(0)), nil
	}, Examples: []Example{{"@base64ToBinary('aGk=')", `{"$content-type":"application/octet-stream","$content":"aGk="}`}}},
	Function{Signature: "binary(value any)", Doc: "A content object from the text of a value.", Body: func(c *Call) (value.Value, error) {
		if c.Args[0].IsNull() {
			return value.Value{}, cannotConvert(c)
		}
		return contentOf(octetStream, TextOf(c.Args[0])), nil
	}, Examples: []Example{{"@binary('hi')", `{"$content-type":"application/octet-stream","$content":"aGk="}`}}},
)

const (
	octetStream = "application/octet-stream"
	xmlType     = "application/xml;charset=utf-8"
)

func cannotConvert(c *Call) error {
	return c.invalid("cannot be converted to the target type")
}

func badBase64(c *Call) error {
	return c.invalid("cannot be decoded from base64 representation")
}

// contentEncoded is a content object of what is in base64 already.
func contentEncoded(contentType, encoded string) value.Value {
	return value.Object(value.Member{Key: "$content-type", Value: value.String(contentType)}, value.Member{Key: "$content", Value: value.String(encoded)})
}

// contentOf is a content object of bytes.
func contentOf(contentType, data string) value.Value {
	return contentEncoded(contentType, base64.StdEncoding.EncodeToString([]byte(data)))
}

// parseInt reads blanks, a sign and digits within 64 bits.
func parseInt(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.Trim(s, " \t\n\v\f\r"), 10, 64)
	return n, err == nil
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
	case value.KindFloat:
		if f := toFloat(v); f == math.Trunc(f) && f >= -1<<63 && f < 1<<63 {
			return value.Int(int64(f)), nil
		}
	case value.KindDecimal:
		d, _ := v.AsDecimal()
		if n, err := d.Int64(); err == nil {
			return value.Int(n), nil
		}
	case value.KindString:
		if n, ok := parseInt(v.Str()); ok {
			return value.Int(n), nil
		}
	}
	return value.Value{}, cannotConvert(c)
}

func toFloatNumber(c *Call) (value.Value, error) {
	v := c.Args[0]
	if isNumber(v.Kind()) {
		return value.Float(toFloat(v)), nil
	}
	in, err := c.culture(1, enUS)
	if err != nil {
		return value.Value{}, err
	}
	if s, isText := v.AsString(); isText {
		if f, ok := dotnet.ParseFloat(s, in); ok {
			return value.Float(f), nil
		}
	}
	return value.Value{}, cannotConvert(c)
}

func toDecimalNumber(c *Call) (value.Value, error) {
	v := c.Args[0]
	if isNumber(v.Kind()) {
		if d, ok := toDecimal(v); ok {
			return value.Decimal(d), nil
		}
	} else if s, isText := v.AsString(); isText {
		if d, ok := dotnet.ParseDecimal(s, enUS); ok {
			return value.Decimal(d), nil
		}
	}
	return value.Value{}, cannotConvert(c)
}

func toBool(c *Call) (value.Value, error) {
	v := c.Args[0]
	switch {
	case v.Kind() == value.KindBool:
		return v, nil
	case isNumber(v.Kind()):
		return value.Bool(!isZero(v)), nil
	}
	switch s := strings.TrimSpace(v.Str()); { // as .NET reads them
	case strings.EqualFold(s, "true"):
		return value.Bool(true), nil
	case strings.EqualFold(s, "false"):
		return value.Bool(false), nil
	}
	return value.Value{}, cannotConvert(c)
}

func toJSON(c *Call) (value.Value, error) {
	v := c.Args[0]
	s, ok := v.AsString()
	if data, isContent := contentBytes(v); isContent {
		contentType := v.Member("$content-type").Str()
		s, ok = decodeText(data, contentType), true
		if isXML(contentType) {
			return c.jsonOfXML(s)
		}
	}
	if !ok {
		return v, nil
	}
	parsed, err := value.ParseText(s)
	if err != nil {
		return value.Value{}, c.fail("parameter is not valid. The provided value '%s' cannot be parsed: '%s'.%s", s, err, usage(c.fn.Name))
	}
	return parsed, nil
}

func (c *Call) jsonOfXML(text string) (value.Value, error) {
	v, err := xmltext.ToJSON(text)
	if err != nil {
		return value.Value{}, c.fail("parameter is not valid. The provided value cannot be parsed: '%s'.%s", err, usage(c.fn.Name))
	}
	return v, nil
}

func isXML(contentType string) bool {
	mediaType, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	mediaType = strings.TrimSpace(mediaType)
	return mediaType == "application/xml" || mediaType == "text/xml" || strings.HasSuffix(mediaType, "+xml")
}

func toXML(c *Call) (value.Value, error) {
	v := c.Args[0]
	s, isText := v.AsString()
	if data, isContent := contentBytes(v); isContent {
		s, isText = decodeText(data, v.Member("$content-type").Str()), true
	}
	var text string
	var err error
	if isText {
		text, err = xmltext.Canonical(s)
	} else {
		text, err = xmltext.FromJSON(v)
	}
	if err != nil {
		return value.Value{}, c.fail("parameter is not valid. The provided value cannot be converted to XML: '%s'.%s", err, usage(c.fn.Name))
	}
	return contentOf(xmlType, text), nil
}

func xpath(c *Call) (value.Value, error) {
	data, ok := contentBytes(c.Args[0])
	if !ok {
		return value.Value{}, c.fail("expects its first parameter to be an XML object. The provided value is of type '%s'.%s", c.Args[0].Kind(), usage(c.fn.Name))
	}
	r, err := xmltext.XPath(decodeText(data, c.Args[0].Member("$content-type").Str()), c.str(1))
	if err != nil {
		return value.Value{}, c.fail("parameters are not valid: '%s'.%s", err, usage(c.fn.Name))
	}
	switch r.Kind {
	case xmltext.Number:
		return value.Float(r.Number), nil
	case xmltext.Text:
		return value.String(r.Text), nil
	case xmltext.Boolean:
		return value.Bool(r.Boolean), nil
	}
	nodes := make([]value.Value, len(r.Nodes))
	for i, n := range r.Nodes {
		if nodes[i] = value.String(n.Text); n.IsElement {
			nodes[i] = contentOf(xmlType, n.Text)
		}
	}
	return value.Array(nodes...), nil
}

func fromBase64(c *Call) (value.Value, error) {
	data, err := decodeBase64(c.str(0))
	if err != nil {
		return value.Value{}, badBase64(c)
	}
	return value.String(validUTF8(data)), nil
}
