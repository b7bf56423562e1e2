package value_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/value"
)

const secret = "CANARY-of-a-value"

// holder keeps values where fmt cannot call their methods.
type holder struct {
	exported   value.Value
	Exported   value.Value
	list       []value.Value
	byName     map[string]value.Value
	pointer    *value.Value
	interfaced any
}

func marked() value.Value {
	return value.String(secret).Mark(value.Origin{Class: value.Credential, Name: "test"})
}

func TestNothingPrintsASecret(t *testing.T) {
	v := marked()
	inside := value.Object(value.Member{Key: "a", Value: value.Array(value.Int(1), v)})
	for name, x := range map[string]any{
		"value": v, "container": inside, "pointer": &v,
		"holder":  holder{exported: v, Exported: v, list: []value.Value{v}, byName: map[string]value.Value{"a": v}, pointer: &v, interfaced: v},
		"pointed": &holder{exported: inside, list: []value.Value{inside}, interfaced: inside},
	} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%T", "%10s"} {
			if printed := fmt.Sprintf(verb, x); leaks(printed) {
				t.Errorf("%s of %s prints the secret: %s", verb, name, printed)
			}
		}
	}
	if data, err := json.Marshal(map[string]any{"v": inside, "h": holder{Exported: v}}); err != nil || leaks(string(data)) || !strings.Contains(string(data), value.Redacted) {
		t.Errorf("json: %s %v", data, err)
	}
	var log bytes.Buffer
	logger := zerolog.New(&log)
	logger.Info().Object("o", v).Interface("i", inside).Any("any", holder{Exported: v}).Stringer("s", v).Msg("")
	if leaks(log.String()) {
		t.Errorf("zerolog: %s", &log)
	}
	if plain := string(value.Reveal(inside)); plain != `{"a":[1,"`+secret+`"]}` {
		t.Errorf("Reveal = %s", plain)
	}
	if shown := string(value.Indent(inside)); leaks(shown) {
		t.Errorf("Indent: %s", shown)
	}
}

// leaks looks for the secret as it is, in hex and by its first letters.
func leaks(s string) bool {
	return strings.Contains(s, secret) || strings.Contains(strings.ToLower(s), fmt.Sprintf("%x", secret[:6]))
}

func TestMarksTravelWithWhatIsTakenOut(t *testing.T) {
	v := value.Object(value.Member{Key: "a", Value: value.Array(value.String("x"))}).Mark(value.Origin{Class: value.Secured, Name: "n"})
	if got := v.Member("a").At(0).Origins(); len(got) != 1 || got[0].Name != "n" {
		t.Errorf("origins of a member of a marked object: %v", got)
	}
	visible := value.Redact(v, value.Credential)
	if string(value.Reveal(visible)) != `{"a":["x"]}` {
		t.Errorf("a secured value is shown where only credentials are redacted: %s", value.Reveal(visible))
	}
	if string(value.JSON(v)) != `"[redacted]"` {
		t.Errorf("JSON = %s", value.JSON(v))
	}
}

func TestHardenedValuesAreRedactedEverywhere(t *testing.T) {
	secured := value.Origin{Class: value.Secured, Name: "side"}
	v := value.Object(value.Member{Key: "a", Value: value.String("open")}, value.Member{Key: "b", Value: value.Array(value.Int(1), value.String("secret").Mark(secured))})
	hard := value.Harden(v)
	if got := string(value.Reveal(value.Redact(hard, value.Credential))); got != `{"a":"open","b":[1,"[redacted]"]}` {
		t.Errorf("got %s", got)
	}
	if got := string(value.Reveal(hard)); got != string(value.Reveal(v)) {
		t.Errorf("the value changed: %s", got)
	}
	if value.Harden(hard.Member("a")) != hard.Member("a") || len(value.Harden(hard).Member("b").At(1).Origins()) != 2 {
		t.Error("hardened twice, it is another one")
	}
}
