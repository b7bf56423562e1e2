package operation

import "github.com/latchwork/latchwork/shared/definition"

// Batch gives { body: { batchName, partitionName, items } } (triggers §6, §10). The
// compiler reads its release criteria; messages come from SendToBatch actions.
var _ = register(Trigger{
	Spec: definition.Spec{Type: "Batch", Batch: true, HTTPLike: true, Required: []string{"mode", "configurations"}},
	Doc:  "Collects the messages of SendToBatch actions, and starts a run for each batch that is released: by number, by size, or on a schedule.",
})
