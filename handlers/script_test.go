package handlers_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchwork/latchwork/handlers"
	"github.com/latchwork/latchwork/shared/store/storetest/freeport"
)

func TestMain(m *testing.M) {
	testscript.Main(tidy{m}, map[string]func(){
		"latchwork": func() { os.Exit(handlers.Main(os.Args[1:])) },
	})
}

// tidy removes what tests share, after the last of them.
type tidy struct{ *testing.M }

func (m tidy) Run() int {
	defer func() {
		for _, folder := range sharedFolders {
			_ = os.RemoveAll(folder) // only what tests have built
		}
	}()
	return m.M.Run()
}

var (
	sharedMu      sync.Mutex
	sharedFolders []string
)

// sharedFolder is a folder for what several tests need and is built once.
func sharedFolder() (string, error) {
	folder, err := os.MkdirTemp("", "latchwork-tests-")
	sharedMu.Lock()
	defer sharedMu.Unlock()
	sharedFolders = append(sharedFolders, folder)
	return folder, err
}

// TestScripts runs testdata/script/*.txtar: each is a user's session with the
// binary.
func TestScripts(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))
	t.Cleanup(upstream.Close)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("LATCHWORK_DATA", e.WorkDir+"/data")
			port, err := freeport.Pick()
			if err != nil {
				return err
			}
			e.Setenv("ADDRESS", "127.0.0.1:"+port)
			e.Setenv("UPSTREAM", upstream.URL) // answers everything with 200
			e.Setenv("SAMPLES", root+"/../samples")
			e.Setenv("CORPUS", root+"/testdata/corpus")
			e.Setenv("TESTDATA", root+"/testdata")
			e.Setenv("CONFORMANCE", root+"/../shared/expr/testdata/conformance.json")
			return nil
		},
		Cmds: commands(),
	})
}
