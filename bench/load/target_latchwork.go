package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"
)

const workflow = `{"definition": {"triggers": {"manual": {"type": "Request", "kind": "Http"}}, "actions": {
	"Call": {"type": "Http", "inputs": {"method": "POST", "uri": "UPSTREAM/users", "body": "@triggerBody()"}},
	"Shape": {"type": "Compose", "inputs": {"name": "@body('Call')['path']", "of": "@triggerBody()['id']"}, "runAfter": {"Call": ["Succeeded"]}},
	"R": {"type": "Response", "kind": "Http", "inputs": {"statusCode": 200, "body": "@outputs('Shape')"}, "runAfter": {"Shape": ["Succeeded"]}}}}}`

// latchwork is the binary as it is released, standalone.
var latchwork = &target{
	name: "latchwork", about: "`latchwork serve`, embedded store", writes: "2, with the whole history",
	prepare: func(ctx context.Context, s site) (*launch, error) {
		file, err := s.write("load.json", workflow)
		if err != nil {
			return nil, err
		}
		l := &launch{folder: s.folder, program: s.binary, args: []string{"serve", file, "--address", s.address()}, env: s.env("LATCHWORK_DATA=" + s.folder)}
		p, err := start(l)
		if err != nil {
			return nil, err
		}
		defer p.stop()
		return l, p.await(ctx, func() error { // its key, and so the address, lasts as long as its store
			printed, err := os.ReadFile(p.log)
			before, _, serves := strings.Cut(string(printed), "Serving on")
			_, rest, found := strings.Cut(before, "'http")
			address, _, _ := strings.Cut(rest, "'")
			if l.url = "http" + address; err == nil && (!serves || !found) {
				err = errors.New("it does not say that it serves")
			}
			return err
		}, 5*time.Millisecond)
	},
}
