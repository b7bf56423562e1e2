//go:build !linux

package azurite

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
