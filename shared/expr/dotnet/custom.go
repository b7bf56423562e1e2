package dotnet

import (
	"strings"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// section is one of the up to three parts of a custom format: for numbers above
// zero, below zero, and zero.
type section struct {
	text      string
	digits    int // placeholders
	whole     int // of those, before the point
	firstZero int // how many digits before the point are always there
	lastZero  int // how many digits behind the point are always there
	grouping  bool
	scale     int // what the number is multiplied with, as a power of ten
	exponent  bool
}

// custom writes the number in a custom format.
func (n *number) custom(out []byte, format string, c *culture.Culture) []byte {
	if n.kind == double {
		n.expand('e', 14) // custom formats see 15 significant digits
	}
	wanted := 0
	switch {
	case len(n.digits) == 0:
		wanted = 2
	case n.negative:
		wanted = 1
	}
	text, chosen := sectionOf(format, wanted)
	s := measure(text)
	if len(n.digits) > 0 {
		n.fit(s)
		if len(n.digits) == 0 { // it is zero now
			if text, other := sectionOf(format, 2); other != chosen {
				s, chosen = measure(text), other
			}
		}
	} else {
		n.point = 0 // a decimal zero has one
	}
	if n.negative && len(n.digits) > 0 && chosen == 0 {
		out = append(out, c.Minus...)
	}
	w := customWriter{n: n, s: s, culture: c, out: out}
	w.write()
	return w.out
}

// sectionOf returns a section that is there and not empty, or the first.
func sectionOf(format string, wanted int) (text string, chosen int) {
	first := format
	for i := 0; i <= wanted; i++ {
		end := sectionEnd(format)
		if i == 0 {
			first = format[:end]
		}
		if i == wanted {
			if end == 0 {
				break
			}
			return format[:end], wanted
		}
		if end == len(format) {
			break
		}
		format = format[end+1:]
	}
	return first, 0
}

// sectionEnd finds the semicolon that ends the first section.
func sectionEnd(format string) int {
	for i := 0; i < len(format); {
		if format[i] == ';' {
			return i
		}
		_, i = customPart(format, i)
	}
	return len(format)
}

// customPart reads one sign of a custom format: a single character, or quoted or
// escaped text, which it returns. A quote that is not closed goes to the end.
func customPart(format string, i int) (literal string, end int) {
	switch c := format[i]; c {
	case '\\':
		if i+1 == len(format) {
			return "", i + 1
		}
		_, size := utf8.DecodeRuneInString(format[i+1:])
		return format[i+1 : i+1+size], i + 1 + size
	case '\'', '"':
		length := strings.IndexByte(format[i+1:], c)
		if length < 0 {
			return format[i+1:], len(format)
		}
		return format[i+1 : i+1+length], i + length + 2
	default:
		_, size := utf8.DecodeRuneInString(format[i:])
		return "", i + size
	}
}

// measure reads what a section says about the number as a whole.
func measure(text string) section {
	s := section{text: text, whole: -1}
	firstZero := -1
	commas, commasAt := 0, -1 // in a row, and after how many placeholders
	for i := 0; i < len(text); {
		_, end := customPart(text, i)
		switch c := text[i]; {
		case c == '0' || c == '#':
			if c == '0' && firstZero < 0 {
				firstZero = s.digits
			}
			s.digits++
			if c == '0' {
				s.lastZero = s.digits
			}
		case c == '.' && s.whole < 0:
			s.whole = s.digits
		case c == ',' && s.digits > 0 && s.whole < 0:
			if commasAt != s.digits {
				s.grouping = s.grouping || commasAt >= 0
				commas, commasAt = 0, s.digits
			}
			commas++
		case c == '%':
			s.scale += 2
		case text[i:end] == "‰":
			s.scale += 3
		case c == 'E' || c == 'e':
			if width, zeros := exponentPart(text, i); width > 0 {
				s.exponent, end = true, zeros
			}
		}
		i = end
	}
	if s.whole < 0 {
		s.whole = s.digits
	}
	if commasAt == s.whole {
		s.scale -= 3 * commas // commas before the point divide
	} else if commasAt >= 0 {
		s.grouping = true
	}
	if firstZero >= 0 {
		s.firstZero = max(s.whole-firstZero, 0)
	}
	s.lastZero = max(s.lastZero-s.whole, 0)
	return s
}

// exponentPart reads E0, E+0 or E-0 with any number of zeros, which are the width.
func exponentPart(text string, i int) (width, end int) {
	end = i + 1
	if end < len(text) && (text[end] == '+' || text[end] == '-') {
		end++
	}
	start := end
	for end < len(text) && text[end] == '0' {
		end++
	}
	return end - start, end
}

// fit scales and rounds the number for a section.
func (n *number) fit(s section) {
	n.point += s.scale
	if s.exponent {
		n.round(s.digits)
	} else {
		n.round(n.point + s.digits - s.whole)
	}
}

// customWriter fills the placeholders of a section.
type customWriter struct {
	n       *number
	s       section
	culture *culture.Culture
	out     []byte

	place     int  // of the next digit, counted from the point: 1 is the one before it
	started   bool // a placeholder or the point was seen
	pointed   bool
	exponents int // seen so far
}

func (w *customWriter) write() {
	text, exponent := w.s.text, 0
	if w.s.exponent && len(w.n.digits) > 0 {
		exponent = w.n.point - w.s.whole
		w.n.point = w.s.whole
	}
	w.place = w.s.whole
	for i := 0; i < len(text); {
		literal, end := customPart(text, i)
		switch c := text[i]; {
		case c == '\\' || c == '\'' || c == '"':
			w.out = append(w.out, literal...)
		case c == '0' || c == '#':
			w.start()
			w.placeholder()
		case c == '.':
			w.start()
			w.decimalPoint()
		case c == ',':
		case c == '%':
			w.out = append(w.out, w.culture.PercentSign...)
		case text[i:end] == "‰":
			w.out = append(w.out, w.culture.PerMilleSign...)
		case (c == 'E' || c == 'e') && w.s.exponent:
			end = w.exponent(i, exponent)
		default:
			w.out = append(w.out, text[i:end]...)
		}
		i = end
	}
}

// start writes the digits for which the section has no placeholder: they come
// before the first one, or before the point.
func (w *customWriter) start() {
	if !w.started {
		w.started = true
		for i := w.n.point; i > w.s.whole; i-- {
			w.digit(i)
		}
	}
}

// placeholder writes the digit at this place, if there is one or there must be.
func (w *customWriter) placeholder() {
	n, s := w.n, &w.s
	needed := w.place <= max(n.point, s.firstZero) || s.exponent
	if w.place <= 0 {
		needed = -w.place < max(len(n.digits)-n.point, s.lastZero)
	}
	if needed {
		w.digit(w.place)
	}
	w.place--
}

// digit writes a digit and, before the point, the separator of groups behind it.
func (w *customWriter) digit(place int) {
	w.out = append(w.out, w.n.digit(-place))
	if place > 0 && w.s.grouping && groupEnds(place-1, w.culture.GroupSizes) {
		w.out = append(w.out, w.culture.Group...)
	}
}

// decimalPoint writes the first point, if a digit comes behind it.
func (w *customWriter) decimalPoint() {
	if w.place != 0 || w.pointed {
		return
	}
	more := len(w.n.digits) > max(w.n.point, 0) && w.s.digits > w.s.whole
	if w.pointed = more || w.s.lastZero > 0; w.pointed {
		w.out = append(w.out, w.culture.Decimal...)
	}
}

// exponent writes the exponent in place of the first E0, E+0 or E-0, and returns
// where that ends: a second one is text, as is an E without zeros.
func (w *customWriter) exponent(i, exponent int) int {
	text := w.s.text
	width, end := exponentPart(text, i)
	if width > 0 && w.exponents == 0 {
		w.exponents++
		w.out = appendExponent(w.out, text[i], exponent, min(width, 10), text[i+1] == '+', w.culture)
		return end
	}
	if width == 0 {
		end = i + 1
	}
	w.out = append(w.out, text[i:end]...)
	return end
}
