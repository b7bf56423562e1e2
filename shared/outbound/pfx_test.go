package outbound_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"math/big"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/latchwork/latchwork/shared/outbound"
)

// Every kind of PFX that today's tools write opens, and its certificate is shown.
func TestClientCertificateOfEachKind(t *testing.T) {
	url, config := certificateServer(t)
	client := newClient(t, config)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encoders := map[string]*pkcs12.Encoder{
		"AES-256, SHA-256": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026, "3DES": pkcs12.LegacyDES, "RC2": pkcs12.LegacyRC2,
	}
	for kind, encoder := range encoders {
		for of, key := range map[string]crypto.Signer{"RSA": rsaKey, "EC": ecKey} {
			for name, password := range map[string]string{"a password": "pä\u00df&w\"ord", "an empty password": ""} {
				t.Run(kind+" "+of+" with "+name, func(t *testing.T) {
					data, err := encoder.Encode(key, certificateOf(t, kind+of, key), []*x509.Certificate{certificateOf(t, "between", rsaKey)}, password)
					if err != nil {
						t.Fatal(err)
					}
					a, err := outbound.ParseAuthentication(parse(t, `{"type":"ClientCertificate","pfx":"`+base64.StdEncoding.EncodeToString(data)+`","password":"p\u00e4\u00df&w\"ord"}`))
					if password == "" {
						a, err = outbound.ParseAuthentication(parse(t, `{"type":"ClientCertificate","pfx":"`+base64.StdEncoding.EncodeToString(data)+`"}`))
					}
					if err != nil {
						t.Fatal(err)
					}
					answer, err := client.Do(t.Context(), &outbound.Request{Method: "GET", URL: url, Authentication: a})
					if err != nil || string(answer.Body) != kind+of {
						t.Errorf("got %v, %v", answer, err)
					}
				})
			}
		}
	}
}

func certificateOf(t *testing.T, name string, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
