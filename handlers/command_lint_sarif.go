package handlers

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/latchwork/latchwork/shared/leaks"
	"github.com/latchwork/latchwork/shared/value"
)

// SARIF 2.1.0, the part of it that a linter needs.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string    `json:"id"`
		ShortDescription sarifText `json:"shortDescription"`
		Help             sarifText `json:"help"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		CodeFlows    []sarifCodeFlow   `json:"codeFlows,omitempty"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
		Message  *sarifText     `json:"message,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId,omitempty"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine,omitempty"`
		EndColumn   int `json:"endColumn,omitempty"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
	}
	sarifCodeFlow struct {
		ThreadFlows []sarifThreadFlow `json:"threadFlows"`
	}
	sarifThreadFlow struct {
		Locations []sarifStep `json:"locations"`
	}
	sarifStep struct {
		Location sarifLocation `json:"location"`
	}
)

// writeSARIF writes everything that lint found as one SARIF log.
func writeSARIF(w io.Writer, results []linted, files []string, warnings bool, findings []found) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "Latchwork", Version: Version, InformationURI: "https://github.com/latchwork/latchwork", Rules: []sarifRule{}}
	for _, r := range leaks.Rules {
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{string(r.Kind), sarifText{r.Short}, sarifText{r.Help}})
	}
	codes := map[string]bool{}
	rule := func(code string) {
		if !codes[code] {
			codes[code] = true
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{code, sarifText{"The definition has a problem."}, sarifText{"The message says what is wrong."}})
		}
	}
	for i, r := range results {
		if r.err != nil {
			rule("Unreadable")
			run.Results = append(run.Results, sarifResult{RuleID: "Unreadable", Level: "error", Message: sarifText{r.err.Error()},
				Locations:    []sarifLocation{{Physical: sarifPhysical{Artifact: artifact(files[i]), Region: sarifRegion{StartLine: 1, StartColumn: 1}}}},
				Fingerprints: fingerprint("Unreadable", files[i])})
			continue
		}
		for _, p := range r.problems {
			if p.Warning && !warnings {
				continue
			}
			rule(p.Code)
			level := "error"
			if p.Warning {
				level = "warning"
			}
			at := location(r.doc, p.Path)
			if p.At != nil {
				at.Physical.Region = sarifRegion{StartLine: p.At.Line, StartColumn: p.At.Column}
			}
			run.Results = append(run.Results, sarifResult{RuleID: p.Code, Level: level, Message: sarifText{p.Message},
				Locations: []sarifLocation{at}, Fingerprints: fingerprint(p.Code, r.doc.path, p.Path.String(), p.Message)})
		}
	}
	for _, f := range findings {
		run.Results = append(run.Results, secretResult(f))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

func secretResult(f found) sarifResult {
	label := "Instead: "
	if len(f.Fix) > 0 {
		label = "Fix: "
	}
	r := sarifResult{RuleID: string(f.Kind), Level: "warning", Locations: []sarifLocation{location(f.doc, f.Path)}}
	ways := f.routes()
	for _, w := range f.Ways {
		var flow sarifThreadFlow
		for _, s := range w.Steps {
			at := location(f.docs[s.Workflow], s.Path)
			at.Message = &sarifText{s.Name}
			flow.Locations = append(flow.Locations, sarifStep{at})
		}
		r.CodeFlows = append(r.CodeFlows, sarifCodeFlow{[]sarifThreadFlow{flow}})
	}
	note := ""
	if f.Note != "" {
		note = "Note: " + f.Note + ". "
	}
	r.Message = sarifText{f.Message() + " " + strings.Join(ways, "; ") + ". " + note + label + f.Remedy()}
	r.Fingerprints = fingerprint(append([]string{string(f.Kind), f.doc.path, f.Name, strings.Join(f.Sides, ",")}, ways...)...)
	return r
}

// location is a path in a file. What is no text or number is marked where it
// begins only: whole operations would be too much.
func location(d *document, path *value.Path) sarifLocation {
	line, column := d.places.Locate(path)
	region := sarifRegion{StartLine: line, StartColumn: column}
	if start, end, ok := d.places.Span(path); ok && d.data[start] != '{' && d.data[start] != '[' {
		region.EndLine, region.EndColumn = d.places.Position(end)
	}
	return sarifLocation{Physical: sarifPhysical{artifact(d.path), region}, Logical: []sarifLogical{{path.String()}}}
}

// artifact names a file: relative to where lint runs, as uploads of results need it.
func artifact(path string) sarifArtifact {
	if filepath.IsAbs(path) {
		if here, err := filepath.Abs("."); err == nil {
			if rel, err := filepath.Rel(here, path); err == nil && filepath.IsLocal(rel) {
				path = rel
			}
		}
	}
	u := url.URL{Path: filepath.ToSlash(path)}
	if filepath.IsAbs(path) {
		u.Scheme = "file"
		return sarifArtifact{URI: u.String()}
	}
	return sarifArtifact{URI: strings.TrimPrefix(u.EscapedPath(), "./"), Base: "%SRCROOT%"}
}

// fingerprint identifies a result when lines have moved.
func fingerprint(parts ...string) map[string]string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return map[string]string{"latchwork/v1": hex.EncodeToString(sum[:16])}
}
