package peripheral

import (
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

const (
	mouse = "C0:FF:EE:00:00:0A"
	pad   = "C0:FF:EE:00:00:0B"
	plain = "C0:FF:EE:00:00:0C" // has the Battery Service
)

// A desk is a world with a mouse, which hci0 is connected to, and somebody who looks at batteries.
type desk struct {
	*neighbour
	client *facade.Client
	looker *bus.Conn
}

func startDesk(t *testing.T) *desk {
	t.Helper()
	n := startNeighbour(t, bluetest.Device{Address: mouse, Name: "Mouse", Advertisement: bluetest.Advertisement{Interval: 10 * time.Millisecond}},
		bluetest.Device{Address: pad, Name: "Pad", Advertisement: bluetest.Advertisement{Interval: 10 * time.Millisecond}},
		bluetest.Device{Address: plain, Name: "Plain", Advertisement: bluetest.Advertisement{Interval: 10 * time.Millisecond}, Services: []bluetest.Service{{UUID: "180f",
			Characteristics: []bluetest.Characteristic{{UUID: "2a19", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}, Value: []byte{80}}}}}})
	looker, err := bus.Dial(t.Context(), n.Address(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { looker.Close() })
	d := &desk{neighbour: n, looker: looker}
	d.client = d.connect(mouse)
	return d
}

func (d *desk) connect(address string) *facade.Client {
	d.t.Helper()
	a, err := facade.ParseAddress(address)
	if err != nil {
		d.t.Fatal(err)
	}
	client, err := d.central.Connect(d.t.Context(), a, facade.ConnectOptions{Adapter: "hci0"})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { client.Close() })
	return client
}

// shows waits until BlueZ shows a percentage of a device.
func (d *desk) shows(device facade.Device, percentage byte) bluezgen.Battery1Properties {
	d.t.Helper()
	for ctx := patience(d.t); ctx.Err() == nil; {
		props, err := bluezgen.NewBattery1(d.looker, device.Path()).GetAll(ctx)
		if err == nil && props.Percentage == percentage {
			return props
		}
	}
	d.t.Fatalf("BlueZ does not show %d", percentage)
	return bluezgen.Battery1Properties{}
}

func (d *desk) options() Options { return Options{Central: d.central} }

func TestBatteryIsShownUntilClose(t *testing.T) {
	d := startDesk(t)
	p, err := ProvideBattery(t.Context(), Battery{Device: d.client.Device(), Percentage: 70, Source: "Vendor protocol 2"}, d.options())
	if err != nil {
		t.Fatal(err)
	}
	if shown := d.shows(d.client.Device(), 70); shown.Source != "Vendor protocol 2" {
		t.Errorf("BlueZ shows %+v", shown)
	}
	if err := p.Update(65); err != nil {
		t.Fatal(err)
	}
	d.shows(d.client.Device(), 65)
	select {
	case <-p.Done():
		t.Error("it is done:", p.Err())
	default:
	}
	calls := d.RecordCalls()
	for range 2 {
		if err := p.Close(); err != nil || p.Err() != nil {
			t.Errorf("Close: %v, Err: %v", err, p.Err())
		}
	}
	if _, err := bluezgen.NewBattery1(d.looker, d.client.Device().Path()).GetAll(t.Context()); err == nil {
		t.Error("BlueZ still shows it")
	}
	if n := calls.Count("UnregisterBatteryProvider"); n != 1 {
		t.Errorf("it was unregistered %d times", n)
	}
	if err := p.Update(60); !errors.Is(err, facade.ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
}

func TestMistakesInABatteryAreSaid(t *testing.T) {
	d := startDesk(t)
	for _, b := range []Battery{
		{Percentage: 50}, {Device: d.client.Device(), Percentage: 101}, {Device: d.client.Device(), Percentage: -1}, {Device: d.client.Device(), Source: "\xff"},
	} {
		var e *facade.Error
		if _, err := ProvideBattery(t.Context(), b, d.options()); !errors.Is(err, ErrInvalid) || !errors.As(err, &e) || e.Op != "provide the battery of" {
			t.Errorf("%+v: %v", b, err)
		}
	}
	p, err := ProvideBattery(t.Context(), Battery{Device: d.client.Device(), Percentage: 0}, d.options())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if err := p.Update(101); !errors.Is(err, ErrInvalid) {
		t.Errorf("Update: %v", err)
	}
}

func TestBatteryThatBlueZKnowsIsNotProvided(t *testing.T) {
	d := startDesk(t)
	device := d.connect(plain).Device()
	d.shows(device, 80) // BlueZ reads it in its own time
	if _, err := ProvideBattery(t.Context(), Battery{Device: device, Percentage: 50}, d.options()); !errors.Is(err, ErrBatteryKnown) {
		t.Errorf("error %v", err)
	}
	p, err := ProvideBattery(t.Context(), Battery{Device: d.client.Device(), Percentage: 50}, d.options())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := ProvideBattery(t.Context(), Battery{Device: d.client.Device(), Percentage: 50}, d.options()); !errors.Is(err, ErrBatteryKnown) {
		t.Errorf("error %v", err)
	}
}

func TestBatteryOfADeviceThatBlueZDoesNotKeepIsRefused(t *testing.T) {
	d := startDesk(t)
	seen, err := d.central.FindDevice(t.Context(), facade.ScanOptions{Adapter: "hci0", Name: "Plain"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ProvideBattery(t.Context(), Battery{Device: seen.Device, Percentage: 50}, d.options()); !errors.Is(err, facade.ErrNoDevice) {
		t.Errorf("error %v", err)
	}
}

func TestBatteryOutlivesTheBus(t *testing.T) {
	d := startDesk(t)
	seen, err := d.central.FindDevice(t.Context(), facade.ScanOptions{Adapter: "hci0", Name: "Pad"})
	if err != nil {
		t.Fatal(err)
	}
	// The facade would disconnect what it has connected.
	if err := bluezgen.NewDevice1(d.looker, seen.Device.Path()).Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, err := ProvideBattery(t.Context(), Battery{Device: seen.Device, Percentage: 70}, d.options())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	d.CutConnections()
	if d.looker, err = bus.Dial(t.Context(), d.Address(), bus.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.looker.Close() })
	if err := p.Update(40); err != nil {
		t.Error(err)
	}
	d.shows(seen.Device, 40)
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}

// BlueZ compares the paths of all programs.
func TestBatteryProvidersOfTwoProgramsDoNotMeet(t *testing.T) {
	d := startDesk(t)
	other, err := facade.Open(t.Context(), facade.Options{Bus: d.Address()})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	pad, err := d.central.FindDevice(t.Context(), facade.ScanOptions{Adapter: "hci0", Name: "Pad"})
	if err != nil {
		t.Fatal(err)
	}
	client, err := other.Connect(t.Context(), pad.Address, facade.ConnectOptions{Adapter: "hci0"})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for central, device := range map[*facade.Central]facade.Device{d.central: d.client.Device(), other: client.Device()} {
		p, err := ProvideBattery(t.Context(), Battery{Device: device, Percentage: 50}, Options{Central: central})
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
	}
}
