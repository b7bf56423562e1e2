package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ownGroup: a server and what it starts are measured and ended together, and end
// with this process.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func endGroup(id int) { _ = syscall.Kill(-id, syscall.SIGKILL) } // gone already, perhaps

// ticks of /proc/PID/stat a second, on all Linux platforms of Go.
const ticks = 100

func groupUsage(id int) (sum usage, err error) {
	members, err := group(id)
	for _, m := range members {
		sum.cpu += m.cpu
		status, err := os.ReadFile(filepath.Join(m.folder, "status"))
		if err != nil {
			return sum, err
		}
		for name, at := range map[string]*float64{"VmRSS:": &sum.resident, "VmHWM:": &sum.peak} {
			_, rest, _ := strings.Cut(string(status), name)
			kb, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			n, err := strconv.ParseFloat(kb, 64)
			if err != nil {
				return sum, fmt.Errorf("%s in %s: %w", name, m.folder, err)
			}
			*at += n / 1024
		}
	}
	if err == nil && len(members) == 0 {
		err = fmt.Errorf("process %d has ended", id)
	}
	return sum, err
}

// resetPeaks begins the measurement of peaks anew.
func resetPeaks(id int) error {
	members, err := group(id)
	for _, m := range members {
		if err := os.WriteFile(filepath.Join(m.folder, "clear_refs"), []byte("5"), 0); err != nil {
			return err
		}
	}
	return err
}

type member struct {
	folder string
	cpu    time.Duration
}

// group finds the processes of a group that have not ended.
func group(id int) (members []member, err error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // has ended meanwhile
		}
		_, rest, _ := strings.Cut(string(data), ") ") // our servers have no such name
		fields := strings.Fields(rest)                // from the third field of proc(5)
		if len(fields) < 13 || fields[2] != strconv.Itoa(id) || fields[0] == "Z" {
			continue
		}
		user, err := strconv.ParseInt(fields[11], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		system, err := strconv.ParseInt(fields[12], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		members = append(members, member{filepath.Dir(file), time.Duration(user+system) * time.Second / ticks})
	}
	return members, err
}
