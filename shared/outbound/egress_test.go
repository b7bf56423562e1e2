package outbound_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/latchwork/latchwork/shared/outbound"
)

// rebinding is a name server that gives other addresses each time it is asked; the last
// ones stay.
func rebinding(t *testing.T, answers ...[]string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		asked := 0
		for packet := make([]byte, 1500); ; {
			n, from, err := server.ReadFrom(packet)
			if err != nil {
				return // the test is over
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Additionals = true, nil
			q := m.Questions[0]
			if q.Type == dnsmessage.TypeA {
				for _, a := range answers[min(asked, len(answers)-1)] {
					m.Answers = append(m.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type},
						Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
					})
				}
				asked++
			}
			answer, err := m.Pack()
			if err != nil {
				continue
			}
			_, _ = server.WriteTo(answer, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

// A name that first leads to somewhere harmless and then to a metadata service: what
// counts is the address that is dialled, each time.
func TestEgressWithANameThatRebinds(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls++ }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	client := newClient(t, outbound.Config{Resolver: rebinding(t, []string{"127.0.0.1"}, []string{"169.254.169.254"})})
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
			tt.config.Resolver = rebinding(t, tt.addresses)
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
