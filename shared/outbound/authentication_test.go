package outbound_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
	"github.com/latchwork/latchwork/shared/value"
)

func parse(t testing.TB, json string) value.Value {
	t.Helper()
	v, err := value.Parse([]byte(json))
	if err != nil {
		t.Fatalf("%v in %s", err, json)
	}
	return v
}

// headerServer answers with the Authorization header that it was sent.
func headerServer(t testing.TB) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestAuthenticationSetsTheHeader(t *testing.T) {
	url := headerServer(t)
	tests := []struct{ name, authentication, want string }{
		{"none", `{"type":"None"}`, ""},
		{"absent", `null`, ""},
		{"basic", `{"type":"Basic","username":"Aladdin","password":"open sesame"}`, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		{"basic in other case", `{"TYPE":"bASIC","Username":"ü","Password":"ß"}`, "Basic w7w6w58="},
		{"basic with the key as user name", `{"type":"Basic","username":"key","password":""}`, "Basic a2V5Og=="},
		{"a password of digits", `{"type":"Basic","username":"u","password":12345678}`, "Basic dToxMjM0NTY3OA=="},
		{"raw", `{"type":"Raw","value":"ApiKey abc"}`, "ApiKey abc"},
	}
	client := newClient(t, outbound.Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := outbound.ParseAuthentication(parse(t, tt.authentication))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: url, Authentication: a})
			if err != nil || string(answer.Body) != tt.want {
				t.Errorf("got %s, %v", answer.Body, err)
			}
		})
	}
}

func TestAuthenticationThatCannotBe(t *testing.T) {
	goodPFX, _ := cloudtest.ClientCertificate(t, "worker", canary)
	unsupported := "The authentication type is not one of 'None, Basic, ClientCertificate, ActiveDirectoryOAuth, Raw, ManagedServiceIdentity'."
	lacks := func(p string) string {
		return "The authentication lacks the property '" + p + "', or it is empty."
	}
	tests := []struct{ name, authentication, code, message string }{
		{"text", `"` + canary + `"`, "InvalidAuthentication", "The authentication is not an object."},
		{"no type", `{"password":"` + canary + `"}`, "InvalidAuthentication", lacks("type")},
		{"unknown type", `{"type":"` + canary + `"}`, "WorkflowAuthenticationTypeNotSupported", unsupported},
		{"basic without password", `{"type":"Basic","username":"u"}`, "InvalidAuthentication", lacks("password")},
		{"basic without user", `{"type":"Basic","password":"` + canary + `"}`, "InvalidAuthentication", lacks("username")},
		{"raw without value", `{"type":"Raw"}`, "InvalidAuthentication", lacks("value")},
		{"raw with a line break", `{"type":"Raw","value":"a ` + canary + `\r\nX-Evil: 1"}`, "InvalidAuthentication", "The property 'value' of the authentication is no valid header."},
		{"certificate without pfx", `{"type":"Client Certificate","password":"` + canary + `"}`, "InvalidAuthentication", lacks("pfx")},
		{"pfx that is not base64", `{"type":"ClientCertificate","pfx":"*` + canary + `"}`, "InvalidAuthentication", "The property 'pfx' of the authentication is not base64."},
		{"pfx that is no pfx", `{"type":"ClientCertificate","pfx":"AAAA"}`, "InvalidAuthentication", "The 'pfx' of the authentication cannot be read: it must hold one private key with its certificate."},
		{"pfx with another password", `{"type":"ClientCertificate","pfx":"` + goodPFX + `","password":"x` + canary + `"}`, "InvalidAuthentication", "The password does not open the 'pfx' of the authentication."},
		{"oauth without tenant", `{"type":"ActiveDirectoryOAuth","audience":"a","clientId":"c","secret":"` + canary + `"}`, "InvalidAuthentication", lacks("tenant")},
		{"oauth without credential", `{"type":"Active Directory OAuth","tenant":"t","audience":"a","clientId":"c"}`, "InvalidAuthentication", lacks("secret")},
		{"oauth over http", `{"type":"ActiveDirectoryOAuth","authority":"http://login.windows.net","tenant":"t","audience":"a","clientId":"c","secret":"` + canary + `"}`, "InvalidAuthentication", "The property 'authority' of the authentication is not an https address."},
		{"no identity here", `{"type":"Managed Identity"}`, "WorkflowManagedServiceIdentityNotSpecified", "There is no managed identity here."},
	}
	client, url := newClient(t, outbound.Config{}), headerServer(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := outbound.ParseAuthentication(parse(t, tt.authentication))
			if err == nil {
				_, err = client.Do(t.Context(), &outbound.Request{Method: "GET", URL: url, Authentication: a})
			}
			if f := failureOf(t, err); f.Code != tt.code || f.Message != tt.message || f.Retryable {
				t.Errorf("got %+v", f)
			}
		})
	}
}

func TestAuthenticationPrintsNoSecret(t *testing.T) {
	for _, text := range []string{
		`{"type":"Basic","username":"u","password":"` + canary + `"}`,
		`{"type":"Raw","value":"` + canary + `"}`,
		`{"type":"ClientCertificate","pfx":"` + canary + `","password":"` + canary + `"}`,
		`{"type":"ActiveDirectoryOAuth","tenant":"t","audience":"a","clientId":"c","secret":"` + canary + `","password":"` + canary + `"}`,
	} {
		a, err := outbound.ParseAuthentication(parse(t, text))
		if err != nil {
			t.Fatal(err)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if out := fmt.Sprintf(verb, outbound.Request{Authentication: a}); strings.Contains(out, canary) || strings.Contains(out, fmt.Sprintf("%x", canary)) {
				t.Errorf("%s prints %s", verb, out)
			}
		}
	}
}

func TestSanitize(t *testing.T) {
	tests := []struct{ in, want string }{
		{`{"type":"Basic","username":"u","password":"p"}`, `{"type":"Basic","username":"u","password":"*sanitized*"}`},
		{`{"type":"Raw","VALUE":"v"}`, `{"type":"Raw","VALUE":"*sanitized*"}`},
		{`{"pfx":"a","Password":"b","password":"c"}`, `{"pfx":"*sanitized*","Password":"*sanitized*","password":"*sanitized*"}`},
		{`{"type":"ActiveDirectoryOAuth","secret":{"a":1},"clientId":"c"}`, `{"type":"ActiveDirectoryOAuth","secret":"*sanitized*","clientId":"c"}`},
		{`{"type":"ManagedServiceIdentity","audience":"https://vault.azure.net"}`, `{"type":"ManagedServiceIdentity","audience":"https://vault.azure.net"}`},
		{`"secret"`, `"*sanitized*"`},
		{`null`, `null`},
	}
	for _, tt := range tests {
		if got := string(value.Reveal(outbound.Sanitize(parse(t, tt.in)))); got != tt.want {
			t.Errorf("%s gives %s", tt.in, got)
		}
	}
}

func FuzzParseAuthentication(f *testing.F) {
	f.Add(`{"type":"Basic","username":"u","password":"p"}`)
	f.Add(`{"type":"ActiveDirectoryOAuth","authority":"https://[::1","tenant":"../..","audience":"a","clientId":"c","pfx":"AAAA"}`)
	f.Add(`[{"type":1}]`)
	f.Fuzz(func(t *testing.T, text string) {
		v, err := value.Parse([]byte(text))
		if err != nil {
			return
		}
		_ = outbound.Sanitize(v)
		if _, err := outbound.ParseAuthentication(v); err != nil {
			failureOf(t, err)
		}
	})
}

// certificateServer answers with the name in the client's certificate.
func certificateServer(t *testing.T) (url string, config outbound.Config) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			name = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		_, _ = fmt.Fprint(w, name)
	}))
	// The list of issuers names none of the client's: .NET sends its certificate all
	// the same.
	strangers := x509.NewCertPool()
	strangers.AddCert(&x509.Certificate{RawSubject: []byte("0\x00")})
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert, ClientCAs: strangers}
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return server.URL, outbound.Config{Roots: roots}
}

func TestClientCertificate(t *testing.T) {
	url, config := certificateServer(t)
	client := newClient(t, config)
	one, _ := cloudtest.ClientCertificate(t, "one", canary)
	two, _ := cloudtest.ClientCertificate(t, "two", "")
	wrapped := one[:64] + `\n` + one[64:]
	tests := []struct{ name, authentication, want string }{
		{"none", `null`, "nobody"},
		{"with a password", `{"type":"ClientCertificate","pfx":"` + one + `","password":"` + canary + `"}`, "one"},
		{"without a password", `{"type":"Client Certificate","pfx":"` + two + `"}`, "two"},
		{"again, wrapped", `{"type":"ClientCertificate","pfx":"` + wrapped + `","password":"` + canary + `"}`, "one"},
		{"none again", `null`, "nobody"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := outbound.ParseAuthentication(parse(t, tt.authentication))
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: url, Authentication: a})
			if err != nil || string(answer.Body) != tt.want {
				t.Errorf("got %v, %v", answer, err)
			}
		})
	}
}

func TestOAuthAsksOnceAndToTheLetter(t *testing.T) {
	cloud := cloudtest.Start(t, "api.example")
	cloud.Handle("api.example", cloudtest.RequireToken("https://api.example/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })))
	live := &outbound.Credentials{}
	client := newClient(t, outbound.Config{Roots: cloud.Roots(), ConnectTo: cloud.ConnectTo(), Live: live})
	request := func(authentication string) *outbound.Request {
		a, err := outbound.ParseAuthentication(parse(t, authentication))
		if err != nil {
			t.Fatal(err)
		}
		return &outbound.Request{Method: "GET", URL: "https://api.example/things", Authentication: a}
	}
	good := fmt.Sprintf(`{"type":"ActiveDirectoryOAuth","tenant":"%s","audience":"https://api.example/","clientId":"%s","secret":"%s","credentialType":"Secret"}`, cloudtest.Tenant, cloudtest.ClientID, cloudtest.ClientSecret)

	arrived, release := cloud.Hold(cloudtest.EntraToken)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if a, err := client.Do(t.Context(), request(good)); err != nil || a.StatusCode != 204 {
				t.Errorf("got %+v, %v", a, err)
			}
		})
	}
	<-arrived
	release()
	wait.Wait()
	if n := cloud.Count(cloudtest.EntraToken); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}

	for name, authentication := range map[string]string{
		"authority with a slash": strings.Replace(good, `"tenant"`, `"authority":"https://login.microsoftonline.com/","tenant"`, 1),
		"audience by type text":  strings.Replace(good, "ActiveDirectoryOAuth", "Active Directory OAuth", 1),
	} {
		if a, err := client.Do(t.Context(), request(authentication)); err != nil || a.StatusCode != 204 {
			t.Errorf("%s: got %+v, %v", name, a, err)
		}
	}
	// Without its final slash the audience is another one.
	a, err := client.Do(t.Context(), request(strings.Replace(good, "https://api.example/", "https://api.example", 1)))
	if err != nil || a.StatusCode != 401 || !strings.Contains(string(a.Body), "Invalid audience") {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestOAuthWithCertificate(t *testing.T) {
	cloud := cloudtest.Start(t, "api.example")
	cloud.Handle("api.example", cloudtest.RequireToken("api://things", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })))
	client := newClient(t, outbound.Config{Roots: cloud.Roots(), ConnectTo: cloud.ConnectTo()})
	pfx, certificate := cloudtest.ClientCertificate(t, "app", canary)
	cloud.Register("cert-app", cloudtest.App{Certificate: certificate, Principal: "p"})
	a, err := outbound.ParseAuthentication(parse(t, fmt.Sprintf(
		`{"type":"ActiveDirectoryOAuth","tenant":"%s","audience":"api://things","clientId":"cert-app","pfx":"%s","password":"%s"}`, cloudtest.Tenant, pfx, canary)))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "https://api.example/", Authentication: a})
	if err != nil || answer.StatusCode != 204 {
		t.Errorf("got %+v, %v", answer, err)
	}
}

func TestOAuthRefused(t *testing.T) {
	cloud := cloudtest.Start(t)
	client := newClient(t, outbound.Config{Roots: cloud.Roots(), ConnectTo: cloud.ConnectTo()})
	url := headerServer(t)
	do := func(member, text string) *outbound.Failure {
		m := map[string]string{"tenant": cloudtest.Tenant, "clientId": cloudtest.ClientID, "audience": "api://a", "secret": canary}
		m[member] = text
		v := value.Object(value.Member{Key: "type", Value: value.String("ActiveDirectoryOAuth")})
		for k, s := range m {
			v = v.With(k, value.String(s))
		}
		a, err := outbound.ParseAuthentication(v)
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Do(t.Context(), &outbound.Request{Method: "GET", URL: url, Authentication: a})
		return failureOf(t, err)
	}
	type want struct {
		Code, Start string
		Retry       bool
	}
	check := func(name string, f *outbound.Failure, w want) {
		t.Helper()
		got := want{f.Code, f.Message[:min(len(f.Message), len(w.Start))], f.Retryable}
		if diff := cmp.Diff(w, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	oauth := "Http request failed as there is an error getting AD OAuth token: '"
	check("wrong secret", do("secret", canary), want{"BadRequest", oauth + "AADSTS7000215: Invalid client secret provided.", false})
	check("unknown app", do("clientId", "nobody"), want{"BadRequest", oauth + "AADSTS700016: Application with identifier 'nobody' was not found", false})
	check("unknown tenant", do("tenant", "../x"), want{"BadRequest", oauth, false})

	cloud.Intercept(cloudtest.EntraToken, func(w http.ResponseWriter, r *http.Request) bool {
		_ = r.ParseForm() // an authority of the author's choice may say anything
		w.WriteHeader(400)
		_, _ = fmt.Fprintf(w, `{"error":"invalid_client","error_description":"you sent %s, did you?\nand more"}`, r.PostForm.Get("client_secret"))
		return true
	})
	check("an endpoint that quotes", do("secret", canary), want{"BadRequest", oauth + "you sent [redacted], did you?'.", false})
	check("a short secret, too", do("secret", "s3t"), want{"BadRequest", oauth + "you sent [redacted], did you?'.", false})
	cloud.Fail(cloudtest.EntraToken, 503, "x", canary)
	check("out of order", do("secret", canary), want{"BadRequest", oauth + "the token endpoint answered 503'.", true})
	cloud.Intercept(cloudtest.EntraToken, func(w http.ResponseWriter, _ *http.Request) bool {
		_, _ = fmt.Fprint(w, `{"access_token":"a\r\nb"}`)
		return true
	})
	check("no token", do("secret", canary), want{"BadRequest", oauth + "the token endpoint answered 200 without a token'.", false})
}

func TestCredentialsInUseAreLive(t *testing.T) {
	cloud := cloudtest.Start(t)
	live := &outbound.Credentials{}
	client := newClient(t, outbound.Config{Roots: cloud.Roots(), ConnectTo: cloud.ConnectTo(), Live: live})
	url := headerServer(t)
	credential := value.Origin{Class: value.Credential, Name: "parameter:p"}
	secured := value.Origin{Class: value.Secured, Name: "keyvault:s"}
	echo := func(v value.Value) []byte {
		a, err := outbound.ParseAuthentication(v)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: url, Authentication: a})
		if err != nil {
			t.Fatal(err)
		}
		return answer.Body
	}
	object := func(kind, member, text string, origins ...value.Origin) value.Value {
		return value.Object(value.Member{Key: "type", Value: value.String(kind)}, value.Member{Key: "username", Value: value.String("u")},
			value.Member{Key: member, Value: value.String(text).Mark(origins...)})
	}
	oauth := parse(t, fmt.Sprintf(`{"type":"ActiveDirectoryOAuth","tenant":"%s","audience":"api://a","clientId":"%s","secret":"%s"}`, cloudtest.Tenant, cloudtest.ClientID, cloudtest.ClientSecret))
	tests := []struct {
		name              string
		authentication    value.Value
		inLogs, inVisible string // what the echoed header becomes
	}{
		{"fetched token", oauth, "Bearer [redacted]", "Bearer [redacted]"},
		{"secured parameter", object("Raw", "value", "Key "+canary+"1", credential), "Key [redacted]", "Key [redacted]"},
		{"secret of a vault", object("Raw", "value", "Key "+canary+"2", secured), "Key [redacted]", "Key " + canary + "2"},
		{"basic", object("Basic", "password", canary+"3", credential), "Basic [redacted]", "Basic [redacted]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			header := echo(tt.authentication)
			// The last characters of base64 depend on padding, and hold too few bits to matter.
			trim := func(b []byte) string { return strings.TrimRight(string(b), "=") }
			if got := trim(live.Replace(header)); !strings.HasPrefix(got, tt.inLogs) || len(got) > len(tt.inLogs)+1 {
				t.Errorf("in logs: %s", got)
			}
			if got := trim(live.Replace(header, value.Credential)); !strings.HasPrefix(got, tt.inVisible) || len(got) > len(tt.inVisible)+1 {
				t.Errorf("in visible history: %s", got)
			}
		})
	}
}
