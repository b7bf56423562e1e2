package outbound

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"

	"software.sslmate.com/src/go-pkcs12"
)

// clientCertificate proves who calls with a certificate in the TLS handshake. It
// sets no header; it names the transport whose connections carry it.
type clientCertificate struct{ pfx, password secret }

func (a clientCertificate) apply(_ context.Context, c *Client, x *exchange) error {
	transport, err := c.clients.get(a.pfx, a.password)
	if err != nil {
		return err
	}
	a.password.note(c.config.Live, a.password.reveal())
	x.transport = transport
	return nil
}

// decodePFX reads a PFX in base64, with its chain.
func decodePFX(pfx, password secret) (*tls.Certificate, error) {
	// A PFX pasted from a tool may be wrapped.
	data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(pfx.reveal()), ""))
	if err != nil {
		return nil, invalidAuthentication("The property 'pfx' of the authentication is not base64.")
	}
	key, leaf, chain, err := pkcs12.DecodeChain(data, password.reveal())
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return nil, invalidAuthentication("The password does not open the 'pfx' of the authentication.")
	}
	if err != nil {
		return nil, invalidAuthentication("The 'pfx' of the authentication cannot be read: it must hold one private key with its certificate.")
	}
	certificate := &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
	for _, c := range chain {
		certificate.Certificate = append(certificate.Certificate, c.Raw)
	}
	return certificate, nil
}

// certificateTransports keeps one transport per client certificate, so that
// connections can be used again. Certificates are told apart by a hash, so that
// neither they nor their passwords are kept as text.
type certificateTransports struct {
	base Config
	mu   sync.Mutex
	made map[[sha256.Size]byte]*http.Transport
}

// maxCertificates bounds the cache; one over it empties it.
const maxCertificates = 64

func (t *certificateTransports) get(pfx, password secret) (*http.Transport, error) {
	key := digest(pfx.reveal(), password.reveal())
	t.mu.Lock()
	defer t.mu.Unlock()
	if made, ok := t.made[key]; ok {
		return made, nil
	}
	certificate, err := decodePFX(pfx, password)
	if err != nil {
		return nil, err
	}
	if t.made == nil || len(t.made) >= maxCertificates {
		for _, old := range t.made {
			old.CloseIdleConnections()
		}
		t.made = map[[sha256.Size]byte]*http.Transport{}
	}
	t.made[key] = t.base.transport(certificate)
	return t.made[key], nil
}

func (t *certificateTransports) closeIdle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, made := range t.made {
		made.CloseIdleConnections()
	}
}
