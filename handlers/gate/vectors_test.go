package gate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/value"
)

// cases are the rest of the vectors: calls, ranges and addresses.
type cases struct {
	Calls []struct {
		ID      string
		Request struct {
			Method, URL string
			Headers     map[string]string
		}
		Setup  map[string]json.RawMessage
		Expect struct {
			Status int
			Code   string
		}
	}
	AddressRanges []struct {
		Range, Address string
		Allowed        bool
	}
	AddressRangesRejectedAtPut []string
	ClientAddress              []struct {
		Headers map[string]string
		Setting string
		Expect  *string
	}
}

func readCases(t *testing.T) cases {
	t.Helper()
	data, err := os.ReadFile("testdata/inbound-auth.json")
	if err != nil {
		t.Fatal(err)
	}
	var c cases
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	if len(c.Calls) < 15 || len(c.AddressRanges) == 0 || len(c.AddressRangesRejectedAtPut) == 0 || len(c.ClientAddress) == 0 {
		t.Fatal("vectors are missing")
	}
	return c
}

const vectorControl = `{"triggers":{"allowedCallerIpAddresses":%s%s,
	"openAuthenticationPolicies":{"policies":{"dockyard-callers":{"type":"AAD","claims":[
		{"name":"iss","value":"` + issuerV1 + `"},{"name":"aud","value":"` + audience + `"}]}}}},
	"contents":{"allowedCallerIpAddresses":[{"addressRange":"192.0.2.0/25"}]}}`

// The calls of the vectors. What the schema refuses is let in here: it is checked by
// the trigger.
func TestVectorCalls(t *testing.T) {
	_, keys := readVectors(t)
	for _, c := range readCases(t).Calls {
		t.Run(c.ID, func(t *testing.T) {
			workflow := target()
			workflow.PrimaryKey, workflow.SecondaryKey, workflow.ContentsKey = keys["primary"], keys["secondary"], keys["contents"]
			ranges := `[{"addressRange":"203.0.113.0/24"},{"addressRange":"2001:db8:40::/48"},{"addressRange":"198.51.100.7-198.51.100.19"}]`
			more, caller := "", "203.0.113.9"
			setControl := func() { whole(t, fmt.Sprintf(vectorControl, ranges, more))(workflow) }
			setControl()
			for name, v := range c.Setup {
				text := strings.Trim(string(v), `"`)
				switch name {
				case "clientAddress":
					caller = text
				case "state":
					workflow.State = text
				case "accessControl":
					workflow.Access = nil
				case "accessControl.triggers.allowedCallerIpAddresses":
					ranges = text
					setControl()
				case "accessControl.triggers.sasAuthenticationPolicy.state":
					more = `,"sasAuthenticationPolicy":{"state":` + string(v) + `}`
					setControl()
				default:
					t.Fatalf("an unknown setup: %s", name)
				}
			}
			d := openWith(t, workflow, mode(t, "xff:1"), func(g *gate.Gate) { g.Tokens = newEntra().tokens(t) })
			r, err := http.NewRequestWithContext(t.Context(), c.Request.Method, d.URL+c.Request.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Forwarded-For", caller+":51544")
			for name, v := range c.Request.Headers {
				r.Header.Set(name, strings.NewReplacer("<valid token>", good(t), "<token with aud api://other>", good(t, "aud", "api://other")).Replace(v))
			}
			answer, err := d.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			var body struct{ Error struct{ Code string } }
			_ = json.NewDecoder(answer.Body).Decode(&body) // none where the call is let in
			let, _ := d.seen()
			if c.Expect.Status == http.StatusOK || c.Expect.Code == "TriggerInputSchemaMismatch" {
				if len(let) != 1 {
					t.Errorf("%d %s", answer.StatusCode, body.Error.Code)
				}
				return
			}
			if len(let) > 0 || answer.StatusCode != c.Expect.Status || body.Error.Code != c.Expect.Code {
				t.Errorf("%d %s, want %d %s", answer.StatusCode, body.Error.Code, c.Expect.Status, c.Expect.Code)
			}
		})
	}
}

func TestVectorRanges(t *testing.T) {
	compile := func(text string) (*access.Access, []value.Problem) {
		entry := value.Object(value.Member{Key: "addressRange", Value: value.String(text)})
		return access.Compile(value.Object(value.Member{Key: "triggers", Value: value.Object(
			value.Member{Key: "allowedCallerIpAddresses", Value: value.Array(entry)})}), nil)
	}
	c := readCases(t)
	for _, v := range c.AddressRanges {
		a, problems := compile(v.Range)
		if got := a.Allows(access.Triggers, netip.MustParseAddr(v.Address)); got != v.Allowed || len(problems) > 0 {
			t.Errorf("%s in %s: %v, %v", v.Address, v.Range, got, problems)
		}
	}
	for _, text := range c.AddressRangesRejectedAtPut {
		if _, problems := compile(text); !slices.ContainsFunc(problems, func(p value.Problem) bool { return !p.Warning && p.Code == access.Invalid }) {
			t.Errorf("%q may be saved: %v", text, problems)
		}
	}
}

func TestVectorClientAddresses(t *testing.T) {
	for _, c := range readCases(t).ClientAddress {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
		r.RemoteAddr = "192.0.2.1:4000"
		for name, v := range c.Headers {
			r.Header.Set(name, v)
		}
		want := ""
		if c.Expect != nil {
			want = strings.Replace(*c.Expect, "peer", "192.0.2.1", 1)
		}
		a, known := mode(t, c.Setting).Of(r)
		if known != (want != "") || known && a.String() != want {
			t.Errorf("%s %v: %v, %v", c.Setting, c.Headers, a, known)
		}
	}
}
