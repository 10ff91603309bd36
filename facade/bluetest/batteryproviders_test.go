package bluetest

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

func TestBatteryProviders(t *testing.T) {
	b := newBench(t, Device{})
	b.connect()
	ctx := t.Context()
	provider := dial(t, b.world)
	manager := bluezgen.NewBatteryProviderManager1(provider, "/org/bluez/hci0")
	if _, err := provider.ExportObjectManager(ctx, "/batteries"); err != nil {
		t.Fatal(err)
	}
	export := func(path, device dbus.ObjectPath, level byte) (*bluezgen.BatteryProvider1Skeleton, *bus.Export) {
		s := bluezgen.NewBatteryProvider1Skeleton(bluezgen.BatteryProvider1Properties{
			BatteryProvider1Set: bluezgen.BatteryProvider1SetOf(bluezgen.BatteryProvider1Device, bluezgen.BatteryProvider1Percentage, bluezgen.BatteryProvider1Source),
			Device:              device, Percentage: level, Source: "a test",
		})
		x, err := provider.Export(ctx, path, bus.ExportOptions{}, s)
		if err != nil {
			t.Fatal(err)
		}
		return s, x
	}
	battery, object := export("/batteries/1", b.proxy.Path(), 40)
	export("/batteries/2", b.proxy.Path(), 50)
	export("/batteries/3", "/org/bluez/hci0/dev_11_11_11_11_11_11", 60)
	if err := manager.RegisterBatteryProvider(ctx, "/batteries"); err != nil {
		t.Fatal(err)
	}
	b.await("+battery", 1)
	b.await("battery Percentage=40", 1)
	set := func(level byte) {
		err := battery.Update(bluezgen.BatteryProvider1Properties{
			BatteryProvider1Set: bluezgen.BatteryProvider1SetOf(bluezgen.BatteryProvider1Percentage), Percentage: level,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set(101)
	set(41)
	b.await("battery Percentage=41", 1)
	shown, err := bluezgen.NewBattery1(b.conn, b.proxy.Path()).GetAll(ctx)
	if err != nil || shown.Source != "a test" || shown.Percentage != 41 {
		t.Errorf("battery %+v, %v", shown, err)
	}
	b.disconnect() // which it outlives
	if _, err := bluezgen.NewBattery1(b.conn, b.proxy.Path()).GetAll(ctx); err != nil {
		t.Errorf("after the link: %v", err)
	}
	object.Close()
	b.await("-battery", 1)

	if err := manager.RegisterBatteryProvider(ctx, "/batteries"); !errorIs(err, bluezgen.ErrAlreadyExists.With("Provider already exists")) {
		t.Errorf("twice: %v", err)
	}
	other := bluezgen.NewBatteryProviderManager1(b.conn, "/org/bluez/hci0")
	if err := other.UnregisterBatteryProvider(ctx, "/batteries"); !errorIs(err, bluezgen.ErrDoesNotExist.With("Provider does not exist")) {
		t.Errorf("by another: %v", err)
	}
	b.connect()
	export("/batteries/4", b.proxy.Path(), 70)
	b.await("+battery", 1) // connect has forgotten the first
	if err := manager.UnregisterBatteryProvider(ctx, "/batteries"); err != nil {
		t.Error(err)
	}
	b.await("-battery", 1)
	if err := manager.RegisterBatteryProvider(ctx, "/batteries"); err != nil {
		t.Fatal(err)
	}
	b.await("+battery", 2)
	provider.Close()
	b.await("-battery", 2)
}

// The manager was experimental before 5.79.
func TestBatteryProvidersByVersion(t *testing.T) {
	for _, test := range []struct {
		option Option
		there  bool
	}{
		{Version582, true}, {Version566, false}, {Options(Version566, Experimental()), true}, {Options(Version555, Experimental()), false},
	} {
		conn := dial(t, Start(t, test.option))
		err := bluezgen.NewBatteryProviderManager1(conn, "/org/bluez/hci0").RegisterBatteryProvider(t.Context(), "/batteries")
		if (err == nil) != test.there {
			t.Errorf("%v: %v", test.option, err)
		}
	}
}
