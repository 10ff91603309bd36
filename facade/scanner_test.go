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

func next(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line := <-lines:
		return line
	case <-time.After(20 * time.Second):
		t.Fatal("no advertisement comes")
		return ""
	}
}

func TestScanReportsPacketsAndNothingElse(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	old := f.device(a, "C0:FF:EE:00:00:09", "Old") // known before: not heard until it is
	c := f.open(Options{})
	_, lines := collect(t, c, ScanOptions{})
	expect := func(want string) {
		t.Helper()
		if got := next(t, lines); got != want {
			t.Errorf("heard %q, want %q", got, want)
		}
	}
	d := f.device(a, "C0:FF:EE:00:00:01", "Strap")
	expect("Strap -60")
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Paired), Paired: true})
	if err := d.Invalidate(bluezgen.Device1RSSI); err != nil { // as at the end of a discovery
		t.Fatal(err)
	}
	old.heard(127) // a controller that does not know
	expect("Old -127")
	d.heard(-61)
	expect("Strap -61")
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Name), Name: "Band"})
	expect("Band -61")
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected), Connected: true})
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Name), Name: "Read"})
	old.heard(-70)
	expect("Old -70")
}

func TestAdvertisementHasWhatBlueZTells(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	d := f.device(a, "C0:FF:EE:00:00:01", "Strap", UUID16(0x180d))
	f.settle(c)
	go f.whenCalled("hci0.StartDiscovery", 1, func() {
		d.update(bluezgen.Device1Properties{
			Device1Set: bluezgen.Device1SetOf(bluezgen.Device1TxPower, bluezgen.Device1ServiceData, bluezgen.Device1RSSI), TxPower: 4, RSSI: -50,
			ServiceData: map[string][]byte{UUID16(0x180f).String(): {100}, "nonsense": {1}},
		})
	})
	before := time.Now()
	for adv, err := range c.Scan(t.Context(), ScanOptions{Match: func(Advertisement) bool { return true }}) {
		if err != nil {
			t.Fatal(err)
		}
		if adv.Time.Before(before) || adv.Device.Path() != d.path {
			t.Errorf("time %v, path %s", adv.Time, adv.Device.Path())
		}
		adv.Time = time.Time{}
		text, err := adv.MarshalJSON()
		want := `{"time":"0001-01-01T00:00:00Z","adapter":"hci0","address":"C0:FF:EE:00:00:01","address_type":"random","name":"Strap","rssi":-50,"tx_power":4,` +
			`"service_uuids":["0000180d-0000-1000-8000-00805f9b34fb"],"manufacturer_data":{"0xffff":"0102"},` +
			`"service_data":{"0000180f-0000-1000-8000-00805f9b34fb":"64"}}`
		if err != nil || string(text) != want {
			t.Errorf("%v\n got %s\nwant %s", err, text, want)
		}
		break
	}
	if a.discovering() != 0 {
		t.Error("the break left a discovery behind")
	}
}

func TestScannersShareOneDiscoveryAndEachSeesItsOwn(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	heart, battery := UUID16(0x180d), UUID16(0x180f)
	first, hearts := collect(t, c, ScanOptions{Services: []UUID{heart}, MinRSSI: -70})
	if got := a.inForce(); !slices.Equal(got.UUIDs, []string{heart.String()}) || got.RSSI != bus.Some[int16](-70) ||
		got.Transport != bluezgen.TransportLE || got.DuplicateData != bus.Some(false) {
		t.Errorf("filter of one: %+v", got)
	}
	second, batteries := collect(t, c, ScanOptions{Services: []UUID{battery}})
	if got := a.inForce(); len(got.UUIDs) != 2 || got.RSSI.IsSet() {
		t.Errorf("filter of two: %+v", got)
	}
	third, err := c.StartScanner(t.Context(), ScanOptions{EveryPacket: true}, func(Advertisement) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := a.inForce(); len(got.UUIDs) != 0 || got.RSSI.IsSet() || got.DuplicateData != bus.Some(true) {
		t.Errorf("filter of three: %+v", got)
	}
	third.Close()
	f.device(a, "C0:FF:EE:00:00:01", "Strap", heart).heard(-80)
	f.device(a, "C0:FF:EE:00:00:02", "Lamp", battery).heard(-80)
	f.device(a, "C0:FF:EE:00:00:03", "Both", heart, battery)
	for _, want := range []string{"Strap -60", "Both -60"} {
		if got := next(t, hearts); got != want {
			t.Errorf("first heard %q, want %q", got, want)
		}
	}
	for _, want := range []string{"Lamp -60", "Lamp -80", "Both -60"} {
		if got := next(t, batteries); got != want && want != "Lamp -60" { // it may coalesce
			t.Errorf("second heard %q, want %q", got, want)
		} else if got == "Lamp -80" {
			break
		}
	}
	if first.Close() != nil || a.discovering() != 1 || f.count("hci0.StartDiscovery") != 1 {
		t.Errorf("%d discoveries, started %d times", a.discovering(), f.count("hci0.StartDiscovery"))
	}
	if got := a.inForce(); len(got.UUIDs) != 1 {
		t.Errorf("filter of the one that is left: %+v", got)
	}
	if second.Close() != nil || a.discovering() != 0 {
		t.Error("the last scanner left a discovery behind")
	}
}

func TestScanThatPanicsLeavesNothingBehind(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	d := f.device(a, "C0:FF:EE:00:00:01", "Strap")
	func() {
		defer func() { recover() }()
		go f.whenCalled("hci0.StartDiscovery", 1, func() { d.heard(-1) })
		for range c.Scan(t.Context(), ScanOptions{}) {
			panic("in the body")
		}
	}()
	if f.count("hci0.StartDiscovery") != 1 || a.discovering() != 0 {
		t.Errorf("started %d times, %d discoveries", f.count("hci0.StartDiscovery"), a.discovering())
	}
}

func TestScanEndsSilentlyWithItsContext(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go f.whenCalled("hci0.StartDiscovery", 1, cancel)
	for adv, err := range c.Scan(ctx, ScanOptions{}) {
		t.Errorf("got %v, %v", adv, err)
	}
	for adv, err := range c.Scan(ctx, ScanOptions{}) { // ended before it began
		t.Errorf("got %v, %v", adv, err)
	}
	if a.discovering() != 0 {
		t.Error("the context left a discovery behind")
	}
}

func TestScanReportsHowItFails(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	a.mu.Lock()
	a.fail = bluezgen.ErrNotSupported.With("no radio")
	a.mu.Unlock()
	c := f.open(Options{})
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

func TestScanSurvivesARestartOfBluetoothd(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	_, lines := collect(t, c, ScanOptions{Services: []UUID{UUID16(0x180d)}})
	f.device(a, "C0:FF:EE:00:00:01", "Before", UUID16(0x180d))
	if got := next(t, lines); got != "Before -60" {
		t.Errorf("heard %q", got)
	}
	for round := 2; round <= 3; round++ {
		f.stop()
		f.start()
		a = f.adapter("hci0", false) // it comes without power
		a.power(true)
		f.await("hci0.StartDiscovery", round)
		f.device(a, "C0:FF:EE:00:00:01", "After", UUID16(0x180d))
		if got := next(t, lines); got != "After -60" {
			t.Errorf("heard %q", got)
		}
		if got := a.inForce(); len(got.UUIDs) != 0 { // what 5.87 crashes with
			t.Errorf("filter after a crash: %+v", got)
		}
	}
}

func TestScanSurvivesTheLossOfPowerAndAdapter(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	s, lines := collect(t, c, ScanOptions{})
	a.power(false)
	a.power(true)
	f.await("hci0.StartDiscovery", 2)
	a.export.Close()
	a = f.adapter("hci0", true)
	f.await("hci0.StartDiscovery", 3)
	f.device(a, "C0:FF:EE:00:00:01", "Strap")
	if got := next(t, lines); got != "Strap -60" {
		t.Errorf("heard %q", got)
	}
	if err := s.Close(); err != nil || a.discovering() != 0 {
		t.Errorf("close: %v; %d discoveries", err, a.discovering())
	}
}

func TestScanReplacesADiscoveryThatWasLeftBehind(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	a.mu.Lock()
	a.sessions[c.conn.UniqueName()] = true
	a.mu.Unlock()
	s, _ := collect(t, c, ScanOptions{})
	if err := s.Close(); err != nil || a.discovering() != 0 {
		t.Errorf("close: %v; %d discoveries", err, a.discovering())
	}
}

func TestScanOfASlowConsumerCoalesces(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	d := f.device(a, "C0:FF:EE:00:00:01", "Strap")
	f.settle(c)
	go f.whenCalled("hci0.StartDiscovery", 1, func() { d.heard(-1) })
	first := true
	for adv, err := range c.Scan(t.Context(), ScanOptions{}) {
		switch {
		case err != nil:
			t.Fatal(err)
		case first:
			first = false
			for rssi := int16(-2); rssi >= -100; rssi-- {
				d.heard(rssi)
			}
			f.settle(c)
			continue
		case adv.RSSI != -100 || adv.Coalesced != 98:
			t.Errorf("heard %d after %d others", adv.RSSI, adv.Coalesced)
		}
		break
	}
}

func TestScanOfEveryPacketOverflows(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	d := f.device(a, "C0:FF:EE:00:00:01", "Strap")
	f.settle(c)
	go f.whenCalled("hci0.StartDiscovery", 1, func() { d.heard(-1) })
	var heard []int16
	var failed error
	for adv, err := range c.Scan(t.Context(), ScanOptions{EveryPacket: true, Queue: 3}) {
		if err != nil {
			failed = err
			break
		}
		if heard = append(heard, adv.RSSI); len(heard) == 1 {
			for rssi := int16(-2); rssi >= -10; rssi-- {
				d.heard(rssi)
			}
			f.settle(c)
		}
	}
	if !slices.Equal(heard, []int16{-1, -2, -3, -4}) || !errors.Is(failed, ErrOverflow) {
		t.Errorf("heard %v, then %v", heard, failed)
	}
}

func TestDiscoverReturnsTheLastOfEachDevice(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	go f.whenCalled("hci0.StartDiscovery", 1, func() {
		strap := f.device(a, "C0:FF:EE:00:00:02", "Strap")
		f.device(a, "C0:FF:EE:00:00:01", "Lamp")
		strap.heard(-1)
	})
	found, err := c.Discover(t.Context(), time.Second, ScanOptions{})
	if err != nil || len(found) != 2 || found[0].Name != "Strap" || found[0].RSSI != -1 || found[1].Name != "Lamp" {
		t.Errorf("found %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	go f.whenCalled("hci0.StartDiscovery", 2, func() {
		f.device(a, "C0:FF:EE:00:00:03", "Late")
		f.settle(c)
		cancel()
	})
	found, err = c.Discover(ctx, time.Hour, ScanOptions{})
	if !errors.Is(err, context.Canceled) || len(found) > 1 {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestFindDeviceReturnsTheFirstThatIsWanted(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	connected := f.device(a, "C0:FF:EE:00:00:05", "Busy")
	connected.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected), Connected: true})
	d := f.device(a, "C0:FF:EE:00:00:01", "Strap", UUID16(0x180d))
	for i, o := range []ScanOptions{
		{Address: Address{0xC0, 0xFF, 0xEE, 0, 0, 1}}, {Name: "Strap"}, {Services: []UUID{UUID16(0x180d)}},
		{Match: func(adv Advertisement) bool { return len(adv.ManufacturerData[0xffff]) == 2 && adv.Name != "Busy" }},
	} {
		go f.whenCalled("hci0.StartDiscovery", i+1, func() { d.heard(-1) })
		if adv, err := c.FindDevice(t.Context(), o); err != nil || adv.Name != "Strap" {
			t.Errorf("found %v, %v", adv, err)
		}
	}
	if adv, err := c.FindDevice(t.Context(), ScanOptions{Name: "Busy"}); err != nil || adv.Name != "Busy" {
		t.Errorf("found %v, %v; it is connected", adv, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if adv, err := c.FindDevice(ctx, ScanOptions{Name: "Nobody"}); !errors.Is(err, ErrNotFound) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("found %v, %v", adv, err)
	}
	if a.discovering() != 0 {
		t.Error("a discovery was left behind")
	}
}

func TestScanThatIsNotWaitedForStartsNoDiscovery(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	var log bytes.Buffer
	c := f.open(Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan struct{})
	go f.whenCalled("hci0.StopDiscovery", 1, func() { close(told) })
	a.mu.Lock()
	a.onStart = func() {
		cancel() // and starts nevertheless, when it was told to stop
		select {
		case <-told:
		case <-t.Context().Done():
		}
	}
	a.mu.Unlock()
	if _, err := c.StartScanner(ctx, ScanOptions{}, func(Advertisement) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("start: %v", err)
	}
	if f.count("hci0.StartDiscovery") != 1 || a.discovering() != 0 {
		t.Errorf("started %d times, %d discoveries are left", f.count("hci0.StartDiscovery"), a.discovering())
	}
	if c.Close(); log.Len() != 0 {
		t.Errorf("log: %s", log.String())
	}
}

func TestCloseOfTheCentralWaitsForHandlers(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	var calls, returned atomic.Int32
	entered := make(chan struct{}, 10)
	s, err := c.StartScanner(t.Context(), ScanOptions{}, func(Advertisement) {
		calls.Add(1)
		entered <- struct{}{}
		<-c.ctx.Done()
		for range 50 { // some time
			_ = c.mirror.Refresh(t.Context())
		}
		returned.Add(1)
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		f.device(a, Address{1, 5: byte(i)}.String(), "Strap")
	}
	f.wait(entered, "an advertisement")
	f.settle(c)
	if err := c.Close(); err != nil || calls.Load() != 1 || returned.Load() != 1 {
		t.Errorf("close: %v; %d calls, %d of them returned", err, calls.Load(), returned.Load())
	}
	f.wait(s.Done(), "the end of the scan")
	if !errors.Is(s.Err(), ErrClosed) || calls.Load() != 1 {
		t.Errorf("scanner: %v after %d calls", s.Err(), calls.Load())
	}
}
