package definition

import "strings"

// NotAvailable is the code of problems and failures with a type that is in
// elsewhere. It is our own: the product has all types, in some plan.
const NotAvailable = "OperationTypeNotAvailable"

// elsewhere are types that the product has and nobody but its own services can
// carry out: they need an integration account's agreements, a language model, a
// connector's secret description, or a runtime of its own (actions §8, last row).
// A definition that has them is a good one. It can be saved, and tested with static
// results; an action of such a type fails when it is reached, a trigger never fires
// by itself.
var elsewhere = func() map[string]string {
	types := map[string]string{}
	for _, list := range []string{
		"OpenApiConnection OpenApiConnectionWebhook OpenApiConnectionNotification ApiConnectionNotification",                                 // Power Automate
		"ServiceProvider InvokeFunction CSharpScriptCode PowerShellCode XmlParse XmlCompose ParseDocument ChunkText DataMapper",              // Standard
		"Agent AgentHandoff Handoff NestedAgent McpClientTool McpServer A2ARequest",                                                          // agents
		"AS2Encode AS2Decode AS2EncodeV2 AS2DecodeV2 X12Encode X12Decode X12BatchEncode EdifactEncode EdifactDecode",                         // B2B
		"EdifactBatchEncode RosettaNetEncode RosettaNetDecode RosettaNetWaitForResponse SwiftEncode SwiftDecode SwiftMTEncode SwiftMTDecode", // B2B
	} {
		for typ := range strings.FieldsSeq(list) {
			types[strings.ToLower(typ)] = typ
		}
	}
	return types
}()
