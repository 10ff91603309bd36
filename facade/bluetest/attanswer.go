package bluetest

import (
	"errors"
	"strconv"
	"strings"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// attAnswer returns what a central is answered for the error of an application, 0 for nil.
// denied is what NotPermitted means. An application can choose the code by the text of
// Failed since 5.66.
func attAnswer(err error, denied ATTError, b *bluetoothd) ATTError {
	if err == nil {
		return 0
	}
	if _, ok := errors.AsType[*bus.ReplyError](err); ok {
		return attRequestNotSupported
	}
	reply, ok := errors.AsType[*bus.Error](err)
	if !ok {
		return attUnlikely
	}
	for _, known := range [...]struct {
		name *bus.Error
		code ATTError
	}{
		{bluezgen.ErrNotSupported, attRequestNotSupported},
		{bluezgen.ErrNotAuthorized, attInsufficientAuthorization},
		{bluezgen.ErrInvalidValueLength, attInvalidLength},
		{bluezgen.ErrInvalidOffset, attInvalidOffset},
		{bluezgen.ErrInProgress, attAlreadyInProgress},
		{bluezgen.ErrImproperlyConfigured, attImproperlyConfigured},
		{bluezgen.ErrNotPermitted, denied},
	} {
		if errors.Is(reply, known.name) {
			return known.code
		}
	}
	if !errors.Is(reply, bluezgen.ErrFailed) {
		return attUnlikely
	}
	if !b.since(Version566) {
		return attApplicationError
	}
	return attCode(reply.Message)
}

// attCode reads an error code from a text as C does, which must have nothing else: those of
// applications are meant, others are an unlikely error. A text that has none is 0x80.
func attCode(text string) ATTError {
	digits, base := strings.TrimLeft(text, space), 10
	if hexadecimal, ok := strings.CutPrefix(strings.ToLower(digits), "0x"); ok {
		digits, base = hexadecimal, 16
	} else if strings.HasPrefix(digits, "0") {
		base = 8
	}
	code, err := strconv.ParseInt(digits, base, 32)
	switch {
	case text == "":
		return attUnlikely
	case err != nil:
		return attApplicationError
	case code < 0x80 || code > 0x9f:
		return attUnlikely
	}
	return ATTError(code)
}
