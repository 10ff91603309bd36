//go:build linux

package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// record runs in the VM. It connects to BlueZ's example peripheral, so that there is a device with
// services, and leaves the XML of each kind of object in /out.
func record(ctx context.Context, experimental bool) error {
	w, err := world.Start(ctx, world.Options{Experimental: experimental, Example: true})
	if err != nil {
		return err
	}
	defer w.Close()
	bus := w.Bus()
	if err := connect(ctx, w); err != nil {
		return err
	}

	var objects world.Objects
	if err := bus.Object(bluezgen.Service, "/").CallWithContext(ctx, "org.freedesktop.DBus.ObjectManager.GetManagedObjects", 0).Store(&objects); err != nil {
		return err
	}
	if err := save(ctx, bus.Object("org.freedesktop.DBus", "/org/freedesktop/DBus"), "org.freedesktop.DBus"); err != nil {
		return err
	}
	if err := save(ctx, bus.Object(bluezgen.Service, "/"), "root"); err != nil {
		return err
	}
	for _, path := range kinds(objects) {
		name := strings.ReplaceAll(strings.TrimPrefix(string(path), "/"), "/", ".")
		if err := save(ctx, bus.Object(bluezgen.Service, path), name); err != nil {
			return err
		}
	}
	return nil
}

// connect connects the central's controller to the example peripheral, until its services are there.
func connect(ctx context.Context, w *world.World) error {
	if err := w.Link(ctx, world.Central(), world.Example()); err != nil {
		return err
	}
	device := world.Central().Device(world.Example())
	return world.Await(ctx, w.Bus(), "the peripheral's services", func(o world.Objects) bool {
		// A descriptor and the battery are the last things that bluetoothd makes of a connection.
		return o[device][bluezgen.Device1Interface]["ServicesResolved"].Value() == true &&
			slices.ContainsFunc(slices.Collect(maps.Keys(o)), func(p dbus.ObjectPath) bool {
				return o[p][bluezgen.GattDescriptor1Interface] != nil && strings.HasPrefix(string(p), string(device))
			}) && o[device][bluezgen.Battery1Interface] != nil
	})
}

// kinds returns the first object of each set of interfaces. Of the controllers it looks at the
// central's only: the others have the same.
func kinds(objects world.Objects) []dbus.ObjectPath {
	var paths []dbus.ObjectPath
	seen := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(objects)) {
		kind := strings.Join(slices.Sorted(maps.Keys(objects[path])), " ")
		if seen[kind] || isOther(path) {
			continue
		}
		seen[kind] = true
		paths = append(paths, path)
	}
	return paths
}

func isOther(path dbus.ObjectPath) bool {
	for _, c := range []world.Controller{world.Example(), world.Own(), world.Bystander()} {
		if strings.HasPrefix(string(path), string(c.Path())) {
			return true
		}
	}
	return false
}

func save(ctx context.Context, object dbus.BusObject, name string) error {
	var xml string
	if err := object.CallWithContext(ctx, "org.freedesktop.DBus.Introspectable.Introspect", 0).Store(&xml); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("/out", name+".xml"), []byte(xml), 0o644)
}
