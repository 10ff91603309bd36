package checks

import (
	"context"
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

func (b *bench) testConnect(t *testing.T) {
	ctx, central := b.setup(t)
	adv, err := central.FindDevice(ctx, facade.ScanOptions{Name: world.ExampleName})
	if err != nil {
		t.Fatal(err)
	}
	client, err := central.Connect(ctx, adv, facade.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if client.Address() != address(t, world.Example()) || client.Name() != world.ExampleName {
		t.Errorf("connected to %s %q", client.Address(), client.Name())
	}
	if err := client.Err(); err != nil {
		t.Errorf("the client is connected, but its error is %v", err)
	}
	b.device(t, ctx, world.Example(), "the link", linkUp)

	if err := client.Disconnect(ctx); err != nil {
		t.Fatal(err)
	}
	b.device(t, ctx, world.Example(), "the end of the link", linkDown)
	select {
	case <-client.Disconnected():
	case <-ctx.Done():
		t.Fatal("the client does not know that it is disconnected")
	}
	if _, err := client.Read(ctx, facade.UUID16(0x2A38)); !errors.Is(err, facade.ErrNotConnected) && !errors.Is(err, facade.ErrDisconnected) &&
		!errors.Is(err, facade.ErrClosed) {
		t.Errorf("read after Disconnect: %v", err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
}

func (b *bench) testCloseDisconnects(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Own())
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	b.device(t, ctx, world.Own(), "the end of the link", linkDown)
	if err := client.Err(); !errors.Is(err, facade.ErrClosed) {
		t.Errorf("error of a closed client: %v, want ErrClosed", err)
	}
}

func (b *bench) testPeerDropsLink(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Own())
	sub, err := client.Subscribe(ctx, uuid(world.CounterUUID), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	control(t, ctx, client, world.Control{Operation: world.Disconnect})
	select {
	case <-client.Disconnected():
	case <-ctx.Done():
		t.Fatal("the client does not know that it is disconnected")
	}
	if err := client.Err(); !errors.Is(err, facade.ErrDisconnected) {
		t.Errorf("error of the client: %v, want ErrDisconnected", err)
	}
	if _, err := sub.Next(ctx); !errors.Is(err, facade.ErrDisconnected) {
		t.Errorf("error of the subscription: %v, want ErrDisconnected", err)
	}
	if err := sub.Close(); err != nil {
		t.Errorf("close the subscription: %v", err)
	}
}

// A connection that follows one which the peer dropped is not the worse for it: its notifications work.
func (b *bench) testReconnectAfterPeerDroppedLink(t *testing.T) {
	ctx, central := b.setup(t)
	for range 2 {
		client := b.connect(t, ctx, central, world.Own())
		sub, err := client.Subscribe(ctx, uuid(world.CounterUUID), facade.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		control(t, ctx, client, world.Control{Operation: world.Count, Count: 3})
		expectNumbers(t, ctx, sub, 3)
		control(t, ctx, client, world.Control{Operation: world.Disconnect})
		<-client.Disconnected()
		if err := client.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *bench) testReconnectTenTimes(t *testing.T) {
	ctx, central := b.setup(t)
	for n := range 10 {
		client := b.connect(t, ctx, central, world.Own())
		if value, err := client.ReadDescriptor(ctx, note(t, client)); err != nil || string(value) != world.NoteAtFirst {
			t.Fatalf("connection %d: read %q, %v", n, value, err)
		}
		if err := client.Close(); err != nil {
			t.Fatalf("connection %d: %v", n, err)
		}
		b.device(t, ctx, world.Own(), "the end of the link", linkDown)
	}
}

// A device that has stopped advertising keeps a connection pending, until its ctx ends.
func (b *bench) testConnectCancelledWhilePending(t *testing.T) {
	ctx, central := b.setup(t)
	adv, err := central.FindDevice(ctx, facade.ScanOptions{Name: world.ExampleName})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Silence(ctx); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, b.Round())
	defer cancel()
	if client, err := central.Connect(short, adv, facade.ConnectOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("connect to a silent device: %v, %v; want the end of ctx", client, err)
	}
	if err := b.Advertise(ctx); err != nil {
		t.Fatal(err)
	}
	// Had the attempt stayed pending, the first advertisement would have made the link, and been the last.
	heard := 0
	for _, err := range central.Scan(ctx, facade.ScanOptions{Address: address(t, world.Example())}) {
		if err != nil {
			t.Fatal(err)
		}
		if heard++; heard == 2 {
			break
		}
	}
	if heard < 2 {
		t.Fatalf("the device advertises again, but was heard %d times: %v", heard, ctx.Err())
	}
	if linkUp(b.look(t, ctx), world.Central().Device(world.Example())) {
		t.Error("the attempt outlived its ctx: there is a link")
	}
	b.connect(t, ctx, central, world.Example())
}

// A connection is cancelled when the link is up and the services are not known yet. The moment may be missed, if the services are
// quicker than the one who cancels.
func (b *bench) testConnectCancelledHalfWay(t *testing.T) {
	ctx, central := b.setup(t)
	const attempts = 5
	for range attempts {
		cancelled := b.cancelHalfWay(t, ctx, central)
		b.device(t, ctx, world.Example(), "the end of the link", linkDown)
		if cancelled {
			b.connect(t, ctx, central, world.Example())
			return
		}
		// What BlueZ has in its cache would be there even sooner.
		if err := world.Forget(ctx, b.bus, world.Central()); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatalf("%d times connected before it could be cancelled", attempts)
}

// cancelHalfWay connects to the example, cancels that as soon as BlueZ has the link, and reports whether that ended the attempt.
func (b *bench) cancelHalfWay(t *testing.T, ctx context.Context, central *facade.Central) bool {
	t.Helper()
	adv, err := central.FindDevice(ctx, facade.ScanOptions{Name: world.ExampleName})
	if err != nil {
		t.Fatal(err)
	}
	half, cancel := context.WithCancel(ctx)
	defer cancel()
	watched := make(chan error, 1)
	go func() {
		path := world.Central().Device(world.Example())
		err := world.Await(half, b.bus, "the link", func(all world.Objects) bool { return linkUp(all, path) })
		if err == nil {
			cancel()
		}
		watched <- err
	}()
	client, err := central.Connect(half, adv, facade.ConnectOptions{})
	cancel() // ends the watch, too, if the link was never seen
	saw := <-watched
	switch {
	case err == nil:
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		return false
	case !errors.Is(err, context.Canceled):
		t.Fatalf("cancelled connect: %v", err)
	case saw != nil:
		t.Fatalf("connect was cancelled before anybody did: %v (%v)", err, saw)
	}
	return true
}

func (b *bench) testTwoClientsAtOnce(t *testing.T) {
	ctx, central := b.setup(t)
	leave, err := b.Crowd(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := leave(ctx); err != nil {
			t.Error(err)
		}
	}()
	own, example := b.connect(t, ctx, central, world.Own()), b.connect(t, ctx, central, world.Example())
	sub, err := own.Subscribe(ctx, uuid(world.StreamUUID), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	heart, err := example.Subscribe(ctx, facade.UUID16(0x2A37), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		for range 20 {
			if _, err := example.Read(ctx, facade.UUID16(0x2A38)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	control(t, ctx, own, world.Control{Operation: world.Count, Count: 50})
	expectNumbers(t, ctx, sub, 50)
	if err := <-done; err != nil {
		t.Errorf("reading from the other device: %v", err)
	}
	if _, err := heart.Next(ctx); err != nil {
		t.Errorf("notification of the other device: %v", err)
	}
}

// Two clients of one device share its connection, which ends with the last of them, whichever made it.
func (b *bench) testTwoClientsOfOneDevice(t *testing.T) {
	ctx, central := b.setup(t)
	first := b.connect(t, ctx, central, world.Own())
	second, third := b.connect(t, ctx, central, world.Own()), b.connect(t, ctx, central, world.Own())
	for _, closing := range []*facade.Client{third, first} {
		if err := closing.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := closing.Read(ctx, uuid(world.StatusUUID)); !errors.Is(err, facade.ErrClosed) {
			t.Errorf("read by a closed client: %v, want ErrClosed", err)
		}
		if _, err := second.Read(ctx, uuid(world.StatusUUID)); err != nil {
			t.Errorf("read after another client was closed: %v", err)
		}
	}
	if err := second.Err(); err != nil {
		t.Errorf("the last client is connected, but its error is %v", err)
	}
	if !linkUp(b.look(t, ctx), world.Central().Device(world.Own())) {
		t.Error("the link ended before its last client")
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	b.device(t, ctx, world.Own(), "the end of the link", linkDown)
}
