package facade

import (
	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A Device names one remote device as one adapter knows it. It is a value: it stays
// valid as long as BlueZ keeps the device, which for a device that is neither
// paired nor connected ends 30 seconds after it was last seen.
type Device struct {
	Address     Address     // its address when it was seen
	AddressType AddressType // the kind of that address
	Name        string      // the advertised name, empty if none is known
	Adapter     string      // the adapter that sees it, "hci0"

	path dbus.ObjectPath
}

// Path returns the device's object path on the bus, for use with package bluezgen.
func (d Device) Path() dbus.ObjectPath { return d.path }

// String returns the address.
func (d Device) String() string { return d.Address.String() }

// device returns the device at path as BlueZ describes it, just its path if that is not
// known.
func (a *attachment) device(path dbus.ObjectPath) Device {
	d := Device{path: path}
	a.mirror.View(func(v bus.View) {
		if r, ok := v.Record(path, bluezgen.Device1Interface).(*bluezgen.Device1Update); ok {
			d = newDevice(path, &r.Device1Properties)
		}
	})
	return d
}

// deviceOf returns the device that an adapter knows by an address, the zero Device if it
// knows none. BlueZ names the object by the address that the device was first seen with:
// only one with a private address may have another by now, and is looked for everywhere.
func (a *attachment) deviceOf(adapter Adapter, address Address) (known Device) {
	if d := a.device(devicePath(adapter.path, address)); d.Address == address {
		return d
	}
	a.mirror.View(func(v bus.View) {
		v.Walk(adapter.path, func(path dbus.ObjectPath, _ string, record bus.Record) bool {
			if r, ok := record.(*bluezgen.Device1Update); ok {
				if d := newDevice(path, &r.Device1Properties); d.Address == address {
					known = d
				}
			}
			return known.path == ""
		})
	})
	return known
}

// connectedTo returns the device with an address that any adapter below root has connected,
// the zero Device if none has.
func (a *attachment) connectedTo(address Address, root dbus.ObjectPath) (found Device) {
	a.mirror.View(func(v bus.View) {
		v.Walk(root, func(path dbus.ObjectPath, _ string, record bus.Record) bool {
			if r, ok := record.(*bluezgen.Device1Update); ok && r.Connected {
				if d := newDevice(path, &r.Device1Properties); d.Address == address {
					found = d
				}
			}
			return found.path == ""
		})
	})
	return found
}

// A Target is what Connect can connect to: a Device, the Advertisement that was
// heard from it, or its Address, which is looked for by a scan if BlueZ does not
// know it. No other types implement it.
type Target interface {
	String() string
	device() Device // without path when only the address is known
}

func (d Device) device() Device        { return d }
func (a Advertisement) device() Device { return a.Device }
func (a Address) device() Device       { return Device{Address: a} }
