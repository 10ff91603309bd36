package facade

import (
	"errors"
	"fmt"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// because returns an error that matches both what a caller may branch on and what
// was its cause.
func because(sentinel, cause error) error { return fmt.Errorf("%w (%w)", sentinel, cause) }

// translate adds to an error of the layers below the sentinel that means the same.
func translate(err error) error {
	for _, t := range [...]struct{ from, to error }{
		{bus.ErrAuthentication, ErrBusRefused}, // first: it may be an ErrNoBus as well
		{bus.ErrAccessDenied, ErrBusRefused},
		{bus.ErrNoBus, ErrNoBus},
		{bus.ErrClosed, ErrNoBus},
		{bus.ErrServiceUnknown, ErrNoBlueZ},
		{bus.ErrNameHasNoOwner, ErrNoBlueZ},
		{bus.ErrNoReply, ErrNoBlueZ}, // bluetoothd went away in the middle of the call
		{bus.ErrUnknownObject, ErrNoDevice},
		{bluezgen.ErrDoesNotExist, ErrNoDevice},
		{bluezgen.ErrNotReady, ErrAdapterOff},
		{bluezgen.ErrNotConnected, ErrNotConnected},
	} {
		if errors.Is(err, t.from) && !errors.Is(err, t.to) {
			return because(t.to, err)
		}
	}
	return err
}

// translateAdapter is translate for operations on adapters, which may have been unplugged.
func translateAdapter(err error) error {
	if errors.Is(err, bus.ErrUnknownObject) || errors.Is(err, bus.ErrUnknownMethod) || errors.Is(err, bus.ErrUnknownInterface) {
		return because(ErrNoAdapter, err)
	}
	return translate(err)
}

// failedWithATT is how BlueZ words an ATT error that it has no name for.
const failedWithATT = "Operation failed with ATT error: 0x%02x"

// translateATT is translate for operations on attributes. BlueZ names the codes that
// D-Bus errors resemble; the texts are those of its GATT client.
func translateATT(err error) error {
	var e *bus.Error
	if !errors.As(err, &e) || errors.Is(err, errors.ErrUnsupported) {
		return translate(err)
	}
	for _, t := range [...]struct{ from, to error }{
		{bluezgen.ErrNotPermitted.With("Read not permitted"), ATTReadNotPermitted},
		{bluezgen.ErrNotPermitted.With("Write not permitted"), ATTWriteNotPermitted},
		{bluezgen.ErrNotPermitted.With("Not paired"), ErrNotPaired},
		{bluezgen.ErrInvalidArguments.With("Invalid offset"), ATTInvalidOffset},
		{bluezgen.ErrInvalidOffset, ATTInvalidOffset},
		{bluezgen.ErrInvalidArguments.With("Invalid Length"), ATTInvalidValueLength},
		{bluezgen.ErrInvalidValueLength, ATTInvalidValueLength},
		{bluezgen.ErrNotAuthorized, ATTInsufficientAuthorization},
		{bluezgen.ErrNotSupported, ATTRequestNotSupported},
		{bluezgen.ErrImproperlyConfigured, ATTImproperlyConfigured},
		{bus.ErrUnknownObject, ErrNoAttribute}, // it went away just now
		{bus.ErrUnknownMethod, ErrNoAttribute},
		{bus.ErrUnknownInterface, ErrNoAttribute},
	} {
		if errors.Is(err, t.from) {
			return because(t.to, err)
		}
	}
	var code ATTError
	if _, scanErr := fmt.Sscanf(e.Message, failedWithATT, &code); scanErr == nil && errors.Is(err, bluezgen.ErrFailed) {
		return because(code, err)
	}
	return translate(err)
}
