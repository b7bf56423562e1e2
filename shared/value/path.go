package value

import (
	"fmt"
	"strconv"
	"strings"
)

// Path names a place in a JSON text, from the root down. A nil Path is the root.
type Path struct {
	parent *Path
	key    string
	index  int // -1 where the step is a key
}

// Key returns the path of the member key below p.
func (p *Path) Key(key string) *Path { return &Path{p, key, -1} }

// Keys returns the path of nested members below p.
func (p *Path) Keys(keys ...string) *Path {
	for _, k := range keys {
		p = p.Key(k)
	}
	return p
}

// Index returns the path of element i below p.
func (p *Path) Index(i int) *Path { return &Path{p, "", i} }

// Parent returns the path of what holds p; nil for the root.
func (p *Path) Parent() *Path {
	if p == nil {
		return nil
	}
	return p.parent
}

// Name returns the key that the path ends with; "" where it ends with an index.
func (p *Path) Name() string {
	if p == nil {
		return ""
	}
	return p.key
}

// Below returns p as it leads on from root, and whether it does.
func (p *Path) Below(root *Path) (*Path, bool) {
	if p.String() == root.String() {
		return nil, true
	}
	if p == nil {
		return nil, false
	}
	rest, ok := p.parent.Below(root)
	return &Path{rest, p.key, p.index}, ok
}

// Join returns the path that leads on from p as rest leads on from the root.
func (p *Path) Join(rest *Path) *Path {
	if rest == nil {
		return p
	}
	return &Path{p.Join(rest.parent), rest.key, rest.index}
}

// String returns the JSONPath: $.actions.Call['odd name'].items[0].
func (p *Path) String() string {
	if p == nil {
		return "$"
	}
	switch {
	case p.index >= 0:
		return p.parent.String() + "[" + strconv.Itoa(p.index) + "]"
	case plainName(p.key):
		return p.parent.String() + "." + p.key
	default:
		return p.parent.String() + "['" + strings.ReplaceAll(p.key, "'", "\\'") + "']"
	}
}

func plainName(s string) bool {
	for i, c := range s {
		if c != '_' && c != '$' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// Lookup returns the value at the path, and whether there is one.
func (p *Path) Lookup(root Value) (Value, bool) {
	if p == nil {
		return root, true
	}
	v, ok := p.parent.Lookup(root)
	switch {
	case !ok:
		return Value{}, false
	case p.index >= 0:
		if v.Kind() != KindArray || p.index >= v.Len() {
			return Value{}, false
		}
		return v.At(p.index), true
	default:
		return v.Get(p.key)
	}
}

// Problem is something wrong with a definition, for its author.
type Problem struct {
	Code    string // the product's code, such as InvalidTemplate
	Message string
	Path    *Path  // in the document that was checked
	Column  int    // from 1, inside the string at Path; 0 where the whole value is meant
	Caret   string // the expression and a caret below the column, or ""
	Warning bool
	// At is the place itself, where there is no path because the text is not JSON;
	// nil otherwise.
	At *SyntaxError
}

func (p Problem) Error() string { return fmt.Sprintf("%s: %s (%s)", p.Path, p.Message, p.Code) }
