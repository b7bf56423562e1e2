package host

import (
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/shared/store"
)

// Standalone plays the Functions host for the same custom handler, in one process
// (functions-host §11).
type Standalone struct {
	handler   http.Handler
	functions []routed
	app       App
	settings  Settings
	options   Options
}

// Options of a standalone host.
type Options struct {
	// Queue returns the queue of a name.
	Queue func(name string) store.Queue
	// Key opens functions of level function and admin; "" opens them to everybody,
	// as func start does.
	Key string
	// Setting resolves %NAME% in queue names.
	Setting func(name string) string
	// StatusDir keeps when each timer is due, so that a tick that was missed while
	// there was no host is made up for; "": it is not kept.
	StatusDir string
	// Handler answers instead of the functions' own handlers: a custom handler in
	// another process.
	Handler http.Handler
	// Runtime answers what is below runtime/webhooks/workflow, which a Functions host keeps
	// for itself; nil: nothing is there.
	Runtime http.Handler
	// Trusted are headers about where a request comes from that something of our own
	// in front has written; all others of their kind are taken away.
	Trusted []string
	// Pages are served besides the app, at a first segment of a path.
	Pages map[string]Page
	// TLS is what connections are made with; nil: they are plain.
	TLS *tls.Config
	// Pause is how long a client may send or take nothing; 0: 30 s.
	Pause time.Duration
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
	Log   zerolog.Logger
}

// Page is served by the standalone host itself. One that is keyed opens to callers on
// this machine, and to others by the key.
type Page struct {
	Keyed   bool
	Handler http.Handler
}

// NewStandalone returns a host for an app.
func NewStandalone(a App, s Settings, o Options) (*Standalone, error) {
	handler, err := NewCustomHandler(a, s)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	if o.Pause == 0 {
		o.Pause = defaultPause
	}
	own := handler.(*customHandler)
	if o.Handler != nil {
		handler = o.Handler
	}
	return &Standalone{handler: handler, functions: own.functions, app: a, settings: s, options: o}, nil
}

// Serve answers HTTP, polls the queues and fires the timers until ctx ends, and
// then lets what is under way end within grace.
func (h *Standalone) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTime, IdleTimeout: idleTime, MaxHeaderBytes: maxHeaderBytes, ReadTimeout: bodyTime,
		TLSConfig: h.options.TLS, ErrorLog: log.New(serverLog{h.options.Log}, "", 0),
	}
	var loops sync.WaitGroup
	inner, stop := context.WithCancel(ctx)
	defer stop()
	for _, f := range h.app.Functions {
		switch {
		case f.Disabled: // it can still be called by hand
		case f.Queue != nil:
			loops.Go(func() { h.poll(inner, f) })
		case f.Timer != nil:
			loops.Go(func() { h.tick(inner, f) })
		}
	}
	failed := make(chan error, 1)
	go func() {
		if h.options.TLS != nil {
			failed <- server.ServeTLS(l, "", "")
			return
		}
		failed <- server.Serve(l)
	}()
	var err error
	select {
	case <-ctx.Done():
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		err = server.Shutdown(limited)
	case err = <-failed:
	}
	stop()
	loops.Wait()
	return err
}

// platformHeaders tell where a request came from. Here nothing stands in front,
// so what a client sends of them is not true.
var platformHeaders = []string{
	"X-Client-Ip", "Client-Ip", "X-Client-Port", "X-Original-Url", "X-Waws-Unencoded-Url", "Disguised-Host", "X-Arr-Ssl",
	"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix", "X-Ms-Client-Principal",
	"X-Ms-Client-Principal-Id", "X-Ms-Client-Principal-Name", "X-Ms-Client-Principal-Idp", "X-Ms-Invocation-Id",
}

// ServeHTTP routes as the host does: reserved paths, then functions by name.
func (h *Standalone) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	here := fromHere(r) // before what a proxy of this machine says is taken away
	for _, name := range platformHeaders {
		if !slices.Contains(h.options.Trusted, name) {
			r.Header.Del(name)
		}
	}
	w, done := h.patient(w, r)
	defer done()
	path := strings.Trim(r.URL.EscapedPath(), "/")
	if rest, ok := cutPrefixFold(path, "admin/"); ok {
		h.admin(w, r, rest)
		return
	}
	if path == "" {
		answer(w, http.StatusOK, "{}")
		return
	}
	if _, ok := cutPrefixFold(path, "runtime/webhooks/workflow/"); ok && h.options.Runtime != nil {
		h.runtime(w, r)
		return
	}
	if page, ok := h.options.Pages[path]; ok {
		if page.Keyed && !here && !h.keyFits(r) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		page.Handler.ServeHTTP(w, r)
		return
	}
	f, ok := match(h.functions, h.settings.RoutePrefix, r.Method, path)
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if f.HTTP.AuthLevel != Anonymous && !h.keyFits(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if f.Disabled {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if r.ContentLength > maxBody {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	r.Header.Set("X-Azure-Functions-InvocationId", uuid.NewString())
	ctx, cancel := h.limited(r.Context())
	defer cancel()
	h.handler.ServeHTTP(w, r.WithContext(ctx))
}

// runtime answers a call that no function is for.
func (h *Standalone) runtime(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	ctx, cancel := h.limited(r.Context())
	defer cancel()
	h.options.Runtime.ServeHTTP(w, r.WithContext(ctx))
}

// limited gives a call the time that host.json allows.
func (h *Standalone) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if h.settings.FunctionTimeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, h.settings.FunctionTimeout)
}

// fromHere tells whether the other end of the connection is on this machine, and
// passes on nobody else.
func fromHere(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}

// keyFits: the header wins over the query, without falling back (functions-host §9).
func (h *Standalone) keyFits(r *http.Request) bool {
	if h.options.Key == "" {
		return true
	}
	given := r.Header.Get("X-Functions-Key")
	if given == "" {
		given = r.URL.Query().Get("code")
	}
	return subtle.ConstantTimeCompare([]byte(given), []byte(h.options.Key)) == 1
}

// admin answers the part of the host's own API that people use.
func (h *Standalone) admin(w http.ResponseWriter, r *http.Request, path string) {
	path = strings.ToLower(path)
	if path == "host/ping" {
		answer(w, http.StatusOK, "{}")
		return
	}
	if !h.keyFits(r) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	name, isFunction := strings.CutPrefix(path, "functions/")
	switch {
	case path == "host/status" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, `{"state":"Running","id":"latchwork"}`)
	case isFunction && r.Method == http.MethodPost:
		h.invokeByHand(w, r, name)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// Fire calls the function of a timer at once.
func (h *Standalone) Fire(ctx context.Context, name string) error {
	for _, f := range h.app.Functions {
		if f.Name == name && f.Timer != nil {
			return h.invokeTimer(ctx, f, false, nil)
		}
	}
	return fmt.Errorf("there is no timer function %q", name)
}

func (h *Standalone) invokeByHand(w http.ResponseWriter, r *http.Request, name string) {
	for _, f := range h.app.Functions {
		if !strings.EqualFold(f.Name, name) || f.HTTP != nil {
			continue
		}
		var in struct {
			Input string `json:"input"`
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
		if err != nil || len(body) > 0 && json.Unmarshal(body, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		go func() {
			ctx := context.WithoutCancel(r.Context())
			if f.Queue != nil {
				_ = h.invokeQueue(ctx, f, store.Message{Text: in.Input, DequeueCount: 1}) // logged by invoke
			} else {
				_ = h.invokeTimer(ctx, f, false, nil)
			}
		}()
		w.WriteHeader(http.StatusAccepted)
		return
	}
	w.WriteHeader(http.StatusNotFound)
}

// invoke calls a function through its envelope, as the host does over the wire.
func (h *Standalone) invoke(ctx context.Context, f Function, data map[string]any, about metadata) error {
	about.set("sys", map[string]any{"MethodName": f.Name, "UtcNow": h.options.Now().UTC(), "RandGuid": uuid.NewString()})
	body, err := json.Marshal(map[string]any{"Data": data, "Metadata": about})
	if err != nil {
		return fmt.Errorf("invoke %s: %w", f.Name, err)
	}
	ctx, cancel := h.limited(ctx)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/"+f.Name, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("X-Azure-Functions-InvocationId", uuid.NewString())
	w := httptest.NewRecorder()
	if err = h.call(f, w, r); err == nil {
		err = readReply(w.Code, w.Header(), w.Body.Bytes())
	}
	if err != nil {
		h.options.Log.Warn().Err(err).Str("function", f.Name).Msg("invocation failed")
		return err
	}
	return nil
}

// call lets a function that panics fail alone. Nobody stands between it and the
// end of the process here, as the HTTP server does for the functions it calls.
func (h *Standalone) call(f Function, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			h.options.Log.Error().Str("function", f.Name).Str("panic", fmt.Sprintf("%T: %v", p, p)).Bytes("stack", debug.Stack()).Msg("a function panicked")
			err = errors.New("the function panicked")
		}
	}()
	h.handler.ServeHTTP(w, r)
	return nil
}
