package checks

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

func (b *bench) testScanSeesAdvertisement(t *testing.T) {
	ctx, central := b.setup(t)
	for _, want := range []struct {
		of           world.Controller
		name         string
		services     []facade.UUID
		manufacturer map[uint16][]byte
		serviceData  map[facade.UUID][]byte
	}{
		{
			world.Example(), world.ExampleName,
			[]facade.UUID{facade.UUID16(0x180D), facade.UUID16(0x180F), facade.UUID16(0x9999)}, // BlueZ adds those with service data
			map[uint16][]byte{0xFFFF: {0, 1, 2, 3}},
			map[facade.UUID][]byte{facade.UUID16(0x9999): {0, 1, 2, 3, 4}},
		},
		{
			world.Own(), world.OwnName,
			[]facade.UUID{uuid(world.ServiceUUID)},
			map[uint16][]byte{world.OwnManufacturer: world.OwnManufacturerData()},
			nil,
		},
	} {
		t.Run(want.name, func(t *testing.T) {
			// The name comes with the scan response, so maybe not with the first advertisement.
			adv, err := central.FindDevice(ctx, facade.ScanOptions{Address: address(t, want.of), Name: want.name})
			if err != nil {
				t.Fatal(err)
			}
			if adv.Adapter != world.Central().Name || adv.AddressType != facade.AddressPublic || adv.Time.IsZero() {
				t.Errorf("adapter %s, address type %s, time %s", adv.Adapter, adv.AddressType, adv.Time)
			}
			byText := func(a, b facade.UUID) int { return strings.Compare(a.String(), b.String()) }
			slices.SortFunc(adv.ServiceUUIDs, byText)
			slices.SortFunc(want.services, byText)
			if !slices.Equal(adv.ServiceUUIDs, want.services) {
				t.Errorf("services %v, want %v", adv.ServiceUUIDs, want.services)
			}
			if !maps.EqualFunc(adv.ManufacturerData, want.manufacturer, bytes.Equal) {
				t.Errorf("manufacturer data % x, want % x", adv.ManufacturerData, want.manufacturer)
			}
			if !maps.EqualFunc(adv.ServiceData, want.serviceData, bytes.Equal) {
				t.Errorf("service data % x, want % x", adv.ServiceData, want.serviceData)
			}
			if adv.Device.Path() != world.Central().Device(want.of) {
				t.Errorf("device at %s, want %s", adv.Device.Path(), world.Central().Device(want.of))
			}
		})
	}
}

func (b *bench) testScanFilters(t *testing.T) {
	example, own := address(t, world.Example()), address(t, world.Own())
	for _, test := range []struct {
		name    string
		options facade.ScanOptions
		want    facade.Address // zero if none is
	}{
		{"service", facade.ScanOptions{Services: []facade.UUID{facade.UUID16(0x180D)}}, example},
		{"other service", facade.ScanOptions{Services: []facade.UUID{uuid(world.ServiceUUID)}}, own},
		{"one of services", facade.ScanOptions{Services: []facade.UUID{facade.UUID16(0x1234), uuid(world.ServiceUUID)}}, own},
		{"name", facade.ScanOptions{Name: world.ExampleName}, example},
		{"address", facade.ScanOptions{Address: own}, own},
		{"pattern", facade.ScanOptions{Pattern: world.OwnName[:3]}, own},
		{"pattern of addresses", facade.ScanOptions{Pattern: world.Example().Address[:14]}, example},
		{"discoverable", facade.ScanOptions{Discoverable: true, Name: world.OwnName}, own},
		{"predicate", facade.ScanOptions{Match: func(a facade.Advertisement) bool { return len(a.ServiceData) > 0 }}, example},
		// Nothing is so strong, and what is unknown, as emulated controllers have it, is not strong enough for any.
		{"strength", facade.ScanOptions{MinRSSI: 20}, facade.Address{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, central := b.setup(t)
			// A second scan, which began later and has no filters, tells when what is not wanted had its chances to pass.
			const chances = 3
			var mu sync.Mutex
			heard, passed := map[facade.Address]int{}, map[facade.Address]int{}
			enough, cancel := context.WithCancel(ctx)
			defer cancel()
			collect := func(into map[facade.Address]int) func(facade.Advertisement) {
				return func(a facade.Advertisement) {
					mu.Lock()
					defer mu.Unlock()
					into[a.Address]++
					for _, peer := range []facade.Address{example, own} {
						if peer == test.want && passed[peer] == 0 || peer != test.want && heard[peer] < chances {
							return
						}
					}
					cancel()
				}
			}
			for _, scan := range []struct {
				options facade.ScanOptions
				into    map[facade.Address]int
			}{{test.options, passed}, {facade.ScanOptions{}, heard}} {
				scanner, err := central.StartScanner(ctx, scan.options, collect(scan.into))
				if err != nil {
					t.Fatal(err)
				}
				defer scanner.Close()
			}
			<-enough.Done()
			mu.Lock()
			defer mu.Unlock()
			if ctx.Err() != nil {
				t.Errorf("the test waited in vain: %v", ctx.Err())
			}
			want := []facade.Address{test.want}
			if test.want.IsZero() {
				want = nil
			}
			if got := slices.Collect(maps.Keys(passed)); !slices.Equal(got, want) {
				t.Errorf("of the devices %v the filter let through %v, want %v", heard, passed, want)
			}
		})
	}
}

// Both radios at once find what Low Energy alone does. BlueZ then leaves out what does not call itself discoverable, unless it filters.
func (b *bench) testScanOfEveryTransport(t *testing.T) {
	ctx, central := b.setup(t)
	o := facade.ScanOptions{Transport: facade.TransportAuto, Services: []facade.UUID{uuid(world.ServiceUUID)}, Name: world.OwnName}
	if _, err := central.FindDevice(ctx, o); err != nil {
		t.Error(err)
	}
}

// Of two scans that have nothing in common each hears its own, for as long as both run.
func (b *bench) testTwoScansHearTheirOwn(t *testing.T) {
	ctx, central := b.setup(t)
	for name, own := range map[string]facade.ScanOptions{
		world.ExampleName: {Services: []facade.UUID{facade.UUID16(0x180D)}, EveryPacket: true},
		world.OwnName:     {Services: []facade.UUID{uuid(world.ServiceUUID)}, EveryPacket: true},
	} {
		scanning, cancel := context.WithCancel(ctx)
		defer cancel()
		heard := follow(t, scanning, central.Scan(scanning, own))
		defer func() {
			for n := 0; n < 3; {
				until(t, ctx, heard, name, func(a facade.Advertisement) bool {
					if a.Name != name && a.Name != "" {
						t.Errorf("the scan for %s heard %s", name, a)
					}
					n++
					return true
				})
			}
		}()
	}
}

// A device that advertises no more is lost to a scan that asks for that.
func (b *bench) testScanTellsOfLostDevice(t *testing.T) {
	ctx, central := b.setup(t)
	scanning, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := follow(t, scanning, central.Scan(scanning, facade.ScanOptions{
		Address: address(t, world.Example()), EveryPacket: true, LostAfter: 2 * b.Round(),
	}))
	until(t, ctx, heard, "the example", func(a facade.Advertisement) bool { return !a.Lost })
	if err := b.Silence(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, heard, "its loss", func(a facade.Advertisement) bool { return a.Lost })
	if err := b.Advertise(ctx); err != nil {
		t.Fatal(err)
	}
	until(t, ctx, heard, "its return", func(a facade.Advertisement) bool { return !a.Lost })
}

func (b *bench) testScanEndsWithItsContext(t *testing.T) {
	ctx, central := b.setup(t)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, err := range central.Scan(ctx, facade.ScanOptions{}) {
		if err != nil {
			t.Errorf("after the end of ctx the scan yielded %v", err)
		}
		cancel()
	}
}

func (b *bench) testScanOfEveryPacketKeepsHearing(t *testing.T) {
	ctx, central := b.setup(t)
	packets := 0
	for adv, err := range central.Scan(ctx, facade.ScanOptions{EveryPacket: true}) {
		if err != nil {
			t.Fatal(err)
		}
		if adv.Coalesced != 0 {
			t.Errorf("%d packets were coalesced", adv.Coalesced)
		}
		if packets++; packets == 5 {
			return
		}
	}
	t.Errorf("heard %d packets", packets)
}

func (b *bench) testScanFindsNoStranger(t *testing.T) {
	ctx, central := b.setup(t)
	// Once the two peripherals were heard, a device that is not there would have been too.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	heard := map[facade.Address]bool{}
	stranger := facade.Address{0xC0, 0xFF, 0xEE, 0, 0, 1}
	_, err := central.FindDevice(ctx, facade.ScanOptions{Match: func(a facade.Advertisement) bool {
		if heard[a.Address] = true; len(heard) == 2 {
			cancel()
		}
		return a.Address == stranger
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("looking for a stranger: %v, want it cancelled", err)
	}
}

// A scan goes on by itself when bluetoothd ends, by the hand of an administrator or by a crash, and comes back.
func (b *bench) testScanSurvivesRestart(t *testing.T) {
	for name, crash := range map[string]bool{"terminated": false, "crashed": true} {
		t.Run(name, func(t *testing.T) {
			ctx, central := b.setup(t)
			heard := make(chan facade.Advertisement, 1)
			scanner, err := central.StartScanner(ctx, facade.ScanOptions{Services: []facade.UUID{facade.UUID16(0x180D)}},
				func(a facade.Advertisement) {
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

			// The peripherals come back last, so what is in the channel then was heard before.
			if err := b.Restart(ctx, crash); err != nil {
				t.Fatal(err)
			}
			select {
			case <-heard:
			default:
			}
			awaitAdvertisement(t, ctx, heard, scanner)
			if err := scanner.Err(); err != nil {
				t.Errorf("the scan ended: %v", err)
			}
		})
	}
}

func awaitAdvertisement(t *testing.T, ctx context.Context, heard <-chan facade.Advertisement, scanner *facade.Scanner) {
	t.Helper()
	select {
	case <-heard:
	case <-scanner.Done():
		t.Fatalf("the scan ended: %v", scanner.Err())
	case <-ctx.Done():
		t.Fatal("nothing heard")
	}
}
