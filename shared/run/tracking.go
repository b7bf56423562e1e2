package run

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/value"
)

// maxTrackingID is how long a client tracking id may be. The product has a limit and
// does not say which (triggers §4).
const maxTrackingID = 128

// TrackingID evaluates the correlation of a trigger; "" where it has none, or it
// gives nothing.
func TrackingID(p *definition.Program, s *State, t *definition.Trigger, ambient expr.Ambient) (string, error) {
	if t.ClientTrackingID == nil {
		return "", nil
	}
	v, err := t.ClientTrackingID.Evaluate(&expr.Env{Scope: &scope{p: p, s: s}, Ambient: ambient, Budget: ambient.Budget})
	if err != nil {
		return "", err
	}
	return trackingID(v)
}

// trackingID is the text of a value that is to be a client tracking id.
func trackingID(v value.Value) (string, error) {
	id, isText := v.AsString()
	switch {
	case v.IsNull():
		return "", nil
	case !isText && (v.Kind() == value.KindObject || v.Kind() == value.KindArray):
		return "", &expr.Error{Code: "InvalidClientTrackingId", Message: fmt.Sprintf("The client tracking id must be a string; its expression gives a value of type '%s'.", v.Kind())}
	case !isText:
		id = string(value.Reveal(v))
	}
	if !value.Redact(v, value.Credential).Marked() && v.Marked() {
		id = value.Redacted // it goes out in headers and shows in every list
	}
	return id, CheckTrackingID(id)
}

// CheckTrackingID refuses an id that is too long, or that no header can carry.
func CheckTrackingID(id string) error {
	if n := utf8.RuneCountInString(id); n > maxTrackingID {
		return &expr.Error{Code: "ClientTrackingIdLengthLimitExceeded", Message: fmt.Sprintf("The client tracking id has %d characters; at most %d are allowed.", n, maxTrackingID)}
	}
	if strings.ContainsFunc(id, unicode.IsControl) || !utf8.ValidString(id) {
		return &expr.Error{Code: "InvalidClientTrackingId", Message: "The client tracking id has characters that are not allowed."}
	}
	return nil
}
