package management

import (
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/latchwork/latchwork/shared/value"
)

// longestName is what a segment of a path may have: no resource has a longer one.
const longestName = 260

// sensible refuses names that nothing can have.
func sensible(names map[string]string) error {
	for what, name := range names {
		if what == "run" {
			continue // has a code of its own
		}
		if len(name) > longestName || strings.ContainsFunc(name, unicode.IsControl) {
			return invalidName(name)
		}
	}
	return nil
}

// newName is the form of the names of resources, newGroup that of resource groups.
var (
	newName  = regexp.MustCompile(`^[\w()._-]{0,79}[\w()-]$`)
	newGroup = regexp.MustCompile(`^[\pL\pN()._-]{0,89}[\pL\pN()_-]$`)
)

// creatable refuses to create a resource with a name that Azure would not let it have.
func creatable(group, name string) error {
	if !newName.MatchString(name) {
		return invalidName(name)
	}
	if !newGroup.MatchString(group) {
		return invalidName(group)
	}
	return nil
}

func invalidName(name string) *Error {
	const most = 80
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "…"
	}
	return fail(http.StatusBadRequest, "InvalidResourceName", "The resource name '%s' is not valid: it has up to 80 letters, digits, hyphens, underscores, periods and parentheses, and does not end with a period.", name)
}

// checkTags: tags have texts; clients cannot read others back.
func checkTags(tags value.Value) error {
	if tags.IsNull() {
		return nil
	}
	ok := tags.Kind() == value.KindObject
	for _, v := range tags.Members {
		ok = ok && v.Kind() == value.KindString
	}
	if !ok {
		return fail(http.StatusBadRequest, "InvalidRequestContent", "The request content is not valid and could not be deserialized: 'tags must be an object of strings'.")
	}
	return nil
}
