package handlers_test

import (
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// callOut FILE OUTPUT BODY posts to the URL in an output that a deployment has printed,
// and writes status and body to callout.out.
func callOut(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: callout FILE OUTPUT BODY")
	}
	_, rest, found := strings.Cut(ts.ReadFile(args[0]), "\n  "+args[1]+" = ")
	if !found {
		ts.Fatalf("%s has no output %s", args[0], args[1])
	}
	target, _, _ := strings.Cut(rest, "\n")
	answer, err := http.Post(target, "application/json", strings.NewReader(args[2]))
	ts.Check(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("callout.out"), []byte(answer.Status+"\n"+string(body)+"\n"), 0o644))
}
