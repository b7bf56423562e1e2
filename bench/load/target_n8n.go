package main

import (
	"context"
	"fmt"
	"os/exec"
)

// n8n has the same steps as a workflow. It saves each execution in SQLite when it
// has ended, after the answer.
var n8n = &target{
	name: "n8n", about: "n8n, the same as a workflow, SQLite", writes: "none before the answer",
	find: func(ctx context.Context) (string, error) {
		program, err := installed("N8N", "n8n")
		if err != nil {
			return "", err
		}
		return printedBy(ctx, program, "--version"), nil
	},
	prepare: func(ctx context.Context, s site) (*launch, error) {
		program, err := installed("N8N", "n8n")
		if err != nil {
			return nil, err
		}
		file, err := s.write("load.json", n8nWorkflow)
		if err != nil {
			return nil, err
		}
		l := &launch{
			folder: s.folder, program: program, args: []string{"start"}, url: "http://" + s.address() + "/webhook/load",
			env: s.env("N8N_USER_FOLDER="+s.folder, "N8N_LISTEN_ADDRESS=127.0.0.1", "N8N_PORT="+s.port, "N8N_LOG_LEVEL=warn",
				"N8N_DIAGNOSTICS_ENABLED=false", "N8N_VERSION_NOTIFICATIONS_ENABLED=false", "N8N_TEMPLATES_ENABLED=false",
				"N8N_PERSONALIZATION_ENABLED=false", "N8N_DISABLE_UI=true", "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS=false"),
		}
		if err := once(ctx, l, "import:workflow", "--input="+file); err != nil {
			return nil, err
		}
		if once(ctx, l, "publish:workflow", "--id=loadtest") == nil { // since 2.0
			return l, nil
		}
		return l, once(ctx, l, "update:workflow", "--id=loadtest", "--active=true")
	},
}

// once runs a command of the server's program in its folder, to the end.
func once(ctx context.Context, l *launch, args ...string) error {
	c := exec.CommandContext(ctx, l.program, args...)
	c.Dir, c.Env = l.folder, l.env
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %.2000s", args[0], err, out)
	}
	return nil
}

const n8nWorkflow = `[{
	"id": "loadtest", "versionId": "3f0f3c7e-6a6d-4a55-9a3f-0c9d3a1b7e21", "name": "load", "active": false, "settings": {"executionOrder": "v1"},
	"nodes": [
		{"id": "1", "name": "Request", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0], "webhookId": "load",
			"parameters": {"httpMethod": "POST", "path": "load", "responseMode": "responseNode", "options": {}}},
		{"id": "2", "name": "Call", "type": "n8n-nodes-base.httpRequest", "typeVersion": 4.2, "position": [200, 0],
			"parameters": {"method": "POST", "url": "UPSTREAM/users", "sendBody": true, "specifyBody": "json", "jsonBody": "={{ JSON.stringify($json.body) }}", "options": {}}},
		{"id": "3", "name": "Shape", "type": "n8n-nodes-base.set", "typeVersion": 3.4, "position": [400, 0],
			"parameters": {"mode": "raw", "jsonOutput": "={{ JSON.stringify({name: $json.path, of: $('Request').item.json.body.id}) }}", "options": {}}},
		{"id": "4", "name": "Answer", "type": "n8n-nodes-base.respondToWebhook", "typeVersion": 1.1, "position": [600, 0],
			"parameters": {"respondWith": "firstIncomingItem", "options": {}}}
	],
	"connections": {
		"Request": {"main": [[{"node": "Call", "type": "main", "index": 0}]]},
		"Call": {"main": [[{"node": "Shape", "type": "main", "index": 0}]]},
		"Shape": {"main": [[{"node": "Answer", "type": "main", "index": 0}]]}
	}
}]
`
