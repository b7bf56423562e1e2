package operation

import (
	"context"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/run"
	"github.com/latchwork/latchwork/shared/value"
)

// BatchMessage is a message for the Batch trigger of a workflow.
type BatchMessage struct {
	ResourceID, Trigger  string
	Batch, Partition, ID string
	Content              value.Value
	Tracking             Tracking // of the sending action
}

// defaultPartition is that of messages which name none.
const defaultPartition = "DEFAULT"

var _ = register(Operation{
	Spec: definition.Spec{
		Type: "SendToBatch", HTTPLike: true, Retries: true, Required: []string{"host", "batchName", "content"},
		Check: func(inputs value.Value, report definition.Report) {
			if host, ok := inputs.Get("host"); ok && host.Kind() == value.KindObject && !host.Has("triggerName") {
				report(definition.MissingInput, (*value.Path)(nil).Key("host"), "The inputs of a 'SendToBatch' action need 'host.triggerName'.")
			}
		},
	},
	Doc: "Sends a message to the Batch trigger of another workflow, which collects messages until their batch is released.",
	Examples: []Example{{
		Inputs: `{"host":{"workflow":{"id":"/w"},"triggerName":"Batch"},"batchName":"b","content":1,"messageId":{}}`,
		Want:   `{"code":"InvalidTemplate","message":"The 'messageId' of action 'example' must be a string."}`,
	}},
	Run: sendToBatch,
})

// sendToBatch: the message id is that of the execution unless the author gave one,
// the same on each repeat.
func sendToBatch(ctx context.Context, d Deps, c Call) run.Outcome {
	host := c.Inputs.Member("host")
	m := BatchMessage{
		ResourceID: host.Member("workflow").Member("id").Str(), Trigger: host.Member("triggerName").Str(),
		Partition: defaultPartition, ID: c.Tracking.ActionTrackingID, Content: c.Inputs.Member("content"), Tracking: c.Tracking,
	}
	for name, to := range map[string]*string{"batchName": &m.Batch, "partitionName": &m.Partition, "messageId": &m.ID} {
		v := c.Inputs.Member(name)
		if v.Kind() == value.KindObject || v.Kind() == value.KindArray {
			return refused(definition.InvalidTemplate, "The '"+name+"' of action '"+c.Action+"' must be a string.")
		}
		if text := plainText(v); !v.IsNull() && text != "" {
			*to = text
		}
	}
	if d.Workflows == nil {
		return refused(definition.InvalidTemplate, "Messages cannot be sent to a batch here.")
	}
	failure, err := d.Workflows.SendToBatch(ctx, m)
	switch {
	case err != nil:
		o := run.Fail("InternalServerError", "InternalServerError", "The message could not be sent.")
		o.Retry = true
		return o
	case failure != nil:
		return run.Fail("BadRequest", failure.Code, failure.Message)
	}
	body := value.Object(value.Member{Key: "batchName", Value: value.String(m.Batch)},
		value.Member{Key: "messageId", Value: value.String(m.ID)}, value.Member{Key: "partitionName", Value: value.String(m.Partition)})
	return run.Succeed("Accepted", value.Object(value.Member{Key: "statusCode", Value: value.Int(202)},
		value.Member{Key: "headers", Value: value.Object()}, value.Member{Key: "body", Value: body}))
}
