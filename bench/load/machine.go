package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is what the figures depend on.
type machine struct {
	Date       string  `json:"date"`
	Commit     string  `json:"commit"`
	Go         string  `json:"go"`
	Kernel     string  `json:"kernel"`
	CPU        string  `json:"cpu"`
	Cores      int     `json:"cores"`
	MemoryGB   float64 `json:"memoryGB"`
	Filesystem string  `json:"filesystem"` // of the stores
	Load       string  `json:"load"`       // averages before it began
}

func describeMachine(ctx context.Context, root, folder string) machine {
	m := machine{
		Date: time.Now().UTC().Format("2006-01-02 15:04 UTC"), Commit: printedBy(ctx, "git", "-C", root, "describe", "--always", "--dirty", "--abbrev=12"),
		Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(),
		Kernel: content("/proc/sys/kernel/osrelease"), CPU: field("/proc/cpuinfo", "model name"), Filesystem: filesystem(folder),
	}
	kb, _, _ := strings.Cut(field("/proc/meminfo", "MemTotal"), " ")
	if n, err := strconv.ParseFloat(kb, 64); err == nil {
		m.MemoryGB = n / (1 << 20)
	}
	if f := strings.Fields(content("/proc/loadavg")); len(f) > 2 {
		m.Load = strings.Join(f[:3], " ")
	}
	return m
}

const unknown = "unknown"

// printedBy is the first line that a command prints.
func printedBy(ctx context.Context, name string, args ...string) string {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil || line == "" {
		return unknown
	}
	return line
}

func content(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return unknown
	}
	return strings.TrimSpace(string(data))
}

// field is the value of the first line "name: value".
func field(file, name string) string {
	for line := range strings.SplitSeq(content(file), "\n") {
		if key, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(v)
		}
	}
	return unknown
}

// filesystem is the type and the device of what is mounted nearest above a folder.
func filesystem(folder string) string {
	found, nearest := unknown, ""
	for lines := bufio.NewScanner(strings.NewReader(content("/proc/self/mountinfo"))); lines.Scan(); {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		about, mount := strings.Fields(after), strings.Fields(before)
		if len(about) < 2 || len(mount) < 5 {
			continue
		}
		point := strings.TrimSuffix(mount[4], "/")
		if strings.HasPrefix(folder+"/", point+"/") && len(point) >= len(nearest) {
			found, nearest = about[0]+" on "+about[1], point
		}
	}
	return found
}
