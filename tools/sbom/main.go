// Command sbom writes what a Go binary is made of, as CycloneDX 1.5 JSON. It reads
// what the linker put into the binary, so it needs no network and cannot be wrong.
//
//	sbom BINARY FILE
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: sbom BINARY FILE")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

type component struct {
	Type       string     `json:"type"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Purl       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type document struct {
	Format      string `json:"bomFormat"`
	SpecVersion string `json:"specVersion"`
	Version     int    `json:"version"`
	Metadata    struct {
		Component component `json:"component"`
	} `json:"metadata"`
	Components []component `json:"components"`
}

func write(binary, file string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	if info.Main.Path == "" {
		return errors.New(binary + " was not built from a module")
	}
	d := document{Format: "CycloneDX", SpecVersion: "1.5", Version: 1, Components: []component{
		{Type: "platform", Name: "go", Version: info.GoVersion, Purl: "pkg:golang/std@" + info.GoVersion},
	}}
	d.Metadata.Component = component{Type: "application", Name: info.Main.Path, Version: info.Main.Version, Purl: "pkg:golang/" + info.Main.Path + "@" + info.Main.Version}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		d.Components = append(d.Components, component{
			Type: "library", Name: m.Path, Version: m.Version, Purl: "pkg:golang/" + m.Path + "@" + m.Version,
			Properties: []property{{"go:sum", m.Sum}}, // a hash of the module's files, which is none of the algorithms that CycloneDX names
		})
	}
	data, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}
