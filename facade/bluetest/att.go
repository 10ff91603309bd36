package bluetest

import (
	"fmt"

	"github.com/gobluez/bluez/bluezgen"
)

// An ATTError is an error of the attribute protocol that a device answers with, by its
// code: 0x01 to 0x13, 0x80 to 0x9F for applications, 0xE0 to 0xFF for common profiles
// (Core specification, volume 3, part F, section 3.4.1.1).
type ATTError byte

// The codes that the simulation itself answers with or acts upon.
const (
	attInvalidHandle              ATTError = 0x01
	attReadNotPermitted           ATTError = 0x02
	attWriteNotPermitted          ATTError = 0x03
	attInsufficientAuthentication ATTError = 0x05
	attRequestNotSupported        ATTError = 0x06
	attInvalidOffset              ATTError = 0x07
	attInsufficientAuthorization  ATTError = 0x08
	attInsufficientKeySize        ATTError = 0x0c
	attInvalidLength              ATTError = 0x0d
	attUnlikely                   ATTError = 0x0e
	attInsufficientEncryption     ATTError = 0x0f
	attValueNotAllowed            ATTError = 0x13
	attApplicationError           ATTError = 0x80
	attImproperlyConfigured       ATTError = 0xfd
	attAlreadyInProgress          ATTError = 0xfe
)

// Error returns the code.
func (e ATTError) Error() string { return fmt.Sprintf("ATT error 0x%02x", byte(e)) }

// dbus returns what BlueZ replies for an error code, nil for 0. Several codes become
// one error, and some of its names are not what one expects.
func (e ATTError) dbus() error {
	switch e {
	case 0:
		return nil
	case attReadNotPermitted:
		return bluezgen.ErrNotPermitted.With("Read not permitted")
	case attWriteNotPermitted:
		return bluezgen.ErrNotPermitted.With("Write not permitted")
	case attInsufficientAuthentication, attInsufficientEncryption, attInsufficientKeySize:
		return bluezgen.ErrNotPermitted.With("Not paired")
	case attInvalidOffset:
		return bluezgen.ErrInvalidArguments.With("Invalid offset")
	case attInvalidLength:
		return bluezgen.ErrInvalidArguments.With("Invalid Length")
	case attInsufficientAuthorization:
		return errNotAuthorized()
	case attRequestNotSupported:
		return errNotSupported()
	}
	return bluezgen.ErrFailed.With(fmt.Sprintf("Operation failed with ATT error: 0x%02x", byte(e)))
}

func errNotAuthorized() error { return bluezgen.ErrNotAuthorized.With("Operation Not Authorized") }

func errNotSupported() error { return bluezgen.ErrNotSupported.With("Operation is not supported") }

func errInProgress() error { return bluezgen.ErrInProgress.With("In Progress") }

func errNoLink() error { return bluezgen.ErrFailed.With("Not connected") }
