//go:build linux

package facade

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

// lines runs a loop over events that writes a line for each.
func lines[E any](t *testing.T, events iter.Seq2[E, error], line func(E) string) <-chan string {
	t.Helper()
	out, done := make(chan string, 1000), make(chan struct{})
	go func() {
		defer close(done)
		for event, err := range events {
			if err != nil {
				out <- err.Error()
				continue
			}
			out <- line(event)
		}
		out <- "end"
	}()
	t.Cleanup(func() { <-done })
	return out
}

func adapterLine(e AdapterEvent) string { return e.Adapter.String() + " " + e.Kind.String() }

func deviceLine(e DeviceEvent) string {
	if e.Kind == DeviceHeard {
		return fmt.Sprintf("%s heard %d", e.Device.Name, e.Device.RSSI)
	}
	return e.Device.Name + " " + e.Kind.String()
}

func TestWatchAdaptersTellsWhatHappens(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	events := lines(t, c.WatchAdapters(ctx), adapterLine)
	expect(t, events, "hci0 added")
	w.adapter().Power(false)
	expect(t, events, "hci0 powered off")
	w.adapter().Power(true)
	expect(t, events, "hci0 powered on")
	dongle, err := w.AddAdapter(bluetest.AdapterConfig{Name: "hci1"})
	if err != nil {
		t.Fatal(err)
	}
	expect(t, events, "hci1 added")
	dongle.Unplug()
	expect(t, events, "hci1 removed")
	w.check(w.adapter().Reset())
	expect(t, events, "hci0 removed")
	expect(t, events, "hci0 added")
	w.StopBluetoothd() // which switches its adapters off
	expect(t, events, "hci0 powered off")
	expect(t, events, "hci0 removed")
	w.check(w.StartBluetoothd(t.Context()))
	expect(t, events, "hci0 added")
	w.StopBus()
	expect(t, events, "hci0 removed")
	w.check(w.StartBus(t.Context()))
	expect(t, events, "hci0 added")
	cancel()
	expect(t, events, "end")
}

func TestWatchEndsWithTheCentralAndSaysSo(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	adapters := lines(t, c.WatchAdapters(t.Context()), adapterLine)
	devices := lines(t, c.WatchDevices(t.Context(), WatchOptions{}), deviceLine)
	expect(t, adapters, "hci0 added")
	w.check(c.Close())
	expect(t, adapters, "watch adapters: closed")
	expect(t, devices, "watch devices: closed")
	expect(t, adapters, "end")
	expect(t, devices, "end")
	c.watchers.each(func(w watcher) { t.Errorf("%T is left", w) })
}

func TestWatchOfASlowLoopEndsInsteadOfLosingEvents(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	first := true
	for _, err := range c.WatchAdapters(t.Context()) {
		if first {
			first = false
			a := c.bus()
			for range watchLimit {
				c.watchers.each(func(w watcher) { w.detached() })
				c.watchers.each(func(w watcher) { w.attached(a) })
			}
			continue
		}
		if err != nil {
			if !errors.Is(err, ErrOverflow) {
				t.Errorf("it ended with %v", err)
			}
			return
		}
	}
	t.Error("it ended without an error")
}

func TestWatchDevicesTellsWhatHappens(t *testing.T) {
	w := startWorld(t, bluetest.Delays{Disconnect: bluetest.None, TemporaryTimeout: 500 * time.Millisecond})
	d := newStrap()
	p := w.add(d)
	w.know(p, d.Advertisement)
	c := w.open(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	events := lines(t, c.WatchDevices(ctx, WatchOptions{}), deviceLine)
	expect(t, events, "Strap added")
	device := bluezgen.NewDevice1(w.pairingProgram(), strapPath)
	w.check(device.SetTrusted(t.Context(), true))
	expect(t, events, "Strap changed")
	w.check(device.Connect(t.Context()))
	expect(t, events, "Strap connected")
	w.check(device.Pair(t.Context()))
	// Pairing and the list of services come in an order of their own.
	paired := false
	for !paired {
		select {
		case line := <-events:
			if paired = line == "Strap paired"; !paired && line != "Strap changed" {
				t.Fatalf("got %q", line)
			}
		case <-time.After(inTime):
			t.Fatal("it is not told that the strap is paired")
		}
	}
	w.settle(c)
	for len(events) > 0 {
		expect(t, events, "Strap changed")
	}
	w.check(device.Disconnect(t.Context()))
	expect(t, events, "Strap disconnected")
	w.check(w.adapter().RemoveDevice(t.Context(), strap.String()))
	expect(t, events, "Strap removed")
	cancel()
	expect(t, events, "end")
}

func TestWatchDevicesFollowsTheStrengthOfOne(t *testing.T) {
	w := startWorld(t)
	p, other := w.add(silent(strap, "Strap")), w.add(silent(number(2), "Other"))
	c := w.open(Options{})
	events := lines(t, c.WatchDevices(t.Context(), WatchOptions{Address: strap, Adapter: w.adapter().Address(), RSSI: true}), deviceLine)
	elsewhere := lines(t, c.WatchDevices(t.Context(), WatchOptions{Adapter: "hci1"}), deviceLine)
	scanner, err := c.StartScanner(t.Context(), ScanOptions{}, func(Advertisement) {})
	if err != nil {
		t.Fatal(err)
	}
	defer scanner.Close()
	w.packet(other, -50)
	w.packet(p, -60)
	expect(t, events, "Strap added")
	w.packet(other, -51)
	w.packet(p, -61)
	expect(t, events, "Strap heard -61")
	w.check(w.RestartBus(t.Context())) // and is followed again after that
	expect(t, events, "Strap removed")
	w.await("StartDiscovery", 2)
	w.settle(c)
	w.packet(p, -70)
	expect(t, events, "Strap added")
	w.packet(p, -71)
	expect(t, events, "Strap heard -71")
	go c.Close()
	expect(t, events, "watch devices: closed")
	expect(t, elsewhere, "watch devices: closed") // and nothing before
}

func TestWatchDevicesFollowsADeviceThatChangesItsAddress(t *testing.T) {
	w := startWorld(t)
	d := newStrap()
	private(&d)
	w.add(d)
	c := w.open(Options{})
	seen, err := ParseAddress(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	known, err := ParseAddress(identity)
	if err != nil {
		t.Fatal(err)
	}
	line := func(e DeviceEvent) string { return e.Device.Address.String() + " " + e.Kind.String() }
	before := lines(t, c.WatchDevices(t.Context(), WatchOptions{Address: seen}), line)
	after := lines(t, c.WatchDevices(t.Context(), WatchOptions{Address: known}), line)
	client := connectTo(t, c, seen)
	if err := client.Pair(t.Context(), PairOptions{}); err != nil {
		t.Fatal(err)
	}
	w.check(c.Forget(t.Context(), known))
	for name, events := range map[string]<-chan string{d.Address: before, identity: after} {
		if first := heardNext(t, events); first != name+" added" {
			t.Errorf("first %q", first)
		}
		for heardNext(t, events) != identity+" removed" {
		}
	}
}

// heardNext returns the next line.
func heardNext(t *testing.T, lines <-chan string) string {
	t.Helper()
	select {
	case line := <-lines:
		return line
	case <-time.After(inTime):
		t.Fatal("nothing more is heard")
		return ""
	}
}

func TestKindsOfEventsHaveNames(t *testing.T) {
	if got := fmt.Sprint(AdapterAdded, AdapterEventKind(9), DeviceUnpaired, DeviceDisconnected, DeviceRemoved, DeviceEventKind(0)); got !=
		"added AdapterEventKind(9) unpaired disconnected removed DeviceEventKind(0)" {
		t.Error(got)
	}
}
