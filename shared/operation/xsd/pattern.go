package xsd

import (
	"errors"
	"strings"

	"github.com/dlclark/regexp2"
)

// compilePattern compiles a regular expression of XML Schema. It always means the
// whole text; ^ and $ are plain characters, and \i and \c are those of names. The
// engine is the one that follows .NET, because it knows [a-z-[aeiou]].
func compilePattern(p string) (*regexp2.Regexp, error) {
	translated, err := translate(p)
	if err != nil {
		return nil, err
	}
	re, err := regexp2.Compile(`\A(?:`+translated+`)\z`, regexp2.None)
	if err != nil {
		return nil, errors.New("it is not a regular expression")
	}
	re.MatchTimeout = patternTime
	return re, nil
}

// What may begin a name and what may be in one, as the inside of a class.
const (
	initialClass = `\p{L}_:`
	innerClass   = `\p{L}\p{M}\p{N}_:.\-·`
)

// blocks are the Unicode blocks that patterns name in practice.
var blocks = map[string]string{
	"BasicLatin": `\u0000-\u007F`, "Latin-1Supplement": `\u0080-\u00FF`, "LatinExtended-A": `\u0100-\u017F`, "LatinExtended-B": `\u0180-\u024F`,
	"Greek": `\u0370-\u03FF`, "GreekandCoptic": `\u0370-\u03FF`, "Cyrillic": `\u0400-\u04FF`, "Hebrew": `\u0590-\u05FF`, "Arabic": `\u0600-\u06FF`,
	"GeneralPunctuation": `\u2000-\u206F`, "CurrencySymbols": `\u20A0-\u20CF`, "CJKUnifiedIdeographs": `\u4E00-\u9FFF`, "Hiragana": `\u3040-\u309F`, "Katakana": `\u30A0-\u30FF`,
}

func translate(p string) (string, error) {
	var b strings.Builder
	depth := 0 // of classes
	for i := 0; i < len(p); i++ {
		switch c := p[i]; c {
		case '\\':
			if i++; i == len(p) {
				return "", errors.New("it ends in a backslash")
			}
			n, err := escape(&b, p[i:], depth > 0)
			if err != nil {
				return "", err
			}
			i += n
		case '[':
			depth++
			b.WriteByte(c)
			if i+1 < len(p) && p[i+1] == '^' {
				b.WriteByte('^')
				i++
			}
		case ']':
			depth = max(depth-1, 0)
			b.WriteByte(c)
		case '^', '$':
			b.WriteString(`\` + string(c))
		case '(':
			if strings.HasPrefix(p[i+1:], "?") && depth == 0 {
				return "", errors.New("'(?' has no meaning here")
			}
			b.WriteByte(c)
		case '.':
			if depth == 0 {
				b.WriteString(`[^\n\r]`)
				continue
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// escape translates what follows a backslash and returns how much of it there is
// beyond its first character.
func escape(b *strings.Builder, rest string, inClass bool) (int, error) {
	class := func(inside string, negated bool) error {
		switch {
		case !inClass && negated:
			b.WriteString("[^" + inside + "]")
		case !inClass:
			b.WriteString("[" + inside + "]")
		case negated:
			return errors.New("a negated class cannot stand inside of another one here")
		default:
			b.WriteString(inside)
		}
		return nil
	}
	switch c := rest[0]; c {
	case 'i', 'I':
		return 0, class(initialClass, c == 'I')
	case 'c', 'C':
		return 0, class(innerClass, c == 'C')
	case 'p', 'P':
		end := strings.IndexByte(rest, '}')
		if len(rest) < 2 || rest[1] != '{' || end < 0 {
			return 0, errors.New("a category is not closed")
		}
		if block, ok := strings.CutPrefix(rest[2:end], "Is"); ok {
			inside, known := blocks[block]
			if !known {
				return 0, errors.New("the block " + block + " is not known here")
			}
			return end, class(inside, c == 'P')
		}
		b.WriteString(`\` + rest[:end+1])
		return end, nil
	case 'n', 'r', 't', 's', 'S', 'd', 'D', 'w', 'W', '\\', '|', '.', '?', '*', '+', '(', ')', '{', '}', '-', '[', ']', '^', '$', '/', ',', '\'', '"', '@', '#', '%', '&', ' ', ':', ';', '=', '<', '>', '!', '~', '_':
		if c == '_' || c == '\'' || c == '"' || c == '<' || c == '>' { // not escapes of .NET
			b.WriteByte(c)
			return 0, nil
		}
		b.WriteString(`\` + string(c))
		return 0, nil
	}
	return 0, errors.New("an escape is not known")
}
