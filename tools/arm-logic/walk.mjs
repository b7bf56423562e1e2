// Walks through the management API with Microsoft's JavaScript client, unmodified.
// In: BASE, TOKEN, CA, SUBSCRIPTION, GROUP, WORKFLOW (a file) and CLOCK (a file) in the
// environment. Out: nothing and 0, or what was wrong and 1.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { request } from "node:https";
import { join } from "node:path";

const { BASE, TOKEN, CA, SUBSCRIPTION, GROUP, WORKFLOW, CLOCK, MODULES } = process.env;
const require = createRequire(join(MODULES, "package.json"));
const { LogicManagementClient } = require("@azure/arm-logic");

const ca = readFileSync(CA, "utf8");
const credential = { getToken: async () => ({ token: TOKEN, expiresOnTimestamp: Date.now() + 3600e3 }) };
const client = new LogicManagementClient(credential, SUBSCRIPTION, {
  endpoint: BASE,
  credentialScopes: ["https://management.azure.com/.default"],
  tlsOptions: { ca: [ca] },
  retryOptions: { maxRetries: 0 },
});

const all = async (pages) => {
  const list = [];
  for await (const one of pages) list.push(one);
  return list;
};
const refused = async (what, status, code) => {
  const error = await what.then(() => assert.fail(`want ${code}`), (e) => e);
  assert.equal(error.statusCode, status, String(error));
  assert.equal(error.code, code);
};
// Follows a URL that carries what it needs.
const fetched = (method, url, body) => new Promise((resolve, reject) => {
  const call = request(url, { method, ca, headers: body ? { "Content-Type": "application/json" } : {} }, (answer) => {
    let text = "";
    answer.on("data", (piece) => (text += piece));
    answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
  });
  call.on("error", reject);
  call.end(body);
});

const name = "js-berth";
const resource = JSON.parse(readFileSync(WORKFLOW, "utf8"));
// The client's models are flat.
const flat = ({ properties, ...rest }) => ({ ...rest, ...properties });

await refused(client.workflows.get(GROUP, name), 404, "ResourceNotFound");
await client.workflows.validateByResourceGroup(GROUP, name, flat(resource));
await client.workflows.validateByLocation(GROUP, "onprem", name, flat(resource));
const created = await client.workflows.createOrUpdate(GROUP, name, flat(resource));
assert.equal(created.provisioningState, "Succeeded");
assert.equal(created.parameters.tariffKey, undefined);
assert.ok(created.createdTime instanceof Date);
await client.workflows.createOrUpdate(GROUP, name, await client.workflows.get(GROUP, name));
await client.workflows.update(GROUP, name);
assert.equal((await all(client.workflows.listByResourceGroup(GROUP, { top: 1 }))).filter((w) => w.name === name).length, 1);
assert.equal((await all(client.workflows.listBySubscription({ filter: "state eq 'Enabled'" }))).filter((w) => w.name === name).length, 1);
assert.equal((await client.workflows.listSwagger(GROUP, name)).swagger, "2.0");
assert.ok((await client.workflows.generateUpgradedDefinition(GROUP, name, { targetSchemaVersion: "2016-06-01" })).triggers);
assert.ok((await client.workflows.listCallbackUrl(GROUP, name, { keyType: "Secondary" })).value);

const url = await client.workflowTriggers.listCallbackUrl(GROUP, name, "manual");
assert.equal(url.queries.apiVersion, "2019-05-01");
const answered = await fetched("PUT", url.value.replace("{berthId}", "B7"), '{"containers":["KX1","KX2"]}');
assert.equal(answered.status, 200, answered.text);
const run = answered.headers["x-ms-workflow-run-id"];
await client.workflowTriggers.run(GROUP, name, "manual");
await client.workflowTriggers.reset(GROUP, name, "manual");
assert.equal((await client.workflowTriggers.get(GROUP, name, "manual")).state, "Enabled");
assert.equal((await all(client.workflowTriggers.list(GROUP, name))).length, 1);
assert.match((await client.workflowTriggers.getSchemaJson(GROUP, name, "manual")).content, /containers/);
const histories = await all(client.workflowTriggerHistories.list(GROUP, name, "manual", { top: 1, filter: "status eq 'Succeeded'" }));
assert.equal(histories.length, 2);
assert.equal((await client.workflowTriggerHistories.get(GROUP, name, "manual", run)).fired, true);
await client.workflowTriggerHistories.resubmit(GROUP, name, "manual", run);

const versions = await all(client.workflowVersions.list(GROUP, name));
assert.ok((await client.workflowVersions.get(GROUP, name, versions[0].name)).definition);
assert.ok((await client.workflowVersionTriggers.listCallbackUrl(GROUP, name, versions[0].name, "manual")).value);

assert.equal((await all(client.workflowRuns.list(GROUP, name, { top: 1, filter: "startTime ge 2020-01-01T00:00:00Z" }))).length, 3);
const one = await client.workflowRuns.get(GROUP, name, run);
assert.equal(one.status, "Succeeded");
assert.ok(one.startTime instanceof Date && one.endTime instanceof Date);
assert.match((await fetched("GET", one.trigger.outputsLink.uri)).text, /KX1/);
assert.equal((await client.workflowRunOperations.get(GROUP, name, run, run)).name, run);
await refused(client.workflowRuns.cancel(GROUP, name, run), 409, "WorkflowRunCanNotBeCancelled");

const actions = await all(client.workflowRunActions.list(GROUP, name, run, { top: 2 }));
assert.ok(actions.length >= 4);
const secured = await client.workflowRunActions.get(GROUP, name, run, "Check_tariff");
assert.equal(secured.inputsLink.uri, undefined);
assert.equal(typeof secured.inputsLink.contentSize, "number");
const asked = await client.workflowRunActions.get(GROUP, name, run, "Ask_again");
assert.match((await fetched("GET", asked.inputsLink.uri)).text, /teal/);
assert.equal((await all(client.workflowRunActions.listExpressionTraces(GROUP, name, run, "For_each_container")))[0].text, "triggerBody()?['containers']");
const requests = await all(client.workflowRunActionRequestHistories.list(GROUP, name, run, "Ask_again"));
assert.equal((await client.workflowRunActionRequestHistories.get(GROUP, name, run, "Ask_again", requests[0].name)).properties.request.method, "POST");
assert.equal((await all(client.workflowRunActionRepetitions.list(GROUP, name, run, "Log_container"))).length, 2);
const repetition = await client.workflowRunActionRepetitions.get(GROUP, name, run, "Log_container", "000001");
assert.equal((await fetched("GET", repetition.outputsLink.uri)).text, '"box KX2"');
assert.equal((await all(client.workflowRunActionRepetitions.listExpressionTraces(GROUP, name, run, "Log_container", "000001"))).length, 1);
const inside = await all(client.workflowRunActionRepetitionsRequestHistories.list(GROUP, name, run, "Ask_weight", "000000"));
await client.workflowRunActionRepetitionsRequestHistories.get(GROUP, name, run, "Ask_weight", "000000", inside[0].name);
assert.equal((await all(client.workflowRunActionScopeRepetitions.list(GROUP, name, run, "Weigh"))).length, 2);
await client.workflowRunActionScopeRepetitions.get(GROUP, name, run, "Weigh", "000000");

const clock = JSON.parse(readFileSync(CLOCK, "utf8"));
await client.workflows.createOrUpdate(GROUP, "js-clock", flat(clock));
await client.workflows.createOrUpdate(GROUP, "js-clock-2", flat(clock));
await client.workflowTriggers.setState(GROUP, "js-clock-2", "Every_month", { source: { flowName: "js-clock", triggerName: "Every_month" } });
await client.workflowTriggers.run(GROUP, "js-clock", "Every_month");
const [waiting] = await all(client.workflowRuns.list(GROUP, "js-clock"));
await client.workflowRuns.cancel(GROUP, "js-clock", waiting.name);

await client.workflows.regenerateAccessKey(GROUP, name, { keyType: "Primary" });
assert.equal((await fetched("PUT", url.value.replace("{berthId}", "B7"), '{"containers":[]}')).status, 401);
await client.workflows.disable(GROUP, name);
assert.equal((await client.workflows.get(GROUP, name)).state, "Disabled");
await client.workflows.enable(GROUP, name);
await client.workflows.beginMoveAndWait(GROUP, name, { id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/${GROUP}/providers/Microsoft.Logic/workflows/js-moved` }, { updateIntervalInMs: 1 });
await client.workflows.delete(GROUP, "js-moved");
await client.workflows.delete(GROUP, "js-moved");
await refused(client.workflowRuns.get(GROUP, "js-moved", run), 404, "WorkflowNotFound");
assert.ok((await all(client.operations.list())).length > 20);
