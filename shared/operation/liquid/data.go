package liquid

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/osteele/liquid/values"

	"github.com/latchwork/latchwork/shared/operation/xmltree"
	"github.com/latchwork/latchwork/shared/value"
)

// object is a JSON object in a template. Its members keep their order.
type object struct{ *members }

type members struct {
	names  []string
	values map[string]any
}

var _ values.Value = object{}

func newObject() object { return object{&members{values: map[string]any{}}} }

func (o object) set(name string, v any) {
	if _, ok := o.values[name]; !ok {
		o.names = append(o.names, name)
	}
	o.values[name] = v
}

// Interface returns the object itself: it stays one in variables and filters.
func (o object) Interface() any               { return o }
func (o object) Int() int                     { return 0 }
func (o object) Equal(x values.Value) bool    { return x.Interface() == any(o) }
func (o object) Less(values.Value) bool       { return false }
func (o object) Test() bool                   { return true }
func (o object) Contains(x values.Value) bool { _, ok := o.values[text(x.Interface())]; return ok }
func (o object) IndexValue(x values.Value) values.Value {
	return values.ValueOf(o.values[text(x.Interface())])
}

// PropertyValue returns a member, or else size, first or last.
func (o object) PropertyValue(x values.Value) values.Value {
	name := text(x.Interface())
	if v, ok := o.values[name]; ok {
		return values.ValueOf(v)
	}
	if name == "size" {
		return values.ValueOf(len(o.names))
	}
	return values.ValueOf(nil)
}

// String returns the text of an XML element that has some, and else JSON.
func (o object) String() string {
	if s, ok := o.values[textMember].(string); ok {
		return s
	}
	return string(value.Reveal(toJSON(o)))
}

// textMember holds the text of an XML element with attributes.
const textMember = "#text"

// float prints as .NET does: no exponent where digits do.
type float float64

func (f float) String() string {
	if a := math.Abs(float64(f)); a != 0 && (a >= 1e15 || a < 1e-5) {
		return strconv.FormatFloat(float64(f), 'E', -1, 64)
	}
	return strconv.FormatFloat(float64(f), 'f', -1, 64)
}

// fromJSON converts a value for a template. Numbers that fit neither an integer
// nor a double stay as they are written.
func fromJSON(v value.Value) any {
	switch v.Kind() {
	case value.KindBool:
		b, _ := v.AsBool()
		return b
	case value.KindString:
		return v.Str()
	case value.KindArray:
		items := make([]any, v.Len())
		for i, item := range v.Elements {
			items[i] = fromJSON(item)
		}
		return items
	case value.KindObject:
		o := newObject()
		for name, item := range v.Members {
			o.set(name, fromJSON(item))
		}
		return o
	case value.KindNull:
		return nil
	}
	if i, ok := v.AsInt(); ok {
		return int(i)
	}
	literal := strings.Trim(string(value.Reveal(v)), `"`)
	const exact = 17 // digits that a double keeps
	if f, ok := v.AsFloat(); ok && len(literal) <= exact+len("-.") {
		return float(f)
	}
	return literal
}

func toJSON(x any) value.Value {
	switch x := x.(type) {
	case bool:
		return value.Bool(x)
	case int:
		return value.Int(int64(x))
	case float:
		return value.Float(float64(x))
	case float64:
		return value.Float(x)
	case string:
		return value.String(x)
	case []any:
		items := make([]value.Value, len(x))
		for i, item := range x {
			items[i] = toJSON(item)
		}
		return value.Array(items...)
	case object:
		b := value.NewObject(len(x.names))
		for _, name := range x.names {
			b.Set(name, toJSON(x.values[name]))
		}
		return b.Build()
	case nil:
		return value.Null()
	}
	return value.String(text(x))
}

// text returns what a template prints for a value.
func text(x any) string {
	switch x := x.(type) {
	case nil:
		return ""
	case string:
		return x
	case []any:
		var b strings.Builder
		for _, item := range x {
			b.WriteString(text(item))
		}
		return b.String()
	case values.Range:
		return ".."
	case float64:
		return float(x).String()
	}
	return fmt.Sprint(x)
}

// list returns what a template iterates over: the items of a list, the members of
// an object as pairs, or nothing.
func list(x any) ([]any, error) {
	switch x := x.(type) {
	case []any:
		return x, nil
	case []string:
		items := make([]any, len(x))
		for i, s := range x {
			items[i] = s
		}
		return items, nil
	case values.Range:
		if x.Len() > maxItems {
			return nil, errItems
		}
		if x.Len() < 0 {
			return nil, nil
		}
		return x.AsArray(), nil
	case object:
		items := make([]any, len(x.names))
		for i, name := range x.names {
			items[i] = []any{name, x.values[name]}
		}
		return items, nil
	case string:
		if x != "" {
			return []any{x}, nil
		}
	}
	return nil, nil
}

// FromXML converts a document for a template: an element is an object, or text if
// it has nothing else; one that is repeated is a list. Prefixes are left out,
// because no path in a template could name them.
func FromXML(document string) (value.Value, error) {
	root, err := xmltree.Parse(document)
	if err != nil {
		return value.Value{}, err
	}
	return value.Object(value.Member{Key: root.Name.Local, Value: fromElement(root)}), nil
}

func fromElement(n *xmltree.Node) value.Value {
	content := strings.TrimSpace(n.Text)
	if len(n.Attributes)+len(n.Children) == 0 {
		return value.String(n.Text)
	}
	b := value.NewObject(len(n.Attributes) + len(n.Children) + 1)
	for _, a := range n.Attributes {
		b.Set("@"+a.Name.Local, value.String(a.Value))
	}
	var names []string
	all := map[string][]value.Value{}
	for _, child := range n.Children {
		name := child.Name.Local
		if all[name] == nil {
			names = append(names, name)
		}
		all[name] = append(all[name], fromElement(child))
	}
	for _, name := range names {
		if len(all[name]) == 1 {
			b.Set(name, all[name][0])
		} else {
			b.Set(name, value.Array(all[name]...))
		}
	}
	if content != "" {
		b.Set(textMember, value.String(content))
	}
	return b.Build()
}
