package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"
)

// Config says what may be reached, and how.
type Config struct {
	MaxBody int64
	// Roots are trusted besides the system's; nil: only those.
	Roots *x509.CertPool
	// ConnectTo sends what is meant for one host and port to another address, as
	// curl's --connect-to does. Certificates must still be valid for the host that
	// was meant.
	ConnectTo map[string]string
	// OnAzure forbids loopback: on the platform something else listens there.
	OnAzure bool
	// DenyPrivate forbids private networks.
	DenyPrivate bool
	// Identity gives tokens for managed identities; nil: there are none.
	Identity TokenSource
	// Live learns every token that is fetched, so that it can be found where it
	// should not be; nil: nobody does.
	Live *Credentials
}

// Settings that this package reads.
const (
	SettingCAFile      = "LATCHWORK_CA_FILE"
	SettingConnectTo   = "LATCHWORK_CONNECT_TO"
	SettingDenyPrivate = "LATCHWORK_DENY_PRIVATE_NETWORKS"
)

// FromEnv reads the configuration from settings and reports all that is wrong
// with them at once.
func FromEnv(getenv func(string) string) (Config, error) {
	c := Config{OnAzure: getenv("WEBSITE_SITE_NAME") != "" && getenv("AZURE_FUNCTIONS_ENVIRONMENT") != "Development"}
	var errs []error
	if path := getenv(SettingCAFile); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", SettingCAFile, err))
		} else if c.Roots, err = x509.SystemCertPool(); err != nil {
			c.Roots = x509.NewCertPool()
		}
		if c.Roots != nil && !c.Roots.AppendCertsFromPEM(pem) {
			errs = append(errs, fmt.Errorf("%s: no certificate in %s", SettingCAFile, path))
		}
	}
	var err error
	if c.ConnectTo, err = parseConnectTo(getenv(SettingConnectTo)); err != nil {
		errs = append(errs, err)
	}
	switch v := strings.ToLower(getenv(SettingDenyPrivate)); v {
	case "", "false", "0":
	case "true", "1":
		c.DenyPrivate = true
	default:
		errs = append(errs, fmt.Errorf("%s: want true or false", SettingDenyPrivate))
	}
	return c, errors.Join(errs...)
}

// parseConnectTo reads "host:port=address:port", several separated by commas.
func parseConnectTo(s string) (map[string]string, error) {
	if s == "" {
		return nil, nil
	}
	m := map[string]string{}
	for entry := range strings.SplitSeq(s, ",") {
		from, to, ok := strings.Cut(strings.TrimSpace(entry), "=")
		_, _, errFrom := net.SplitHostPort(from)
		_, _, errTo := net.SplitHostPort(to)
		if !ok || errFrom != nil || errTo != nil {
			return nil, fmt.Errorf("%s: want host:port=address:port, several separated by commas", SettingConnectTo)
		}
		m[strings.ToLower(from)] = to
	}
	return m, nil
}

// ErrEgress means that the address behind a host name may not be called.
var ErrEgress = errors.New("the address may not be called")

// transport returns a transport that obeys the egress rules, with a client
// certificate or nil.
func (c Config) transport(certificate *tls.Certificate) *http.Transport {
	tlsConfig := &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}
	if certificate != nil {
		tlsConfig.Certificates = []tls.Certificate{*certificate}
	}
	return &http.Transport{
		DialContext:            c.dial(),
		TLSClientConfig:        tlsConfig,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // done here, so that it can be left out
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    20 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
}

func (c Config) dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	checked := &net.Dialer{Timeout: 20 * time.Second, KeepAlive: 30 * time.Second, Control: c.control}
	free := &net.Dialer{Timeout: 20 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if to, ok := c.ConnectTo[strings.ToLower(address)]; ok {
			return free.DialContext(ctx, network, to) // the operator's own setting
		}
		return checked.DialContext(ctx, network, address)
	}
}

// control looks at the address that is really dialled, so that a host name which
// resolves to something else the second time gains nothing.
func (c Config) control(_, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !c.allowed(target.Addr().Unmap()) {
		return ErrEgress
	}
	return nil
}

// ec2Metadata is the metadata address of another cloud in IPv6.
var ec2Metadata = netip.MustParseAddr("fd00:ec2::254")

// azureWire is the platform's own address, which answers guest agents.
var azureWire = netip.MustParseAddr("168.63.129.16")

func (c Config) allowed(a netip.Addr) bool {
	switch {
	case a.IsLinkLocalUnicast(), a == ec2Metadata, a == azureWire, a.IsUnspecified(), a.IsMulticast():
		return false
	case a.IsLoopback():
		return !c.OnAzure
	case a.IsPrivate():
		return !c.DenyPrivate
	}
	return true
}

// HTTPClient returns a client with the trust settings of c and without its
// egress rules: for the services that the operator configured.
func (c Config) HTTPClient() *http.Client {
	free := c
	t := free.transport(nil)
	dialer := &net.Dialer{Timeout: 20 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if to, ok := c.ConnectTo[strings.ToLower(address)]; ok {
			address = to
		}
		return dialer.DialContext(ctx, network, address)
	}
	return &http.Client{Transport: t}
}
