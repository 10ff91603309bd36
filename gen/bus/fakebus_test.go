//go:build linux

package bus

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/gobluez/bluez/gen/wire"
)

// A fakeBus is the other end of one connection, for what a real bus does not do.
type fakeBus struct {
	t    testing.TB
	conn *net.UnixConn
	in   *bufio.Reader
	said []string // lines of the authentication
	fds  bool     // agree to descriptors
	last uint32
}

// dialFake connects to a fakeBus that has answered Hello.
func dialFake(t testing.TB, o Options) (*fakeBus, *Conn) {
	t.Helper()
	b := &fakeBus{t: t, fds: true}
	c, err := b.dial(o, (*fakeBus).welcome)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return b, c
}

// dial listens, and lets serve handle the connection that Dial makes.
func (b *fakeBus) dial(o Options, serve func(*fakeBus) error) (*Conn, error) {
	b.t.Helper()
	path := socketPath(b.t)
	listening, served := b.listen(path), make(chan error, 1)
	go func() { served <- listening(serve) }()
	c, err := Dial(within(b.t), "unix:path="+path, o)
	if serveErr := <-served; serveErr != nil && err == nil {
		b.t.Error(serveErr)
	}
	return c, err
}

// listen listens at a path. The function that it returns accepts one connection
// and serves it.
func (b *fakeBus) listen(path string) func(serve func(*fakeBus) error) error {
	b.t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		b.t.Fatal(err)
	}
	return func(serve func(*fakeBus) error) error {
		defer listener.Close()
		conn, err := listener.AcceptUnix()
		if err != nil {
			return err
		}
		b.t.Cleanup(func() { conn.Close() })
		b.conn, b.in = conn, bufio.NewReader(conn)
		return serve(b)
	}
}

// welcome authenticates the client and answers Hello.
func (b *fakeBus) welcome() error {
	if err := b.authenticate(); err != nil {
		return err
	}
	hello, _, err := b.read()
	if err != nil {
		return err
	}
	if string(hello.Member) != "Hello" {
		return fmt.Errorf("first call is %s", hello.Member)
	}
	return b.reply(&hello, "s", text(":1.7"))
}

func (b *fakeBus) authenticate() error {
	if c, err := b.in.ReadByte(); err != nil || c != 0 {
		return fmt.Errorf("no NUL to begin with: %v", err)
	}
	for {
		line, err := b.in.ReadString('\n')
		if err != nil {
			return err
		}
		line = strings.TrimSuffix(line, "\r\n")
		b.said = append(b.said, line)
		answer := "ERROR"
		switch {
		case line == "AUTH EXTERNAL":
			answer = "DATA"
		case line == "DATA", strings.HasPrefix(line, "AUTH EXTERNAL "):
			answer = "OK 1234deadbeef"
		case line == "NEGOTIATE_UNIX_FD" && b.fds:
			answer = "AGREE_UNIX_FD"
		case line == "BEGIN":
			return nil
		}
		if _, err := io.WriteString(b.conn, answer+"\r\n"); err != nil {
			return err
		}
	}
}

// read reads the client's next message.
func (b *fakeBus) read() (h wire.Header, body []byte, err error) {
	prefix, err := b.in.Peek(16)
	if err != nil {
		return h, nil, err
	}
	size, err := wire.FrameSize(prefix)
	if err != nil {
		return h, nil, err
	}
	frame := make([]byte, size)
	if _, err := io.ReadFull(b.in, frame); err != nil {
		return h, nil, err
	}
	body, err = wire.ParseFrame(frame, &h)
	return h, body, err
}

// expect reads the client's next message, which must be a call of a method.
func (b *fakeBus) expect(member string) wire.Header {
	b.t.Helper()
	h, _, err := b.read()
	if err != nil {
		b.t.Fatal(err)
	}
	if string(h.Member) != member {
		b.t.Fatalf("client calls %s, not %s", h.Member, member)
	}
	return h
}

// frame returns a message.
func (b *fakeBus) frame(h wire.Header, encode func(*wire.Encoder)) []byte {
	b.t.Helper()
	if h.Order == 0 {
		h.Order = wire.LittleEndian
	}
	b.last++
	h.Serial = b.last
	if h.Sender == nil {
		h.Sender = []byte(busService)
	}
	e := wire.NewEncoder(h.Order)
	if encode != nil {
		encode(e)
	}
	frame, err := wire.AppendFrame(nil, &h, e.Body())
	if err != nil {
		b.t.Fatal(err)
	}
	return frame
}

func (b *fakeBus) answer(call *wire.Header, sig string, fds uint32, encode func(*wire.Encoder)) []byte {
	b.t.Helper()
	h := wire.Header{Type: wire.MethodReturn, ReplySerial: call.Serial, UnixFDs: fds, Sender: []byte(":1.9")}
	if sig != "" {
		h.Signature = []byte(sig)
	}
	return b.frame(h, encode)
}

func (b *fakeBus) reply(call *wire.Header, sig string, encode func(*wire.Encoder)) error {
	_, err := b.conn.Write(b.answer(call, sig, 0, encode))
	return err
}

// write writes bytes, with descriptors.
func (b *fakeBus) write(p []byte, fds ...int) {
	b.t.Helper()
	var oob []byte
	if len(fds) > 0 {
		oob = syscall.UnixRights(fds...)
	}
	n, _, err := b.conn.WriteMsgUnix(p, oob, nil)
	if err == nil && n < len(p) {
		_, err = b.conn.Write(p[n:])
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// drain reads and drops what the client sends until it hangs up.
func (b *fakeBus) drain() {
	_, _ = io.Copy(io.Discard, b.in)
}
