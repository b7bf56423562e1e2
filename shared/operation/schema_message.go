package operation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/latchwork/latchwork/shared/value"
)

// describe words a schema problem as Newtonsoft.Json.Schema does where its
// wording is known (triggers §11.5) and quotes no value, and otherwise names the
// keyword. property is the one that may not be there.
func describe(keyword, property string, at value.Value, e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return fmt.Sprintf("Required properties are missing from object: %s.", strings.Join(k.Missing, ", "))
	case *kind.Type:
		return fmt.Sprintf("Invalid type. Expected %s but got %s.", wantedTypes(k.Want), typeOf(at))
	case *kind.AdditionalProperties:
		return fmt.Sprintf("Property '%s' has not been defined and the schema does not allow additional properties.", property)
	case *kind.AnyOf:
		return "JSON does not match any schemas from 'anyOf'."
	case *kind.AllOf:
		return fmt.Sprintf("JSON does not match all schemas from 'allOf'. Invalid schema indexes: %s.", indexes(e, "allOf"))
	case *kind.OneOf:
		if len(k.Subschemas) == 0 {
			return "JSON is valid against no schemas from 'oneOf'."
		}
		list := make([]string, len(k.Subschemas))
		for i, n := range k.Subschemas {
			list[i] = strconv.Itoa(n)
		}
		return fmt.Sprintf("JSON is valid against more than one schema from 'oneOf'. Valid schema indexes: %s.", strings.Join(list, ", "))
	case *kind.Not:
		return "JSON is valid against schema from 'not'."
	case *kind.MinItems:
		return fmt.Sprintf("Array item count %d is less than minimum count of %d.", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("Array item count %d exceeds maximum count of %d.", k.Got, k.Want)
	case *kind.MinProperties:
		return fmt.Sprintf("Object property count %d is less than minimum count of %d.", k.Got, k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("Object property count %d exceeds maximum count of %d.", k.Got, k.Want)
	default:
		return fmt.Sprintf("The value does not match the keyword '%s'.", keyword)
	}
}

// wantedTypes lists types in Newtonsoft's order.
func wantedTypes(want []string) string {
	var list []string
	for _, name := range []string{"string", "number", "integer", "boolean", "object", "array", "null"} {
		if slices.Contains(want, name) {
			list = append(list, strings.ToUpper(name[:1])+name[1:])
		}
	}
	return strings.Join(list, ", ")
}

// typeOf is the name of a value's type in a schema.
func typeOf(v value.Value) string {
	if k := v.Kind(); k != value.KindFloat && k != value.KindDecimal {
		return k.String()
	}
	return "Number"
}

// indexes reads from the places of its causes which schemas of a list a value does
// not match.
func indexes(e *jsonschema.ValidationError, keyword string) string {
	var list []string
	for _, cause := range e.Causes {
		if at := strings.LastIndex(cause.SchemaURL, "/"+keyword+"/"); at >= 0 {
			index, _, _ := strings.Cut(cause.SchemaURL[at+len(keyword)+2:], "/")
			if !slices.Contains(list, index) {
				list = append(list, index)
			}
		}
	}
	return strings.Join(list, ", ")
}
