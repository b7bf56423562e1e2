package run_test

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/run"
)

// TestNewGUID: version 4, and every other bit is random.
func TestNewGUID(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a := expr.Ambient{Rand: r.Int64N}
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	seen := make([]map[byte]bool, 32)
	for i := range seen {
		seen[i] = map[byte]bool{}
	}
	for range 2000 {
		text := run.NewGUID(a)
		if !form.MatchString(text) {
			t.Fatal(text)
		}
		for i, c := range []byte(strings.ReplaceAll(text, "-", "")) {
			seen[i][c] = true
		}
	}
	for i, digits := range seen {
		want := 16
		switch i {
		case 12:
			want = 1
		case 16:
			want = 4
		}
		if len(digits) != want {
			t.Errorf("digit %d has %d values, want %d", i, len(digits), want)
		}
	}
}
