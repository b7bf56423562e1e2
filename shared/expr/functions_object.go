package expr

import (
	"github.com/latchwork/latchwork/shared/value"
)

// Objects (expressions §11). Property names are found as selection finds them.
var _ = register(Objects,
	Function{Signature: "addProperty(object object, name string, value any)", Doc: "An object with one more property, at its end.", Body: addProperty,
		Examples: []Example{{`@addProperty(json('{"a":1}'),'b',2)`, `{"a":1,"b":2}`}, {`@addProperty(json('{"a":1}'),'A',2)`, `error: property to not exist`}}},
	Function{Signature: "setProperty(object object, name string, value any)", Doc: "An object in which a property has a value, whether it was there or not.", Body: func(c *Call) (value.Value, error) {
		return c.Args[0].With(c.str(1), c.Args[2]), nil
	}, Examples: []Example{{`@setProperty(json('{"a":1}'),'A',2)`, `{"a":2}`}}},
	Function{Signature: "removeProperty(object object, name string)", Doc: "An object without a property.", Body: func(c *Call) (value.Value, error) {
		return c.Args[0].Without(c.str(1)), nil
	}, Examples: []Example{{`@removeProperty(json('{"a":1,"b":2}'),'a')`, `{"b":2}`}}},
)

func addProperty(c *Call) (value.Value, error) {
	if c.Args[0].Has(c.str(1)) {
		return value.Value{}, c.fail("expects the property to not exist in the object. Unable to add property '%s' to '%s' as it already exists.", c.str(1), TextOf(c.Args[0]))
	}
	return c.Args[0].With(c.str(1), c.Args[2]), nil
}
