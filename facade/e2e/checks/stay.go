package checks

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// Stay calls its function with a connection that works, again after each that the peer has dropped.
func (b *bench) testStay(t *testing.T) {
	ctx, central := b.setup(t)
	enough := errors.New("enough")
	connections := 0
	err := central.Stay(ctx, address(t, world.Own()), facade.StayOptions{MinPause: 10 * time.Millisecond}, func(ctx context.Context, client *facade.Client) error {
		connections++
		sub, err := client.Subscribe(ctx, uuid(world.CounterUUID), facade.SubscribeOptions{})
		if err != nil {
			return err
		}
		control(t, ctx, client, world.Control{Operation: world.Count, Count: 3})
		expectNumbers(t, ctx, sub, 3)
		if connections == 3 {
			return enough
		}
		control(t, ctx, client, world.Control{Operation: world.Disconnect})
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, enough) || connections != 3 {
		t.Errorf("Stay returned %v after %d connections", err, connections)
	}
	b.device(t, ctx, world.Own(), "the end of the link", linkDown)
}

// Stay waits for a bluetoothd that has gone and goes on with the one that comes.
func (b *bench) testStaySurvivesRestart(t *testing.T) {
	ctx, central := b.setup(t)
	connected := make(chan struct{})
	stayed := make(chan error, 1)
	inner, leave := context.WithCancel(ctx)
	defer leave()
	go func() {
		stayed <- central.Stay(inner, address(t, world.Own()), facade.StayOptions{MinPause: 10 * time.Millisecond}, func(ctx context.Context, client *facade.Client) error {
			if _, err := client.Read(ctx, uuid(world.StatusUUID)); err != nil {
				return err
			}
			select {
			case connected <- struct{}{}:
			case <-ctx.Done():
			}
			<-ctx.Done()
			return ctx.Err()
		})
	}()
	for n := range 2 {
		select {
		case <-connected:
		case err := <-stayed:
			t.Fatalf("Stay ended: %v", err)
		case <-ctx.Done():
			t.Fatalf("%d connections", n)
		}
		if n == 0 {
			if err := b.Restart(ctx, true); err != nil {
				t.Fatal(err)
			}
		}
	}
	leave()
	if err := <-stayed; !errors.Is(err, context.Canceled) {
		t.Errorf("Stay returned %v", err)
	}
}
