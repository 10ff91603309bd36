package bustest

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// controlSize is how many bytes of control messages come with one read: at most 253
// descriptors, SCM_MAX_FD of Linux, after a header of at most 16 bytes.
const controlSize = 16 + 253*4 + 4

// readMsg reads bytes and the descriptors that come with them, which are the
// caller's to close, also after an error. oob is memory for controlSize bytes.
func readMsg(c *net.UnixConn, p, oob []byte) (n int, fds []int, err error) {
	n, oobn, flags, _, err := c.ReadMsgUnix(p, oob)
	if oobn > 0 {
		received, parseErr := parseRights(oob[:oobn])
		fds, err = received, errors.Join(err, parseErr)
	}
	if err == nil && flags&syscall.MSG_CTRUNC != 0 {
		err = errors.New("descriptors were lost: too many open")
	}
	return n, fds, err
}

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

// writeMsg writes all of p, and descriptors with its first byte.
func writeMsg(c *net.UnixConn, p []byte, fds []int) error {
	if len(fds) > 0 && len(p) > 0 { // descriptors need a byte to go with
		n, _, err := c.WriteMsgUnix(p, syscall.UnixRights(fds...), nil)
		if err != nil {
			return err
		}
		p = p[n:]
	}
	_, err := c.Write(p)
	return err
}

func closeFDs(fds []int) {
	for _, fd := range fds {
		syscall.Close(fd)
	}
}
