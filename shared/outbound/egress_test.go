package outbound_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/outbound/cloudtest"
)

// A name that first leads to somewhere harmless and then to a metadata service: what
// counts is the address that is dialled, each time.
func TestEgressWithANameThatRebinds(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	client := newClient(t, outbound.Config{Resolver: cloudtest.Resolver(t, []string{"127.0.0.1"}, []string{"169.254.169.254"})})
	ask := func() error {
		_, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "http://rebind.example:" + port + "/metadata/identity/oauth2/token"})
		return err
	}
	if err := ask(); err != nil || calls != 1 {
		t.Fatalf("%d calls, %v", calls, err)
	}
	client.CloseIdleConnections() // one that is kept leads to where it was allowed
	if f := failureOf(t, ask()); f.Code != "EgressNotAllowed" || f.Retryable || calls != 1 {
		t.Errorf("%d calls, %v", calls, f)
	}
}

// Of several addresses behind a name, those that may not be called are not.
func TestEgressWithANameOfManyAddresses(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for _, tt := range []struct {
		name      string
		addresses []string
		config    outbound.Config
		ok        bool
	}{
		{"one is allowed", []string{"169.254.169.254", "127.0.0.1"}, outbound.Config{}, true},
		{"none is", []string{"169.254.169.254", "168.63.129.16"}, outbound.Config{}, false},
		{"none is, on Azure", []string{"169.254.169.254", "127.0.0.1"}, outbound.Config{DenyLoopback: true}, false},
		{"none is, without private networks", []string{"10.1.2.3", "192.168.0.1", "172.16.0.1"}, outbound.Config{DenyPrivate: true}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.config.Resolver = cloudtest.Resolver(t, tt.addresses)
			_, err := newClient(t, tt.config).Do(t.Context(), &outbound.Request{Method: "GET", URL: "http://many.example:" + port})
			if tt.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if f := failureOf(t, err); f.Code != "EgressNotAllowed" {
				t.Error(f)
			}
		})
	}
}

// Addresses in notations that some resolvers read as numbers, and others look up: what
// they lead to is not called, however they are read.
func TestEgressWithOddNotations(t *testing.T) {
	for _, host := range []string{
		"2852039166", "0xA9FEA9FE", "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "169.254.43518", "169.16689662", "025177524776",
		"169.254.169.254.", "%31%36%39.254.169.254", "169%2e254%2e169%2e254", "169。254。169。254", "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
		"[::ffff:a9fe:a9fe]", "[0:0:0:0:0:ffff:169.254.169.254]", "[::a9fe:a9fe]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a9fe:a9fe]", "[2002:a9fe:a9fe::1]",
		"[fe80::a9fe:a9fe%25eth0]", "[fd00:ec2::254]", "[fd00:0ec2:0:0:0:0:0:0254]",
		"168.63.129.16", "2822734096", "0xa83f8110", "[::ffff:168.63.129.16]", "[::a83f:8110]", "[2002:a83f:8110::]",
		"metadata.google.internal", "0", "0.0.0.0", "[::]", "224.0.0.1", "[ff02::1]",
	} {
		t.Run(host, func(t *testing.T) {
			client := newClient(t, outbound.Config{Resolver: cloudtest.Resolver(t, []string{"169.254.169.254"})})
			_, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "http://" + host + "/metadata/identity/oauth2/token"})
			switch f := failureOf(t, err); f.Code {
			case "EgressNotAllowed", "InvalidUri", "UnresolvableHostName": // Go's resolver looks no number up
			default:
				t.Error(f)
			}
		})
	}
	// What is hidden in an address is judged like the address itself.
	for _, host := range []string{"[::7f00:1]", "[2002:7f00:1::]", "[64:ff9b:1::127.0.0.1]", "[2002:a00:1::]", "[::a00:1]"} {
		client := newClient(t, outbound.Config{DenyLoopback: true, DenyPrivate: true})
		_, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: "http://" + host})
		if f := failureOf(t, err); f.Code != "EgressNotAllowed" {
			t.Errorf("%s: %v", host, f)
		}
	}
}
