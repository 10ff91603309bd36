package facade

import "github.com/godbus/dbus/v5"

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
