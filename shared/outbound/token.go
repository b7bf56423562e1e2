package outbound

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// token is a bearer token. From refresh on a new one is fetched while this one
// still serves.
type token struct {
	text             string
	refresh, expires time.Time
}

// newToken plans the refresh: five minutes before the end, or at half time for a
// token that lives shorter than ten.
func newToken(text string, now time.Time, lifetime time.Duration) token {
	return token{text, now.Add(lifetime - min(lifetime/2, 5*time.Minute)), now.Add(lifetime)}
}

// tokenCache keeps tokens until they end; callers that want the same one at the
// same time share one request.
type tokenCache struct {
	now    func() time.Time
	mu     sync.Mutex
	tokens map[tokenKey]token
	flight singleflight.Group
}

// tokenKey stands for all that a token was asked with, so that the cache keeps no
// secret to recognise it by.
type tokenKey [sha256.Size]byte

// digest hashes texts; where one ends and the next begins counts.
func digest(parts ...string) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, p := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		h.Write([]byte(p))
	}
	h.Sum(sum[:0])
	return sum
}

func newTokenCache() *tokenCache {
	return &tokenCache{now: time.Now, tokens: map[tokenKey]token{}}
}

const (
	// maxTokens bounds the cache; one over it empties it.
	maxTokens = 1000
	// fetchTimeout bounds one request for a token, whoever waits for it.
	fetchTimeout = 30 * time.Second
)

// get returns the token of a key, fetching it when there is none. The request is
// not the caller's: one that gives up does not spoil it for the others.
func (t *tokenCache) get(ctx context.Context, key tokenKey, fetch func(context.Context) (token, error)) (token, error) {
	kept, now := t.kept(key), t.now()
	if now.Before(kept.refresh) {
		return kept, nil
	}
	fetched := t.flight.DoChan(string(key[:]), func() (any, error) {
		if fresh := t.kept(key); now.Before(fresh.refresh) { // fetched while this was on its way here
			return fresh, nil
		}
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		fresh, err := fetch(limited)
		if err == nil {
			t.keep(key, fresh)
		}
		return fresh, err
	})
	if now.Before(kept.expires) {
		return kept, nil
	}
	select {
	case r := <-fetched:
		if r.Err != nil {
			return token{}, r.Err
		}
		return r.Val.(token), nil
	case <-ctx.Done():
		return token{}, ctx.Err()
	}
}

// kept is the token of a key, whether or not it is over; zero: there is none.
func (t *tokenCache) kept(key tokenKey) token {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.tokens[key]
}

// forget drops a token that a service refused.
func (t *tokenCache) forget(key tokenKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tokens, key)
}

func (t *tokenCache) keep(key tokenKey, fresh token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.tokens) >= maxTokens {
		t.tokens = map[tokenKey]token{}
	}
	t.tokens[key] = fresh
}
