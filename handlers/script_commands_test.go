package handlers_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"io/fs"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// commands are what scripts have besides testscript's own.
func commands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	return map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"await":     await,
		"terminal":  terminal,
		"start":     start,
		"kill9":     kill9,
		"terminate": terminate,
		"curl":      curl,
		"nocanary":  noCanary,
		"sarif":     validSARIF,

		"certificate": certificate,
		"endpoint":    endpoint,
		"callout":     callOut,

		"cancelnewest": cancelNewest,
	}
}

// running holds the processes that start began, by script.
var (
	runningMu sync.Mutex
	running   = map[*testscript.TestScript][]*exec.Cmd{}
)

// start FILE ARGS… runs latchwork in the background, with its output in a file.
func start(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: start FILE ARGS…")
	}
	out, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	c := exec.Command(lookPath(ts), args[1:]...)
	c.Dir, c.Stdout, c.Stderr = ts.MkAbs("."), out, out
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LATCHWORK_DATA"} {
		c.Env = append(c.Env, name+"="+ts.Getenv(name))
	}
	ts.Check(c.Start())
	ts.Check(out.Close())
	runningMu.Lock()
	running[ts] = append(running[ts], c)
	runningMu.Unlock()
	ts.Defer(func() { _ = c.Process.Kill(); _ = c.Wait() }) // ended already, mostly
}

func lookPath(ts *testscript.TestScript) string {
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if path := filepath.Join(dir, "latchwork"); fileExists(path) {
			return path
		}
	}
	ts.Fatalf("there is no latchwork in PATH")
	return ""
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// kill9 ends the process started last at once; terminate lets it end by itself.
// (stop is a command of testscript: it ends the script, and the test passes.)
func kill9(ts *testscript.TestScript, _ bool, _ []string) { end(ts, syscall.SIGKILL) }

func terminate(ts *testscript.TestScript, _ bool, _ []string) { end(ts, syscall.SIGTERM) }

func end(ts *testscript.TestScript, s os.Signal) {
	runningMu.Lock()
	defer runningMu.Unlock()
	list := running[ts]
	if len(list) == 0 {
		ts.Fatalf("nothing was started")
	}
	c := list[len(list)-1]
	running[ts] = list[:len(list)-1]
	ts.Check(c.Process.Signal(s))
	_ = c.Wait() // its status depends on how it was ended
}

// await FILE TEXT waits until a file that a background command writes holds a
// text.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		if data, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && bytes.Contains(data, []byte(args[1])) {
			return
		}
		if time.Now().After(deadline) {
			data, _ := os.ReadFile(ts.MkAbs(args[0]))
			ts.Fatalf("%s never held %q; it holds:\n%s", args[0], args[1], data)
		}
	}
}

// curl FILE NAME METHOD BODY [s/OLD/NEW/] calls the callback URL printed for a
// workflow, changed if asked, and writes status and body to curl.out.
func curl(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: curl FILE NAME METHOD BODY [s/OLD/NEW/]")
	}
	target := printedURL(ts, ts.ReadFile(args[0]), args[1])
	if len(args) > 4 {
		parts := strings.Split(args[4], "/")
		target = strings.Replace(target, parts[1], parts[2], 1)
	}
	request, err := http.NewRequest(args[2], target, strings.NewReader(args[3]))
	ts.Check(err)
	request.Header.Set("Content-Type", "application/json")
	answer, err := client(ts).Do(request)
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("curl.out"), []byte(answer.Status+"\n"+string(body)+"\n"), 0o644))
	ts.Logf("%s %s", answer.Status, body)
}

func printedURL(ts *testscript.TestScript, printed, name string) string {
	_, rest, ok := strings.Cut("\n"+printed, "\n"+name+"\n")
	if !ok {
		ts.Fatalf("no URL was printed for %s:\n%s", name, printed)
	}
	_, rest, _ = strings.Cut(rest, "'http")
	target, _, _ := strings.Cut(rest, "'")
	return "http" + target
}

// client trusts the certificate in cert.pem, if a script has made one.
func client(ts *testscript.TestScript) *http.Client {
	data, err := os.ReadFile(ts.MkAbs("cert.pem"))
	if err != nil {
		return http.DefaultClient
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(data)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
}

// certificate CERT KEY makes a certificate of this machine.
func certificate(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: certificate CERT KEY")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	ts.Check(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	ts.Check(err)
	for name, block := range map[string]*pem.Block{args[0]: {Type: "CERTIFICATE", Bytes: der}, args[1]: {Type: "PRIVATE KEY", Bytes: private}} {
		ts.Check(os.WriteFile(ts.MkAbs(name), pem.EncodeToMemory(block), 0o600))
	}
}

// noCanary TEXT fails if any file below the script's folder holds the text, raw
// or in base64 or escaped, except files named canary*.
func noCanary(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: nocanary TEXT")
	}
	var found []string
	err := filepath.WalkDir(ts.MkAbs("."), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), "canary") {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if form := canaryIn(data, args[0]); form != "" {
			found = append(found, path+" ("+form+")")
		}
		return nil
	})
	ts.Check(err)
	if len(found) > 0 {
		ts.Fatalf("the secret shows in:\n%s", strings.Join(found, "\n"))
	}
}

// canaryIn tells in which form a secret shows in data, or "".
func canaryIn(data []byte, canary string) string {
	forms := map[string]string{
		"raw": canary, "URL-escaped": url.QueryEscape(canary), "path-escaped": url.PathEscape(canary),
		"base64": base64.StdEncoding.EncodeToString([]byte(canary)),
	}
	for shift := 1; shift < 3; shift++ { // as it looks behind other text in base64
		encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), canary...))
		forms["base64 within"+strings.Repeat(" ", shift)] = encoded[4 : len(encoded)-4]
	}
	for name, form := range forms {
		if bytes.Contains(data, []byte(form)) {
			return name
		}
	}
	return ""
}

// cancelnewest FILE cancels the first run of a list in JSON.
func cancelNewest(ts *testscript.TestScript, neg bool, args []string) {
	line, _, _ := strings.Cut(ts.ReadFile(args[0]), "\n")
	var listed struct{ Name string }
	ts.Check(json.Unmarshal([]byte(line), &listed))
	if err := ts.Exec(lookPath(ts), "runs", "cancel", listed.Name); (err != nil) != neg {
		ts.Fatalf("cancel %s: %v", listed.Name, err)
	}
}

// endpoint FILE writes the management token that a server has printed to the file
// token, and sets ENDPOINT to its address.
func endpoint(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: endpoint FILE")
	}
	printed := ts.ReadFile(args[0])
	_, token, found := strings.Cut(printed, "Authorization: Bearer ")
	_, address, serving := strings.Cut(printed, "Serving on ")
	if !found || !serving {
		ts.Fatalf("no token was printed:\n%s", printed)
	}
	token, _, _ = strings.Cut(token, "\n")
	address, _, _ = strings.Cut(address, ". ")
	ts.Check(os.WriteFile(ts.MkAbs("token"), []byte(token+"\n"), 0o600))
	ts.Setenv("ENDPOINT", address)
}
