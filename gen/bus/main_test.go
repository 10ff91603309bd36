//go:build linux

package bus

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary its own unixexec program: as "test relay SOCKET" it
// copies between its standard input and output and a unix socket, as "test fail" it
// complains and fails, as "test stay" it stays until it is asked to end, as "test
// defy" even then.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "relay" {
		os.Exit(relay(os.Args[2]))
	}
	if len(os.Args) == 2 && os.Args[1] == "fail" {
		fmt.Fprintln(os.Stderr, "no such host")
		os.Exit(3)
	}
	if len(os.Args) == 2 && (os.Args[1] == "stay" || os.Args[1] == "defy") {
		os.Exit(stay(os.Args[1] == "defy"))
	}
	goleak.VerifyTestMain(m)
}

// stay says that it is ready, and waits for what never comes.
func stay(defiant bool) int {
	if defiant {
		signal.Ignore(syscall.SIGTERM)
	}
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer w.Close()
	fmt.Print("r")
	io.Copy(io.Discard, r)
	return 0
}

func relay(socket string) int {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go io.Copy(os.Stdout, conn)
	io.Copy(conn, os.Stdin)
	return 0
}
