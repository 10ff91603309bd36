package facade

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

// Forget has BlueZ forget a device: its keys, what it has stored of it and, until it is
// seen again, that it exists. If it is connected, the connection ends. This is how to
// unpair, and the cure when a device has lost its keys or has other services than
// BlueZ remembers.
//
// An Address is looked for among the devices that BlueZ knows, not by a scan. The error
// matches ErrNoDevice if it is not known, and ErrAdapterOff if its adapter is off.
func (c *Central) Forget(ctx context.Context, target Target) error {
	return c.manage(ctx, "forget", target, func(ctx context.Context, a *attachment, path dbus.ObjectPath) error {
		return bluezgen.NewAdapter1(a.conn, parent(path)).RemoveDevice(ctx, path)
	})
}

// SetTrusted says whether a device may use services of this machine without that an
// agent is asked. BlueZ keeps a trusted device for good, paired or not, and lets it
// connect again by itself after Disconnect. Pair does not set it. The target is looked
// for as by Forget.
func (c *Central) SetTrusted(ctx context.Context, target Target, trusted bool) error {
	return c.manage(ctx, "set trust in", target, func(ctx context.Context, a *attachment, path dbus.ObjectPath) error {
		return bluezgen.NewDevice1(a.conn, path).SetTrusted(ctx, trusted)
	})
}

// SetBlocked says whether BlueZ has nothing to do with a device: a blocked one is
// disconnected, and neither Connect nor Pair works. The target is looked for as by
// Forget.
func (c *Central) SetBlocked(ctx context.Context, target Target, blocked bool) error {
	op := "unblock"
	if blocked {
		op = "block"
	}
	return c.manage(ctx, op, target, func(ctx context.Context, a *attachment, path dbus.ObjectPath) error {
		return bluezgen.NewDevice1(a.conn, path).SetBlocked(ctx, blocked)
	})
}

// manage does something with a device that BlueZ knows.
func (c *Central) manage(ctx context.Context, op string, target Target, do func(context.Context, *attachment, dbus.ObjectPath) error) error {
	var d Device
	if target != nil {
		d = target.device()
	}
	d, err := c.locate(d)
	if err == nil {
		a := c.bus()
		if err = do(ctx, a, d.path); err != nil && a.err() != nil {
			err = a.err()
		}
	}
	return opError(op, d.String(), translate(err))
}

// locate returns the device that BlueZ knows by an address, unless d says itself which
// it is.
func (c *Central) locate(d Device) (Device, error) {
	if err := c.err(); err != nil {
		return d, err
	}
	switch {
	case d.path != "":
		return d, nil
	case d.Address.IsZero():
		return d, errNoTarget
	}
	adapters, err := c.adaptersNamed(c.options.Adapter)
	if err != nil {
		return d, err
	}
	for _, adapter := range adapters {
		if known := c.bus().deviceOf(adapter, d.Address); known.path != "" {
			return known, nil
		}
	}
	return d, fmt.Errorf("BlueZ does not know it: %w", ErrNoDevice)
}

// Forget is Central.Forget on the default Central.
func Forget(ctx context.Context, target Target) error {
	return shared.with(ctx, func(c *Central) error { return c.Forget(ctx, target) })
}

// SetTrusted is Central.SetTrusted on the default Central.
func SetTrusted(ctx context.Context, target Target, trusted bool) error {
	return shared.with(ctx, func(c *Central) error { return c.SetTrusted(ctx, target, trusted) })
}

// SetBlocked is Central.SetBlocked on the default Central.
func SetBlocked(ctx context.Context, target Target, blocked bool) error {
	return shared.with(ctx, func(c *Central) error { return c.SetBlocked(ctx, target, blocked) })
}

// with does something with the default Central.
func (s *sharedCentral) with(ctx context.Context, do func(*Central) error) error {
	c, release, err := s.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return do(c)
}
