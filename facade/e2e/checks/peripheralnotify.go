package checks

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// A peripheral learns who subscribes, tells that device alone or all, and learns of the end.
func (b *bench) testPeripheralNotifies(t *testing.T) {
	for _, method := range []facade.NotifyMethod{facade.StartNotify, facade.AcquireNotify} {
		t.Run(method.String(), func(t *testing.T) {
			ctx, central := b.setup(t)
			subscribed, ended := make(chan struct{}), make(chan struct{})
			c := &peripheral.Characteristic{
				Properties: []facade.Property{facade.PropertyNotify},
				Subscribed: func(_ context.Context, sub *peripheral.Subscriber) {
					if sub.Device().Address != address(t, world.Central()) || sub.MTU() != 517 || sub.Link() != peripheral.LinkLE {
						t.Errorf("%s subscribed, MTU %d, link %s", sub.Device(), sub.MTU(), sub.Link())
					}
					if err := sub.Notify(ctx, make([]byte, 515)); !errors.Is(err, facade.ATTInvalidValueLength) {
						t.Errorf("a value that is too long: %v", err)
					}
					select {
					case <-subscribed: // what comes before that is lost on the way to a socket
					case <-ctx.Done():
					}
					for n := range uint32(20) {
						if err := sub.Notify(ctx, binary.LittleEndian.AppendUint32(nil, n)); err != nil {
							t.Errorf("notify: %v", err)
						}
					}
					close(ended)
				},
			}
			s := b.serve(t, ctx, c)
			client := b.connect(t, ctx, central, world.Bystander())
			if err := s.server.Notify(ctx, c, []byte("nobody")); err != nil {
				t.Errorf("notify nobody: %v", err)
			}
			sub, err := client.Subscribe(ctx, siteUUID(1), facade.SubscribeOptions{Method: method})
			close(subscribed)
			if err != nil {
				t.Fatal(err)
			}
			s.expect(t, ctx, peripheral.Subscribed)
			expectNumbers(t, ctx, sub, 20)
			<-ended
			for n := range uint32(20) {
				if err := s.server.Notify(ctx, c, binary.LittleEndian.AppendUint32(nil, n)); err != nil {
					t.Fatal(err)
				}
			}
			expectNumbers(t, ctx, sub, 20)
			if err := sub.Close(); err != nil {
				t.Fatal(err)
			}
			s.expect(t, ctx, peripheral.Unsubscribed)
			if left := s.server.Subscribers(c); len(left) > 0 {
				t.Errorf("%d subscribers after the last has gone", len(left))
			}
		})
	}
}

// What is indicated is confirmed before it counts as told.
func (b *bench) testPeripheralIndicates(t *testing.T) {
	ctx, central := b.setup(t)
	c := &peripheral.Characteristic{Properties: []facade.Property{facade.PropertyIndicate}}
	s := b.serve(t, ctx, c)
	client := b.connect(t, ctx, central, world.Bystander())
	sub, err := client.Subscribe(ctx, siteUUID(1), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s.expect(t, ctx, peripheral.Subscribed)
	for n := range uint32(10) {
		if err := s.server.Notify(ctx, c, binary.LittleEndian.AppendUint32(nil, n)); err != nil {
			t.Fatal(err)
		}
	}
	expectNumbers(t, ctx, sub, 10)
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	s.expect(t, ctx, peripheral.Unsubscribed)
	s.expect(t, ctx, peripheral.Disconnected)
}

// A peripheral can end a connection, and its subscriptions with it.
func (b *bench) testPeripheralDisconnects(t *testing.T) {
	ctx, central := b.setup(t)
	c := &peripheral.Characteristic{Properties: []facade.Property{facade.PropertyNotify}}
	s := b.serve(t, ctx, c)
	client := b.connect(t, ctx, central, world.Bystander())
	sub, err := client.Subscribe(ctx, siteUUID(1), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	device := s.expect(t, ctx, peripheral.Subscribed).Device
	if err := s.server.Disconnect(ctx, device); err != nil {
		t.Fatal(err)
	}
	s.expect(t, ctx, peripheral.Unsubscribed)
	s.expect(t, ctx, peripheral.Disconnected)
	select {
	case <-client.Disconnected():
	case <-ctx.Done():
		t.Fatal("the client does not know that it is disconnected")
	}
	if _, err := sub.Next(ctx); !errors.Is(err, facade.ErrDisconnected) {
		t.Errorf("the subscription: %v", err)
	}
}
