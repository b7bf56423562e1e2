package outbound_test

import (
	"encoding/base64"
	"net/url"
	"testing"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

// What comes back with a live credential in it is marked as strictly as the credential,
// whatever form that has; the rest is left alone.
func TestWhatEchoesACredentialIsMarked(t *testing.T) {
	const read = "a secret that a vault gave"
	live := &outbound.Credentials{}
	live.Note(canary)
	live.NoteSecured(read)
	inner, outer := value.Origin{Class: value.Credential, Name: "echo"}, value.Origin{Class: value.Secured, Name: "echo"}
	quoted := string(value.AppendQuoted(nil, `say "`+canary+`"`))
	for name, c := range map[string]struct {
		text string
		want []value.Origin
	}{
		"nothing":        {"a harmless text of some length", nil},
		"raw":            {"before " + canary + " behind", []value.Origin{inner}},
		"base64":         {base64.StdEncoding.EncodeToString([]byte("user:" + canary + "!")), []value.Origin{inner}},
		"in an address":  {"https://x.example/?q=" + url.QueryEscape(canary), []value.Origin{inner}},
		"in a path":      {"/a/" + url.PathEscape(canary), []value.Origin{inner}},
		"JSON in JSON":   {`{"log":` + string(value.AppendQuoted(nil, `{"text":`+quoted+`}`)) + `}`, []value.Origin{inner}},
		"of a vault":     {"it is " + read, []value.Origin{outer}},
		"both":           {read + canary, []value.Origin{inner}},
		"a part of it":   {canary[:len(canary)-1], nil},
		"shorter than 8": {"short", nil},
	} {
		v := value.Object(value.Member{Key: "list", Value: value.Array(value.Int(1), value.String(c.text), value.Null())}, value.Member{Key: "b", Value: value.String("c")})
		marked := live.Mark(v)
		got := marked.Member("list").At(1)
		if len(got.Origins()) != len(c.want) || len(c.want) > 0 && got.Origins()[0] != c.want[0] {
			t.Errorf("%s: %v", name, got.Origins())
		}
		if got.Str() != c.text || marked.Member("b").Marked() || marked.Member("list").At(0).Marked() || len(marked.Origins()) > 0 || marked.Member("list").Len() != 3 {
			t.Errorf("%s: more was changed: %s", name, value.Reveal(marked))
		}
		if len(c.want) == 0 && marked != v {
			t.Errorf("%s: a value without a credential is another one", name)
		}
	}
	named := live.Mark(value.Object(value.Member{Key: "x" + canary, Value: value.Int(1)}))
	if len(named.Origins()) != 1 || named.Origins()[0] != inner {
		t.Errorf("a name that holds one: %v", named.Origins())
	}
	within := live.Mark(value.Object(value.Member{Key: "a", Value: value.String(canary)}).Mark(value.Origin{Class: value.Secured, Name: "side"}))
	if got := within.Member("a").Origins(); len(got) != 2 || len(within.Origins()) != 1 {
		t.Errorf("inside of what is secured: %v in %v", got, within.Origins())
	}
}

func TestSecretsInValuesAreNoted(t *testing.T) {
	live := &outbound.Credentials{}
	origin := value.Origin{Class: value.Credential, Name: "parameter:p"}
	live.NoteValue(value.Object(
		value.Member{Key: "a", Value: value.Array(value.String(canary), value.Int(12345678))}).Mark(origin))
	live.NoteValue(value.String("not marked at all"))
	if got := string(live.Replace([]byte(canary+" and not marked at all"), value.Credential)); got != value.Redacted+" and not marked at all" {
		t.Errorf("got %s", got)
	}
}
