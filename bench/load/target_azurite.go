package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store/storetest/azurite"
)

// latchworkAzurite is the custom handler of a packaged app, called as the Functions
// host calls it (functions-host §5.1), with the emulator as its storage account.
var latchworkAzurite = &target{
	name: "latchwork-azurite", about: "custom handler, Azurite " + azurite.Version, writes: "2, with the whole history; the emulator does not sync",
	prepare: func(ctx context.Context, s site) (*launch, error) {
		l, err := s.packaged()
		if err != nil {
			return nil, err
		}
		data := filepath.Join(s.folder, "azurite")
		if err := os.Mkdir(data, 0o700); err != nil {
			return nil, err
		}
		emulator, err := azurite.Run(data)
		if err != nil {
			return nil, err
		}
		l.close = emulator.Stop
		l.env = append(l.env, "AzureWebJobsStorage="+emulator.ConnectionString)
		if err := s.deploy(ctx, l); err != nil {
			emulator.Stop()
			return nil, err
		}
		return l, nil
	},
}

// packaged lays out the app's folder.
func (s site) packaged() (*launch, error) {
	key := make([]byte, seal.KeySize)
	_, _ = rand.Read(key) // never fails
	if err := os.Mkdir(filepath.Join(s.folder, "workflows"), 0o700); err != nil {
		return nil, err
	}
	if _, err := s.write("workflows/load.json", workflow); err != nil {
		return nil, err
	}
	header := http.Header{}
	for name, v := range map[string]string{
		"X-Azure-Functions-InvocationId": "6f2f4f0a-6a4e-4d5e-9a59-6ac1c9f3b7d1",
		"X-Forwarded-For":                "127.0.0.1", "X-Forwarded-Host": s.address(), "X-Forwarded-Proto": "http",
		"X-Client-IP": "127.0.0.1", "Client-IP": "127.0.0.1:40000",
	} {
		header.Set(name, v)
	}
	return &launch{
		folder: s.folder, program: s.binary, header: header,
		env: s.env("FUNCTIONS_CUSTOMHANDLER_PORT="+s.port, "FUNCTIONS_APP_ROOT_PATH="+s.folder, "LATCHWORK_PUBLIC_URL=http://"+s.address(),
			"LATCHWORK_DATA="+s.folder, "LATCHWORK_SEAL_KEY="+base64.StdEncoding.EncodeToString(key)),
	}, nil
}

// deploy starts the app once, so that its workflow is in the store, and asks for the
// address of it.
func (s site) deploy(ctx context.Context, l *launch) error {
	p, err := start(l)
	if err != nil {
		return err
	}
	defer p.stop()
	if err := p.await(ctx, func() error { // answered only once the app is open
		answer, err := http.Post("http://"+s.address()+"/workflows/load/triggers/manual/paths/invoke?api-version=2016-10-01", "", nil)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized {
			return fmt.Errorf("an unsigned call: %s", answer.Status)
		}
		return nil
	}, 5*time.Millisecond); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, l.program, "url", "load")
	c.Env = l.env
	out, err := c.Output()
	if err != nil {
		return fmt.Errorf("latchwork url: %w", err)
	}
	l.url = strings.TrimSpace(string(out))
	return nil
}
