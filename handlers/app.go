package handlers

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/rs/zerolog"
	"golang.org/x/sync/semaphore"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/artifacts"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation"
	"github.com/latchwork/latchwork/shared/operation/script"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/store/azure"
	"github.com/latchwork/latchwork/shared/store/local"
)

// app is everything wired together.
type app struct {
	settings settings
	log      zerolog.Logger
	live     *outbound.Credentials
	outbound outbound.Config
	identity *outbound.Identity
	http     *outbound.Client
	vault    outbound.Vault
	vaults   vaults
	// references reads what settings and parameters refer to.
	references *references
	store      *store.Store
	audit      *audit.Recorder
	tokens     *gate.Tokens
	managers   *managers
	engine     *engine.Engine
	meters     *meters
	deps       operation.Deps
	maps       *artifacts.Folder // nil where there is none
	local      bool              // the store belongs to this process alone
	options    options           // it was opened with

	bodies *semaphore.Weighted // the bytes of large bodies that are under way

	cleanMu   sync.Mutex
	nextClean time.Time // when history is looked over again
}

// options say how an app is opened.
type options struct {
	getenv func(string) string
	hosted bool // inside a Functions host
	// forwarded: that host passes on what stands in X-Forwarded-For.
	forwarded bool
	// storeFile is where the embedded store is; "" means the Azure store.
	storeFile string
	// artifacts is the folder of maps and schemas unless a setting names one; "" for
	// none.
	artifacts string
	log       io.Writer
	pretty    bool
	// skip is the clock of an app that jumps over waits; nil for real time.
	skip *skippingClock
}

// openApp reads the settings, opens the store and wires everything.
func openApp(ctx context.Context, o options) (*app, error) {
	a := &app{options: o, live: &outbound.Credentials{}, local: o.storeFile != "", bodies: semaphore.NewWeighted(maxRequest)}
	var errs [7]error
	a.settings, errs[0] = readSettings(o.getenv, o.hosted)
	if o.forwarded && o.getenv(settingClient) == "" {
		a.settings.client = gate.Forwarded // inbound-security §5.1
	}
	a.outbound, errs[1] = outbound.FromEnv(o.getenv)
	a.outbound.Live = a.live
	a.identity, errs[2] = outbound.NewIdentity(o.getenv, a.outbound.HTTPClient())
	a.log = newLog(o.log, a.settings.logLevel, o.pretty, a.live)
	if !outbound.IsReference(o.getenv(settingTokenKeys)) {
		a.tokens, errs[3] = a.openTokens()
	}
	errs[4] = unknownSettings(os.Environ())
	a.managers, errs[5] = a.readManagers()
	measured, err := readTelemetry(o.getenv, a.live)
	errs[6] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, &settingsError{err}
	}
	measured.Client, measured.Log = a.outbound.HTTPClient(), a.log
	a.identity.Live = a.live
	a.outbound.Identity = a.identity
	if a.http, err = outbound.New(a.outbound); err != nil {
		return nil, err
	}
	if err := a.openVault(); err != nil {
		return nil, err
	}
	if err := a.resolveSettings(ctx, &o); err != nil {
		return nil, err
	}
	if a.tokens == nil {
		if a.tokens, err = a.openTokens(); err != nil {
			return nil, &settingsError{err}
		}
	}
	if err := a.openArtifacts(o.artifacts); err != nil {
		return nil, err
	}
	if err := a.openStore(ctx, o); err != nil {
		return nil, err
	}
	a.audit = audit.New(audit.Config{Append: a.appendAudit, Log: a.log})
	scripts, err := script.NewProcess()
	if err != nil {
		return nil, err
	}
	a.deps = operation.Deps{HTTP: a.http, Vault: a.vaultOf, Scripts: scripts, ScriptLimits: a.settings.script}
	if a.maps != nil {
		a.deps.Artifacts = a.maps
	}
	a.meters = newMeters(measured)
	config := engine.Config{
		Store: a.store, Catalog: operation.Catalog{}, Deps: a.deps, Ambient: ambient(a.settings.budget), Log: a.log, Audit: a.audit, Observer: a.meters, Live: a.live, StrictHistory: a.settings.strict, Resolve: a.references.resolve,
		Callback: a.callbackURL, TriggerURL: a.triggerURL, Slice: a.settings.slice, Lease: a.settings.lease, ResponseTimeout: a.settings.response,
		RunDuration: a.settings.duration, Retention: a.settings.retention, AuditRetention: a.settings.auditRetention, HistoryLife: a.settings.retention,
	}
	if o.skip != nil {
		o.skip.into(&config)
	}
	a.engine = engine.New(config)
	a.meters.metrics.Gauge("latchwork_runs_driven", "Runs that are being driven here.", func() float64 { return float64(a.engine.Driving()) })
	return a, nil
}

// settingsError is all that is wrong with the settings, a line for each.
type settingsError struct{ problems error }

func (e *settingsError) Error() string {
	text := e.problems.Error()
	if !strings.Contains(text, "\n") {
		return "settings: " + text
	}
	return "settings:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}

func (e *settingsError) Unwrap() error { return e.problems }

// Close ends the drivers, writes what is left of the audit trail, and closes the store.
func (a *app) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	a.engine.Close(ctx)
	a.audit.Close(ctx)
	a.meters.exporter.Close(ctx)
	a.http.CloseIdleConnections()
	if a.maps != nil {
		_ = a.maps.Close() // it was only read
	}
	return a.store.Close()
}

// callbackURL mints the URL that resumes an action.
func (a *app) callbackURL(w *engine.Workflow, run, action, path string) string {
	return gate.URLs{Base: a.settings.baseURL}.Resume(w.Keys.Primary, w.ID, gate.Execution{Run: run, Action: action, Path: path})
}

func (a *app) triggerURL(w *engine.Workflow, trigger string) string {
	return gate.URLs{Base: a.settings.baseURL}.Trigger(w.Keys.Primary, w.ID, trigger, time.Time{})
}

// ambient is real time and real randomness.
func ambient(budget expr.Budget) expr.Ambient {
	return expr.Ambient{Budget: budget, Now: time.Now, Rand: random}
}

// random returns a number from 0 to n-1, each as likely.
func random(n int64) int64 {
	whole := math.MaxUint64 - math.MaxUint64%uint64(n) // a multiple of n
	for {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the program instead
		if x := binary.BigEndian.Uint64(b[:]); x < whole {
			return int64(x % uint64(n))
		}
	}
}

// openVault opens the configured Key Vault, or else the local vault.
func (a *app) openVault() (err error) {
	if a.outbound.KeyVault == "" {
		a.vault, err = outbound.OpenLocalVault(a.settings.dataDir, a.live)
		return err
	}
	a.vault, err = outbound.NewKeyVault(a.outbound.KeyVault, a.identity, a.outbound.HTTPClient(), a.live, a.outbound.VaultOptions()...)
	return err
}

// resolveSettings reads the secrets that settings refer to.
func (a *app) resolveSettings(ctx context.Context, o *options) error {
	a.references = &references{config: a.outbound, identity: a.identity}
	if a.outbound.KeyVault == "" {
		a.references.local = a.vault
	}
	resolved, err := a.references.resolvedSettings(ctx, o.getenv)
	if err != nil {
		return err
	}
	o.getenv, a.settings.getenv = resolved, resolved
	return nil
}

// vaults are the views of the configured vault by identity: a connection may name
// a user-assigned one (workflow-definition §1.3).
type vaults struct {
	mu sync.Mutex
	of map[string]outbound.Vault
}

// vaultOf returns the vault as the identity of a connection reads it.
func (a *app) vaultOf(c operation.Connection) (outbound.Vault, error) {
	identity := c.Entry.Member("connectionProperties").Member("authentication").Member("identity").Str()
	if given := c.Entry.Member("authentication"); identity == "" && strings.EqualFold(given.Member("type").Str(), "ManagedServiceIdentity") {
		identity = given.Member("identity").Str() // Standard: connections.json
	}
	if a.outbound.KeyVault == "" || identity == "" {
		return a.vault, nil
	}
	a.vaults.mu.Lock()
	defer a.vaults.mu.Unlock()
	if v, ok := a.vaults.of[identity]; ok {
		return v, nil
	}
	credential, err := a.identity.Credential(identity)
	if err != nil {
		return nil, &outbound.Failure{Code: "WorkflowManagedServiceIdentityNotSpecified", Message: "The identity of the connection '" + c.Key + "' cannot be used here."}
	}
	v, err := outbound.NewKeyVault(a.outbound.KeyVault, credential, a.outbound.HTTPClient(), a.live, a.outbound.VaultOptions()...)
	if err != nil {
		return nil, &outbound.Failure{Code: "InternalServerError", Message: "The vault cannot be opened."}
	}
	if a.vaults.of == nil {
		a.vaults.of = map[string]outbound.Vault{}
	}
	a.vaults.of[identity] = v
	return v, nil
}

func (a *app) openStore(ctx context.Context, o options) error {
	backend, err := a.openBackend(ctx, o)
	if err != nil {
		return err
	}
	sealer, err := a.sealer(ctx, backend)
	if err != nil {
		return errors.Join(err, backend.Close())
	}
	a.store = store.New(backend, sealer)
	return nil
}

// openBackend opens the store of the settings, unless it is of a newer format.
func (a *app) openBackend(ctx context.Context, o options) (b store.Backend, err error) {
	if o.storeFile != "" {
		b, err = local.Open(o.storeFile)
	} else {
		var config azure.Config
		if config, err = a.storageConfig(o.getenv); err == nil {
			b, err = azure.Open(ctx, config)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := store.CheckFormat(ctx, b); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// storageConfig says where the storage account of the settings is.
func (a *app) storageConfig(getenv func(string) string) (azure.Config, error) {
	config := azure.Config{Prefix: a.settings.prefix, Transport: a.outbound.HTTPClient()}
	if config.ConnectionString = getenv(settingStorage); config.ConnectionString != "" {
		return config, nil
	}
	return config, a.identityStorage(&config, getenv)
}

// identityStorage reads the settings of a storage account that is reached with an
// identity (functions-host §7.3, §12.5).
func (a *app) identityStorage(c *azure.Config, getenv func(string) string) error {
	service := func(name string) string {
		if uri := getenv(settingStorage + "__" + name + "ServiceUri"); uri != "" {
			return uri
		}
		if account := getenv(settingStorage + "__accountName"); account != "" {
			return "https://" + account + "." + name + ".core.windows.net"
		}
		return ""
	}
	c.TableURL, c.BlobURL, c.QueueURL, c.Credential = service("table"), service("blob"), service("queue"), a.identity
	if c.TableURL == "" || c.BlobURL == "" || c.QueueURL == "" {
		return fmt.Errorf("%s: no storage account is configured; set a connection string, or %s__accountName", settingStorage, settingStorage)
	}
	return nil
}

// newLog writes JSON lines, or a readable form on a terminal. What passes through
// it passes the second net: live credentials are replaced.
func newLog(w io.Writer, level zerolog.Level, pretty bool, live *outbound.Credentials) zerolog.Logger {
	w = &withoutCredentials{w, live}
	if pretty {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// withoutCredentials replaces live credentials in what is written.
type withoutCredentials struct {
	w    io.Writer
	live *outbound.Credentials
}

func (n *withoutCredentials) Write(p []byte) (int, error) {
	if _, err := n.w.Write(n.live.Replace(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// isTerminal tells whether a file is a terminal; /dev/null, a device too, is none.
func isTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }
