//go:build linux

package facade

import (
	"errors"
	"reflect"
	"testing"

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
