package facade

import (
	"fmt"

	"github.com/gobluez/bluez/bluezgen"
)

// A DisconnectReason is why a connection has ended, in BlueZ's words
// (org.bluez.Device(5), signal Disconnected).
type DisconnectReason string

// The reasons that BlueZ tells.
const (
	ReasonUnknown        = DisconnectReason(bluezgen.DisconnectReasonUnknown)        // BlueZ does not know, or the adapter was switched off
	ReasonTimeout        = DisconnectReason(bluezgen.DisconnectReasonTimeout)        // the device was not heard any more
	ReasonLocal          = DisconnectReason(bluezgen.DisconnectReasonLocal)          // this machine ended it, by this program or another
	ReasonRemote         = DisconnectReason(bluezgen.DisconnectReasonRemote)         // the device ended it
	ReasonAuthentication = DisconnectReason(bluezgen.DisconnectReasonAuthentication) // the keys did not fit
	ReasonSuspend        = DisconnectReason(bluezgen.DisconnectReasonSuspend)        // this machine went to sleep
)

// A DisconnectedError is the end of a connection for a reason that BlueZ has told, which
// it does since 5.83. It matches ErrDisconnected.
type DisconnectedError struct {
	Reason  DisconnectReason
	Message string // BlueZ's text
}

// Error returns the reason in BlueZ's text.
func (e *DisconnectedError) Error() string { return fmt.Sprintf("%v: %s", ErrDisconnected, e.Message) }

// Unwrap returns ErrDisconnected.
func (e *DisconnectedError) Unwrap() error { return ErrDisconnected }

// reasoned learns why the connection is about to end: BlueZ signals that first. It runs
// on the goroutine that reads the bus.
func (l *link) reasoned(d bluezgen.Device1Disconnected) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reason = &DisconnectedError{Reason: DisconnectReason(d.Name), Message: d.Message}
}
