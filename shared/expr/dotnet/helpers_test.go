package dotnet_test

import (
	"testing"

	"github.com/latchwork/latchwork/shared/expr/culture"
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

const invalid = "the format is not valid"
