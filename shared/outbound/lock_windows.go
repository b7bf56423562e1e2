package outbound

import (
	"os"

	"golang.org/x/sys/windows"
)

// lockFile waits until no other open file holds the lock.
func lockFile(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK, 0, 1, 0, new(windows.Overlapped))
}

// syncFolder: NTFS logs renames by itself.
func syncFolder(string) error { return nil }
