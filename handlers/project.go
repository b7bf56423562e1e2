package handlers

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/latchwork/latchwork/shared/standard"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// The files of a Standard project (workflow-definition §2).
const (
	projectHost        = "host.json"
	projectParameters  = "parameters.json"
	projectConnections = "connections.json"
	projectSettings    = "local.settings.json"
	projectWorkflow    = "workflow.json"
)

// isProject tells whether a folder is a Standard project: it has host.json, and
// workflows in folders of their own.
func isProject(folder string) bool {
	if !fileExists(filepath.Join(folder, projectHost)) {
		return false
	}
	found, err := filepath.Glob(filepath.Join(escapeGlob(folder), "*", projectWorkflow))
	return err == nil && len(found) > 0
}

// escapeGlob keeps the name of a folder from being a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `[`, `\[`, `*`, `\*`, `?`, `\?`).Replace(path)
}

// workflowsOf lists the workflows of a project; other JSON files in it are none.
func workflowsOf(project string, i *ignored, root string) []string {
	found, _ := filepath.Glob(filepath.Join(escapeGlob(project), "*", projectWorkflow)) // isProject has found some
	var files []string
	for _, f := range found {
		if folder := filepath.Dir(f); !strings.HasPrefix(filepath.Base(folder), ".") && !i.has(root, folder, true) && !i.has(root, f, false) {
			files = append(files, f)
		}
	}
	return files
}

// projectOf is the folder whose parameters and connections a file shares; "" for none.
// Files in code view share those beside them.
func projectOf(path string) string {
	folder := filepath.Dir(path)
	candidates := []string{folder}
	if strings.EqualFold(filepath.Base(path), projectWorkflow) {
		if absolute, err := filepath.Abs(folder); err == nil {
			candidates = []string{filepath.Dir(absolute), folder}
			if isProject(filepath.Dir(absolute)) {
				return filepath.Join(folder, "..")
			}
		}
	}
	for i, c := range candidates {
		if fileExists(filepath.Join(c, projectConnections)) || isShared(filepath.Join(c, projectParameters)) {
			if i == 0 && len(candidates) > 1 {
				return filepath.Join(folder, "..")
			}
			return c
		}
	}
	return ""
}

// isShared tells the parameters of a project from a parameters file of an ARM template,
// which may have the same name.
func isShared(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	v, _, err := value.ParseDocument(data)
	return err != nil || !v.Has("$schema") && !v.Member("parameters").Has("value") && (!v.Has("contentVersion") || !v.Has("parameters"))
}

// join gives the workflows of a document what their project has beside them. Only
// what has no values of its own takes part: code view, and bare definitions. assume
// stands in for application settings that are not set.
func (d *document) join(assume bool) error {
	if d.deployment == nil || len(d.deployment.Workflows) != 1 {
		return nil
	}
	w := &d.deployment.Workflows[0]
	if at := w.DefinitionPath.String(); at != "$" && at != "$.definition" {
		return nil
	}
	if w.Kind == "Stateless" {
		d.problems = append(d.problems, value.Problem{
			Code: "StatelessWorkflow", Path: (*value.Path)(nil).Key("kind"), Warning: true,
			Message: "The workflow is stateless. Here it runs as a stateful one: its runs are kept, and may take longer than five minutes.",
		})
	}
	folder := projectOf(d.path)
	if folder == "" {
		return nil
	}
	files := standard.Files{Assume: assume}
	parameters, err := readBeside(folder, projectParameters, &files.Parameters)
	if err != nil {
		return err
	}
	connections, err := readBeside(folder, projectConnections, &files.Connections)
	if err != nil {
		return err
	}
	if files.Setting, err = projectSetting(folder); err != nil {
		return err
	}
	p := standard.Read(files)
	for doc, problems := range map[*document][]value.Problem{parameters: p.ParameterProblems, connections: p.ConnectionProblems} {
		if doc != nil {
			doc.problems = append(doc.problems, problems...)
		}
	}
	for _, doc := range []*document{parameters, connections} {
		if doc != nil {
			d.beside = append(d.beside, doc)
		}
	}
	d.problems = append(d.problems, p.Check(w.Definition, w.DefinitionPath)...)
	w.Definition, w.Parameters = p.Complete(w.Definition, w.Parameters)
	return nil
}

// readBeside reads a file of a project; nil: there is none.
func readBeside(folder, name string, into *value.Value) (*document, error) {
	path := filepath.Join(folder, name)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	d := &document{path: path, data: data, places: value.NewPlaces(data)}
	v, _, err := value.ParseDocument(data)
	if err != nil {
		var at *value.SyntaxError
		errors.As(err, &at)
		d.problems = []value.Problem{{Code: "InvalidJson", Message: "The file is not JSON: " + err.Error() + ".", At: at}}
		return d, nil
	}
	*into = v
	return d, nil
}

// projectSetting gives application settings: those of the environment, and on a
// developer's machine those in local.settings.json.
func projectSetting(folder string) (func(string) (string, bool), error) {
	path := filepath.Join(folder, projectSettings)
	var local struct {
		IsEncrypted bool
		Values      map[string]any
	}
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case json.Unmarshal(data, &local) != nil:
		return nil, fmt.Errorf("%s: it is not JSON of application settings", path) // and the values are not repeated
	case local.IsEncrypted:
		return nil, fmt.Errorf("%s: it is encrypted; 'func settings decrypt' undoes that", path)
	}
	return func(name string) (string, bool) {
		if text, ok := os.LookupEnv(name); ok {
			return text, true
		}
		v, ok := local.Values[name]
		if !ok {
			return "", false
		}
		if text, isText := v.(string); isText {
			return text, true
		}
		return fmt.Sprint(v), true
	}, nil
}

// reportIfWorse prints what keeps a document from being used.
func (d *document) reportIfWorse(w io.Writer) bool {
	bad := false
	for _, x := range append([]*document{d}, d.beside...) {
		if worse(x.problems) {
			bad = true
			for _, p := range x.problems {
				printProblem(w, x, p)
			}
		}
	}
	return bad
}

// siblings are the other workflows of a document's project, which it may call. What is
// wrong with one is told; it cannot be called then.
func (d *document) siblings(stderr io.Writer) []template.Workflow {
	folder := projectOf(d.path)
	if folder == "" || !isProject(folder) {
		return nil
	}
	var list []template.Workflow
	for _, f := range workflowsOf(folder, &ignored{}, folder) {
		if workflowName(f) == workflowName(d.path) {
			continue
		}
		other, err := loadFile(f, "", here(), nil)
		if err == nil {
			err = other.join(false)
		}
		if err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", f, err)
			continue
		}
		if !other.reportIfWorse(stderr) {
			list = append(list, other.deployment.Workflows...)
		}
	}
	return list
}
