package facade

import (
	"bytes"
	"os"
	"slices"
	"syscall"
	"testing"
)

// A packetScript is what a fuzzer sends: each byte is a packet.
type packetScript []byte

// send sends the packets and hangs up. The upper two bits of a byte say what comes with
// the packet, or that it is about as long as a batch has room for; the others how long.
func (s packetScript) send(t *testing.T, socket int) {
	defer syscall.Shutdown(socket, syscall.SHUT_RDWR)
	for i, step := range s {
		size := int(step & 63)
		var control []byte
		switch step >> 6 {
		case 1:
			size += maxDatagram - 32
		case 2:
			control = syscall.UnixRights(socket)
		case 3:
			control = syscall.UnixCredentials(&syscall.Ucred{Pid: int32(os.Getpid()), Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())})
		}
		packet := bytes.Repeat([]byte{byte(i)}, size)
		if err := syscall.Sendmsg(socket, packet, control, nil, syscall.MSG_NOSIGNAL); err != nil { // waits while the socket is full
			t.Errorf("packet %d: %v", i, err)
			return
		}
	}
}

// A received is a packet as it was received.
type received struct {
	packet    string
	truncated bool
}

// FuzzBatch receives packets in batches, and once more one by one.
func FuzzBatch(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 20, 0, 20, 0})                   // empty ones between
	f.Add([]byte{64 + 31, 64 + 32, 64 + 33, 64, 1})  // as long as can be, and longer
	f.Add([]byte{128, 128 + 20, 192, 192 + 20, 20})  // with a descriptor, with credentials
	f.Add(bytes.Repeat([]byte{20, 0, 64 + 63}, 100)) // more than a batch
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 10*batchSize {
			return
		}
		got := receiveAll(t, script, func(fd int) (all []received) {
			b := newBatch()
			for ends := 0; ends < 2; { // the first may have overtaken packets
				n, err := b.receive(uintptr(fd))
				if err != nil || n < 1 || n > batchSize {
					t.Fatalf("received %d packets: %v", n, err)
				}
				for i := range n {
					packet, truncated, end := b.packet(i)
					if end {
						ends++
						continue
					}
					all = append(all, received{string(packet), truncated})
				}
			}
			return all
		})
		want := receiveAll(t, script, func(fd int) (all []received) {
			packet, control := make([]byte, maxDatagram), make([]byte, controlSize)
			for ends := 0; ends < 2; {
				n, controlled, flags, _, err := syscall.Recvmsg(fd, packet, control, 0)
				if err != nil {
					t.Fatal(err)
				}
				if n == 0 && controlled == 0 {
					ends++
					continue
				}
				all = append(all, received{string(packet[:n]), flags&syscall.MSG_TRUNC != 0})
			}
			return all
		})
		if !slices.Equal(got, want) {
			t.Errorf("in batches came %d packets, one by one %d, or others", len(got), len(want))
		}
		if len(want) != len(script) {
			t.Errorf("%d packets of %d came", len(want), len(script))
		}
	})
}

// receiveAll receives what a script sends.
func receiveAll(t *testing.T, script packetScript, receive func(fd int) []received) []received {
	t.Helper()
	near, far := packetSockets(t)
	sent := make(chan struct{})
	defer func() { <-sent }()
	defer near.Close() // first, lest the sender waits
	if err := syscall.SetsockoptInt(int(near.Fd()), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(sent)
		script.send(t, far)
	}()
	return receive(int(near.Fd()))
}
