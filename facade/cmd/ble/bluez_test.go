package main

import (
	"context"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
)

// A fakeBlueZ is an org.bluez with just what the tool's tests need, on a bus of its own: one adapter, and a heart-rate
// sensor that is heard as soon as somebody scans.
type fakeBlueZ struct {
	bus.Object // the sensor's, for its connection and path

	adapter *bluezgen.Adapter1Skeleton
	device  *bluezgen.Device1Skeleton

	// calls receives the name of each method that is called, except for the reading and writing of values.
	calls chan string
	// hang names a method that does not return before its caller leaves the bus.
	hang string

	mu      sync.Mutex
	written []string // type and value of each write
}

// fakeOptions says how a fakeBlueZ differs from one that works.
type fakeOptions struct {
	noAdapter, off bool
	hang           string
}

const (
	adapterPath = dbus.ObjectPath("/org/bluez/hci0")
	devicePath  = adapterPath + "/dev_C0_FF_EE_00_00_01"
)

// startBlueZ starts a fakeBlueZ, and points the tool to its bus.
func startBlueZ(t *testing.T, o fakeOptions) *fakeBlueZ {
	t.Helper()
	address := bustest.Start(t).Address()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	conn, err := bus.Dial(t.Context(), address, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	f := &fakeBlueZ{Object: conn.Object(bluezgen.Service, devicePath), calls: make(chan string, 100), hang: o.hang}
	if _, err := conn.ExportObjectManager(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	if !o.noAdapter {
		f.exportAdapter(t, !o.off)
		f.exportDevice(t)
	}
	if err := conn.RequestName(t.Context(), bluezgen.Service); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *fakeBlueZ) export(t *testing.T, path dbus.ObjectPath, s bus.Skeleton) {
	t.Helper()
	if _, err := f.Conn().Export(t.Context(), path, bus.ExportOptions{Concurrent: true}, s); err != nil {
		t.Fatal(err)
	}
}

func (f *fakeBlueZ) exportAdapter(t *testing.T, powered bool) {
	f.adapter = bluezgen.NewAdapter1Skeleton(fakeAdapter{fake: f}, bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Address, bluezgen.Adapter1AddressType, bluezgen.Adapter1Name,
			bluezgen.Adapter1Alias, bluezgen.Adapter1Powered, bluezgen.Adapter1Discovering, bluezgen.Adapter1Roles),
		Address: "00:AA:01:00:00:00", AddressType: bluezgen.AddressTypePublic, Name: "kitchen", Alias: "kitchen", Powered: powered,
		Roles: []bluezgen.AdapterRole{bluezgen.AdapterRoleCentral, bluezgen.AdapterRolePeripheral},
	})
	f.export(t, adapterPath, f.adapter)
}

// exportDevice exports the sensor with its whole tree, as BlueZ does for a device that it has been connected to before.
// The Battery service is there twice, so that its characteristic's UUID is ambiguous.
func (f *fakeBlueZ) exportDevice(t *testing.T) {
	f.device = bluezgen.NewDevice1Skeleton(fakeDevice{fake: f}, bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Address, bluezgen.Device1AddressType, bluezgen.Device1Name,
			bluezgen.Device1Alias, bluezgen.Device1Adapter, bluezgen.Device1Connected, bluezgen.Device1ServicesResolved,
			bluezgen.Device1Paired, bluezgen.Device1UUIDs),
		Address: peer, AddressType: bluezgen.AddressTypeRandom, Name: "Heart Rate", Alias: "Heart Rate", Adapter: adapterPath,
		UUIDs: []string{long("180d")},
	})
	f.export(t, devicePath, f.device)

	const read, write = bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWrite
	const notify, command = bluezgen.CharacteristicFlagNotify, bluezgen.CharacteristicFlagWriteWithoutResponse
	heart := f.exportService(t, "/service0010", "180d")
	measurement := f.exportCharacteristic(t, heart+"/char0011", "2a37", heart, "", notify)
	f.exportDescriptor(t, measurement+"/desc0013", "2902", measurement)
	f.exportCharacteristic(t, heart+"/char0014", "2a38", heart, "chest", read)
	f.exportCharacteristic(t, heart+"/char0016", "2a39", heart, "", write, command)
	for _, handles := range [][2]dbus.ObjectPath{{"/service0020", "/char0021"}, {"/service0030", "/char0031"}} {
		battery := f.exportService(t, handles[0], "180f")
		f.exportCharacteristic(t, battery+handles[1], "2a19", battery, "\x64", read)
	}
}

// long returns the UUID of an assigned number.
func long(number string) string { return "0000" + number + "-0000-1000-8000-00805f9b34fb" }

func (f *fakeBlueZ) exportService(t *testing.T, path dbus.ObjectPath, number string) dbus.ObjectPath {
	path = devicePath + path
	f.export(t, path, bluezgen.NewGattService1Skeleton(bluezgen.GattService1Properties{
		GattService1Set: bluezgen.GattService1SetOf(bluezgen.GattService1UUID, bluezgen.GattService1Device, bluezgen.GattService1Primary),
		UUID:            long(number), Device: devicePath, Primary: true,
	}))
	return path
}

func (f *fakeBlueZ) exportCharacteristic(t *testing.T, path dbus.ObjectPath, number string, service dbus.ObjectPath, value string, flags ...bluezgen.CharacteristicFlag) dbus.ObjectPath {
	c := &fakeCharacteristic{fake: f, value: []byte(value)}
	c.skeleton = bluezgen.NewGattCharacteristic1Skeleton(c, bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1UUID,
			bluezgen.GattCharacteristic1Service, bluezgen.GattCharacteristic1Flags, bluezgen.GattCharacteristic1Notifying,
			bluezgen.GattCharacteristic1Value, bluezgen.GattCharacteristic1MTU),
		UUID: long(number), Service: service, Flags: flags, MTU: 247,
	})
	f.export(t, path, c.skeleton)
	return path
}

func (f *fakeBlueZ) exportDescriptor(t *testing.T, path dbus.ObjectPath, number string, characteristic dbus.ObjectPath) {
	f.export(t, path, bluezgen.NewGattDescriptor1Skeleton(bluezgen.UnimplementedGattDescriptor1Server{}, bluezgen.GattDescriptor1Properties{
		GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic),
		UUID:               long(number), Characteristic: characteristic,
	}))
}

// called notes that method was called, and hangs if it shall.
func (f *fakeBlueZ) called(ctx context.Context, method string) error {
	f.calls <- method
	if f.hang == method {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// awaitCall waits until method was called.
func (f *fakeBlueZ) awaitCall(t *testing.T, method string) {
	t.Helper()
	for called := range f.calls {
		if called == method {
			return
		}
	}
}

// setConnected changes the state of the link, and says so.
func (f *fakeBlueZ) setConnected(connected bool) error {
	return f.device.Update(bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected, bluezgen.Device1ServicesResolved),
		Connected:  connected, ServicesResolved: connected,
	})
}

// writes returns what was written so far.
func (f *fakeBlueZ) writes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.written
}

type fakeAdapter struct {
	bluezgen.UnimplementedAdapter1Server
	fake *fakeBlueZ
}

func (a fakeAdapter) SetDiscoveryFilter(context.Context, bluezgen.DiscoveryFilter) error { return nil }

func (a fakeAdapter) StartDiscovery(ctx context.Context) error {
	if err := a.fake.called(ctx, "StartDiscovery"); err != nil {
		return err
	}
	err := a.fake.adapter.Update(bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Discovering), Discovering: true,
	})
	if err != nil {
		return err
	}
	return a.fake.device.Update(bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1RSSI, bluezgen.Device1ManufacturerData),
		RSSI:       -61, ManufacturerData: map[uint16][]byte{0x004c: {2, 0x15}},
	})
}

func (a fakeAdapter) StopDiscovery(context.Context) error {
	a.fake.calls <- "StopDiscovery"
	return a.fake.adapter.Update(bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Discovering),
	})
}

type fakeDevice struct {
	bluezgen.UnimplementedDevice1Server
	fake *fakeBlueZ
}

func (d fakeDevice) Connect(ctx context.Context) error {
	if err := d.fake.called(ctx, "Connect"); err != nil {
		return err
	}
	return d.fake.setConnected(true)
}

func (d fakeDevice) Disconnect(context.Context) error {
	d.fake.calls <- "Disconnect"
	return d.fake.setConnected(false)
}

type fakeCharacteristic struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	fake     *fakeBlueZ
	skeleton *bluezgen.GattCharacteristic1Skeleton
	value    []byte
}

func (c *fakeCharacteristic) ReadValue(context.Context, bluezgen.ReadOptions) ([]byte, error) {
	if len(c.value) == 0 {
		return nil, bluezgen.ErrNotPermitted.With("Read not permitted")
	}
	return c.value, nil
}

func (c *fakeCharacteristic) WriteValue(_ context.Context, value []byte, o bluezgen.WriteOptions) error {
	c.fake.mu.Lock()
	defer c.fake.mu.Unlock()
	c.fake.written = append(c.fake.written, string(o.Type)+" "+string(value))
	return nil
}

// StartNotify sends three notifications, {0, 60}, {0, 61} and {0, 62}.
func (c *fakeCharacteristic) StartNotify(ctx context.Context) error {
	if err := c.fake.called(ctx, "StartNotify"); err != nil {
		return err
	}
	err := c.skeleton.Update(bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Notifying), Notifying: true,
	})
	for rate := byte(60); rate < 63 && err == nil; rate++ {
		err = c.skeleton.Update(bluezgen.GattCharacteristic1Properties{
			GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Value), Value: []byte{0, rate},
		})
	}
	return err
}

func (c *fakeCharacteristic) StopNotify(context.Context) error {
	c.fake.calls <- "StopNotify"
	return c.skeleton.Update(bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Notifying),
	})
}
