//go:build linux

package peripheral

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// A bluetoothd is as much of BlueZ as an application sees: the test itself makes the calls that
// bluetoothd makes, also those that package bluetest never makes.
type bluetoothd struct {
	t       *testing.T
	daemon  *bustest.Daemon
	conn    *bus.Conn
	adapter *bluezgen.Adapter1Skeleton
	device  *bluezgen.Device1Skeleton
	gatt    *gattManager
	object1 *bus.Export // the adapter
	object2 *bus.Export // the phone

	disconnects chan bool // calls of Disconnect of the phone
}

const (
	hci0  dbus.ObjectPath = "/org/bluez/hci0"
	phone dbus.ObjectPath = "/org/bluez/hci0/dev_C0_FF_EE_00_00_01"
)

// startBluetoothd starts a bus with a bluetoothd that has the adapter hci0 and knows the phone, and a
// Central.
func startBluetoothd(t *testing.T) (*bluetoothd, *facade.Central) {
	t.Helper()
	d := &bluetoothd{t: t, daemon: bustest.Start(t), disconnects: make(chan bool, 10)}
	d.start()
	t.Cleanup(func() { d.conn.Close() })
	central, err := facade.Open(t.Context(), facade.Options{Bus: d.daemon.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { central.Close() })
	return d, central
}

func (d *bluetoothd) start() {
	d.t.Helper()
	conn, err := bus.Dial(d.t.Context(), d.daemon.Address(), bus.Options{})
	d.must(err)
	d.conn, d.gatt = conn, &gattManager{calls: make(chan string, 100)}
	_, err = conn.ExportObjectManager(d.t.Context(), "/")
	d.must(err)
	d.plug()
	d.must(conn.RequestName(d.t.Context(), bluezgen.Service))
}

// plug adds the adapter, and the phone.
func (d *bluetoothd) plug() {
	d.t.Helper()
	d.adapter = bluezgen.NewAdapter1Skeleton(bluezgen.UnimplementedAdapter1Server{}, bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Address, bluezgen.Adapter1Powered),
		Address:     "00:AA:01:00:00:00", Powered: true,
	})
	d.device = bluezgen.NewDevice1Skeleton(phoneObject{disconnects: d.disconnects}, bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Address, bluezgen.Device1Connected, bluezgen.Device1Bonded, bluezgen.Device1Name),
		Address:    "C0:FF:EE:00:00:01", Name: "phone",
	})
	var err error
	d.object1, err = d.conn.Export(d.t.Context(), hci0, bus.ExportOptions{}, d.adapter, bluezgen.NewGattManager1Skeleton(d.gatt))
	d.must(err)
	d.object2, err = d.conn.Export(d.t.Context(), phone, bus.ExportOptions{}, d.device)
	d.must(err)
}

// unplug removes what plug has added.
func (d *bluetoothd) unplug() {
	d.t.Helper()
	d.must(d.object2.Close())
	d.must(d.object1.Close())
}

// A phoneObject is the phone as BlueZ has it.
type phoneObject struct {
	bluezgen.UnimplementedDevice1Server
	disconnects chan bool
}

func (p phoneObject) Disconnect(context.Context) error {
	p.disconnects <- true
	return nil
}

func (d *bluetoothd) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// serve serves an application.
func (d *bluetoothd) serve(central *facade.Central, app Application) *Server {
	d.t.Helper()
	s, err := Serve(d.t.Context(), app, Options{Central: central})
	d.must(err)
	d.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			d.t.Error(err)
		}
	})
	return s
}

// connected says that the phone is connected, or not.
func (d *bluetoothd) connected(is bool) {
	d.t.Helper()
	d.must(d.device.Update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected), Connected: is}))
}

// char returns a characteristic of the application by its numbers, for calls from bluetoothd.
func (d *bluetoothd) char(service, char int) bluezgen.GattCharacteristic1 {
	return bluezgen.GattCharacteristic1{Object: d.object(pathOf(service, char))}
}

func (d *bluetoothd) object(path dbus.ObjectPath) bus.Object {
	owner, root := d.gatt.application()
	return d.conn.Object(owner, root+path)
}

func pathOf(service, char int) dbus.ObjectPath {
	s := &Server{attributes: map[Attribute]*attribute{}}
	declared := &Service{}
	for range char + 1 {
		declared.Characteristics = append(declared.Characteristics, &Characteristic{})
	}
	s.add(declared, service)
	return s.attributes[declared.Characteristics[char]].path
}

// A gattManager remembers what is registered, one application.
type gattManager struct {
	calls chan string

	mu     sync.Mutex
	owner  string
	root   dbus.ObjectPath
	refuse []error
	hold   chan struct{} // not nil: RegisterApplication waits for it
}

// refuseNext has the next registration fail.
func (m *gattManager) refuseNext(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = append(m.refuse, err)
}

// hesitate has registrations wait until the function that it returns is called.
func (m *gattManager) hesitate() (let func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	hold := make(chan struct{})
	m.hold = hold
	return func() { close(hold) }
}

func (m *gattManager) application() (owner string, root dbus.ObjectPath) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.owner, m.root
}

func (m *gattManager) RegisterApplication(ctx context.Context, path dbus.ObjectPath, _ map[string]dbus.Variant) error {
	m.mu.Lock()
	hold := m.hold
	m.mu.Unlock()
	m.calls <- "register"
	if hold != nil {
		bus.Release(ctx)
		<-hold
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.refuse) > 0 {
		err := m.refuse[0]
		m.refuse = m.refuse[1:]
		return err
	}
	m.owner, m.root = bus.Sender(ctx), path
	return nil
}

func (m *gattManager) UnregisterApplication(_ context.Context, path dbus.ObjectPath) error {
	m.calls <- "unregister"
	return nil
}

// inTime is how long what is about to happen may take.
const inTime = 20 * time.Second

// receive waits for something to come.
func receive[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(inTime):
		t.Fatalf("%s does not come", what)
		panic("unreachable")
	}
}

// writeWithoutReply is a write of which bluetoothd does not await the end.
var writeWithoutReply = bus.Method{Interface: bluezgen.GattCharacteristic1Interface, Name: "WriteValue", In: "aya{sv}", NoReply: true}

// encodeWrite encodes the arguments of a write of one byte by the phone.
func encodeWrite(b byte) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.Bytes([]byte{b})
		options := e.Array(8)
		e.Struct()
		e.String("device")
		e.VariantOf("o")
		e.ObjectPath(phone)
		e.EndArray(options)
	}
}
