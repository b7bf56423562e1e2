package handlers

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Version and Commit are set when a release or a package is built.
var (
	Version = "dev"
	Commit  = ""
)

// versionText says what this binary was built from. A binary that 'go build' made in
// a checkout knows its commit by itself.
func versionText() string {
	commit, changed := Commit, ""
	if info, ok := debug.ReadBuildInfo(); ok && commit == "" {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = ", changed"
			}
		}
	}
	return fmt.Sprintf("%s (commit %s%s, %s, %s/%s)", Version, cmp.Or(commit, "unknown"), changed, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
