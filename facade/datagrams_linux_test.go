package facade

import (
	"errors"
	"os"
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
			for i, want := range append(test.before, test.after...) {
				packet, more, err := d.next()
				if err != nil || !more || string(packet) != want {
					t.Fatalf("packet %d = %q, %v, %v; want %q", i, packet, more, err, want)
				}
			}
			if packet, more, err := d.next(); err != nil || more {
				t.Errorf("at the end: %q, %v, %v", packet, more, err)
			}
		})
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
		_, _, err := d.next()
		done <- err
	}()
	if err := d.close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Errorf("next after close: %v", err)
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
