package bluetest

import (
	"context"
	"os"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An acquired is what AcquireWrite or AcquireNotify gives to one client: a socket, of
// which BlueZ keeps the other end.
type acquired struct {
	characteristic *characteristicObject
	notify         bool

	// Guarded by the world.
	registration *registration // of AcquireNotify
	socket       *packetSocket // nil until it is made
	closed       bool
	results      chan acquisition // for the call
}

// An acquisition is the result of the call.
type acquisition struct {
	file *os.File
	mtu  uint16
	err  error
}

// await waits for the result. A socket that is destroyed before it was made leaves its
// call without an answer.
func (a *acquired) await(ctx context.Context) (*os.File, uint16, error) {
	bus.Release(ctx)
	select {
	case r := <-a.results:
		return r.file, r.mtu, r.err
	case <-ctx.Done():
		unlock := a.characteristic.lock()
		a.release()
		unlock()
		select {
		case r := <-a.results:
			if r.file != nil {
				r.file.Close()
			}
		default:
		}
		return nil, 0, context.Cause(ctx)
	}
}

func (o *characteristicObject) acquireWrite() (*acquired, error) {
	defer o.lock()()
	switch {
	case o.client.queue == nil:
		return nil, errNoLink()
	case o.service.readOnly:
		return nil, errNotAuthorized()
	case o.writeSocket != nil:
		return nil, bluezgen.ErrNotPermitted.With("Write acquired")
	case !o.characteristic.has(bluezgen.CharacteristicFlagWriteWithoutResponse):
		return nil, errNotSupported()
	}
	a := &acquired{characteristic: o, results: make(chan acquisition, 1)}
	o.writeSocket = a
	o.client.onReady(a.open)
	return a, nil
}

// canAcquireNotify reports whether AcquireNotify works, as NotifyAcquired tells: for
// characteristics that notify, and since 5.80 for those that only indicate, which do not
// have the property all the same.
func (o *characteristicObject) canAcquireNotify() bool {
	return o.characteristic.has(bluezgen.CharacteristicFlagNotify)
}

func (o *characteristicObject) acquireNotify() (*acquired, error) {
	defer o.lock()()
	c, g := o.characteristic, o.client
	indicates := c.has(bluezgen.CharacteristicFlagIndicate) && g.device.adapter.bluetoothd.since(version580)
	switch {
	case g.queue == nil:
		return nil, errNoLink()
	case o.readSocket != nil:
		return nil, bluezgen.ErrNotPermitted.With("Notify acquired")
	case o.watched():
		return nil, errInProgress()
	case !c.has(bluezgen.CharacteristicFlagNotify) && !indicates:
		return nil, errNotSupported()
	}
	a := &acquired{characteristic: o, notify: true, results: make(chan acquisition, 1)}
	o.readSocket = a
	a.registration = &registration{enabled: a.enabled, notified: a.notified}
	g.configurationOf(c).register(a.registration)
	return a, nil
}

// enabled takes the device's answer to AcquireNotify.
func (a *acquired) enabled(err ATTError) {
	if err != 0 {
		a.results <- acquisition{err: err.dbus()}
		a.release()
		return
	}
	a.characteristic.client.onReady(a.open)
}

// open makes the sockets. The world is locked.
func (a *acquired) open() {
	o := a.characteristic
	g := o.client
	if a.closed {
		return
	}
	if g.queue == nil {
		a.results <- acquisition{err: errNoLink()}
		a.release()
		return
	}
	socket, file, err := newPacketSocket()
	if err != nil {
		a.results <- acquisition{err: bluezgen.ErrFailed.With(err.Error())}
		a.release()
		return
	}
	a.socket = socket
	o.showAcquired(a.notify, true)
	a.results <- acquisition{file: file, mtu: g.queue.link.mtu}
	g.device.adapter.bluetoothd.world.tasks.Go(func() { a.serve(socket) })
}

// serve takes the packets that the client writes until it hangs up, or BlueZ does.
func (a *acquired) serve(socket *packetSocket) {
	for {
		packet, more := socket.receive()
		unlock := a.characteristic.lock()
		if !more {
			a.release()
			unlock()
			return
		}
		a.write(packet)
		unlock()
	}
}

// write writes a packet of AcquireWrite by a command. What does not fit into one is lost.
func (a *acquired) write(packet []byte) {
	g := a.characteristic.client
	if !a.notify && !a.closed && g.queue != nil && len(packet) <= int(g.queue.link.mtu)-3 {
		a.characteristic.command(packet)
	}
}

// notified passes a notification on. It is lost if the socket is not made yet, because
// the device's response comes only now, or if the client reads too slowly.
func (a *acquired) notified(value []byte) {
	if a.socket == nil || a.characteristic.characteristic.value.stalled > 0 || !a.socket.send(value) {
		a.characteristic.client.dropped(a.characteristic.value.handle)
	}
}

// release ends the acquisition, and shows that. The world is locked.
func (a *acquired) release() {
	o := a.characteristic
	if a.closed {
		return
	}
	a.close()
	if a.notify {
		o.readSocket = nil
		a.registration.unregister()
	} else {
		o.writeSocket = nil
	}
	o.showAcquired(a.notify, false)
}

// close hangs up. The world is locked.
func (a *acquired) close() {
	a.closed = true
	if a.socket != nil {
		a.socket.close()
	}
}

// hangUp ends the acquisitions at the end of the link. The world is locked.
func (o *characteristicObject) hangUp() {
	for _, a := range []*acquired{o.writeSocket, o.readSocket} {
		if a != nil {
			a.release()
		}
	}
}

// showAcquired shows a change of WriteAcquired or NotifyAcquired.
func (o *characteristicObject) showAcquired(notify, acquired bool) {
	if o.client.device.removed {
		return
	}
	if !notify {
		o.update(bluezgen.GattCharacteristic1Properties{
			GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1WriteAcquired), WriteAcquired: acquired,
		})
	} else if o.canAcquireNotify() {
		o.update(bluezgen.GattCharacteristic1Properties{
			GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1NotifyAcquired), NotifyAcquired: acquired,
		})
	}
}
