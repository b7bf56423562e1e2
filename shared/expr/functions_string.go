package expr

import (
	"strings"
	"unicode"

	"github.com/latchwork/latchwork/shared/value"
)

var _ = register(
	Function{Name: "concat", Min: 1, Max: -1, Doc: "Joins values of any type as text.", Body: func(c *Call) (value.Value, error) {
		var b strings.Builder
		for _, a := range c.Args {
			b.WriteString(TextOf(a))
		}
		return value.String(b.String()), nil
	}, Examples: []Example{{"@concat('a',1,true)", `"a1True"`}}},
	text1("toLower", "The text in lower case.", strings.ToLower, Example{"@toLower('ÄB')", `"äb"`}),
	text1("toUpper", "The text in upper case.", upper, Example{"@toUpper('groß')", `"GROß"`}),
	text1("trim", "The text without blanks at both ends.", strings.TrimSpace, Example{"@trim(' a ')", `"a"`}),
	Function{Name: "replace", Min: 3, Max: 3, Doc: "The text with every occurrence of a part replaced, with regard to case.", Body: replace,
		Examples: []Example{{"@replace('a-b-c','-','+')", `"a+b+c"`}}},
	Function{Name: "substring", Min: 2, Max: 3, Doc: "A part of the text, by start and length in UTF-16 code units.", Body: substring,
		Examples: []Example{{"@substring('hello',1,3)", `"ell"`}}},
	Function{Name: "split", Min: 2, Max: 2, Doc: "The parts of a text between separators.", Body: split,
		Examples: []Example{{"@split('a,b',',')", `["a","b"]`}}},
	test("startsWith", "Whether the text begins with a part, ignoring case.", func(s, part string) bool { return strings.HasPrefix(s, part) }),
	test("endsWith", "Whether the text ends with a part, ignoring case.", func(s, part string) bool { return strings.HasSuffix(s, part) }),
	position("indexOf", "The first position of a part in a text, ignoring case, or -1.", strings.Index),
	position("lastIndexOf", "The last position of a part in a text, ignoring case, or -1.", lastIndex),
	Function{Name: "guid", Max: 1, Doc: "A new GUID: D, N, B or P says how it is written.", Body: newGUID},
)

func wantString(name string, v value.Value) error {
	return failure("The template language function '%s' expects its parameter to be a string. The provided value is of type '%s'.%s", name, v.Kind(), usage(name))
}

var ordinals = []string{"first", "second", "third", "fourth"}

// str returns argument i as text, or an error that names its place.
func (c *Call) str(i int) (string, error) {
	s, ok := c.Args[i].AsString()
	if !ok {
		return "", failure("The template language function '%s' expects its %s parameter to be of type string. The provided value is of type '%s'.%s", c.name, ordinals[i], c.Args[i].Kind(), usage(c.name))
	}
	return s, nil
}

// integer returns argument i as an integer.
func (c *Call) integer(i int) (int64, error) {
	n, ok := c.Args[i].AsInt()
	if !ok {
		return 0, failure("The template language function '%s' expects its %s parameter to be an integer. The provided value is of type '%s'.%s", c.name, ordinals[i], c.Args[i].Kind(), usage(c.name))
	}
	return n, nil
}

func text1(name, doc string, f func(string) string, examples ...Example) Function {
	return Function{Name: name, Min: 1, Max: 1, Doc: doc, Examples: examples, Body: func(c *Call) (value.Value, error) {
		s, ok := c.Args[0].AsString()
		if !ok {
			return value.Value{}, wantString(name, c.Args[0])
		}
		return value.String(f(s)), nil
	}}
}

// upper is one-to-one: no letter becomes two.
func upper(s string) string { return strings.Map(unicode.ToUpper, s) }

func replace(c *Call) (value.Value, error) {
	s, err := c.str(0)
	if err != nil {
		return value.Value{}, err
	}
	old, err := c.str(1)
	if err != nil {
		return value.Value{}, err
	}
	with, err := c.str(2)
	if err != nil {
		return value.Value{}, err
	}
	if old == "" {
		return value.Value{}, failure("The template language function 'replace' expects its second parameter to be a string that is not empty.%s", usage("replace"))
	}
	if n := strings.Count(s, old); n*len(with) > DefaultBytes {
		return value.Value{}, failure("The template language function 'replace' would produce more than it may.")
	}
	return value.String(strings.ReplaceAll(s, old, with)), nil
}

func substring(c *Call) (value.Value, error) {
	s, err := c.str(0)
	if err != nil {
		return value.Value{}, err
	}
	start, err := c.integer(1)
	if err != nil {
		return value.Value{}, err
	}
	length := int64(units(s))
	if len(c.Args) == 2 {
		if start < 0 || start >= length {
			return value.Value{}, failure("The template language function 'substring' parameter is out of range: 'start index' must be non-negative integer and should be less than the length of the string.%s", usage("substring"))
		}
		return value.String(cut(s, int(start), int(length))), nil
	}
	count, err := c.integer(2)
	if err != nil {
		return value.Value{}, err
	}
	if start < 0 || count < 0 || start > length || count > length-start {
		return value.Value{}, failure("The template language function 'substring' parameters are out of range: 'start index' and 'length' must be non-negative integers and their sum must be no larger than the length of the string.%s", usage("substring"))
	}
	return value.String(cut(s, int(start), int(start+count))), nil
}

func split(c *Call) (value.Value, error) {
	s, err := c.str(0)
	if err != nil {
		return value.Value{}, err
	}
	separator, err := c.str(1)
	if err != nil {
		return value.Value{}, err
	}
	if separator == "" {
		return value.Array(value.String(s)), nil
	}
	parts := strings.Split(s, separator)
	items := make([]value.Value, len(parts))
	for i, p := range parts {
		items[i] = value.String(p)
	}
	return value.Array(items...), nil
}

func test(name, doc string, f func(s, part string) bool) Function {
	return Function{Name: name, Min: 2, Max: 2, Doc: doc, Body: func(c *Call) (value.Value, error) {
		s, err := c.str(0)
		if err != nil {
			return value.Value{}, err
		}
		part, err := c.str(1)
		return value.Bool(f(upper(s), upper(part))), err
	}}
}

func position(name, doc string, f func(s, part string) int) Function {
	return Function{Name: name, Min: 2, Max: 2, Doc: doc, Body: func(c *Call) (value.Value, error) {
		s, err := c.str(0)
		if err != nil {
			return value.Value{}, err
		}
		part, err := c.str(1)
		if err != nil {
			return value.Value{}, err
		}
		s, part = upper(s), upper(part)
		i := f(s, part)
		if i > 0 {
			i = units(s[:i])
		}
		return value.Int(int64(i)), nil
	}}
}

// lastIndex: nothing is found at the last character, not behind it.
func lastIndex(s, part string) int {
	switch {
	case part == "" && s == "":
		return 0
	case part == "":
		return len(s) - 1
	}
	return strings.LastIndex(s, part)
}

func newGUID(c *Call) (value.Value, error) {
	format := "D"
	if len(c.Args) > 0 {
		var err error
		if format, err = c.str(0); err != nil {
			return value.Value{}, err
		}
	}
	const digits = "0123456789abcdef"
	b := make([]byte, 0, 36)
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b = append(b, '-')
		}
		d := c.env.Ambient.Rand(16)
		switch i {
		case 12:
			d = 4
		case 16:
			d = d&3 | 8
		}
		b = append(b, digits[d])
	}
	s := string(b)
	switch strings.ToUpper(format) {
	case "D", "":
	case "N":
		s = strings.ReplaceAll(s, "-", "")
	case "B":
		s = "{" + s + "}"
	case "P":
		s = "(" + s + ")"
	default:
		return value.Value{}, failure("The template language function 'guid' expects its parameter to be one of 'D, N, B, P'.%s", usage("guid"))
	}
	return value.String(s), nil
}
