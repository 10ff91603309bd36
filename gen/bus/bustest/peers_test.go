//go:build linux

package bustest_test

import (
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// peers are the two ends of one connection through a relay, byte by byte.
type peers struct {
	relay       *bustest.Relay
	client, bus *net.UnixConn
}

func newPeers(t testing.TB) *peers {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bus")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	p := &peers{relay: bustest.StartRelay(t, "unix:path="+path+",guid=1234")}
	abstract := "@" + strings.TrimPrefix(p.relay.Address(), "unix:abstract=")
	if p.client, err = net.DialUnix("unix", nil, &net.UnixAddr{Name: abstract, Net: "unix"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.client.Close() })
	if p.bus, err = listener.AcceptUnix(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.bus.Close() })
	for _, end := range []*net.UnixConn{p.client, p.bus} {
		if err := end.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// relayed returns the connection as the relay has it.
func (p *peers) relayed(t testing.TB) *bustest.RelayedConn {
	t.Helper()
	conns := p.relay.Connections()
	if len(conns) != 1 {
		t.Fatalf("%d connections", len(conns))
	}
	return conns[0]
}

// pass writes at one end and reads the same at the other.
func pass(t testing.TB, from, to *net.UnixConn, text string) {
	t.Helper()
	if _, err := io.WriteString(from, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(to, got); err != nil || string(got) != text {
		t.Fatalf("%q is %q at the other end: %v", text, got, err)
	}
}

// authenticate speaks the dialogue.
func (p *peers) authenticate(t testing.TB) {
	t.Helper()
	pass(t, p.client, p.bus, "\x00AUTH EXTERNAL\r\n")
	pass(t, p.bus, p.client, "DATA\r\n")
	pass(t, p.client, p.bus, "DATA\r\nNEGOTIATE_UNIX_FD\r\n")
	pass(t, p.bus, p.client, "OK 1234\r\n")
	pass(t, p.bus, p.client, "AGREE_UNIX_FD\r\n")
	pass(t, p.client, p.bus, "BEGIN\r\n")
}

// send writes a frame at the client's end, with a descriptor.
func (p *peers) send(t testing.TB, frame []byte) {
	t.Helper()
	n, _, err := p.client.WriteMsgUnix(frame, syscall.UnixRights(0), nil) // standard input will do
	if err == nil {
		_, err = p.client.Write(frame[n:])
	}
	if err != nil {
		t.Error(err)
	}
}

// closeRights closes the descriptors of control messages.
func closeRights(t testing.TB, oob []byte) {
	t.Helper()
	messages, err := syscall.ParseSocketControlMessage(oob)
	if err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range fds {
			syscall.Close(fd)
		}
	}
}

// helloCall returns the call of Hello.
func helloCall(t testing.TB) []byte {
	t.Helper()
	frame, err := wire.AppendFrame(nil, &wire.Header{
		Type: wire.MethodCall, Serial: 1, Path: []byte("/"), Member: []byte("Hello"), Destination: []byte("org.freedesktop.DBus"),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestLastWordsArriveBeforeTheEnd(t *testing.T) {
	for _, clientEnds := range []bool{false, true} {
		p := newPeers(t)
		p.authenticate(t)
		from, to := p.bus, p.client
		if clientEnds {
			from, to = to, from
		}
		const words = "more than 16 bytes that are no frame"
		if _, err := io.WriteString(from, words); err != nil {
			t.Fatal(err)
		}
		conn := p.relayed(t)
		from.Close()
		if got, err := io.ReadAll(to); err != nil || string(got) != words {
			t.Errorf("client ends %t: %q, %v", clientEnds, got, err)
		}
		to.Close()
		receive(t, conn.Done())
	}
}

// BenchmarkRelay measures what the relay alone costs for a message to the client.
func BenchmarkRelay(b *testing.B) {
	for _, filtered := range []bool{false, true} {
		b.Run(fmt.Sprintf("filtered %t", filtered), func(b *testing.B) {
			p := newPeers(b)
			p.authenticate(b)
			pass(b, p.client, p.bus, string(helloCall(b)))
			e := wire.NewEncoder(wire.LittleEndian)
			e.String(":1.1")
			name, err := wire.AppendFrame(nil, &wire.Header{Type: wire.MethodReturn, Serial: 1, ReplySerial: 1, Signature: []byte("s")}, e.Body())
			if err != nil {
				b.Fatal(err)
			}
			pass(b, p.bus, p.client, string(name))
			if filtered {
				p.relay.Filter(passAll)
			}
			frame, err := bustest.SignalFrame(":1.1", "/a", interfaceName, "Said", "s", func(e *wire.Encoder) { e.String(strings.Repeat("x", 200)) })
			if err != nil {
				b.Fatal(err)
			}
			for _, end := range []*net.UnixConn{p.client, p.bus} {
				if err := end.SetDeadline(time.Time{}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			var sender sync.WaitGroup
			sender.Go(func() {
				for range b.N {
					if _, err := p.bus.Write(frame); err != nil {
						b.Error(err)
						return
					}
				}
			})
			if _, err := io.CopyN(io.Discard, p.client, int64(b.N*len(frame))); err != nil {
				b.Error(err)
			}
			sender.Wait()
		})
	}
}
