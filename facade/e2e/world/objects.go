//go:build linux

package world

import (
	"context"
	"fmt"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

// Objects is what bluetoothd exports: properties by interface by path.
type Objects map[dbus.ObjectPath]map[string]map[string]dbus.Variant

// Await waits until a condition holds for bluetoothd's objects. It looks again whenever bluetoothd
// signals anything.
func Await(ctx context.Context, bus *dbus.Conn, what string, holds func(Objects) bool) error {
	changes := make(chan *dbus.Signal, 16)
	bus.Signal(changes)
	defer bus.RemoveSignal(changes)
	for _, match := range [][]dbus.MatchOption{
		{dbus.WithMatchSender(bluezgen.Service)},
		{dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, bluezgen.Service)},
	} {
		if err := bus.AddMatchSignalContext(ctx, match...); err != nil {
			return err
		}
		defer bus.RemoveMatchSignal(match...)
	}
	for {
		var all Objects
		err := bus.Object(bluezgen.Service, "/").CallWithContext(ctx,
			"org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&all)
		if err == nil && holds(all) {
			return nil
		}
		select {
		case <-changes:
			for len(changes) > 0 {
				<-changes // one look shows what all of them did
			}
		case <-ctx.Done():
			return fmt.Errorf("await %s: %w (last: %v)", what, ctx.Err(), err)
		}
	}
}

// powered waits until every controller is there, with its address, and powered. bluetoothd powers
// controllers by itself; to power them from here would race with that.
func (w *World) powered(ctx context.Context) error {
	return Await(ctx, w.bus, "powered controllers", func(all Objects) bool {
		for _, c := range Controllers() {
			adapter := all[c.Path()][bluezgen.Adapter1Interface]
			if adapter["Powered"].Value() != true || adapter["Address"].Value() != c.Address {
				return false
			}
		}
		return true
	})
}

// name gives each peripheral's controller the name that it advertises, for a central that connects reads that name too.
func (w *World) name(ctx context.Context) error {
	names := map[Controller]string{}
	if w.options.Example {
		names[Example()] = ExampleName
	}
	if w.options.Own {
		names[Own()] = OwnName
	}
	for c, name := range names {
		err := w.bus.Object(bluezgen.Service, c.Path()).CallWithContext(ctx, "org.freedesktop.DBus.Properties.Set", 0,
			bluezgen.Adapter1Interface, "Alias", dbus.MakeVariant(name)).Err
		if err != nil {
			return fmt.Errorf("name %s: %w", c.Name, err)
		}
	}
	return nil
}

// Device returns the object that one controller's device is for another.
func (c Controller) Device(peer Controller) dbus.ObjectPath {
	return c.Path() + "/dev_" + dbus.ObjectPath(strings.ReplaceAll(peer.Address, ":", "_"))
}

// Connected reports whether a device is there and connected.
func (o Objects) Connected(device dbus.ObjectPath) bool {
	return o[device][bluezgen.Device1Interface]["Connected"].Value() == true
}
