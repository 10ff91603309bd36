// Package world is the Bluetooth world inside the VM: emulated controllers that hear each other, one
// bluetoothd that drives them, a peripheral on two of them and one for the central under test.
//
// A World runs only in the guest that package vm boots. What it looks like for a client of BlueZ (controllers, names, attributes)
// is there on any machine, for a simulation has the same.
//
// To judge the library it uses none of it: what it needs from the bus it asks through godbus; only BlueZ's names come from the
// generated package.
package world
