package facade

import (
	"fmt"
	"io"
	"net"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary the program of a unixexec address: as "test relay SOCKET" it
// does what ssh and systemd-stdio-bridge do for the bus of another machine.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "relay" {
		os.Exit(relay(os.Args[2]))
	}
	goleak.VerifyTestMain(m)
}

// relay passes on standard input and output until the socket's other side hangs up.
func relay(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		_, _ = io.Copy(conn, os.Stdin)
		_ = conn.(*net.UnixConn).CloseWrite()
	}()
	_, _ = io.Copy(os.Stdout, conn)
	return 0
}
