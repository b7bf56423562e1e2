package outbound_test

import (
	"io"
	"log"
	"net"
	"testing"
)

// quiet is the log of servers whose refused handshakes are part of a test.
var quiet = log.New(io.Discard, "", 0)

// closedAddress is an address on this machine where nobody listens.
func closedAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
