package peripheral

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
)

// A neighbour advertises on hci1 what hci0 hears.
type neighbour struct {
	*bluetest.World
	t       *testing.T
	central *facade.Central
}

func startNeighbour(t *testing.T, options ...bluetest.Option) *neighbour {
	t.Helper()
	world := bluetest.Start(t, append(options, bluetest.AdapterConfig{}, bluetest.AdapterConfig{}, bluetest.Delays{Disconnect: bluetest.None, Advertising: 10 * time.Millisecond})...)
	central, err := facade.Open(t.Context(), facade.Options{Bus: world.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { central.Close() })
	return &neighbour{World: world, t: t, central: central}
}

func (n *neighbour) options() Options { return Options{Central: n.central, Adapter: "hci1"} }

func (n *neighbour) advertise(ad Advertisement) *Advertising {
	n.t.Helper()
	a, err := Advertise(n.t.Context(), ad, n.options())
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { a.Close() })
	return a
}

// hears waits until hci0 hears an advertisement that is what the test wants.
func (n *neighbour) hears(is func(facade.Advertisement) bool) facade.Advertisement {
	n.t.Helper()
	ctx := patience(n.t)
	for {
		heard, err := n.central.FindDevice(ctx, facade.ScanOptions{Adapter: "hci0", Match: is})
		if errors.Is(err, facade.ErrUnavailable) {
			n.waitForBlueZ() // a test has just disturbed it
		} else if err != nil {
			n.t.Fatal(err)
		} else {
			return heard
		}
	}
}

func (n *neighbour) hearsName(name string) {
	n.t.Helper()
	n.hears(func(a facade.Advertisement) bool { return a.Name == name })
}

// hearsValue waits until hci0 hears manufacturer data. It has heard nothing else of it since the call.
func (n *neighbour) hearsValue(value byte) {
	n.t.Helper()
	n.hears(func(a facade.Advertisement) bool {
		data := a.ManufacturerData[0xffff]
		return len(data) == 1 && data[0] == value
	})
}

func valued(value byte) Advertisement {
	return Advertisement{Name: "sensor", ManufacturerData: map[uint16][]byte{0xffff: {value}}}
}

func TestWhatIsAdvertisedIsHeard(t *testing.T) {
	n := startNeighbour(t)
	a := n.advertise(Advertisement{
		Name: "lamp", Services: []facade.UUID{heartRate, facade.UUID32(0x12345678)}, ServiceData: map[facade.UUID][]byte{battery: {50}},
		ManufacturerData: map[uint16][]byte{0xffff: {1, 2}}, Discoverable: true,
	})
	if a.Adapter() != "hci1" {
		t.Errorf("it is on %s", a.Adapter())
	}
	heard := n.hears(func(a facade.Advertisement) bool { return a.Name == "lamp" && len(a.ServiceData) > 0 })
	if heard.Address.String() != n.World.Adapter("hci1").Address() || len(heard.ManufacturerData[0xffff]) != 2 || len(heard.ServiceData[battery]) != 1 {
		t.Errorf("hci0 hears %+v", heard)
	}
	want := map[facade.UUID]bool{heartRate: true, facade.UUID32(0x12345678): true}
	for _, uuid := range heard.ServiceUUIDs {
		delete(want, uuid)
	}
	if len(want) > 0 {
		t.Errorf("hci0 does not hear %v, only %v", want, heard.ServiceUUIDs)
	}
}

func TestUpdatesAreHeard(t *testing.T) {
	n := startNeighbour(t)
	a := n.advertise(valued(1))
	n.hearsValue(1)
	for value := byte(2); value < 5; value++ {
		if err := a.Update(t.Context(), valued(value)); err != nil {
			t.Fatal(err)
		}
		n.hearsValue(value)
	}
	another := valued(9)
	another.Name, another.MaxInterval = "another", 50*time.Millisecond
	if err := a.Update(t.Context(), another); err != nil {
		t.Fatal(err)
	}
	n.hearsName("another")
}

func TestAdvertisementOutlivesBluetoothdBusAndPower(t *testing.T) {
	n := startNeighbour(t)
	a := n.advertise(valued(1))
	ctx := t.Context()
	adapter := n.World.Adapter("hci1")
	value := byte(1)
	for _, disturbance := range []struct {
		name string
		is   func() error
	}{
		{"bluetoothd restarted", func() error { return n.RestartBluetoothd(ctx) }},
		{"bluetoothd crashed", func() error { n.CrashBluetoothd(); return n.StartBluetoothd(ctx) }},
		{"bus restarted", func() error { return n.RestartBus(ctx) }},
		{"connection cut", func() error { n.CutConnections(); return nil }},
		{"power cycled", func() error { adapter.Power(false); adapter.Power(true); return nil }},
	} {
		if err := disturbance.is(); err != nil {
			t.Fatal(err)
		}
		value++
		// It may be away just now, and takes the new value when it is back.
		if err := a.Update(ctx, valued(value)); err != nil {
			t.Errorf("%s: update: %v", disturbance.name, err)
		}
		n.hearsValue(value)
		if err := a.Err(); err != nil {
			t.Errorf("%s: %v", disturbance.name, err)
		}
	}
}

// waitForBlueZ waits until hci0 can scan.
func (n *neighbour) waitForBlueZ() {
	n.t.Helper()
	for e, err := range n.central.WatchAdapters(patience(n.t)) {
		if err != nil {
			n.t.Fatal(err)
		}
		if e.Adapter.Name == "hci0" && e.Kind == facade.AdapterAdded {
			return
		}
	}
}

// BlueZ says that an advertisement is active after a power cycle, but it is not sent.
func TestPowerCycleDoesNotSilenceAnAdvertisement(t *testing.T) {
	n := startNeighbour(t)
	n.advertise(valued(1))
	n.hearsValue(1)
	n.World.Adapter("hci1").Power(false)
	n.World.Adapter("hci1").Power(true)
	n.hearsValue(1)
}

func TestAdvertisementOutlivesItsAdapter(t *testing.T) {
	n := startNeighbour(t)
	a := n.advertise(valued(1))
	n.World.Adapter("hci1").Unplug()
	if err := a.Update(t.Context(), valued(2)); err != nil {
		t.Error(err)
	}
	if _, err := n.World.AddAdapter(bluetest.AdapterConfig{Name: "hci1", Address: "00:AA:01:00:00:01"}); err != nil {
		t.Fatal(err)
	}
	n.hearsValue(2)
	if err := a.Err(); err != nil {
		t.Error(err)
	}
	a.Close()
}

func TestAdapterThatIsOffDoesNotAdvertise(t *testing.T) {
	n := startNeighbour(t)
	n.World.Adapter("hci1").Power(false)
	if _, err := Advertise(t.Context(), Advertisement{}, n.options()); !errors.Is(err, facade.ErrAdapterOff) {
		t.Errorf("error %v", err)
	}
}

func TestAdvertisementsTakeAllTheRoomThereIs(t *testing.T) {
	n := startNeighbour(t)
	var all []*Advertising
	for {
		a, err := Advertise(t.Context(), Advertisement{}, n.options())
		if errors.Is(err, ErrTooMany) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, a)
	}
	if len(all) != 5 {
		t.Errorf("there is room for %d", len(all))
	}
	all[0].Close()
	n.advertise(Advertisement{})
	for _, a := range all {
		a.Close()
	}
}

func TestBlueZEndsAnAdvertisementAfterItsTimeout(t *testing.T) {
	n := startNeighbour(t)
	a := n.advertise(Advertisement{Timeout: time.Second})
	<-a.Done()
	if err := a.Err(); err != nil {
		t.Error(err)
	}
}

func TestAdvertiseOnTheSharedCentral(t *testing.T) {
	n := startNeighbour(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", n.Address())
	a, err := Advertise(t.Context(), valued(7), Options{Adapter: "hci1"})
	if err != nil {
		t.Fatal(err)
	}
	n.hearsValue(7)
	a.Close() // and the Central with it, as goleak sees
}

func TestAdvertiseGivesUpWithItsContext(t *testing.T) {
	n := startNeighbour(t)
	undo := n.LoseReplies("RegisterAdvertisement")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Advertise(ctx, valued(1), n.options()); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	undo()
	// BlueZ had registered it, and forgets it.
	for range 5 {
		n.advertise(Advertisement{})
	}
}

func TestExtendedAdvertisementIsHeard(t *testing.T) {
	n := startNeighbour(t, bluetest.AdapterConfig{ExtendedAdvertising: true}) // hci0
	long := Advertisement{Name: "a name that would be far too long for the other kind of advertisement", ManufacturerData: map[uint16][]byte{0xffff: make([]byte, 100)}, TxPower: new(int16(4))}
	a, err := Advertise(t.Context(), long, Options{Central: n.central, Adapter: "hci0"})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	heard, err := n.central.FindDevice(t.Context(), facade.ScanOptions{Adapter: "hci1", Name: long.Name})
	if err != nil || len(heard.ManufacturerData[0xffff]) != 100 {
		t.Errorf("hci1 hears %+v, %v", heard, err)
	}
}
