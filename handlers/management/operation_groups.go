package management

import (
	_ "embed"
	"net/http"
	"strings"

	"github.com/latchwork/latchwork/shared/value"
)

// operationGroups describe built-in operations to Microsoft's designer, as far as it asks
// a Standard app about them and does not know them itself (ui §4). None names a
// connection, which the designer would miss.
//
//go:embed operation_groups.json
var operationGroupsJSON []byte

var operationGroups = func() value.Value {
	groups, err := value.Parse(operationGroupsJSON)
	if err != nil {
		panic(err)
	}
	return groups
}()

func (a *API) getOperationGroup(c *call) (answer, error) {
	name, group, err := c.operationGroup()
	if err != nil {
		return answer{}, err
	}
	return ok(newObject(4).text("id", "/operationGroups/"+name).text("name", name).text("type", "operationGroups").
		value("properties", group.Without("operations")).Build())
}

// getOperation gives the manifest along where $expand asks for it.
func (a *API) getOperation(c *call) (answer, error) {
	group, of, err := c.operationGroup()
	if err != nil {
		return answer{}, err
	}
	operations := of.Member("operations")
	at := operations.Find(c.names["operation"])
	if at < 0 {
		return answer{}, fail(http.StatusNotFound, "OperationNotFound", "The operation '%s' of the operation group '%s' could not be found.", c.names["operation"], group)
	}
	name := operations.KeyAt(at)
	one := operations.Member(name)
	properties := newObject(8).text("summary", one.Member("summary").Str()).text("description", one.Member("description").Str()).
		text("operationType", one.Member("type").Str()).text("brandColor", of.Member("brandColor").Str()).
		value("api", newObject(4).text("id", "/operationGroups/"+group).text("name", group).text("displayName", of.Member("displayName").Str()).
			value("properties", value.Object(value.Member{Key: "displayName", Value: of.Member("displayName")})).Build())
	if strings.Contains(strings.ToLower(c.query["$expand"]), "properties/manifest") {
		properties.value("manifest", one.Member("manifest"))
	}
	return ok(newObject(4).text("id", "/operationGroups/"+group+"/operations/"+name).text("name", name).text("type", "operationGroups/operations").
		value("properties", properties.Build()).Build())
}

// operationGroup is the group that a call names.
func (c *call) operationGroup() (name string, group value.Value, err error) {
	at := operationGroups.Find(c.names["operationGroup"])
	if at < 0 {
		return "", value.Value{}, fail(http.StatusNotFound, "OperationGroupNotFound", "The operation group '%s' could not be found.", c.names["operationGroup"])
	}
	name = operationGroups.KeyAt(at)
	return name, operationGroups.Member(name), nil
}
