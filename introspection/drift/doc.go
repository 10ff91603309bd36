// Package drift compares what package introspection declares with what a
// running BlueZ prints of itself, and says what is new, gone or different. It
// is for the tests: those of introspection compare with recordings, and make
// test-bluez with the bluetoothd in the virtual machine.
//
// What a service prints is collected in a [Recording], object by object, and
// [Recording.Differences] compares. The few cases in which a difference is
// known and right are listed in exceptions.go, each with its reason; an
// exception that is not needed any more is a difference, too.
package drift
