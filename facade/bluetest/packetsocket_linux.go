package bluetest

import (
	"errors"
	"os"
	"syscall"
)

// A packetSocket is BlueZ's end of a pair of SEQPACKET sockets.
type packetSocket struct {
	file    *os.File
	raw     syscall.RawConn
	buffer  []byte
	control []byte
}

// longestPacket is what BlueZ takes of each packet; the rest of it is lost.
const longestPacket = 512

// newPacketSocket makes a pair and returns the other end as a file.
func newPacketSocket() (*packetSocket, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	// What tells an empty packet from the end is that a packet brings credentials.
	if err := syscall.SetsockoptInt(fds[0], syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1); err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
		return nil, nil, os.NewSyscallError("setsockopt", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "acquired by a client")
	s, err := ourEnd(fds[0])
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return s, theirs, nil
}

// ourEnd takes over a socket that does not block.
func ourEnd(fd int) (s *packetSocket, err error) {
	s = &packetSocket{
		file: os.NewFile(uintptr(fd), "acquired"), buffer: make([]byte, longestPacket),
		control: make([]byte, syscall.CmsgSpace(syscall.SizeofUcred)),
	}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		return nil, err
	}
	return s, nil
}

// packetSocketOf takes over a socket that a client has made, whose empty packets are taken
// for its end.
func packetSocketOf(file *os.File) (*packetSocket, error) {
	defer file.Close()
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	failed := raw.Control(func(theirs uintptr) { // with a file of its own, which can be waited for
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, err = syscall.Dup(int(theirs)); err == nil {
			syscall.CloseOnExec(fd)
			err = syscall.SetNonblock(fd, true)
		}
	})
	if failed != nil || err != nil {
		if fd >= 0 {
			syscall.Close(fd)
		}
		return nil, errors.Join(failed, err)
	}
	return ourEnd(fd)
}

// send sends a packet. It is false if there is no room for it, or nobody to read it.
func (s *packetSocket) send(packet []byte) bool {
	var failed error
	err := s.raw.Write(func(fd uintptr) bool {
		failed = syscall.Sendmsg(int(fd), packet, nil, nil, syscall.MSG_NOSIGNAL|syscall.MSG_DONTWAIT)
		return true
	})
	return err == nil && failed == nil
}

// receive waits for a packet; more is false at the end. The kernel may tell the end, or that
// what was sent will not be read, before the last packets: so it is asked again.
func (s *packetSocket) receive() (packet []byte, more bool) {
	for ended := false; ; ended = true {
		n, control, err := s.next()
		switch {
		case err == syscall.ECONNRESET && !ended:
		case err != nil, n == 0 && control == 0 && ended:
			return nil, false
		case n > 0 || control > 0:
			return append([]byte{}, s.buffer[:n]...), true
		}
	}
}

// next waits for a packet, or the end.
func (s *packetSocket) next() (n, control int, err error) {
	var failed error
	err = s.raw.Read(func(fd uintptr) bool {
		n, control, _, _, failed = syscall.Recvmsg(int(fd), s.buffer, s.control, 0)
		return failed != syscall.EAGAIN && failed != syscall.EINTR
	})
	if err == nil {
		err = failed
	}
	return n, control, err
}

// close hangs up and ends receive.
func (s *packetSocket) close() { s.file.Close() }
