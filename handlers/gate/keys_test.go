package gate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/latchwork/latchwork/handlers/gate"
)

var byIssuer = policies(policy("iss", issuerV1))

// tokenCounts calls once with each token, all at the same time, and counts the
// answers by status.
func tokenCounts(t *testing.T, tokens *gate.Tokens, list []string) map[int]int {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	counts := map[int]int{}
	for _, token := range list {
		all.Go(func() {
			_, status, _ := knock(t, tokens, byIssuer, "Bearer "+token)
			mu.Lock()
			defer mu.Unlock()
			counts[status]++
		})
	}
	all.Wait()
	return counts
}

// flood are tokens that each name another key.
func flood(t *testing.T, n int, name string) []string {
	t.Helper()
	list := make([]string, n)
	for i := range list {
		list[i] = sign(t, jwt.SigningMethodHS256, []byte("x"), claims(), "alg", "RS256", "kid", fmt.Sprintf("%s-%d", name, i))
	}
	return list
}

// Names of keys that nobody has cost one fetch, and then none for five minutes.
func TestAFloodOfKeyNames(t *testing.T) {
	e := newEntra()
	tokens := e.tokens(t)
	if c := tokenCounts(t, tokens, flood(t, 100, "cold")); c[401] != 100 || e.count() != 1 {
		t.Errorf("cold: %v, %d fetches", c, e.count())
	}
	if c := tokenCounts(t, tokens, append(flood(t, 100, "warm"), good(t))); c[401] != 100 || c[202] != 1 || e.count() != 1 {
		t.Errorf("warm: %v, %d fetches", c, e.count())
	}
	for i := range 3 {
		e.set(func() { e.now = e.now.Add(5 * time.Minute) })
		if c := tokenCounts(t, tokens, flood(t, 50, fmt.Sprint("later", i))); c[401] != 50 || e.count() != 2+i {
			t.Errorf("%d: %v, %d fetches", i, c, e.count())
		}
	}
}

// A token brings its own keys along, or says where they are: nobody looks there, and the
// tenant is asked once.
func TestKeysThatATokenBringsAlong(t *testing.T) {
	var asked atomic.Int64
	forger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []any{publicJWK("forger"), publicJWK("k1")}})
	}))
	defer forger.Close()
	e := newEntra()
	tokens := e.tokens(t)
	for _, kid := range []string{"k1", "forger", forger.URL, "../../k1", "k1' OR '1'='1", "\x00"} {
		for name, v := range map[string]any{
			"jku": forger.URL, "x5u": forger.URL, "jwk": publicJWK("forger"), "x5c": []string{"MIIB"}, "x5t": "AAAA", "iss": forger.URL,
		} {
			d, status, body := knock(t, tokens, byIssuer, "Bearer "+sign(t, jwt.SigningMethodRS256, rsaKey("forger"), claims(), "kid", kid, name, v))
			if let, _ := d.seen(); len(let) > 0 || status != http.StatusUnauthorized {
				t.Errorf("kid %q with %s: %d %s", kid, name, status, body)
			}
		}
	}
	if asked.Load() != 0 || e.count() != 1 {
		t.Errorf("the forger was asked %d times, the tenant %d times", asked.Load(), e.count())
	}
}

// A token that names somebody else's issuer does not make us ask there.
func TestForeignIssuersAreNotAsked(t *testing.T) {
	e := newEntra()
	tokens := e.tokens(t)
	for i := range 20 {
		foreign := fmt.Sprintf("%08d-20b7-4e0f-8f5a-7f9d1c2b3a40", i)
		knock(t, tokens, byIssuer, "Bearer "+good(t, "iss", "https://sts.windows.net/"+foreign+"/", "tid", foreign))
	}
	if len(e.fetched) != 1 || e.fetched[tenant] != 1 {
		t.Errorf("fetched %v", e.fetched)
	}
}

// Who comes at the same time shares one fetch, and nobody waits for it who knows the
// key.
func TestOneFetchForAll(t *testing.T) {
	e := newEntra()
	e.hold = make(chan struct{})
	tokens := e.tokens(t)
	answers := make(chan map[int]int)
	go func() { answers <- tokenCounts(t, tokens, strings.Fields(strings.Repeat(good(t)+" ", 30))) }()
	<-e.arrived
	close(e.hold)
	if c := <-answers; c[202] != 30 || e.count() != 1 {
		t.Errorf("%v, %d fetches", c, e.count())
	}
	e.set(func() { e.hold, e.now = make(chan struct{}), e.now.Add(10*time.Minute) })
	forged := make(chan int)
	go func() { _, status, _ := knock(t, tokens, byIssuer, "Bearer "+flood(t, 1, "x")[0]); forged <- status }()
	<-e.arrived
	if _, status, body := knock(t, tokens, byIssuer, "Bearer "+good(t)); status != http.StatusAccepted {
		t.Errorf("during a fetch: %d %s", status, body)
	}
	close(e.hold)
	if status := <-forged; status != http.StatusUnauthorized {
		t.Errorf("forged: %d", status)
	}
}

// Keys that change are found within five minutes; those that are no more are
// forgotten.
func TestKeysRotate(t *testing.T) {
	e := newEntra()
	tokens := e.tokens(t)
	newer := func() string { return sign(t, jwt.SigningMethodRS256, rsaKey("k2"), claims(), "kid", "k2") }
	status := func(token string) int { _, s, _ := knock(t, tokens, byIssuer, "Bearer "+token); return s }
	if s := status(good(t)); s != http.StatusAccepted {
		t.Fatalf("the first key: %d", s)
	}
	e.set(func() { e.keys[tenant] = []map[string]any{publicJWK("k2")} })
	if s := status(newer()); s != http.StatusUnauthorized || e.count() != 1 {
		t.Errorf("too early: %d, %d fetches", s, e.count())
	}
	e.set(func() { e.now = e.now.Add(5 * time.Minute) })
	if s := status(newer()); s != http.StatusAccepted || e.count() != 2 {
		t.Errorf("the new key: %d, %d fetches", s, e.count())
	}
	if s := status(good(t)); s != http.StatusUnauthorized {
		t.Errorf("the old key: %d", s)
	}
}

// What is known serves on while Entra cannot be asked; what is not known is no reason
// to call a token forged.
func TestEntraIsDown(t *testing.T) {
	e := newEntra()
	tokens := e.tokens(t)
	ask := func(token string) (int, string) {
		d, s, body := knock(t, tokens, byIssuer, "Bearer "+token)
		_, log := d.seen()
		return s, body + log
	}
	errDown := errors.New("Entra is down")
	e.set(func() { e.failure = errDown })
	for range 10 {
		if s, said := ask(good(t)); s != http.StatusServiceUnavailable || !strings.Contains(said, "keys of the tenant cannot be read") {
			t.Fatalf("down: %d %s", s, said)
		}
	}
	if e.count() != 1 {
		t.Errorf("%d fetches within five seconds", e.count())
	}
	fetches := 1
	for _, pause := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second} {
		e.set(func() { e.now = e.now.Add(pause) })
		ask(good(t))
		ask(good(t))
		if fetches++; e.count() != fetches {
			t.Errorf("after %s more: %d fetches", pause, e.count())
		}
	}
	e.set(func() { e.failure, e.now = nil, e.now.Add(time.Minute) })
	if s, said := ask(good(t)); s != http.StatusAccepted {
		t.Errorf("up again: %d %s", s, said)
	}
	e.set(func() { e.failure, e.now = errDown, e.now.Add(25*time.Hour) })
	fresh := good(t, "exp", now.Add(30*time.Hour).Unix())
	for range 5 {
		if s, said := ask(fresh); s != http.StatusAccepted {
			t.Errorf("down a day later: %d %s", s, said)
		}
	}
}

func TestCheckKeys(t *testing.T) {
	for text, ok := range map[string]bool{
		"": false, "x": false, "{}": false, `{"keys":[]}`: false, `{"keys":{}}`: false, `null`: false, `[]`: false,
		`{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}`:                 false,
		`{"keys":[{"kty":"RSA","kid":"a","n":"AQAB","e":"AQAB"}]}`:      false, // far too short
		`{"keys":[{"kty":"EC","crv":"P-256","kid":"a","x":"","y":""}]}`: false,
	} {
		if err := gate.CheckKeys([]byte(text)); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
