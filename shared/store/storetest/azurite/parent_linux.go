package azurite

import "syscall"

// dieWithParent: a test binary that is killed takes its emulator along.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
