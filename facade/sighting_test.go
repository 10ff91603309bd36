//go:build linux

package facade

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/facade/bluetest"
)

// collectLost is collect with a mark for those that are lost.
func collectLost(t *testing.T, c *Central, o ScanOptions) (*Scanner, <-chan string) {
	t.Helper()
	lines := make(chan string, 1000)
	s, err := c.StartScanner(t.Context(), o, func(adv Advertisement) {
		line := fmt.Sprintf("%s %d", adv.Name, adv.RSSI)
		if adv.Lost {
			line = "lost " + line
		}
		lines <- line
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, lines
}

func present(s *Scanner) string {
	var all []string
	for _, adv := range s.Devices() {
		all = append(all, fmt.Sprintf("%s %d", adv.Name, adv.RSSI))
	}
	return strings.Join(all, ", ")
}

func TestDeviceThatIsForgottenIsLost(t *testing.T) {
	w := startWorld(t)
	p, other := w.add(silent(strap, "Strap", "180d")), w.add(silent(number(2), "Other", "180f"))
	c := w.open(Options{})
	all, plain := collectLost(t, c, ScanOptions{})
	hearts, lines := collectLost(t, c, ScanOptions{LostAfter: time.Hour, Services: []UUID{UUID16(0x180d)}})
	w.packet(other, -70, "180f")
	w.packet(p, -60, "180d")
	expect(t, lines, "Strap -60")
	w.packet(p, -61, "180d")
	expect(t, lines, "Strap -61")
	expect(t, plain, "Other -70")
	for line := range plain { // both packets, or what is left of them
		if line == "Strap -61" {
			break
		}
	}
	if a, b := present(all), present(hearts); a != "Strap -61, Other -70" || b != "Strap -61" {
		t.Errorf("heard so far: %q and %q", a, b)
	}
	w.check(w.adapter().RemoveDevice(t.Context(), other.Address()))
	w.check(w.adapter().RemoveDevice(t.Context(), p.Address()))
	expect(t, lines, "lost Strap -61")
	w.packet(p, -62, "180d")
	expect(t, lines, "Strap -62")
	expect(t, plain, "Strap -62") // it did not ask for what is lost
	if a, b := present(all), present(hearts); a != "Strap -62" || b != "Strap -62" {
		t.Errorf("heard after all were forgotten: %q and %q", a, b)
	}
	w.CutConnections()
	expect(t, lines, "lost Strap -62")
}

func TestDeviceThatIsSilentIsLost(t *testing.T) {
	w := startWorld(t)
	lively := silent(number(2), "Lively")
	lively.Advertisement.Silent, lively.Advertisement.Interval = false, time.Millisecond
	w.add(lively)
	p := w.add(silent(strap, "Strap"))
	c := w.open(Options{})
	s, lines := collectLost(t, c, ScanOptions{LostAfter: time.Second})
	w.packet(p, -61)
	for line := range lines {
		if strings.HasPrefix(line, "lost ") {
			if line != "lost Strap -61" {
				t.Fatalf("%q", line)
			}
			break
		}
	}
	if got := present(s); strings.Contains(got, "Strap") || !strings.Contains(got, "Lively") {
		t.Errorf("there are %q", got)
	}
}

func TestLostDevicesAreNotFound(t *testing.T) {
	w := startWorld(t)
	p, other := w.add(silent(strap, "Strap")), w.add(silent(number(2), "Other"))
	c := w.open(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	w.whenAnswered("StartDiscovery", 1, func() {
		w.settle(c)
		w.packet(p, -60)
		w.settle(c)
		w.check(w.adapter().RemoveDevice(t.Context(), p.Address()))
		w.packet(other, -60)
		w.settle(c)
		cancel()
	})
	found, _ := c.Discover(ctx, time.Hour, ScanOptions{LostAfter: time.Nanosecond})
	for _, adv := range found {
		if adv.Lost {
			t.Errorf("found %v, which is lost", adv)
		}
	}
}

// rollOf is a roll of a scan without BlueZ.
func rollOf(after time.Duration) (*roll, func(device string)) {
	o := ScanOptions{LostAfter: after}
	s := &scan{options: o, backlog: newBacklog(&o, new(counters)), heard: make(map[dbus.ObjectPath]Advertisement)}
	return newRoll(s), func(device string) {
		s.hear(&Advertisement{Device: Device{path: dbus.ObjectPath(device)}, Name: device, Time: time.Now()}, nil)
	}
}

func TestRollTellsWhoIsMissingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const after = 16 * time.Second
		r, hear := rollOf(after)
		began := time.Now()
		next := func() string {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			adv, err := r.take(ctx)
			if err != nil {
				return err.Error()
			}
			return fmt.Sprintf("%s %t %v", adv.Name, adv.Lost, time.Since(began))
		}
		want := func(want string) {
			t.Helper()
			if got := next(); got != want {
				t.Errorf("took %q, want %q", got, want)
			}
		}
		hear("/a")
		want("/a false 0s")
		time.AfterFunc(8*time.Second, func() { hear("/b") })
		want("/b false 8s")
		time.AfterFunc(4*time.Second, func() { hear("/b"); hear("/c") })
		want("/b false 12s")
		want("/c false 12s")
		want("/a true 16s")
		want("/b true 28s")
		want("/c true 28s")
		want("context deadline exceeded")
		hear("/a")
		want("/a false 1m28s")
		r.scan.forget("/a")
		want("/a true 1m28s")
		r.scan.forget("/b")
		want("context deadline exceeded")
		hear("/d")
		r.scan.forget("/d") // before the consumer heard of it
		want("context deadline exceeded")
	})
}

func TestRollGoesByTheAirNotByTheConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, hear := rollOf(time.Second)
		hear("/a")
		hear("/b")
		for range 2 {
			if adv, err := r.take(t.Context()); err != nil || adv.Lost {
				t.Fatal(adv, err)
			}
		}
		for range 100 { // the consumer is busy meanwhile
			<-time.After(100 * time.Millisecond)
			hear("/a")
		}
		if adv, err := r.take(t.Context()); err != nil || adv.Name != "/b" || !adv.Lost {
			t.Errorf("took %v, %v, want that /b is lost", adv, err)
		}
		if adv, err := r.take(t.Context()); err != nil || adv.Name != "/a" || adv.Lost {
			t.Errorf("took %v, %v, want /a", adv, err)
		}
	})
}

func TestScanOptionsMustMakeSense(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	c := w.open(Options{})
	for want, o := range map[string]ScanOptions{
		"scan: MinRSSI is -128, not between -127 and 20 dBm": {MinRSSI: -128},
		"scan: MaxPathLoss is 138, more than 137 dB":         {MaxPathLoss: 138},
		"scan: LostAfter is -1s, less than 0":                {LostAfter: -time.Second},
	} {
		if _, err := c.StartScanner(t.Context(), o, func(Advertisement) {}); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
