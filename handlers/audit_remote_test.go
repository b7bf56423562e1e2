package handlers

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestAuditOfARunningApp: while a process holds the store, the trail is told by its API,
// and it is the same as that in the store; without --endpoint the error names it.
func TestAuditOfARunningApp(t *testing.T) {
	s := startWitness(t, nil)
	w := s.save("watched", `{"triggers":{"manual":{"type":"Request"}},"actions":{}}`)
	s.save("other", `{"triggers":{"manual":{"type":"Request"}},"actions":{}}`)
	s.run(w, "1")
	if status, _ := s.ask(http.MethodPost, s.front+"/workflows/"+w.ID+"/triggers/manual/paths/invoke?api-version=2016-10-01&sp=x&sv=1.0&sig=SIGNATURE-CANARY", "BODY-CANARY"); status != http.StatusUnauthorized {
		t.Fatalf("status %d", status)
	}
	folder := s.app.settings.dataDir
	t.Setenv(settingDataDir, folder)
	t.Setenv(settingToken, witnessToken)
	audit := func(args ...string) (string, error) {
		var out, stderr bytes.Buffer
		c := newCommand()
		c.SetArgs(append([]string{"audit"}, args...))
		c.SetOut(&out)
		c.SetErr(&stderr)
		err := c.ExecuteContext(t.Context())
		return out.String(), err
	}
	if _, err := audit(); err == nil || !strings.Contains(err.Error(), "in use by another latchwork process") || !strings.Contains(err.Error(), "--endpoint") {
		t.Errorf("while the store is held: %v", err)
	}
	if _, err := audit("--endpoint", s.front, "--store", filepath.Join(folder, "store.db")); err == nil {
		t.Error("both a store and an endpoint are taken")
	}
	t.Setenv(settingToken, "another token")
	if _, err := audit("--endpoint", s.front); err == nil || strings.Contains(err.Error(), "another token") {
		t.Errorf("with another token: %v", err)
	}
	t.Setenv(settingToken, witnessToken)
	s.app.audit.Close(t.Context()) // what waits is written, and no look at the trail comes between
	forms := [][]string{
		{"--output", "json"}, {}, {"--workflow", "watched"}, {"--workflow", w.ID, "--kind", "trigger", "--output", "json"}, {"--outcome", "refused"}, {"--limit", "1"}, {"--since", "2001-01-01", "--until", "2001-01-02"},
	}
	var remote []string
	for _, args := range forms {
		out, err := audit(append(args, "--endpoint", s.front)...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		remote = append(remote, out)
	}
	if err := s.app.Close(); err != nil {
		t.Fatal(err)
	}
	for i, args := range forms {
		out, err := audit(args...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		if i < 2 { // the API tells of the looks at it, too
			out = strings.Join(before(out, "eventtypes"), "\n")
			remote[i] = strings.Join(before(remote[i], "eventtypes"), "\n")
		}
		if out != remote[i] {
			t.Errorf("%v: the app tells\n%s\nthe store has\n%s", args, remote[i], out)
		}
	}
	if all := remote[0]; !strings.Contains(all, `"outcome":"refused"`) || !strings.Contains(all, `"workflow":"watched"`) || !strings.Contains(all, `"kind":"change"`) || strings.Contains(all, "CANARY") {
		t.Errorf("the trail: %s", all)
	}
	if lines := strings.Count(remote[5], "\n"); lines != 2 {
		t.Errorf("of one event: %q", remote[5])
	}
}

// before are the lines without those that have a text.
func before(text, without string) (lines []string) {
	for line := range strings.Lines(text) {
		if !strings.Contains(line, without) {
			lines = append(lines, strings.Join(strings.Fields(line), " "))
		}
	}
	return lines
}
