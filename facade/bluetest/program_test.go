package bluetest

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A program is an application that serves attributes on hci1, and notes how it is called.
type program struct {
	t       *testing.T
	conn    *bus.Conn
	manager bluezgen.GattManager1
	adverts bluezgen.LEAdvertisingManager1

	mu      sync.Mutex
	calls   []string
	changed chan struct{}
}

// root is where the program has its objects.
const root dbus.ObjectPath = "/app"

func newProgram(t *testing.T, w *World) *program {
	t.Helper()
	p := &program{t: t, conn: dial(t, w), changed: make(chan struct{})}
	p.manager = bluezgen.NewGattManager1(p.conn, "/org/bluez/hci1")
	p.adverts = bluezgen.NewLEAdvertisingManager1(p.conn, "/org/bluez/hci1")
	if _, err := p.conn.ExportObjectManager(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	return p
}

// note notes a call.
func (p *program) note(format string, a ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, fmt.Sprintf(format, a...))
	close(p.changed)
	p.changed = make(chan struct{})
}

// await waits for a number of calls, and returns and forgets them.
func (p *program) await(n int) []string {
	p.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		p.mu.Lock()
		calls, changed := p.calls, p.changed
		if len(calls) >= n {
			p.calls = nil
			p.mu.Unlock()
			return calls
		}
		p.mu.Unlock()
		select {
		case <-changed:
		case <-timeout:
			p.t.Fatalf("%d calls did not come: %q", n, calls)
		}
	}
}

// export exports an object.
func (p *program) export(path dbus.ObjectPath, skeleton bus.Skeleton) *bus.Export {
	p.t.Helper()
	x, err := p.conn.Export(p.t.Context(), path, bus.ExportOptions{From: bluezgen.Service}, skeleton)
	if err != nil {
		p.t.Fatal(err)
	}
	return x
}

// service exports a service.
func (p *program) service(name, uuid string) *bus.Export {
	p.t.Helper()
	return p.export(root+"/"+dbus.ObjectPath(name), bluezgen.NewGattService1Skeleton(bluezgen.GattService1Properties{
		GattService1Set: bluezgen.GattService1SetOf(bluezgen.GattService1UUID, bluezgen.GattService1Primary), UUID: uuid, Primary: true,
	}))
}

// A played is a characteristic or descriptor of a program. It notes its calls and answers
// what it is set to.
type played struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	*bluezgen.GattCharacteristic1Skeleton
	program *program
	name    string

	hang    chan struct{} // calls do not return before it is closed; nil if they do
	value   []byte
	refuse  error                                       // to all
	acquire func() (fd *os.File, mtu uint16, err error) // of both kinds
}

// characteristic exports a characteristic of a service. What follows changes its
// properties.
func (p *program) characteristic(service, name, uuid string, flags []bluezgen.CharacteristicFlag, more ...func(*bluezgen.GattCharacteristic1Properties)) *played {
	p.t.Helper()
	c := &played{program: p, name: name}
	properties := bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1UUID, bluezgen.GattCharacteristic1Service, bluezgen.GattCharacteristic1Flags),
		UUID:                   uuid, Service: root + "/" + dbus.ObjectPath(service), Flags: flags,
	}
	for _, f := range more {
		f(&properties)
	}
	c.GattCharacteristic1Skeleton = bluezgen.NewGattCharacteristic1Skeleton(c, properties)
	p.export(properties.Service+"/"+dbus.ObjectPath(name), c)
	return c
}

// A playedDescriptor is a descriptor that does what a characteristic does.
type playedDescriptor struct{ *played }

func (d playedDescriptor) WriteValue(ctx context.Context, value []byte, o bluezgen.DescriptorWriteOptions) error {
	return d.played.WriteValue(ctx, value, bluezgen.WriteOptions{
		Offset: o.Offset, MTU: o.MTU, Device: o.Device, Link: o.Link, PrepareAuthorize: o.PrepareAuthorize,
	})
}

// descriptor exports a descriptor of a characteristic of the service s.
func (p *program) descriptor(characteristic, name, uuid string, flags ...bluezgen.DescriptorFlag) *played {
	p.t.Helper()
	d := &played{program: p, name: name}
	of := root + "/s/" + dbus.ObjectPath(characteristic)
	p.export(of+"/"+dbus.ObjectPath(name), bluezgen.NewGattDescriptor1Skeleton(playedDescriptor{d}, bluezgen.GattDescriptor1Properties{
		GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic, bluezgen.GattDescriptor1Flags),
		UUID:               uuid, Characteristic: of, Flags: flags,
	}))
	return d
}

// has adds properties that are false.
func has(properties ...bluezgen.GattCharacteristic1Property) func(*bluezgen.GattCharacteristic1Properties) {
	return func(p *bluezgen.GattCharacteristic1Properties) { p.Add(properties...) }
}

// on names who asks, as it is passed.
func on(device dbus.ObjectPath, link bluezgen.LinkType, mtu, offset bus.Opt[uint16]) string {
	text := fmt.Sprintf("%s %s", strings.TrimPrefix(string(device), "/org/bluez/"), link)
	if n, ok := mtu.Get(); ok {
		text += fmt.Sprintf(" mtu %d", n)
	}
	if n, ok := offset.Get(); ok {
		text += fmt.Sprintf(" offset %d", n)
	}
	return text
}

func (c *played) ReadValue(_ context.Context, o bluezgen.ReadOptions) ([]byte, error) {
	c.program.note("%s read %s", c.name, on(o.Device, o.Link, o.MTU, o.Offset))
	from, _ := o.Offset.Get()
	c.wait()
	value, refuse := c.answer()
	if refuse != nil {
		return nil, refuse
	}
	if int(from) > len(value) {
		return nil, bluezgen.ErrInvalidOffset
	}
	return value[from:], nil
}

func (c *played) WriteValue(_ context.Context, value []byte, o bluezgen.WriteOptions) error {
	text := on(o.Device, o.Link, o.MTU, o.Offset)
	if o.Type != "" {
		text += " type " + string(o.Type)
	}
	if authorize, _ := o.PrepareAuthorize.Get(); authorize {
		text += " prepare"
	}
	if len(value) > 20 {
		value = fmt.Appendf(nil, "%d bytes", len(value))
	}
	c.program.note("%s write %q %s", c.name, value, text)
	c.wait()
	_, refuse := c.answer()
	return refuse
}

// answer returns what is answered, and set changes that.
func (c *played) answer() (value []byte, refuse error) {
	c.program.mu.Lock()
	defer c.program.mu.Unlock()
	return c.value, c.refuse
}

func (c *played) set(value string, refuse error) {
	c.program.mu.Lock()
	defer c.program.mu.Unlock()
	c.value, c.refuse = []byte(value), refuse
}

func (c *played) wait() {
	if c.hang != nil {
		<-c.hang
	}
}

func (c *played) StartNotify(context.Context) error {
	c.program.note("%s start", c.name)
	_, refuse := c.answer()
	return refuse
}

func (c *played) StopNotify(context.Context) error {
	c.program.note("%s stop", c.name)
	return nil
}

func (c *played) Confirm(context.Context) error {
	c.program.note("%s confirm", c.name)
	return nil
}

func (c *played) AcquireWrite(_ context.Context, o bluezgen.AcquireOptions) (*os.File, uint16, error) {
	c.program.note("%s acquire-write %s", c.name, on(o.Device, o.Link, o.MTU, bus.Opt[uint16]{}))
	return c.acquired()
}

func (c *played) AcquireNotify(_ context.Context, o bluezgen.AcquireOptions) (*os.File, uint16, error) {
	c.program.note("%s acquire-notify %s", c.name, on(o.Device, o.Link, o.MTU, bus.Opt[uint16]{}))
	return c.acquired()
}

func (c *played) acquired() (*os.File, uint16, error) {
	if c.acquire == nil {
		return nil, 0, bluezgen.ErrNotSupported
	}
	return c.acquire()
}

// notify shows a value.
func (c *played) notify(value string) {
	c.program.t.Helper()
	err := c.Update(bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Value), Value: []byte(value),
	})
	if err != nil {
		c.program.t.Fatal(err)
	}
}

// register registers what the program has exported.
func (p *program) register() {
	p.t.Helper()
	if err := p.manager.RegisterApplication(p.t.Context(), root, nil); err != nil {
		p.t.Fatal(err)
	}
}

// A playedAdvertisement notes that it was released.
type playedAdvertisement struct {
	bluezgen.UnimplementedLEAdvertisement1Server
	*bluezgen.LEAdvertisement1Skeleton
	program *program
	path    dbus.ObjectPath
}

func (a *playedAdvertisement) Release(context.Context) error {
	a.program.note("release %s", a.path)
	return nil
}

// advertisement exports an advertisement, which is one that one can connect to, every 20 ms,
// unless the properties say otherwise.
func (p *program) advertisement(path dbus.ObjectPath, properties bluezgen.LEAdvertisement1Properties) *playedAdvertisement {
	p.t.Helper()
	if !properties.Has(bluezgen.LEAdvertisement1Type) {
		properties.Add(bluezgen.LEAdvertisement1Type)
		properties.Type = bluezgen.AdvertisementTypePeripheral
	}
	if !properties.Has(bluezgen.LEAdvertisement1MinInterval) && !properties.Has(bluezgen.LEAdvertisement1MaxInterval) {
		properties.Add(bluezgen.LEAdvertisement1MinInterval, bluezgen.LEAdvertisement1MaxInterval)
		properties.MinInterval, properties.MaxInterval = 20, 20
	}
	a := &playedAdvertisement{program: p, path: path}
	a.LEAdvertisement1Skeleton = bluezgen.NewLEAdvertisement1Skeleton(a, properties)
	p.export(path, a)
	return a
}

// advertise registers an advertisement.
func (p *program) advertise(path dbus.ObjectPath, properties bluezgen.LEAdvertisement1Properties) *playedAdvertisement {
	p.t.Helper()
	a := p.advertisement(path, properties)
	if err := p.adverts.RegisterAdvertisement(p.t.Context(), path, nil); err != nil {
		p.t.Fatal(err)
	}
	return a
}

// twoAdapters are the adapters of a central, hci0, and of a program, hci1.
func twoAdapters() Option {
	return Options(AdapterConfig{Address: "00:AA:01:00:00:00"}, AdapterConfig{Address: "00:AA:01:01:00:01"}, Delays{Disconnect: None, PowerOn: None})
}

// newProgramBench starts a world in which hci0 knows hci1, on which a program is to serve.
func newProgramBench(t *testing.T, options ...Option) (*bench, *program) {
	t.Helper()
	b := &bench{t: t, world: Start(t, append([]Option{twoAdapters()}, options...)...), changed: make(chan struct{}), within: "/org/bluez/hci0"}
	b.device = b.world.Adapter("hci1").station
	b.conn = dial(t, b.world)
	b.proxy = bluezgen.NewDevice1(b.conn, "/org/bluez/hci0/dev_00_AA_01_01_00_01")
	b.appear()
	b.watch()
	return b, newProgram(t, b.world)
}
