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
	"time"
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

// QueueMessage is a message as a function sees it.
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

// Settings of host.json that the standalone host honours.
type Settings struct {
	RoutePrefix        string
	FunctionTimeout    time.Duration
	BatchSize          int
	NewBatchThreshold  int
	MaxDequeueCount    int64
	MaxPollingInterval time.Duration
	VisibilityTimeout  time.Duration // after a failed attempt
}

// ReadSettings reads a host.json. What it leaves out has the host's defaults.
func ReadSettings(data []byte) (Settings, error) {
	var h struct {
		Version         string `json:"version"`
		FunctionTimeout string `json:"functionTimeout"`
		Extensions      struct {
			HTTP struct {
				RoutePrefix *string `json:"routePrefix"`
			} `json:"http"`
			Queues struct {
				BatchSize          int    `json:"batchSize"`
				NewBatchThreshold  *int   `json:"newBatchThreshold"`
				MaxDequeueCount    int64  `json:"maxDequeueCount"`
				MaxPollingInterval string `json:"maxPollingInterval"`
				VisibilityTimeout  string `json:"visibilityTimeout"`
			} `json:"queues"`
		} `json:"extensions"`
	}
	if err := json.Unmarshal(data, &h); err != nil {
		return Settings{}, fmt.Errorf("host.json: %w", err)
	}
	if h.Version != "2.0" {
		return Settings{}, errors.New(`host.json: version must be "2.0"`)
	}
	q := h.Extensions.Queues
	s := Settings{RoutePrefix: "api", FunctionTimeout: 30 * time.Minute, BatchSize: 16, MaxDequeueCount: 5, MaxPollingInterval: time.Minute}
	if h.Extensions.HTTP.RoutePrefix != nil {
		s.RoutePrefix = strings.Trim(*h.Extensions.HTTP.RoutePrefix, "/")
	}
	if q.BatchSize > 0 {
		s.BatchSize = min(q.BatchSize, 32)
	}
	s.NewBatchThreshold = s.BatchSize / 2
	if q.NewBatchThreshold != nil {
		s.NewBatchThreshold = *q.NewBatchThreshold
	}
	if q.MaxDequeueCount > 0 {
		s.MaxDequeueCount = q.MaxDequeueCount
	}
	return s, errors.Join(
		readSpan(h.FunctionTimeout, "functionTimeout", &s.FunctionTimeout),
		readSpan(q.MaxPollingInterval, "maxPollingInterval", &s.MaxPollingInterval),
		readSpan(q.VisibilityTimeout, "visibilityTimeout", &s.VisibilityTimeout))
}

// readSpan reads hh:mm:ss, or d.hh:mm:ss.
func readSpan(s, name string, into *time.Duration) error {
	if s == "" {
		return nil
	}
	var d, h, m, sec int
	if _, err := fmt.Sscanf(s, "%d.%d:%d:%d", &d, &h, &m, &sec); err != nil {
		d = 0
		if _, err := fmt.Sscanf(s, "%d:%d:%d", &h, &m, &sec); err != nil {
			return fmt.Errorf("host.json: %s must be hh:mm:ss", name)
		}
	}
	*into = time.Duration(d)*24*time.Hour + time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(sec)*time.Second
	return nil
}
