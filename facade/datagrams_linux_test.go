package facade

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// packetSockets returns both ends of a socket like the one that BlueZ makes for
// AcquireNotify: the first for the library, the second for BlueZ.
func packetSockets(t *testing.T) (*os.File, int) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fds[1]) })
	return os.NewFile(uintptr(fds[0]), "socket"), fds[1]
}

func texts(packets [][]byte) (all []string) {
	for _, packet := range packets {
		all = append(all, string(packet))
	}
	return all
}

func TestDatagramsTellAnEmptyPacketFromTheEnd(t *testing.T) {
	for _, test := range []struct {
		name          string
		before, after []string // sent before and after the library takes the socket
	}{
		{"nothing", nil, nil},
		{"values", []string{"a"}, []string{"bc", "def"}},
		{"empty ones between", []string{"", "a", ""}, []string{"", "", "b"}},
		{"empty ones last", []string{""}, []string{"a", "", ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, peer := packetSockets(t)
			send := func(values []string) {
				for _, value := range values {
					if err := syscall.Sendto(peer, []byte(value), 0, nil); err != nil {
						t.Fatal(err)
					}
				}
			}
			send(test.before)
			d, err := openDatagrams(file)
			if err != nil {
				t.Fatal(err)
			}
			defer d.close()
			send(test.after)
			if err := syscall.Shutdown(peer, syscall.SHUT_RDWR); err != nil { // the end, with packets still waiting
				t.Fatal(err)
			}
			got := []string{}
			if err := d.each(func(packets [][]byte) { got = append(got, texts(packets)...) }); err != nil {
				t.Errorf("at the end: %v", err)
			}
			if want := append(append([]string{}, test.before...), test.after...); !slices.Equal(got, want) {
				t.Errorf("packets %q, want %q", got, want)
			}
		})
	}
}

// More packets than fit into one batch, of all lengths, some of them empty.
func TestDatagramsKeepThePackets(t *testing.T) {
	file, peer := packetSockets(t)
	d, err := openDatagrams(file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var want []string
	go func() {
		for i := range 3*maxDatagram + 1 {
			// A write that finds the socket full waits until the reader has caught up.
			if err := syscall.Sendto(peer, bytes.Repeat([]byte{byte(i)}, i%(maxDatagram+1)), 0, nil); err != nil {
				t.Error(err)
			}
		}
		syscall.Shutdown(peer, syscall.SHUT_RDWR)
	}()
	for i := range 3*maxDatagram + 1 {
		want = append(want, strings.Repeat(string([]byte{byte(i)}), i%(maxDatagram+1)))
	}
	var got []string
	if err := d.each(func(packets [][]byte) { got = append(got, texts(packets)...) }); err != nil {
		t.Error(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d packets came of %d, or others", len(got), len(want))
	}
}

// The kernel may tell of the end though a packet has come just before it.
func TestDatagramsTakeWhatTheEndHasOvertaken(t *testing.T) {
	const end = "end"
	full := slices.Repeat([]string{"a"}, batchSize-1)
	for _, test := range []struct {
		name  string
		batch []string
		want  []string
		ended bool
	}{
		{"packets", []string{"a", "", "b"}, []string{"a", "", "b"}, false},
		{"the end", []string{end, end, end}, nil, true},
		{"packets and the end", []string{"a", "", end, end}, []string{"a", ""}, true},
		{"overtaken", []string{"a", end, "b", "", end, end}, []string{"a", "b", ""}, true},
		{"overtaken by the last of a batch", append(full, end), full, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &datagrams{batch: newBatch()}
			for i, packet := range test.batch {
				h := &d.batch.headers[i]
				h.SetControllen(controlSize)
				h.len = uint32(copy(d.batch.buffers[i][:], packet))
				if packet == end {
					h.len = 0
					h.SetControllen(0)
				}
			}
			packets, ended, err := d.take(len(test.batch))
			if got := texts(packets); !slices.Equal(got, test.want) || ended != test.ended || err != nil {
				t.Errorf("took %q, %v, %v; want %q, %v", got, ended, err, test.want, test.ended)
			}
		})
	}
}

// A peer that leaves unread what it was sent resets the connection.
func TestDatagramsLoseNothingToAReset(t *testing.T) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	near, far := os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "BlueZ's")
	_, err = near.WriteString("unread")
	_, farErr := far.WriteString("value")
	if err := errors.Join(err, farErr, far.Close()); err != nil {
		t.Fatal(err)
	}
	d, err := openDatagrams(near)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var got []string
	if err := d.each(func(packets [][]byte) { got = append(got, texts(packets)...) }); err != nil || !slices.Equal(got, []string{"value"}) {
		t.Errorf("received %q, %v", got, err)
	}
}

// A packet is the only thing that is allocated for it.
func TestDatagramsAllocateTheValuesOnly(t *testing.T) {
	const packets = 8
	file, peer := packetSockets(t)
	d, err := openDatagrams(file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	value, count := make([]byte, 20), 0
	deliver := func(packets [][]byte) { count += len(packets) }
	receive := func(fd uintptr) bool {
		if ended, err := d.receive(fd, deliver); ended || err != nil {
			t.Fatal(ended, err)
		}
		return true
	}
	got := testing.AllocsPerRun(100, func() {
		for range packets {
			if _, err := syscall.Write(peer, value); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.raw.Read(receive); err != nil {
			t.Fatal(err)
		}
	})
	if got > packets {
		t.Errorf("%v allocations for %d packets", got, packets)
	}
	if count != 101*packets { // AllocsPerRun runs it once more
		t.Errorf("%d packets came", count)
	}
}

func TestDatagramsRefuseLongPackets(t *testing.T) {
	file, peer := packetSockets(t)
	d, err := openDatagrams(file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	for _, size := range []int{maxDatagram, maxDatagram + 1} {
		if err := syscall.Sendto(peer, make([]byte, size), 0, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Shutdown(peer, syscall.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	var sizes []int
	err = d.each(func(packets [][]byte) {
		for _, packet := range packets {
			sizes = append(sizes, len(packet))
		}
	})
	if err == nil || !slices.Equal(sizes, []int{maxDatagram}) {
		t.Errorf("%v, then %v", sizes, err)
	}
}

func TestDatagramsCloseEndsTheReader(t *testing.T) {
	for _, test := range []struct {
		name         string
		waits, ended bool
		before       func(peer int) error
	}{
		{"that is about to begin", false, false, func(int) error { return nil }},
		{"that waits", true, false, func(peer int) error { return syscall.Sendto(peer, []byte("value"), 0, nil) }},
		{"that may have ended", false, true, func(peer int) error { return syscall.Shutdown(peer, syscall.SHUT_RDWR) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			file, peer := packetSockets(t)
			d, err := openDatagrams(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.before(peer); err != nil {
				t.Fatal(err)
			}
			delivered, done := make(chan struct{}, 8), make(chan error, 1)
			go func() {
				done <- d.each(func([][]byte) { delivered <- struct{}{} })
			}()
			if test.waits {
				<-delivered
				for range 1000 { // nothing tells that it waits again
					runtime.Gosched()
				}
			}
			if err := d.close(); err != nil {
				t.Fatal(err)
			}
			if err := <-done; !errors.Is(err, os.ErrClosed) && !(test.ended && err == nil) {
				t.Errorf("after close: %v", err)
			}
			if n, err := syscall.Read(peer, make([]byte, 1)); n != 0 || err != nil {
				t.Errorf("BlueZ is not told: %d, %v", n, err)
			}
		})
	}
}

func TestDatagramsWantASocket(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := openDatagrams(r); !errors.Is(err, syscall.ENOTSOCK) {
		t.Errorf("a pipe: %v", err)
	}
}

// A descriptor that comes with a packet is nobody's: the kernel closes it.
func TestDatagramsKeepNoDescriptors(t *testing.T) {
	file, peer := packetSockets(t)
	d, err := openDatagrams(file)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var pipe [2]int
	if err := syscall.Pipe2(pipe[:], syscall.O_CLOEXEC|syscall.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(pipe[0])
	if err := syscall.Sendmsg(peer, []byte("value"), syscall.UnixRights(pipe[1]), nil, 0); err != nil {
		t.Fatal(err)
	}
	syscall.Close(pipe[1])
	if err := syscall.Shutdown(peer, syscall.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	var got []string
	if err := d.each(func(packets [][]byte) { got = append(got, texts(packets)...) }); err != nil || !slices.Equal(got, []string{"value"}) {
		t.Errorf("received %q, %v", got, err)
	}
	if _, err := syscall.Read(pipe[0], make([]byte, 1)); err != nil { // EAGAIN while anybody could write
		t.Errorf("the descriptor is open: %v", err)
	}
}
