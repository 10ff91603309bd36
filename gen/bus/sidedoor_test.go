//go:build linux

package bus

import (
	"errors"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// signals returns a channel of the signals that a connection's side door gets of
// a thing.
func signals(t testing.TB, c *Conn) <-chan *dbus.Signal {
	t.Helper()
	ch := make(chan *dbus.Signal, 100)
	c.DBus().Signal(ch)
	if err := c.DBus().AddMatchSignalContext(within(t), dbus.WithMatchInterface(thingName)); err != nil {
		t.Fatal(err)
	}
	return ch
}

// next returns what a thing's next signal says. Those of the bus are skipped.
func next(t testing.TB, ch <-chan *dbus.Signal) string {
	t.Helper()
	for {
		if s := receive(t, ch); s.Sender != busService {
			return s.Body[0].(string)
		}
	}
}

func TestGodbusSharesTheConnection(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/a", ExportOptions{}, newThing(echo()))
	if names := client.DBus().Names(); names[0] != client.UniqueName() {
		t.Errorf("%s, %s", names, client.UniqueName())
	}
	var got string
	err := client.DBus().Object(serviceName, "/a").CallWithContext(within(t), thingName+".Echo", 0, "hello").Store(&got)
	if err != nil || got != "hello" {
		t.Error(got, err)
	}
	err = client.DBus().Object(serviceName, "/b").CallWithContext(within(t), thingName+".Echo", 0, "hello").Err
	if e, ok := errors.AsType[dbus.Error](err); !ok || e.Name != ErrUnknownObject.Name {
		t.Error(err)
	}
}

// greeter is exported through godbus.
type greeter struct{}

func (greeter) Greet(name string) (string, *dbus.Error) { return "hello " + name, nil }

func TestGodbusServesBesideSkeletons(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/a", ExportOptions{}, newThing(echo()))
	const greeterName = "org.example.Greeter1"
	for _, path := range []dbus.ObjectPath{"/a", "/b"} {
		if err := service.DBus().Export(greeter{}, path, greeterName); err != nil {
			t.Fatal(err)
		}
		var got string
		err := client.Object(serviceName, path).Call(within(t), Method{Interface: greeterName, Name: "Greet", In: "s", Out: "s"},
			text("you"), func(d *wire.Decoder) { got = d.String() })
		if err != nil || got != "hello you" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if err := callEcho(within(t), client.Object(serviceName, "/a"), "x"); err != nil {
		t.Error(err)
	}
}

func TestGodbusKeepsAccountOfNames(t *testing.T) {
	address := bustest.Start(t).Address()
	service, client := dial(t, address, Options{}), dial(t, address, Options{})
	s, err := service.bus().Subscribe(within(t), busInterface, "NameAcquired", "s", func(*wire.Decoder) {}) // consumed
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := service.DBus().Export(greeter{}, "/a", "org.example.Greeter1"); err != nil {
		t.Fatal(err)
	}
	own(t, service, serviceName)
	// godbus serves calls to names that it knows to be its own only.
	if err := client.Object(serviceName, "/a").Call(within(t), Method{Interface: "org.example.Greeter1", Name: "Greet", In: "s", Out: "s"}, text("x"), nil); err != nil {
		t.Error(err)
	}
}

func TestConsumedSignalsAreNotRepeated(t *testing.T) {
	address := bustest.Start(t).Address()
	service, client := dial(t, address, Options{}), dial(t, address, Options{})
	echoing := dial(t, address, Options{EchoSignals: true})
	own(t, service, serviceName)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	quiet, loud := signals(t, client), signals(t, echoing)
	said := make(chan string, 10)
	for _, c := range []*Conn{client, echoing} {
		subscribeSaid(t, c.Object(serviceName, "/a"), func(what string) { said <- what })
	}
	say(t, a, "x")
	receive(t, said)
	receive(t, said)
	if err := a.Emit("Other", "s", text("y")); err != nil {
		t.Fatal(err)
	}
	if got := next(t, quiet); got != "y" {
		t.Error(got)
	}
	if got := next(t, loud) + next(t, loud); got != "xy" {
		t.Error(got)
	}
}

func TestClosingEitherClosesBoth(t *testing.T) {
	address := bustest.Start(t).Address()
	a, b := dial(t, address, Options{}), dial(t, address, Options{})
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	receive(t, a.DBus().Context().Done())
	if a.Err() != ErrClosed {
		t.Error(a.Err())
	}
	if err := b.DBus().Close(); err != nil {
		t.Error(err)
	}
	receive(t, b.Done())
	if err := b.Close(); err != nil || !errors.Is(b.Err(), ErrClosed) {
		t.Error(err, b.Err())
	}
}

func TestGodbusThatIsNotReadLosesSignalsNotMemory(t *testing.T) {
	b, c := dialFake(t, Options{})
	// A call whose result nobody takes blocks godbus' reader.
	done := make(chan *dbus.Call, 1)
	done <- nil
	c.DBus().BusObject().Go("org.freedesktop.DBus.ListNames", 0, done)
	call := b.expect("ListNames")
	if err := b.reply(&call, "as", func(e *wire.Encoder) { e.EndArray(e.Array(4)) }); err != nil {
		t.Fatal(err)
	}
	signal := b.frame(wire.Header{
		Type: wire.Signal, Path: []byte("/"), Interface: []byte("a.b"), Member: []byte("C"), Signature: []byte("s"),
	}, text(strings.Repeat("x", 1<<20)))
	for range 30 {
		b.write(signal)
	}
	go func() {
		ping := b.expect("Ping")
		b.reply(&ping, "", nil)
	}()
	settle(t, c)
	if stats := c.Stats(); stats.Dropped < 10 || stats.Backlog > maxBacklog {
		t.Errorf("%+v", stats)
	}
	<-done // and now it goes on
	eventually(t, "the backlog shrinks", func() bool { return c.Stats().Backlog == 0 })
}
