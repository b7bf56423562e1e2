// Command bicep compiles the part of the Bicep language that infra/ uses into an
// ARM template with symbolic names, because the real compiler is not among the
// things that `make` can install. It refuses what it does not know.
//
//	bicep FILE.bicep FILE.json
package main

import (
	"fmt"
	"os"
)

//go:generate go run . ../../infra/main.bicep ../../infra/main.json

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: bicep FILE.bicep FILE.json")
		os.Exit(2)
	}
	source, err := os.ReadFile(os.Args[1])
	if err == nil {
		var template []byte
		if template, err = Compile(string(source)); err == nil {
			err = os.WriteFile(os.Args[2], template, 0o644)
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bicep: %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
