//go:build linux

package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

func TestAuthenticationSaysNoMoreThanAsked(t *testing.T) {
	for uid, want := range map[string]string{
		"":     "AUTH EXTERNAL|DATA|NEGOTIATE_UNIX_FD|BEGIN",
		"1000": "AUTH EXTERNAL 31303030|NEGOTIATE_UNIX_FD|BEGIN",
	} {
		b, c := dialFake(t, Options{AuthUID: uid})
		if got := strings.Join(b.said, "|"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
		if c.UniqueName() != ":1.7" {
			t.Error(c.UniqueName())
		}
	}
}

func TestRefusedAuthenticationIsTyped(t *testing.T) {
	address := bustest.Start(t).Address()
	_, err := Dial(within(t), address, Options{AuthUID: "12345"})
	if !errors.Is(err, ErrAuthentication) || errors.Is(err, ErrNoBus) {
		t.Error(err)
	}
	for _, answer := range []string{"REJECTED EXTERNAL\r\n", "NONSENSE\r\n", strings.Repeat("x", maxAuthLine+9), "DATA\r\nDATA\r\n", "OK 12\r\nNONSENSE\r\n", "OK"} {
		b := &fakeBus{t: t}
		_, err := b.dial(Options{}, func(b *fakeBus) error {
			io.WriteString(b.conn, answer)
			return b.conn.CloseWrite()
		})
		refused := strings.HasPrefix(answer, "REJ")
		if errors.Is(err, ErrAuthentication) != refused || errors.Is(err, ErrNoBus) == refused {
			t.Errorf("%.20q: %v", answer, err)
		}
	}
}

func TestDialEndsWithItsContext(t *testing.T) {
	for name, serve := range map[string]func(*fakeBus) error{
		"in authentication": func(b *fakeBus) error { return nil },
		"in hello": func(b *fakeBus) error {
			if err := b.authenticate(); err != nil {
				return err
			}
			_, _, err := b.read()
			return err
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		b := &fakeBus{t: t}
		path := socketPath(t)
		listening := b.listen(path)
		ended := make(chan error)
		go func() {
			_, err := Dial(ctx, "unix:path="+path, Options{})
			ended <- err
		}()
		if err := listening(serve); err != nil {
			t.Fatal(name, err)
		}
		cancel()
		if err := receive(t, ended); !errors.Is(err, context.Canceled) || errors.Is(err, ErrNoBus) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHelloThatFailsIsAnError(t *testing.T) {
	b := &fakeBus{t: t}
	_, err := b.dial(Options{}, func(b *fakeBus) error {
		if err := b.authenticate(); err != nil {
			return err
		}
		hello, _, err := b.read()
		if err != nil {
			return err
		}
		_, err = b.conn.Write(b.frame(wire.Header{Type: wire.Error, ErrorName: []byte(ErrLimitsExceeded.Name), ReplySerial: hello.Serial, Signature: []byte("s")}, text("too many")))
		return err
	})
	if !errors.Is(err, ErrNoBus) || !strings.Contains(err.Error(), "too many") {
		t.Error(err)
	}
}

func TestMalformedFrameClosesTheConnection(t *testing.T) {
	b := &fakeBus{t: t}
	good := b.frame(wire.Header{Type: wire.Signal, Path: []byte("/a"), Interface: []byte(thingName), Member: []byte("Said"), Signature: []byte("s")}, text("hello"))
	for name, spoil := range map[string]func([]byte) []byte{
		"byte order":     func(f []byte) []byte { f[0] = 'x'; return f },
		"header length":  func(f []byte) []byte { f[15] = 0xff; return f },
		"header padding": func(f []byte) []byte { f[12]++; return f },
		"text length":    func(f []byte) []byte { f[len(f)-10] = 200; return f },
		"text":           func(f []byte) []byte { f[len(f)-3] = 0xff; return f },
		"cut":            func(f []byte) []byte { return f[:len(f)-1] },
	} {
		b, c := dialFake(t, Options{})
		ended := make(chan error)
		go func() { ended <- callEcho(within(t), c.Object(":1.9", "/a"), "x") }()
		b.expect("Echo")
		b.write(spoil(bytes.Clone(good)))
		b.conn.CloseWrite()
		err := receive(t, ended)
		_, malformed := errors.AsType[*wire.FormatError](err)
		if !errors.Is(err, ErrClosed) || malformed == (name == "cut") || malformed == errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %v", name, err)
		}
		b.drain() // the client has hung up
	}
}

func TestMalformedBodiesCloseTheConnection(t *testing.T) {
	bad := func(e *wire.Encoder) { // an array that ends behind the body
		e.Uint32(100)
	}
	for name, test := range map[string]func(*fakeBus, *Conn){
		"reply": func(b *fakeBus, c *Conn) {
			go c.Object(":1.9", "/a").Call(within(t), Method{Interface: thingName, Name: "List", Out: "as"}, nil,
				func(d *wire.Decoder) {
					for end := d.Array(4); d.More(end); {
						d.StringView()
					}
				})
			call := b.expect("List")
			b.reply(&call, "as", bad)
		},
		"signal": func(b *fakeBus, c *Conn) {
			go c.Object(":1.9", "/a").Subscribe(within(t), thingName, "Listed", "as", func(d *wire.Decoder) { d.Array(4) })
			call := b.expect("AddMatch")
			b.reply(&call, "", nil)
			b.write(b.frame(wire.Header{Type: wire.Signal, Sender: []byte(":1.9"), Path: []byte("/a"), Interface: []byte(thingName), Member: []byte("Listed"), Signature: []byte("as")}, bad))
		},
		"call": func(b *fakeBus, c *Conn) {
			go c.Export(t.Context(), "/a", ExportOptions{}, newThing(method("List", "as", "", func(_ context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
				d.Array(4)
				return nil, nil
			})))
			call := b.expect("AddMatch")
			b.reply(&call, "", nil)
			eventually(t, "it is exported", func() bool { return c.Stats().Exports == 1 })
			b.write(b.frame(wire.Header{Type: wire.MethodCall, Sender: []byte(":1.9"), Path: []byte("/a"), Interface: []byte(thingName), Member: []byte("List"), Signature: []byte("as")}, bad))
		},
		"for godbus": func(b *fakeBus, c *Conn) {
			b.write(b.frame(wire.Header{Type: wire.Signal, Path: []byte("/a"), Interface: []byte(thingName), Member: []byte("Listed"), Signature: []byte("as")}, bad))
		},
	} {
		b, c := dialFake(t, Options{})
		test(b, c)
		receive(t, c.Done())
		if _, ok := errors.AsType[*wire.FormatError](c.Err()); !ok {
			t.Errorf("%s: %v", name, c.Err())
		}
	}
}

func TestWhatGodbusCannotTakeIsKeptFromIt(t *testing.T) {
	var log bytes.Buffer
	b, c := dialFake(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	ch := make(chan *dbus.Signal, 10)
	c.DBus().Signal(ch)
	signal := wire.Header{Type: wire.Signal, Path: []byte("/"), Interface: []byte(busInterface)}
	for _, member := range []string{"NameAcquired", "NameLost"} { // without their argument
		signal.Member = []byte(member)
		b.write(b.frame(signal, nil))
	}
	unknown := b.frame(signal, nil)
	unknown[1] = 77 // a type of message that is to be ignored
	b.write(unknown)
	signal.Member, signal.Flags = []byte("Flagged"), 0x80 // to be ignored
	b.write(b.frame(signal, nil))
	signal.Flags = 0

	result := c.DBus().BusObject().Go("org.freedesktop.DBus.Give", 0, make(chan *dbus.Call, 1)).Done
	call := b.expect("Give")
	r, w := pipe(t)
	defer r.Close()
	defer w.Close()
	b.write(b.answer(&call, "h", 1, func(e *wire.Encoder) { e.Uint32(0) }), int(r.Fd()))
	if err := receive(t, result).Err; err == nil || !strings.Contains(err.Error(), "descriptors") {
		t.Errorf("reply with a descriptor: %v", err)
	}

	signal.Member = []byte("Fine")
	b.write(b.frame(signal, nil))
	for _, want := range []string{"Flagged", "Fine"} {
		if got := receive(t, ch); got.Name != busInterface+"."+want {
			t.Errorf("%s, want %s", got.Name, want)
		}
	}
	if c.Err() != nil || !strings.Contains(log.String(), "message kept from godbus") {
		t.Errorf("%v, log %s", c.Err(), &log)
	}
}

func TestMissingDescriptorsFailTheirCallAlone(t *testing.T) {
	b, c := dialFake(t, Options{})
	open := func() <-chan string {
		ended := make(chan string, 1)
		go func() {
			content := ""
			err := c.Object(":1.9", "/a").Call(within(t), openCall, nil, func(d *wire.Decoder) {
				if f := d.UnixFD(); f != nil {
					all, _ := io.ReadAll(f)
					f.Close()
					content = string(all)
				}
			})
			ended <- fmt.Sprint(content, err)
		}()
		return ended
	}
	ended := open()
	call := b.expect("Open")
	number := func(n uint32) func(*wire.Encoder) { return func(e *wire.Encoder) { e.Uint32(n) } }
	b.write(b.answer(&call, "h", 1, number(0)))
	if got := receive(t, ended); !strings.Contains(got, "claims 1 descriptors, 0 arrived") {
		t.Error(got)
	}
	ended = open()
	call = b.expect("Open")
	before := openFDs(t)
	b.write(b.answer(&call, "h", 1, number(7)), lent(t, "x"))
	if got := receive(t, ended); !strings.Contains(got, "descriptor 7 of 1") {
		t.Error(got)
	}
	if after := openFDs(t); after != before+1 { // the one that is lent
		t.Errorf("%d descriptors open, %d before", after, before)
	}
	ended = open()
	call = b.expect("Open")
	frame := b.answer(&call, "h", 1, number(0))
	b.write(frame[:20])
	b.write(frame[20:], lent(t, "hello"))
	if got := receive(t, ended); got != "hello<nil>" {
		t.Error(got)
	}
	if c.Err() != nil {
		t.Error(c.Err())
	}
}

func TestBusWithoutDescriptors(t *testing.T) {
	b := &fakeBus{t: t}
	c, err := b.dial(Options{}, (*fakeBus).welcome)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, w := pipe(t)
	defer r.Close()
	defer w.Close()
	before := openFDs(t)
	err = c.Object(":1.9", "/a").Call(within(t), Method{Interface: thingName, Name: "Take", In: "h"}, func(e *wire.Encoder) { e.UnixFD(r) }, nil)
	if err == nil || !strings.Contains(err.Error(), "cannot carry descriptors") {
		t.Error(err)
	}
	if c.Stats().InFlight != 0 || openFDs(t) != before {
		t.Errorf("%+v, %d descriptors", c.Stats(), openFDs(t)-before)
	}
}

func TestBigEndianPeerIsUnderstood(t *testing.T) {
	b, c := dialFake(t, Options{})
	ended := make(chan error)
	go func() { ended <- callEcho(within(t), c.Object(":1.9", "/a"), "hello") }()
	call := b.expect("Echo")
	b.write(b.frame(wire.Header{Order: wire.BigEndian, Type: wire.MethodReturn, ReplySerial: call.Serial, Signature: []byte("s"), Sender: []byte(":1.9")}, text("hello")))
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
}

func TestRepliesThatNobodyAskedForAreIgnored(t *testing.T) {
	b, c := dialFake(t, Options{})
	for _, serial := range []uint32{5, firstSerial + 5} {
		b.write(b.answer(&wire.Header{Serial: serial}, "h", 1, func(e *wire.Encoder) { e.Uint32(0) }), lent(t, "x"))
	}
	ended := make(chan error)
	go func() { ended <- callEcho(within(t), c.Object(":1.9", "/a"), "x") }()
	call := b.expect("Echo")
	b.reply(&call, "s", text("x"))
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
}

func TestTraceHasHeadersAndNoValues(t *testing.T) {
	var trace bytes.Buffer
	b, c := dialFake(t, Options{Trace: &trace})
	ended := make(chan error)
	go func() { ended <- callEcho(within(t), c.Object("org.example.Service", "/a"), "secret") }()
	call := b.expect("Echo")
	b.reply(&call, "s", text("secret"))
	if err := receive(t, ended); err != nil {
		t.Error(err)
	}
	c.Close()
	lines := strings.Split(trace.String(), "\n")
	if len(lines) != 5 || strings.Contains(trace.String(), "secret") ||
		lines[2] != "-> method_call 2147483648 to org.example.Service path /a org.example.Thing1.Echo (s) 11 bytes" ||
		lines[3] != "<- method_return 2 reply to 2147483648 from :1.9 (s) 11 bytes" {
		t.Errorf("%s", &trace)
	}
}

func TestUnixexecChildIsEndedAndWaitedFor(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // of the child
	daemon := bustest.Start(t)
	self := executable(t)
	addresses, err := parseAddresses(daemon.Address())
	if err != nil {
		t.Fatal(err)
	}
	socket, err := addresses[0].socketName()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Dial(within(t), "unixexec:path="+self+",argv1=relay,argv2="+socket, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.bus().Ping(within(t)); err != nil {
		t.Error(err)
	}
	if c.stream.fds {
		t.Error("descriptors were negotiated with a program")
	}
	pid := c.stream.child.cmd.Process.Pid
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the child lives on: %v", err)
	}
}

func TestUnixexecChildThatFailsIsQuoted(t *testing.T) {
	_, err := Dial(within(t), "unixexec:path="+executable(t)+",argv1=fail", Options{})
	if !errors.Is(err, ErrNoBus) || !strings.Contains(err.Error(), "exit status 3: no such host") {
		t.Error(err)
	}
	if _, err := Dial(within(t), "unixexec:path=/nonexistent", Options{}); !errors.Is(err, ErrNoBus) {
		t.Error(err)
	}
}

func TestUnixexecChildThatStaysIsAskedAndThenKilled(t *testing.T) {
	t.Setenv("GORACE", "atexit_sleep_ms=0") // of the child
	for _, test := range []struct {
		child string
		mercy time.Duration
		want  syscall.Signal
	}{
		{"stay", time.Hour, syscall.SIGTERM},
		{"defy", 0, syscall.SIGKILL},
	} {
		s, err := dialExec(address{keys: map[string]string{"path": executable(t), "argv1": test.child}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.read(make([]byte, 1), nil); err != nil { // it is ready
			t.Errorf("%s: %v", test.child, err)
		}
		s.close()
		if err := s.child.end(0, test.mercy); err != nil {
			t.Errorf("%s: %v", test.child, err)
		}
		if got := s.child.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal(); got != test.want {
			t.Errorf("%s: ended by %v, want %v", test.child, got, test.want)
		}
	}
}

// lent returns a descriptor that a name can be read from, closed with the test.
func lent(t testing.TB, name string) int {
	t.Helper()
	fd := named(t, name)
	t.Cleanup(func() { syscall.Close(fd) })
	return fd
}
