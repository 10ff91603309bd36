package checks

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// A bench is a World with somebody who looks at it without the library under test.
type bench struct {
	World
	bus *dbus.Conn
}

// setup gives a test a ctx, a Central on the controller that no peripheral uses, and a BlueZ that knows no
// device. After the test it looks whether the Central left anything behind.
func (b *bench) setup(t *testing.T) (context.Context, *facade.Central) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), b.Patience())
	t.Cleanup(cancel)
	if err := world.Forget(ctx, b.bus, world.Central()); err != nil {
		t.Fatal(err)
	}
	return ctx, b.open(t, ctx)
}

// open gives a test a Central as setup does, and leaves BlueZ as it is.
func (b *bench) open(t *testing.T, ctx context.Context) *facade.Central {
	t.Helper()
	central, err := facade.Open(ctx, facade.Options{Bus: b.Address(), Adapter: world.Central().Name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := central.Close(); err != nil {
			t.Errorf("close the Central: %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), b.Patience())
		defer cancel()
		if err := world.Await(ctx, b.bus, "BlueZ at rest after the Central was closed", atRest); err != nil {
			t.Error(err)
		}
	})
	return central
}

// openOn gives a test a Central on another controller, which forgets all devices after the test.
func (b *bench) openOn(t *testing.T, ctx context.Context, c world.Controller) *facade.Central {
	t.Helper()
	central, err := facade.Open(ctx, facade.Options{Bus: b.Address(), Adapter: c.Name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := central.Close(); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), b.Patience())
		defer cancel()
		if err := world.Forget(ctx, b.bus, c); err != nil {
			t.Error(err)
		}
	})
	return central
}

// atRest reports whether the central's controller neither scans nor has a connection or notifications.
func atRest(all world.Objects) bool {
	adapter := world.Central().Path()
	if all[adapter]["org.bluez.Adapter1"]["Discovering"].Value() != false {
		return false
	}
	for path, interfaces := range all {
		if !strings.HasPrefix(string(path), string(adapter)+"/") {
			continue
		}
		characteristic := interfaces["org.bluez.GattCharacteristic1"]
		if all.Connected(path) || characteristic["Notifying"].Value() == true || characteristic["NotifyAcquired"].Value() == true {
			return false
		}
	}
	return true
}

// connect connects to a peripheral that BlueZ has not heard of yet.
func (b *bench) connect(t *testing.T, ctx context.Context, central *facade.Central, peer world.Controller) *facade.Client {
	t.Helper()
	client, err := central.Connect(ctx, address(t, peer), facade.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Errorf("close the client of %s: %v", peer.Address, err)
		}
	})
	return client
}

func address(t *testing.T, c world.Controller) facade.Address {
	t.Helper()
	a, err := facade.ParseAddress(c.Address)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// uuid parses one of package world's constants.
func uuid(s string) facade.UUID {
	u, err := facade.ParseUUID(s)
	if err != nil {
		panic(err)
	}
	return u
}

// control asks something of our own peripheral.
func control(t *testing.T, ctx context.Context, client *facade.Client, c world.Control) {
	t.Helper()
	if err := client.Write(ctx, uuid(world.ControlUUID), c.Bytes()); err != nil {
		t.Fatal(err)
	}
}

// status reads what our own peripheral thinks.
func status(t *testing.T, ctx context.Context, client *facade.Client) (s world.Status) {
	t.Helper()
	value, err := client.Read(ctx, uuid(world.StatusUUID))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(value, &s); err != nil {
		t.Fatalf("status %q: %v", value, err)
	}
	return s
}

// device waits until a condition holds for a device of the central's, by what BlueZ says of it on another connection.
func (b *bench) device(t *testing.T, ctx context.Context, peer world.Controller, what string, holds func(world.Objects, dbus.ObjectPath) bool) {
	t.Helper()
	path := world.Central().Device(peer)
	if err := world.Await(ctx, b.bus, what, func(all world.Objects) bool { return holds(all, path) }); err != nil {
		t.Fatal(err)
	}
}

// look returns what BlueZ says of everything now, on another connection than the library's.
func (b *bench) look(t *testing.T, ctx context.Context) (now world.Objects) {
	t.Helper()
	if err := world.Await(ctx, b.bus, "BlueZ's answer", func(all world.Objects) bool { now = all; return true }); err != nil {
		t.Fatal(err)
	}
	return now
}

func linkUp(all world.Objects, device dbus.ObjectPath) bool   { return all.Connected(device) }
func linkDown(all world.Objects, device dbus.ObjectPath) bool { return !all.Connected(device) }

// environment is the environment of other programs that shall use the world's BlueZ.
func (b *bench) environment() []string {
	return append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+b.Address())
}
