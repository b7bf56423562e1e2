package host

import "testing"

func TestRouteMatch(t *testing.T) {
	for _, c := range []struct {
		template, path string
		want           bool
	}{
		{"runs", "runs", true},
		{"runs", "RUNS", true},
		{"runs", "runs/", true},
		{"/runs/", "runs", true},
		{"runs", "run", false},
		{"runs", "runs/1", false},
		{"runs", "", false},
		{"", "", true},
		{"", "runs", false},
		{"a b", "a%20b", true},
		{"a b", "a%2", false}, // not an escape
		{"runs/{id}", "runs/1", true},
		{"runs/{id}", "runs/a%2Fb", true}, // one segment
		{"runs/{id}", "runs", false},
		{"runs/{id}", "runs/1/2", false},
		{"runs/{id}/log", "runs/1/log", true},
		{"runs/{id}/log", "runs/1/logs", false},
		{"runs/{id?}", "runs", true},
		{"runs/{id?}", "runs/1", true},
		{"runs/{id?}", "runs/1/2", false},
		{"runs/{id=last}", "runs", true},
		{"runs/{id=last}", "runs/1", true},
		{"runs/{id:int}", "runs/12", true},
		{"runs/{id:int}", "runs/-12", true},
		{"runs/{id:int}", "runs/twelve", false},
		{"runs/{id:int}", "runs/1.2", false},
		{"runs/{id:int?}", "runs", true},
		{"runs/{id:int?}", "runs/x", false},
		{"runs/{id:int=1}", "runs", true},
		{"runs/{id:long}", "runs/3000000000", true},
		{"runs/{id:guid}", "runs/3d9a4e0c-7b1f-4c52-a86e-5d2f90b7c114", true},
		{"runs/{id:guid}", "runs/3D9A4E0C7B1F4C52A86E5D2F90B7C114", true},
		{"runs/{id:guid}", "runs/3d9a4e0c-7b1f-4c52-a86e-5d2f90b7c11", false},
		{"runs/{id:guid}", "runs/x3d9a4e0c-7b1f-4c52-a86e-5d2f90b7c114", false},
		{"runs/{on:bool}", "runs/True", true},
		{"runs/{on:bool}", "runs/1", false},
		{"runs/{name:alpha}", "runs/Abc", true},
		{"runs/{name:alpha}", "runs/a1", false},
		{"runs/{id:length(3)}", "runs/abc", true},
		{"runs/{id:length(3)}", "runs/abcd", false},
		{"runs/{id:length(1,3)}", "runs/%C3%A9%C3%A9%C3%A9", true}, // characters, not bytes
		{"runs/{id:length(1,3)}", "runs/abcd", false},
		{"runs/{id:minlength(2)}", "runs/ab", true},
		{"runs/{id:minlength(2)}", "runs/a", false},
		{"runs/{id:maxlength(2)}", "runs/abc", false},
		{"runs/{id:regex(^r-[0-9]+$)}", "runs/R-42", true},
		{"runs/{id:regex(^r-[0-9]+$)}", "runs/r-x", false},
		{"runs/{id:int:maxlength(2)}", "runs/12", true},
		{"runs/{id:int:maxlength(2)}", "runs/123", false},
		{"{*rest}", "", true},
		{"{*rest}", "a/b/c", true},
		{"runs/{*rest}", "runs", true},
		{"runs/{*rest}", "runs/a/b", true},
		{"runs/{*rest}", "other/a", false},
		{"{a}/{b}", "1/2", true},
		{"{a}/{b}", "1", false},
	} {
		r, err := parseRoute(c.template)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		if got := r.match(c.path); got != c.want {
			t.Errorf("%q and %q: %v", c.template, c.path, got)
		}
	}
}

func TestRoutesThatAreNone(t *testing.T) {
	for _, template := range []string{"runs/{id", "runs/{id}x", "{*rest}/more", "a/{*rest}/{b}"} {
		if _, err := parseRoute(template); err == nil {
			t.Errorf("%q was read", template)
		}
	}
}

// match goes through the functions in their order; a method that is not listed is
// as if there were no such route.
func TestMatchOfFunctions(t *testing.T) {
	var list []routed
	for _, f := range (App{Functions: []Function{
		{Name: "zz_rest", HTTP: &HTTP{Route: "{*rest}", Methods: []string{"GET", "POST"}}},
		{Name: "Runs", HTTP: &HTTP{Route: "runs/{id}", Methods: []string{"GET"}}},
		{Name: "latest", HTTP: &HTTP{Route: "runs/latest", Methods: []string{"GET", "DELETE"}}},
	}}).sorted() {
		r, err := parseRoute(f.HTTP.Route)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, routed{f, r})
	}
	for _, c := range []struct{ prefix, method, path, want string }{
		{"api", "GET", "api/runs/latest", "latest"}, // l before R, whatever the case
		{"api", "GET", "api/runs/1", "Runs"},
		{"api", "get", "API/Runs/1", "Runs"},
		{"api", "POST", "api/runs/1", "zz_rest"},
		{"api", "DELETE", "api/runs/latest", "latest"},
		{"api", "DELETE", "api/runs/1", ""},
		{"api", "GET", "runs/1", ""},
		{"api", "GET", "apiruns/1", ""},
		{"", "GET", "runs/1", "Runs"},
		{"a/b", "GET", "a/b/runs/1", "Runs"},
	} {
		f, ok := match(list, c.prefix, c.method, c.path)
		if ok != (c.want != "") || f.Name != c.want {
			t.Errorf("%s %s below %q: %q, want %q", c.method, c.path, c.prefix, f.Name, c.want)
		}
	}
}
