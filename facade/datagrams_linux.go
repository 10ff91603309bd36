package facade

import (
	"fmt"
	"os"
	"syscall"
)

// datagrams reads the packets of a socket that BlueZ passed to this process, each of
// them one value.
type datagrams struct {
	file    *os.File
	raw     syscall.RawConn
	buffer  []byte
	control []byte
}

// maxDatagram is more than any attribute value, which has 512 bytes at most (Core
// Specification, Vol 3, Part F, 3.2.9).
const maxDatagram = 1024

// openDatagrams takes the socket over: it closes file now or when it fails.
func openDatagrams(file *os.File) (*datagrams, error) {
	defer file.Close()
	d := &datagrams{buffer: make([]byte, maxDatagram), control: make([]byte, syscall.CmsgSpace(syscall.SizeofUcred))}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("use the socket of BlueZ: %w", err)
	}
	// An empty value and the end both read as 0 bytes. What tells them apart is that
	// a packet brings its sender's credentials, if they are asked for, and the end
	// brings none. A hang-up tells less: it comes while packets still wait.
	ferr := raw.Control(func(fd uintptr) {
		if err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1); err != nil {
			return
		}
		// A descriptor of its own, for the poller takes only those that were
		// non-blocking when their file was made.
		copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			err = errno
			return
		}
		if err = syscall.SetNonblock(int(copied), true); err != nil {
			syscall.Close(int(copied))
			return
		}
		d.file = os.NewFile(copied, "notifications")
	})
	if ferr != nil {
		err = ferr
	}
	if err != nil {
		return nil, fmt.Errorf("use the socket of BlueZ: %w", err)
	}
	if d.raw, err = d.file.SyscallConn(); err != nil {
		d.file.Close()
		return nil, fmt.Errorf("use the socket of BlueZ: %w", err)
	}
	return d, nil
}

// next waits for a packet. more is false at the end; the packet is the caller's.
func (d *datagrams) next() (packet []byte, more bool, err error) {
	var n, control, flags int
	var failed error
	err = d.raw.Read(func(fd uintptr) bool {
		for {
			n, control, flags, _, failed = syscall.Recvmsg(int(fd), d.buffer, d.control, 0)
			if failed != syscall.EINTR {
				return failed != syscall.EAGAIN
			}
		}
	})
	switch {
	case err != nil: // the only error of Read itself
		return nil, false, os.ErrClosed
	case failed == syscall.ECONNRESET:
		return nil, false, nil
	case failed != nil:
		return nil, false, os.NewSyscallError("recvmsg", failed)
	case flags&syscall.MSG_TRUNC != 0:
		return nil, false, fmt.Errorf("a packet is longer than %d bytes", maxDatagram)
	case n == 0 && control == 0:
		return nil, false, nil
	}
	return append(make([]byte, 0, n), d.buffer[:n]...), true, nil
}

// close ends next, and tells BlueZ that nobody listens any more.
func (d *datagrams) close() error { return d.file.Close() }
