// Command costs does the arithmetic of infra/README.md: what runs cost a month on each
// plan, line by line. With a file it replaces what stands there between two marks.
//
//	costs [FILE]
package main

import (
	"fmt"
	"os"
	"strings"
)

//go:generate go run . ../../infra/README.md

func main() {
	if len(os.Args) < 2 {
		fmt.Print(tables())
		return
	}
	if err := rewrite(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "costs:", err)
		os.Exit(1)
	}
}

const beginMark, endMark = "<!-- costs: written by `make generate` from tools/costs -->\n", "<!-- end of costs -->\n"

// replaced is a text with what stands between the marks written anew.
func replaced(text string) (string, error) {
	before, rest, ok := strings.Cut(text, beginMark)
	_, after, ends := strings.Cut(rest, endMark)
	if !ok || !ends {
		return "", fmt.Errorf("the marks are missing")
	}
	return before + beginMark + "\n" + tables() + "\n" + endMark + after, nil
}

func rewrite(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := replaced(string(data))
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}
