package bluetest

import (
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
	s := &packetSocket{
		file: os.NewFile(uintptr(fds[0]), "acquired"), buffer: make([]byte, longestPacket),
		control: make([]byte, syscall.CmsgSpace(syscall.SizeofUcred)),
	}
	theirs := os.NewFile(uintptr(fds[1]), "acquired by a client")
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		theirs.Close()
		return nil, nil, err
	}
	return s, theirs, nil
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

// receive waits for a packet; more is false at the end.
func (s *packetSocket) receive() (packet []byte, more bool) {
	var n, control int
	var failed error
	err := s.raw.Read(func(fd uintptr) bool {
		n, control, _, _, failed = syscall.Recvmsg(int(fd), s.buffer, s.control, 0)
		return failed != syscall.EAGAIN && failed != syscall.EINTR
	})
	if err != nil || failed != nil || n == 0 && control == 0 {
		return nil, false
	}
	return append([]byte{}, s.buffer[:n]...), true
}

// close hangs up and ends receive.
func (s *packetSocket) close() { s.file.Close() }
