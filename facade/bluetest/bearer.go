package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A bearer is the LE side of a device, which BlueZ shows apart since 5.84. A nil one
// shows nothing.
type bearer struct {
	*bluezgen.BearerLE1Skeleton
	device       *deviceObject
	experimental bool // it has more than the signal
}

// newBearer returns what there is of a bearer before the device is exported.
func newBearer(d *deviceObject) *bearer {
	b := d.adapter.bluetoothd
	if !b.since(Version584) {
		return nil
	}
	e := &bearer{device: d, experimental: b.world.config.experimental}
	e.BearerLE1Skeleton = bluezgen.NewBearerLE1Skeleton(e, bluezgen.BearerLE1Properties{
		BearerLE1Set: bluezgen.BearerLE1SetOf(
			bluezgen.BearerLE1Adapter, bluezgen.BearerLE1Paired, bluezgen.BearerLE1Bonded, bluezgen.BearerLE1Connected),
		Adapter: d.adapter.path, Paired: d.stored.bonded, Bonded: d.stored.bonded,
	})
	return e
}

// Serve leaves out what only a bluetoothd with experimental interfaces has.
func (e *bearer) Serve() *bus.ServedInterface {
	served := *e.BearerLE1Skeleton.Serve()
	if !e.experimental {
		served.Methods, served.Properties = nil, nil
	}
	return &served
}

// Connect is like Device1.Connect, but a link that is there already is an error.
func (e *bearer) Connect(ctx context.Context) error {
	d := e.device
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	var a *attempt
	err := error(bluezgen.ErrAlreadyConnected.With("Already Connected"))
	if !d.connected() {
		a, err = d.connect()
	}
	w.mu.Unlock()
	if a == nil {
		return err
	}
	bus.Release(ctx)
	return a.wait(ctx)
}

// Disconnect is like Device1.Disconnect, but wants a link.
func (e *bearer) Disconnect(ctx context.Context) error {
	d := e.device
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	connected, disconnecting := d.connected(), d.disconnecting()
	w.mu.Unlock()
	switch {
	case !connected:
		return bluezgen.ErrNotConnected.With("Not Connected")
	case disconnecting:
		return bluezgen.ErrInProgress.With("In Progress")
	}
	return d.Disconnect(ctx)
}

func (e *bearer) showConnected(connected bool) {
	e.set(func(p *bluezgen.BearerLE1Properties) {
		p.Add(bluezgen.BearerLE1Connected)
		p.Connected = connected
	})
}

func (e *bearer) showPaired(paired bool) {
	e.set(func(p *bluezgen.BearerLE1Properties) {
		p.Add(bluezgen.BearerLE1Paired)
		p.Paired = paired
	})
}

func (e *bearer) showBonded(bonded bool) {
	e.set(func(p *bluezgen.BearerLE1Properties) {
		p.Add(bluezgen.BearerLE1Bonded)
		p.Bonded = bonded
	})
}

// linkDown tells why the link has ended.
func (e *bearer) linkDown(reason bluezgen.DisconnectReason, message string) {
	e.showConnected(false)
	if e != nil {
		_ = e.EmitDisconnected(reason, message) // fails only with the connection to the bus
	}
}

func (e *bearer) set(change func(*bluezgen.BearerLE1Properties)) {
	if e == nil || !e.experimental {
		return
	}
	var p bluezgen.BearerLE1Properties
	change(&p)
	_ = e.Update(p) // likewise
}
