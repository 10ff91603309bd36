package bus

import (
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// Errors of a connection itself.
var (
	// ErrClosed is matched by every error of a connection that has ended, whether
	// by Close or because the bus went away; the text says which.
	ErrClosed = errors.New("bus connection closed")
	// ErrNoBus is matched by an error of [Dial] that found no bus at its addresses:
	// nothing answers there, or nothing that speaks as a bus does.
	ErrNoBus = errors.New("no bus")
	// ErrAuthentication is matched by an error of [Dial] whose bus refused to let
	// this process in.
	ErrAuthentication = errors.New("authentication refused")
	// ErrNameTaken is matched by an error of [Conn.RequestName] when another
	// connection owns the name.
	ErrNameTaken = errors.New("bus name is taken")
	// ErrNotExported is matched by an error of [Emitter.Emit] when the skeleton is
	// not exported on a live connection.
	ErrNotExported = errors.New("not exported")
	// ErrExported is matched by an error of [Conn.Export] when the path has the
	// interface already, or when the skeleton is exported elsewhere.
	ErrExported = errors.New("already exported")
)

// Errors that the bus, or any object on it, may reply with. They match by name:
// errors.Is(err, bus.ErrUnknownObject). The names are those of the D-Bus
// Specification and of the reference implementation.
var (
	ErrFailed           = NewError("org.freedesktop.DBus.Error.Failed")
	ErrNoReply          = NewError("org.freedesktop.DBus.Error.NoReply")
	ErrTimeout          = NewError("org.freedesktop.DBus.Error.Timeout")
	ErrDisconnected     = NewError("org.freedesktop.DBus.Error.Disconnected")
	ErrServiceUnknown   = NewError("org.freedesktop.DBus.Error.ServiceUnknown")
	ErrNameHasNoOwner   = NewError("org.freedesktop.DBus.Error.NameHasNoOwner")
	ErrUnknownObject    = NewError("org.freedesktop.DBus.Error.UnknownObject")
	ErrUnknownInterface = NewError("org.freedesktop.DBus.Error.UnknownInterface")
	ErrUnknownMethod    = NewError("org.freedesktop.DBus.Error.UnknownMethod")
	ErrUnknownProperty  = NewError("org.freedesktop.DBus.Error.UnknownProperty")
	ErrPropertyReadOnly = NewError("org.freedesktop.DBus.Error.PropertyReadOnly")
	ErrInvalidArgs      = NewError("org.freedesktop.DBus.Error.InvalidArgs")
	ErrAccessDenied     = NewError("org.freedesktop.DBus.Error.AccessDenied")
	ErrLimitsExceeded   = NewError("org.freedesktop.DBus.Error.LimitsExceeded")
	ErrNotSupported     = NewError("org.freedesktop.DBus.Error.NotSupported")
)

// An Error is an error that a D-Bus peer replied with, or that a served method
// replies with. Sentinels are Errors without a message: errors.Is compares names.
// It unwraps to the [dbus.Error] of godbus, for code that knows only that.
type Error struct {
	Name    string // such as "org.bluez.Error.Failed"
	Message string // for humans, may be empty
}

// NewError returns an Error without a message, to compare with or to reply with.
// The name must be a valid D-Bus error name.
func NewError(name string) *Error { return &Error{Name: name} }

// With returns a copy of e that carries message.
func (e *Error) With(message string) *Error { return &Error{Name: e.Name, Message: message} }

// Error returns "name: message".
func (e *Error) Error() string {
	if e.Message == "" {
		return e.Name
	}
	return e.Name + ": " + e.Message
}

// Is reports whether target is an *Error of the same name, and, if target has a
// message, of the same message.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Name == e.Name && (t.Message == "" || t.Message == e.Message)
}

// Unwrap returns e as godbus' error type, so that errors.As finds it.
func (e *Error) Unwrap() error {
	return dbus.Error{Name: e.Name, Body: []any{e.Message}}
}

// A ReplyError says that a reply, or the arguments of a signal or of an incoming
// call, did not have the signature that the interface's description gives it.
type ReplyError struct {
	Member string // such as "org.bluez.Adapter1.GetDiscoveryFilters"
	Want   string // the signature expected
	Got    string // the signature received
}

// Error names the member and both signatures.
func (e *ReplyError) Error() string {
	return fmt.Sprintf("%s: signature is %q, not %q", e.Member, e.Got, e.Want)
}
