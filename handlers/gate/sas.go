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
	return base64.RawURLEncoding.EncodeToString(mac(nil, key, signedString(workflowID, permissions, expiry)))
}

func signedString(workflowID, permissions, expiry string) []byte {
	return []byte(sasScheme + "\n" + workflowID + "\n" + permissions + "\n" + expiry + "\n" + sasVersion)
}

// mac appends the code of a text.
func mac(dst, key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(dst)
}

// ExpiryFormat is how se is written: UTC with seven fraction digits.
const ExpiryFormat = "2006-01-02T15:04:05.0000000Z"

// URLs mints signed URLs below a base address such as http://localhost:7071.
type URLs struct {
	Base string
	// APIVersion is that of the management call that asks for a URL; "" is the one
	// that URLs carry by themselves.
	APIVersion string
}

// defaultAPIVersion is what minted URLs carry.
const defaultAPIVersion = "2016-10-01"

// Trigger returns the callback URL of a request trigger; a zero notAfter means
// that it does not expire.
func (u URLs) Trigger(key []byte, workflowID, trigger string, notAfter time.Time) string {
	return u.Version(key, workflowID, "", trigger, notAfter)
}

// Version returns the callback URL of a trigger as it is in a version of the
// workflow; "" is the current one, whichever that is.
func (u URLs) Version(key []byte, workflowID, version, trigger string, notAfter time.Time) string {
	p := invokePath{kind: triggerCall, workflowID: workflowID, version: version, trigger: trigger}
	path := "/triggers/" + url.PathEscape(trigger) + "/paths/invoke"
	if version != "" {
		path = "/versions/" + url.PathEscape(version) + path
	}
	return u.sign(key, workflowID, path, p.scope()+"/run", notAfter)
}

// Resume returns the URL that an action of a run waits to be called at. It does not
// expire: the action does.
func (u URLs) Resume(key []byte, workflowID string, x Execution) string {
	return u.sign(key, workflowID, x.path()+"/run", x.scope()+"/run,"+x.scope()+"/read", time.Time{})
}

// Content returns a link to what a run has read or written. The key is the
// workflow's own for contents, so that a new key for callers does not break a
// history that is open.
func (u URLs) Content(key []byte, workflowID string, c Content, notAfter time.Time) string {
	return u.sign(key, workflowID, c.path()+"/contents/"+c.Name, c.scope()+"/read", notAfter)
}

func (u URLs) sign(key []byte, workflowID, path, permissions string, notAfter time.Time) string {
	version, expiry := u.APIVersion, ""
	if version == "" {
		version = defaultAPIVersion
	}
	query := "api-version=" + url.QueryEscape(version)
	if !notAfter.IsZero() {
		expiry = notAfter.UTC().Format(ExpiryFormat)
		query += "&se=" + url.QueryEscape(expiry)
	}
	query += "&sp=" + url.QueryEscape(permissions) + "&sv=" + sasVersion + "&sig=" + Sign(key, workflowID, permissions, expiry)
	return strings.TrimRight(u.Base, "/") + "/workflows/" + workflowID + path + "?" + query
}

// Operation returns the URL at which a caller asks for the response of a run. It is
// good for as long as the run is there.
func (u URLs) Operation(key []byte, workflowID string, x Execution) string {
	return u.sign(key, workflowID, x.path(), x.scope()+"/read", time.Time{})
}

// signature is what a URL carries of the shared access scheme.
type signature struct {
	permissions, expiry, version, sig string
	present                           bool // a sig is there
	malformed                         bool
	apiVersion                        bool // there is one
}

// sasParameters are not the caller's own queries and do not reach the trigger.
var sasParameters = map[string]bool{"api-version": true, "sp": true, "sv": true, "sig": true, "se": true}

// part is where a parameter of the scheme is kept, and its bit among those seen.
func (s *signature) part(name string) (into *string, bit uint8) {
	switch name {
	case "sp":
		return &s.permissions, 1
	case "se":
		return &s.expiry, expiryBit
	case "sv":
		return &s.version, 4
	case "sig":
		return &s.sig, signatureBit
	}
	return nil, 0
}

const expiryBit, signatureBit = 2, 8

// readSignature reads the raw query strictly: each part at most once, and none in
// a way that another reader may take for something else. What url.ParseQuery
// drops, such as a broken escape, counts here.
func readSignature(raw string) signature {
	var s signature
	var seen uint8
	for piece := range strings.SplitSeq(raw, "&") {
		// Some readers take a semicolon for a separator too.
		separated := strings.Contains(piece, ";")
		for sub := range strings.SplitSeq(piece, ";") {
			name, text, _ := strings.Cut(sub, "=")
			if unescaped, err := url.QueryUnescape(name); err == nil {
				name = unescaped
			}
			s.apiVersion = s.apiVersion || name == "api-version" && text != "" && !separated
			into, bit := s.part(name)
			if into == nil {
				continue
			}
			var err error
			*into, err = url.QueryUnescape(text)
			s.malformed = s.malformed || err != nil || seen&bit != 0 || separated
			seen |= bit
		}
	}
	s.present = seen&signatureBit != 0
	s.malformed = s.malformed || seen&expiryBit != 0 && s.expiry == "" // it is signed as if it were not there
	return s
}

// verify tells which of the keys made the signature; -1: none did. It takes the same
// time whatever the answer. A key that is not there signs nothing: everybody knows
// it.
func (s signature) verify(workflowID string, keys ...[]byte) int {
	given, err := base64.RawURLEncoding.Strict().DecodeString(s.sig)
	fits := err == nil && len(s.sig) == 43 && s.version == sasVersion && !s.malformed
	text, matched := signedString(workflowID, s.permissions, s.expiry), -1
	var code [sha256.Size]byte
	for i, key := range keys {
		if hmac.Equal(given, mac(code[:0], key, text)) && len(key) > 0 {
			matched = i
		}
	}
	if !fits {
		return -1
	}
	return matched
}

// isExpiry: RFC 3339 in UTC with up to seven fraction digits. time.Parse alone takes
// a comma, one digit of an hour and any number of fraction digits.
func isExpiry(s string) bool {
	const shape = "0000-00-00T00:00:00"
	if len(s) <= len(shape) || s[len(s)-1] != 'Z' {
		return false
	}
	for i := range len(shape) {
		if digit := s[i] >= '0' && s[i] <= '9'; digit != (shape[i] == '0') || !digit && s[i] != shape[i] {
			return false
		}
	}
	fraction := s[len(shape) : len(s)-1]
	if fraction == "" {
		return true
	}
	return fraction[0] == '.' && len(fraction) >= 2 && len(fraction) <= 8 && strings.Trim(fraction[1:], "0123456789") == ""
}

// expired: se is read strictly, and there is no grace.
func (s signature) expired(now time.Time) bool {
	if s.expiry == "" {
		return false
	}
	at, err := time.Parse(time.RFC3339, s.expiry)
	return err != nil || !isExpiry(s.expiry) || !now.Before(at)
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
