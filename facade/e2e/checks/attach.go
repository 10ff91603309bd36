package checks

import (
	"bytes"
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// A device that another program has connected is listed and attached to, without a scan, and stays connected.
func (b *bench) testAttachToConnectedDevice(t *testing.T) {
	j := b.judge(t, world.Own())
	j.connect()
	central := b.open(t, j.ctx)
	known, err := central.Devices(j.ctx, facade.DevicesOptions{Connected: true, Adapter: world.Central().Name})
	if err != nil || len(known) != 1 || known[0].Address != address(t, world.Own()) || !known[0].Connected || known[0].Paired {
		t.Fatalf("connected devices: %+v, %v; want %s alone", known, err, world.Own().Address)
	}
	if len(known[0].ServiceUUIDs) < 3 { // its own and those of bluetoothd
		t.Errorf("services %v", known[0].ServiceUUIDs)
	}
	for _, target := range []facade.Target{known[0], address(t, world.Own())} {
		client, err := central.Connect(j.ctx, target, facade.ConnectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Read(j.ctx, uuid(world.StatusUUID)); err != nil {
			t.Error(err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	if !linkUp(b.look(t, j.ctx), j.device) {
		t.Error("the clients have ended the other program's link")
	}
	for len(j.signals) > 0 {
		if line := j.render(<-j.signals); line == "adapter Adapter1 Discovering=true" {
			t.Error("to attach, BlueZ was told to discover")
		}
	}
	found, err := central.FindDevice(j.ctx, facade.ScanOptions{Address: address(t, world.Own())})
	if err != nil || found.Device.Path() != j.device {
		t.Errorf("looking for a connected device: %v, %v", found, err)
	}
	j.disconnect()
}

// An address is connected to without a scan where BlueZ can do that, and after one where it cannot.
func (b *bench) testConnectByAddress(t *testing.T) {
	j := b.judge(t, world.Own())
	central := b.open(t, j.ctx)
	client, err := central.Connect(j.ctx, address(t, world.Own()), facade.ConnectOptions{AddressType: facade.AddressPublic})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(j.ctx, uuid(world.StatusUUID)); err != nil {
		t.Error(err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	scanned := false
	for len(j.signals) > 0 {
		scanned = j.render(<-j.signals) == "adapter Adapter1 Discovering=true" || scanned
	}
	if scanned == b.Experimental() {
		t.Errorf("scanned %t, want it only where there is no other way", scanned)
	}
}

// Of a device that BlueZ knows the services are those of the last connection, and values those last seen.
func (b *bench) testCached(t *testing.T) {
	ctx, central := b.setup(t)
	first := b.connect(t, ctx, central, world.Own())
	tree := facadeTree(first.Services())
	if err := first.WriteWithResponse(ctx, uuid(world.ValueUUID), []byte("cached")); err != nil {
		t.Fatal(err)
	}
	value, err := first.Read(ctx, uuid(world.ValueUUID))
	if err != nil || string(value) != "cached" {
		t.Fatalf("read %q, %v", value, err)
	}
	if text, err := first.ReadDescriptor(ctx, note(t, first)); err != nil || string(text) != world.NoteAtFirst {
		t.Fatalf("read %q, %v", text, err)
	}
	cached := func(client *facade.Client, when string) {
		t.Helper()
		if value, err := client.CachedValue(ctx, uuid(world.ValueUUID)); err != nil || !bytes.Equal(value, []byte("cached")) {
			t.Errorf("%s, the cached value is %q, %v", when, value, err)
		}
		if text, err := client.CachedDescriptorValue(ctx, note(t, client)); err != nil || string(text) != world.NoteAtFirst {
			t.Errorf("%s, the descriptor's cached value is %q, %v", when, text, err)
		}
	}
	cached(first, "while connected")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	b.device(t, ctx, world.Own(), "the end of the link", linkDown)
	cached(first, "after the end of the link")

	again, err := central.Connect(ctx, first.Device(), facade.ConnectOptions{CachedServices: true})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if got := facadeTree(again.Services()); len(got) != len(tree) {
		t.Errorf("%d attributes are known from the last connection, want %d", len(got), len(tree))
	}
	if value, err := again.Read(ctx, uuid(world.ValueUUID)); err != nil || string(value) != "cached" {
		t.Errorf("read %q, %v", value, err)
	}
}

// Of the services, those that are wanted are all that a client has.
func (b *bench) testWantedServices(t *testing.T) {
	ctx, central := b.setup(t)
	client, err := central.Connect(ctx, address(t, world.Own()), facade.ConnectOptions{Services: []facade.UUID{uuid(world.ServiceUUID)}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if services := client.Services(); len(services) != 1 || services[0].UUID != uuid(world.ServiceUUID) || len(services[0].Characteristics) < 7 {
		t.Errorf("services %v", services)
	}
	if _, err := client.Read(ctx, uuid(world.StatusUUID)); err != nil {
		t.Error(err)
	}
	if _, err := client.Read(ctx, facade.UUID16(0x2A00)); !errors.Is(err, facade.ErrNotFound) {
		t.Errorf("read the name, which is in another service: %v, want ErrNotFound", err)
	}
}
