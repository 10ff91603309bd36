package facade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// powerTimeout bounds what an adapter takes to be on or off once BlueZ has confirmed
// that it will be.
const powerTimeout = 5 * time.Second

// SetPowered switches an adapter's radio on or off and returns when it is. adapter is
// its name ("hci0") or address; empty means the Central's default, on or off. It is nil
// if there is nothing to do.
//
// Off ends all scans and connections of all programs on the adapter; scans of this
// Central resume when it is on again. The system may allow it to certain users only: then
// the error matches bus.ErrAccessDenied. An adapter that cannot be switched on because
// rfkill blocks it is ErrAdapterOff, and ErrNoAdapter is one that does not exist.
func (c *Central) SetPowered(ctx context.Context, adapter string, on bool) error {
	what := "power off"
	if on {
		what = "power on"
	}
	return opError(what, adapter, c.setPowered(ctx, adapter, on))
}

func (c *Central) setPowered(ctx context.Context, name string, on bool) error {
	adapters, err := c.adaptersNamed(name)
	if err != nil {
		return err
	}
	adapter := adapters[0]
	if i := slices.IndexFunc(adapters, func(a Adapter) bool { return a.Powered }); i >= 0 {
		adapter = adapters[i]
	}
	if adapter.Powered == on {
		return nil
	}
	w := c.watchAdapters()
	defer w.stop()
	attachment := c.bus()
	ctx, free := join(ctx, attachment.ctx)
	defer free()
	switch err := bluezgen.NewAdapter1(attachment.conn, adapter.path).SetPowered(ctx, on); {
	case errors.Is(err, bluezgen.ErrBlocked):
		return because(ErrAdapterOff, err)
	case err != nil:
		return translate(err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, powerTimeout, fmt.Errorf("%s says it is done, but it is not: %w", adapter, context.DeadlineExceeded))
	defer cancel()
	for {
		item, err := w.items.take(ctx)
		switch a := item.event.Adapter; {
		case err != nil:
			return err
		case a.path != adapter.path:
		case item.event.Kind == AdapterRemoved:
			return fmt.Errorf("%s: %w", adapter, ErrNoAdapter)
		case a.Powered == on:
			return nil
		}
	}
}

// SetPowered is Central.SetPowered on the default Central.
func SetPowered(ctx context.Context, adapter string, on bool) error {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return c.SetPowered(ctx, adapter, on)
}
