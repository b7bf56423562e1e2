package dotnet

import (
	"math"
	"strconv"
	"strings"
)

// spanForms are the forms of a time span: what separates its numbers, and what they
// are. They are tried in this order, the first that fits and holds is taken. So
// 24:00:00 is 24 days, as it is no time of a day.
var spanForms = []struct{ separators, parts string }{
	{"", "d"},
	{":", "hm"},
	{": :", "hms"}, {". :", "dhm"}, {": :.", "hmf"}, {": :", "dhm"},
	{": : .", "hmsf"}, {". : :", "dhms"}, {". : :.", "dhmf"}, {": : :", "dhms"}, {": : :.", "dhmf"},
	{". : : .", "dhmsf"}, {": : : .", "dhmsf"},
}

// ParseSpan reads [-]d, [-][d.]hh:mm[:ss[.fffffff]] and the variants of it that
// TimeSpan.Parse takes.
func ParseSpan(s string) (int64, bool) {
	s, negative := strings.CutPrefix(strings.TrimSpace(s), "-")
	var numbers, separators [5]string
	n := 0
	for {
		digits := len(s) - len(strings.TrimLeft(s, "0123456789"))
		if digits == 0 || n == len(numbers) {
			return 0, false
		}
		numbers[n], s = s[:digits], s[digits:]
		n++
		if s == "" {
			break
		}
		size := strings.IndexAny(s, "0123456789")
		if size < 0 {
			return 0, false
		}
		separators[n-1], s = s[:size], s[size:]
	}
	joined := strings.Join(separators[:n-1], " ")
	for _, form := range spanForms {
		if form.separators != joined || len(form.parts) != n {
			continue
		}
		if ticks, ok := spanOf(form.parts, numbers[:n]); ok && (ticks <= math.MaxInt64 || negative && ticks == 1<<63) {
			if negative {
				return -int64(ticks-1) - 1, true
			}
			return int64(ticks), true
		}
	}
	return 0, false
}

// spanUnits are the parts of a time span.
var spanUnits = map[byte]struct {
	ticks int64
	most  uint64
}{'d': {TicksPerDay, 10_675_199}, 'h': {TicksPerHour, 23}, 'm': {TicksPerMinute, 59}, 's': {TicksPerSecond, 59}}

// spanOf adds the parts up.
func spanOf(parts string, numbers []string) (ticks uint64, ok bool) {
	for i, text := range numbers {
		if parts[i] == 'f' {
			fraction, ok := spanFraction(text)
			if !ok {
				return 0, false
			}
			ticks += fraction
			continue
		}
		unit := spanUnits[parts[i]]
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil || n > unit.most {
			return 0, false
		}
		ticks += n * uint64(unit.ticks)
	}
	return ticks, true
}

// spanFraction reads the fraction of a second. More than seven digits are rounded
// if the first is a zero, and an error otherwise, as in .NET.
func spanFraction(digits string) (uint64, bool) {
	if len(digits) <= fractionDigits {
		n, err := strconv.ParseUint((digits + "0000000")[:fractionDigits], 10, 32)
		return n, err == nil
	}
	significant := strings.TrimLeft(digits, "0")
	if significant == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(significant, 10, 28)
	if err != nil || digits[0] != '0' {
		return 0, false
	}
	return uint64(math.Round(float64(n) / math.Pow10(len(digits)-fractionDigits))), true
}
