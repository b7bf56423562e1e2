package main

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchwork/latchwork/shared/store/storetest/freeport"
)

// target is one of what is compared.
type target struct {
	name   string
	about  string
	writes string // that are durable before the answer
	// find tells the version of what has to be installed; nil: nothing has to be.
	find func(ctx context.Context) (version string, err error)
	// prepare makes what a server needs, with an empty store, and says how it is
	// started.
	prepare func(ctx context.Context, s site) (*launch, error)
}

// baseline is what the others are divided by.
const baseline = "handwritten-2"

var targets = []*target{latchwork, latchworkAzurite, handwritten(0), handwritten(1), handwritten(2), nodeRED, n8n}

func targetNames() (names []string) {
	for _, t := range targets {
		names = append(names, t.name)
	}
	return names
}

// site is where a server is put.
type site struct {
	self, binary string // this binary, latchwork's
	folder       string // its own
	port         string
	upstream     string // what it calls
}

func (b *bench) site(name string) (s site, err error) {
	s = site{self: b.self, binary: b.binary, upstream: b.upstream}
	if s.folder, err = os.MkdirTemp(b.folder, name+"-"); err != nil {
		return s, err
	}
	s.port, err = freeport.Pick()
	return s, err
}

func (s site) address() string { return "127.0.0.1:" + s.port }

// write puts a file into the folder, with the upstream's address where it says
// UPSTREAM, and returns its path.
func (s site) write(name, text string) (string, error) {
	file := filepath.Join(s.folder, name)
	return file, os.WriteFile(file, []byte(strings.ReplaceAll(text, "UPSTREAM", s.upstream)), 0o600)
}

// env is the environment of a server: nothing of ours gets into it by chance.
func (s site) env(more ...string) []string {
	return append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.folder, "TMPDIR=" + s.folder}, more...)
}

// launch is how a server is started, again and again, and where it is called.
type launch struct {
	folder  string
	program string
	args    []string
	env     []string
	url     string
	header  http.Header
	close   func() // ends what it needs besides; nil: nothing
}
