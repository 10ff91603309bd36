package facade

import (
	"bytes"
	"errors"
	"os"
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
			if err := d.each(func(packet []byte) { got = append(got, string(packet)) }); err != nil {
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
	if err := d.each(func(packet []byte) { got = append(got, string(packet)) }); err != nil {
		t.Error(err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d packets came of %d, or others", len(got), len(want))
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
	var sizes []int
	err = d.each(func(packet []byte) { sizes = append(sizes, len(packet)) })
	if err == nil || !slices.Equal(sizes, []int{maxDatagram}) {
		t.Errorf("%v, then %v", sizes, err)
	}
}

func TestDatagramsCloseEndsTheReader(t *testing.T) {
	file, _ := packetSockets(t)
	d, err := openDatagrams(file)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		done <- d.each(func([]byte) {})
	}()
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("after close: %v", err)
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
