package value

import (
	"io"
	"unicode/utf8"
)

// RevealTo writes what Reveal returns, piece by piece: a value of a hundred megabytes
// need not be in memory a second time as text.
func RevealTo(w io.Writer, v Value) error {
	s := &stream{w: w}
	s.value(v)
	s.flush(0)
	return s.err
}

// piece is about how much is written at once.
const piece = 64 << 10

type stream struct {
	w   io.Writer
	buf []byte
	err error
}

// flush writes what is there, if it is more than keep.
func (s *stream) flush(keep int) {
	if len(s.buf) <= keep || s.err != nil {
		return
	}
	_, s.err = s.w.Write(s.buf)
	s.buf = s.buf[:0]
}

func (s *stream) value(v Value) {
	if s.err != nil {
		return
	}
	defer s.flush(piece)
	switch v.Kind() {
	case KindString:
		s.text(v.node().text())
	case KindArray, KindObject:
		box, end := v.node().box(), byte(']')
		if v.Kind() == KindObject {
			s.buf, end = append(s.buf, '{'), '}'
		} else {
			s.buf = append(s.buf, '[')
		}
		for i, item := range box.items {
			if i > 0 {
				s.buf = append(s.buf, ',')
			}
			if end == '}' {
				s.text(box.keys[i])
				s.buf = append(s.buf, ':')
			}
			s.value(item)
		}
		s.buf = append(s.buf, end)
	default:
		s.buf = appendJSON(s.buf, v, true)
	}
}

// text writes a string in pieces that end where a character does.
func (s *stream) text(text string) {
	if len(text) <= piece || !utf8.ValidString(text) {
		s.buf = AppendQuoted(s.buf, text)
		return
	}
	s.buf = append(s.buf, '"')
	for text != "" {
		end := min(piece, len(text))
		for end < len(text) && !utf8.RuneStart(text[end]) {
			end--
		}
		at := len(s.buf)
		s.buf = AppendQuoted(s.buf, text[:end])
		s.buf = append(s.buf[:at], s.buf[at+1:len(s.buf)-1]...) // without its quotes
		text = text[end:]
		s.flush(piece)
	}
	s.buf = append(s.buf, '"')
}
