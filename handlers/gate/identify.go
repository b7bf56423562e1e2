package gate

import (
	"context"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/shared/access"
)

// ErrUnavailable: it cannot be told whether a token is genuine.
var ErrUnavailable = errNoKeys

// Bearer returns the token of a call that brings exactly one, in the way that all
// readers take for the same.
func Bearer(r *http.Request) (string, bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 || len(headers[0]) > maxAuthorization {
		return "", false
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	token = strings.Trim(token, " ")
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// Identity is who a genuine token was issued to.
type Identity struct {
	Principal string // for the record
	claims    map[string]any
}

// Identify checks a token that must satisfy one of some policies. The error says why it
// does not, for the log alone, or is ErrUnavailable.
func (t *Tokens) Identify(ctx context.Context, token string, policies []access.Policy) (Identity, error) {
	_, claims, err := t.verify(ctx, token, policies)
	if err != nil {
		return Identity{}, err
	}
	return Identity{principal(claims), claims}, nil
}

// Claim returns what a claim says: texts, of a list each of them.
func (i Identity) Claim(name string) []string {
	switch v := i.claims[name].(type) {
	case string:
		return []string{v}
	case []any:
		var list []string
		for _, item := range v {
			if text, ok := item.(string); ok {
				list = append(list, text)
			}
		}
		return list
	}
	return nil
}
