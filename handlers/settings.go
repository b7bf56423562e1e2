package handlers

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/shared/expr"
	"github.com/latchwork/latchwork/shared/operation/script"
	"github.com/latchwork/latchwork/shared/outbound"
	"github.com/latchwork/latchwork/shared/seal"
)

// Settings of this binary; those of outgoing calls and identities are read by
// the package outbound.
const (
	settingPort       = "FUNCTIONS_CUSTOMHANDLER_PORT"
	settingScriptRoot = "FUNCTIONS_APP_ROOT_PATH"
	settingStorage    = "AzureWebJobsStorage"
	settingDataDir    = "LATCHWORK_DATA"
	settingPrefix     = "LATCHWORK_STORAGE_PREFIX"
	settingWorkflows  = "LATCHWORK_WORKFLOWS"
	settingArtifacts  = "LATCHWORK_ARTIFACTS"
	settingScriptTime = "LATCHWORK_SCRIPT_TIME"
	settingScriptSize = "LATCHWORK_SCRIPT_MEMORY"
	settingSealKey    = "LATCHWORK_SEAL_KEY"
	settingSealSecret = "LATCHWORK_SEAL_KEY_SECRET"
	settingSealWrap   = "LATCHWORK_SEAL_WRAP_KEY"
	settingLogLevel   = "LATCHWORK_LOG_LEVEL"
	settingBaseURL    = "LATCHWORK_PUBLIC_URL"
	settingClient     = "LATCHWORK_CLIENT_ADDRESS"
	settingSlice      = "LATCHWORK_SLICE"
	settingLease      = "LATCHWORK_LEASE"
	settingResponse   = "LATCHWORK_RESPONSE_TIMEOUT"
	settingDuration   = "LATCHWORK_RUN_DURATION"
	settingRetention  = "LATCHWORK_RETENTION"
	settingAuditAge   = "LATCHWORK_AUDIT_RETENTION"
	settingSteps      = "LATCHWORK_EXPRESSION_STEPS"
	settingBytes      = "LATCHWORK_EXPRESSION_BYTES"
	settingTokenKeys  = "LATCHWORK_TOKEN_KEYS"
	settingAuthority  = "LATCHWORK_TOKEN_AUTHORITY"
	settingHistory    = "LATCHWORK_HISTORY"
	settingAlgorithms = "LATCHWORK_TOKEN_ALGORITHMS"
	settingTenant     = "LATCHWORK_MANAGEMENT_TENANT"
	settingAudience   = "LATCHWORK_MANAGEMENT_AUDIENCE"
	settingManagers   = "LATCHWORK_MANAGEMENT_ROLES"
	settingToken      = "LATCHWORK_MANAGEMENT_TOKEN"
	settingPrincipal  = "LATCHWORK_PRINCIPAL_ID"
)

// Files of the data folder with keys: that seals the embedded store, and that opens
// the functions of a standalone host.
const (
	storeKeyFile     = "store.key"
	functionsKeyFile = "functions.key"
)

// settings are the settings as read.
type settings struct {
	getenv    func(string) string
	dataDir   string
	logLevel  zerolog.Level
	baseURL   string
	client    gate.ClientAddress
	slice     time.Duration
	lease     time.Duration
	response  time.Duration
	duration  time.Duration // of a run, at most
	retention time.Duration // of history
	// auditRetention is that of the audit trail.
	auditRetention time.Duration
	budget         expr.Budget // of one evaluation
	prefix         string
	workflows      string
	artifacts      string
	script         script.Limits
	strict         bool // the history of all workflows
}

// readSettings reads all settings and reports all that are malformed.
func readSettings(getenv func(string) string, hosted bool) (settings, error) {
	s := settings{getenv: getenv, logLevel: zerolog.WarnLevel, client: gate.Peer, prefix: getenv(settingPrefix), workflows: getenv(settingWorkflows), artifacts: getenv(settingArtifacts)}
	if hosted {
		s.logLevel, s.client = zerolog.InfoLevel, gate.FrontEnd
	}
	var errs []error
	fail := func(name string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	var err error
	if s.dataDir = getenv(settingDataDir); s.dataDir == "" {
		s.dataDir, err = defaultDataDir()
		fail(settingDataDir, err)
	}
	if text := getenv(settingLogLevel); text != "" {
		if s.logLevel, err = zerolog.ParseLevel(strings.ToLower(text)); err != nil {
			err = errors.New("want trace, debug, info, warn or error")
		}
		fail(settingLogLevel, err)
	}
	if text := getenv(settingClient); text != "" {
		if s.client, err = gate.ParseClientAddress(text); err != nil {
			err = errors.New("want peer, front-end or xff:N")
		}
		fail(settingClient, err)
	}
	if s.baseURL = strings.TrimRight(getenv(settingBaseURL), "/"); s.baseURL != "" {
		if u, err := url.Parse(s.baseURL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			fail(settingBaseURL, errors.New("want an address, such as https://example.com"))
		}
	} else {
		if host := getenv("WEBSITE_HOSTNAME"); host != "" {
			s.baseURL = "https://" + host
		}
	}
	for name, into := range map[string]*time.Duration{settingSlice: &s.slice, settingLease: &s.lease, settingResponse: &s.response,
		settingDuration: &s.duration, settingRetention: &s.retention, settingAuditAge: &s.auditRetention, settingScriptTime: &s.script.Time} {
		if text := getenv(name); text != "" {
			*into, err = time.ParseDuration(text)
			if err != nil || *into <= 0 {
				err = errors.New("want a duration above zero, such as 90s")
			}
			fail(name, err)
		}
	}
	for name, into := range map[string]*int64{settingSteps: &s.budget.Steps, settingBytes: &s.budget.Bytes, settingScriptSize: &s.script.Memory} {
		if text := getenv(name); text != "" {
			*into, err = strconv.ParseInt(text, 10, 64)
			if err != nil || *into <= 0 {
				err = errors.New("want a whole number above zero")
			}
			fail(name, err)
		}
	}
	switch strings.ToLower(getenv(settingHistory)) {
	case "", "standard":
	case "strict":
		s.strict = true
	default:
		fail(settingHistory, errors.New("want standard or strict"))
	}
	if s.prefix != "" && !legalPrefix(s.prefix) {
		fail(settingPrefix, errors.New("want 3 to 40 lower-case letters and digits, a letter first"))
	}
	if text := getenv(settingSealKey); outbound.IsReference(text) {
		_, err := outbound.ParseReference(text)
		fail(settingSealKey, err)
	} else if text != "" {
		_, err := seal.ParseKeys(text)
		fail(settingSealKey, err)
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return s, errors.Join(errs...)
}

// legalPrefix: what a table, a container and a queue may all be called.
func legalPrefix(s string) bool {
	return len(s) >= 3 && len(s) <= 40 && s[0] >= 'a' && s[0] <= 'z' &&
		strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }) < 0
}

// defaultDataDir is where a standalone Latchwork keeps its store and its vault.
func defaultDataDir() (string, error) {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "latchwork"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("there is no home directory; set a folder for the store")
	}
	return filepath.Join(home, ".local", "share", "latchwork"), nil
}
