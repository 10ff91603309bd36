//go:build !linux

package bus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
)

// A stream is the socket under a connection. BlueZ, and this package, run on
// Linux only; elsewhere nothing makes one.
type stream struct {
	conn net.Conn
	fds  bool
}

func dialAddress(context.Context, address) (*stream, error) {
	return nil, fmt.Errorf("D-Bus on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func (s *stream) read([]byte, []int) (int, []int, error) { return 0, nil, errors.ErrUnsupported }
func (s *stream) write(func(fd uintptr) bool) error      { return errors.ErrUnsupported }
func (s *stream) close()                                 {}
func (s *stream) wait() error                            { return nil }
func send(uintptr, []byte, []int) (n int, err error)     { return 0, errors.ErrUnsupported }
func duplicate(*os.File) (int, error)                    { return -1, errors.ErrUnsupported }
func closeFDs([]int)                                     {}
