package expr

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/expr/xmltext"
	"github.com/latchwork/latchwork/shared/value"
)

// Strings (expressions §11). Positions and lengths count UTF-16 code units.
var _ = register(Strings,
	Function{Signature: "concat(value any, …)", Doc: "Joins values of any type as text.", Body: concat,
		Examples: []Example{{"@concat('a',1,true)", `"a1True"`}, {"@concat('x',null)", `"x"`}}},
	Function{Signature: "substring(text string, start integer, length? integer)", Doc: "A part of a text, from a position on.", Body: substring,
		Examples: []Example{{"@substring('hello',1,3)", `"ell"`}, {"@substring('hello',3)", `"lo"`}, {"@substring('abc',0,4)", `error: out of range`}}},
	Function{Signature: "slice(text string, start integer, end? integer)", Doc: "A part of a text between two positions; negative ones count from the end.", Body: slice,
		Examples: []Example{{"@slice('Hello World',2)", `"llo World"`}, {"@slice('Hello World',-5)", `"World"`}, {"@slice('Hello World',3,-1)", `"lo Worl"`}}},
	Function{Signature: "replace(text string, old string, new string)", Doc: "A text with every occurrence of a part replaced, with regard to case.", Body: replace,
		Examples: []Example{{"@replace('the old string','old','new')", `"the new string"`}, {"@replace('aAa','a','-')", `"-A-"`}}},
	Function{Signature: "guid(format? string)", Doc: "A new GUID, written as D (32 digits with hyphens), N (digits), B (braces), P (parentheses) or X (hexadecimal structure).", Body: newGUID,
		Examples: []Example{{"@length(guid())", `36`}, {"@length(guid('N'))", `32`}, {"@length(guid('X'))", `68`}}},
	Function{Signature: "toLower(text string)", Doc: "A text in lower case, the same in every culture.", Body: recased('A', 'Z', lower),
		Examples: []Example{{"@toLower('ÄB')", `"äb"`}}},
	Function{Signature: "toUpper(text string)", Doc: "A text in upper case, the same in every culture; no letter becomes two.", Body: recased('a', 'z', upper),
		Examples: []Example{{"@toUpper('groß')", `"GROß"`}}},
	Function{Signature: "trim(text string)", Doc: "A text without white space at both ends.", Body: mapped(trim),
		Examples: []Example{{"@trim(' a b ')", `"a b"`}}},
	Function{Signature: "indexOf(text string, part string)", Doc: "The first position of a part in a text, ignoring case, or -1.", Body: position(strings.Index),
		Examples: []Example{{"@indexOf('hello world','WORLD')", `6`}, {"@indexOf('a','')", `0`}}},
	Function{Signature: "lastIndexOf(text string, part string)", Doc: "The last position of a part in a text, ignoring case, or -1.", Body: lastIndexOf,
		Examples: []Example{{"@lastIndexOf('banana','AN')", `3`}}},
	Function{Signature: "nthIndexOf(text string, part string, occurrence integer)", Doc: "The position of the nth occurrence of a part, ignoring case, or -1; a negative n counts from the end.", Body: nthIndexOf,
		Examples: []Example{{"@nthIndexOf('123456789123465789','1',2)", `9`}, {"@nthIndexOf('banana','a',-1)", `5`}, {"@nthIndexOf('banana','x',1)", `-1`}}},
	Function{Signature: "startsWith(text string, part string)", Doc: "Whether a text begins with a part, ignoring case.", Body: affix(strings.HasPrefix, func(s string, n int) string { return s[:n] }),
		Examples: []Example{{"@startsWith('Hello','hE')", `true`}}},
	Function{Signature: "endsWith(text string, part string)", Doc: "Whether a text ends with a part, ignoring case.", Body: affix(strings.HasSuffix, func(s string, n int) string { return s[len(s)-n:] }),
		Examples: []Example{{"@endsWith('Hello','LO')", `true`}}},
	Function{Signature: "split(text string, separator string)", Doc: "The parts of a text between separators, with regard to case.", Body: split,
		Examples: []Example{{"@split('a,b,,c',',')", `["a","b","","c"]`}}},
	Function{Signature: "isInt(text string)", Doc: "Whether a text is an integer.", Body: func(c *Call) (value.Value, error) {
		_, ok := parseInt(c.str(0))
		return value.Bool(ok), nil
	}, Examples: []Example{{"@isInt('10')", `true`}, {"@isInt('1.5')", `false`}}},
	Function{Signature: "isFloat(text string, locale? string)", Doc: "Whether a text is a floating-point number, as a culture writes them.", Body: func(c *Call) (value.Value, error) {
		in, err := c.culture(1, invariant)
		if err != nil {
			return value.Value{}, err
		}
		_, ok := dotnet.ParseFloat(c.str(0), in)
		return value.Bool(ok), nil
	}, Examples: []Example{{"@isFloat('10,000.5')", `true`}, {"@isFloat('10.000,5','de-DE')", `true`}, {"@isFloat('ten')", `false`}}},
	Function{Signature: "utf8Length(text string)", Doc: "The number of bytes of a text in UTF-8.", Body: func(c *Call) (value.Value, error) { return value.Int(int64(len(c.str(0)))), nil },
		Examples: []Example{{"@utf8Length('h€')", `4`}}},
	Function{Signature: "utf16Length(text string)", Doc: "The number of UTF-16 code units of a text.", Body: func(c *Call) (value.Value, error) { return value.Int(int64(units(c.str(0)))), nil },
		Examples: []Example{{"@utf16Length('a😀')", `3`}}},
	Function{Signature: "trimByteOrderMark(content string or content)", Doc: "A text or content object without the byte order mark it may begin with.", Body: trimMark,
		Examples: []Example{{"@trimByteOrderMark('abc')", `"abc"`}}},
	Function{Signature: "encodeXmlValue(text string)", Doc: "A text with the characters that XML reserves as entities.", Body: mapped(xmltext.EncodeText),
		Examples: []Example{{"@encodeXmlValue('a<b & c')", `"a&lt;b &amp; c"`}}},
	Function{Signature: "decodeXmlValue(text string)", Doc: "The text behind XML entities.", Body: func(c *Call) (value.Value, error) {
		s, err := xmltext.DecodeText(c.str(0))
		if err != nil {
			return value.Value{}, c.invalid("cannot be decoded from its XML representation")
		}
		return value.String(s), nil
	}, Examples: []Example{{"@decodeXmlValue('a&lt;b')", `"a<b"`}}},
	Function{Signature: "encodeXmlName(text string)", Doc: "A text as an XML name: characters that may not stand in one become _xHHHH_.", Body: mapped(xmltext.EncodeName),
		Examples: []Example{{"@encodeXmlName('my name')", `"my_x0020_name"`}}},
	Function{Signature: "decodeXmlName(text string)", Doc: "The text behind an XML name with _xHHHH_.", Body: mapped(xmltext.DecodeName),
		Examples: []Example{{"@decodeXmlName('my_x0020_name')", `"my name"`}}},
)

func concat(c *Call) (value.Value, error) {
	if len(c.Args) == 1 {
		return c.asText(c.Args[0])
	}
	size := 0
	for _, a := range c.Args {
		size += len(a.Str())
	}
	if err := c.m.room(size); err != nil {
		return value.Value{}, err
	}
	text := slices.Grow(c.buffer(), size)
	for _, a := range c.Args {
		text = AppendText(text, a)
	}
	if err := c.m.room(c.fills(text)); err != nil {
		return value.Value{}, err
	}
	return c.give(text)
}

// asText gives a value as text; a text is one already.
func (c *Call) asText(v value.Value) (value.Value, error) {
	if v.Kind() == value.KindString {
		return v, nil
	}
	return c.give(AppendText(c.buffer(), v))
}

func substring(c *Call) (value.Value, error) {
	s, start := c.str(0), c.integer(1)
	length := int64(units(s))
	if !c.has(2) {
		if start < 0 || start >= length {
			return value.Value{}, c.fail("parameter is out of range: 'start index' must be non-negative integer and should be less than the length of the string.%s", usage(c.fn.Name))
		}
		return value.String(cut(s, int(start), int(length))), nil
	}
	count := c.integer(2)
	if start < 0 || count < 0 || start > length || count > length-start {
		return value.Value{}, c.fail("parameters are out of range: 'start index' and 'length' must be non-negative integers and their sum must be no larger than the length of the string.%s", usage(c.fn.Name))
	}
	return value.String(cut(s, int(start), int(start+count))), nil
}

func slice(c *Call) (value.Value, error) {
	s := c.str(0)
	length := int64(units(s))
	clip := func(i int64) int64 {
		if i < 0 {
			i = max(i, -length) + length
		}
		return min(i, length)
	}
	start, end := clip(c.integer(1)), length
	if c.has(2) {
		end = clip(c.integer(2))
	}
	if end <= start {
		return value.String(""), nil
	}
	return value.String(cut(s, int(start), int(end))), nil
}

func replace(c *Call) (value.Value, error) {
	s, old, with := c.str(0), c.str(1), c.str(2)
	if old == "" {
		return value.Value{}, c.fail("was invoked with parameters that are not valid: 'String cannot be of zero length. (Parameter 'oldValue')'.%s", usage(c.fn.Name))
	}
	if grown := len(with) - len(old); grown > 0 {
		if err := c.m.room(len(s) + strings.Count(s, old)*grown); err != nil {
			return value.Value{}, err
		}
	}
	text := c.buffer()
	for {
		i := strings.Index(s, old)
		if i < 0 {
			return c.give(append(text, s...))
		}
		text = append(append(text, s[:i]...), with...)
		s = s[i+len(old):]
	}
}

func split(c *Call) (value.Value, error) {
	s, separator := c.str(0), c.str(1)
	if separator == "" {
		return value.Array(value.String(s)), nil
	}
	n := strings.Count(s, separator) + 1
	if err := c.m.room(n * elementCost); err != nil {
		return value.Value{}, err
	}
	var few [8]string // need no memory
	parts := few[:0]
	for part := range strings.SplitSeq(s, separator) {
		parts = append(parts, part)
	}
	return value.Strings(parts...), nil
}

func mapped(f func(string) string) func(c *Call) (value.Value, error) {
	return func(c *Call) (value.Value, error) {
		if s := f(c.str(0)); s != c.str(0) {
			return value.String(s), nil
		}
		return c.Args[0], nil
	}
}

// recased changes the case of the ASCII letters from from to to; where there are
// other characters, mapText changes the whole.
func recased(from, to byte, mapText func(string) string) func(c *Call) (value.Value, error) {
	general := mapped(mapText)
	return func(c *Call) (value.Value, error) {
		s := c.str(0)
		if !isASCII(s) {
			return general(c)
		}
		text, changed := append(c.buffer(), s...), false
		for i := len(text) - len(s); i < len(text); i++ {
			if text[i] >= from && text[i] <= to {
				text[i] ^= 0x20
				changed = true
			}
		}
		if !changed {
			return c.Args[0], nil
		}
		return c.give(text)
	}
}

// trim takes away what .NET calls white space: that of Unicode.
func trim(s string) string { return strings.TrimFunc(s, unicode.IsSpace) }

// upper and lower are invariant and one-to-one. The invariant culture leaves the
// dotted and dotless i of Turkish alone.
func upper(s string) string {
	return caseMapped(s, 'a', 'z', 'ı', unicode.ToUpper)
}

func lower(s string) string {
	return caseMapped(s, 'A', 'Z', 'İ', unicode.ToLower)
}

// caseMapped changes ASCII without allocating where there is nothing to change.
func caseMapped(s string, from, to byte, except rune, mapRune func(rune) rune) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if r == except {
					return r
				}
				return mapRune(r)
			}, s)
		} else if c >= from && c <= to {
			if b, ok := asciiMapped(s, i, from, to); ok {
				return b
			}
		}
	}
	return s
}

func asciiMapped(s string, at int, from, to byte) (string, bool) {
	for i := at; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return "", false
		}
	}
	var b strings.Builder
	b.Grow(len(s))
	b.WriteString(s[:at])
	for i := at; i < len(s); i++ {
		c := s[i]
		if c >= from && c <= to {
			c ^= 0x20
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// affix compares an end of a text, which end cuts off, with a part. Within ASCII
// that takes no memory.
func affix(f func(s, part string) bool, end func(s string, n int) string) func(c *Call) (value.Value, error) {
	return func(c *Call) (value.Value, error) {
		s, part := c.str(0), c.str(1)
		if at := end(s, min(len(s), len(part))); isASCII(at) && isASCII(part) {
			return value.Bool(len(at) == len(part) && strings.EqualFold(at, part)), nil
		}
		return value.Bool(f(upper(s), upper(part))), nil
	}
}

func position(f func(s, part string) int) func(c *Call) (value.Value, error) {
	return func(c *Call) (value.Value, error) {
		s := upper(c.str(0))
		i := f(s, upper(c.str(1)))
		if i > 0 {
			i = units(s[:i])
		}
		return value.Int(int64(i)), nil
	}
}

// lastIndexOf: an empty part is found at the last code unit, not behind it.
func lastIndexOf(c *Call) (value.Value, error) {
	if c.str(1) == "" {
		return value.Int(int64(max(units(c.str(0))-1, 0))), nil
	}
	return position(strings.LastIndex)(c)
}

// nthIndexOf: occurrences may overlap; each search goes on one behind the last
// hit.
func nthIndexOf(c *Call) (value.Value, error) {
	s, part, n := upper(c.str(0)), upper(c.str(1)), c.integer(2)
	if n == 0 || part == "" {
		return value.Int(-1), nil
	}
	var hits []int
	for from := 0; from <= len(s); {
		i := strings.Index(s[from:], part)
		if i < 0 {
			break
		}
		hits = append(hits, from+i)
		if int64(len(hits)) == n {
			break
		}
		_, size := utf8.DecodeRuneInString(s[from+i:])
		from += i + max(size, 1)
	}
	at := n - 1
	if n < 0 {
		at = int64(len(hits)) + n
	}
	if at < 0 || at >= int64(len(hits)) {
		return value.Int(-1), nil
	}
	return value.Int(int64(units(s[:hits[at]]))), nil
}

func newGUID(c *Call) (value.Value, error) {
	const digits = "0123456789abcdef"
	var d [32]byte
	for i := range d {
		n := c.env.Ambient.Rand(16)
		switch i {
		case 12:
			n = 4
		case 16:
			n = n&3 | 8
		}
		d[i] = digits[n]
	}
	s := string(d[:])
	hyphens := s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	switch upper(c.str(0)) {
	case "D", "":
		return value.String(hyphens), nil
	case "N":
		return value.String(s), nil
	case "B":
		return value.String("{" + hyphens + "}"), nil
	case "P":
		return value.String("(" + hyphens + ")"), nil
	case "X":
		x := "{0x" + s[:8] + ",0x" + s[8:12] + ",0x" + s[12:16] + ",{"
		for i := 16; i < 32; i += 2 {
			if i > 16 {
				x += ","
			}
			x += "0x" + s[i:i+2]
		}
		return value.String(x + "}}"), nil
	}
	return value.Value{}, c.fail("expects its parameter to be one of 'D', 'N', 'B', 'P' or 'X'.%s", usage(c.fn.Name))
}

const byteOrderMark = "\ufeff"

func trimMark(c *Call) (value.Value, error) {
	if s, ok := c.Args[0].AsString(); ok {
		return value.String(strings.TrimPrefix(s, byteOrderMark)), nil
	}
	data, ok := contentBytes(c.Args[0])
	if !ok {
		return value.Value{}, c.fn.wrongType(0, stringType, c.Args[0].Kind())
	}
	return contentOf(c.Args[0].Member("$content-type").Str(), strings.TrimPrefix(string(data), byteOrderMark)), nil
}
