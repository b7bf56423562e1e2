// Package host is the Azure Functions host as seen from both sides: the custom
// handler that the host calls, and a host of our own that calls it the same way
// when there is no other.
package host

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// App is a function app: the functions compiled into this binary.
type App struct{ Functions []Function }

// Function is one function; exactly one of the triggers is set.
type Function struct {
	Name  string
	HTTP  *HTTP
	Queue *Queue
	Timer *Timer
	// Disabled keeps the name and the route of a function, and does not call it.
	Disabled bool
}

// AuthLevel is who may call an HTTP function (functions-host §9).
type AuthLevel string

// The levels.
const (
	Anonymous AuthLevel = "anonymous"
	KeyNeeded AuthLevel = "function"
	Admin     AuthLevel = "admin"
)

// HTTP is an HTTP trigger. Route is an ASP.NET route template without prefix; ""
// stands for the name of the function. Methods that are nil are all of them
// (functions-host §3.1).
type HTTP struct {
	Route     string
	Methods   []string
	AuthLevel AuthLevel
	Handler   http.Handler
}

func (t *HTTP) allows(method string) bool {
	return t.Methods == nil || slices.ContainsFunc(t.Methods, func(m string) bool { return strings.EqualFold(m, method) })
}

// template is the route that an HTTP function is found at.
func (f Function) template() string {
	if f.HTTP.Route == "" {
		return f.Name
	}
	return f.HTTP.Route
}

// Queue is a queue trigger. Its name may hold %SETTING%.
type Queue struct {
	Name       string
	Connection string
	Handle     func(ctx context.Context, m QueueMessage) error
}

// QueueMessage is a message as a function sees it. Its count is for logs only: a
// payload that has a dequeueCount replaces it (functions-host §6.2).
type QueueMessage struct {
	Text         string
	DequeueCount int64
}

// Timer is a timer trigger with an NCRONTAB schedule of six fields, in UTC.
type Timer struct {
	Schedule string
	Handle   func(ctx context.Context, t Tick) error
}

// Tick is one firing of a timer.
type Tick struct{ PastDue bool }

// The names of the input bindings: letters and digits only, not ending in
// "trigger", or the host leaves them out of the metadata.
const (
	httpBinding  = "req"
	queueBinding = "item"
	timerBinding = "tick"
)

var functionName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,127}$`)

// Validate reports all that the host would refuse (functions-host §1.1, §3, §5.6).
func (a App) Validate() error {
	var errs []error
	names, routes := map[string]bool{}, map[string][]Function{}
	for _, f := range a.Functions {
		key := strings.ToLower(f.Name)
		switch {
		case !functionName.MatchString(f.Name) || key == "host":
			errs = append(errs, fmt.Errorf("function %q: not a legal name", f.Name))
		case names[key]:
			errs = append(errs, fmt.Errorf("function %q stands twice", f.Name))
		}
		names[key] = true
		triggers := 0
		for _, set := range []bool{f.HTTP != nil, f.Queue != nil, f.Timer != nil} {
			if set {
				triggers++
			}
		}
		if triggers != 1 {
			errs = append(errs, fmt.Errorf("function %q has %d triggers", f.Name, triggers))
		}
		if f.HTTP != nil {
			errs = append(errs, validateHTTP(f, routes))
		}
		if f.Timer != nil {
			if _, err := ParseSchedule(f.Timer.Schedule); err != nil {
				errs = append(errs, fmt.Errorf("function %q: %w", f.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func validateHTTP(f Function, routes map[string][]Function) error {
	route := strings.ToLower(f.template())
	if strings.HasPrefix(route, "admin") || strings.HasPrefix(route, "runtime") {
		return fmt.Errorf("function %q: a route must not begin with admin or runtime", f.Name)
	}
	if _, err := parseRoute(f.template()); err != nil {
		return fmt.Errorf("function %q: %w", f.Name, err)
	}
	for _, other := range routes[route] {
		if f.HTTP.Methods == nil || slices.ContainsFunc(f.HTTP.Methods, other.HTTP.allows) {
			return fmt.Errorf("functions %q and %q have the same route and method", other.Name, f.Name)
		}
	}
	routes[route] = append(routes[route], f)
	return nil
}

// sorted returns the functions in the order in which the host matches routes: by
// name, ignoring case.
func (a App) sorted() []Function {
	list := slices.Clone(a.Functions)
	slices.SortFunc(list, func(x, y Function) int { return strings.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)) })
	return list
}

type binding map[string]any

// functionJSON is the content of function.json. The HTTP shape has one input and
// one output, so that requests are passed through (functions-host §3.1).
func (f Function) functionJSON() []byte {
	var bindings []any
	switch {
	case f.HTTP != nil:
		trigger := binding{"type": "httpTrigger", "direction": "in", "name": httpBinding, "authLevel": f.HTTP.AuthLevel, "route": f.template()}
		if f.HTTP.Methods != nil {
			trigger["methods"] = inCase(strings.ToLower, f.HTTP.Methods)
		}
		bindings = []any{trigger, binding{"type": "http", "direction": "out", "name": "res"}}
	case f.Queue != nil:
		bindings = []any{binding{"type": "queueTrigger", "direction": "in", "name": queueBinding, "queueName": f.Queue.Name, "connection": f.Queue.Connection}}
	case f.Timer != nil:
		bindings = []any{binding{"type": "timerTrigger", "direction": "in", "name": timerBinding, "schedule": f.Timer.Schedule, "useMonitor": true}}
	}
	content := map[string]any{"bindings": bindings}
	if f.Disabled {
		content["disabled"] = true
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(content); err != nil {
		panic(err) // strings and lists of strings always encode
	}
	return b.Bytes()
}

func inCase(change func(string) string, texts []string) []string {
	changed := make([]string, len(texts))
	for i, s := range texts {
		changed[i] = change(s)
	}
	return changed
}

// WriteFunctions writes <dir>/<Name>/function.json for every function, and
// removes folders of functions that are no more.
func WriteFunctions(dir string, a App) error {
	if err := a.Validate(); err != nil {
		return err
	}
	known := map[string]bool{}
	for _, f := range a.Functions {
		known[f.Name] = true
		folder := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, "function.json"), f.functionJSON(), 0o644); err != nil {
			return err
		}
	}
	return eachFunctionFolder(dir, func(name string) error {
		if known[name] {
			return nil
		}
		return os.RemoveAll(filepath.Join(dir, name))
	})
}

// CheckFunctions reports where dir differs from what WriteFunctions would write.
func CheckFunctions(dir string, a App) error {
	var errs []error
	known := map[string]bool{}
	for _, f := range a.Functions {
		known[f.Name] = true
		found, err := os.ReadFile(filepath.Join(dir, f.Name, "function.json"))
		if err != nil || !bytes.Equal(found, f.functionJSON()) {
			errs = append(errs, fmt.Errorf("%s/function.json is not what the table of functions says", f.Name))
		}
	}
	err := eachFunctionFolder(dir, func(name string) error {
		if !known[name] {
			errs = append(errs, fmt.Errorf("%s is not in the table of functions", name))
		}
		return nil
	})
	return errors.Join(append(errs, err)...)
}

func eachFunctionFolder(dir string, f func(name string) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(dir, e.Name(), "function.json")); e.IsDir() && err == nil {
			if err := f(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}
