package peripheral

import (
	"context"
	"errors"

	"github.com/gobluez/bluez/facade"
)

// Options say with which Bluetooth controller something is done. The zero value is the
// default adapter of the default Central.
type Options struct {
	// Central is the connection to BlueZ. Nil means the one that the functions of package
	// facade share; it stays open as long as it is needed.
	Central *facade.Central
	// Adapter is the adapter's name ("hci0") or address. Empty means the Central's
	// default; if it has none, the adapter with the lowest number that can be a
	// peripheral, preferably one that is on.
	Adapter string
}

// central returns the Central of the options and a function that gives it back.
func (o Options) central(ctx context.Context) (*facade.Central, func(), error) {
	if o.Central != nil {
		return o.Central, func() {}, nil
	}
	return facade.Share(ctx)
}

// opError wraps err with what was attempted on what; nil stays nil, and an *facade.Error
// that already tells stays as it is.
func opError(op, target string, err error) error {
	var e *facade.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &facade.Error{Op: op, Target: target, Err: err}
}
