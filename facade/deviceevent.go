package facade

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A DeviceEventKind says what happened to a device.
type DeviceEventKind int

// The kinds of events of devices.
const (
	DeviceAdded        DeviceEventKind = iota + 1 // BlueZ knows it now
	DeviceRemoved                                 // BlueZ has forgotten it: not heard for 30 s, removed by somebody, or BlueZ or the bus has gone
	DeviceConnected                               // some program has connected it, or it has connected itself
	DeviceDisconnected                            // its connection has ended
	DevicePaired                                  // keys were exchanged
	DeviceUnpaired                                // the keys are gone
	DeviceHeard                                   // its RSSI is another
	DeviceChanged                                 // anything else of a KnownDevice has changed
)

// String returns the kind in a word, "connected".
func (k DeviceEventKind) String() string {
	switch k {
	case DeviceAdded:
		return "added"
	case DeviceRemoved:
		return "removed"
	case DeviceConnected:
		return "connected"
	case DeviceDisconnected:
		return "disconnected"
	case DevicePaired:
		return "paired"
	case DeviceUnpaired:
		return "unpaired"
	case DeviceHeard:
		return "heard"
	case DeviceChanged:
		return "changed"
	}
	return "DeviceEventKind(" + strconv.Itoa(int(k)) + ")"
}

// A DeviceEvent is something that happened to a device.
type DeviceEvent struct {
	Kind   DeviceEventKind
	Device KnownDevice // as it is after that, or was before it was removed
}

// WatchOptions says which devices WatchDevices watches. The zero value watches all.
type WatchOptions struct {
	// Adapter is the adapter whose devices are wanted, by name ("hci0") or address; empty
	// means all.
	Adapter string
	// Address, when not zero, is the device that is wanted. It is watched on when it has
	// another address, because it was paired and had a private one.
	Address Address
	// RSSI asks for DeviceHeard as well. It comes while a scan runs, of this program or
	// any other, and then often.
	RSSI bool
}

// WatchDevices returns an iterator over what happens to the devices that BlueZ knows,
// whichever program or device is the cause. It does not scan. Those that are known when
// it begins come first, as added; when BlueZ or the bus goes away, all are removed, and
// added when they are back.
//
// The loop ends silently when ctx does. Any other end yields one last pair with the
// error: ErrClosed after Central.Close, ErrOverflow if the loop was so slow that
// thousands of events waited.
func (c *Central) WatchDevices(ctx context.Context, o WatchOptions) iter.Seq2[DeviceEvent, error] {
	return func(yield func(DeviceEvent, error) bool) {
		w := &watch[KnownDevice, DeviceEvent]{
			central: c, iface: bluezgen.Device1Interface,
			read: func(path dbus.ObjectPath, r bus.Record) KnownDevice {
				return newKnownDevice(path, &r.(*bluezgen.Device1Update).Device1Properties)
			},
			accept: func(d *KnownDevice) bool {
				return (o.Address.IsZero() || d.Address == o.Address) && (o.Adapter == "" || c.adapterOf(d.path).named(o.Adapter))
			},
			compare: o.compare,
		}
		w.start()
		defer w.stop()
		w.all(ctx, "watch", "devices", followDevices)(yield)
	}
}

// followDevices has the changes of all devices come through an attachment.
func followDevices(ctx context.Context, a *attachment) (func(), error) {
	following, err := a.mirror.Follow(ctx, "/", bluezgen.Device1Interface)
	if err != nil {
		return func() {}, translate(err)
	}
	return following.Close, nil
}

// compare returns what has happened to a device, in the order in which it makes sense.
func (o *WatchOptions) compare(before, after *KnownDevice) (events []DeviceEvent) {
	d := after
	if d == nil {
		d = before
	}
	happened := func(kind DeviceEventKind, is bool) {
		if is {
			events = append(events, DeviceEvent{kind, *d})
		}
	}
	if before == nil || after == nil {
		happened(DeviceAdded, before == nil)
		happened(DeviceRemoved, after == nil)
		return events
	}
	happened(DeviceConnected, !before.Connected && after.Connected)
	happened(DevicePaired, !before.Paired && after.Paired)
	happened(DeviceChanged, before.differs(after))
	happened(DeviceHeard, o.RSSI && after.HasRSSI && (!before.HasRSSI || before.RSSI != after.RSSI))
	happened(DeviceUnpaired, before.Paired && !after.Paired)
	happened(DeviceDisconnected, before.Connected && !after.Connected)
	return events
}

// differs reports whether anything differs for which there is no event of its own.
func (d *KnownDevice) differs(e *KnownDevice) bool {
	return d.Device != e.Device || d.Alias != e.Alias || d.Bonded != e.Bonded || d.Trusted != e.Trusted ||
		d.Blocked != e.Blocked || !slices.Equal(d.ServiceUUIDs, e.ServiceUUIDs)
}

// WatchDevices is Central.WatchDevices on the default Central.
func WatchDevices(ctx context.Context, o WatchOptions) iter.Seq2[DeviceEvent, error] {
	return func(yield func(DeviceEvent, error) bool) {
		c, release, err := shared.acquire(ctx)
		if err != nil {
			if ctx.Err() == nil {
				yield(DeviceEvent{}, err)
			}
			return
		}
		defer release()
		c.WatchDevices(ctx, o)(yield)
	}
}
