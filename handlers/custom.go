package handlers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/value"
)

// customHandler serves the Functions host that started this process. The port is
// opened first; the store and the workflows follow while the host already counts
// the handler as ready (functions-host §4.2).
func customHandler(ctx context.Context, getenv func(string) string, stdout io.Writer) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", getenv(settingPort)))
	if err != nil {
		return fmt.Errorf("%s: %w", settingPort, err)
	}
	settings, err := readHostSettings(getenv(settingScriptRoot))
	if err != nil {
		return err
	}
	ready := &awaited{done: make(chan struct{})}
	failed := make(chan error, 1)
	server := &http.Server{Handler: ready, ReadHeaderTimeout: 30 * time.Second}
	go func() { failed <- server.Serve(listener) }()

	a, err := openApp(ctx, options{getenv: getenv, hosted: true, forwarded: !settings.Proxying, log: stdout, artifacts: existing(filepath.Join(getenv(settingScriptRoot), artifactsFolder))})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.deployFolder(ctx, getenv(settingScriptRoot)); err != nil {
		return err
	}
	handler, err := host.NewCustomHandler(functions(a), settings)
	if err != nil {
		return err
	}
	ready.open(handler)
	select {
	case <-ctx.Done():
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return server.Shutdown(limited)
	case err := <-failed:
		return err
	}
}

func readHostSettings(root string) (host.Settings, error) {
	data, err := os.ReadFile(filepath.Join(root, "host.json"))
	if err != nil {
		data = hostJSON
	}
	return host.ReadSettings(data)
}

// deployFolder saves the workflows that were packaged with the binary.
func (a *app) deployFolder(ctx context.Context, root string) error {
	folder := a.settings.workflows
	if folder == "" {
		folder = filepath.Join(root, workflowsFolder)
	}
	if !fileExists(folder) {
		return nil
	}
	docs, err := loadAll(logWriter{a}, []string{folder}, "", func(p value.Value) (value.Value, error) { return a.references.parameterFile(ctx, p) })
	if err != nil {
		return fmt.Errorf("workflows in %s: %w", folder, orProblems(err))
	}
	if err := a.save(audit.WithActor(ctx, "the package of the app"), nil, docs, ""); err != nil {
		return fmt.Errorf("workflows in %s: %w", folder, orProblems(err))
	}
	return nil
}

func orProblems(err error) error {
	if errors.Is(err, errQuiet) {
		return errors.New("they have problems; 'latchwork lint' prints them")
	}
	return err
}

// logWriter puts what a command would print into the log.
type logWriter struct{ a *app }

func (l logWriter) Write(p []byte) (int, error) {
	l.a.log.Error().Msg(string(p))
	return len(p), nil
}

// awaited lets requests wait until the handler behind it is there. The root is
// answered at once: it is how the host learns that the port is open.
type awaited struct {
	once    sync.Once
	done    chan struct{}
	handler http.Handler
}

func (w *awaited) open(h http.Handler) {
	w.once.Do(func() {
		w.handler = h
		close(w.done)
	})
}

func (w *awaited) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		rw.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(rw, "{}") // a host that is gone needs no answer
		return
	}
	select {
	case <-w.done:
		w.handler.ServeHTTP(rw, r)
	case <-r.Context().Done():
	}
}
