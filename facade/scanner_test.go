//go:build linux

package facade

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

// collect starts a scanner that writes a line for each advertisement.
func collect(t *testing.T, c *Central, o ScanOptions) (*Scanner, <-chan string) {
	t.Helper()
	lines := make(chan string, 1000)
	s, err := c.StartScanner(t.Context(), o, func(adv Advertisement) { lines <- fmt.Sprintf("%s %d", adv.Name, adv.RSSI) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, lines
}

// expect awaits what a scanner writes next.
func expect(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	select {
	case line := <-lines:
		if line != want {
			t.Errorf("heard %q, want %q", line, want)
		}
	case <-time.After(inTime):
		t.Fatalf("%q is not heard", want)
	}
}

func TestScanReportsPacketsAndNothingElse(t *testing.T) {
	w := startWorld(t)
	old, d := w.add(silent(number(9), "Old")), w.add(silent(strap, "Strap"))
	w.know(old, bluetest.Advertisement{}) // not heard until it is
	c := w.open(Options{})
	_, lines := collect(t, c, ScanOptions{})
	w.packet(d, -60)
	expect(t, lines, "Strap -60")
	device := bluezgen.NewDevice1(w.program(), strapPath)
	w.check(device.SetTrusted(t.Context(), true))
	w.adapter().Power(false) // the strengths of all devices are taken back
	w.adapter().Power(true)
	w.awaitAnswered("StartDiscovery", 3)
	w.check(old.Packet(bluetest.Advertisement{NoRSSI: true})) // a controller that does not know
	expect(t, lines, "Old -127")
	w.packet(d, -61)
	expect(t, lines, "Strap -61")
	w.check(d.Packet(bluetest.Advertisement{RSSI: -62, LocalName: "Band"}))
	expect(t, lines, "Band -62")
	w.check(d.SetAdvertisement(bluetest.Advertisement{Interval: 10 * time.Millisecond, LocalName: "Band"}))
	w.check(device.Connect(t.Context())) // its name is read, which is the old one
	w.settle(c)
	for len(lines) > 0 {
		expect(t, lines, "Band -60") // while it could be connected to
	}
	w.packet(old, -70)
	expect(t, lines, "Old -70")
}

func TestAdvertisementHasWhatBlueZTells(t *testing.T) {
	w := startWorld(t)
	d := w.add(silent(strap, "Strap"))
	c := w.open(Options{})
	power := int8(4)
	w.whenAnswered("StartDiscovery", 1, func() {
		w.check(d.Packet(bluetest.Advertisement{
			RSSI: -50, TxPower: &power, ServiceUUIDs: []string{"180d", "180f"}, ManufacturerData: map[uint16][]byte{0xffff: {1, 2}},
			ServiceData: map[string][]byte{"180f": {100}},
		}))
	})
	before := time.Now()
	for adv, err := range c.Scan(t.Context(), ScanOptions{Match: func(Advertisement) bool { return true }}) {
		if err != nil {
			t.Fatal(err)
		}
		if adv.Time.Before(before) || adv.Device.Path() != strapPath {
			t.Errorf("time %v, path %s", adv.Time, adv.Device.Path())
		}
		adv.Time = time.Time{}
		text, err := adv.MarshalJSON()
		want := `{"time":"0001-01-01T00:00:00Z","adapter":"hci0","address":"C0:FF:EE:00:00:01","address_type":"random","name":"Strap","rssi":-50,"tx_power":4,` +
			`"service_uuids":["0000180d-0000-1000-8000-00805f9b34fb","0000180f-0000-1000-8000-00805f9b34fb"],"manufacturer_data":{"0xffff":"0102"},` +
			`"service_data":{"0000180f-0000-1000-8000-00805f9b34fb":"64"}}`
		if err != nil || string(text) != want {
			t.Errorf("%v\n got %s\nwant %s", err, text, want)
		}
		break
	}
	if w.discoveries() != 0 {
		t.Error("the break left a discovery behind")
	}
}

func TestScannersShareOneDiscoveryAndEachSeesItsOwn(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	heart, battery := UUID16(0x180d), UUID16(0x180f)
	first, hearts := collect(t, c, ScanOptions{Services: []UUID{heart}, MinRSSI: -70})
	if got := w.filter(); !slices.Equal(got.UUIDs, []string{heart.String()}) || got.RSSI != bus.Some[int16](-70) ||
		got.Transport != bluezgen.TransportLE || got.DuplicateData != bus.Some(false) {
		t.Errorf("filter of one: %+v", got)
	}
	second, batteries := collect(t, c, ScanOptions{Services: []UUID{battery}})
	if got := w.filter(); len(got.UUIDs) != 2 || got.RSSI.IsSet() {
		t.Errorf("filter of two: %+v", got)
	}
	third, err := c.StartScanner(t.Context(), ScanOptions{EveryPacket: true}, func(Advertisement) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := w.filter(); len(got.UUIDs) != 0 || got.RSSI.IsSet() || got.DuplicateData != bus.Some(true) {
		t.Errorf("filter of three: %+v", got)
	}
	third.Close()
	w.packet(w.add(silent(number(1), "Strap")), -80, "180d") // too weak
	w.packet(w.add(silent(number(2), "Lamp")), -80, "180f")
	expect(t, batteries, "Lamp -80")
	w.packet(w.add(silent(number(3), "Both")), -60, "180d", "180f")
	expect(t, hearts, "Both -60")
	expect(t, batteries, "Both -60")
	if first.Close() != nil || w.discoveries() != 1 || w.calls.Count("StartDiscovery") != 1 {
		t.Errorf("%d discoveries, started %d times", w.discoveries(), w.calls.Count("StartDiscovery"))
	}
	if got := w.filter(); len(got.UUIDs) != 1 {
		t.Errorf("filter of the one that is left: %+v", got)
	}
	if second.Close() != nil || w.discoveries() != 0 {
		t.Error("the last scanner left a discovery behind")
	}
}

func TestScanThatPanicsLeavesNothingBehind(t *testing.T) {
	w := startWorld(t)
	w.add(newStrap())
	c := w.open(Options{})
	func() {
		defer func() { recover() }()
		for range c.Scan(t.Context(), ScanOptions{}) {
			panic("in the body")
		}
	}()
	if w.calls.Count("StartDiscovery") != 1 || w.discoveries() != 0 {
		t.Errorf("started %d times, %d discoveries", w.calls.Count("StartDiscovery"), w.discoveries())
	}
}

func TestScanEndsSilentlyWithItsContext(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.whenCalled("StartDiscovery", 1, cancel)
	for adv, err := range c.Scan(ctx, ScanOptions{}) {
		t.Errorf("got %v, %v", adv, err)
	}
	for adv, err := range c.Scan(ctx, ScanOptions{}) { // ended before it began
		t.Errorf("got %v, %v", adv, err)
	}
	if w.discoveries() != 0 {
		t.Error("the context left a discovery behind")
	}
}

func TestScanReportsHowItFails(t *testing.T) {
	w := startWorld(t)
	defer w.RefuseCalls("StartDiscovery", 0, bluezgen.ErrNotSupported.With("no radio"))()
	c := w.open(Options{})
	for _, o := range []ScanOptions{{}, {MinRSSI: -128}, {MinRSSI: 21}, {MaxPathLoss: 138}} {
		var errs []error
		for _, err := range c.Scan(t.Context(), o) {
			errs = append(errs, err)
		}
		if len(errs) != 1 || !errors.As(errs[0], new(*Error)) || errors.Is(errs[0], bluezgen.ErrNotSupported) != (o.MinRSSI == 0 && o.MaxPathLoss == 0) {
			t.Errorf("%+v: %v", o, errs)
		}
	}
}

func TestScanReplacesADiscoveryThatWasLeftBehind(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	w.check(bluezgen.NewAdapter1(c.bus().conn, hci0).StartDiscovery(t.Context()))
	s, _ := collect(t, c, ScanOptions{})
	if err := s.Close(); err != nil || w.discoveries() != 0 {
		t.Errorf("close: %v; %d discoveries", err, w.discoveries())
	}
}

func TestScanOfASlowConsumerCoalesces(t *testing.T) {
	w := startWorld(t)
	d := w.add(silent(strap, "Strap"))
	c := w.open(Options{})
	w.whenAnswered("StartDiscovery", 1, func() {
		w.packet(d, -1)
	})
	first := true
	for adv, err := range c.Scan(t.Context(), ScanOptions{EveryPacket: false, MinRSSI: -127}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case first:
			first = false
			for rssi := int16(-2); rssi >= -100; rssi-- {
				w.packet(d, rssi)
			}
			w.settle(c)
			continue
		case adv.RSSI != -100 || adv.Coalesced != 98:
			t.Errorf("heard %d after %d others", adv.RSSI, adv.Coalesced)
		}
		break
	}
}

func TestScanOfEveryPacketOverflows(t *testing.T) {
	w := startWorld(t)
	d := w.add(silent(strap, "Strap"))
	c := w.open(Options{})
	w.whenAnswered("StartDiscovery", 1, func() {
		w.packet(d, -1)
	})
	var heard []int16
	var failed error
	for adv, err := range c.Scan(t.Context(), ScanOptions{EveryPacket: true, Queue: 3}) {
		if err != nil {
			failed = err
			break
		}
		if heard = append(heard, adv.RSSI); len(heard) == 1 {
			for rssi := int16(-2); rssi >= -10; rssi-- {
				w.packet(d, rssi)
			}
			w.settle(c)
		}
	}
	if !slices.Equal(heard, []int16{-1, -2, -3, -4}) || !errors.Is(failed, ErrOverflow) {
		t.Errorf("heard %v, then %v", heard, failed)
	}
}

func TestScanThatIsNotWaitedForLeavesNoDiscovery(t *testing.T) {
	w := startWorld(t)
	defer w.LoseReplies("StartDiscovery")() // while it starts
	defer w.RefuseCalls("StopDiscovery", 2, bluezgen.ErrInProgress.With("Operation already in progress"))()
	var log bytes.Buffer
	c := w.open(Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	ctx, cancel := context.WithCancel(t.Context())
	w.whenCalled("StartDiscovery", 1, cancel)
	if _, err := c.StartScanner(ctx, ScanOptions{}, func(Advertisement) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("start: %v", err)
	}
	if w.calls.Count("StartDiscovery") != 1 || w.discoveries() != 0 {
		t.Errorf("started %d times, %d discoveries are left", w.calls.Count("StartDiscovery"), w.discoveries())
	}
	if c.Close(); log.Len() != 0 {
		t.Errorf("log: %s", log.String())
	}
}

func TestScannerWithoutAHandlerRemembers(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	s, err := c.StartScanner(t.Context(), ScanOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.packet(w.add(silent(strap, "Strap")), -60)
	w.settle(c)
	if all := s.Devices(); len(all) != 1 || all[0].Name != "Strap" {
		t.Errorf("devices so far: %v", all)
	}
	if err := s.Close(); err != nil || s.Err() != nil {
		t.Errorf("close: %v, %v", err, s.Err())
	}
}

func TestCloseOfTheCentralWaitsForHandlers(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	var calls, returned atomic.Int32
	entered := make(chan struct{}, 10)
	s, err := c.StartScanner(t.Context(), ScanOptions{}, func(Advertisement) {
		calls.Add(1)
		entered <- struct{}{}
		<-c.ctx.Done()
		for range 50 { // some time
			_ = c.bus().mirror.Refresh(t.Context())
		}
		returned.Add(1)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range byte(9) {
		w.packet(w.add(silent(number(i), "Strap")), -60)
	}
	w.wait(entered, "an advertisement")
	w.settle(c)
	if err := c.Close(); err != nil || calls.Load() != 1 || returned.Load() != 1 {
		t.Errorf("close: %v; %d calls, %d of them returned", err, calls.Load(), returned.Load())
	}
	w.wait(s.Done(), "the end of the scan")
	if !errors.Is(s.Err(), ErrClosed) || calls.Load() != 1 {
		t.Errorf("scanner: %v after %d calls", s.Err(), calls.Load())
	}
}
