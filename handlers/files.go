package handlers

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchwork/latchwork/shared/engine"
	"github.com/latchwork/latchwork/shared/store"
	"github.com/latchwork/latchwork/shared/template"
	"github.com/latchwork/latchwork/shared/value"
)

// document is a file with workflows in it.
type document struct {
	path       string
	data       []byte
	places     *value.Places // of data
	deployment *template.Deployment
	problems   []value.Problem
	// beside are the files of its project that are about no workflow of its own.
	beside []*document
}

// findFiles lists the files that may hold workflows: files named are taken as
// they are, folders are walked. What belongs to a template, and what is plainly
// something else, is left out of a walk.
func findFiles(paths []string) ([]string, error) {
	var files []string
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p, errors.Unwrap(err))
		}
		if !info.IsDir() {
			files = append(files, p)
			continue
		}
		ignored, err := readIgnored(p)
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case path != p && ignored.has(p, path, d.IsDir()):
				if d.IsDir() {
					return fs.SkipDir
				}
				return nil
			case d.IsDir() && path != p && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || strings.EqualFold(d.Name(), artifactsFolder)):
				return fs.SkipDir
			case d.IsDir() && isProject(path):
				files = append(files, workflowsOf(path, ignored, p)...)
				return fs.SkipDir
			case !d.IsDir() && mayHoldWorkflow(d.Name()):
				files = append(files, path)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// mayHoldWorkflow: JSON files but for those that have another meaning beside a
// workflow.
func mayHoldWorkflow(name string) bool {
	n := strings.ToLower(name)
	if !strings.HasSuffix(n, ".json") || strings.HasSuffix(n, ".parameters.json") {
		return false
	}
	return !slices.Contains([]string{"parameters.json", "connections.json", "host.json", "local.settings.json", "body.json", "function.json", demoSecretsFile, "package.json", "package-lock.json"}, n)
}

// loadFile reads a file. Without parameters of its own it takes those in
// <name>.parameters.json beside it.
//
// What the parameters refer to is read with resolve; without it nothing is asked.
func loadFile(path, parametersPath string, c template.Context, resolve resolver) (*document, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var parameters value.Value
	if parametersPath == "" {
		beside := strings.TrimSuffix(path, filepath.Ext(path)) + ".parameters.json"
		if _, err := os.Stat(beside); err == nil {
			parametersPath = beside
		}
	}
	if parametersPath != "" {
		if parameters, err = readParameters(parametersPath, resolve); err != nil {
			return nil, err
		}
	}
	d := &document{path: path, data: data, places: value.NewPlaces(data)}
	d.deployment, d.problems = template.Load(data, workflowName(path), parameters, c)
	return d, nil
}

// readParameters reads a parameters file, or the values alone.
func readParameters(path string, resolve resolver) (value.Value, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return value.Value{}, err
	}
	v, _, err := value.ParseDocument(text)
	if err != nil {
		return value.Value{}, fmt.Errorf("%s: %w", path, err)
	}
	parameters := v.Member("parameters")
	if parameters.IsAbsent() {
		parameters = v
	}
	if resolve == nil || !refers(parameters) {
		return parameters, nil
	}
	if parameters, err = resolve(parameters); err != nil {
		return value.Value{}, fmt.Errorf("%s: %w", path, err)
	}
	return parameters, nil
}

// resolver puts the secrets into a parameter file that it refers to.
type resolver func(parameters value.Value) (value.Value, error)

// resolving makes a resolver by the settings, when it is first needed.
func resolving(ctx context.Context, getenv func(string) string) resolver {
	return func(parameters value.Value) (value.Value, error) {
		r, err := newReferences(getenv)
		if err != nil {
			return value.Value{}, err
		}
		return r.parameterFile(ctx, parameters)
	}
}

// here is where templates are deployed to on this machine.
func here() template.Context { return template.Local(time.Now()) }

// workflowName is the name of a workflow whose file does not say it: that of the
// file, or of its folder where the file's name says nothing.
func workflowName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
	if slices.Contains([]string{"workflow", "definition", "azuredeploy"}, strings.ToLower(name)) {
		if absolute, err := filepath.Abs(path); err == nil {
			name = filepath.Base(filepath.Dir(absolute))
		}
	}
	return name
}

// resource is a workflow as the engine saves it.
func resource(w template.Workflow) *engine.Resource {
	return &engine.Resource{
		Name: w.Name, ResourceID: w.ResourceID, Location: w.Location, Kind: w.Kind, State: w.State,
		Tags: w.Tags, Identity: w.Identity, AccessControl: w.AccessControl,
		Definition: w.Definition, Parameters: w.Parameters, DefinitionPath: w.DefinitionPath, ParametersPath: w.ParametersPath,
		AccessControlPath: w.AccessControlPath,
		FromFile:          true,
	}
}

func connection(c template.Connection) store.Connection {
	return store.Connection{ResourceID: c.ResourceID, Name: c.Name, API: c.API, Location: c.Location, Properties: c.Properties}
}

// worse tells whether problems keep a file from being used.
func worse(problems []value.Problem) bool {
	return slices.ContainsFunc(problems, func(p value.Problem) bool { return !p.Warning })
}
