//go:build linux

package bustest_test

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// within returns a ctx that ends a test which hangs.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// dial opens a connection that ends with the test.
func dial(t testing.TB, address string) *bus.Conn {
	t.Helper()
	c, err := bus.Dial(within(t), address, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// receive waits for a value from ch.
func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-within(t).Done():
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// eventually waits until a condition holds, for what has no event of its own.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := within(t); !condition(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// openFDs returns how many descriptors this process has open.
func openFDs(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) - 1 // but the one that reads the directory
}

const (
	serviceName   = "org.example.Service"
	interfaceName = "org.example.Thing1"
)

var (
	echo = bus.Method{Interface: interfaceName, Name: "Echo", In: "s", Out: "s"}
	swap = bus.Method{Interface: interfaceName, Name: "Swap", In: "hs", Out: "hs"}
)

// A thing is served at /a of org.example.Service. Echo returns its string. Swap reads
// what the file that it gets holds, and returns that with a file that holds its
// string. It says things by the signal Said(s).
type thing struct {
	bus.Emitter
}

func (s *thing) Serve() *bus.ServedInterface {
	return &bus.ServedInterface{
		Name: interfaceName,
		XML:  `<interface name="org.example.Thing1"/>`,
		Methods: []bus.ServedMethod{
			{Method: echo, Serve: func(_ context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
				s := d.String()
				return func(e *wire.Encoder) { e.String(s) }, nil
			}},
			{Method: swap, Serve: func(_ context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
				f, s := d.UnixFD(), d.String()
				if d.Err() != nil {
					return nil, nil
				}
				held, err := contents(f)
				if err != nil {
					return nil, err
				}
				returned, err := fileWith(s)
				if err != nil {
					return nil, err
				}
				return func(e *wire.Encoder) { e.UnixFD(returned); e.String(held) }, nil
			}},
		},
		Emitter: &s.Emitter,
	}
}

func (s *thing) say(t testing.TB, text string) {
	t.Helper()
	if err := s.Emit("Said", "s", func(e *wire.Encoder) { e.String(text) }); err != nil {
		t.Error(err)
	}
}

// contents reads a file to its end and closes it.
func contents(f *os.File) (string, error) {
	all, err := io.ReadAll(f)
	return string(all), errors.Join(err, f.Close())
}

// fileWith returns a file that holds a text.
func fileWith(text string) (*os.File, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = w.WriteString(text)
	return r, errors.Join(err, w.Close())
}

func callEcho(ctx context.Context, c *bus.Conn, s string) (string, error) {
	var got string
	err := c.Object(serviceName, "/a").Call(ctx, echo,
		func(e *wire.Encoder) { e.String(s) }, func(d *wire.Decoder) { got = d.String() })
	return got, err
}

func checkEcho(t testing.TB, c *bus.Conn, s string) {
	t.Helper()
	if got, err := callEcho(within(t), c, s); err != nil || got != s {
		t.Errorf("echo of %.20q is %.20q: %v", s, got, err)
	}
}

// callSwap sends a file that holds one text and a string, and returns what the service
// read from the file, and what it returned in one.
func callSwap(ctx context.Context, c *bus.Conn, inFile, inString string) (read, returned string, err error) {
	f, err := fileWith(inFile)
	if err != nil {
		return "", "", err
	}
	var got *os.File
	err = c.Object(serviceName, "/a").Call(ctx, swap,
		func(e *wire.Encoder) { e.UnixFD(f); e.String(inString) },
		func(d *wire.Decoder) { got, read = d.UnixFD(), d.String() })
	err = errors.Join(err, f.Close())
	if got != nil {
		var readErr error
		returned, readErr = contents(got)
		err = errors.Join(err, readErr)
	}
	return read, returned, err
}

func checkSwap(t testing.TB, c *bus.Conn) {
	t.Helper()
	read, returned, err := callSwap(within(t), c, "there", "back")
	if err != nil || read != "there" || returned != "back" {
		t.Errorf("the service read %q and returned %q: %v", read, returned, err)
	}
}

// A stage is a bus, a relay in front of it, a service on the bus and a client of the
// relay.
type stage struct {
	daemon  *bustest.Daemon
	relay   *bustest.Relay
	service *bus.Conn
	thing   *thing
	client  *bus.Conn
	conn    *bustest.RelayedConn // the client's
	said    chan string          // what the client heard, up to 100
}

func newStage(t testing.TB) *stage {
	t.Helper()
	s := &stage{daemon: bustest.Start(t)}
	s.relay = bustest.StartRelay(t, s.daemon.Address())
	s.serve(t)
	s.dial(t)
	return s
}

// serve starts the service.
func (s *stage) serve(t testing.TB) {
	t.Helper()
	s.service, s.thing = dial(t, s.daemon.Address()), new(thing)
	if _, err := s.service.Export(within(t), "/a", bus.ExportOptions{}, s.thing); err != nil {
		t.Fatal(err)
	}
	if err := s.service.RequestName(within(t), serviceName); err != nil {
		t.Fatal(err)
	}
}

// dial starts the client.
func (s *stage) dial(t testing.TB) {
	t.Helper()
	s.client, s.said = dial(t, s.relay.Address()), make(chan string, 100)
	if s.conn = s.relay.Connection(s.client.UniqueName()); s.conn == nil {
		t.Fatalf("the relay does not know %s", s.client.UniqueName())
	}
	said := s.said
	_, err := s.client.Object(serviceName, "/a").Subscribe(within(t), interfaceName, "Said", "s",
		func(d *wire.Decoder) { said <- d.String() })
	if err != nil {
		t.Fatal(err)
	}
}

// settle waits until the client has handled what the bus sent it before now.
func (s *stage) settle(t testing.TB) {
	t.Helper()
	if err := s.client.Object("org.freedesktop.DBus", "/").Ping(within(t)); err != nil {
		t.Fatal(err)
	}
}

// checkSaid compares what the client heard since the last time, in order.
func (s *stage) checkSaid(t testing.TB, want ...string) {
	t.Helper()
	for _, text := range want {
		if got := receive(t, s.said); got != text {
			t.Errorf("heard %q, not %q", got, text)
		}
	}
	s.settle(t)
	select {
	case more := <-s.said:
		t.Errorf("heard %q as well", more)
	default:
	}
}

// isSaid reports whether a frame is the signal Said, and what it says.
func isSaid(f *bustest.Frame) (text string, ok bool) {
	if f.Header.Type != wire.Signal || string(f.Header.Member) != "Said" {
		return "", false
	}
	return wire.NewDecoder(f.Body, f.Header.Order, nil).String(), true
}

// saidFrame returns the signal Said as the service would send it.
func (s *stage) saidFrame(t testing.TB, text string) []byte {
	t.Helper()
	frame, err := bustest.SignalFrame(s.service.UniqueName(), "/a", interfaceName, "Said", "s",
		func(e *wire.Encoder) { e.String(text) })
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// checkLost waits until the client's connection has ended.
func (s *stage) checkLost(t testing.TB, want error) {
	t.Helper()
	receive(t, s.client.Done())
	if err := s.client.Err(); want != nil && !errors.Is(err, want) {
		t.Errorf("the client lost the bus by %v, not %v", err, want)
	}
	receive(t, s.conn.Done())
}
