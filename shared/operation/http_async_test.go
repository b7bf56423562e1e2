package operation_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// drive makes attempt after attempt, as a run does that is woken in between, and
// returns the waits and how it ended.
func drive(t *testing.T, d operation.Deps, typ string, c operation.Call) (waits []time.Duration, last run.Outcome) {
	t.Helper()
	for range 10 {
		last = attempt(t, d, typ, c)
		if last.Again == 0 {
			hides(t, last)
			return waits, last
		}
		unrecorded := last
		unrecorded.Outputs = value.Value{} // a run drops what only says to ask again
		hides(t, unrecorded)
		if !last.Keep.Marked() {
			t.Errorf("what is kept is not sealed: %s", value.Reveal(last.Keep))
		}
		waits = append(waits, last.Again)
		c.Keep = parse(t, string(value.Reveal(last.Keep))) // as it comes back from the store
	}
	t.Fatal("it never ends")
	return nil, last
}

// arrivals notes what arrives: method, path, and which secrets came along.
type arrivals struct{ list []string }

func (a *arrivals) note(r *http.Request) {
	entry := r.Method + " " + r.URL.RequestURI()
	if r.Header.Get("Authorization") != "" {
		entry += " auth"
	}
	if strings.Contains(r.Header.Get("X-Api-Key")+r.Header.Get("Cookie"), canary) {
		entry += " key"
	}
	if r.Header.Get("If-Match")+r.Header.Get("Content-Type") != "" {
		entry += " content"
	}
	if r.Header.Get("Accept") != "application/json" || r.Header.Get("X-Ms-Workflow-Run-Id") != "run" {
		entry += " incomplete"
	}
	a.list = append(a.list, entry)
}

func (a *arrivals) check(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(a.list, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("arrived:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

func TestAcceptedIsPolled(t *testing.T) {
	var a arrivals
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		a.note(r)
		switch r.URL.Path {
		case "/start": // relative to the path
			w.Header().Set("Location", "jobs/1?sig="+canary)
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(202)
		case "/jobs/1": // another place, absolute in the path
			w.Header().Set("Location", "/jobs/2?sig="+canary)
			w.WriteHeader(202)
		case "/jobs/2":
			if len(a.list) < 4 { // not yet; the same place again
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(202)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(201)
			_, _ = io.WriteString(w, `{"done":true}`)
		}
	})
	call := operation.Call{Inputs: httpInputs(t, "POST", server.URL+"/start", withSecrets+`,"body":{"a":1}`), Tracking: operation.Tracking{RunName: "run"}}
	waits, o := drive(t, operation.Deps{HTTP: client(t)}, "Http", call)
	a.check(t, "POST /start auth key content", "GET /jobs/1?sig="+canary+" auth key", "GET /jobs/2?sig="+canary+" auth key", "GET /jobs/2?sig="+canary+" auth key")
	if o.Status != definition.Succeeded || o.Code != "Created" || string(value.Reveal(o.Outputs.Member("body"))) != `{"done":true}` {
		t.Errorf("%+v", o)
	}
	if len(waits) != 3 || waits[0] != 3*time.Second || waits[1] != 20*time.Second || waits[2] != time.Second {
		t.Errorf("waits: %v", waits)
	}
}

// TestCredentialsStayHome: another server gets none, and cannot send us back home
// with them either.
func TestCredentialsStayHome(t *testing.T) {
	var atHome, abroad arrivals
	var home, foreign string
	foreign = serve(t, func(w http.ResponseWriter, r *http.Request) {
		abroad.note(r)
		w.Header().Set("Location", home+"/admin")
		w.WriteHeader(202)
	}).URL
	home = serve(t, func(w http.ResponseWriter, r *http.Request) {
		atHome.note(r)
		if r.URL.Path == "/start" {
			w.Header().Set("Location", foreign+"/job")
			w.WriteHeader(202)
		}
	}).URL
	call := operation.Call{Inputs: httpInputs(t, "PUT", home+"/start", withSecrets), Tracking: operation.Tracking{RunName: "run"}}
	_, o := drive(t, operation.Deps{HTTP: client(t)}, "Http", call)
	atHome.check(t, "PUT /start auth key content", "GET /admin")
	abroad.check(t, "GET /job")
	if o.Code != "OK" {
		t.Errorf("%+v", o)
	}
}

// TestRedirectsToMetadata: a server cannot send us to a metadata service: a redirect is
// not followed, and where a poll leads to is checked like any address, at each step, by
// the address that a name leads to.
func TestRedirectsToMetadata(t *testing.T) {
	for _, target := range []string{
		"http://169.254.169.254/metadata/instance", "http://[::ffff:169.254.169.254]/", "http://[::ffff:a9fe:a9fe]/", "http://[fd00:ec2::254]/latest/",
		"http://168.63.129.16/machine", "http://[2002:a9fe:a9fe::]/", "//169.254.169.254/metadata/instance", "http://harmless.example/metadata/instance",
	} {
		for _, status := range []int{301, 302, 303, 307, 308, 202} {
			for _, hops := range []int{0, 2} {
				asked := 0
				server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
					if asked++; asked <= hops { // first to somewhere harmless
						w.Header().Set("Location", "/next")
						w.WriteHeader(202)
						return
					}
					w.Header().Set("Location", target)
					w.WriteHeader(status)
				})
				c, err := outbound.New(outbound.Config{Resolver: cloudtest.Resolver(t, []string{"169.254.169.254"})})
				if err != nil {
					t.Fatal(err)
				}
				_, o := drive(t, operation.Deps{HTTP: c}, "Http", operation.Call{Inputs: httpInputs(t, "GET", server.URL, withSecrets), Tracking: operation.Tracking{RunName: "run"}})
				followed := o.Error == nil || o.Error.Code != "EgressNotAllowed"
				if got, _ := o.Outputs.Member("statusCode").AsInt(); o.Status != definition.Failed || status != 202 && got != int64(status) || status == 202 && followed || asked != hops+1 {
					t.Errorf("%d to %s after %d: %+v, asked %d times", status, target, hops, o, asked)
				}
				c.CloseIdleConnections()
			}
		}
	}
}

func TestHowPollingEnds(t *testing.T) {
	location, status := "", 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/start" {
			if location != "" {
				w.Header().Set("Location", location)
			}
			w.WriteHeader(202)
			return
		}
		w.Header().Set("Retry-After", "5")
		w.WriteHeader(status)
	})
	for _, c := range []struct {
		name, location, options string
		status                  int
		timeout                 time.Duration
		waits                   int
		want                    definition.Status
		code                    string
		retry                   bool
	}{
		{"nowhere to ask", "", "", 0, 0, 0, definition.Succeeded, "Accepted", false},
		{"nowhere on the web", "urn:job", "", 0, 0, 0, definition.Succeeded, "Accepted", false},
		{"not wanted", "/job", "disableAsyncPattern", 0, 0, 0, definition.Succeeded, "Accepted", false},
		{"not found", "/job", "", 404, 0, 1, definition.Failed, "NotFound", false},
		{"moved", "/job", "", 302, 0, 1, definition.Failed, "Found", false},
		{"not now", "/job", "", 503, 0, 1, definition.Failed, "ServiceUnavailable", true},
		{"well", "/job", "", 200, 0, 1, definition.Succeeded, "OK", false},
		{"over", "/job", "", 202, -1, 1, definition.TimedOut, "ActionTimedOut", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			location, status = c.location, c.status
			call := operation.Call{Inputs: httpInputs(t, "POST", server.URL+"/start", withSecrets), Options: definition.Options(c.options), Timeout: c.timeout}
			waits, o := drive(t, operation.Deps{HTTP: client(t)}, "Http", call)
			if len(waits) != c.waits || o.Status != c.want || o.Code != c.code || o.Retry != c.retry {
				t.Errorf("%v %+v", waits, o)
			}
		})
	}
}

// TestWaits: the other side may ask for time, within bounds; the limit of the
// action ends any wait.
func TestWaits(t *testing.T) {
	after := ""
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/job")
		w.Header().Set("Date", "Wed, 21 Oct 2026 07:28:00 GMT")
		w.Header().Set("Retry-After", after)
		w.WriteHeader(202)
	})
	for _, c := range []struct {
		after string
		left  time.Duration
		want  time.Duration
	}{
		{"", 0, 20 * time.Second}, {"soon", 0, 20 * time.Second}, {"0", 0, time.Second}, {"-5", 0, 20 * time.Second}, {"7", 0, 7 * time.Second},
		{"99999999", 0, 24 * time.Hour}, {"Wed, 21 Oct 2026 07:28:30 GMT", 0, 30 * time.Second}, {"Wed, 21 Oct 2026 07:00:00 GMT", 0, 20 * time.Second},
		{"7", time.Minute, 7 * time.Second}, {"60", 30 * time.Second, 30*time.Second + 1},
	} {
		after = c.after
		o := attempt(t, operation.Deps{HTTP: client(t)}, "Http", operation.Call{Inputs: httpInputs(t, "POST", server.URL, ""), Timeout: c.left})
		if o.Again != c.want {
			t.Errorf("%q with %v left: %v", c.after, c.left, o.Again)
		}
	}
}
