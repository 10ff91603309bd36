package bluetest

import (
	"errors"

	"github.com/gobluez/bluez/bluezgen"
)

// A connectError is a failure of a connection, which BlueZ has words for. Since 5.62
// they are words of its own, before they were those of the C library.
type connectError struct {
	text   string
	before string
}

func (e *connectError) Error() string { return e.text }

// AbortByLocal is the failure that BlueZ reports for nearly all that goes wrong while an
// LE link is made, a device that is not heard included: "le-connection-abort-by-local",
// and before 5.62 "Software caused connection abort". Whoever gets it may try again.
func AbortByLocal() error {
	return &connectError{"le-connection-abort-by-local", "Software caused connection abort"}
}

// AbortByRemote is "le-connection-abort-by-remote", and before 5.62 "Connection reset by
// peer".
func AbortByRemote() error {
	return &connectError{"le-connection-abort-by-remote", "Connection reset by peer"}
}

// ConnectionTimeout is "le-connection-timeout", and before 5.62 "Connection timed out".
func ConnectionTimeout() error {
	return &connectError{"le-connection-timeout", "Connection timed out"}
}

// ConnectionRefused is "le-connection-refused", and before 5.62 "Connection refused".
func ConnectionRefused() error {
	return &connectError{"le-connection-refused", "Connection refused"}
}

// ConnectionBusy is "le-connection-busy", and before 5.62 "Device or resource busy".
func ConnectionBusy() error {
	return &connectError{"le-connection-busy", "Device or resource busy"}
}

// ConnectionLimit is "le-connection-concurrent-connection-limit", and before 5.62 "Too
// many links": the controller has no room for another link.
func ConnectionLimit() error {
	return &connectError{"le-connection-concurrent-connection-limit", "Too many links"}
}

// KeyMissing is "le-connection-key-missing", and before 5.62 "Invalid exchange". See
// [Peripheral.ForgetBonds] for a device that has really lost its keys.
func KeyMissing() error {
	return &connectError{"le-connection-key-missing", "Invalid exchange"}
}

// ConnectionUnknown is "le-connection-unknown", BlueZ's word for what it has no word for.
func ConnectionUnknown() error {
	return &connectError{"le-connection-unknown", "Unknown error"}
}

// errConnectCanceled is what a Connect gets that Disconnect cancels; BlueZ names BR/EDR
// there whatever the link.
func errConnectCanceled() error {
	return &connectError{"br-connection-canceled", "Cancelled"}
}

// errNoRoute is what BlueZ makes of an adapter that cannot open an LE link, because it is
// off or has not the central role.
func errNoRoute() error { return bluezgen.ErrFailed.With("Input/output error") }

// connectReply returns the error that a call gets when a connection attempt ended so.
func (b *bluetoothd) connectReply(err error) error {
	if e, ok := errors.AsType[*connectError](err); ok {
		if b.since(version562) {
			return bluezgen.ErrFailed.With(e.text)
		}
		return bluezgen.ErrFailed.With(e.before)
	}
	return failed(err)
}

// errEarly is what a Connect gets whose link is lost before it was ready.
func errEarly() error { return &connectError{"br-connection-canceled", "Disconnected early"} }
