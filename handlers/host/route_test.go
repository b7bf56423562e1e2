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
		{"{a}/{b}/c", "x/y/c", true},
		{"{a}/{b}/c", "x//c", false}, // a parameter is not empty
		{"{a}/{b?}", "x//", true},
		{"runs/{id:int}", "runs/2147483647", true},
		{"runs/{id:int}", "runs/3000000000", false},
		{"runs/{id:int}", "runs/-2147483649", false},
		{"runs/{id:long}", "runs/9223372036854775808", false},
		{"runs/{id:regex(^a=b$)}", "runs/a=b", true},
		{"runs/{id:regex(^a=b$)}", "runs/a", false},
		{"runs/{id:regex(^a:b$)}", "runs/a:b", true},
		{"runs/{id:regex(^a:b$)}", "runs/a", false},
		{"runs/{id:regex(^(a:|b=)c$):maxlength(3)}", "runs/b=c", true},
		{"runs/{id:regex(^(a:|b=)c$):maxlength(2)}", "runs/b=c", false},
		{"runs/{id:regex(^[a=]+$)=a}", "runs", true},
		{"runs/{id:regex(^[a=]+$)=a}", "runs/=", true},
		{"runs/{id:regex(^[a=]+$)?}", "runs/b", false},
		{"runs/{id:regex(^\\d{{2}}$)}", "runs/12", true}, // a brace that is meant stands twice
		{"runs/{id:regex(^\\d{{2}}$)}", "runs/123", false},
		{"{id:regex(^a/b$)}/log", "a%2Fb/log", true},
		{"runs/{n:range(1,10)}", "runs/10", true},
		{"runs/{n:range(1,10)}", "runs/11", false},
		{"runs/{n:range(1,10)}", "runs/x", false},
		{"runs/{n:min(-5)}", "runs/-5", true},
		{"runs/{n:min(-5)}", "runs/-6", false},
		{"runs/{n:max(5)}", "runs/5", true},
		{"runs/{n:max(5)}", "runs/6", false},
		{"runs/{n:decimal}", "runs/-1.50", true},
		{"runs/{n:decimal}", "runs/1e3", false},
		{"runs/{n:double}", "runs/1.5e-3", true},
		{"runs/{n:float}", "runs/x", false},
		{"runs/{n:required}", "runs/x", true},
		{"runs/{n:INT}", "runs/x", false},
		{"runs/{*rest:regex(^a/\\d$)}", "runs/a/1", true},
		{"runs/{*rest:regex(^a/\\d$)}", "runs/a/b", false},
		{"runs/{**rest}", "runs/a/b", true},
	} {
		r, err := parseRoute(c.template)
		if err != nil {
			t.Errorf("%s: %v", c.template, err)
			continue
		}
		if got := r.match(pathParts(c.path)); got != c.want {
			t.Errorf("%q and %q: %v", c.template, c.path, got)
		}
	}
}

func TestRoutesThatAreNone(t *testing.T) {
	for _, template := range []string{"runs/{id", "runs/{id}x", "{*rest}/more", "a/{*rest}/{b}", "v{n}", "{a}{b}", "a}b", "{}", "{*}", "{:int}", "a//b",
		"{a:}", "{a:even}", "{a:datetime}", "{a:int(3)}", "{a:range(1)}", "{a:range(1,x)}", "{a:range}", "{a:min(1,2)}", "{a:max()}",
		"{a:length(x)}", "{a:regex((a)}", "{a:regex(a}", "{a:regex(^(a):b$)}", "{a:int:even}",
	} {
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
		{"api", "GET", "api", "zz_rest"}, // a catch-all matches the empty path too
		{"api", "GET", "API/", "zz_rest"},
		{"api", "GET", "api/runtime/x", "zz_rest"},
		{"", "GET", "", "zz_rest"},
		{"", "GET", "runtime", ""}, // the host's own
		{"", "POST", "runtime/webhooks/x", ""},
		{"", "GET", "Admin", ""},
		{"", "GET", "admin/host/status", ""},
		{"", "GET", "/admin/", ""},
		{"", "GET", "%61dmin/x", ""},
		{"", "GET", "administration", "zz_rest"},
		{"a/b", "GET", "a/b/runs/1", "Runs"},
	} {
		f, ok := match(list, c.prefix, c.method, c.path)
		if ok != (c.want != "") || f.Name != c.want {
			t.Errorf("%s %s below %q: %q, want %q", c.method, c.path, c.prefix, f.Name, c.want)
		}
	}
}
