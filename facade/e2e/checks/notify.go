package checks

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// Both ways in which BlueZ passes notifications on, from a peripheral that sends in both ways that BlueZ has.
func (b *bench) testNotifications(t *testing.T) {
	for _, method := range []facade.NotifyMethod{facade.StartNotify, facade.AcquireNotify} {
		for name, characteristic := range map[string]string{"counter": world.CounterUUID, "stream": world.StreamUUID} {
			t.Run(method.String()+"/"+name, func(t *testing.T) {
				ctx, central := b.setup(t)
				client := b.connect(t, ctx, central, world.Own())
				subscribe := func() *facade.Subscription {
					sub, err := client.Subscribe(ctx, uuid(characteristic), facade.SubscribeOptions{Method: method})
					if err != nil {
						t.Fatal(err)
					}
					return sub
				}
				sub := subscribe()
				b.expectMethod(t, ctx, client, uuid(characteristic), method)
				control(t, ctx, client, world.Control{Operation: world.Count, Count: 100})
				expectNumbers(t, ctx, sub, 100)

				// A count that would take minutes is stopped in the middle.
				control(t, ctx, client, world.Control{Operation: world.Count, Count: 60000, Interval: 5})
				expectNumbers(t, ctx, sub, 10)
				if err := sub.Close(); err != nil {
					t.Fatal(err)
				}
				expectEnd(t, ctx, sub)
				for s := status(t, ctx, client); s.Counter || s.Stream; s = status(t, ctx, client) {
					if ctx.Err() != nil {
						t.Fatalf("somebody is still subscribed: %+v", s)
					}
				}

				// What was not taken of the first count is not in the next subscription.
				sub = subscribe()
				b.expectMethod(t, ctx, client, uuid(characteristic), method)
				control(t, ctx, client, world.Control{Operation: world.Count, Count: 5})
				expectNumbers(t, ctx, sub, 5)
				if err := sub.Close(); err != nil {
					t.Fatal(err)
				}
				expectEnd(t, ctx, sub)
			})
		}
	}
}

// expectMethod asks BlueZ in which way it passes on the notifications of a characteristic that is subscribed to.
func (b *bench) expectMethod(t *testing.T, ctx context.Context, client *facade.Client, which facade.UUID, method facade.NotifyMethod) {
	t.Helper()
	c, err := client.Characteristic(which)
	if err != nil {
		t.Fatal(err)
	}
	properties := b.look(t, ctx)[c.Path()]["org.bluez.GattCharacteristic1"]
	notifying, acquired := properties["Notifying"].Value() == true, properties["NotifyAcquired"].Value() == true
	switch method {
	case facade.AcquireNotify:
		if !acquired {
			t.Errorf("subscribed by AcquireNotify, but BlueZ says NotifyAcquired %v", properties["NotifyAcquired"].Value())
		}
	case facade.StartNotify:
		if !notifying || acquired {
			t.Errorf("subscribed by StartNotify, but BlueZ says Notifying %t, NotifyAcquired %t", notifying, acquired)
		}
	}
}

// expectNumbers takes the numbers from 0 to below n from a subscription.
func expectNumbers(t *testing.T, ctx context.Context, sub *facade.Subscription, n uint32) {
	t.Helper()
	for want := range n {
		got, err := sub.Next(ctx)
		if err != nil {
			t.Fatalf("instead of number %d: %v", want, err)
		}
		if len(got.Value) != 4 || binary.LittleEndian.Uint32(got.Value) != want || got.Time.IsZero() {
			t.Fatalf("notification % x at %s, want number %d", got.Value, got.Time, want)
		}
	}
}

// expectEnd takes what a closed subscription still has and expects its end, for good.
func expectEnd(t *testing.T, ctx context.Context, sub *facade.Subscription) {
	t.Helper()
	for range 2 {
		_, err := sub.Next(ctx)
		for err == nil {
			_, err = sub.Next(ctx)
		}
		if !errors.Is(err, facade.ErrClosed) {
			t.Errorf("after Close, Next says %v; want ErrClosed", err)
		}
	}
}

func (b *bench) testNotificationsOfExample(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Example())
	sub, err := client.Subscribe(ctx, facade.UUID16(0x2A37), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for n, err := range sub.All() {
		if err != nil {
			t.Fatal(err)
		}
		// Flags, of which bits 1 and 2 are set, and a rate between 90 and 130.
		if len(n.Value) < 2 || n.Value[0]&6 != 6 || n.Value[1] < 90 || n.Value[1] > 130 {
			t.Errorf("heart rate measurement % x", n.Value)
		}
		if count++; count == 3 {
			break
		}
	}
	if count != 3 {
		t.Errorf("%d notifications, want 3", count)
	}
}

func (b *bench) testSubscribeToWhatDoesNotNotify(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Own())
	for _, method := range []facade.NotifyMethod{facade.StartNotify, facade.AcquireNotify} {
		if sub, err := client.Subscribe(ctx, uuid(world.ValueUUID), facade.SubscribeOptions{Method: method}); err == nil {
			t.Errorf("%s: subscribed to a characteristic without notifications", method)
			sub.Close()
		}
	}
}
