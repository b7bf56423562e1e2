package operation_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/value"
)

func TestPages(t *testing.T) {
	var a arrivals
	var foreign string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		a.note(r)
		w.Header().Set("Content-Type", "application/json")
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		switch r.URL.Path {
		case "/list", "/odata": // three pages of two
			name := map[string]string{"/list": "nextLink", "/odata": "@odata.nextLink"}[r.URL.Path]
			link := fmt.Sprintf(`,%q:"%s?page=%d"`, name, r.URL.Path, page+1)
			if page == 2 {
				link = ""
			}
			_, _ = fmt.Fprintf(w, `{"context":"c%d","value":[%d,%d]%s}`, page, 2*page, 2*page+1, link)
		case "/circle":
			_, _ = io.WriteString(w, `{"value":[1],"nextLink":"/circle"}`)
		case "/forever":
			_, _ = fmt.Fprintf(w, `{"value":[1],"nextLink":"/forever?page=%d"}`, page+1)
		case "/breaks":
			if page == 1 {
				w.Header().Set("Retry-After", "4")
				w.WriteHeader(503)
			}
			_, _ = io.WriteString(w, `{"value":[1],"nextLink":"?page=1"}`)
		case "/nojson":
			if page == 1 {
				_, _ = io.WriteString(w, `{`)
				return
			}
			_, _ = io.WriteString(w, `{"value":[1],"nextLink":"?page=1"}`)
		case "/stops":
			if page == 1 {
				_, _ = io.WriteString(w, `{"other":1}`)
				return
			}
			_, _ = io.WriteString(w, `{"value":[1],"nextLink":"?page=1"}`)
		case "/away":
			_, _ = fmt.Fprintf(w, `{"value":[1],"nextLink":"%s/list?page=2"}`, foreign)
		case "/object":
			_, _ = io.WriteString(w, `{"items":[1],"nextLink":"/list"}`)
		case "/array":
			_, _ = io.WriteString(w, `[1,2]`)
		}
	})
	foreign = serve(t, server.Config.Handler.ServeHTTP).URL
	for _, c := range []struct {
		name, path, want string
		count            string
		connector        bool
		body             string
		requests         int
	}{
		{"no policy", "/list", "OK", "", false, `{"context":"c0","value":[0,1],"nextLink":"/list?page=1"}`, 1},
		{"all", "/list", "OK", "100", false, `{"context":"c0","value":[0,1,2,3,4,5]}`, 3},
		{"whole pages", "/list", "OK", "3", false, `{"context":"c0","value":[0,1,2,3],"nextLink":"/list?page=2"}`, 2},
		{"as text", "/odata", "OK", `"3"`, false, `{"context":"c0","value":[0,1,2,3],"@odata.nextLink":"/odata?page=2"}`, 2},
		{"enough at once", "/odata", "OK", "2", false, `{"context":"c0","value":[0,1],"@odata.nextLink":"/odata?page=1"}`, 1},
		{"of a connector", "/list", "OK", "3", true, `{"value":[0,1,2,3]}`, 2},
		{"in a circle", "/circle", "OK", "5", false, `{"value":[1],"nextLink":"/circle"}`, 1},
		{"a page that is none", "/stops", "OK", "5", false, `{"value":[1]}`, 2},
		{"not a list", "/object", "OK", "5", false, `{"items":[1],"nextLink":"/list"}`, 1},
		{"an array", "/array", "OK", "5", true, `[1,2]`, 1},
		{"elsewhere", "/away", "OK", "5", false, `{"value":[1,4,5]}`, 2},
		{"too many", "/forever", "MaxRequestCountReached", "5000", false, "", 1000},
		{"a page that fails", "/breaks", "ServiceUnavailable", "5", false, `{"value":[1],"nextLink":"?page=1"}`, 2},
		{"a page that is no JSON", "/nojson", "BadGateway", "5", false, "", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			a.list = nil
			call := operation.Call{Inputs: httpInputs(t, "GET", server.URL+c.path, withSecrets), Tracking: operation.Tracking{RunName: "run"}}
			typ := "Http"
			if c.connector {
				typ = "ApiConnection"
				call.Inputs = parse(t, `{"host":{},"method":"get","path":"`+c.path+`"`+withSecrets+`}`)
				call.Connection = operation.Connection{API: "lists", Entry: parse(t, `{"connectionRuntimeUrl":"`+server.URL+`"}`)}
			}
			if c.count != "" {
				call.Runtime = parse(t, `{"paginationPolicy":{"minimumItemCount":`+c.count+`}}`)
			}
			o := attempt(t, operation.Deps{HTTP: client(t)}, typ, call)
			hides(t, o)
			if o.Code != c.want || len(a.list) != c.requests || c.body == "" != o.Outputs.IsAbsent() || (o.Status == definition.Succeeded) != (c.want == "OK") {
				t.Fatalf("%d requests, %+v", len(a.list), o)
			}
			if body := string(value.Reveal(o.Outputs.Member("body"))); c.body != "" && body != c.body {
				t.Errorf("body %s", body)
			}
			if c.name == "elsewhere" {
				a.check(t, "GET /away auth key content", "GET /list?page=2")
			}
			if c.name == "whole pages" {
				a.check(t, "GET /list auth key content", "GET /list?page=1 auth key")
			}
		})
	}
}

// TestPagesShareOneLimit: many small pages must not bring more than one answer may.
func TestPagesShareOneLimit(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		_, _ = fmt.Fprintf(w, `{"value":["%0900d"],"nextLink":"?page=%d"}`, 1, page+1)
	})
	c, err := outbound.New(outbound.Config{MaxBody: 2048})
	if err != nil {
		t.Fatal(err)
	}
	o := attempt(t, operation.Deps{HTTP: c}, "Http", operation.Call{Inputs: httpInputs(t, "GET", server.URL, ""), Runtime: parse(t, `{"paginationPolicy":{"minimumItemCount":100}}`)})
	if o.Status != definition.Failed || o.Error == nil || o.Retry || !o.Outputs.IsAbsent() {
		t.Errorf("%+v", o)
	}
}
