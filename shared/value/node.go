package value

import (
	"strings"
	"unsafe"

	"github.com/cockroachdb/apd/v3"
)

// Value is one JSON value. It holds a single pointer on purpose: fmt prints the
// fields of a struct that sits in somebody's unexported field without calling
// its methods. A typed pointer would not do either: with a verb such as %s fmt
// prints what it points to. It knows nothing to print of an unsafe.Pointer, which
// costs nothing and is only ever a *node.
type Value struct{ p unsafe.Pointer }

func of(n *node) Value { return Value{unsafe.Pointer(n)} }

func (v Value) node() *node { return (*node)(v.p) }

// node is kept small, 32 bytes: most of what an evaluation makes and a text holds
// are nodes. What they hold shares two words, and what few of them have lies behind
// a pointer.
type node struct {
	kind   Kind
	marked bool           // this or something inside has an origin
	bits   uint64         // Boolean, Integer, Float; the length of a String
	data   unsafe.Pointer // the bytes of a String; the *box of an Array or Object
	more   *more          // nil for nearly all
}

// box is what is inside an array or object.
type box struct {
	items []Value  // elements, or the values of members
	keys  []string // of an object
	index map[string]int
}

type more struct {
	origins []Origin
	decimal *apd.Decimal
	literal string // of a number that neither int64 nor float64 holds exactly
}

// container is a node with its box, made at once.
type container struct {
	node node
	box  box
}

func (c *container) init(kind Kind) *node {
	c.node = node{kind: kind, data: unsafe.Pointer(&c.box)}
	return &c.node
}

func newContainer(kind Kind) *node { return new(container).init(kind) }

func textNode(s string) node {
	return node{kind: KindString, bits: uint64(len(s)), data: unsafe.Pointer(unsafe.StringData(s))}
}

// shortText is a node with the bytes of its text, made at once.
type shortText struct {
	node  node
	bytes [32]byte
}

func newShortText(text []byte) *node {
	t := new(shortText)
	copy(t.bytes[:], text)
	t.node = node{kind: KindString, bits: uint64(len(text)), data: unsafe.Pointer(&t.bytes)}
	return &t.node
}

// text is that of a String.
func (n *node) text() string { return unsafe.String((*byte)(n.data), int(n.bits)) }

// box is that of an Array or Object.
func (n *node) box() *box { return (*box)(n.data) }

func (n *node) items() []Value {
	if n.kind < KindArray {
		return nil
	}
	return n.box().items
}

func (n *node) origins() []Origin {
	if n.more == nil {
		return nil
	}
	return n.more.origins
}

// marks notes whether something inside has an origin.
func (n *node) marks() {
	for _, item := range n.box().items {
		if item.Marked() {
			n.marked = true
			return
		}
	}
}

// settle notes the mark of a container whose own origins are set.
func (n *node) settle() {
	if n.marked = n.more != nil; !n.marked {
		n.marks()
	}
}

// Integers from smallest to largest need no memory: counts, places and the status
// codes of HTTP.
const (
	smallest = -128
	largest  = 1023
)

var (
	nullNode  = &node{kind: KindNull}
	trueNode  = &node{kind: KindBool, bits: 1}
	falseNode = &node{kind: KindBool}
	emptyText = &node{kind: KindString}
	smallInts = func() (a [largest - smallest + 1]node) {
		for i := range a {
			a[i] = node{kind: KindInt, bits: uint64(int64(i + smallest))}
		}
		return
	}()
)

// indexFrom is the number of members from which a look-up by hash beats a scan,
// the making of the index included.
const indexFrom = 17

func (x *box) buildIndex() {
	if len(x.keys) < indexFrom {
		return
	}
	if x.index == nil {
		x.index = make(map[string]int, 2*len(x.keys))
		for i, k := range x.keys {
			x.index[k] = i
		}
		return
	}
	x.index[x.keys[len(x.keys)-1]] = len(x.keys) - 1
}

// find returns the place of the member with exactly this key, or -1.
func (x *box) find(key string) int {
	if x.index != nil {
		if i, ok := x.index[key]; ok {
			return i
		}
		return -1
	}
	for i, k := range x.keys {
		if k == key {
			return i
		}
	}
	return -1
}

// findFolded returns the place of the first member whose key is equal ignoring
// case, or -1. Keys of different lengths can only be equal outside ASCII.
func (x *box) findFolded(key string) int {
	ascii := isASCII(key)
	for i, k := range x.keys {
		if len(k) != len(key) && ascii && isASCII(k) {
			continue
		}
		if strings.EqualFold(k, key) {
			return i
		}
	}
	return -1
}
