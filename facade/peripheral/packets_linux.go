package peripheral

import (
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// packets are this process' end of a socket whose other end BlueZ has. Each packet is one
// value.
type packets struct {
	*os.File
	raw    syscall.RawConn
	buffer [maxValue]byte
	oob    [32]byte // room for the credentials of a sender
}

// packetPair returns both ends of a socket. Neither waits in the kernel: bluetoothd must not
// be held up by who does not read.
func packetPair() (ours *packets, theirs *os.File, err error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	ours, theirs = &packets{File: os.NewFile(uintptr(fds[0]), "packets")}, os.NewFile(uintptr(fds[1]), "packets of BlueZ")
	// A packet without bytes and the end look the same, but that a packet brings the
	// credentials of its sender, if they are asked for.
	err = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(fds[0], syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1))
	if err == nil {
		ours.raw, err = ours.SyscallConn()
	}
	if err != nil {
		_, _ = ours.Close(), theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// Receive waits for a packet. io.EOF is that BlueZ has hung up, os.ErrClosed that this
// process has.
func (p *packets) Receive() (packet []byte, err error) {
	rawErr := p.raw.Read(func(fd uintptr) bool {
		packet, err = p.receive(int(fd))
		return err != syscall.EAGAIN
	})
	if rawErr != nil {
		return nil, os.ErrClosed
	}
	return packet, err
}

// receive takes a packet, if one is there. Linux looks for a packet first and for a hang-up
// then, so that the last packet may come after what looks like the end; and it tells that
// bluetoothd has left something unread, once, before the packets that wait. So an end counts
// only when it was told again.
func (p *packets) receive(fd int) ([]byte, error) {
	for ends := 0; ; {
		n, oob, _, _, err := syscall.Recvmsg(fd, p.buffer[:], p.oob[:], 0)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			return nil, err
		case err == syscall.ECONNRESET, err == nil && n == 0 && oob == 0:
			if ends++; ends > 2 {
				return nil, io.EOF
			}
		case err != nil:
			return nil, os.NewSyscallError("recvmsg", err)
		default:
			return append([]byte{}, p.buffer[:n]...), nil
		}
	}
}

// Send sends a packet. It waits while the socket is full. Calls must not overlap.
func (p *packets) Send(ctx context.Context, value []byte) error {
	late := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(late)
		_ = p.SetWriteDeadline(time.Unix(1, 0))
	})
	_, err := p.Write(value)
	if !stop() {
		<-late
		_ = p.SetWriteDeadline(time.Time{})
	}
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) { // before Receive has noticed
		return errUnsubscribed
	}
	return err
}
