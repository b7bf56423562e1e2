package handlers_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// terminal FILE KEYS ARGS… runs latchwork on a terminal of its own. It types each
// line of KEYS when the prompt waits for it, and writes the screen to FILE. In KEYS
// \t is the Tab key, \e Escape, ^C and ^D are themselves.
func terminal(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: terminal FILE KEYS ARGS…")
	}
	c := exec.Command(lookPath(ts), args[2:]...)
	c.Dir = ts.MkAbs(".")
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LATCHWORK_DATA", "NO_COLOR"} {
		c.Env = append(c.Env, name+"="+ts.Getenv(name))
	}
	c.Env = append(c.Env, "TERM=xterm")
	screen, err := pty.StartWithSize(c, &pty.Winsize{Rows: 24, Cols: 100})
	ts.Check(err)
	ts.Defer(func() { _ = c.Process.Kill(); _ = screen.Close() }) // ended already, mostly
	chunks := make(chan []byte)
	go func() {
		defer close(chunks)
		for {
			chunk := make([]byte, 4096)
			n, err := screen.Read(chunk)
			if n > 0 {
				chunks <- chunk[:n]
			}
			if err != nil { // the other side is closed
				return
			}
		}
	}()
	var shown, since []byte
	deadline := time.After(20 * time.Second)
	more := func() bool {
		select {
		case chunk, ok := <-chunks:
			shown, since = append(shown, chunk...), append(since, chunk...)
			return ok
		case <-deadline:
			ts.Fatalf("the terminal waits; it shows:\n%q", shown)
			return false
		}
	}
	keys := strings.NewReplacer(`\t`, "\t", `\e`, "\x1b", "^C", "\x03", "^D", "\x04")
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		for !bytes.Contains(since, []byte("\n> ")) && more() {
		}
		since = nil
		line = keys.Replace(strings.TrimSuffix(line, "\n"))
		text, interrupted := strings.CutSuffix(line, "\x03")
		end := "\r"
		switch {
		case interrupted:
			end = "\x03"
		case strings.HasSuffix(line, "\x04"):
			end = ""
		}
		_, err := screen.WriteString(text)
		ts.Check(err)
		// A text that shows is being read: from here on Ctrl-C is a key, no signal.
		for interrupted && !bytes.Contains(since, []byte(text)) && more() {
		}
		_, err = screen.WriteString(end)
		ts.Check(err)
	}
	for more() {
	}
	err = c.Wait()
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.ReplaceAll(shown, []byte("\r\n"), []byte("\n")), 0o644))
	ts.Logf("%q", shown)
	if (err != nil) != neg {
		ts.Fatalf("unexpected status: %v", err)
	}
}
