// Package freeport finds ports for processes that tests start and that cannot
// report a port of their own. It is a test kit.
package freeport

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// The range lies below the one that systems hand out for port 0: whatever other
// tests open at the same moment, it is not this port.
const low, high = 10_000, 32_000

// Pick returns a port of 127.0.0.1 that nobody listens on.
func Pick() (string, error) {
	for range 100 {
		port := strconv.Itoa(low + rand.IntN(high-low))
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			return port, l.Close()
		}
	}
	return "", errors.New("no free port found")
}
