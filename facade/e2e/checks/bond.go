package checks

import (
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// The library pairs two devices that can neither show nor ask anything, finds the bond and removes it.
func (b *bench) testBond(t *testing.T) {
	ctx, central := b.setup(t)
	defer func() { // the other side's bond
		if err := world.Forget(ctx, b.bus, world.Own()); err != nil {
			t.Error(err)
		}
	}()
	client := b.connect(t, ctx, central, world.Own())
	if client.Paired() {
		t.Error("paired before")
	}
	for range 2 { // the second finds it paired
		if err := client.Pair(ctx, facade.PairOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if !client.Paired() || client.Err() != nil {
		t.Errorf("paired %v, and the client: %v", client.Paired(), client.Err())
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	again, err := central.Connect(ctx, address(t, world.Own()), facade.ConnectOptions{Pair: &facade.PairOptions{}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()

	bonds, err := central.Devices(ctx, facade.DevicesOptions{Adapter: world.Central().Name, Paired: true})
	if err != nil || len(bonds) != 1 || bonds[0].Address != address(t, world.Own()) || !bonds[0].Bonded || !bonds[0].Connected {
		t.Fatalf("bonds %+v, %v", bonds, err)
	}
	if err := central.SetTrusted(ctx, bonds[0], true); err != nil {
		t.Error(err)
	}
	if err := central.Forget(ctx, bonds[0]); err != nil {
		t.Error(err)
	}
	select {
	case <-again.Disconnected():
	case <-ctx.Done():
		t.Fatal("the client does not know that its device is forgotten")
	}
	if err := central.Forget(ctx, bonds[0]); !errors.Is(err, facade.ErrNotFound) {
		t.Errorf("forget once more: %v", err)
	}
}
