package outbound

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/value"
)

// echoed is the origin of what came back from outside with a live credential in it.
const echoed = "echo"

// NoteValue remembers the texts in a value that have an origin, each as strictly as its
// origin says.
func (c *Credentials) NoteValue(v value.Value) {
	if c == nil || !v.Marked() {
		return
	}
	for _, item := range v.Elements {
		c.NoteValue(item)
	}
	for _, item := range v.Members {
		c.NoteValue(item)
	}
	text, _ := v.AsString()
	class := value.Secured
	if hasClass(v, value.Credential) {
		class = value.Credential
	}
	if len(v.Origins()) > 0 {
		c.note(text, class)
	}
}

// Doubt notes that a service refused what was read from a vault under a name: whatever
// is cached of it has to be read again.
func (c *Credentials) Doubt(name string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubts == nil || len(c.doubts) >= maxDoubts {
		c.doubts = map[string]time.Time{}
	}
	c.doubts[strings.ToLower(name)] = c.time()
}

// maxDoubts bounds what is remembered; one over it forgets the rest, which a cache
// forgets soon by itself.
const maxDoubts = 1000

// doubted tells whether a secret was refused since it was read.
func (c *Credentials) doubted(name string, read time.Time) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.doubts[strings.ToLower(name)]
	return ok && !at.Before(read)
}

func (c *Credentials) time() time.Time {
	if c.now != nil {
		return c.now()
	}
	return time.Now()
}

func hasClass(v value.Value, class value.Class) bool {
	return slices.ContainsFunc(v.Origins(), func(o value.Origin) bool { return o.Class == class })
}

// Mark gives what came from outside the origins that it lost on the way: each text that
// holds a live credential is marked, so that the store seals it and what is made of it
// is known too.
func (c *Credentials) Mark(v value.Value) value.Value {
	if c == nil {
		return v
	}
	index := c.search.Load()
	if index == nil {
		return v
	}
	return index.mark(v)
}

func (x *searchIndex) mark(v value.Value) value.Value {
	switch {
	case hasClass(v, value.Credential):
		return v // nothing is stricter
	case v.Kind() == value.KindString:
		if class := x.class(v.Str()); class != 0 {
			return v.Mark(value.Origin{Class: class, Name: echoed})
		}
		return v
	case v.Kind() == value.KindArray:
		var items []value.Value // made when the first one changes
		for i := range v.Len() {
			was := v.At(i)
			item := x.mark(was)
			if items == nil && item != was {
				items = make([]value.Value, 0, v.Len())
				for j := range i {
					items = append(items, v.At(j))
				}
			}
			if items != nil {
				items = append(items, item)
			}
		}
		if items == nil {
			return v
		}
		return value.Array(items...).Mark(v.Origins()...)
	case v.Kind() == value.KindObject:
		return x.markObject(v)
	}
	return v
}

// markObject marks members; a name that holds a credential marks the whole object.
func (x *searchIndex) markObject(v value.Value) value.Value {
	var named value.Class
	var changed *value.Builder
	for i := range v.Len() {
		if class := x.class(v.KeyAt(i)); class != 0 && (named == 0 || class < named) {
			named = class
		}
		was := v.At(i)
		item := x.mark(was)
		if changed == nil && item != was {
			changed = value.NewObject(v.Len())
			for j := range i {
				changed.Set(v.KeyAt(j), v.At(j))
			}
		}
		if changed != nil {
			changed.Set(v.KeyAt(i), item)
		}
	}
	if changed != nil {
		v = changed.Build().Mark(v.Origins()...)
	}
	if named != 0 {
		v = v.Mark(value.Origin{Class: named, Name: echoed})
	}
	return v
}

// class is the strictest class of the credentials in a text; 0 where there is none.
func (x *searchIndex) class(text string) value.Class {
	var strictest value.Class
	data := []byte(text)
	for i := 0; i+shortestCredential <= len(data); i++ {
		head := binary.LittleEndian.Uint64(data[i:])
		slot := filterSlot(head)
		if x.filter[slot>>6]&(1<<(slot&63)) == 0 {
			continue
		}
		for _, f := range x.forms[head] {
			if len(f.text) <= len(data)-i && text[i:i+len(f.text)] == f.text && (strictest == 0 || f.class < strictest) {
				strictest = f.class
			}
		}
	}
	return strictest
}
