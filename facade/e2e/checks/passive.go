package checks

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// manufacturerPattern is what only one peripheral advertises: the identifier for tests, then these bytes.
func manufacturerPattern(data ...byte) []facade.ADPattern {
	return []facade.ADPattern{{Type: facade.ADManufacturerData, Content: append([]byte{0xFF, 0xFF}, data...)}}
}

// Passive scans hear what they listen for, several at once, each its own, and nothing is discovered for them.
func (b *bench) testPassiveScan(t *testing.T) {
	ctx, central := b.setup(t)
	type listener struct {
		patterns []facade.ADPattern
		want     facade.Address
		heard    chan facade.Advertisement
	}
	listeners := []listener{
		{manufacturerPattern(world.OwnManufacturerData()...), address(t, world.Own()), make(chan facade.Advertisement, 100)},
		{manufacturerPattern(0, 1, 2, 3), address(t, world.Example()), make(chan facade.Advertisement, 100)},
	}
	for _, l := range listeners {
		scanner, err := central.StartScanner(ctx, facade.ScanOptions{Passive: &facade.Passive{Patterns: l.patterns}}, func(a facade.Advertisement) {
			select {
			case l.heard <- a:
			default: // it was heard often enough
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		defer scanner.Close()
	}
	for _, l := range listeners {
		for range 2 {
			select {
			case a := <-l.heard:
				if a.Address != l.want || !slices.Equal(a.ManufacturerData[0xFFFF], l.patterns[0].Content[2:]) {
					t.Errorf("heard %s, whose manufacturer data is % x, want %s", a.Address, a.ManufacturerData, l.want)
				}
			case <-ctx.Done():
				t.Fatalf("never heard %s", l.want)
			}
		}
	}
	if b.look(t, ctx)[world.Central().Path()]["org.bluez.Adapter1"]["Discovering"].Value() == true {
		t.Error("BlueZ discovers while only passive scans run")
	}
}

// What a passive scan has heard can be connected to.
func (b *bench) testPassiveScanThenConnect(t *testing.T) {
	ctx, central := b.setup(t)
	heard, err := central.FindDevice(ctx, facade.ScanOptions{Passive: &facade.Passive{Patterns: manufacturerPattern(world.OwnManufacturerData()...)}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := central.Connect(ctx, heard, facade.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Read(ctx, uuid(world.StatusUUID)); err != nil {
		t.Error(err)
	}
}

// Without --experimental BlueZ cannot scan passively, which is said at the start.
func (b *bench) testPassiveScanIsRefused(t *testing.T) {
	ctx, central := b.setup(t)
	_, err := central.StartScanner(ctx, facade.ScanOptions{Passive: &facade.Passive{Patterns: manufacturerPattern(0)}}, func(facade.Advertisement) {})
	if !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a passive scan: %v, want it unsupported", err)
	}
}
