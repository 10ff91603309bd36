package checks

import (
	"context"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// second connects another central than that of setup, on the controller of our own peripheral, to a site that has a connection already.
func (b *bench) second(t *testing.T, ctx context.Context, s *site) *facade.Client {
	t.Helper()
	t.Cleanup(func() { // the connection to the example ends its advertisement
		ctx, cancel := context.WithTimeout(context.Background(), b.Patience())
		defer cancel()
		if err := b.Silence(ctx); err != nil {
			t.Error(err)
		}
		if err := b.Advertise(ctx); err != nil {
			t.Error(err)
		}
	})
	central := b.openOn(t, ctx, world.Own())
	// Both ends of an emulated connection have to be at the same number of theirs: see world.Crowd.
	b.connect(t, ctx, central, world.Example())
	// A connection ends the advertisement that led to it.
	b.advertise(t, ctx, s, peripheral.Advertisement{Name: "site"})
	return b.connect(t, ctx, central, world.Bystander())
}

// Of two devices that have subscribed each can be told something else, and the one that stays goes on when the other leaves.
func (b *bench) testPeripheralTellsEachSubscriber(t *testing.T) {
	ctx, central := b.setup(t)
	c := &peripheral.Characteristic{Properties: []facade.Property{facade.PropertyNotify}}
	s := b.serve(t, ctx, c)
	clients := map[string]*facade.Client{world.Central().Address: b.connect(t, ctx, central, world.Bystander())}
	clients[world.Own().Address] = b.second(t, ctx, s)
	subs := map[string]*facade.Subscription{}
	for who, client := range clients {
		sub, err := client.Subscribe(ctx, siteUUID(1), facade.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		subs[who] = sub
		until(t, ctx, s.events, "a subscription", func(e peripheral.Event) bool { return e.Kind == peripheral.Subscribed })
	}
	expect := func(who, want string) {
		t.Helper()
		if got, err := subs[who].Next(ctx); err != nil || string(got.Value) != want {
			t.Errorf("%s was told %q, %v; want %q", who, got.Value, err, want)
		}
	}
	subscribers := s.server.Subscribers(c)
	if len(subscribers) != len(clients) {
		t.Fatalf("%d subscribers, want %d", len(subscribers), len(clients))
	}
	for _, sub := range subscribers {
		if err := sub.Notify(ctx, []byte("for "+sub.Device().Address.String())); err != nil {
			t.Error(err)
		}
	}
	for who := range subs {
		expect(who, "for "+who)
	}
	if err := s.server.Notify(ctx, c, []byte("for all")); err != nil {
		t.Error(err)
	}
	for who := range subs {
		expect(who, "for all")
	}

	if err := clients[world.Own().Address].Close(); err != nil {
		t.Error(err)
	}
	left := until(t, ctx, s.events, "the end of a subscription", func(e peripheral.Event) bool { return e.Kind == peripheral.Unsubscribed })
	if left.Device.Address != address(t, world.Own()) {
		t.Errorf("%s, want %s", left, world.Own().Address)
	}
	if err := s.server.Notify(ctx, c, []byte("for the last")); err != nil {
		t.Error(err)
	}
	expect(world.Central().Address, "for the last")
}
