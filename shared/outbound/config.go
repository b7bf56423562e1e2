package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"golang.org/x/net/http/httpguts"
)

// Config says what may be reached, and how. The zero value reaches everything
// but metadata services, with the limits of the product.
type Config struct {
	Timeout time.Duration // of one exchange; 0: DefaultTimeout
	MaxBody int64         // of an answer, unpacked; 0: DefaultMaxBody
	// Roots are what is trusted; nil: what the system trusts.
	Roots *x509.CertPool
	// ConnectTo sends what is meant for one host and port to another address, as
	// curl's --connect-to does. Certificates must still be valid for the host that
	// was meant.
	ConnectTo map[string]string
	// Resolver looks names up; nil: the system's.
	Resolver *net.Resolver
	// DenyLoopback forbids this machine: on Azure something else listens there.
	DenyLoopback bool
	// DenyPrivate forbids private networks.
	DenyPrivate bool
	// Identity gives tokens for managed identities; nil: there are none.
	Identity TokenSource
	// Live learns every credential that is used, so that it can be found where it
	// should not be; nil: nobody does.
	Live *Credentials
	// KeyVault is the address of the Key Vault behind keyvault connections; empty:
	// there is none.
	KeyVault string
	// VaultCache is for how long a secret is used without asking the vault again.
	VaultCache time.Duration
	// TrustVaultChallenge lets a vault outside Azure's domains say which resource
	// its tokens are for.
	TrustVaultChallenge bool
}

// Settings that this package reads.
const (
	// SettingCAFile is a PEM file of certificate authorities that are trusted
	// besides the system's.
	SettingCAFile = "LATCHWORK_CA_FILE"
	// SettingConnectTo redirects connections, such as
	// graph.microsoft.com:443=127.0.0.1:8443, several separated by commas.
	SettingConnectTo = "LATCHWORK_CONNECT_TO"
	// SettingDenyPrivate (true or false) forbids private networks.
	SettingDenyPrivate = "LATCHWORK_DENY_PRIVATE_NETWORKS"
	// SettingDenyLoopback (true or false) forbids this machine; true on Azure
	// unless set.
	SettingDenyLoopback = "LATCHWORK_DENY_LOOPBACK"
	// SettingTimeout is the longest that one call may take, such as 90s.
	SettingTimeout = "LATCHWORK_HTTP_TIMEOUT"
	// SettingMaxBody is the largest answer in bytes.
	SettingMaxBody = "LATCHWORK_HTTP_MAX_BODY"
)

// FromEnv reads the configuration from settings and reports all that is wrong
// with them at once. The errors name settings and quote no value, but for the path
// of a file that cannot be read.
func FromEnv(getenv func(string) string) (Config, error) {
	s := settings{getenv: getenv}
	c := Config{
		Timeout:             s.duration(SettingTimeout, DefaultTimeout, time.Second, time.Hour),
		MaxBody:             s.size(SettingMaxBody, DefaultMaxBody),
		Roots:               s.roots(SettingCAFile),
		ConnectTo:           s.connectTo(SettingConnectTo),
		DenyLoopback:        s.flag(SettingDenyLoopback, onAzure(getenv)),
		DenyPrivate:         s.flag(SettingDenyPrivate, false),
		KeyVault:            s.vault(SettingVault),
		VaultCache:          s.duration(SettingVaultCache, DefaultVaultCache, 0, 24*time.Hour),
		TrustVaultChallenge: s.flag(SettingTrustVaultChallenge, false),
	}
	return c, errors.Join(s.errs...)
}

// onAzure tells the platform from the tools that imitate it on a laptop
// (functions-host §4.1).
func onAzure(getenv func(string) string) bool {
	return getenv("WEBSITE_SITE_NAME") != "" && getenv("AZURE_FUNCTIONS_ENVIRONMENT") != "Development"
}

// settings reads settings one by one and collects what is wrong with them.
type settings struct {
	getenv func(string) string
	errs   []error
}

func (s *settings) refuse(name, want string) {
	s.errs = append(s.errs, fmt.Errorf("%s: want %s", name, want))
}

func (s *settings) flag(name string, otherwise bool) bool {
	switch strings.ToLower(strings.TrimSpace(s.getenv(name))) {
	case "":
		return otherwise
	case "true", "1":
		return true
	case "false", "0":
		return false
	}
	s.refuse(name, "true or false")
	return otherwise
}

func (s *settings) duration(name string, otherwise, least, most time.Duration) time.Duration {
	text := strings.TrimSpace(s.getenv(name))
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		s.refuse(name, fmt.Sprintf("a time from %s to %s, such as 90s", least, most))
		return otherwise
	}
	return d
}

func (s *settings) size(name string, otherwise int64) int64 {
	text := strings.TrimSpace(s.getenv(name))
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1024 || n > 1<<32 {
		s.refuse(name, "a number of bytes from 1024 to 4294967296")
		return otherwise
	}
	return n
}

func (s *settings) roots(name string) *x509.CertPool {
	path := s.getenv(name)
	if path == "" {
		return nil
	}
	var c Config
	if err := c.Trust(path); err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s: %w", name, err))
	}
	return c.Roots
}

// Trust adds the certificate authorities in a PEM file to what is trusted; "" is none.
func (c *Config) Trust(path string) error {
	if path == "" {
		return nil
	}
	pem, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	roots := c.Roots
	if roots == nil {
		if roots, err = x509.SystemCertPool(); err != nil {
			roots = x509.NewCertPool()
		}
	}
	if !roots.AppendCertsFromPEM(pem) {
		return errors.New("want a PEM file with a certificate")
	}
	c.Roots = roots
	return nil
}

// connectTo reads "host:port=address:port", several separated by commas.
func (s *settings) connectTo(name string) map[string]string {
	text := strings.TrimSpace(s.getenv(name))
	if text == "" {
		return nil
	}
	m := map[string]string{}
	for entry := range strings.SplitSeq(text, ",") {
		from, to, _ := strings.Cut(strings.TrimSpace(entry), "=")
		if !hostAndPort(from) || !hostAndPort(to) {
			s.refuse(name, "host:port=address:port, several separated by commas")
			continue
		}
		m[strings.ToLower(from)] = to
	}
	return m
}

func hostAndPort(s string) bool {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n > 0
}

// transport returns a transport that obeys the egress rules, with a client
// certificate or nil. It asks no proxy: one would resolve names behind the back of
// those rules.
func (c Config) transport(certificate *tls.Certificate) *http.Transport {
	t := &http.Transport{
		DialContext:            c.dial(c.control),
		TLSClientConfig:        &tls.Config{RootCAs: c.Roots, MinVersion: tls.VersionTLS12}, // inbound-security §8
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // done in the stack, so that it can be left out
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    20 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
	}
	if certificate != nil {
		// The certificate is sent whoever asks for one, as .NET does; Go by itself
		// withholds it from servers that list other issuers.
		t.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
		// IIS asks for it only once it knows the path, by renegotiation, which exists
		// in HTTP/1.1 over TLS 1.2 alone.
		t.TLSClientConfig.Renegotiation = tls.RenegotiateOnceAsClient
		t.ForceAttemptHTTP2 = false
		t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	return t
}

// HTTPClient returns a client with the trust settings of c and without its
// egress rules: for the services that the operator configured. It follows no
// redirects, as an answer of those services never asks for it honestly.
func (c Config) HTTPClient() *http.Client {
	t := c.transport(nil)
	t.DialContext = c.dial(nil)
	t.DisableCompression = false
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// bounded bounds what a service of the platform may answer. (A client of the SDK
// that downloads blobs must not have it.)
type bounded struct{ policy.Transporter }

// bound leaves nil, the SDK's own transport, as it is.
func bound(t policy.Transporter) policy.Transporter {
	if t == nil {
		return nil
	}
	return bounded{t}
}

// maxServiceBody is far above any token, any secret and any page of a list.
const maxServiceBody = 8 << 20

func (b bounded) Do(r *http.Request) (*http.Response, error) {
	answer, err := b.Transporter.Do(r)
	if err == nil {
		answer.Body = http.MaxBytesReader(nil, answer.Body, maxServiceBody)
	}
	return answer, err
}

func validHeader(s string) bool { return s != "" && httpguts.ValidHeaderFieldValue(s) }

// withTimeout bounds one call of a vault.
func withTimeout(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, vaultTimeout, errTooSlow)
}
