package facade

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
)

// datagrams reads the packets of a socket that BlueZ passed to this process, each of
// them one value. It waits in the kernel, on a thread of its own: with each wake-up
// through the poller a notification costs a fifth more.
type datagrams struct {
	file    *os.File // blocking
	raw     syscall.RawConn
	closed  atomic.Bool
	batch   *batch
	packets [batchSize][]byte // that came at once
}

// maxDatagram is the largest ATT_MTU that BlueZ agrees to, so more than any value.
const maxDatagram = 517

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
		// A descriptor of its own, for the poller may have taken this one, and each
		// packet would then wake it as well.
		copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
		if errno != 0 {
			err = errno
			return
		}
		if err = syscall.SetNonblock(int(copied), false); err != nil {
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

// each calls deliver with the packets that came at once, until the end. The packets are
// then deliver's, the slice of them is not. each returns nil when BlueZ has hung up,
// os.ErrClosed after close.
func (d *datagrams) each(deliver func(packets [][]byte)) error {
	var ended bool
	var failed error
	receive := func(fd uintptr) (done bool) {
		ended, failed = d.receive(fd, deliver)
		return true
	}
	for !ended && failed == nil {
		if err := d.raw.Read(receive); err != nil { // the only error of Read itself
			return os.ErrClosed
		}
	}
	if d.closed.Load() {
		return os.ErrClosed
	}
	return failed
}

// receive waits for packets and delivers them.
func (d *datagrams) receive(fd uintptr, deliver func(packets [][]byte)) (ended bool, err error) {
	n, err := d.batch.receive(fd)
	switch {
	case err == syscall.ECONNRESET:
		return false, nil // what came before is still there, and then the end
	case err != nil:
		return false, os.NewSyscallError("recvmmsg", err)
	}
	packets, ended, err := d.take(n)
	deliver(packets)
	clear(packets)
	// Who was woken is to run now: the processor would stay with this goroutine for a
	// while when it waits in the kernel.
	runtime.Gosched()
	return ended, err
}

// take takes the packets out of a batch of n, and reports whether they are the last.
func (d *datagrams) take(n int) (packets [][]byte, ended bool, err error) {
	packets = d.packets[:0]
	ends := 0
	for i := range n {
		packet, truncated, end := d.batch.packet(i)
		switch {
		case end:
			ends++
		case truncated:
			return packets, false, fmt.Errorf("a packet is longer than %d bytes", maxDatagram)
		default:
			packets = append(packets, bytes.Clone(packet))
		}
	}
	// The kernel looks for a packet first, and then whether the other side has hung up:
	// the first end may overtake the last packets. Nothing more can come once it was
	// told, so the second one is the end.
	return packets, ends > 1, nil
}

// close ends each, and tells BlueZ that nobody listens any more.
func (d *datagrams) close() error {
	d.closed.Store(true)
	err := d.raw.Control(func(fd uintptr) { _ = syscall.Shutdown(int(fd), syscall.SHUT_RDWR) }) // wakes each, unless it has ended
	return errors.Join(err, d.file.Close())
}
