package handlers

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree makes files below a folder; each holds its own name, unless it says more.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		name, text, ok := strings.Cut(f, "=")
		if !ok {
			text = name
		}
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func listed(t *testing.T, root string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			relative, _ := filepath.Rel(root, path)
			all = append(all, filepath.ToSlash(relative))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWhatIsPublishedOfAFolder(t *testing.T) {
	root := tree(t, ".funcignore=# a comment\n\n*.log\n!keep.log\ntest/\n/top.json\nsub/*.tmp\n**/deep/\nq?.json\n", "host.json", "connections.json",
		"a/workflow.json", "a/x.log", "a/keep.log", "test/workflow.json", "a/test", "top.json", "a/top.json", "sub/x.tmp", "sub/more/x.tmp",
		"a/b/deep/x.json", "q1.json", "q12.json", "local.settings.json", "a/local.settings.json", ".git/config", ".gitignore", ".vscode/x.json", "dist/old.json")
	to := filepath.Join(t.TempDir(), "to")
	if err := copyWorkflows(root, to, filepath.Join(root, "dist")); err != nil {
		t.Fatal(err)
	}
	want := []string{"a/keep.log", "a/test", "a/top.json", "a/workflow.json", "connections.json", "host.json", "q12.json", "sub/more/x.tmp"}
	if got := listed(t, to); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	one := filepath.Join(t.TempDir(), "one.json")
	if err := copyWorkflows(filepath.Join(root, "host.json"), one, "dist"); err != nil || !fileExists(one) {
		t.Errorf("a file: %v", err)
	}
}

func TestWhatOfAProjectIsAWorkflow(t *testing.T) {
	root := tree(t, "all/p/host.json", "all/p/w1/workflow.json", "all/p/w2/workflow.json", "all/p/w1/other.json", "all/p/global.json", "all/p/.hidden/workflow.json",
		"all/p/ignored/workflow.json", "all/.funcignore=ignored/\n", "all/plain/x.json", "all/plain/connections.json", "all/[odd]/host.json", "all/[odd]/w/workflow.json")
	got, err := findFiles([]string{filepath.Join(root, "all")})
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		relative, _ := filepath.Rel(root, got[i])
		got[i] = filepath.ToSlash(relative)
	}
	want := []string{"all/[odd]/w/workflow.json", "all/p/w1/workflow.json", "all/p/w2/workflow.json", "all/plain/x.json"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A file in code view shares what lies beside it; a parameters file of a template is
// not shared.
func TestWhatIsSharedWithAFile(t *testing.T) {
	const shared, arm = `={"p":{"type":"String","value":"shared"}}`, `={"$schema":"…deploymentParameters.json#","contentVersion":"1.0.0.0","parameters":{"p":{"value":"of a template"}}}`
	const codeView = `={"definition":{"parameters":{"p":{"type":"String","defaultValue":"own"}},"triggers":{},"actions":{}}}`
	for name, test := range map[string]struct{ beside, file, want string }{
		"beside code view":               {"f/parameters.json" + shared, "f/flow.json", `{"value":"shared"}`},
		"above workflow.json":            {"parameters.json" + shared, "f/workflow.json", `{"value":"shared"}`},
		"not above another file":         {"parameters.json" + shared, "f/flow.json", ``},
		"not the one of a template":      {"f/parameters.json" + arm, "f/flow.json", ``},
		"not for a resource with values": {"f/parameters.json" + shared, "f/resource.json", ``},
	} {
		root := tree(t, test.beside, "f/flow.json"+codeView, "f/workflow.json"+codeView, "f/resource.json"+strings.Replace(codeView, "={", `={"properties":{"parameters":{},`, 1)+"}")
		d, err := loadFile(filepath.Join(root, test.file), "", here(), nil)
		if err == nil {
			err = d.join(false)
		}
		if err != nil || worse(d.problems) {
			t.Fatalf("%s: %v %v", name, err, d.problems)
		}
		if got := d.deployment.Workflows[0].Parameters.Member("p").String(); got != test.want && test.want != "" || test.want == "" && !d.deployment.Workflows[0].Parameters.Member("p").IsAbsent() {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestSettingsOfAProject(t *testing.T) {
	for text, want := range map[string]string{
		`{"Values":{"A":"x"}}`:                      "",
		`{"IsEncrypted":true,"Values":{"A":"SEC"}}`: "it is encrypted",
		`{"Values":"SEC"`:                           "it is not JSON of application settings",
	} {
		root := tree(t, "local.settings.json="+text)
		_, err := projectSetting(root)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "SEC")) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
