package template

import (
	"errors"
	"fmt"
	"hash/fnv"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// call evaluates a function of the template language, ignoring case.
func (e *evaluation) call(name string, args []value.Value) (value.Value, error) {
	if v, known, err := e.scoped(strings.ToLower(name), args); known {
		return v, err
	}
	f, ok := pureFunctions[strings.ToLower(name)]
	if !ok {
		return value.Value{}, fmt.Errorf("the function '%s' is not known here", name)
	}
	if len(args) < f.least || f.most >= 0 && len(args) > f.most {
		return value.Value{}, fmt.Errorf("the function '%s' has %d parameters, which is not what it takes", name, len(args))
	}
	return f.body(args)
}

// scoped are the functions that depend on the template or on where it goes.
func (e *evaluation) scoped(name string, args []value.Value) (value.Value, bool, error) {
	c := e.l.context
	first := ""
	if len(args) > 0 {
		first = args[0].Str()
	}
	object := func(pairs ...string) value.Value {
		b := value.NewObject(len(pairs) / 2)
		for i := 0; i+1 < len(pairs); i += 2 {
			b.Set(pairs[i], value.String(pairs[i+1]))
		}
		return b.Build()
	}
	switch name {
	case "parameters":
		if v, ok := e.given[strings.ToLower(first)]; ok {
			return v, true, nil
		}
		return value.Value{}, true, fmt.Errorf("the template parameter '%s' is not found", first)
	case "variables":
		v, err := e.variable(first)
		return v, true, err
	case "resourcegroup":
		return object("id", c.group(), "name", c.ResourceGroup, "location", c.Location), true, nil
	case "subscription":
		return object("id", "/subscriptions/"+c.SubscriptionID, "subscriptionId", c.SubscriptionID, "tenantId", c.TenantID, "displayName", "local"), true, nil
	case "tenant":
		return object("tenantId", c.TenantID), true, nil
	case "deployment":
		return value.Object(value.Member{Key: "name", Value: value.String("latchwork")}), true, nil
	case "environment":
		return object("resourceManager", "https://management.azure.com/", "portal", "https://portal.azure.com"), true, nil
	case "resourceid":
		id, err := e.resourceID(args)
		return value.String(id), true, err
	case "subscriptionresourceid":
		id, err := joinType("/subscriptions/"+c.SubscriptionID, args)
		return value.String(id), true, err
	case "copyindex":
		if !e.inCopy {
			return value.Value{}, true, errors.New("copyIndex() is only known inside a copy loop")
		}
		offset := int64(0)
		for _, a := range args {
			if n, ok := a.AsInt(); ok {
				offset = n
			}
		}
		return value.Int(e.copyIndex + offset), true, nil
	case "utcnow":
		return value.String(c.Now.UTC().Format("20060102T150405Z")), true, nil
	case "newguid":
		h := fnv.New128a()
		_, _ = fmt.Fprint(h, c.Now.UnixNano(), len(e.l.problems)) // a hash takes everything
		return value.String(guidOf(h.Sum(nil))), true, nil
	case "reference", "listkeys", "listcallbackurl", "listaccountsas":
		return unknown, true, nil
	}
	return value.Value{}, false, nil
}

// unknown stands in for what only a deployed resource can answer: whatever is
// selected from it is unknown too, and it reads as empty text.
var unknown = value.Object(value.Member{Key: unknownMark, Value: value.Null()})

const unknownMark = "\x00unknown"

func isUnknown(v value.Value) bool { return v.Kind() == value.KindObject && v.Has(unknownMark) }

// settled is a value with empty text for all that is unknown.
func settled(v value.Value) value.Value {
	switch {
	case isUnknown(v):
		return value.String("")
	case v.Kind() == value.KindArray:
		items := make([]value.Value, v.Len())
		for i, item := range v.Elements {
			items[i] = settled(item)
		}
		return value.Array(items...).Mark(v.Origins()...)
	case v.Kind() == value.KindObject:
		b := value.NewObject(v.Len())
		for name, item := range v.Members {
			b.Set(name, settled(item))
		}
		return b.Build().Mark(v.Origins()...)
	}
	return v
}

func (e *evaluation) variable(name string) (value.Value, error) {
	key := strings.ToLower(name)
	if v, ok := e.variables[key]; ok {
		return v, nil
	}
	at := e.at.Key("variables")
	declared, ok := e.template.Member("variables").Get(name)
	if !ok {
		return value.Value{}, fmt.Errorf("the template variable '%s' is not found", name)
	}
	if e.evaluating[key] {
		return value.Value{}, fmt.Errorf("the template variable '%s' depends on itself", name)
	}
	e.evaluating[key] = true
	v := e.value(declared, at.Key(name))
	delete(e.evaluating, key)
	e.variables[key] = v
	return v, nil
}

// resourceID: [subscription], [group], type, names.
func (e *evaluation) resourceID(args []value.Value) (string, error) {
	c := e.l.context
	subscription, group := c.SubscriptionID, c.ResourceGroup
	typeAt := -1
	for i, a := range args {
		if strings.Contains(a.Str(), "/") && strings.Contains(a.Str(), ".") {
			typeAt = i
			break
		}
	}
	switch typeAt {
	case 0:
	case 1:
		group = args[0].Str()
	case 2:
		subscription, group = args[0].Str(), args[1].Str()
	default:
		return "", errors.New("resourceId() needs a resource type such as 'Microsoft.Web/connections'")
	}
	return joinType("/subscriptions/"+subscription+"/resourceGroups/"+group, args[typeAt:])
}

// joinType puts names between the segments of a type: A.B/c/d with x, y gives
// A.B/c/x/d/y.
func joinType(base string, args []value.Value) (string, error) {
	if len(args) < 2 {
		return "", errors.New("a resource id needs a type and a name")
	}
	types := strings.Split(args[0].Str(), "/")
	names := args[1:]
	if len(types)-1 != len(names) {
		return "", errors.New("a resource id needs as many names as its type has segments")
	}
	id := base + "/providers/" + types[0]
	for i, n := range names {
		id += "/" + types[i+1] + "/" + n.Str()
	}
	return id, nil
}

func guidOf(b []byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}
