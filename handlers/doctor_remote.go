package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/latchwork/latchwork/handlers/remote"
)

// diagnosis is what the function Doctor answers.
type diagnosis struct {
	Version  string    `json:"version"`
	Now      time.Time `json:"now"`
	Address  string    `json:"address"` // of the caller, as address rules see it; "": it cannot be told
	Findings []finding `json:"findings"`
}

// doctor examines this app from within, for somebody outside with a key.
func (a *app) doctor(w http.ResponseWriter, r *http.Request) {
	x := examination{
		getenv: a.settings.getenv, environ: os.Environ(), hosted: a.options.hosted, root: a.settings.getenv(settingScriptRoot), storeFile: a.options.storeFile, opened: a.store,
	}
	d := diagnosis{Version: Version, Now: time.Now().UTC(), Findings: x.examine(r.Context())}
	if address, ok := a.settings.client.Of(r); ok {
		d.Address = address.String()
	}
	body, err := json.Marshal(d)
	if err != nil {
		a.log.Error().Err(err).Msg("a diagnosis cannot be written")
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(a.live.Replace(body)) // a caller that is gone needs no answer
}

const doctorPath = "/latchwork/doctor"

// forged is an address that nobody has (RFC 5737).
var forged = netip.MustParseAddr("203.0.113.77")

// remoteExamination examines a running app: from within, by its function Doctor, and from
// outside, as a caller who lies would see it.
type remoteExamination struct {
	examination
	endpoint *url.URL
	key      string
	client   *http.Client
}

func newRemote(endpoint, key string, client *http.Client) (*remoteExamination, error) {
	u, err := url.Parse(strings.TrimRight(endpoint, "/"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("--endpoint: want the address of an app, such as https://my-app.azurewebsites.net")
	}
	return &remoteExamination{endpoint: u, key: key, client: client}, nil
}

func (m *remoteExamination) examineRemote(ctx context.Context) []finding {
	if m.endpoint.Scheme == "http" && !remote.Loopback(m.endpoint.Hostname()) {
		m.fault("endpoint", "signed URLs and keys travel in the clear to "+m.endpoint.Host, "Use https; 'latchwork serve' takes --tls-cert and --tls-key.")
		return m.findings // nor does the key of this call
	}
	asked := time.Now()
	d, status, err := m.ask(ctx, m.key, nil)
	switch {
	case err != nil:
		m.fault("endpoint", m.endpoint.String()+" cannot be asked: "+err.Error(), "Check the address and that the app runs: its state is in the portal, and in 'latchwork serve' on the terminal.")
		return m.findings
	case status == http.StatusUnauthorized:
		m.fault("key", "the app does not accept the key", "Give the key of the function Doctor, or a host key, by --key-file: az functionapp keys list -g GROUP -n APP --query functionKeys.default -o tsv.")
		return m.findings
	case status == http.StatusNotFound:
		m.fault("endpoint", "there is no function Doctor: this is not Latchwork, or one that is too old", "Check the address, and that routePrefix in host.json is \"\"; deploy the package anew.")
		return m.findings
	case status != http.StatusOK:
		m.fault("endpoint", fmt.Sprintf("the app answers %d", status), "Look at its log: it has not started if a setting is wrong or its key to seal with cannot be read.")
		return m.findings
	}
	m.ok("endpoint", "%s is Latchwork %s", m.endpoint, d.Version)
	m.checkClock("the app", d.Now, asked)
	m.checkKeys(ctx)
	m.checkForgery(ctx, d.Address)
	return append(m.findings, d.Findings...)
}

// checkKeys: functions that are not signed URLs need a key.
func (m *remoteExamination) checkKeys(ctx context.Context) {
	switch _, status, err := m.ask(ctx, "", nil); {
	case err != nil:
		m.fault("keys", "the app does not answer a call without a key: "+err.Error(), "Look at its log.")
	case status == http.StatusUnauthorized:
		m.ok("keys", "functions need a key")
	default:
		m.fault("keys", fmt.Sprintf("without a key the app answers %d: everybody may call the functions of actions and triggers", status), "Start 'latchwork serve' without --open, and 'func start' with --enableAuth; on Azure deploy the package anew, its function.json files name the level.")
	}
}

// checkForgery tells lies about the caller's address in every header that a front
// end writes, and looks whether they are believed (inbound-security §5.1).
func (m *remoteExamination) checkForgery(ctx context.Context, honest string) {
	const check = "forwarded headers"
	lies := http.Header{"X-Forwarded-For": {forged.String()}, "X-Client-Ip": {forged.String()}, "Client-Ip": {forged.String() + ":1"}}
	d, status, err := m.ask(ctx, m.key, lies)
	switch {
	case err != nil || status != http.StatusOK:
		m.warn(check, fmt.Sprintf("a call with headers of its own about its address was answered %d", status), "Ask again; if it stays, something in front of the app refuses such calls, which is as good.")
	case d.Address == forged.String():
		m.fault(check, "a caller can choose the address it is judged by: address rules protect nothing", "Set LATCHWORK_CLIENT_ADDRESS to what stands in front of the app: peer if nothing does, front-end on Azure, xff:N behind N proxies of your own.")
	case honest == "":
		m.warn(check, "the app cannot tell the address of a caller, so workflows with address rules refuse everybody", "Set LATCHWORK_CLIENT_ADDRESS to what stands in front of the app: peer if nothing does, front-end on Azure, xff:N behind N proxies of your own.")
	default:
		m.ok(check, "a caller cannot choose its address; yours is %s", honest)
	}
}

// ask calls the function Doctor.
func (m *remoteExamination) ask(ctx context.Context, key string, header http.Header) (d diagnosis, status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, m.endpoint.String()+doctorPath, nil)
	if err != nil {
		return d, 0, errors.New("it is no address")
	}
	for name, list := range header {
		r.Header[name] = list
	}
	if key != "" {
		r.Header.Set("X-Functions-Key", key)
	}
	answer, err := m.client.Do(r)
	if err != nil {
		return d, 0, errors.Unwrap(err) // not the address again
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return d, answer.StatusCode, nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&d); err != nil {
		return d, http.StatusNotFound, nil //nolint:nilerr // somebody else answers there
	}
	return d, answer.StatusCode, nil
}
