//go:build linux

package facade

import (
	"errors"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

// The strap is the device of most tests: a heart-rate monitor.
var strap = Address{0xC0, 0xFF, 0xEE, 0, 0, 1}

// strapPath is its object.
const strapPath = hci0 + "/dev_C0_FF_EE_00_00_01"

// What the strap has.
const (
	measurement  = Handle(0x11) // 2a37: read, notify
	control      = Handle(0x14) // 2a39: write, write without response
	controlLabel = Handle(0x16) // 2901 of control: read, write
	command      = Handle(0x17) // 2a3f: write without response
)

// newStrap declares the strap, a device with which everything is quick.
func newStrap() bluetest.Device {
	return bluetest.Device{
		Address:       strap.String(),
		Name:          "Strap",
		Advertisement: bluetest.Advertisement{Interval: time.Millisecond, ServiceUUIDs: []string{"180d"}},
		Connection:    bluetest.Connection{Latency: bluetest.None, Discovery: bluetest.None, MTU: 247},
		Services: []bluetest.Service{{
			UUID: "180d", Handle: 0x10,
			Characteristics: []bluetest.Characteristic{
				{
					UUID: "2a37", Handle: uint16(measurement), Value: []byte("value"),
					Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagNotify},
				},
				{
					UUID: "2a39", Handle: uint16(control),
					Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWrite, bluezgen.CharacteristicFlagWriteWithoutResponse},
					Descriptors: []bluetest.Descriptor{{
						UUID: "2901", Handle: uint16(controlLabel),
						Flags: []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagRead, bluezgen.DescriptorFlagWrite},
					}},
				},
				{
					UUID: "2a3f", Handle: uint16(command),
					Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWriteWithoutResponse},
				},
			},
		}},
	}
}

// characteristicOf returns what a declared strap has.
func characteristicOf(d *bluetest.Device, handle Handle) *bluetest.Characteristic {
	for i, c := range d.Services[0].Characteristics {
		if c.Handle == uint16(handle) {
			return &d.Services[0].Characteristics[i]
		}
	}
	panic("the strap has no " + handle.String())
}

// startStrap starts a world whose BlueZ knows the strap, and a Central. Change, if not
// nil, changes the strap first.
func startStrap(t *testing.T, change func(*bluetest.Device), options ...bluetest.Option) (*world, *bluetest.Peripheral, *Central) {
	t.Helper()
	w := startWorld(t, options...)
	d := newStrap()
	if change != nil {
		change(&d)
	}
	p := w.add(d)
	w.know(p, d.Advertisement)
	return w, p, w.open(Options{})
}

// connect connects to the strap.
func connect(t *testing.T, c *Central) *Client {
	t.Helper()
	client, err := c.Connect(t.Context(), strap, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// connectAs has another program connect to the strap.
func (w *world) connectAs(program *bus.Conn) {
	w.t.Helper()
	w.check(bluezgen.NewDevice1(program, strapPath).Connect(w.t.Context()))
}

// replace puts another strap in the place of this one, whose connection is lost by that.
func (w *world) replace(p *bluetest.Peripheral, d bluetest.Device) *bluetest.Peripheral {
	w.t.Helper()
	p.Remove()
	return w.add(d)
}

// measurementPath is the object of the strap's measurement.
const measurementPath dbus.ObjectPath = strapPath + "/service0010/char0011"

// notifySessions returns how many sessions of notifications BlueZ has of the measurement:
// any of StartNotify count one, and one of AcquireNotify another. They outlive links.
func (w *world) notifySessions() int {
	w.t.Helper()
	return w.notifySessionsOf(strap.String())
}

// notifySessionsOf is notifySessions of another device like the strap, none if BlueZ does not
// know it.
func (w *world) notifySessionsOf(address string) (n int) {
	w.t.Helper()
	d, err := ParseAddress(address)
	w.check(err)
	path := devicePath(hci0, d) + "/service0010/char0011"
	program := w.program()
	defer program.Close()
	p, err := bluezgen.NewGattCharacteristic1(program, path).GetAll(w.t.Context())
	if err != nil && !errors.Is(err, bus.ErrUnknownObject) {
		w.t.Error(err)
	}
	for _, there := range []bool{p.Notifying, p.NotifyAcquired} {
		if there {
			n++
		}
	}
	return n
}
