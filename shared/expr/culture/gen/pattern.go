package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// What .NET knows of each kind of pattern. It takes an index into these lists,
// so a pattern that is not in them would not exist there.
var (
	currencyPositive = []string{"$n", "n$", "$ n", "n $"}
	currencyNegative = []string{
		"($n)", "-$n", "$-n", "$n-", "(n$)", "-n$", "n-$", "n$-", "-n $", "-$ n", "n $-", "$ n-", "$ -n", "n- $", "($ n)", "(n $)", "$- n",
	}
	percentPositive = []string{"n %", "n%", "%n", "% n"}
	percentNegative = []string{"-n %", "-n%", "-%n", "%-n", "%n-", "n-%", "n%-", "-% n", "n %-", "% n-", "% -n", "n- %"}
	numberNegative  = []string{"(n)", "-n", "- n", "n-", "n -"}
)

// blanks makes the blanks of CLDR plain.
func blanks(s string) string { return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s) }

// numberPattern reduces a number pattern of CLDR to one of .NET: its negative
// part or its positive one. Marks of direction are dropped, as .NET does.
func numberPattern(source string, negative bool, known []string) (string, error) {
	part, explicit, hasExplicit := strings.Cut(source, ";")
	if negative && hasExplicit {
		part = explicit
	}
	var b strings.Builder
	if negative && !strings.ContainsAny(part, "-()") {
		b.WriteByte('-') // CLDR's convention where there is no negative part
	}
	for _, r := range blanks(part) {
		switch r {
		case '#', '0':
			r = 'n'
		case '¤':
			r = '$'
		case ' ', '-', '(', ')', '%':
		default:
			continue
		}
		if (r == 'n' || r == '$' || r == ' ') && strings.ContainsRune(b.String(), r) {
			continue
		}
		b.WriteRune(r)
	}
	if !slices.Contains(known, b.String()) {
		return "", fmt.Errorf("%q gives %q, which is no pattern of .NET", source, b.String())
	}
	return b.String(), nil
}

// groupSizes reads the distances of commas, 3,2 from #,##,##0.###.
func groupSizes(source string) string {
	positive, _, _ := strings.Cut(source, ";")
	whole, _, _ := strings.Cut(positive, ".")
	groups := strings.Split(whole, ",")
	last := len(groups) - 1
	sizes := strconv.Itoa(len(groups[last]))
	if last > 1 && len(groups[last-1]) != len(groups[last]) {
		sizes += "," + strconv.Itoa(len(groups[last-1]))
	}
	return sizes
}

// fractionDigits counts what may follow the decimal point of a pattern.
func fractionDigits(source string) int {
	positive, _, _ := strings.Cut(source, ";")
	_, fraction, _ := strings.Cut(positive, ".")
	return strings.Count(fraction, "#") + strings.Count(fraction, "0")
}

// fields calls each for the runs of equal letters in a pattern of CLDR, and
// copies what is quoted or no letter.
func fields(source string, each func(letter rune, length int) string) string {
	var b strings.Builder
	runes := []rune(blanks(source))
	for i := 0; i < len(runes); {
		end := i + 1
		switch r := runes[i]; {
		case r == '\'':
			for end < len(runes) && runes[end] != '\'' {
				end++
			}
			end = min(end+1, len(runes))
			b.WriteString(string(runes[i:end]))
		case 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z':
			for end < len(runes) && runes[end] == r {
				end++
			}
			b.WriteString(each(r, end-i))
		default:
			b.WriteRune(r)
		}
		i = end
	}
	return b.String()
}

// datePattern turns a date pattern of CLDR into one of .NET, which has neither
// local weekdays nor stand-alone or narrow forms.
func datePattern(source string) string {
	return fields(source, func(letter rune, length int) string {
		switch letter {
		case 'E', 'e', 'c':
			if length == 4 {
				return "dddd"
			}
			return "ddd"
		case 'M', 'L':
			if length > 4 {
				length = 3
			}
			return strings.Repeat("M", length)
		case 'G':
			return "g"
		case 'y':
			if length == 1 {
				length = 4 // y alone would be a year of one or two digits
			}
			return strings.Repeat("y", length)
		}
		return strings.Repeat(string(letter), length)
	})
}

// shortDatePattern is a datePattern with all digits of the year: .NET makes yy
// of the first year in it yyyy.
func shortDatePattern(source string) string {
	years := 0
	return datePattern(fields(source, func(letter rune, length int) string {
		if letter == 'y' {
			if years++; years == 1 && length == 2 {
				length = 4
			}
		}
		return strings.Repeat(string(letter), length)
	}))
}

// timePattern turns a time pattern of CLDR into one of .NET. Parts of the day
// (B, b) become AM and PM: .NET has no others.
func timePattern(source string) string {
	designated := false
	return fields(source, func(letter rune, length int) string {
		switch letter {
		case 'H', 'h', 'm', 's':
			return strings.Repeat(string(letter), length)
		case 'a', 'b', 'B':
			if !designated {
				designated = true
				return "tt"
			}
		}
		return ""
	})
}

// separator is what stands between the first two fields that have one of the
// letters, without its quotes. .NET finds its separators so.
func separator(pattern, letters string) string {
	var b strings.Builder
	quoted, started := false, false
	var first rune
	for _, r := range pattern {
		switch {
		case r == '\'':
			quoted = !quoted
		case !quoted && strings.ContainsRune(letters, r):
			if started && (r != first || b.Len() > 0) {
				return b.String()
			}
			started, first = true, r
		case started:
			b.WriteRune(r)
		}
	}
	return "" // there is only one field
}
