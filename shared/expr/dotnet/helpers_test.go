package dotnet_test

import (
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/expr/culture"
	"github.com/latchwork/latchwork/shared/expr/dotnet"
)

// in is the culture of a name; no name is the invariant culture.
func in(t testing.TB, name string) *culture.Culture {
	t.Helper()
	c, ok := culture.Lookup(name)
	if !ok {
		t.Fatalf("there is no culture %s", name)
	}
	return c
}

// now is the present of the tests.
func now() dotnet.Time {
	return dotnet.FromTime(time.Date(2026, 8, 17, 9, 30, 15, 0, time.UTC))
}

// moment reads a time in the round-trip format.
func moment(t testing.TB, text string) dotnet.Time {
	t.Helper()
	got, ok := dotnet.ParseTime(text, culture.EnUS(), nil)
	if !ok {
		t.Fatalf("%s is no time", text)
	}
	return got
}

// format writes a time, or the error.
func format(tm dotnet.Time, pattern string, c *culture.Culture) string {
	s, err := tm.Format(pattern, c)
	if err != nil {
		return err.Error()
	}
	return s
}

const invalid = "the format is not valid"
