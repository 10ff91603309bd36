package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
)

// A stream is the socket under a connection: bytes, and descriptors beside them.
type stream struct {
	conn  *net.UnixConn
	raw   syscall.RawConn
	fds   bool   // descriptors were negotiated
	oob   []byte // for read
	child *child // of a unixexec address, else nil
}

func newStream(conn *net.UnixConn) (*stream, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &stream{conn: conn, raw: raw}, nil
}

// dialAddress connects to one address. The caller has checked ctx's deadline
// into nothing yet: connecting honours it, authentication sets its own.
func dialAddress(ctx context.Context, a address) (*stream, error) {
	switch a.transport {
	case "unix":
		name, err := a.socketName()
		if err != nil {
			return nil, err
		}
		conn, err := new(net.Dialer).DialContext(ctx, "unix", name)
		if err != nil {
			return nil, err
		}
		return newStream(conn.(*net.UnixConn))
	case "unixexec":
		return dialExec(a)
	}
	return nil, fmt.Errorf("transport %q: %w", a.transport, errors.ErrUnsupported)
}

// socketPair returns two ends of a stream, the second to hand to a child process.
func socketPair() (*net.UnixConn, *os.File, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	near, far := os.NewFile(uintptr(ends[0]), "socketpair"), os.NewFile(uintptr(ends[1]), "socketpair")
	defer near.Close()
	conn, err := net.FileConn(near)
	if err != nil {
		far.Close()
		return nil, nil, err
	}
	return conn.(*net.UnixConn), far, nil
}

// read reads at most len(p) bytes. It appends the descriptors that came with them
// to fds. End of file is io.EOF.
func (s *stream) read(p []byte, fds []int) (int, []int, error) {
	if !s.fds {
		n, err := s.conn.Read(p)
		return n, fds, err
	}
	if s.oob == nil {
		s.oob = make([]byte, syscall.CmsgSpace(scmMaxFD*4))
	}
	n, oobn, flags, _, err := s.conn.ReadMsgUnix(p, s.oob)
	if oobn > 0 {
		received, parseErr := parseRights(s.oob[:oobn])
		fds = append(fds, received...)
		if err == nil {
			err = parseErr
		}
	}
	if err == nil && flags&syscall.MSG_CTRUNC != 0 {
		err = errors.New("descriptors were lost: too many at once, or too many open")
	}
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, fds, err
}

// scmMaxFD is how many descriptors one sendmsg can carry, SCM_MAX_FD of Linux.
const scmMaxFD = 253

func parseRights(oob []byte) ([]int, error) {
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	var fds []int
	for i := range messages {
		if messages[i].Header.Level != syscall.SOL_SOCKET || messages[i].Header.Type != syscall.SCM_RIGHTS {
			continue
		}
		received, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			return fds, os.NewSyscallError("recvmsg", err)
		}
		fds = append(fds, received...)
	}
	return fds, nil
}

// write calls attempt with the socket's descriptor, and again whenever the socket
// becomes writable, until it returns true. Only one goroutine may be in it.
func (s *stream) write(attempt func(fd uintptr) bool) error { return s.raw.Write(attempt) }

// send writes what the socket takes without waiting: n is 0 when it takes nothing
// now. Descriptors go with the first byte.
func send(fd uintptr, p []byte, fds []int) (n int, err error) {
	var oob []byte
	if len(fds) > 0 {
		oob = syscall.UnixRights(fds...)
	}
	for {
		n, err = syscall.SendmsgN(int(fd), p, oob, nil, syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT)
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
		case syscall.EAGAIN:
			return 0, nil
		default:
			return 0, os.NewSyscallError("sendmsg", err)
		}
	}
}

// duplicate returns a descriptor of its own for an open file.
func duplicate(f *os.File) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return -1, err
	}
	duplicate, errno := -1, syscall.Errno(0)
	err = raw.Control(func(fd uintptr) {
		var r uintptr
		r, _, errno = syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_DUPFD_CLOEXEC, 0)
		duplicate = int(r)
	})
	if err == nil && errno != 0 {
		err = os.NewSyscallError("fcntl", errno)
	}
	if err != nil {
		return -1, err
	}
	return duplicate, nil
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}

// close ends the socket; reads and writes that wait return. A child process is
// left to wait.
func (s *stream) close() { s.conn.Close() }

// wait ends the child process of a unixexec address, if there is one, and waits
// for it.
func (s *stream) wait() error {
	if s.child == nil {
		return nil
	}
	return s.child.end(childPatience, childPatience)
}
