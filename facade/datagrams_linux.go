package facade

import (
	"fmt"
	"os"
	"syscall"
)

// datagrams reads the packets of a socket that BlueZ passed to this process, each of
// them one value.
type datagrams struct {
	file  *os.File
	raw   syscall.RawConn
	batch *batch
	err   error // of the socket
}

// maxDatagram is more than any attribute value, which has 512 bytes at most (Core
// Specification, Vol 3, Part F, 3.2.9).
const maxDatagram = 1024

// openDatagrams takes the socket over: it closes file now or when it fails.
func openDatagrams(file *os.File) (*datagrams, error) {
	defer file.Close()
	d := &datagrams{batch: newBatch()}
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

// each calls deliver for each packet, which is then deliver's, until the end. It
// returns nil when BlueZ has hung up, os.ErrClosed after close.
func (d *datagrams) each(deliver func(packet []byte)) error {
	for ended := false; !ended; {
		err := d.raw.Read(func(fd uintptr) (done bool) {
			done, ended = d.receive(fd, deliver)
			return done
		})
		if err != nil { // the only error of Read itself
			return os.ErrClosed
		}
	}
	return d.err
}

// receive takes what waits. It is not done when nothing waits any more; then the poller
// tells of the next packet.
func (d *datagrams) receive(fd uintptr, deliver func(packet []byte)) (done, ended bool) {
	n, err := d.batch.receive(fd)
	switch {
	case err == syscall.EAGAIN:
		return false, false
	case err == syscall.ECONNRESET:
		return true, true
	case err != nil:
		d.err = os.NewSyscallError("recvmmsg", err)
		return true, true
	}
	for i := range n {
		packet, truncated, end := d.batch.packet(i)
		switch {
		case end:
			return true, true
		case truncated:
			d.err = fmt.Errorf("a packet is longer than %d bytes", maxDatagram)
			return true, true
		}
		deliver(append(make([]byte, 0, len(packet)), packet...))
	}
	return n == batchSize, false
}

// close ends each, and tells BlueZ that nobody listens any more.
func (d *datagrams) close() error { return d.file.Close() }
