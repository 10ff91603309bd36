//go:build linux

package world

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

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
