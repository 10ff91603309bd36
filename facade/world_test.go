//go:build linux

package facade

import (
	"context"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

// A world is a simulated BlueZ that notes the calls to it.
type world struct {
	*bluetest.World
	t     *testing.T
	calls *bluetest.Calls
}

// quick are BlueZ's delays without those that every test would have to wait for.
var quick = bluetest.Delays{Disconnect: bluetest.None, Supervision: bluetest.None, PowerOn: bluetest.None}

// startWorld starts a world that ends with the test: with the adapter hci0, unless an
// option says otherwise, and without devices.
func startWorld(t *testing.T, options ...bluetest.Option) *world {
	t.Helper()
	w := &world{World: bluetest.Start(t, append([]bluetest.Option{quick}, options...)...), t: t}
	w.calls = w.RecordCalls()
	return w
}

// open opens a Central on the world's bus, which closes with the test.
func (w *world) open(o Options) *Central {
	w.t.Helper()
	o.Bus = w.Address()
	c, err := Open(w.t.Context(), o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			w.t.Errorf("close: %v", err)
		}
	})
	return c
}

// program is another program on the bus, which leaves it with the test.
func (w *world) program() *bus.Conn {
	w.t.Helper()
	conn, err := bus.Dial(w.t.Context(), w.Address(), bus.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	return conn
}

// add adds a device.
func (w *world) add(d bluetest.Device) *bluetest.Peripheral {
	w.t.Helper()
	p, err := w.Add(d)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// silent declares a device that sends no packet but those that the test has it send.
func silent(address Address, name string, services ...string) bluetest.Device {
	return bluetest.Device{
		Address: address.String(), Name: name, Connection: bluetest.Connection{Latency: bluetest.None, Discovery: bluetest.None},
		Advertisement: bluetest.Advertisement{Silent: true, ServiceUUIDs: services},
	}
}

// number returns the address of one of several devices.
func number(n byte) Address { return Address{0xC0, 0xFF, 0xEE, 0, 0, n} }

// packet has a device send a packet of a strength.
func (w *world) packet(p *bluetest.Peripheral, rssi int16, services ...string) {
	w.t.Helper()
	w.check(p.Packet(bluetest.Advertisement{RSSI: rssi, ServiceUUIDs: services}))
}

// know has BlueZ know a device, because another program has scanned before and heard a
// packet.
func (w *world) know(p *bluetest.Peripheral, packet bluetest.Advertisement) {
	w.t.Helper()
	program := w.program()
	adapter := bluezgen.NewAdapter1(program, hci0)
	w.check(adapter.StartDiscovery(w.t.Context()))
	w.check(p.Packet(packet))
	w.check(adapter.StopDiscovery(w.t.Context()))
	w.check(program.Close())
}

// check fails the test if something in the world could not be done. It may be called
// from any goroutine.
func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Error(err)
	}
}

// inTime is how long what is about to happen may take.
const inTime = 20 * time.Second

// await waits until a method was called n times.
func (w *world) await(method string, n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), inTime)
	defer cancel()
	if err := w.calls.Await(ctx, method, n); err != nil {
		w.t.Fatal(err)
	}
}

// awaitAnswered waits until n calls of a method were answered.
func (w *world) awaitAnswered(method string, n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), inTime)
	defer cancel()
	if err := w.calls.AwaitAnswered(ctx, method, n); err != nil {
		w.t.Fatal(err)
	}
}

// whenCalled does something once a method was called n times. The test waits for that.
func (w *world) whenCalled(method string, n int, do func()) { w.when(w.calls.Await, method, n, do) }

// whenAnswered does something once n calls of a method were answered. The test waits for
// that.
func (w *world) whenAnswered(method string, n int, do func()) {
	w.when(w.calls.AwaitAnswered, method, n, do)
}

func (w *world) when(await func(context.Context, string, int) error, method string, n int, do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if await(w.t.Context(), method, n) == nil {
			do()
		}
	}()
	w.t.Cleanup(func() { <-done })
}

// remove has BlueZ forget the strap. It may be called while the test ends.
func (w *world) remove() error {
	return w.adapter().RemoveDevice(context.WithoutCancel(w.t.Context()), strap.String())
}

// wait waits for something that is about to happen.
func (w *world) wait(ready <-chan struct{}, what string) {
	w.t.Helper()
	select {
	case <-ready:
	case <-time.After(inTime):
		w.t.Fatalf("%s does not come; calls so far: %v", what, w.calls.All())
	}
}

// settle returns when a Central has seen everything that was signalled so far: a
// reply comes after the signals that were sent before it.
func (w *world) settle(c *Central) {
	w.t.Helper()
	if err := c.bus().mirror.Refresh(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

// hci0 is the adapter of most tests.
const hci0 dbus.ObjectPath = "/org/bluez/hci0"

// adapter returns the adapter of most tests.
func (w *world) adapter() *bluetest.Adapter { return w.Adapter(base(hci0)) }

// discoveries returns the number of discovery sessions.
func (w *world) discoveries() int { return len(w.adapter().Discoveries()) }

// filter returns the filter of the only discovery session.
func (w *world) filter() bluezgen.DiscoveryFilter {
	w.t.Helper()
	all := w.adapter().Discoveries()
	if len(all) != 1 {
		w.t.Fatalf("%d discoveries, want one", len(all))
	}
	for _, filter := range all {
		return filter
	}
	panic("unreachable")
}
