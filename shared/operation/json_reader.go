package operation

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/value"
)

// readJSON reads a text as Newtonsoft's JsonTextReader does, which forgives much:
// single quotes, names without quotes, comments, commas behind the last element or
// in place of one, NaN, Infinity, undefined, hexadecimal and octal numbers, control
// characters in strings, and whatever follows the first value. Where the text ends
// behind a value, all that is open is closed. Blanks alone are null.
//
// The message of an error names place and character, and so may quote the text.
func readJSON(text string) (value.Value, error) {
	if v, err := value.Parse([]byte(text)); err == nil {
		return v, nil // most texts are JSON
	}
	r := &jsonReader{text: text, line: 1}
	return r.document()
}

type jsonReader struct {
	text      string
	at        int
	line      int
	lineStart int
	started   bool // something was read; before that, Newtonsoft counts from line 0
	open      []openJSON
}

// openJSON is an array or object that is being read, for the path in a message.
type openJSON struct {
	inArray bool
	index   int // of the element read last, from -1
	name    string
	named   bool
}

// readError carries a message through the reader.
type readError struct{ message string }

func (e *readError) Error() string { return e.message }

func (r *jsonReader) document() (value.Value, error) {
	if err := r.blanks(); err != nil {
		return value.Value{}, err
	}
	if r.ended() {
		return value.Null(), nil
	}
	return r.value()
}

func (r *jsonReader) ended() bool { return r.at >= len(r.text) }

// next is the character that comes next; the text must not have ended.
func (r *jsonReader) next() rune {
	c, _ := utf8.DecodeRuneInString(r.text[r.at:])
	return c
}

func (r *jsonReader) fail(format string, args ...any) error {
	position, line := len(utf16.Encode([]rune(r.text[r.lineStart:min(r.at, len(r.text))]))), r.line
	if !r.started && position == 0 {
		line = 0
	}
	return &readError{fmt.Sprintf(format, args...) + fmt.Sprintf(" Path '%s', line %d, position %d.", r.path(r.open), line, position)}
}

// failEnd: the text ends where a value or name is needed.
func (r *jsonReader) failEnd() error {
	return &readError{fmt.Sprintf("Unexpected end when reading token. Path '%s'.", r.path(r.open[:max(len(r.open)-1, 0)]))}
}

func (r *jsonReader) path(open []openJSON) string {
	var path []any
	for _, o := range open {
		switch {
		case o.inArray && o.index >= 0:
			path = append(path, o.index)
		case !o.inArray && o.named:
			path = append(path, o.name)
		}
	}
	return jsonPath(path)
}

// jsonPath writes names and indexes as Newtonsoft does: rows[1].name, ['a b'][0].
func jsonPath(path []any) string {
	var b strings.Builder
	for _, step := range path {
		name, isName := step.(string)
		switch {
		case !isName:
			fmt.Fprintf(&b, "[%d]", step)
		case strings.ContainsAny(name, ". '/\"[]()\t\n\r\f\b\\\u0085\u2028\u2029"):
			b.WriteString("['" + pathEscapes.Replace(name) + "']")
		case b.Len() > 0:
			b.WriteString("." + name)
		default:
			b.WriteString(name)
		}
	}
	return b.String()
}

var pathEscapes = strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\f", `\f`, "\b", `\b`)

// counted moves the index of the array that is being read.
func (r *jsonReader) counted() {
	if n := len(r.open); n > 0 {
		r.open[n-1].index++
	}
}

func (r *jsonReader) newLine() {
	r.line++
	r.lineStart = r.at
}

// blanks passes over white space and comments.
func (r *jsonReader) blanks() error {
	for !r.ended() {
		switch c := r.next(); {
		case c == '\n' || c == '\r':
			r.at++
			if c == '\r' && !r.ended() && r.text[r.at] == '\n' {
				r.at++
			}
			r.newLine()
		case unicode.IsSpace(c):
			r.at += utf8.RuneLen(c)
		case c == '/':
			if err := r.comment(); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return nil
}

func (r *jsonReader) comment() error {
	r.started = true
	rest := r.text[r.at:]
	switch {
	case strings.HasPrefix(rest, "//"):
		if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
			r.at += end
		} else {
			r.at = len(r.text)
		}
		return nil
	case strings.HasPrefix(rest, "/*"):
		for r.at += 2; !r.ended(); {
			if strings.HasPrefix(r.text[r.at:], "*/") {
				r.at += 2
				return nil
			}
			newLine := r.text[r.at] == '\n'
			if r.at++; newLine {
				r.newLine()
			}
		}
		return r.fail("Unexpected end while parsing comment.")
	}
	if r.at++; r.ended() {
		return r.fail("Unexpected end while parsing comment.")
	}
	return r.fail("Error parsing comment. Expected: *, got %c.", r.next())
}

func (r *jsonReader) value() (value.Value, error) {
	if err := r.blanks(); err != nil {
		return value.Value{}, err
	}
	if r.ended() {
		return value.Value{}, r.failEnd()
	}
	switch c := r.next(); c {
	case '{', '[':
		if len(r.open) >= value.MaxDepth {
			return value.Value{}, r.fail("The reader's MaxDepth of %d has been exceeded.", value.MaxDepth)
		}
		r.counted()
		r.started = true
		r.at++
		r.open = append(r.open, openJSON{inArray: c == '[', index: -1})
		read := r.object
		if c == '[' {
			read = r.array
		}
		v, err := read()
		if err == nil {
			r.open = r.open[:len(r.open)-1]
		}
		return v, err
	case '"', '\'':
		s, err := r.str(byte(c))
		r.counted()
		return value.String(s), err
	case ',':
		r.started = true // nothing in place of a value is null; the comma is read again
		r.counted()
		return value.Null(), nil
	case ']':
		r.started = true
		r.at++
		kind := "None"
		if len(r.open) > 0 {
			kind = "Object"
		}
		return value.Value{}, r.fail("JsonToken EndArray is not valid for closing JsonType %s.", kind)
	default:
		for _, l := range literals {
			if strings.HasPrefix(r.text[r.at:], l.first) {
				return l.value, r.literal(l.word, l.name)
			}
		}
		if c == '-' || c == '.' || c >= '0' && c <= '9' {
			return r.number()
		}
		return value.Value{}, r.fail("Unexpected character encountered while parsing value: %c.", c)
	}
}

func (r *jsonReader) array() (value.Value, error) {
	items := []value.Value{}
	for {
		if err := r.blanks(); err != nil {
			return value.Value{}, err
		}
		if r.ended() {
			return value.Value{}, r.failEnd()
		}
		if r.text[r.at] == ']' {
			r.at++
			return value.Array(items...), nil
		}
		v, err := r.value()
		if err != nil {
			return v, err
		}
		items = append(items, v)
		if closed, err := r.between(']'); closed || err != nil {
			return value.Array(items...), err
		}
	}
}

func (r *jsonReader) object() (value.Value, error) {
	b := value.NewObject(4)
	for {
		if err := r.blanks(); err != nil {
			return value.Value{}, err
		}
		if r.ended() {
			return value.Value{}, r.failEnd()
		}
		if r.text[r.at] == '}' {
			r.at++
			return b.Build(), nil
		}
		name, err := r.name()
		if err != nil {
			return value.Value{}, err
		}
		inside := &r.open[len(r.open)-1]
		inside.name, inside.named = name, true
		v, err := r.value()
		if err != nil {
			return v, err
		}
		b.Set(name, v)
		if closed, err := r.between('}'); closed || err != nil {
			return b.Build(), err
		}
	}
}

// between reads what stands behind a value: a comma, or the end.
func (r *jsonReader) between(end byte) (closed bool, err error) {
	if err := r.blanks(); err != nil {
		return false, err
	}
	if r.ended() {
		return true, nil
	}
	switch c := r.next(); {
	case c == ',':
		r.at++
		return false, nil
	case c == rune(end):
		r.at++
		return true, nil
	case c == ']' || c == '}':
		r.at++
		token, kind := "EndArray", "Object"
		if c == '}' {
			token, kind = "EndObject", "Array"
		}
		return false, r.fail("JsonToken %s is not valid for closing JsonType %s.", token, kind)
	default:
		return false, r.fail("After parsing a value an unexpected character was encountered: %c.", c)
	}
}

// name reads the name of a member and the colon behind it.
func (r *jsonReader) name() (name string, err error) {
	inName := func(c rune) bool {
		return c == '_' || c == '$' || unicode.IsLetter(c) || unicode.IsDigit(c)
	}
	switch c := r.next(); {
	case c == '"' || c == '\'':
		if name, err = r.str(byte(c)); err != nil {
			return "", err
		}
	case inName(c):
		rest := r.text[r.at:]
		name = rest
		if end := strings.IndexFunc(rest, func(c rune) bool { return !inName(c) }); end >= 0 {
			name = rest[:end]
		}
		r.started = true
		if r.at += len(name); !r.ended() && r.next() != ':' && !unicode.IsSpace(r.next()) {
			return "", r.fail("Invalid JavaScript property identifier character: %c.", r.next())
		}
	default:
		return "", r.fail("Invalid property identifier character: %c.", c)
	}
	if err := r.blanks(); err != nil {
		return "", err
	}
	if r.ended() {
		return "", r.failEnd()
	}
	if c := r.next(); c != ':' {
		return "", r.fail("Invalid character after parsing property name. Expected ':' but got: %c.", c)
	}
	r.at++
	return name, nil
}
