//go:build linux

package facade

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// A fakeDevice is a device, with one service once it is connected.
type fakeDevice struct {
	bluezgen.UnimplementedDevice1Server
	*bluezgen.Device1Skeleton
	f    *fakeBlueZ
	path dbus.ObjectPath

	mu        sync.Mutex
	exports   []*bus.Export
	onConnect func(ctx context.Context) error // before the link is made
	quiet     bool                            // never signal Connected=true
	quietLink atomic.Bool                     // it is true nevertheless
	early     bool                            // say ServicesResolved before the objects are there
	resolving bool                            // never resolve the services
	stuck     bool                            // never end the link
	cancel    chan struct{}                   // gets a token with each Disconnect

	measurement, control *fakeCharacteristic
}

// device makes a device and lets it be heard once.
func (f *fakeBlueZ) device(a *fakeAdapter, address, name string, uuids ...UUID) *fakeDevice {
	f.t.Helper()
	d := &fakeDevice{f: f, path: a.path + dbus.ObjectPath("/dev_"+strings.ReplaceAll(address, ":", "_")), cancel: make(chan struct{}, 10)}
	p := bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Address, bluezgen.Device1AddressType, bluezgen.Device1Name, bluezgen.Device1Alias,
			bluezgen.Device1RSSI, bluezgen.Device1UUIDs, bluezgen.Device1ServicesResolved, bluezgen.Device1Adapter,
			bluezgen.Device1ManufacturerData),
		Address: address, AddressType: bluezgen.AddressTypeRandom, Name: name, Alias: name, RSSI: -60, Adapter: a.path,
		ManufacturerData: map[uint16][]byte{0xffff: {1, 2}},
	}
	for _, u := range uuids {
		p.UUIDs = append(p.UUIDs, u.String())
	}
	d.Device1Skeleton = bluezgen.NewDevice1Skeleton(d, p)
	d.measurement = d.characteristic("service0001/char0002", UUID16(0x2a37), bluezgen.CharacteristicFlagNotify, bluezgen.CharacteristicFlagRead)
	d.control = d.characteristic("service0001/char0005", UUID16(0x2a39), bluezgen.CharacteristicFlagWrite, bluezgen.CharacteristicFlagWriteWithoutResponse)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.exports = []*bus.Export{f.export(d.path, quietly{fakeDevice: d})}
	return d
}

func (d *fakeDevice) update(p bluezgen.Device1Properties) {
	if err := d.Update(p); err != nil {
		d.f.t.Error(err)
	}
}

// heard signals another packet.
func (d *fakeDevice) heard(rssi int16) {
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1RSSI), RSSI: rssi})
}

// remove removes the device and what it has, as a bluetoothd that ends does.
func (d *fakeDevice) remove() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, x := range slices.Backward(d.exports) {
		x.Close()
	}
	d.exports = nil
}

// set changes how the device behaves.
func (d *fakeDevice) set(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
}

func (d *fakeDevice) Connect(ctx context.Context) error {
	d.f.called(d.path, "Connect")
	d.mu.Lock()
	hook := d.onConnect
	d.mu.Unlock()
	if hook != nil {
		if err := hook(ctx); err != nil {
			return err
		}
	}
	d.linkUp()
	return nil
}

func (d *fakeDevice) linkUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.quiet {
		d.quietLink.Store(true)
	} else {
		d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected), Connected: true})
	}
	resolved := bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1ServicesResolved, bluezgen.Device1UUIDs), ServicesResolved: true, UUIDs: []string{UUID16(0x180d).String()},
	}
	switch {
	case d.resolving:
		d.f.called(d.path, "resolving")
	case len(d.exports) != 1: // there are services from an earlier connection
		d.update(resolved)
	case d.early:
		d.update(resolved)
		time.AfterFunc(300*time.Millisecond, func() { d.set(d.exportTree) })
	default:
		d.exportTree()
		d.update(resolved)
	}
}

func (d *fakeDevice) exportTree() {
	service := bluezgen.NewGattService1Skeleton(bluezgen.GattService1Properties{
		GattService1Set: bluezgen.GattService1SetOf(bluezgen.GattService1UUID, bluezgen.GattService1Primary, bluezgen.GattService1Device),
		UUID:            UUID16(0x180d).String(), Primary: true, Device: d.path,
	})
	d.exports = append(d.exports, d.f.export(d.path+"/service0001", service))
	for _, c := range []*fakeCharacteristic{d.control, d.measurement} { // not in order
		d.exports = append(d.exports, d.f.export(c.path, c.GattCharacteristic1Skeleton))
	}
	descriptor := &fakeDescriptor{f: d.f, path: d.measurement.path + "/desc0004"}
	for path, u := range map[dbus.ObjectPath]UUID{descriptor.path: cccd, d.control.path + "/desc0007": UUID16(0x2901)} {
		d.exports = append(d.exports, d.f.export(path, bluezgen.NewGattDescriptor1Skeleton(descriptor, bluezgen.GattDescriptor1Properties{
			GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic),
			UUID:               u.String(), Characteristic: parent(path),
		})))
	}
}

func (d *fakeDevice) Disconnect(context.Context) error {
	d.f.called(d.path, "Disconnect")
	select {
	case d.cancel <- struct{}{}:
	default:
	}
	d.mu.Lock()
	stuck := d.stuck
	d.mu.Unlock()
	if !stuck {
		d.linkDown()
	}
	return nil
}

// linkDown drops the link, in BlueZ's order.
func (d *fakeDevice) linkDown() {
	if !d.quietLink.Swap(false) && !d.Properties().Connected {
		return
	}
	d.measurement.hangUp()
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1ServicesResolved)})
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected)})
}

// A fakeCharacteristic is a characteristic that keeps one session for each caller,
// over the end of a link too, as BlueZ does.
type fakeCharacteristic struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	*bluezgen.GattCharacteristic1Skeleton
	f    *fakeBlueZ
	path dbus.ObjectPath

	mu       sync.Mutex
	sessions map[string]bool // whether it is armed
	socket   int             // BlueZ's end, 0 without
	value    []byte          // that Read returns
	written  [][]byte
	failures []error       // of the calls to come
	busy     chan struct{} // lets a read go on
	reading  int           // reads in progress

	exclusive bool // one read at a time is expected
}

// set changes how the characteristic behaves.
func (c *fakeCharacteristic) set(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
}

func (d *fakeDevice) characteristic(path dbus.ObjectPath, u UUID, flags ...bluezgen.CharacteristicFlag) *fakeCharacteristic {
	c := &fakeCharacteristic{f: d.f, path: d.path + "/" + path, sessions: map[string]bool{}}
	c.GattCharacteristic1Skeleton = bluezgen.NewGattCharacteristic1Skeleton(c, bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1UUID, bluezgen.GattCharacteristic1Service,
			bluezgen.GattCharacteristic1Flags, bluezgen.GattCharacteristic1MTU),
		UUID: u.String(), Service: parent(c.path), Flags: flags, MTU: 247,
	})
	return c
}

// failure notes a call and returns its error.
func (c *fakeCharacteristic) failure(member string) error {
	c.f.called(c.path, member)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.failures) == 0 {
		return nil
	}
	err := c.failures[0]
	c.failures = c.failures[1:]
	return err
}

// notify signals a value, as BlueZ does for a notification and for a read.
func (c *fakeCharacteristic) notify(value []byte) {
	p := bluezgen.GattCharacteristic1Properties{GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Value), Value: value}
	if err := c.Update(p); err != nil {
		c.f.t.Error(err)
	}
}

func (c *fakeCharacteristic) ReadValue(ctx context.Context, _ bluezgen.ReadOptions) ([]byte, error) {
	if err := c.failure("ReadValue"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	value, busy := c.value, c.busy
	if c.reading++; c.reading > 1 && c.exclusive {
		c.f.t.Error("two reads at once")
	}
	c.mu.Unlock()
	defer c.set(func() { c.reading-- })
	if busy != nil {
		select {
		case <-busy:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.notify(value)
	return value, nil
}

func (c *fakeCharacteristic) WriteValue(_ context.Context, value []byte, o bluezgen.WriteOptions) error {
	if err := c.failure("WriteValue." + string(o.Type)); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written = append(c.written, value)
	return nil
}

func (c *fakeCharacteristic) StartNotify(ctx context.Context) error {
	if err := c.failure("StartNotify"); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if armed, there := c.sessions[bus.Sender(ctx)]; there && !armed {
		return bluezgen.ErrInProgress
	}
	c.sessions[bus.Sender(ctx)] = true
	return nil
}

func (c *fakeCharacteristic) StopNotify(ctx context.Context) error {
	defer c.f.called(c.path, "StopNotify") // when it is done
	c.mu.Lock()
	_, there := c.sessions[bus.Sender(ctx)]
	delete(c.sessions, bus.Sender(ctx))
	acquired := c.socket != 0
	c.mu.Unlock()
	c.hangUp()
	if !there && !acquired {
		return bluezgen.ErrFailed.With("No notify session started")
	}
	return nil
}

func (c *fakeCharacteristic) AcquireNotify(context.Context, bluezgen.AcquireOptions) (*os.File, uint16, error) {
	if err := c.failure("AcquireNotify"); err != nil {
		return nil, 0, err
	}
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket = fds[1]
	return os.NewFile(uintptr(fds[0]), "notify"), 247, nil
}

// send sends a value through the socket.
func (c *fakeCharacteristic) send(value []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := syscall.Sendto(c.socket, value, 0, nil); err != nil {
		c.f.t.Error(err)
	}
}

// hangUp closes the socket.
func (c *fakeCharacteristic) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket != 0 {
		syscall.Close(c.socket)
		c.socket = 0
	}
}

// left returns the number of sessions that were not ended.
func (c *fakeCharacteristic) left() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.socket != 0 {
		return len(c.sessions) + 1
	}
	return len(c.sessions)
}

// A fakeDescriptor is a descriptor that keeps what is written.
type fakeDescriptor struct {
	bluezgen.UnimplementedGattDescriptor1Server
	f    *fakeBlueZ
	path dbus.ObjectPath

	mu    sync.Mutex
	value []byte
}

func (d *fakeDescriptor) ReadValue(context.Context, bluezgen.ReadOptions) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.value, nil
}

func (d *fakeDescriptor) WriteValue(_ context.Context, value []byte, _ bluezgen.DescriptorWriteOptions) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.value = value
	return nil
}

// quietly serves a device whose connection is true but never signalled.
type quietly struct {
	*fakeDevice
	bus.ServedProperties
}

func (q quietly) Serve() *bus.ServedInterface {
	served := *q.Device1Skeleton.Serve()
	q.ServedProperties = served.Properties
	served.Properties = q
	return &served
}

func (q quietly) EncodeAll(e *wire.Encoder) {
	q.ServedProperties.EncodeAll(e)
	if q.quietLink.Load() {
		e.Struct()
		e.String(bluezgen.Device1Connected.String())
		e.VariantOf("b")
		e.Bool(true)
	}
}

// uuid returns the characteristic's UUID.
func (c *fakeCharacteristic) uuid() UUID { return uuidOf(c.Properties().UUID) }
