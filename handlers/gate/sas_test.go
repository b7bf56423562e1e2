package gate_test

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/handlers/gate"
)

// vectors are the known signatures.
type vectors struct {
	WorkflowID  string
	TestKeysHex map[string]string
	SAS         []vector
	SASRejected []struct {
		ID, From, SP, Sig string
	}
}

type vector struct{ ID, Key, Path, SP, SE, SV, Sig string }

func readVectors(t testing.TB) (vectors, map[string][]byte) {
	t.Helper()
	data, err := os.ReadFile("testdata/inbound-auth.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{}
	for name, text := range v.TestKeysHex {
		if keys[name], err = hex.DecodeString(text); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.SAS) == 0 || len(v.SASRejected) == 0 {
		t.Fatal("there are no vectors")
	}
	return v, keys
}

// plain is a workflow whose trigger takes any path as POST.
func plain(keys map[string][]byte) *gate.Target {
	return &gate.Target{
		ID: workflowID, State: "Enabled", PrimaryKey: keys["primary"], SecondaryKey: keys["secondary"],
		Trigger: func(name string) (gate.Trigger, bool) { return gate.Trigger{Name: name}, true },
	}
}

func TestSignGivesTheKnownSignatures(t *testing.T) {
	v, keys := readVectors(t)
	for _, known := range v.SAS {
		if got := gate.Sign(keys[known.Key], v.WorkflowID, known.SP, known.SE); got != known.Sig {
			t.Errorf("%s: %s, want %s", known.ID, got, known.Sig)
		}
	}
}

// Only those of the trigger's keys, for the trigger's permission, open it.
func TestKnownSignaturesAtTheGate(t *testing.T) {
	v, keys := readVectors(t)
	path := "/workflows/" + v.WorkflowID + "/triggers/manual/paths/invoke"
	d := open(t, plain(keys), gate.Peer)
	for _, known := range v.SAS {
		q := url.Values{"api-version": {"2016-10-01"}, "sp": {known.SP}, "sv": {known.SV}, "sig": {known.Sig}}
		if known.SE != "" {
			q.Set("se", known.SE)
		}
		want := http.StatusUnauthorized
		if known.SP == manualRun {
			want = http.StatusAccepted
		}
		if answer, body := d.call(t, "POST", path, q, nil); answer.StatusCode != want {
			t.Errorf("%s: %d %s", known.ID, answer.StatusCode, body)
		}
	}
}

func TestRejectedSignatures(t *testing.T) {
	v, keys := readVectors(t)
	byID := map[string]vector{}
	for _, known := range v.SAS {
		byID[known.ID] = known
	}
	for _, bad := range v.SASRejected {
		t.Run(bad.ID, func(t *testing.T) {
			q := url.Values{"api-version": {"2016-10-01"}, "sp": {manualRun}, "sv": {"1.0"}, "sig": {bad.Sig}}
			trigger := "manual"
			if bad.SP != "" {
				// The trigger that the changed permission names: only the signature is wrong.
				q.Set("sp", bad.SP)
				trigger = "other"
			}
			if bad.From != "" {
				q.Set("sig", byID[bad.From].Sig) // and no se
			}
			d := open(t, plain(keys), gate.Peer)
			answer, body := d.call(t, "POST", "/workflows/"+v.WorkflowID+"/triggers/"+trigger+"/paths/invoke", q, nil)
			checkError(t, answer, body, 401, "AuthorizationFailed", notValid)
			_, log := d.seen()
			checkLog(t, log, "signature", "AuthorizationFailed", q.Get("sig"))
		})
	}
}

// The last of the 43 characters holds four bits; another one with the same four is
// another text for the same bytes, and not what was minted.
func TestSignatureIsOneText(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	sig := gate.Sign(primary, workflowID, manualRun, "")
	last := strings.IndexByte(alphabet, sig[42])
	for bits := 1; bits < 4; bits++ {
		d := open(t, target(), gate.Peer)
		answer, body := d.call(t, "PUT", invoke, with(signed(manualRun, ""), "sig", sig[:42]+alphabet[last^bits:][:1]), nil)
		checkError(t, answer, body, 401, "AuthorizationFailed", notValid)
	}
}

// Nobody can sign for a workflow that does not exist, whatever key stands in.
func TestNoKeyOpensAnUnknownWorkflow(t *testing.T) {
	d := open(t, target(), gate.Peer)
	for name, key := range map[string][]byte{"no key": nil, "zeros": make([]byte, 32), "another's": primary} {
		q := with(signed(manualRun, ""), "sig", gate.Sign(key, "unknown", manualRun, ""))
		answer, body := d.call(t, "PUT", strings.Replace(invoke, workflowID, "unknown", 1), q, nil)
		if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(string(body), notValid) {
			t.Errorf("%s: %d %s", name, answer.StatusCode, body)
		}
	}
}

func TestExpiryIsReadStrictly(t *testing.T) {
	for _, c := range []struct {
		expiry string
		let    bool
	}{
		{"2026-03-14T12:00:00.0000001Z", true},
		{"2026-12-31T23:59:59.0000000Z", true},
		{"2026-03-14T12:00:00.0000000Z", false}, // now is too late
		{"2026-03-14T11:59:59.9999999Z", false}, // and there is no grace
		{"2026-12-31T23:59:59.0000000+00:00", false},
		{"2026-12-31T23:59:59.0000000-05:00", false},
		{"2026-12-31T23:59:59.0000000z", false},
		{"2026-12-31T23:59:59.0000000", false},
		{"2026-12-31 23:59:59.0000000Z", false},
		{"2026-12-31t23:59:59.0000000Z", false},
		{"2026-12-31T24:00:00.0000000Z", false},
		{"2026-13-01T00:00:00.0000000Z", false},
		{"2027-02-29T00:00:00.0000000Z", false},
		{"2026-12-31", false},
		{" 2026-12-31T23:59:59.0000000Z", false},
		{"2026-12-31T23:59:59.0000000Z ", false},
		{"4102444800", false},
		{"never", false},
		{"2026-12-31T23:59:59Z", true}, // fractions may be left out
		{"2026-12-31T23:59:59.5Z", true},
		{"2026-12-31T23:59:59,0000000Z", false},
		{"2026-12-31T23:59:59.Z", false},
		{"2026-12-31T23:59:59.00000000Z", false},
		{"2026-12-31T23:59:59.00000000000000000Z", false},
		{"2026-12-31T3:59:59.0000000Z", false},
		{"Z", false},
	} {
		d := open(t, target(), gate.Peer)
		answer, body := d.call(t, "PUT", invoke, signed(manualRun, c.expiry), nil)
		if let, _ := d.seen(); (len(let) == 1) != c.let {
			t.Errorf("%q: %d %s", c.expiry, answer.StatusCode, body)
		} else if !c.let {
			checkError(t, answer, body, 401, "AuthorizationFailed", notValid)
		}
	}
}

// Two values, even equal ones, could be read differently by two readers.
func TestDuplicateParametersAreRefused(t *testing.T) {
	const expiry = "2026-12-31T23:59:59.0000000Z"
	for _, name := range []string{"sp", "se", "sv", "sig"} {
		for _, second := range []string{signed(manualRun, expiry).Get(name), "", "x"} {
			q := signed(manualRun, expiry)
			q.Add(name, second)
			d := open(t, target(), gate.Peer)
			answer, body := d.call(t, "PUT", invoke, q, nil)
			checkError(t, answer, body, 401, "AuthorizationFailed", notValid)
			if let, _ := d.seen(); len(let) > 0 {
				t.Errorf("two of %s were let in", name)
			}
		}
	}
}

// What url.ParseQuery drops is there for other readers, so it counts here.
func TestParametersThatOthersReadDifferently(t *testing.T) {
	good := signed(manualRun, "").Encode()
	for _, c := range []struct {
		query string
		let   bool
	}{
		{good + "&sp=%zz", false},
		{good + "&sig=%zz", false},
		{good + "&sv=%", false},
		{good + "&se=%zz", false},
		{good + "&sp=x;y", false},
		{good + "&a=1;sp=x", false},
		{good + "&a=1;sig=x", false},
		{good + "&%73p=x", false},
		{good + "&sp", false},
		{good + "&se=", false}, // not the same as none
		{good + "&se", false},
		{strings.Replace(good, "&sig=", "&sig=%zz", 1), false},
		{strings.Replace(good, "&sig=", "&a=1;sig=", 1), false},
		{good + "&a=%zz", true}, // the caller's own
		{good + "&a=1;b=2", true},
	} {
		d := open(t, target(), gate.Peer)
		r, err := http.NewRequestWithContext(t.Context(), "PUT", d.URL+invoke+"?"+c.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := d.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if let, _ := d.seen(); (len(let) == 1) != c.let {
			t.Errorf("%q: %d %s", c.query, answer.StatusCode, body)
		} else if !c.let {
			checkError(t, answer, body, 401, "AuthorizationFailed", notValid)
		}
	}
}

// A key that is not there is known to everybody.
func TestMissingKeyOpensNothing(t *testing.T) {
	for name, missing := range map[string][]byte{"nil": nil, "empty": {}} {
		for _, change := range []func(*gate.Target){
			func(w *gate.Target) { w.PrimaryKey = missing },
			func(w *gate.Target) { w.SecondaryKey = missing },
		} {
			workflow := target()
			change(workflow)
			d := open(t, workflow, gate.Peer)
			answer, body := d.call(t, "PUT", invoke, with(signed(manualRun, ""), "sig", gate.Sign(nil, workflowID, manualRun, "")), nil)
			checkError(t, answer, body, 401, "AuthorizationFailed", notValid)
			key := workflow.PrimaryKey
			if len(key) == 0 {
				key = workflow.SecondaryKey
			}
			if answer, body := d.call(t, "PUT", invoke, with(signed(manualRun, ""), "sig", gate.Sign(key, workflowID, manualRun, "")), nil); answer.StatusCode != http.StatusAccepted {
				t.Errorf("%s, the other key: %d %s", name, answer.StatusCode, body)
			}
		}
	}
}

func TestPermissions(t *testing.T) {
	for permissions, want := range map[string]bool{
		manualRun:                            true,
		"//*":                                true,
		"/triggers/other/run," + manualRun:   true,
		manualRun + ",/triggers/manual/read": true,
		"":                                   false,
		"*":                                  false,
		"/*":                                 false,
		"/triggers/*":                        false,
		"/triggers/manual":                   false,
		manualRun + "/":                      false,
		"/triggers/manual/*":                 false,
		strings.Repeat(",", 64):              false,
	} {
		d := open(t, target(), gate.Peer)
		answer, body := d.call(t, "PUT", invoke, signed(permissions, ""), nil)
		if let, _ := d.seen(); (len(let) == 1) != want {
			t.Errorf("%q: %d %s", permissions, answer.StatusCode, body)
		}
	}
}

// A minted URL has the product's order of parameters and opens the gate until it
// expires.
func TestMintedURL(t *testing.T) {
	at := func(d *door, u string) int {
		t.Helper()
		w := httptest.NewRecorder()
		d.Config.Handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", u, nil))
		return w.Code
	}
	keys := map[string][]byte{"primary": primary, "secondary": secondary}
	d := open(t, plain(keys), gate.Peer)
	const head = "http://localhost:7071/workflows/" + workflowID + "/triggers/manual/paths/invoke?api-version=2016-10-01"
	const tail = "&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig="
	urls := gate.URLs{Base: "http://localhost:7071/"}
	// In another zone, to see that se is UTC.
	east := time.FixedZone("east", 3600)
	for _, c := range []struct {
		notAfter time.Time
		middle   string
		status   int
	}{
		{time.Time{}, "", http.StatusAccepted},
		{now.Add(time.Minute).In(east), "&se=2026-03-14T12%3A01%3A00.0000000Z", http.StatusAccepted},
		{now.Add(-time.Minute), "&se=2026-03-14T11%3A59%3A00.0000000Z", http.StatusUnauthorized},
	} {
		u := urls.Trigger(primary, workflowID, "manual", c.notAfter)
		if rest, ok := strings.CutPrefix(u, head+c.middle+tail); !ok || len(rest) != 43 {
			t.Errorf("minted %s", u)
		}
		if got := at(d, u); got != c.status {
			t.Errorf("%s: %d", u, got)
		}
	}
	if got := at(d, urls.Trigger(secondary, workflowID, "a b", time.Time{})); got != http.StatusAccepted {
		t.Errorf("a name with a blank: %d", got)
	}
}
