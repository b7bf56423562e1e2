package handlers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
)

// finding is what doctor says about one thing.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"`
	Text  string `json:"text"`
	Fix   string `json:"fix,omitempty"`
}

// The states of a finding.
const (
	healthy = "ok"
	warning = "warning" // it works, and will not always
	fault   = "fault"
)

// examination looks at everything that a working app needs. A check that cannot be
// made because of an earlier fault is left out: that fault says what to do first.
type examination struct {
	getenv    func(string) string
	environ   []string
	hosted    bool
	root      string // folder with host.json
	storeFile string // of the embedded store; "": the Azure store
	opened    *store.Store

	settings settings
	outbound outbound.Config
	identity *outbound.Identity
	vault    outbound.Vault
	sealer   *seal.Sealer
	findings []finding
}

func (x *examination) ok(check, format string, args ...any) {
	x.findings = append(x.findings, finding{check, healthy, fmt.Sprintf(format, args...), ""})
}

func (x *examination) warn(check, text, fix string) {
	x.findings = append(x.findings, finding{check, warning, text, fix})
}

func (x *examination) fault(check, text, fix string) {
	x.findings = append(x.findings, finding{check, fault, text, fix})
}

// examine makes all checks.
func (x *examination) examine(ctx context.Context) []finding {
	x.checkPackage()
	if x.checkSettings() {
		x.checkPlan()
		x.checkAddresses()
		x.checkVault(ctx)
		if x.checkStorage(ctx) {
			x.checkContent(ctx)
		}
	}
	return x.findings
}

func (x *examination) checkSettings() bool {
	live := &outbound.Credentials{}
	var errs [7]error
	x.settings, errs[0] = readSettings(x.getenv, x.hosted)
	x.outbound, errs[1] = outbound.FromEnv(x.getenv)
	x.outbound.Live = live
	x.identity, errs[2] = outbound.NewIdentity(x.getenv, x.outbound.HTTPClient())
	errs[3] = unknownSettings(x.environ)
	reader := &app{settings: x.settings, live: live}
	_, errs[4] = reader.openTokens()
	_, errs[5] = reader.readManagers()
	_, errs[6] = readTelemetry(x.getenv, live)
	err := errors.Join(errs[:]...)
	if err == nil {
		x.identity.Live = live
		x.ok("settings", "all settings are known and well formed")
		return true
	}
	for line := range strings.Lines(err.Error()) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), ": ")
		x.fault("settings", name+": "+what, "Correct the setting "+name+"; docs/settings.md lists all settings and what they take.")
	}
	return false
}

// azureStore tells whether the settings name a storage account.
func azureStore(getenv func(string) string) bool {
	return getenv(settingStorage) != "" || getenv(settingStorage+"__accountName") != "" || getenv(settingStorage+"__tableServiceUri") != ""
}

// The audiences of the services that the app itself calls.
const (
	vaultAudience   = "https://vault.azure.net"
	storageAudience = "https://storage.azure.com"
)

// checkVault asks for a token, and reads the key to seal with as the app does.
func (x *examination) checkVault(ctx context.Context) {
	if x.outbound.KeyVault == "" {
		local, err := outbound.OpenLocalVault(x.settings.dataDir, nil)
		if err != nil {
			x.fault("vault", "the local vault cannot be opened: "+err.Error(), "Set LATCHWORK_DATA to a folder that this user may write, or LATCHWORK_KEY_VAULT to a Key Vault.")
			return
		}
		x.vault = local
		x.ok("vault", "secrets come from the local vault in %s", x.settings.dataDir)
	} else if !x.checkKeyVault(ctx) {
		return
	}
	r := &references{config: x.outbound, identity: x.identity}
	if x.outbound.KeyVault == "" {
		r.local = x.vault
	}
	resolved, err := r.resolvedSettings(ctx, x.getenv)
	if err != nil {
		x.fault("vault", "a setting refers to a secret that cannot be read: "+err.Error(), "Correct the reference, or give the identity the role Key Vault Secrets User on the vault that it names.")
		return
	}
	x.getenv, x.settings.getenv = resolved, resolved
	x.checkSealKey(ctx)
}

func (x *examination) checkKeyVault(ctx context.Context) bool {
	if _, err := x.identity.Token(ctx, "", vaultAudience); err != nil {
		x.fault("identity", "the identity gets no token for Key Vault: "+err.Error(), identityFix)
		return false
	}
	x.ok("identity", "the identity gets tokens")
	vault, err := outbound.NewKeyVault(x.outbound.KeyVault, x.identity, x.outbound.HTTPClient(), x.outbound.Live, x.outbound.VaultOptions()...)
	if err == nil {
		_, err = vault.Secrets(ctx)
	}
	if err != nil {
		x.fault("vault", fmt.Sprintf("%s: %v", x.outbound.KeyVault, err), vaultFix(err, x.outbound.KeyVault))
		return false
	}
	x.vault = vault
	x.ok("vault", "the secrets of %s can be read", x.outbound.KeyVault)
	return true
}

const identityFix = "On Azure give the app an identity, and for a user-assigned one set AZURE_CLIENT_ID to its client id. " +
	"On a laptop run 'az login', or say with LATCHWORK_CREDENTIALS which credentials to use."

func vaultFix(err error, address string) string {
	var f *outbound.Failure
	if !errors.As(err, &f) {
		return "Set LATCHWORK_KEY_VAULT to the address of the vault, such as https://my-vault.vault.azure.net."
	}
	switch f.StatusCode {
	case 401:
		return "The vault belongs to another tenant than the identity, or LATCHWORK_KEY_VAULT is not the address of a vault."
	case 403:
		return "Give the identity the role Key Vault Secrets User (4633458b-17de-408a-b874-0445c86b69e6) on the vault, and let it through the vault's firewall. A new role may take ten minutes."
	}
	return "Check the address in LATCHWORK_KEY_VAULT (" + address + ") and that it can be reached from here."
}

// checkSealKey reads the key that seals what lies in the store.
func (x *examination) checkSealKey(ctx context.Context) {
	const check = "seal key"
	text, name := x.getenv(settingSealKey), x.getenv(settingSealSecret)
	switch {
	case text == "" && name == "" && x.getenv(settingSealWrap) != "":
		return // what it has encrypted lies in the store: checkContent
	case text == "" && name == "" && x.storeFile == "":
		x.fault(check, "a store on Azure needs a key to seal with", "Put 32 random bytes in base64 (openssl rand -base64 32) into a secret of the vault, and set LATCHWORK_SEAL_KEY_SECRET to its name.")
		return
	case text == "" && name == "":
		file := filepath.Join(x.settings.dataDir, storeKeyFile)
		if !fileExists(file) {
			x.ok(check, "it is made when the store is")
			return
		}
		keys, err := seal.KeysFile(file)
		if err == nil {
			x.sealer, err = seal.New(keys[0], keys[1:]...)
		}
		if err != nil {
			x.fault(check, "the key file of the store cannot be used: "+err.Error(), "Restore "+file+" from a backup: without it, what was sealed cannot be read.")
			return
		}
	case text == "":
		s, err := x.vault.Secret(ctx, name, "")
		if err != nil {
			x.fault(check, fmt.Sprintf("the secret %s cannot be read: %v", name, err), "Put 32 random bytes in base64 into the secret "+name+" of the vault (infra/hooks/seal-key.sh does), or correct LATCHWORK_SEAL_KEY_SECRET.")
			return
		}
		text = s.Value.Str()
		fallthrough
	default:
		keys, err := seal.ParseKeys(text)
		if err == nil {
			x.sealer, err = seal.New(keys[0], keys[1:]...)
		}
		if err != nil {
			x.fault(check, "the secret "+name+" is no key: "+err.Error(), "Restore the right version of the secret "+name+"; a new store takes a new key: openssl rand -base64 32.")
			return
		}
	}
	x.ok(check, "it has %d bytes", seal.KeySize)
}

// checkContent reads workflows: whether the key is the one they were sealed with.
func (x *examination) checkContent(ctx context.Context) {
	wrapped := x.sealer == nil && x.getenv(settingSealWrap) != ""
	if x.sealer == nil && !wrapped {
		return
	}
	s := x.opened
	if s == nil {
		a := &app{settings: x.settings, outbound: x.outbound, identity: x.identity, vault: x.vault, live: x.outbound.Live, local: x.storeFile != "", log: zerolog.Nop()}
		backend, err := a.openBackend(ctx, options{getenv: x.getenv, storeFile: x.storeFile})
		if err != nil {
			fix := "Look at the findings about storage."
			if x.storeFile != "" {
				fix = "Stop the other latchwork that has the store open, or ask it with --endpoint; a store of a newer version needs that version."
			}
			x.fault("store", err.Error(), fix)
			return
		}
		defer backend.Close()
		if wrapped {
			if x.sealer, err = a.sealer(ctx, backend); err != nil {
				x.fault("seal key", err.Error(), "Give the identity the role Key Vault Crypto Service Encryption User (e147488a-f6f5-4113-8e2d-b22465e65bf6) on the key that LATCHWORK_SEAL_WRAP_KEY names.")
				return
			}
		}
		s = store.New(backend, x.sealer)
	}
	list, err := s.Workflows(ctx)
	if err != nil {
		x.fault("store", "what lies in the store cannot be read: "+err.Error(), "The key to seal with is not the one the store was made with: restore it (LATCHWORK_SEAL_KEY_SECRET, or an earlier version of the secret), or use another LATCHWORK_STORAGE_PREFIX for a new store.")
		return
	}
	x.ok("store", "%d workflows can be read", len(list))
}

// checkAddresses: what is believed about callers must be what the host in front lets
// through (inbound-security §5.1).
func (x *examination) checkAddresses() {
	const check = "client address"
	setting := x.getenv(settingClient)
	if s, err := readHostSettings(x.root); err == nil && x.hosted {
		switch mode := x.settings.client; {
		case s.Proxying && setting != "" && mode != gate.FrontEnd && mode != gate.Peer:
			x.fault(check, "host.json passes requests on by proxy, and the proxy overwrites X-Forwarded-For: every caller has the address of the host", "Remove LATCHWORK_CLIENT_ADDRESS, or set it to front-end.")
			return
		case mode == gate.Peer:
			x.fault(check, "the other end of each connection is the Functions host, so address rules let everybody or nobody in", "Remove LATCHWORK_CLIENT_ADDRESS: the Functions host says who calls.")
			return
		}
	}
	otherwise := "the other end of the connection"
	if x.hosted {
		otherwise = "the host in front passes it on"
	}
	x.ok(check, "it is %s", cmp.Or(setting, otherwise))
}

// print writes findings for people, and tells whether there is a fault.
func printFindings(w io.Writer, list []finding) (faults int) {
	width := 0
	for _, f := range list {
		width = max(width, len(f.Check))
	}
	for _, f := range list {
		fmt.Fprintf(w, "%-7s  %-*s  %s\n", f.State, width, f.Check, f.Text)
		if f.Fix != "" {
			fmt.Fprintf(w, "%-7s  %-*s  → %s\n", "", width, "", f.Fix)
		}
		if f.State == fault {
			faults++
		}
	}
	return faults
}

// clockTolerance is below what tokens and signatures of storage forgive.
const (
	clockTolerance = 5 * time.Minute
	clockWarning   = 30 * time.Second
)

func (x *examination) checkClock(whose string, theirs, ours time.Time) {
	if theirs.IsZero() {
		return
	}
	skew := ours.Sub(theirs).Round(time.Second)
	switch {
	case skew.Abs() > clockTolerance:
		x.fault("clock", fmt.Sprintf("the clock here differs by %s from that of %s: tokens and signed URLs will be refused", skew, whose), "Set the clock of this machine, by NTP.")
	case skew.Abs() > clockWarning:
		x.warn("clock", fmt.Sprintf("the clock here differs by %s from that of %s", skew, whose), "Set the clock of this machine, by NTP.")
	default:
		x.ok("clock", "it agrees with that of %s", whose)
	}
}
