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

// Connected reports whether a device is there and connected.
func (o Objects) Connected(device dbus.ObjectPath) bool {
	return o[device][bluezgen.Device1Interface]["Connected"].Value() == true
}

// Forget has a controller forget every device: what was found, connected and cached before.
func Forget(ctx context.Context, bus *dbus.Conn, c Controller) error {
	adapter := bus.Object(bluezgen.Service, c.Path())
	devices := func(all Objects) (found []dbus.ObjectPath) {
		for path, interfaces := range all {
			if interfaces[bluezgen.Device1Interface] != nil && strings.HasPrefix(string(path), string(c.Path())+"/") {
				found = append(found, path)
			}
		}
		return found
	}
	return Await(ctx, bus, "no device", func(all Objects) bool {
		found := devices(all)
		for _, device := range found {
			// A device that is gone by itself meanwhile is as good.
			adapter.CallWithContext(ctx, bluezgen.Adapter1Interface+".RemoveDevice", 0, device)
		}
		return len(found) == 0
	})
}
