package checks

import (
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
)

func (b *bench) testAdaptersAreListed(t *testing.T) {
	ctx, central := b.setup(t)
	adapters, err := central.Adapters(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := world.Controllers()
	if len(adapters) != len(want) {
		t.Fatalf("%d adapters, want %d: %v", len(adapters), len(want), adapters)
	}
	for n, a := range adapters {
		if a.Name != want[n].Name || a.Address != address(t, want[n]) {
			t.Errorf("adapter %d is %s %s, want %s %s", n, a.Name, a.Address, want[n].Name, want[n].Address)
		}
		if !a.Powered || !a.Central || a.Discovering {
			t.Errorf("%s: powered %t, central %t, discovering %t; want true, true, false", a, a.Powered, a.Central, a.Discovering)
		}
		if a.Path() != want[n].Path() {
			t.Errorf("%s is at %s, want %s", a, a.Path(), want[n].Path())
		}
	}
	if alias := adapters[1].Alias; alias != world.ExampleName {
		t.Errorf("alias of %s is %q, want %q", adapters[1], alias, world.ExampleName)
	}
}

// bluetoothd is the one that was asked for: ConnectDevice is a method of experimental ones alone.
func (b *bench) testBlueZIsExperimentalAsAsked(t *testing.T) {
	ctx, _ := b.setup(t)
	var described string
	err := b.bus.Object(bluezgen.Service, world.Central().Path()).
		CallWithContext(ctx, "org.freedesktop.DBus.Introspectable.Introspect", 0).Store(&described)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(described, `<method name="StartDiscovery"`) {
		t.Fatalf("not the description of an adapter:\n%s", described)
	}
	if got := strings.Contains(described, `<method name="ConnectDevice"`); got != b.Experimental() {
		t.Errorf("the adapter has ConnectDevice: %t, but bluetoothd is experimental: %t", got, b.Experimental())
	}
}
