package cloudtest

import (
	"net/http"
	"strings"
)

// GraphAudience is the audience of Microsoft Graph, without a slash at its end.
const GraphAudience = "https://graph.microsoft.com"

// Person is a user of the directory.
type Person struct {
	ID                string `json:"id"`
	DisplayName       string `json:"displayName"`
	Mail              string `json:"mail"`
	UserPrincipalName string `json:"userPrincipalName"`
}

// SetManager says who the manager of a user is.
func (c *Cloud) SetManager(user string, manager Person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.managers[strings.ToLower(user)] = manager
}

// graph answers GET /v1.0/users/{id}/manager.
func (c *Cloud) graph(w http.ResponseWriter, r *http.Request) {
	RequireToken(GraphAudience, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		if r.Method != http.MethodGet || len(path) != 4 || path[0] != "v1.0" || path[1] != "users" || path[3] != "manager" {
			azureError(w, http.StatusBadRequest, "BadRequest", "Resource not found for the segment.", "")
			return
		}
		c.mu.Lock()
		manager, ok := c.managers[strings.ToLower(path[2])]
		c.mu.Unlock()
		if !ok {
			azureError(w, http.StatusNotFound, "Request_ResourceNotFound", "Resource 'manager' does not exist or one of its queried reference-property objects are not present.", "")
			return
		}
		writeJSON(w, http.StatusOK, struct {
			Context string `json:"@odata.context"`
			Type    string `json:"@odata.type"`
			Person
		}{"https://graph.microsoft.com/v1.0/$metadata#directoryObjects/$entity", "#microsoft.graph.user", manager})
	})).ServeHTTP(w, r)
}
