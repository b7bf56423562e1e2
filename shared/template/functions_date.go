package template

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
	"github.com/latchwork/latchwork/shared/value"
)

var errTime = errors.New("a time is written as in ISO 8601, such as 2026-03-14T12:00:00Z")

// formatTime writes a time as .NET does; without a format as yyyyMMddTHHmmssZ.
func formatTime(t time.Time, format string) (value.Value, error) {
	if format == "" {
		return value.String(t.Format("20060102T150405Z")), nil
	}
	text, err := dotnet.FromTime(t).Format(format, culture.Invariant())
	if err != nil {
		return value.Value{}, errors.New("the format of the time is not valid")
	}
	return value.String(text), nil
}

// readTime reads ISO 8601, also in the form that utcNow() gives.
func readTime(text string) (time.Time, error) {
	if t, err := time.Parse("20060102T150405Z", text); err == nil {
		return t, nil
	}
	t, ok := dotnet.ParseTime(text, culture.Invariant(), nil)
	if !ok {
		return time.Time{}, errTime
	}
	return t.Clock(), nil
}

// dateTimeAdd: a time, a duration of ISO 8601, [a format].
func dateTimeAdd(a []value.Value) (value.Value, error) {
	t, err := readTime(a[0].Str())
	if err != nil {
		return value.Value{}, err
	}
	if t, err = addDuration(t, a[1].Str()); err != nil {
		return value.Value{}, err
	}
	if len(a) > 2 {
		return formatTime(t, a[2].Str())
	}
	if !strings.Contains(a[0].Str(), "-") {
		return formatTime(t, "")
	}
	return formatTime(t, "yyyy-MM-ddTHH:mm:ssZ")
}

// addDuration adds [-]P…Y…M…W…DT…H…M…S.
func addDuration(t time.Time, text string) (time.Time, error) {
	failed := errors.New("a duration is written as in ISO 8601, such as P3Y, -P9D or PT1H")
	rest, negative := strings.CutPrefix(text, "-")
	rest, ok := strings.CutPrefix(rest, "P")
	if !ok || rest == "" || strings.HasSuffix(rest, "T") {
		return t, failed
	}
	ofDay := false
	for rest != "" {
		if rest[0] == 'T' && !ofDay {
			ofDay, rest = true, rest[1:]
		}
		digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
		if digits <= 0 {
			return t, failed
		}
		n, err := strconv.Atoi(rest[:digits])
		if err != nil || n > 1_000_000 {
			return t, failed
		}
		if negative {
			n = -n
		}
		switch unit := rest[digits]; {
		case unit == 'Y' && !ofDay:
			t = t.AddDate(n, 0, 0)
		case unit == 'M' && !ofDay:
			t = t.AddDate(0, n, 0)
		case unit == 'W' && !ofDay:
			t = t.AddDate(0, 0, 7*n)
		case unit == 'D' && !ofDay:
			t = t.AddDate(0, 0, n)
		case unit == 'H' && ofDay:
			t = t.Add(time.Duration(n) * time.Hour)
		case unit == 'M' && ofDay:
			t = t.Add(time.Duration(n) * time.Minute)
		case unit == 'S' && ofDay:
			t = t.Add(time.Duration(n) * time.Second)
		default:
			return t, failed
		}
		rest = rest[digits+1:]
	}
	if t.Year() < 1 || t.Year() > 9999 {
		return t, errors.New("the time is out of range")
	}
	return t, nil
}

func fromEpoch(a []value.Value) (value.Value, error) {
	n, ok := a[0].AsInt()
	if t := time.Unix(n, 0).UTC(); ok && n > -62_000_000_000 && n < 253_402_300_800 {
		return value.String(t.Format(time.RFC3339)), nil
	}
	return value.Value{}, errors.New("dateTimeFromEpoch() takes seconds since 1970")
}

func toEpoch(a []value.Value) (value.Value, error) {
	t, err := readTime(a[0].Str())
	return value.Int(t.Unix()), err
}
