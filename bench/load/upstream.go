package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"
)

// serveUpstream answers the call that every target makes, always alike.
func serveUpstream(ctx context.Context, port string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /users", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"7","path":"/users"}`)
	})
	return serveHTTP(ctx, port, mux)
}

func serveHTTP(ctx context.Context, port string, handler http.Handler) error {
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 30 * time.Second}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
