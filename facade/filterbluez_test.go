//go:build linux

package facade

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

func TestEachFilterOfBlueZCanBeAskedFor(t *testing.T) {
	w := startWorld(t, bluetest.Version587)
	c := w.open(Options{})
	plain := func(change func(*bluezgen.DiscoveryFilter)) bluezgen.DiscoveryFilter {
		f := bluezgen.DiscoveryFilter{Transport: bluezgen.TransportLE, DuplicateData: bus.Some(false)}
		change(&f)
		return f
	}
	for _, test := range []struct {
		o    ScanOptions
		want bluezgen.DiscoveryFilter
	}{
		{ScanOptions{}, plain(func(*bluezgen.DiscoveryFilter) {})},
		{ScanOptions{Services: []UUID{UUID16(0x180d)}}, plain(func(f *bluezgen.DiscoveryFilter) { f.UUIDs = []string{UUID16(0x180d).String()} })},
		{ScanOptions{MinRSSI: -70}, plain(func(f *bluezgen.DiscoveryFilter) { f.RSSI = bus.Some[int16](-70) })},
		{ScanOptions{MaxPathLoss: 60}, plain(func(f *bluezgen.DiscoveryFilter) { f.Pathloss = bus.Some[uint16](60) })},
		{ScanOptions{Pattern: "St"}, plain(func(f *bluezgen.DiscoveryFilter) { f.Pattern = "St" })},
		{ScanOptions{EveryPacket: true}, plain(func(f *bluezgen.DiscoveryFilter) { f.DuplicateData = bus.Some(true) })},
		{ScanOptions{Transport: TransportLE}, plain(func(*bluezgen.DiscoveryFilter) {})},
		{ScanOptions{Transport: TransportAuto}, plain(func(f *bluezgen.DiscoveryFilter) { f.Transport = bluezgen.TransportAuto })},
		{ScanOptions{Transport: TransportBREDR}, plain(func(f *bluezgen.DiscoveryFilter) { f.Transport = bluezgen.TransportBREDR })},
		{ScanOptions{Discoverable: true}, plain(func(f *bluezgen.DiscoveryFilter) { f.Discoverable = bus.Some(true) })},
		{ScanOptions{Pattern: "St", AutoConnect: true}, plain(func(f *bluezgen.DiscoveryFilter) { f.Pattern, f.AutoConnect = "St", bus.Some(true) })},
	} {
		s, err := c.StartScanner(t.Context(), test.o, func(Advertisement) {})
		if err != nil {
			t.Errorf("%+v: %v", test.o, err)
			continue
		}
		if got := w.filter(); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%+v:\n got %+v\nwant %+v", test.o, got, test.want)
		}
		w.check(s.Close())
	}
	if _, err := c.StartScanner(t.Context(), ScanOptions{Transport: "ble"}, func(Advertisement) {}); err == nil || err.Error() != `scan: unknown Transport "ble"` {
		t.Errorf("unknown transport: %v", err)
	}
}

func TestScansOnDifferentRadiosShareBoth(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	_, _ = collect(t, c, ScanOptions{})
	classic, _ := collect(t, c, ScanOptions{Transport: TransportBREDR, Discoverable: true})
	if got := w.filter(); got.Transport != bluezgen.TransportAuto || got.Discoverable != bus.Some(true) {
		t.Errorf("filter of two: %+v", got)
	}
	w.check(classic.Close())
	if got := w.filter(); got.Transport != bluezgen.TransportLE || got.Discoverable.IsSet() {
		t.Errorf("filter of what is left: %+v", got)
	}
}

func TestAutoConnectSaysWhatItNeeds(t *testing.T) {
	w := startWorld(t, bluetest.Version582)
	p := w.add(silent(strap, "Strap"))
	c := w.open(Options{})
	_, lines := collect(t, c, ScanOptions{})
	_, err := c.StartScanner(t.Context(), ScanOptions{Pattern: "St", AutoConnect: true}, func(Advertisement) {})
	if !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, errNoAutoConnect) {
		t.Errorf("BlueZ 5.82: %v", err)
	}
	w.packet(p, -60) // the other scan is none the worse
	expect(t, lines, "Strap -60")
}

func TestServicesAreWantedInAnyForm(t *testing.T) {
	const own = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
	w := startWorld(t)
	for name, service := range map[string]string{"16 bits": "180d", "32 bits": "12345678", "128 bits": own} {
		d := silent(number(byte(len(service))), name)
		d.Advertisement = bluetest.Advertisement{Interval: time.Millisecond, ServiceUUIDs: []string{service}}
		w.add(d)
	}
	c := w.open(Options{})
	for _, test := range []struct{ form, name string }{
		{"180d", "16 bits"},
		{"0x180D", "16 bits"},
		{"0000180d", "16 bits"},
		{"0000180D-0000-1000-8000-00805F9B34FB", "16 bits"},
		{"12345678", "32 bits"},
		{"12345678-0000-1000-8000-00805f9b34fb", "32 bits"},
		{strings.ToUpper(own), "128 bits"},
		{strings.ReplaceAll(own, "-", ""), "128 bits"},
	} {
		u, err := ParseUUID(test.form)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), inTime)
		if adv, err := c.FindDevice(ctx, ScanOptions{Services: []UUID{u}}); err != nil || adv.Name != test.name {
			t.Errorf("%s: found %v, %v", test.form, adv, err)
		}
		cancel()
	}
}

// What BlueZ knows of a device is merged, unless each packet is wanted with what it says.
func TestEveryPacketHasItsOwnData(t *testing.T) {
	for _, test := range []struct {
		every bool
		want  string
	}{
		{false, "map[1:[1]] map[1:[1] 2:[2]]"},
		{true, "map[1:[1]] map[2:[2]]"},
	} {
		w := startWorld(t)
		p := w.add(silent(strap, "Strap"))
		c := w.open(Options{})
		heard := make(chan map[uint16][]byte, 10)
		s, err := c.StartScanner(t.Context(), ScanOptions{EveryPacket: test.every}, func(adv Advertisement) { heard <- adv.ManufacturerData })
		if err != nil {
			t.Fatal(err)
		}
		var got [2]map[uint16][]byte
		for i := range got {
			w.check(p.Packet(bluetest.Advertisement{ManufacturerData: map[uint16][]byte{uint16(i + 1): {byte(i + 1)}}}))
			got[i] = <-heard
		}
		if text := fmt.Sprint(got[0], " ", got[1]); text != test.want {
			t.Errorf("every packet %t: %s, want %s", test.every, text, test.want)
		}
		w.check(s.Close())
	}
}
