package dotnet

import (
	"math"
	"strconv"
	"strings"

	"github.com/latchwork/latchwork/shared/expr/culture"
)

// section is one of the up to three parts of a custom format: for numbers above
// zero, below zero, and zero.
type section struct {
	items     []customItem
	whole     int // placeholders before the point
	firstZero int // of those, counted from the point: how many digits are always there
	lastZero  int // how many digits behind the point are always there
	fraction  int // placeholders behind the point
	grouping  bool
	scale     int // what the number is multiplied with, as a power of ten
	exponent  bool
	scanned   bool
}

// customItem is a placeholder, a sign of the format, or literal text.
type customItem struct {
	kind    byte // 0 # . % ‰(=m) E, or 0 for a literal
	literal string
	letter  byte // of an exponent
	plus    bool
	width   int
}

// custom writes the number in a custom format.
func (n number) custom(format string, c *culture.Culture) (string, error) {
	sections, err := splitSections(format)
	if err != nil {
		return "", err
	}
	if n.isFloat { // custom formats see 15 significant digits
		n.setText(strconv.FormatFloat(math.Abs(n.float), 'e', 14, 64))
		n.isFloat = false
	}
	chosen := 0
	switch {
	case n.digits == "":
		chosen = pick(sections, 2)
	case n.negative:
		chosen = pick(sections, 1)
	}
	r := n.fit(&sections[chosen])
	if r.digits == "" && n.digits != "" { // it rounds to zero
		if chosen = pick(sections, 2); chosen == 2 {
			r = n.fit(&sections[2])
		}
	}
	text := r.write(&sections[chosen], c)
	if r.negative && r.digits != "" && chosen == 0 {
		text = c.Minus + text
	}
	return text, nil
}

// pick returns a section that is there and not empty, or the first.
func pick(sections []section, wanted int) int {
	if wanted < len(sections) && len(sections[wanted].items) > 0 {
		return wanted
	}
	return 0
}

// fit scales and rounds the number for a section.
func (n number) fit(s *section) number {
	if n.digits == "" {
		return n
	}
	n.point += s.scale
	if s.exponent {
		n.round(s.whole + s.fraction)
	} else {
		n.round(n.point + s.fraction)
	}
	return n
}

// splitSections reads a format up to its third section.
func splitSections(format string) ([]section, error) {
	sections := []section{{}}
	s := &sections[0]
	pendingCommas, digitBefore := 0, false
	endWhole := func() {
		s.scale -= 3 * pendingCommas // commas before the point divide
		pendingCommas = 0
	}
	placeholder := func(kind byte) {
		if pendingCommas > 0 && !s.scanned {
			s.grouping = s.grouping || digitBefore
			pendingCommas = 0
		}
		digitBefore = true
		s.items = append(s.items, customItem{kind: kind})
		if s.scanned {
			s.fraction++
			if kind == '0' {
				s.lastZero = s.fraction
			}
			return
		}
		s.whole++
		if kind == '0' || s.firstZero > 0 {
			s.firstZero++
		}
	}
	for i := 0; i < len(format); {
		switch c := format[i]; c {
		case '0', '#':
			placeholder(c)
			i++
		case '.':
			if !s.scanned {
				endWhole()
				s.scanned = true
				s.items = append(s.items, customItem{kind: '.'})
			}
			i++
		case ',':
			if digitBefore && !s.scanned {
				pendingCommas++
			}
			i++
		case '%':
			s.scale += 2
			s.items = append(s.items, customItem{kind: '%'})
			i++
		case ';':
			endWhole()
			if len(sections) == 3 {
				return sections, nil
			}
			sections = append(sections, section{})
			s = &sections[len(sections)-1]
			digitBefore = false
			i++
		case '\\':
			if i+1 >= len(format) {
				return nil, ErrFormat
			}
			size := runeLen(format[i+1:])
			s.items = append(s.items, customItem{literal: format[i+1 : i+1+size]})
			i += 1 + size
		case '\'', '"':
			end := strings.IndexByte(format[i+1:], c)
			if end < 0 {
				end = len(format) - i - 1
			}
			s.items = append(s.items, customItem{literal: format[i+1 : i+1+end]})
			i = min(i+end+2, len(format))
		case 'E', 'e':
			item, end := exponentItem(format, i)
			if item.kind != 0 {
				s.exponent = true
			}
			s.items = append(s.items, item)
			i = end
		default:
			if rest, ok := strings.CutPrefix(format[i:], "‰"); ok {
				s.scale += 3
				s.items = append(s.items, customItem{kind: 'm'})
				i = len(format) - len(rest)
				continue
			}
			size := runeLen(format[i:])
			s.items = append(s.items, customItem{literal: format[i : i+size]})
			i += size
		}
	}
	endWhole()
	return sections, nil
}

// exponentItem reads E0, E+0, E-0 with any number of zeros; an E without is text.
func exponentItem(format string, at int) (customItem, int) {
	i := at + 1
	plus := false
	if i < len(format) && (format[i] == '+' || format[i] == '-') {
		plus = format[i] == '+'
		i++
	}
	width := 0
	for i < len(format) && format[i] == '0' {
		width++
		i++
	}
	if width == 0 {
		return customItem{literal: format[at : at+1]}, at + 1
	}
	return customItem{kind: 'E', letter: format[at], plus: plus, width: min(width, 10)}, i
}

// write fills the placeholders of a section.
func (n number) write(s *section, c *culture.Culture) string {
	exponent := 0
	if s.exponent && n.digits != "" {
		exponent = n.point - s.whole
		n.point = s.whole
	}
	var b strings.Builder
	left := n.wholeDigits(s) // what the placeholders before the point get
	seen, behind := 0, 0     // placeholders so far
	scanned := false
	for _, item := range s.items {
		switch item.kind {
		case 0:
			b.WriteString(item.literal)
		case '0', '#':
			if scanned {
				if behind < max(s.lastZero, len(n.digits)-n.point) {
					b.WriteByte(n.digit(behind))
				}
				behind++
				continue
			}
			seen++
			n.writeWhole(&b, s, left, seen, c)
		case '.':
			scanned = true
			if s.lastZero > 0 || s.fraction > 0 && len(n.digits) > n.point && n.digits != "" {
				b.WriteString(c.Decimal)
			}
		case '%':
			b.WriteString(c.PercentSign)
		case 'm':
			b.WriteString(c.PerMilleSign)
		case 'E':
			b.WriteString(exponentText(item.letter, exponent, item.width, item.plus, c))
		}
	}
	return b.String()
}

// wholeDigits are the digits before the point, with the zeros that are always
// there.
func (n *number) wholeDigits(s *section) string {
	count := max(n.point, s.firstZero, 0)
	digits := make([]byte, 0, count)
	for i := -count; i < 0; i++ {
		digits = append(digits, n.digit(i))
	}
	return string(digits)
}

// writeWhole writes what belongs to a placeholder before the point: the first one
// takes all digits that have no placeholder of their own.
func (n *number) writeWhole(b *strings.Builder, s *section, digits string, seen int, c *culture.Culture) {
	from, to := len(digits)-(s.whole-seen)-1, len(digits)-(s.whole-seen)
	if seen == 1 {
		from = 0
	}
	for i := max(from, 0); i < to; i++ {
		b.WriteByte(digits[i])
		if s.grouping && boundary(len(digits)-i-1, c.GroupSizes) {
			b.WriteString(c.Group)
		}
	}
}

// boundary tells whether a group ends with so many digits to the right.
func boundary(right int, sizes []int) bool {
	if right == 0 || len(sizes) == 0 {
		return false
	}
	for i := 0; right > 0; i++ {
		size := sizes[min(i, len(sizes)-1)]
		if size == 0 {
			return false
		}
		right -= size
	}
	return right == 0
}
