package checks

import (
	"context"
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// Without power there is nothing to do with an adapter, which everybody is told; with it, scans go on.
func (b *bench) testPowerCycle(t *testing.T) {
	ctx, central := b.setup(t)
	defer func() { // whatever has happened, the next test needs it
		if err := central.SetPowered(context.WithoutCancel(ctx), "", true); err != nil {
			t.Error(err)
		}
	}()
	client := b.connect(t, ctx, central, world.Own())
	sub, err := client.Subscribe(ctx, uuid(world.CounterUUID), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan facade.Advertisement, 1)
	scanner, err := central.StartScanner(ctx, facade.ScanOptions{Name: world.ExampleName}, func(a facade.Advertisement) {
		select {
		case heard <- a:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer scanner.Close()
	awaitAdvertisement(t, ctx, heard, scanner)
	short, err := central.StartScanner(ctx, facade.ScanOptions{NoResume: true}, func(facade.Advertisement) {})
	if err != nil {
		t.Fatal(err)
	}
	defer short.Close()

	b.setPowered(t, ctx, central, false)
	for what, done := range map[string]<-chan struct{}{"client": client.Disconnected(), "scan that is not to resume": short.Done()} {
		select {
		case <-done:
		case <-ctx.Done():
			t.Fatalf("the %s does not know that the radio is off", what)
		}
	}
	_, notified := sub.Next(ctx)
	_, find := central.FindDevice(ctx, facade.ScanOptions{})
	_, connect := central.Connect(ctx, client.Device(), facade.ConnectOptions{})
	_, read := client.Read(ctx, uuid(world.StatusUUID))
	for _, test := range []struct {
		what string
		err  error
		want error
	}{
		{"the client", client.Err(), facade.ErrDisconnected},
		{"the subscription", notified, facade.ErrDisconnected},
		{"a read", read, facade.ErrDisconnected},
		{"the scan that is not to resume", short.Err(), facade.ErrAdapterOff},
		{"a new scan", find, facade.ErrAdapterOff},
		{"a new connection", connect, facade.ErrAdapterOff},
		{"a new connection", connect, facade.ErrUnavailable},
		{"the scan that is to resume", scanner.Err(), nil},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("while the radio is off, %s: %v, want %v", test.what, test.err, test.want)
		}
	}

	select {
	case <-heard: // before
	default:
	}
	b.setPowered(t, ctx, central, true)
	awaitAdvertisement(t, ctx, heard, scanner)
	b.connect(t, ctx, central, world.Own())
}

// setPowered switches the central's radio, and looks whether BlueZ says so, and the library.
func (b *bench) setPowered(t *testing.T, ctx context.Context, central *facade.Central, on bool) {
	t.Helper()
	if err := central.SetPowered(ctx, "", on); err != nil {
		t.Fatal(err)
	}
	if powered := b.look(t, ctx)[world.Central().Path()]["org.bluez.Adapter1"]["Powered"].Value(); powered != on {
		t.Errorf("BlueZ says Powered %v, want %t", powered, on)
	}
	adapters, err := central.Adapters(ctx)
	if err != nil || len(adapters) == 0 || adapters[0].Powered != on {
		t.Errorf("adapters %+v, %v", adapters, err)
	}
}
