package handlers

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/outbound"
)

// setting is one row of the table of settings: docs/settings.md is made from it, and
// a name that is not in it stops the start.
type setting struct {
	name, takes, otherwise, about string
}

type settingGroup struct {
	title, about string
	settings     []setting
}

// settingGroups are all settings that this binary reads, but for those of the
// platform.
var settingGroups = []settingGroup{
	{"Store", "Where workflows and runs are kept.", []setting{
		{settingStorage, "connection string", "", "The storage account. `UseDevelopmentStorage=true` is the emulator on its usual ports."},
		{settingStorage + "__accountName", "name", "", "The storage account, reached with an identity instead."},
		{settingStorage + "__tableServiceUri", "address", "from the name", "One service of the account, where it is not at its usual address; `__blobServiceUri` and `__queueServiceUri` likewise."},
		{settingPrefix, "3 to 40 lower-case letters and digits, a letter first", "`latchwork`", "Name of the table and of the blob container."},
		{settingDataDir, "folder", "`~/.local/share/latchwork`", "The embedded store, the local vault and their keys."},
		{settingSealSecret, "name of a secret", "", "The secret of the vault that holds the key that seals what must not lie open in the store."},
		{settingSealWrap, "name of a key", "", "The key of the vault that wraps the data keys which seal; it never leaves the vault."},
		{settingSealKey, "32 bytes in base64; older keys behind commas", "standalone: a key file", "The key itself. It wins over both."},
	}},
	{"Workflows", "", []setting{
		{settingWorkflows, "folder", "`workflows` in the package", "The workflows of a packaged app."},
		{settingArtifacts, "folder", "`Artifacts` beside the workflows or above them, or in the package", "Maps, schemas, partners and agreements, in `Maps`, `Schemas`, `Partners`, `Agreements`."},
		{settingSlice, "time", "`4m`", "How long one invocation drives a run before it lets go of it."},
		{settingLease, "time", "`1m`", "For how long a driver that says nothing counts as alive."},
		{settingResponse, "time", "`2m`", "How long a caller waits for a response."},
		{settingDuration, "time", "`2160h` (90 days)", "How long a run may take, by the setting when it starts."},
		{settingHistory, "`standard` or `strict`", "`standard`", "Strict history redacts whatever derives from a secret, [wherever it went](security.md)."},
		{settingRetention, "time", "`2160h` (90 days)", "For how long history keeps a run, by the setting now."},
		{settingAuditAge, "time", "`2160h` (90 days)", "For how long the audit trail is kept; it is removed by whole days of UTC."},
		{settingSteps, "whole number", "`10000000`", "Calls that one evaluation of an expression may make."},
		{settingBytes, "whole number", "`536870912`", "Bytes of text and elements that one evaluation may make."},
		{settingScriptTime, "time", "`5s`", "What one piece of inline code may take."},
		{settingScriptSize, "bytes", "`134217728`", "The memory that it may take."},
	}},
	{"Secrets and identity", "", []setting{
		{outbound.SettingVault, "address", "the local vault", "The Key Vault behind keyvault connections, such as `https://my-vault.vault.azure.net`."},
		{outbound.SettingVaultCache, "time up to 24h", "`1m`", "For how long a secret is used without asking the vault again."},
		{outbound.SettingTrustVaultChallenge, "`true` or `false`", "`false`", "Lets a vault that is not in Azure's domains, an emulator, say what its tokens are for."},
		{outbound.SettingCredentials, "some of `managedidentity`, `environment`, `azurecli`, `azd`", "`managedidentity` where the platform offers one, else the others", "Who this app signs in as: the credentials to try, in order."},
		{outbound.SettingIdentity, "resource id or client id", "`AZURE_CLIENT_ID`, else the system-assigned one", "The user-assigned identity that is meant where a definition names none."},
		{"AZURE_CLIENT_ID", "client id", "", "The same; the tools of Azure set it."},
		{outbound.SettingAuthorityHost, "https address", "`https://login.microsoftonline.com`", "Where identities sign in."},
		{outbound.SettingNoDiscovery, "`true` or `false`", "`false`", "Does not check that authority against the public cloud, for private clouds and emulators."},
	}},
	{"Callers", "[Who may call](inbound.md).", []setting{
		{settingBaseURL, "http or https address", "the name of the host", "What callback URLs begin with."},
		{settingClient, "`peer`, `front-end`, `xff:N`", "[by the mode of the host](inbound.md#address-rules)", "Where the address of a caller is read."},
		{settingTokenKeys, "file, or the JSON itself", "Entra's", "The key set that tokens of callers are checked by."},
		{settingAuthority, "https address", "`https://login.microsoftonline.com`", "Who gives out those keys."},
		{settingAlgorithms, "some of `RS256`, `PS256`, `ES256`", "`RS256`", "Algorithms that tokens may be signed with."},
	}},
	{"Management API", "[How clients use it, and who may](management.md).", []setting{
		{settingTenant, "tenant id", "no token is taken", "The tenant of Entra whose tokens are taken."},
		{settingAudience, "audience", "Azure's own", "Another audience that these tokens may have."},
		{settingManagers, "`contributor=group:…,oid:…;reader=role:…;contents=…;audit=…`", "nobody has a role", "Who may do what."},
		{settingToken, "text", "another one at each start, which is printed", "The token of a standalone server, which opens everything from this machine."},
		{settingPrincipal, "object id", "made up for each workflow", "What workflows with the system-assigned identity show as `principalId`."},
	}},
	{"Outgoing calls", "", []setting{
		{outbound.SettingTimeout, "time from 1s to 1h", "`2m`", "The longest call."},
		{outbound.SettingMaxBody, "bytes from 1024", "`104857600`", "The largest answer."},
		{outbound.SettingDenyPrivate, "`true` or `false`", "`false`", "Forbids private networks."},
		{outbound.SettingDenyLoopback, "`true` or `false`", "`true` on Azure, else `false`", "Forbids this machine. Metadata addresses are never reached."},
		{outbound.SettingCAFile, "PEM file", "", "Certificate authorities besides the system's."},
		{outbound.SettingConnectTo, "`host:port=address:port`, several with commas", "", "Sends calls elsewhere, for tests."},
	}},
	{"Logs and telemetry", "[What is logged and measured](operations.md).", []setting{
		{settingOTLP, "address", "", "The collector that gets spans and metrics, such as `http://localhost:4318`; OTLP over HTTP, in JSON."},
		{settingOTLPTraces, "address", "", "The whole address for spans alone; `" + settingOTLPMetrics + "` that for metrics."},
		{settingOTLPMetrics, "address", "", "The whole address for metrics."},
		{settingOTLPHeaders, "`key=value`, several with commas", "", "Headers for the collector, such as its key; percent-encoded."},
		{settingOTLPDelay, "milliseconds", "15000", "How long spans wait to be posted together, metrics with them."},
		{settingOTLPProtocol, "`http/json`", "`http/json`", "Nothing else is spoken."},
		{settingServiceName, "name", "the name of the app, else `latchwork`", "The name of this service in telemetry."},
		{settingResource, "`key=value`, several with commas", "", "Further attributes of it."},
		{settingLogLevel, "`trace`, `debug`, `info`, `warn`, `error`", "`info` in a Functions host, else `warn`", "The least that is logged."},
	}},
}

// internalSettings are passed by this binary to itself, or to its tests.
var internalSettings = []string{"LATCHWORK_SCRIPT_WORKER", "LATCHWORK_AZURITE", "LATCHWORK_CORPUS", "LATCHWORK_CRASH_RUNS", "LATCHWORK_CRASH_SEED", "LATCHWORK_TEST_SECRET"}

// ownPrefix is what our own settings begin with.
const ownPrefix = "LATCHWORK_"

// settingNames are the names that the table has.
func settingNames() []string {
	var names []string
	for _, g := range settingGroups {
		for _, s := range g.settings {
			names = append(names, s.name)
		}
	}
	return names
}

// unknownSettings finds names with our prefix that nobody reads, in an environment:
// most likely a slip, and its author believes that it has an effect.
func unknownSettings(environ []string) error {
	known := append(settingNames(), internalSettings...)
	var errs []error
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(strings.ToUpper(name), ownPrefix) || slices.Contains(known, name) {
			continue
		}
		hint := ""
		if near := nearestSetting(name); near != "" {
			hint = "; did you mean " + near + "?"
		}
		errs = append(errs, fmt.Errorf("%s: there is no such setting%s", name, hint))
	}
	return errors.Join(errs...)
}

// nearestSetting is the setting that a name is a slip of; "" for none.
func nearestSetting(name string) string {
	best, least := "", 4
	for _, known := range settingNames() {
		if !strings.HasPrefix(known, ownPrefix) {
			continue
		}
		if d := definition.EditDistance(strings.ToUpper(name), known); d < least {
			best, least = known, d
		}
	}
	return best
}

// settingsReference is docs/settings.md.
func settingsReference() []byte {
	var b strings.Builder
	b.WriteString(`<!-- Generated by ` + "`make generate`" + `: edit handlers/settings_table.go. -->

# Settings

Environment variables, which in a function app are its application settings. A time is written ` + "`90s`, `5m` or `1h30m`" + `.
A setting that is malformed, or begins with ` + "`LATCHWORK_`" + ` and is not listed here, stops the start; the message lists all that
is wrong and repeats no value. ` + "`latchwork doctor`" + ` checks whether the settings fit what they point to.
`)
	for _, g := range settingGroups {
		fmt.Fprintf(&b, "\n## %s\n\n", g.title)
		if g.about != "" {
			fmt.Fprintf(&b, "%s\n\n", g.about)
		}
		b.WriteString("| setting | takes | default | meaning |\n| --- | --- | --- | --- |\n")
		for _, s := range g.settings {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, s.takes, s.otherwise, s.about)
		}
	}
	b.WriteString("\nInside a function app host.json and the settings of the platform hold besides\n(`FUNCTIONS_…`, `WEBSITE_…`, `AzureFunctionsJobHost__…`).\n")
	return []byte(b.String())
}
