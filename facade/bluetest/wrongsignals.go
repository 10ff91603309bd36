package bluetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// Forge sends every client a signal that says that properties of a device have changed,
// from a process that is not bluetoothd. Any local user can do that under the usual
// policy of a system bus, and a client must not believe it. The sender's unique name is one
// that nobody on this bus has. Without a client it fails with [ErrNoClient], as the
// functions below do.
func (a *Adapter) Forge(address string, props bluezgen.Device1Properties) error {
	a.world.fault("Forge", "device", address)
	const stranger = ":1.4294967295"
	return a.signal(stranger, address, changedSignature, func(e *wire.Encoder) {
		encodeChanged(e, bluezgen.NewDevice1Skeleton(bluezgen.UnimplementedDevice1Server{}, props))
	})
}

// SendForeignTypes sends every client a well-formed change of a device, from bluetoothd,
// whose properties have other types than BlueZ documents, beside a property and an
// interface that nobody knows: a BlueZ of the future, or a fork.
func (a *Adapter) SendForeignTypes(address string) error {
	a.world.fault("SendForeignTypes", "device", address)
	return errors.Join(
		a.signalFromBlueZ(address, changedSignature, func(e *wire.Encoder) {
			e.String(bluezgen.Device1Interface)
			changed := e.Array(8)
			for _, property := range []bluezgen.Device1Property{
				bluezgen.Device1RSSI, bluezgen.Device1Connected, bluezgen.Device1ManufacturerData, bluezgen.Device1UUIDs,
			} {
				e.Struct()
				e.String(property.String())
				e.VariantOf("(st)")
				e.Struct()
				e.String("foreign")
				e.Uint64(1)
			}
			e.Struct()
			e.String("Unheard")
			e.VariantOf("d")
			e.Double(0.5)
			e.EndArray(changed)
			e.EndArray(e.Array(4))
		}),
		a.signalFromBlueZ(address, changedSignature, func(e *wire.Encoder) {
			e.String(bluezgen.Device1Interface + "000")
			e.EndArray(e.Array(8))
			e.EndArray(e.Array(4))
		}),
	)
}

// SendForeignSignature sends every client a signal from bluetoothd that says that
// properties of a device have changed, whose arguments are none that such a signal can
// have: a bug in bluetoothd, or in a proxy.
func (a *Adapter) SendForeignSignature(address string) error {
	a.world.fault("SendForeignSignature", "device", address)
	return a.signalFromBlueZ(address, "tas", func(e *wire.Encoder) {
		e.Uint64(1 << 63)
		e.EndArray(e.Array(4))
	})
}

// Flood has bluetoothd signal n changes of a device's signal strength as fast as it can,
// as a room with thousands of advertisers makes it do. It returns when they were sent.
func (a *Adapter) Flood(ctx context.Context, address string, n int) error {
	address, err := parseAddress(address)
	if err != nil {
		return fmt.Errorf("flood: %w", err)
	}
	a.world.fault("Flood", "device", address, "signals", n)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("flood: %w", context.Cause(ctx))
		}
		if !a.shiver(address, int16(-40-i%60)) {
			return fmt.Errorf("flood: %s is not known to BlueZ", address)
		}
	}
	return nil
}

// shiver signals another strength of a device, if BlueZ knows it.
func (a *Adapter) shiver(address string, strength int16) bool {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	o := a.object()
	if o == nil || o.devices[devicePath(o.path, address)] == nil {
		return false
	}
	o.devices[devicePath(o.path, address)].set(func(p *bluezgen.Device1Properties) {
		p.Add(bluezgen.Device1RSSI)
		p.RSSI = strength
	})
	return true
}

// A Malformation is a way in which a message breaks the rules of D-Bus. A dbus-daemon
// passes none of them on: they come from a damaged proxy, or from a hostile one.
type Malformation int

const (
	// WrongByteOrder has a first byte that is no byte order.
	WrongByteOrder Malformation = iota
	// TooLong claims to be longer than 128 MiB.
	TooLong
	// WrongVersion has a protocol version that does not exist.
	WrongVersion
	// NotUTF8 has bytes in a string that are no UTF-8.
	NotUTF8
	// ArrayOverrun has an array that ends behind the message.
	ArrayOverrun
)

// SendMalformed sends every client a malformed message in bluetoothd's name. The
// connections are of no use from then on.
func (w *World) SendMalformed(m Malformation) error {
	frame, err := bustest.SignalFrame(w.bluetoothdName(), "/org/bluez", propertiesInterface, propertiesChanged, changedSignature, func(e *wire.Encoder) {
		e.String("text")
		e.EndArray(e.Array(8))
		e.EndArray(e.Array(4))
	})
	if err != nil {
		return err
	}
	body := len(frame) - 20 // "text" with its length and NUL, padding, two lengths
	switch m {
	case WrongByteOrder:
		frame[0] = 'x'
	case TooLong:
		copy(frame[4:], []byte{0xff, 0xff, 0xff, 0xff})
	case WrongVersion:
		frame[3] = 77
	case NotUTF8:
		frame[body+4] = 0xff
	case ArrayOverrun:
		copy(frame[body+12:], []byte{0, 1, 0, 0})
	default:
		return fmt.Errorf("malformation %d is not known", m)
	}
	w.fault("SendMalformed", "malformation", int(m))
	return w.inject(frame)
}

// signalFromBlueZ sends every client a change of a device in bluetoothd's name.
func (a *Adapter) signalFromBlueZ(address, sig string, body func(*wire.Encoder)) error {
	return a.signal(a.world.bluetoothdName(), address, sig, body)
}

// signal sends every client a change of a device.
func (a *Adapter) signal(sender, address, sig string, body func(*wire.Encoder)) error {
	address, err := parseAddress(address)
	if err != nil {
		return fmt.Errorf("send a signal: %w", err)
	}
	frame, err := bustest.SignalFrame(sender, devicePath(a.path(), address), propertiesInterface, propertiesChanged, sig, body)
	if err != nil {
		return fmt.Errorf("send a signal of %s: %w", address, err)
	}
	return a.world.inject(frame)
}

// bluetoothdName returns bluetoothd's unique name, or one that nobody has.
func (w *World) bluetoothdName() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bluetoothd == nil {
		return ":1.0"
	}
	return w.bluetoothd.conn.UniqueName()
}
