package cloudtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// certificates makes an authority, as PEM, and a server certificate of it.
func certificates(names []string) (ca []byte, leaf tls.Certificate, err error) {
	authority, authorityKey, err := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "cloudtest authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, nil)
	if err != nil {
		return nil, leaf, err
	}
	server, key, err := sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "cloudtest"}, DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, authority, authorityKey)
	if err != nil {
		return nil, leaf, err
	}
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Raw})
	return ca, tls.Certificate{Certificate: [][]byte{server.Raw}, PrivateKey: key, Leaf: server}, nil
}

// sign makes a key and its certificate, by an issuer or by itself.
func sign(template, issuer *x509.Certificate, issuerKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make key: %w", err)
	}
	if issuer == nil {
		issuer, issuerKey = template, key
	}
	validity(template)
	raw, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, issuerKey)
	if err != nil {
		return nil, nil, fmt.Errorf("make certificate: %w", err)
	}
	certificate, err := x509.ParseCertificate(raw)
	return certificate, key, err
}

func validity(template *x509.Certificate) {
	template.SerialNumber, _ = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 100))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
}

// ClientCertificate makes a self-signed certificate with an RSA key, as a PFX in
// base64 under a password.
func ClientCertificate(t testing.TB, name, password string) (pfx string, certificate *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	validity(template)
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	if certificate, err = x509.ParseCertificate(raw); err != nil {
		t.Fatalf("make certificate: %v", err)
	}
	data, err := pkcs12.Modern2023.Encode(key, certificate, nil, password)
	if err != nil {
		t.Fatalf("make pfx: %v", err)
	}
	return base64.StdEncoding.EncodeToString(data), certificate
}
