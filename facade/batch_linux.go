package facade

import (
	"syscall"
	"unsafe"
)

// A batch receives several packets with one system call, recvmmsg(2), of which package
// syscall knows the number only. That halves what a notification costs when they come
// fast: a wake-up then finds several.
type batch struct {
	headers  [batchSize]header
	vectors  [batchSize]syscall.Iovec
	buffers  [batchSize][maxDatagram]byte
	controls [batchSize][controlSize]byte
}

const (
	batchSize = 16
	// controlSize is room for the credentials of a packet's sender: CMSG_SPACE of 12
	// bytes, or more.
	controlSize = 32
)

// A header is the kernel's struct mmsghdr.
type header struct {
	syscall.Msghdr
	len uint32
}

// newBatch returns a batch whose headers point to its own buffers. It must not be copied.
func newBatch() *batch {
	b := new(batch)
	for i := range b.headers {
		b.vectors[i].Base = &b.buffers[i][0]
		b.vectors[i].SetLen(maxDatagram)
		b.headers[i].Iov, b.headers[i].Iovlen = &b.vectors[i], 1
		b.headers[i].Control = &b.controls[i][0]
	}
	return b
}

// receive receives what waits, at least one packet and at most a batch, without waiting.
func (b *batch) receive(fd uintptr) (n int, err error) {
	for i := range b.headers { // the kernel has written what it used
		b.headers[i].SetControllen(controlSize)
		b.headers[i].Flags = 0
	}
	for {
		// The pointer is to the first of batchSize headers, all of them in b, which lives
		// until the call returns.
		r, _, errno := syscall.Syscall6(syscall.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&b.headers[0])), batchSize, syscall.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(r), nil
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
