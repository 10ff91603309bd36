package facade

import (
	"syscall"
	"unsafe"
)

// A batch receives several packets with one system call, recvmmsg(2), of which package
// syscall knows the number only. Where notifications come fast that halves what one
// costs: while the first is taken from the socket, others come.
type batch struct {
	headers  [batchSize]header
	vectors  [batchSize]syscall.Iovec
	buffers  [batchSize][maxDatagram]byte
	controls [batchSize][controlSize]byte
	used     int // headers that the kernel has written to
}

const (
	// batchSize is measured: with twice as many a notification costs 4 % less, with half
	// as many 6 % more.
	batchSize = 64
	// controlSize is room for the credentials of a packet's sender, CMSG_SPACE of 12
	// bytes, and not for a descriptor behind them.
	controlSize = 32
)

// A header is the kernel's struct mmsghdr.
type header struct {
	syscall.Msghdr
	len uint32
}

// newBatch returns a batch whose headers point to its own buffers. It must not be copied.
func newBatch() *batch {
	b := &batch{used: batchSize}
	for i := range b.headers {
		b.vectors[i].Base = &b.buffers[i][0]
		b.vectors[i].SetLen(maxDatagram)
		b.headers[i].Iov, b.headers[i].Iovlen = &b.vectors[i], 1
		b.headers[i].Control = &b.controls[i][0]
	}
	return b
}

// receive waits for a packet, and receives it with all others that wait, at most a
// batch.
func (b *batch) receive(fd uintptr) (n int, err error) {
	for i := range b.used {
		b.headers[i].SetControllen(controlSize)
	}
	for b.used = 0; ; {
		// The pointer is to the first of batchSize headers, all of them in b, which lives
		// until the call returns.
		r, _, errno := syscall.Syscall6(syscall.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), batchSize, syscall.MSG_WAITFORONE, 0, 0)
		switch errno {
		case 0:
			b.used = int(r)
			return b.used, nil
		case syscall.EINTR:
		default:
			return 0, errno
		}
	}
}

// packet returns a packet that receive has received, valid until the next one, and
// whether it is only a part, or no packet but the end: that has no sender.
func (b *batch) packet(i int) (packet []byte, truncated, end bool) {
	h := &b.headers[i]
	end = h.len == 0 && h.Controllen == 0
	return b.buffers[i][:min(h.len, maxDatagram)], h.Flags&syscall.MSG_TRUNC != 0, end
}
