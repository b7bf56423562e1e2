package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// nodeRED has the same steps as a flow. It keeps nothing of a run.
var nodeRED = &target{
	name: "node-red", about: "Node-RED, the same as a flow", writes: "none",
	find: func(ctx context.Context) (string, error) {
		program, err := installed("NODE_RED", "node-red")
		return strings.TrimPrefix(printedBy(ctx, program, "--version"), "Node-RED "), err
	},
	prepare: func(_ context.Context, s site) (*launch, error) {
		program, err := installed("NODE_RED", "node-red")
		if err != nil {
			return nil, err
		}
		settings, err := s.write("settings.js", nodeREDSettings)
		if err != nil {
			return nil, err
		}
		if _, err := s.write("flows.json", nodeREDFlow); err != nil {
			return nil, err
		}
		return &launch{
			folder: s.folder, program: program, args: []string{"--userDir", s.folder, "--settings", settings, "--port", s.port},
			env: s.env(), url: "http://" + s.address() + "/load",
		}, nil
	},
}

const nodeREDSettings = `module.exports = {
	uiHost: "127.0.0.1", flowFile: "flows.json", credentialSecret: false, disableEditor: true, httpAdminRoot: false,
	logging: { console: { level: "warn" } }
}
`

// What is composed is a function node: one step, and the fastest that it has.
const nodeREDFlow = `[
	{"id": "flow", "type": "tab", "label": "load"},
	{"id": "request", "type": "http in", "z": "flow", "url": "/load", "method": "post", "wires": [["keep"]]},
	{"id": "keep", "type": "function", "z": "flow", "outputs": 1, "wires": [["call"]],
		"func": "return {req: msg.req, res: msg.res, payload: msg.payload, id: msg.payload.id};"},
	{"id": "call", "type": "http request", "z": "flow", "method": "POST", "url": "UPSTREAM/users", "ret": "obj", "persist": true, "wires": [["compose"]]},
	{"id": "compose", "type": "function", "z": "flow", "outputs": 1, "wires": [["response"]],
		"func": "return {req: msg.req, res: msg.res, payload: {name: msg.payload.path, of: msg.id}};"},
	{"id": "response", "type": "http response", "z": "flow", "statusCode": "200", "wires": []}
]
`

// installed finds a program that the environment names, or that is in PATH.
func installed(variable, name string) (string, error) {
	program, err := exec.LookPath(cmp.Or(os.Getenv(variable), name))
	if err != nil {
		return "", fmt.Errorf("not installed: %s is not set, or names no program, and there is no %s in PATH", variable, name)
	}
	return program, nil
}
