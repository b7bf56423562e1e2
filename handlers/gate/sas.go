package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"time"
)

// The signed string of a callback URL is not public; this is ours. It covers the
// workflow, the permissions and the expiry. Host, method, relative path and
// api-version stay outside, so that URLs survive gateways and path parameters
// (inbound-security §3.2).
const sasScheme = "lasig1"

const sasVersion = "1.0"

// Sign returns the signature of permissions, 43 characters. expiry is the text
// of se, or "".
func Sign(key []byte, workflowID, permissions, expiry string) string {
	return base64.RawURLEncoding.EncodeToString(mac(key, workflowID, permissions, expiry))
}

func mac(key []byte, workflowID, permissions, expiry string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(sasScheme + "\n" + workflowID + "\n" + permissions + "\n" + expiry + "\n" + sasVersion))
	return h.Sum(nil)
}

// ExpiryFormat is how se is written: UTC with seven fraction digits.
const ExpiryFormat = "2006-01-02T15:04:05.0000000Z"

// URLs mints signed URLs below a base address such as http://localhost:7071.
type URLs struct{ Base string }

// apiVersion is what minted URLs carry.
const apiVersion = "2016-10-01"

// Trigger returns the callback URL of a request trigger; a zero notAfter means
// that it does not expire.
func (u URLs) Trigger(key []byte, workflowID, trigger string, notAfter time.Time) string {
	permissions := "/triggers/" + trigger + "/run"
	expiry := ""
	query := "api-version=" + apiVersion
	if !notAfter.IsZero() {
		expiry = notAfter.UTC().Format(ExpiryFormat)
		query += "&se=" + url.QueryEscape(expiry)
	}
	query += "&sp=" + url.QueryEscape(permissions) + "&sv=" + sasVersion + "&sig=" + Sign(key, workflowID, permissions, expiry)
	return strings.TrimRight(u.Base, "/") + "/workflows/" + workflowID + "/triggers/" + url.PathEscape(trigger) + "/paths/invoke?" + query
}

// signature is what a URL carries of the shared access scheme.
type signature struct {
	permissions, expiry, version, sig string
	present                           bool // a sig is there
	malformed                         bool
}

// sasParameters are not the caller's own queries and do not reach the trigger.
var sasParameters = map[string]bool{"api-version": true, "sp": true, "sv": true, "sig": true, "se": true}

// readSignature reads the query strictly: each part at most once.
func readSignature(query url.Values) signature {
	one := func(name string) (string, bool) {
		values := query[name]
		if len(values) == 0 {
			return "", true
		}
		return values[0], len(values) == 1
	}
	var s signature
	var ok [4]bool
	s.permissions, ok[0] = one("sp")
	s.expiry, ok[1] = one("se")
	s.version, ok[2] = one("sv")
	s.sig, ok[3] = one("sig")
	s.present = len(query["sig"]) > 0
	s.malformed = !ok[0] || !ok[1] || !ok[2] || !ok[3]
	return s
}

// verify tells whether one of the keys made the signature. It takes the same time
// whatever the answer.
func (s signature) verify(workflowID string, keys ...[]byte) bool {
	given, err := base64.RawURLEncoding.Strict().DecodeString(s.sig)
	fits := err == nil && len(s.sig) == 43 && s.version == sasVersion && !s.malformed
	matched := 0
	for _, key := range keys {
		if hmac.Equal(given, mac(key, workflowID, s.permissions, s.expiry)) {
			matched++
		}
	}
	return fits && matched > 0
}

// expired: se is read strictly, and there is no grace.
func (s signature) expired(now time.Time) bool {
	if s.expiry == "" {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, s.expiry)
	return err != nil || !strings.HasSuffix(s.expiry, "Z") || !now.Before(at)
}

// allows tells whether the permissions hold a verb on a scope: exactly, in a list
// separated by commas; //* is everything.
func (s signature) allows(scope string) bool {
	for p := range strings.SplitSeq(s.permissions, ",") {
		if p == scope || p == "//*" {
			return true
		}
	}
	return false
}
