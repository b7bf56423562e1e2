package handlers_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/value"
)

// knownCalls are the signatures and calls of gate/testdata/inbound-auth.json.
type knownCalls struct {
	WorkflowID  string
	TestKeysHex map[string]string
	SAS         []knownURL
	SASRejected []struct{ ID, From, SP, Sig string }
	Calls       []struct {
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
}

type knownURL struct{ ID, Path, SP, SE, SV, Sig string }

func (k knownURL) at(base string) string {
	q := url.Values{"api-version": {"2016-10-01"}, "sp": {k.SP}, "sv": {k.SV}, "sig": {k.Sig}}
	if k.SE != "" {
		q.Set("se", k.SE)
	}
	return base + strings.Replace(k.Path, "/paths/invoke", "/paths/invoke/berths/B7", 1) + "?" + q.Encode()
}

func readKnownCalls(t *testing.T) *knownCalls {
	t.Helper()
	data, err := os.ReadFile("gate/testdata/inbound-auth.json")
	if err != nil {
		t.Fatal(err)
	}
	var k knownCalls
	if err := json.Unmarshal(data, &k); err != nil {
		t.Fatal(err)
	}
	if len(k.SAS) != 6 || len(k.SASRejected) != 4 || len(k.Calls) != 17 {
		t.Fatalf("%d signatures, %d that are none, %d calls", len(k.SAS), len(k.SASRejected), len(k.Calls))
	}
	return &k
}

// workflow is the one that the calls are for: with their id, their keys and the version
// that one of them names.
func (k *knownCalls) workflow(t *testing.T) *store.Workflow {
	t.Helper()
	parsed := func(text string) value.Value {
		v, err := value.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	key := func(name string) []byte {
		b, err := hex.DecodeString(k.TestKeysHex[name])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	return &store.Workflow{
		ID: k.WorkflowID, Name: "known", ResourceID: inGroup + "/known", State: "Enabled", Version: "08584281832759275795", Created: time.Now(), Changed: time.Now(),
		Keys:          store.Keys{Primary: key("primary"), Secondary: key("secondary"), Contents: key("contents")},
		AccessControl: parsed(`{"triggers":{` + callers + `}}`),
		Definition: parsed(`{"$schema":"https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#","contentVersion":"1.0.0.0",
			"triggers":{"manual":{"type":"Request","kind":"Http","operationOptions":"EnableSchemaValidation","inputs":{"method":"PUT","relativePath":"/berths/{berth}",
				"schema":{"type":"object","required":["containers"]}}}},
			"actions":{"Response":{"type":"Response","inputs":{"statusCode":200}}}}`),
	}
}

// TestKnownCallsOverHTTP sends the known signatures and calls to both kinds of server.
// Those calls that change the workflow first are rows of TestInboundCalls, and are made
// at the gate.
func TestKnownCallsOverHTTP(t *testing.T) {
	dist, folder := inboundApp(t)
	k := readKnownCalls(t)
	for name, start := range modes {
		t.Run(name, func(t *testing.T) {
			s := start(t, dist, folder, k.workflow(t))
			base := s.base + "/workflows/" + k.WorkflowID
			for _, sent := range k.SAS {
				t.Run(sent.ID, func(t *testing.T) {
					status, code := http.StatusOK, ""
					if until, err := time.Parse(time.RFC3339, sent.SE); err == nil && !time.Now().Before(until) {
						status, code = http.StatusUnauthorized, "AuthorizationFailed"
					} else if strings.Contains(sent.Path, "/actions/") {
						status, code = http.StatusConflict, "WorkflowActionNotWaiting" // let in; there is no such run
					}
					s.expect(t, put, sent.at(base), good, nil, status, code)
				})
			}
			for _, sent := range k.SASRejected {
				t.Run(sent.ID, func(t *testing.T) {
					u := k.SAS[0]
					if sent.From != "" {
						u.Sig = k.named(t, sent.From).Sig
					}
					if sent.Sig != "" {
						u.Sig = sent.Sig
					}
					if sent.SP != "" {
						u.SP = sent.SP
					}
					s.expect(t, put, u.at(base), good, nil, http.StatusUnauthorized, "AuthorizationFailed")
				})
			}
			made := 0
			for _, c := range k.Calls {
				if len(c.Setup) > 0 {
					continue
				}
				made++
				t.Run(c.ID, func(t *testing.T) {
					header := http.Header{}
					for name, v := range c.Request.Headers {
						header.Set(name, strings.NewReplacer("<valid token>", s.cloud.Token(map[string]any{"aud": "api://berths"}),
							"<token with aud api://other>", s.cloud.Token(map[string]any{"aud": "api://other"})).Replace(v))
					}
					body := good
					if c.Expect.Code == "TriggerInputSchemaMismatch" {
						body = "{}"
					}
					s.expect(t, c.Request.Method, s.base+c.Request.URL, body, header, c.Expect.Status, c.Expect.Code)
				})
			}
			if made != 12 {
				t.Errorf("%d calls were made", made)
			}
			if n := s.cloud.Count(cloudtest.EntraDiscovery); n != 1 {
				t.Errorf("Entra was asked for its keys %d times", n)
			}
		})
	}
}

func (k *knownCalls) named(t *testing.T, id string) knownURL {
	t.Helper()
	for _, u := range k.SAS {
		if u.ID == id {
			return u
		}
	}
	t.Fatalf("there is no %s", id)
	return knownURL{}
}

func (s *served) expect(t *testing.T, method, target, body string, header http.Header, status int, code string) {
	t.Helper()
	got, gotCode, _, answer := s.call(t, method, target, body, header)
	if got != status || gotCode != code {
		t.Error(fmt.Sprintf("%d %s", got, answer), "want", status, code)
	}
}
