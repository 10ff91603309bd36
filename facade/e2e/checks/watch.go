package checks

import (
	"context"
	"iter"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// follow passes on what a watch tells, until the test ends.
func follow[E any](t *testing.T, ctx context.Context, events iter.Seq2[E, error]) <-chan E {
	told := make(chan E, 100)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e, err := range events {
			if err != nil {
				t.Errorf("the watch ended: %v", err)
				return
			}
			select {
			case told <- e:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return told
}

// until takes events until one is wanted, and returns that.
func until[E any](t *testing.T, ctx context.Context, told <-chan E, what string, wanted func(E) bool) E {
	t.Helper()
	for {
		select {
		case e := <-told:
			t.Logf("event: %+v", e)
			if wanted(e) {
				return e
			}
		case <-ctx.Done():
			t.Fatalf("never told of %s", what)
		}
	}
}

// Whoever connects a device, a watch tells of each thing that happens to it, in order.
func (b *bench) testWatchDevices(t *testing.T) {
	j := b.judge(t, world.Own())
	central := b.open(t, j.ctx)
	watching, stop := context.WithCancel(j.ctx)
	defer stop()
	told := follow(t, watching, central.WatchDevices(watching, facade.WatchOptions{Adapter: world.Central().Name, Address: address(t, world.Own())}))
	next := func(want facade.DeviceEventKind) {
		t.Helper()
		e := until(t, j.ctx, told, want.String(), func(e facade.DeviceEvent) bool { return e.Kind != facade.DeviceChanged })
		if e.Kind != want || e.Device.Path() != j.device {
			t.Fatalf("%s %s, want it %s", e.Device, e.Kind, want)
		}
	}
	j.connect()
	next(facade.DeviceAdded)
	next(facade.DeviceConnected)
	j.disconnect()
	next(facade.DeviceDisconnected)
	j.must(world.Central().Path(), "org.bluez.Adapter1.RemoveDevice", j.device)
	next(facade.DeviceRemoved)
}

// A watch tells of each adapter that is there, of its power, and of what bluetoothd's end takes away.
func (b *bench) testWatchAdapters(t *testing.T) {
	ctx, central := b.setup(t)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	told := follow(t, watching, central.WatchAdapters(watching))
	await := func(kind facade.AdapterEventKind, number int) {
		t.Helper()
		for range number {
			until(t, ctx, told, kind.String(), func(e facade.AdapterEvent) bool { return e.Kind == kind })
		}
	}
	all := len(world.Controllers())
	await(facade.AdapterAdded, all)
	if err := central.SetPowered(ctx, "", false); err != nil {
		t.Fatal(err)
	}
	await(facade.AdapterPoweredOff, 1)
	if err := central.SetPowered(ctx, "", true); err != nil {
		t.Fatal(err)
	}
	await(facade.AdapterPoweredOn, 1)
	if err := b.Restart(ctx, false); err != nil {
		t.Fatal(err)
	}
	await(facade.AdapterRemoved, all)
	await(facade.AdapterAdded, all)
}
