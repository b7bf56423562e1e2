package gate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/access"
)

// Keys are the public keys that tokens are signed with, by tenant. They are kept
// for a day. A key that is not known lets the set be read again, but not more often
// than every five minutes, and once for all who wait: forged tokens cannot turn into
// traffic (inbound-security §4.3). While a set cannot be read, what is known stays.
type Keys struct {
	// Fetch reads the JSON Web Key Set of a tenant.
	Fetch func(ctx context.Context, tenant string) ([]byte, error)
	Now   func() time.Time
	Log   zerolog.Logger

	mu   sync.Mutex
	sets map[string]*keySet
}

const (
	keysFresh     = 24 * time.Hour
	keysPause     = 5 * time.Minute // between two fetches of one set
	keysFirstWait = 5 * time.Second // after a fetch that failed; doubled each time, up to keysPause
	keysTimeout   = 10 * time.Second
)

// keySet is what is known of one tenant.
type keySet struct {
	keys    map[string][]key // by kid
	fetched time.Time
	next    time.Time // before this nobody fetches
	wait    time.Duration
	failed  bool          // the last fetch did
	flight  chan struct{} // closed when the fetch under way is over; nil: there is none
}

// key is a public key. Entra says in whose tokens it may be: everybody's where
// tenant is "".
type key struct {
	public            any
	algorithm, tenant string
}

var (
	errUnknownKey = errors.New("no key of this name signs tokens of the tenant")
	// errNoKeys: it cannot be told whether a token is genuine.
	errNoKeys = errors.New("the keys of the tenant cannot be read")
)

// find returns the keys of a name.
func (k *Keys) find(ctx context.Context, tenant, kid string) ([]key, error) {
	k.mu.Lock()
	s := k.sets[tenant]
	if s == nil {
		s = &keySet{}
		if k.sets == nil {
			k.sets = map[string]*keySet{}
		}
		k.sets[tenant] = s
	}
	found, now := s.keys[kid], k.Now()
	if found != nil && now.Sub(s.fetched) < keysFresh {
		k.mu.Unlock()
		return found, nil
	}
	if s.flight == nil && !now.Before(s.next) {
		s.flight = make(chan struct{})
		go k.fetch(context.WithoutCancel(ctx), tenant, s)
	}
	flight := s.flight
	k.mu.Unlock()
	if found != nil {
		return found, nil // old, but better than none
	}
	if flight != nil {
		select {
		case <-flight:
		case <-ctx.Done():
			return nil, errNoKeys
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch found = s.keys[kid]; {
	case found != nil:
		return found, nil
	case s.failed:
		return nil, errNoKeys
	}
	return nil, errUnknownKey
}

// fetch reads a set anew. It is nobody's call: a caller that goes away does not
// spoil it for the others.
func (k *Keys) fetch(ctx context.Context, tenant string, s *keySet) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	data, err := k.Fetch(ctx, tenant)
	var keys map[string][]key
	if err == nil {
		keys, err = parseKeys(data)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.Now()
	if s.failed = err != nil; s.failed {
		s.wait = min(max(2*s.wait, keysFirstWait), keysPause)
		k.Log.Warn().Err(err).Str("tenant", tenant).Int("known", len(s.keys)).Msg("the keys that tokens are signed with could not be read")
	} else {
		s.keys, s.fetched, s.wait = keys, now, 0
	}
	s.next = now.Add(keysPause)
	if s.failed {
		s.next = now.Add(s.wait)
	}
	close(s.flight)
	s.flight = nil
}

// maxKeys is far above what a tenant has.
const maxKeys = 100

// CheckKeys tells what is wrong with a JSON Web Key Set.
func CheckKeys(data []byte) error {
	_, err := parseKeys(data)
	return err
}

// parseKeys reads a JSON Web Key Set. Keys that sign nothing we accept are left out;
// a set without any other is an error.
func parseKeys(data []byte) (map[string][]key, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("it is not a JSON Web Key Set")
	}
	keys := map[string][]key{}
	for _, j := range set.Keys[:min(len(set.Keys), maxKeys)] {
		if k, ok := j.key(); ok {
			keys[j.ID] = append(keys[j.ID], k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("the JSON Web Key Set has no key that can be used")
	}
	return keys, nil
}

// jwk is a JSON Web Key. Entra's carry no alg, and name their issuer, in which
// {tenantid} stands for any tenant.
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Issuer    string `json:"issuer"`
	N         string `json:"n"`
	E         string `json:"e"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

func (j jwk) key() (key, bool) {
	k := key{algorithm: j.Algorithm}
	if j.ID == "" || j.Use != "" && j.Use != "sig" {
		return k, false
	}
	if j.Issuer != "" && !strings.Contains(j.Issuer, "{tenantid}") {
		var ok bool
		if k.tenant, ok = access.TenantOf(j.Issuer); !ok {
			return k, false
		}
	}
	switch j.Type {
	case "RSA":
		n, e := unsigned(j.N), unsigned(j.E)
		if n == nil || e == nil || n.BitLen() < 2048 || n.BitLen() > 8192 || e.BitLen() > 31 || e.Int64() < 3 || e.Bit(0) == 0 {
			return k, false
		}
		k.public = &rsa.PublicKey{N: n, E: int(e.Int64())}
	case "EC":
		x, errX := base64.RawURLEncoding.DecodeString(j.X)
		y, errY := base64.RawURLEncoding.DecodeString(j.Y)
		if j.Curve != "P-256" || errX != nil || errY != nil || len(x) != 32 || len(y) != 32 {
			return k, false
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
		if err != nil {
			return k, false
		}
		k.public = public
	default:
		return k, false
	}
	return k, true
}

func unsigned(text string) *big.Int {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil
	}
	return new(big.Int).SetBytes(b)
}
