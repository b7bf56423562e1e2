package value_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/value"
)

// What is written piece by piece is what is written at once.
func TestRevealTo(t *testing.T) {
	long := strings.Repeat("ü😀\"\\\n\x01x", 50_000)
	for _, text := range []string{"", "a", long, strings.Repeat("a", 64<<10), strings.Repeat("ü", 64<<10), long + "\xff", "\xff"} {
		v := value.Object(
			value.Member{Key: "a", Value: value.Array(value.String(text), value.Int(1), value.Null(), value.Float(1.5), value.Array(), value.Object())},
			value.Member{Key: "b" + text, Value: value.Bool(true).Mark(value.Origin{Class: value.Secured, Name: "x"})})
		var b bytes.Buffer
		if err := value.RevealTo(&b, v); err != nil || !bytes.Equal(b.Bytes(), value.Reveal(v)) {
			t.Errorf("%d bytes of text: %d bytes, want %d, %v", len(text), b.Len(), len(value.Reveal(v)), err)
		}
	}
	if err := value.RevealTo(failing{}, value.String(long)); !errors.Is(err, errFull) {
		t.Errorf("err = %v", err)
	}
}

var errFull = errors.New("full")

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errFull }
