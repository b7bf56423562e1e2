package operation

import (
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// describe words a schema problem as Newtonsoft.Json.Schema does where its
// wording is known (triggers §11.5), and otherwise names the keyword.
func describe(keyword string, e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return fmt.Sprintf("Required properties are missing from object: %s.", strings.Join(k.Missing, ", "))
	case *kind.Type:
		want := make([]string, len(k.Want))
		for i, w := range k.Want {
			want[i] = schemaType(w)
		}
		return fmt.Sprintf("Invalid type. Expected %s but got %s.", strings.Join(want, ", "), schemaType(k.Got))
	case *kind.AdditionalProperties:
		return fmt.Sprintf("Property '%s' has not been defined and the schema does not allow additional properties.", strings.Join(k.Properties, "', '"))
	default:
		return fmt.Sprintf("The value does not match the keyword '%s'.", keyword)
	}
}

func schemaType(name string) string {
	if name == "" {
		return name
	}
	return strings.ToUpper(name[:1]) + name[1:]
}
