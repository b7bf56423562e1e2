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
	ports, err := Several(1)
	if err != nil {
		return "", err
	}
	return ports[0], nil
}

// Several returns ports that nobody listens on, no two of them the same.
func Several(n int) ([]string, error) {
	var ports []string
	for range 100 * n {
		port := strconv.Itoa(low + rand.IntN(high-low))
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		defer l.Close() // not before all are found
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, errors.New("no free port found")
}
