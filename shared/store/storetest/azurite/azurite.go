// Package azurite starts the storage emulator for tests. It is a test kit.
package azurite

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/latchwork/latchwork/shared/store/storetest/freeport"
)

// Version is pinned in tools/azurite/package-lock.json.
const Version = "3.35.0"

// Server is a running emulator.
type Server struct {
	ConnectionString string
	Folder           string // its data files
	process          *exec.Cmd
	ended            chan struct{}
}

const (
	account = "devstoreaccount1"
	key     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

var (
	once   sync.Once
	shared *Server
	failed error
)

// Shared returns the emulator that all tests of a binary share. It ends with the
// test process. Without Node or npm the test fails: it is never skipped.
func Shared(t testing.TB) *Server {
	t.Helper()
	once.Do(func() {
		var folder string
		if folder, failed = os.MkdirTemp("", "azurite-"); failed == nil {
			shared, failed = Run(folder)
		}
	})
	if failed != nil {
		t.Fatalf("azurite: %v", failed)
	}
	return shared
}

// Start returns an emulator of its own, with its data in a folder, that ends with
// the test.
func Start(t testing.TB, folder string) *Server {
	t.Helper()
	s, err := Run(folder)
	if err != nil {
		t.Fatalf("azurite: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the emulator and waits until its files are closed.
func (s *Server) Stop() {
	_ = s.process.Process.Signal(os.Interrupt) // it writes what it holds in memory
	<-s.ended
}

// Main ends the shared emulator after the tests of a binary; for TestMain.
func Main(m *testing.M) int {
	code := m.Run()
	if shared != nil {
		shared.Stop()
		_ = os.RemoveAll(shared.Folder) // only test data
	}
	return code
}

// tries is how often an emulator is started: somebody else may be faster at one of the
// ports that were free a moment ago.
const tries = 3

// Run starts an emulator with its data in a folder. Whoever calls it stops it.
func Run(folder string) (*Server, error) {
	script, err := install()
	if err != nil {
		return nil, err
	}
	var errs []error
	for range tries {
		s, err := run(script, folder)
		if err == nil {
			return s, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func run(script, folder string) (*Server, error) {
	ports, err := freeport.Several(3)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(folder, "azurite.log")
	log, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p := exec.Command("node", script, "--silent", "--location", folder, "--skipApiVersionCheck", "--disableTelemetry",
		"--blobHost", "127.0.0.1", "--blobPort", ports[0], "--queueHost", "127.0.0.1", "--queuePort", ports[1], "--tableHost", "127.0.0.1", "--tablePort", ports[2])
	p.Stdout, p.Stderr = log, log
	p.SysProcAttr = dieWithParent()
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("start (is Node installed?): %w", err)
	}
	endpoint := func(service string, i int) string {
		return fmt.Sprintf("%sEndpoint=http://127.0.0.1:%s/%s;", service, ports[i], account)
	}
	s := &Server{process: p, ended: make(chan struct{}), Folder: folder, ConnectionString: "DefaultEndpointsProtocol=http;AccountName=" + account + ";AccountKey=" + key + ";" +
		endpoint("Blob", 0) + endpoint("Queue", 1) + endpoint("Table", 2)}
	go func() {
		_ = p.Wait() // what it has to say is in its log
		close(s.ended)
	}()
	for _, port := range ports {
		if err := s.waitFor(port); err != nil {
			s.Stop()
			said, _ := os.ReadFile(name)
			return nil, fmt.Errorf("%w: %s", err, said)
		}
	}
	return s, nil
}

func (s *Server) waitFor(port string) error {
	late := time.After(30 * time.Second)
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if c, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return errors.New("it ended at once")
		case <-late:
			return fmt.Errorf("it did not open port %s within 30 s", port)
		}
	}
}

// install returns the emulator's main script, installing it first if need be. A
// lock makes test binaries that start together install it once.
func install() (string, error) {
	if script := os.Getenv("LATCHWORK_AZURITE"); script != "" {
		return script, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, "latchwork", "azurite-"+Version)
	script := filepath.Join(folder, "node_modules", "azurite", "dist", "src", "azurite.js")
	installed := filepath.Join(folder, ".installed")
	if _, err := os.Stat(installed); err == nil {
		return script, nil
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	lock, err := os.Create(filepath.Join(folder, ".lock"))
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(installed); err == nil {
		return script, nil
	}
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/latchwork/latchwork").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "tools", "azurite", name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o644); err != nil {
			return "", err
		}
	}
	npm := exec.Command("npm", "ci", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error")
	npm.Dir = folder
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci (the tests need Node and npm): %w\n%s", err, out)
	}
	return script, os.WriteFile(installed, nil, 0o644)
}
