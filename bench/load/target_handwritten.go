package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/local"
)

// handwritten is what somebody would write instead: a handler that makes the same
// call, with so many writes that are on disk before it goes on. Concurrent writes
// share a sync, in the same store.
func handwritten(writes int) *target {
	number := strconv.Itoa(writes)
	return &target{
		name: "handwritten-" + number, about: "a `net/http` handler for this alone", writes: number,
		prepare: func(_ context.Context, s site) (*launch, error) {
			return &launch{
				folder: s.folder, program: s.self, env: s.env(), url: "http://" + s.address() + "/",
				args: []string{"handwritten", s.port, number, filepath.Join(s.folder, "store.db"), s.upstream},
			}, nil
		},
	}
}

func serveHandwritten(ctx context.Context, port, writes, file, upstream string) error {
	n, err := strconv.Atoi(writes)
	if err != nil {
		return fmt.Errorf("%q is not a number of writes", writes)
	}
	backend, err := local.Open(file)
	if err != nil {
		return err
	}
	defer backend.Close()
	return serveHTTP(ctx, port, &handler{
		upstream: upstream, writes: n, backend: backend,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}},
	})
}

type handler struct {
	upstream string
	writes   int
	backend  store.Backend
	client   *http.Client
	number   atomic.Int64
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	out, status, err := h.answer(r)
	if err != nil {
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(out) // a caller that is gone needs no answer
}

func (h *handler) answer(r *http.Request) (out []byte, status int, err error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, http.StatusBadRequest, err
	}
	var in struct{ ID string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, http.StatusBadRequest, err
	}
	key := strconv.FormatInt(h.number.Add(1), 10)
	if err := h.write(r.Context(), 1, key, store.Properties{"In": body}); err != nil {
		return nil, http.StatusInternalServerError, err
	}
	path, err := h.call(r.Context(), body)
	if err != nil {
		return nil, http.StatusBadGateway, err
	}
	if out, err = json.Marshal(map[string]string{"name": path, "of": in.ID}); err != nil {
		return nil, http.StatusInternalServerError, err
	}
	return out, http.StatusInternalServerError, h.write(r.Context(), 2, key, store.Properties{"In": body, "Out": out})
}

// write is the n-th write of a call, if this handler makes so many.
func (h *handler) write(ctx context.Context, n int, key string, row store.Properties) error {
	if n > h.writes {
		return nil
	}
	_, err := h.backend.Transact(ctx, "calls", []store.Op{{Kind: store.Replace, Key: key, Properties: row}})
	return err
}

func (h *handler) call(ctx context.Context, body []byte) (path string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.upstream+"/users", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := h.client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the upstream answers %s", answer.Status)
	}
	var got struct{ Path string }
	data, err := io.ReadAll(answer.Body) // to its end, or the connection is not used again
	if err == nil {
		err = json.Unmarshal(data, &got)
	}
	return got.Path, err
}
