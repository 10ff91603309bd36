//go:build linux

package world

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

// Link connects a controller to a peripheral's, without the library under test. It returns when the link is up.
func (w *World) Link(ctx context.Context, from, to Controller) error {
	adapter, device := w.bus.Object(bluezgen.Service, from.Path()), from.Device(to)
	filter := map[string]dbus.Variant{"Transport": dbus.MakeVariant("le")}
	if err := adapter.CallWithContext(ctx, bluezgen.Adapter1Interface+".SetDiscoveryFilter", 0, filter).Err; err != nil {
		return err
	}
	if err := adapter.CallWithContext(ctx, bluezgen.Adapter1Interface+".StartDiscovery", 0).Err; err != nil {
		return err
	}
	if err := Await(ctx, w.bus, "the peripheral "+to.Name, func(all Objects) bool { return all[device] != nil }); err != nil {
		return err
	}
	if err := adapter.CallWithContext(ctx, bluezgen.Adapter1Interface+".StopDiscovery", 0).Err; err != nil {
		return err
	}
	return w.bus.Object(bluezgen.Service, device).CallWithContext(ctx, bluezgen.Device1Interface+".Connect", 0).Err
}

// Crowd makes the example peripheral busy: the bystander connects to it, and it goes on advertising. The function that it returns
// ends that.
//
// Without it, no central can be connected to two peripherals at once: btvirt (5.82) has each end of a connection number its
// connections from 42, but tells both ends the number of the end that connected, so that packets get lost if the numbers differ. A
// central's second connection has number 43 at both ends only if the peripheral has one already.
func (w *World) Crowd(ctx context.Context) (undo func(context.Context) error, err error) {
	if err := w.Link(ctx, Bystander(), Example()); err != nil {
		return nil, fmt.Errorf("connect the bystander: %w", err)
	}
	// A connection ends the advertisement, until it is registered again.
	if err := w.Silence(ctx); err != nil {
		return nil, err
	}
	if err := w.Advertise(ctx); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return Forget(ctx, w.bus, Bystander()) }, nil
}
