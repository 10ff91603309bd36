package world

import (
	"strings"

	"github.com/godbus/dbus/v5"
)

// Controller is one of the emulated controllers. btvirt numbers their addresses, and the kernel
// their names, in the order of their creation.
type Controller struct {
	Name    string // "hci0"
	Address string
}

// Path returns the controller's object in bluetoothd.
func (c Controller) Path() dbus.ObjectPath { return dbus.ObjectPath("/org/bluez/" + c.Name) }

// Controllers returns all controllers of the world.
func Controllers() []Controller { return []Controller{Central(), Example(), Own(), Bystander()} }

// Central is the controller for the central under test. Nothing is registered on it.
func Central() Controller { return Controller{"hci0", "00:AA:01:00:00:00"} }

// Example is the controller of BlueZ's example-gatt-server and example-advertisement.
func Example() Controller { return Controller{"hci1", "00:AA:01:01:00:01"} }

// Own is the controller of the project's own peripheral, package own.
func Own() Controller { return Controller{"hci2", "00:AA:01:02:00:02"} }

// Bystander is the controller on which checks serve what they need themselves, and that takes part in Crowd.
func Bystander() Controller { return Controller{"hci3", "00:AA:01:03:00:03"} }

// Device returns the object that one controller's device is for another.
func (c Controller) Device(peer Controller) dbus.ObjectPath {
	return c.Path() + "/dev_" + dbus.ObjectPath(strings.ReplaceAll(peer.Address, ":", "_"))
}
