package gate

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"regexp"
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

// Resume returns the URL that an action of a run waits to be called at. It does not
// expire: the action does.
func (u URLs) Resume(key []byte, workflowID string, x Execution) string {
	permissions := x.scope() + "/run," + x.scope() + "/read"
	path := "/runs/" + url.PathEscape(x.Run) + "/actions/" + url.PathEscape(x.Action)
	if x.Path != "" {
		path += "/repetitions/" + url.PathEscape(x.Path)
	}
	return strings.TrimRight(u.Base, "/") + "/workflows/" + workflowID + path + "/run?api-version=" + apiVersion +
		"&sp=" + url.QueryEscape(permissions) + "&sv=" + sasVersion + "&sig=" + Sign(key, workflowID, permissions, "")
}

// Operation returns the URL at which a caller asks for the response of a run.
func (u URLs) Operation(key []byte, workflowID string, x Execution) string {
	permissions := x.scope() + "/read"
	return strings.TrimRight(u.Base, "/") + "/workflows/" + workflowID + "/runs/" + url.PathEscape(x.Run) + "/operations/" + url.PathEscape(x.Operation) +
		"?api-version=" + apiVersion + "&sp=" + url.QueryEscape(permissions) + "&sv=" + sasVersion + "&sig=" + Sign(key, workflowID, permissions, "")
}

// signature is what a URL carries of the shared access scheme.
type signature struct {
	permissions, expiry, version, sig string
	present                           bool // a sig is there
	malformed                         bool
}

// sasParameters are not the caller's own queries and do not reach the trigger.
var sasParameters = map[string]bool{"api-version": true, "sp": true, "sv": true, "sig": true, "se": true}

// readSignature reads the raw query strictly: each part at most once, and none in
// a way that another reader may take for something else. What url.ParseQuery
// drops, such as a broken escape, counts here.
func readSignature(raw string) signature {
	var s signature
	parts := map[string]*string{"sp": &s.permissions, "se": &s.expiry, "sv": &s.version, "sig": &s.sig}
	seen := map[string]bool{}
	for piece := range strings.SplitSeq(raw, "&") {
		// Some readers take a semicolon for a separator too.
		for sub := range strings.SplitSeq(piece, ";") {
			name, text, _ := strings.Cut(sub, "=")
			if unescaped, err := url.QueryUnescape(name); err == nil {
				name = unescaped
			}
			part := parts[name]
			if part == nil {
				continue
			}
			var err error
			*part, err = url.QueryUnescape(text)
			s.malformed = s.malformed || err != nil || seen[name] || strings.Contains(piece, ";")
			seen[name] = true
		}
	}
	s.present = seen["sig"]
	s.malformed = s.malformed || seen["se"] && s.expiry == "" // it is signed as if it were not there
	return s
}

// verify tells whether one of the keys made the signature. It takes the same time
// whatever the answer. A key that is not there signs nothing: everybody knows it.
func (s signature) verify(workflowID string, keys ...[]byte) bool {
	given, err := base64.RawURLEncoding.Strict().DecodeString(s.sig)
	fits := err == nil && len(s.sig) == 43 && s.version == sasVersion && !s.malformed
	matched := 0
	for _, key := range keys {
		if hmac.Equal(given, mac(key, workflowID, s.permissions, s.expiry)) && len(key) > 0 {
			matched++
		}
	}
	return fits && matched > 0
}

// expiryShape is RFC 3339 in UTC with up to seven fraction digits. time.Parse
// alone takes a comma, one digit of an hour and any number of fraction digits.
var expiryShape = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,7})?Z$`)

// expired: se is read strictly, and there is no grace.
func (s signature) expired(now time.Time) bool {
	if s.expiry == "" {
		return false
	}
	at, err := time.Parse(time.RFC3339, s.expiry)
	return err != nil || !expiryShape.MatchString(s.expiry) || !now.Before(at)
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
