package access_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/latchwork/latchwork/shared/access"
	"github.com/latchwork/latchwork/shared/value"
)

func compile(t *testing.T, text string) (*access.Access, []value.Problem) {
	t.Helper()
	v, err := value.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return access.Compile(v, (*value.Path)(nil).Key("accessControl"))
}

const iss = `{"name":"iss","value":"https://sts.windows.net/11111111-1111-1111-1111-111111111111/"}`
const aud = `{"name":"aud","value":"api://x"}`

func policies(list ...string) string {
	for i, p := range list {
		list[i] = fmt.Sprintf(`"p%d":%s`, i, p)
	}
	return `{"triggers":{"openAuthenticationPolicies":{"policies":{` + strings.Join(list, ",") + `}}}}`
}

func claims(list ...string) string {
	return `{"type":"AAD","claims":[` + strings.Join(list, ",") + `]}`
}

func many(n int, s string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = s
	}
	return list
}

// What may be saved, and what is said about it: code, path and the beginning of the
// message; "warning" in front where it may be saved all the same.
func TestSaving(t *testing.T) {
	long := func(n int) string { return `{"name":"x","value":"` + strings.Repeat("v", n) + `"}` }
	const at = "$.accessControl.triggers.openAuthenticationPolicies.policies"
	for _, c := range []struct{ name, control, want string }{
		{"nothing", `null`, ""},
		{"empty", `{}`, ""},
		{"empty sections", `{"triggers":{},"actions":null,"contents":{"allowedCallerIpAddresses":null},"workflowManagement":{}}`, ""},
		{"ranges of all sections", `{"triggers":{"allowedCallerIpAddresses":[{"addressRange":"10.0.0.0/8"}]},"workflowManagement":{"allowedCallerIpAddresses":[]}}`, ""},
		{"a policy", policies(claims(iss, aud)), ""},
		{"version 2", policies(claims(strings.Replace(iss, "sts.windows.net", "login.microsoftonline.com", 1), aud)), ""},
		{"five policies", policies(many(5, claims(iss, aud))...), ""},
		{"ten claims", policies(claims(append(many(8, `{"name":"x","value":"y"}`), iss, aud)...)), ""},
		{"150 characters", policies(claims(iss, aud, long(150))), ""},
		{"policies that are none", `{"triggers":{"openAuthenticationPolicies":{"policies":{}},"sasAuthenticationPolicy":{"state":"Enabled"}},"contents":{"openAuthenticationPolicies":{"policies":{}}}}`, ""},
		{"disabled signatures", `{"triggers":{"sasAuthenticationPolicy":{"state":"Disabled"}}}`, ""},

		{"not an object", `[]`, "InvalidRequestContent $.accessControl The access control"},
		{"a section that is none", `{"triggers":[]}`, "InvalidRequestContent $.accessControl.triggers The property 'triggers'"},
		{"a misspelt section", `{"trigger":{}}`, "InvalidRequestContent $.accessControl.trigger Could not find the member 'trigger'"},
		{"a misspelt property", `{"actions":{"allowedCallerIPs":[]}}`, "InvalidRequestContent $.accessControl.actions.allowedCallerIPs Could not find"},
		{"signatures where they open nothing", `{"contents":{"sasAuthenticationPolicy":{}}}`, "InvalidRequestContent $.accessControl.contents.sasAuthenticationPolicy Could not find"},
		{"ranges that are no array", `{"triggers":{"allowedCallerIpAddresses":"10.0.0.0/8"}}`, "InvalidRequestContent $.accessControl.triggers.allowedCallerIpAddresses The allowed"},
		{"a range that is no object", `{"triggers":{"allowedCallerIpAddresses":["10.0.0.0/8"]}}`, "InvalidRequestContent $.accessControl.triggers.allowedCallerIpAddresses[0] An allowed"},
		{"a range that is none", `{"contents":{"allowedCallerIpAddresses":[{"addressRange":"10.0.0.0/8"},{"addressRange":"x"}]}}`, "InvalidWorkflowAccessControl $.accessControl.contents.allowedCallerIpAddresses[1].addressRange The IP address range 'x'"},
		{"an unknown state", `{"triggers":{"sasAuthenticationPolicy":{"state":"Off"}}}`, "InvalidWorkflowAccessControl $.accessControl.triggers.sasAuthenticationPolicy.state The state"},
		{"six policies", policies(many(6, claims(iss, aud))...), "InvalidWorkflowAccessControl " + at + " A workflow has at most 5"},
		{"eleven claims", policies(claims(append(many(9, `{"name":"x","value":"y"}`), iss, aud)...)), "InvalidWorkflowAccessControl " + at + ".p0.claims The open authentication policy 'p0' has 11"},
		{"no issuer", policies(claims(aud)), "InvalidWorkflowAccessControl " + at + ".p0 The open authentication policy 'p0' must have the claim 'iss'"},
		{"no claims", policies(`{"type":"AAD"}`), "InvalidWorkflowAccessControl " + at + ".p0 The open authentication policy 'p0' must have the claim 'iss'"},
		{"another issuer", policies(claims(`{"name":"iss","value":"https://accounts.example/t/"}`, aud)), "InvalidWorkflowAccessControl " + at + ".p0.claims[0].value The issuer"},
		{"an issuer that only begins alike", policies(claims(`{"name":"iss","value":"https://sts.windows.net.example/t/"}`, aud)), "InvalidWorkflowAccessControl " + at + ".p0.claims[0].value The issuer"},
		{"an issuer over http", policies(claims(`{"name":"iss","value":"http://sts.windows.net/t/"}`, aud)), "InvalidWorkflowAccessControl " + at + ".p0.claims[0].value The issuer"},
		{"an issuer without a tenant", policies(claims(`{"name":"iss","value":"https://sts.windows.net/"}`, aud)), "InvalidWorkflowAccessControl " + at + ".p0.claims[0].value The issuer"},
		{"a tenant that leads elsewhere", policies(claims(`{"name":"iss","value":"https://sts.windows.net/..%2F/"}`, aud)), "InvalidWorkflowAccessControl " + at + ".p0.claims[0].value The issuer"},
		{"an issuer in another case", policies(claims(`{"name":"iss","value":"https://STS.windows.net/t/"}`, aud)), "InvalidWorkflowAccessControl " + at + ".p0.claims[0].value The issuer"},
		{"1001 characters", policies(claims(iss, aud, long(1001))), "InvalidWorkflowAccessControl " + at + ".p0.claims[2].value The value of the claim 'x' has more than 1000"},
		{"values for value", policies(claims(`{"name":"iss","values":"x"}`)), "InvalidRequestContent " + at + ".p0.claims[0].values Could not find"},
		{"a list for a value", policies(claims(iss, `{"name":"roles","value":["a"]}`)), "InvalidRequestContent " + at + ".p0.claims[1] A claim"},
		{"an unknown type", policies(`{"type":"Basic","claims":[` + iss + `]}`), "InvalidWorkflowAccessControl " + at + ".p0.type The type"},
		{"policies beside their place", `{"triggers":{"openAuthenticationPolicies":{"p":{}}}}`, "InvalidRequestContent $.accessControl.triggers.openAuthenticationPolicies.p Could not find"},

		{"151 characters", policies(claims(iss, aud, long(151))), "warning InvalidWorkflowAccessControl " + at + ".p0.claims[2].value The value"},
		{"no audience", policies(claims(iss)), "warning InvalidWorkflowAccessControl " + at + ".p0 The open authentication policy 'p0' has no claim 'aud'"},
		{"proofs of possession", policies(`{"type":"AADPOP","claims":[` + iss + `,` + aud + `]}`), "warning InvalidWorkflowAccessControl " + at + ".p0.type Tokens with a proof"},
		{"policies without effect", `{"contents":{"openAuthenticationPolicies":{"policies":{"p":{}}}}}`, "warning InvalidWorkflowAccessControl $.accessControl.contents.openAuthenticationPolicies Open authentication"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, problems := compile(t, c.control)
			got := ""
			if len(problems) > 0 {
				p := problems[0]
				got = fmt.Sprintf("%s %s %s", p.Code, p.Path, p.Message)
				if p.Warning {
					got = "warning " + got
				}
			}
			if (c.want == "") != (got == "") || !strings.HasPrefix(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// What is stored and cannot be read lets nobody in.
func TestWhatCannotBeReadIsClosed(t *testing.T) {
	somebody := netip.MustParseAddr("203.0.113.9")
	for _, text := range []string{`[]`, `"open"`, `{"triggers":[]}`, `{"triggers":{"allowedCallerIpAddresses":{}}}`, `{"triggers":{"allowedCallerIpAddresses":["203.0.113.9"]}}`} {
		if a, _ := compile(t, text); a.Allows(access.Triggers, somebody) {
			t.Errorf("%s lets somebody in", text)
		}
	}
	if a, _ := compile(t, `{"triggers":{"sasAuthenticationPolicy":{"state":"Disable"}}}`); !a.SASDisabled {
		t.Error("signatures are on")
	}
	for _, p := range []string{claims(), claims(aud), claims(`{"name":"iss","value":"https://x/"}`, aud), `{"type":"x","claims":[` + iss + `]}`, claims(iss, `{"name":"","value":"x"}`)} {
		if a, _ := compile(t, policies(p)); len(a.Policies) > 0 {
			t.Errorf("%s is a policy", p)
		}
	}
	var nothing *access.Access
	if !nothing.Allows(access.Contents, somebody) || nothing.Restricts(access.Triggers) {
		t.Error("no access control restricts")
	}
}

// A range that comes from a secure parameter is not quoted.
func TestMessagesHoldNoSecret(t *testing.T) {
	secret := value.String("not-a-range").Mark(value.Origin{Class: value.Credential, Name: "p"})
	_, problems := access.Compile(value.Object(value.Member{Key: "triggers", Value: value.Object(value.Member{Key: "allowedCallerIpAddresses", Value: value.Array(
		value.Object(value.Member{Key: "addressRange", Value: secret}))})}), nil)
	if len(problems) != 1 || strings.Contains(problems[0].Message, "not-a-range") {
		t.Errorf("%v", problems)
	}
}

func TestSatisfied(t *testing.T) {
	a, _ := compile(t, policies(claims(iss, aud)))
	p := a.Policies[0]
	issuer := "https://sts.windows.net/11111111-1111-1111-1111-111111111111/"
	if p.Issuer != issuer || p.Tenant != "11111111-1111-1111-1111-111111111111" || p.Name != "p0" {
		t.Errorf("%+v", p)
	}
	for text, want := range map[string]bool{
		`{"iss":"` + issuer + `","aud":"api://x"}`:             true,
		`{"iss":"` + issuer + `","aud":["y","api://x"],"z":1}`: true,
		`{"iss":"` + issuer + `","aud":[["api://x"]]}`:         false,
		`{"iss":"` + issuer + `","aud":null}`:                  false,
		`{"iss":"` + issuer + `"}`:                             false,
		`{"iss":"` + issuer + `x","aud":"api://x"}`:            false,
		`{}`: false,
	} {
		var token map[string]any
		if err := json.Unmarshal([]byte(text), &token); err != nil {
			t.Fatal(err)
		}
		if got := p.Satisfied(token); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
