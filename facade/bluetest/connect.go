package bluetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// Releases in which connections changed.
const (
	version562 Version = "5.62" // le-connection-* and br-connection-* texts
	version569 Version = "5.69" // ConnectDevice no more says AlreadyExists
	version581 Version = "5.81" // a second Connect is InProgress, which was Failed
	version583 Version = "5.83" // Device1.Disconnected
)

// arrivals is how often an attempt looks whether a device has come into the world.
const arrivals = 100 * time.Millisecond

// An attempt is an attempt to connect to a device. It is the kernel's, so it goes on
// when the client that asked for it leaves. Many may wait to hear their devices, but a
// controller creates one LE connection at a time.
type attempt struct {
	device *deviceObject
	ctx    context.Context // ends with the attempt
	cancel context.CancelFunc
	done   chan struct{} // closed when it ended, unless it was abandoned

	// Guarded by the world.
	unseen   bool  // the device is not on the bus, and comes with the link
	creating bool  // the controller is at it
	err      error // how it ended; may be read once done is closed
}

// Connect connects to the device. The reply comes when the link is up; the services are
// resolved after that.
func (d *deviceObject) Connect(ctx context.Context) error {
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	a, err := d.connect()
	w.mu.Unlock()
	if a == nil {
		return err
	}
	bus.Release(ctx)
	return a.wait(ctx)
}

// connect begins an attempt for a client. It returns nil and no error if there is a link
// already, one that is about to be ended included. The world is locked.
func (d *deviceObject) connect() (*attempt, error) {
	switch {
	case d.removed:
		return nil, bus.ErrUnknownObject
	case d.pairing.attempt != nil:
		return nil, bluezgen.ErrInProgress.With("In Progress")
	case d.connecting() && d.adapter.bluetoothd.since(version581):
		return nil, bluezgen.ErrInProgress.With("In Progress")
	case d.connecting():
		return nil, bluezgen.ErrFailed.With("Operation already in progress")
	case d.connected():
		return nil, nil
	}
	d.keep()
	if !d.adapter.canConnect() {
		return nil, errNoRoute()
	}
	return d.attempt(), nil
}

// canConnect reports whether the controller can open LE links.
func (o *adapterObject) canConnect() bool {
	return o.powered() && slices.ContainsFunc(o.adapter.roles, func(r bluezgen.AdapterRole) bool {
		return r == bluezgen.AdapterRoleCentral || r == bluezgen.AdapterRoleCentralPeripheral
	})
}

// attempt begins an attempt. The world is locked.
func (d *deviceObject) attempt() *attempt {
	a := &attempt{device: d, done: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(d.adapter.bluetoothd.ctx)
	d.connection.attempt = a
	w := d.adapter.bluetoothd.world
	w.air.await(a)
	w.tasks.Go(a.run)
	return a
}

// run makes the link, or fails when the device was not heard for too long.
func (a *attempt) run() {
	b := a.device.adapter.bluetoothd
	patience := time.NewTimer(b.delays().Connect)
	defer patience.Stop()
	arrived := time.NewTicker(arrivals)
	defer arrived.Stop()
	for {
		select {
		case <-a.heard():
			if a.create() {
				return
			}
		case <-arrived.C:
		case <-patience.C:
			b.world.do(func() { a.end(AbortByLocal()) })
			return
		case <-a.ctx.Done():
			return
		}
	}
}

// heard returns a channel that is closed when the device is heard next, nil if it is not
// in the world.
func (a *attempt) heard() <-chan struct{} {
	w := a.device.adapter.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.unseen && !a.device.adapter.canConnect() {
		a.end(AbortByLocal())
		return nil
	}
	p := a.device.peripheral()
	if p == nil || a.unseen && p.addressType != a.device.stored.addressType {
		return nil
	}
	return p.nextPacket()
}

// create has the controller create the link. It is false if that has to wait for
// another packet of the device.
func (a *attempt) create() bool {
	p, number := a.begin()
	if p == nil {
		return false
	}
	b := a.device.adapter.bluetoothd
	latency := p.declared.Connection.Latency
	err := b.sleep(a.ctx, latency*3/4)
	if fail := p.declared.Connection.Fail; fail != nil && err == nil {
		err = fail(number)
	}
	l, ended := a.finish(p, err)
	if l == nil {
		return ended
	}
	if b.sleep(a.ctx, latency/4) == nil {
		b.world.do(func() { a.attach(l) })
	}
	return true
}

// begin has the controller create the link, if the device is heard and the controller
// is free. The number is the attempt's as the device counts them.
func (a *attempt) begin() (p *Peripheral, number int) {
	d := a.device
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	p = d.peripheral()
	if a.ctx.Err() != nil || p == nil || !p.connectable() || d.adapter.creating() {
		return nil, 0
	}
	a.creating = true
	p.attempts++
	return p, p.attempts
}

// creating reports whether the controller is creating a link.
func (o *adapterObject) creating() bool {
	return slices.ContainsFunc(o.all(), func(d *deviceObject) bool {
		return d.connecting() && d.connection.attempt.creating
	})
}

// finish ends the creation of the link, which is signalled if it is there. No link and
// false is what the device has gone from meanwhile, which is tried again.
func (a *attempt) finish(p *Peripheral, err error) (l *link, ended bool) {
	w := a.device.adapter.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	a.creating = false
	if err == nil && a.device.stored.blocked {
		err = AbortByLocal()
	}
	if err == nil && a.ctx.Err() == nil {
		if !p.connectable() {
			return nil, false
		}
		err = a.appear(p)
	}
	if err != nil || a.ctx.Err() != nil {
		a.end(err)
		return nil, true
	}
	l = a.device.makeLink(p)
	l.accept()
	if a.device.stored.bonded && !l.encrypted {
		a.keyMissing()
		return nil, true
	}
	return l, true
}

// attach ends the attempt with success: the attribute protocol runs over the link. The
// world is locked.
func (a *attempt) attach(l *link) {
	d := a.device
	if a.ctx.Err() != nil || d.connection.link != l {
		return
	}
	a.end(nil)
	d.gatt.linkUp(l)
	if l.twin != nil {
		l.twin.device.gatt.linkUp(l.twin)
	}
	if l.peripheral.declared.Pairing.Ask {
		d.askedToPair(l)
	}
}

// keyMissing ends the link to a device that has lost its keys: the encryption that
// BlueZ wants for a bonded one fails.
func (a *attempt) keyMissing() {
	d := a.device
	if d.adapter.bluetoothd.since(version583) {
		a.end(&connectError{text: "br-connection-key-missing"})
	} else {
		a.end(errEarly())
	}
	d.dropLink(bluezgen.DisconnectReasonAuthentication, disconnectAuthentication)
}

// end ends the attempt. A nil error means that the link is up. Ending it again does
// nothing. The world is locked.
func (a *attempt) end(err error) {
	if a.ctx.Err() != nil {
		return
	}
	a.err = err
	a.abandon()
	close(a.done)
	if err != nil && !a.unseen {
		a.device.discard()
	}
}

// abandon ends the attempt without a word to those who wait for it. The world is locked.
func (a *attempt) abandon() {
	a.cancel()
	a.device.connection.attempt = nil
}

// wait returns how the attempt ended, in the words of Device1.Connect. BlueZ forgets the
// call when the device is removed: there is no reply until it ends itself.
func (a *attempt) wait(ctx context.Context) error {
	b := a.device.adapter.bluetoothd
	select {
	case <-a.done:
		return b.connectReply(a.err)
	case <-ctx.Done():
	}
	if a.forgotten() {
		<-b.ctx.Done()
	}
	return context.Cause(ctx)
}

func (a *attempt) forgotten() bool {
	w := a.device.adapter.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	return a.device.removed
}

// failed returns the D-Bus error of a declared failure: what is one already, or
// org.bluez.Error.Failed with its text. It is nil for nil.
func failed(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*bus.Error](err); ok {
		return e
	}
	return bluezgen.ErrFailed.With(err.Error())
}
