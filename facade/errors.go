package facade

import (
	"errors"
	"fmt"
)

// Error is the error of every operation of this package: what was attempted, on
// what, and why it failed. Err is, or wraps, one of the sentinels below, an
// ATTError, a context's error, or the *bus.Error that BlueZ replied with.
type Error struct {
	Op     string // what was attempted: "connect", "read", "scan", ...
	Target string // on what: an address, an adapter, a characteristic; may be empty
	Err    error  // the cause, never nil
}

// Error returns "op target: cause".
func (e *Error) Error() string {
	if e.Target == "" {
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s %s: %v", e.Op, e.Target, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// What a caller may want to branch on, with errors.Is.
var (
	// ErrNotFound is matched by ErrNoDevice and ErrNoAttribute: what was asked for is not there.
	ErrNotFound = errors.New("not found")
	// ErrNoDevice: no device is what was asked for, or BlueZ has forgotten it.
	ErrNoDevice error = &notFoundError{"device not found"}
	// ErrNoAttribute: the device has no such service, characteristic or descriptor.
	ErrNoAttribute error = &notFoundError{"attribute not found"}
	// ErrAmbiguous: several attributes have the UUID that was asked for; use a handle or the object.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrNotConnected: the operation needs a connection and the client has none any more.
	ErrNotConnected = errors.New("not connected")
	// ErrDisconnected: the connection ended while, or before, the operation ran.
	ErrDisconnected = errors.New("disconnected")
	// ErrNotPaired: the device wants a link that is encrypted or authenticated, so that
	// it must be paired first.
	ErrNotPaired = errors.New("not paired")
	// ErrOverflow: the consumer was so slow that its bounded queue of notifications or packets overflowed.
	ErrOverflow = errors.New("consumer too slow, queue overflowed")
	// ErrClosed: the Central, Client, Scanner or Subscription was closed.
	ErrClosed = errors.New("closed")
)

// ErrUnavailable is matched by ErrNoBus, ErrBusRefused, ErrNoBlueZ, ErrNoAdapter and
// ErrAdapterOff: Bluetooth cannot be used on this machine at this moment. Each of them
// says what to do about it.
var ErrUnavailable = errors.New("no usable Bluetooth")

// The reasons why Bluetooth is not available.
var (
	// ErrNoBus: there is no D-Bus system bus to connect to, or what answers is none.
	ErrNoBus error = &unavailableError{"no connection to the D-Bus system bus: start dbus, or set DBUS_SYSTEM_BUS_ADDRESS to its address"}
	// ErrBusRefused: the D-Bus system bus does not let this user in, or not talk to BlueZ.
	ErrBusRefused error = &unavailableError{"the D-Bus system bus refused this user: see whether its policy wants a group (often bluetooth), or set BLEAK_DBUS_AUTH_UID to the uid that the bus knows it by"}
	// ErrNoBlueZ: nobody owns the service's name on the bus; bluetoothd does not run.
	ErrNoBlueZ error = &unavailableError{"BlueZ is not on the bus: install bluez and start its service (systemctl start bluetooth)"}
	// ErrNoAdapter: there is no Bluetooth adapter, or none by the name that was asked for.
	ErrNoAdapter error = &unavailableError{"no Bluetooth adapter: plug one in, or look for it with rfkill list and dmesg"}
	// ErrAdapterOff: the adapter is not powered.
	ErrAdapterOff error = &unavailableError{"the Bluetooth adapter is off: switch it on (bluetoothctl power on), or unblock it (rfkill unblock bluetooth)"}
)

// notFoundError is one kind of what is not there.
type notFoundError struct{ text string }

func (e *notFoundError) Error() string        { return e.text }
func (e *notFoundError) Is(target error) bool { return target == ErrNotFound }

// unavailableError is one reason why Bluetooth cannot be used.
type unavailableError struct{ text string }

func (e *unavailableError) Error() string        { return e.text }
func (e *unavailableError) Is(target error) bool { return target == ErrUnavailable }

// opError wraps err with what was attempted on what; nil stays nil, and an *Error
// that already tells stays as it is.
func opError(op, target string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Op: op, Target: target, Err: err}
}
