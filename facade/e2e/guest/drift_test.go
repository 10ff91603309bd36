//go:build e2e

package guest

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/introspection"
	"github.com/gobluez/bluez/introspection/drift"
)

// TestDrift compares what package introspection declares with what the bluetoothd that runs here prints of all its objects, before
// a device is connected and while one is. With a new BlueZ it says what is to be done.
func TestDrift(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	bus := bluetooth.Bus()
	release := version(t, ctx)
	recording := &drift.Recording{Service: introspection.Bluetoothd, Release: release, Experimental: *experimental}

	at := func(when string, holds func(world.Objects) bool) {
		t.Helper()
		var all world.Objects
		if err := world.Await(ctx, bus, when, func(now world.Objects) bool { all = now; return holds(now) }); err != nil {
			t.Fatal(err)
		}
		n, err := introspect(ctx, bus, all, recording)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d objects have been asked", when, n)
	}
	at("without connection", func(world.Objects) bool { return true })
	if err := bluetooth.Link(ctx, world.Central(), world.Example()); err != nil {
		t.Fatal(err)
	}
	device := world.Central().Device(world.Example())
	defer func() {
		if err := world.Forget(ctx, bus, world.Central()); err != nil {
			t.Error(err)
		}
	}()
	at("with the services of a connected device", func(all world.Objects) bool {
		return all[device][bluezgen.Device1Interface]["ServicesResolved"].Value() == true && descriptors(all, device) > 0
	})

	differences, err := recording.Differences()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range differences {
		t.Errorf("BlueZ %s: %s", release, d)
	}
	for _, name := range []string{bluezgen.Adapter1Interface, bluezgen.AgentManager1Interface, bluezgen.GattDescriptor1Interface} {
		if !recording.Has(name) {
			t.Errorf("nothing prints %s: the objects were not asked right", name)
		}
	}
}

// introspect adds what all objects print to a recording. One that goes meanwhile is as good as never there.
func introspect(ctx context.Context, bus *dbus.Conn, all world.Objects, recording *drift.Recording) (asked int, err error) {
	paths := slices.Sorted(maps.Keys(all))
	for _, path := range append([]dbus.ObjectPath{"/"}, paths...) {
		var text string
		err := bus.Object(bluezgen.Service, path).CallWithContext(ctx, "org.freedesktop.DBus.Introspectable.Introspect", 0).Store(&text)
		if failed, ok := err.(dbus.Error); ok && failed.Name == "org.freedesktop.DBus.Error.UnknownObject" {
			continue
		}
		if err != nil {
			return asked, fmt.Errorf("introspect %s: %w", path, err)
		}
		if err := recording.Add([]byte(text)); err != nil {
			return asked, fmt.Errorf("introspect %s: %w", path, err)
		}
		asked++
	}
	return asked, nil
}

func descriptors(all world.Objects, device dbus.ObjectPath) (n int) {
	for path, interfaces := range all {
		if strings.HasPrefix(string(path), string(device)+"/") && interfaces[bluezgen.GattDescriptor1Interface] != nil {
			n++
		}
	}
	return n
}

// version returns that of BlueZ, such as 5.82.
func version(t *testing.T, ctx context.Context) string {
	t.Helper()
	out, err := exec.CommandContext(ctx, "bluetoothctl", "--version").Output()
	if err != nil {
		t.Fatalf("bluetoothctl --version: %v", err)
	}
	words := strings.Fields(string(out))
	if len(words) == 0 {
		t.Fatal("bluetoothctl --version prints nothing")
	}
	return words[len(words)-1]
}
