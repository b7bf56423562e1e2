package handlers

import (
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchwork/latchwork/handlers/gate"
	"github.com/latchwork/latchwork/handlers/host"
	"github.com/latchwork/latchwork/shared/audit"
	"github.com/latchwork/latchwork/shared/definition"
	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/seal"
	"github.com/latchwork/latchwork/shared/store"
)

// hostJSON is what host.json says when there is none to read.
//
//go:embed host.json
var hostJSON []byte

type serveOptions struct {
	address, store, parameters string
	certificate, key           string
	open, plain                bool
}

// defaultAddress is that of the Functions host.
const defaultAddress = "127.0.0.1:7071"

func serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve [PATH…]",
		Short: "Serve workflows on this machine, with the store in a file",
		Long: `Serve loads the workflows in files and folders (./samples if none are named), serves
them as an Azure Functions app would, and prints each callback URL. Runs survive a
restart.`,
		RunE: func(c *cobra.Command, args []string) error {
			return serve(c.Context(), c.OutOrStdout(), args, o)
		},
	}
	c.Flags().StringVar(&o.address, "address", defaultAddress, "`ADDRESS` to listen on")
	c.Flags().StringVar(&o.store, "store", "", "`FILE` of the embedded store (default: store.db in the data folder)")
	c.Flags().StringVar(&o.parameters, "parameters", "", "parameters `FILE` for ARM templates (default: <name>.parameters.json beside the template)")
	c.Flags().StringVar(&o.certificate, "tls-cert", "", "PEM `FILE` with the certificate to serve https with, and its chain")
	c.Flags().StringVar(&o.key, "tls-key", "", "PEM `FILE` with the key of that certificate")
	c.Flags().BoolVar(&o.plain, "plain-http", false, "serve other machines without TLS: something in front of this must end it")
	c.Flags().BoolVar(&o.open, "open", false, "let everybody call the functions that need a key")
	return c
}

func serve(ctx context.Context, stdout io.Writer, paths []string, o serveOptions) error {
	if len(paths) == 0 {
		paths = []string{"samples"}
	}
	secured, err := o.tls()
	if err != nil {
		return err
	}
	docs, err := loadAll(stdout, paths, o.parameters, resolving(ctx, os.Getenv))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", o.address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", o.address, errors.Unwrap(err))
	}
	defer listener.Close()
	if err := o.mayServe(listener.Addr()); err != nil {
		return err
	}
	address := "http://" + listener.Addr().String()
	if secured != nil {
		address = "https://" + listener.Addr().String()
	}
	if o.store == "" {
		settings, _ := readSettings(os.Getenv, false) // openApp says what is wrong
		o.store = filepath.Join(settings.dataDir, "store.db")
	}
	maps, err := artifactsOf(paths)
	if err != nil {
		return err
	}
	a, err := openApp(ctx, options{getenv: os.Getenv, storeFile: o.store, artifacts: maps, log: stdout, pretty: isTerminal(os.Stdout)})
	if err != nil {
		return err
	}
	defer a.Close()
	if err := a.demoSecrets(ctx, stdout, docs); err != nil {
		return err
	}
	if a.settings.baseURL == "" {
		a.settings.baseURL = address
	}
	if err := a.save(audit.WithActor(ctx, "latchwork serve"), stdout, docs, a.settings.baseURL); err != nil {
		return err
	}
	if _, err := a.engine.Recover(ctx); err != nil {
		return err
	}
	standalone, err := a.standalone(o.open, secured)
	if err != nil {
		return err
	}
	if tcp, ok := listener.Addr().(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		token := a.localToken()
		a.managers.openLocally(token)
		if os.Getenv(settingToken) == "" {
			fmt.Fprintf(stdout, "Management API: %s/subscriptions/…\n  Authorization: Bearer %s\n\n", address, token)
		}
	}
	fmt.Fprintf(stdout, "Serving on %s. Stop with Ctrl-C.\n", address)
	return standalone.Serve(ctx, listener, 10*time.Second)
}

// tls reads the certificate; nil: there is none.
func (o serveOptions) tls() (*tls.Config, error) {
	if o.certificate == "" && o.key == "" {
		return nil, nil
	}
	if o.certificate == "" || o.key == "" {
		return nil, errors.New("--tls-cert and --tls-key belong together")
	}
	certificate, err := tls.LoadX509KeyPair(o.certificate, o.key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil // inbound-security §8
}

// mayServe: a signed URL is a credential, and goes over no network in the clear.
func (o serveOptions) mayServe(address net.Addr) error {
	tcp, ok := address.(*net.TCPAddr)
	if o.plain || o.certificate != "" || ok && tcp.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("other machines reach %s, and signed URLs would travel in the clear: give --tls-cert and --tls-key, or --plain-http where something in front ends TLS", address)
}

// loadAll loads files; with a problem in any of them nothing is served.
func loadAll(stdout io.Writer, paths []string, parameters string, resolve resolver) ([]*document, error) {
	return loadDocuments(stdout, paths, parameters, resolve, false)
}

// loadDocuments is loadAll. assume stands in for application settings that are not set.
func loadDocuments(stdout io.Writer, paths []string, parameters string, resolve resolver, assume bool) ([]*document, error) {
	files, err := findFiles(paths)
	if err != nil {
		return nil, err
	}
	var docs []*document
	bad := false
	told := map[string]bool{}
	for _, f := range files {
		d, err := loadFile(f, parameters, here(), resolve)
		if err != nil {
			return nil, err
		}
		if err := d.join(assume); err != nil {
			return nil, err
		}
		for _, x := range append(d.beside, d) {
			if !worse(x.problems) {
				continue
			}
			bad = true
			for _, p := range x.problems {
				if !told[x.path] {
					printProblem(stdout, x, p)
				}
			}
			told[x.path] = true
		}
		docs = append(docs, d)
	}
	if bad {
		return nil, errQuiet
	}
	return docs, nil
}

// printNext says when a trigger fires that fires by itself.
func (a *app) printNext(ctx context.Context, stdout io.Writer, w *engine.Workflow, t *definition.Trigger) {
	state, err := a.store.LoadTrigger(ctx, store.TriggerKey{WorkflowID: w.ID, Trigger: t.Name})
	switch {
	case err != nil:
	case state.Due.IsZero():
		fmt.Fprintf(stdout, "%s\n  %s does not fire again\n\n", w.Name, t.Name)
	default:
		fmt.Fprintf(stdout, "%s\n  %s fires next at %s\n\n", w.Name, t.Name, state.Due.Local().Format(time.RFC1123))
	}
}

// save compiles everything first and stores it only if all of it compiles.
func (a *app) save(ctx context.Context, stdout io.Writer, docs []*document, base string) error {
	bad := false
	for _, d := range docs {
		for _, w := range d.deployment.Workflows {
			if problems := a.engine.Check(resource(w)); worse(problems) {
				bad = true
				for _, p := range problems {
					printProblem(a.told(stdout), d, p)
				}
			}
		}
	}
	if bad {
		return errQuiet
	}
	for _, d := range docs {
		a.warnOfSecrets(stdout, d)
		for _, c := range d.deployment.Connections {
			if err := a.engine.SaveConnection(ctx, connection(c)); err != nil {
				return err
			}
		}
		for _, w := range d.deployment.Workflows {
			saved, _, err := a.engine.Save(ctx, resource(w))
			if err != nil {
				return err
			}
			if stdout == nil {
				continue
			}
			for _, t := range saved.Program.Triggers {
				if t.Recurs() {
					a.printNext(ctx, stdout, saved, t)
				}
				if t.Spec.Request {
					url := gate.URLs{Base: base}.Trigger(saved.Keys.Primary, saved.ID, t.Name, time.Time{})
					printCurl(stdout, d.path, saved.Name, t.Raw.Member("method").Str(), url)
				}
			}
		}
	}
	return nil
}

// printCurl prints a callback URL as a command that can be pasted.
func printCurl(stdout io.Writer, path, name, method, url string) {
	if method == "" {
		method = http.MethodPost
	}
	body := ""
	if method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch {
		body = " -H 'Content-Type: application/json' -d '{}'"
		if example := filepath.Join(filepath.Dir(path), "body.json"); fileExists(example) {
			body = " -H 'Content-Type: application/json' -d @" + example
		}
	}
	fmt.Fprintf(stdout, "%s\n  curl -X %s%s '%s'\n\n", name, method, body, url)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// standalone returns the host that plays the Functions host.
func (a *app) standalone(open bool, secured *tls.Config) (*host.Standalone, error) {
	s, err := host.ReadSettings(hostJSON)
	if err != nil {
		return nil, err
	}
	key := ""
	if !open {
		raw, err := seal.KeyFile(filepath.Join(a.settings.dataDir, functionsKeyFile))
		if err != nil {
			return nil, err
		}
		key = base64.RawURLEncoding.EncodeToString(raw)
		a.live.Note(key)
	}
	return host.NewStandalone(functions(a), s, host.Options{
		StatusDir: filepath.Join(a.settings.dataDir, "timers"), TLS: secured, Trusted: a.settings.client.Headers(),
		Runtime: a.managementAPI(), Queue: func(name string) store.Queue { return a.store.Queue(name) }, Key: key, Setting: a.settings.getenv, Log: a.log, Pages: a.pages(),
	})
}
