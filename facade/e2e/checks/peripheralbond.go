package checks

import (
	"context"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// A bonded device is still subscribed when it connects again. BlueZ then asks the peripheral for nothing anew, but values arrive.
func (b *bench) testPeripheralOfBondedDevice(t *testing.T) {
	ctx, central := b.setup(t)
	defer func() {
		if err := world.Forget(context.WithoutCancel(ctx), b.bus, world.Central()); err != nil {
			t.Error(err)
		}
	}()
	c := &peripheral.Characteristic{Properties: []facade.Property{facade.PropertyNotify}}
	s := b.serve(t, ctx, c)
	for n := range 3 {
		client := b.connect(t, ctx, central, world.Bystander())
		if err := client.Pair(ctx, facade.PairOptions{}); err != nil {
			t.Fatal(err)
		}
		sub, err := client.Subscribe(ctx, siteUUID(1), facade.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		device := s.expect(t, ctx, peripheral.Subscribed).Device
		if err := s.server.Notify(ctx, c, []byte{byte(n)}); err != nil {
			t.Errorf("connection %d: %v", n, err)
		}
		if got, err := sub.Next(ctx); err != nil || len(got.Value) != 1 || got.Value[0] != byte(n) {
			t.Fatalf("connection %d: notification % x, %v", n, got.Value, err)
		}
		// The peripheral ends the connection: nobody unsubscribes.
		if err := s.server.Disconnect(ctx, device); err != nil {
			t.Fatal(err)
		}
		s.expect(t, ctx, peripheral.Disconnected)
		<-client.Disconnected()
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
}
