//go:build linux

package facade

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

// ours are the packets with the manufacturer data of no company.
var ours = &Passive{Patterns: []ADPattern{{Type: ADManufacturerData, Content: []byte{0xff, 0xff}}}}

// ourPacket has a device send such a packet.
func (w *world) ourPacket(p *bluetest.Peripheral, rssi int16, data ...byte) {
	w.t.Helper()
	w.check(p.Packet(bluetest.Advertisement{RSSI: rssi, ManufacturerData: map[uint16][]byte{0xffff: data}}))
}

func TestPassiveScanHearsWhatItListensFor(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	p, other := w.add(silent(strap, "Strap")), w.add(silent(number(2), "Other"))
	c := w.open(Options{})
	first, lines := collectLost(t, c, ScanOptions{Passive: ours, LostAfter: time.Hour})
	if n := c.Stats().Scans; n != 1 {
		t.Errorf("%d scans", n)
	}
	w.packet(other, -50)
	w.ourPacket(p, -60, 1)
	expect(t, lines, "Strap -60")
	w.ourPacket(p, -61, 1) // the strength is not signalled, for it differs too little
	expect(t, lines, "Strap -60")
	second, more := collectLost(t, c, ScanOptions{Passive: &Passive{Patterns: []ADPattern{{Type: ADFlags, Content: []byte{6}}}}, MinRSSI: -70, EveryPacket: true})
	w.packet(other, -50)
	expect(t, more, "Other -50")
	w.packet(other, -80)
	w.ourPacket(p, -40, 2)
	expect(t, more, "Strap -40")
	expect(t, lines, "Strap -40")
	if a, b := present(first), present(second); a != "Strap -40" || b != "Strap -40, Other -50" {
		t.Errorf("heard so far: %q and %q", a, b)
	}
	w.check(second.Close())
	w.check(w.adapter().RemoveDevice(t.Context(), p.Address()))
	expect(t, lines, "lost Strap -40")
	w.ourPacket(p, -45, 3)
	expect(t, lines, "Strap -45")
	if n := w.calls.Count("StartDiscovery"); n != 0 {
		t.Errorf("BlueZ was told %d times to discover", n)
	}
	w.check(first.Close())
	if n, m := w.calls.Count("RegisterMonitor"), w.calls.Count("UnregisterMonitor"); n != 2 || m != 2 {
		t.Errorf("%d monitors were registered, and %d unregistered", n, m)
	}
	if n := c.Stats().Scans; n != 0 {
		t.Errorf("%d scans are left", n)
	}
}

func TestPassiveScanHearsOnlyItsDevicesWhileOthersScan(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	p, other := w.add(silent(strap, "Strap")), w.add(silent(number(2), "Other"))
	c := w.open(Options{})
	_, all := collect(t, c, ScanOptions{})
	_, lines := collect(t, c, ScanOptions{Passive: ours})
	w.packet(other, -50)
	expect(t, all, "Other -50")
	w.packet(p, -50)
	expect(t, all, "Strap -50")
	w.ourPacket(p, -60, 1)
	expect(t, lines, "Strap -60")
	select {
	case line := <-lines:
		if line != "Strap -60" { // the signal and the call may both tell of the first packet
			t.Errorf("heard %q", line)
		}
	default:
	}
}

func TestPassiveScanResumes(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"bluetoothd": func(w *world) { w.check(w.RestartBluetoothd(w.t.Context())) },
		"the bus":    func(w *world) { w.check(w.RestartBus(w.t.Context())) },
		"the socket": func(w *world) { w.CutConnections() },
		"adapter":    func(w *world) { w.check(w.adapter().Reset()) },
		"power": func(w *world) {
			w.adapter().Power(false)
			w.adapter().Power(true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t, bluetest.Experimental())
			d := silent(strap, "Strap")
			d.Advertisement = bluetest.Advertisement{Interval: 20 * time.Millisecond, RSSI: -60, ManufacturerData: map[uint16][]byte{0xffff: {1}}}
			w.add(d)
			c := w.open(Options{})
			s, lines := collectLost(t, c, ScanOptions{Passive: ours, LostAfter: time.Hour})
			expect(t, lines, "Strap -60")
			lose(w)
			for line := range lines {
				if line == "lost Strap -60" {
					break
				}
			}
			expect(t, lines, "Strap -60")
			w.check(s.Close())
			if err := s.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPassiveScanThatShallNotResumeEndsWithItsReason(t *testing.T) {
	for name, test := range map[string]struct {
		lose func(w *world)
		want error
	}{
		"bluetoothd": {func(w *world) { w.CrashBluetoothd() }, ErrNoBlueZ},
		"the bus":    {func(w *world) { w.StopBus() }, ErrNoBus},
		"adapter":    {func(w *world) { w.adapter().Unplug() }, ErrNoAdapter},
		"power":      {func(w *world) { w.adapter().Power(false) }, ErrAdapterOff},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t, bluetest.Experimental())
			c := w.open(Options{})
			s, _ := collect(t, c, ScanOptions{Passive: ours, NoResume: true})
			test.lose(w)
			w.wait(s.Done(), "the end of the scan")
			if err := s.Err(); !errors.Is(err, test.want) {
				t.Errorf("it ended with %v, want %v", err, test.want)
			}
		})
	}
}

func TestPassiveScanGoesByStrength(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	d := silent(strap, "Strap")
	d.Advertisement = bluetest.Advertisement{Interval: 20 * time.Millisecond, RSSI: -60, ManufacturerData: map[uint16][]byte{0xffff: {1}}}
	p := w.add(d)
	c := w.open(Options{})
	near := *ours
	near.HighRSSI, near.LowRSSI, near.HighTimeout, near.LowTimeout = -70, -80, time.Second, time.Second
	_, lines := collectLost(t, c, ScanOptions{Passive: &near, LostAfter: time.Hour})
	_, far := collectLost(t, c, ScanOptions{Passive: &Passive{Patterns: ours.Patterns, HighRSSI: -40, HighTimeout: time.Second}})
	expect(t, lines, "Strap -60")
	p.Silence()
	for line := range lines {
		if strings.HasPrefix(line, "lost") {
			break
		}
	}
	if len(far) > 0 {
		t.Errorf("the scan for what is near heard %q", <-far)
	}
}

func TestPassiveScanSaysWhatIsMissing(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	_, err := c.StartScanner(t.Context(), ScanOptions{Passive: ours}, func(Advertisement) {})
	const says = "scan: passive scans need BlueZ 5.56 or later, run with --experimental, and Linux 5.10"
	if !errors.Is(err, errors.ErrUnsupported) || !strings.HasPrefix(err.Error(), says) {
		t.Errorf("without --experimental: %v", err)
	}
	w.adapter().Power(false)
	w.settle(c)
	if _, err = c.StartScanner(t.Context(), ScanOptions{Passive: ours}, func(Advertisement) {}); !errors.Is(err, ErrAdapterOff) {
		t.Errorf("without power: %v", err)
	}
	w = startWorld(t, bluetest.Experimental())
	c = w.open(Options{})
	unknown := &Passive{Patterns: []ADPattern{{Type: 0x7f, Content: []byte{1}}}}
	if _, err = c.StartScanner(t.Context(), ScanOptions{Passive: unknown}, func(Advertisement) {}); !errors.Is(err, errReleased) {
		t.Errorf("a type that BlueZ does not know: %v", err)
	}
	if n := c.Stats().Bus.Exports; n != 0 {
		t.Errorf("%d objects are left", n)
	}
}

func TestPassiveScanEndsWithTheCentral(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	c := w.open(Options{})
	s, _ := collect(t, c, ScanOptions{Passive: ours})
	w.check(c.Close())
	w.wait(s.Done(), "the end of the scan")
	if err := s.Err(); !errors.Is(err, ErrClosed) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := c.StartScanner(t.Context(), ScanOptions{Passive: ours}, func(Advertisement) {}); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestPassiveMustMakeSense(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	c := w.open(Options{})
	with := func(change func(*Passive)) Passive {
		p := *ours
		change(&p)
		return p
	}
	for want, p := range map[string]Passive{
		"a passive scan needs at least one pattern":                             {},
		"pattern of type 0xff has 0 bytes from 3, want 1 to 31 that end there":  {Patterns: []ADPattern{{Start: 3, Type: 0xff}}},
		"pattern of type 0x16 has 2 bytes from 30, want 1 to 31 that end there": {Patterns: []ADPattern{{Start: 30, Type: 0x16, Content: []byte{1, 2}}}},
		"passive scan: RSSI is 21, not between -127 and 20 dBm":                 with(func(p *Passive) { p.HighRSSI = 21 }),
		"passive scan: RSSI is -128, not between -127 and 20 dBm":               with(func(p *Passive) { p.LowRSSI = -128 }),
		"passive scan: timeout is 500ms, not between 1 s and 300 s":             with(func(p *Passive) { p.LowRSSI, p.LowTimeout = -50, time.Second/2 }),
		"passive scan: timeout is 5m1s, not between 1 s and 300 s":              with(func(p *Passive) { p.LowRSSI, p.HighTimeout = -50, 301*time.Second }),
		"passive scan: LowRSSI -50 is above HighRSSI -60":                       with(func(p *Passive) { p.HighRSSI, p.LowRSSI = -60, -50 }),
		"passive scan: timeouts have no meaning without HighRSSI or LowRSSI":    with(func(p *Passive) { p.LowTimeout = time.Second }),
	} {
		if _, err := c.StartScanner(t.Context(), ScanOptions{Passive: &p}, func(Advertisement) {}); err == nil || err.Error() != "scan: "+want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestPassiveInTheTermsOfBlueZ(t *testing.T) {
	for _, test := range []struct {
		p    Passive
		want string
	}{
		{Passive{}, "high 0 (false), low 0 (false), 0 s (false), 0 s (false), sampling 0 (false)"},
		{Passive{HighRSSI: -60, HighTimeout: 1500 * time.Millisecond}, "high -60 (true), low -60 (true), 2 s (true), 0 s (false), sampling 0 (true)"},
		{Passive{LowRSSI: -70, LowTimeout: time.Minute}, "high -70 (true), low -70 (true), 0 s (false), 60 s (true), sampling 0 (true)"},
		{Passive{HighRSSI: -60, LowRSSI: -70}, "high -60 (true), low -70 (true), 0 s (false), 0 s (false), sampling 0 (true)"},
	} {
		p := test.p.bluez()
		got := fmt.Sprintf("high %d (%t), low %d (%t), %d s (%t), %d s (%t), sampling %d (%t)",
			p.RSSIHighThreshold, p.Has(bluezgen.AdvertisementMonitor1RSSIHighThreshold), p.RSSILowThreshold, p.Has(bluezgen.AdvertisementMonitor1RSSILowThreshold),
			p.RSSIHighTimeout, p.Has(bluezgen.AdvertisementMonitor1RSSIHighTimeout), p.RSSILowTimeout, p.Has(bluezgen.AdvertisementMonitor1RSSILowTimeout),
			p.RSSISamplingPeriod, p.Has(bluezgen.AdvertisementMonitor1RSSISamplingPeriod))
		if got != test.want {
			t.Errorf("%+v:\n got %s\nwant %s", test.p, got, test.want)
		}
	}
}
