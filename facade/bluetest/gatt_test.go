package bluetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A bench is a world with one device, and a client that is looking on.
type bench struct {
	t      *testing.T
	world  *World
	device *Peripheral
	conn   *bus.Conn
	proxy  bluezgen.Device1
	within string // which objects are noted; empty for all

	mu      sync.Mutex
	log     []string
	changed chan struct{}
}

const benchAddress = "C0:FF:EE:00:00:01"

// newBench starts a world in which a device with some services has been found.
func newBench(t *testing.T, d Device, options ...Option) *bench {
	t.Helper()
	d.Address = benchAddress
	d.Advertisement.Interval = 20 * time.Millisecond
	d.Connection.Latency, d.Connection.Discovery = time.Millisecond, cmp.Or(d.Connection.Discovery, time.Millisecond)
	options = append([]Option{d, Delays{Disconnect: None, PowerOn: None}}, options...)
	b := &bench{t: t, world: Start(t, options...), changed: make(chan struct{})}
	b.device = b.world.Peripheral(benchAddress)
	b.conn = dial(t, b.world)
	b.proxy = bluezgen.NewDevice1(b.conn, "/org/bluez/hci0/dev_C0_FF_EE_00_00_01")
	b.appear()
	b.watch()
	return b
}

// appear has bluetoothd know the device, as a scan does.
func (b *bench) appear() {
	b.t.Helper()
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	if _, _, err := b.world.adapters[0].object().discovered(b.device, bluezgen.Device1Properties{}); err != nil {
		b.t.Fatal(err)
	}
}

// watch notes what bluetoothd says of the device and its services: "+char000b" for an
// object, "-char000b" when it goes, "char000b Value=01 02" for a property.
func (b *bench) watch() {
	b.t.Helper()
	m, err := bus.OpenMirror(b.t.Context(), b.conn, bus.MirrorOptions{
		Service: bluezgen.Service, Root: "/", Codecs: bluezgen.Codecs(),
		Follow: []string{bluezgen.Device1Interface, bluezgen.GattCharacteristic1Interface, bluezgen.GattDescriptor1Interface, bluezgen.Battery1Interface},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(m.Close)
	b.t.Cleanup(m.Subscribe(b.note))
}

func (b *bench) note(e bus.Event) {
	if !strings.HasPrefix(string(e.Path), b.within) {
		return
	}
	name := string(e.Path[strings.LastIndexByte(string(e.Path), '/')+1:])
	if strings.HasPrefix(name, "dev_") {
		name = strings.ToLower(strings.TrimSuffix(e.Interface[strings.LastIndexByte(e.Interface, '.')+1:], "1"))
	}
	var line string
	switch e.Kind {
	case bus.Added:
		line = "+" + name
	case bus.Removed:
		line = "-" + name
	case bus.Changed:
		line = name + changes(e.Record)
	default:
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, line)
	close(b.changed)
	b.changed = make(chan struct{})
}

// changes returns the changed properties that these tests are about.
func changes(r bus.Record) (text string) {
	switch r := r.(type) {
	case *bluezgen.Device1Update:
		for p := range r.Changed.All() {
			switch p {
			case bluezgen.Device1Connected:
				text += fmt.Sprintf(" Connected=%t", r.Connected)
			case bluezgen.Device1ServicesResolved:
				text += fmt.Sprintf(" ServicesResolved=%t", r.ServicesResolved)
			case bluezgen.Device1Name:
				text += fmt.Sprintf(" Name=%s", r.Name)
			case bluezgen.Device1UUIDs, bluezgen.Device1Appearance:
				text += " " + p.String()
			}
		}
	case *bluezgen.GattCharacteristic1Update:
		for p := range r.Changed.All() {
			switch p {
			case bluezgen.GattCharacteristic1Value:
				text += fmt.Sprintf(" Value=%s", r.Value)
			case bluezgen.GattCharacteristic1Notifying:
				text += fmt.Sprintf(" Notifying=%t", r.Notifying)
			case bluezgen.GattCharacteristic1NotifyAcquired:
				text += fmt.Sprintf(" NotifyAcquired=%t", r.NotifyAcquired)
			case bluezgen.GattCharacteristic1WriteAcquired:
				text += fmt.Sprintf(" WriteAcquired=%t", r.WriteAcquired)
			default:
				text += " " + p.String()
			}
		}
	case *bluezgen.GattDescriptor1Update:
		text += fmt.Sprintf(" Value=%s", r.Value)
	case *bluezgen.Battery1Update:
		text += fmt.Sprintf(" Percentage=%d", r.Percentage)
	}
	return text
}

// lines returns what was noted, but for lines of advertisements.
func (b *bench) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(b.log), func(line string) bool { return line == "device" || line == "adapter" })
}

// forget forgets what was noted.
func (b *bench) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = nil
}

// await waits until a line was noted n times.
func (b *bench) await(line string, n int) {
	b.t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		b.mu.Lock()
		count, changed := 0, b.changed
		for _, l := range b.log {
			if l == line || strings.HasPrefix(line, "...") && strings.Contains(l, line[3:]) {
				count++
			}
		}
		b.mu.Unlock()
		if count >= n {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			b.t.Fatalf("%q did not come %d times:\n%s", line, n, strings.Join(b.lines(), "\n"))
		}
	}
}

// connect connects and waits until the services are resolved.
func (b *bench) connect() {
	b.t.Helper()
	b.forget()
	if err := b.proxy.Connect(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.await("...ServicesResolved=true", 1)
}

// disconnect disconnects and waits for that.
func (b *bench) disconnect() {
	b.t.Helper()
	if err := b.proxy.Disconnect(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.await("...Connected=false", 1)
}

// path returns the object of a characteristic or descriptor.
func (b *bench) path(uuid string) dbus.ObjectPath {
	b.t.Helper()
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	for _, s := range b.device.attributes.services {
		for _, c := range s.characteristics {
			path := servicePath(b.proxy.Path(), s.handle) + dbus.ObjectPath(fmt.Sprintf("/char%04x", c.handle))
			if c.uuid == longUUID(uuid) {
				return path
			}
			for _, d := range c.descriptors {
				if d.uuid == longUUID(uuid) {
					return path + dbus.ObjectPath(fmt.Sprintf("/desc%04x", d.handle))
				}
			}
		}
	}
	b.t.Fatalf("the device has no %s", uuid)
	return ""
}

// characteristic returns the object of a characteristic as a client sees it, by the
// bench's own connection or another.
func (b *bench) characteristic(uuid string, conn ...*bus.Conn) bluezgen.GattCharacteristic1 {
	b.t.Helper()
	return bluezgen.NewGattCharacteristic1(append(conn, b.conn)[0], b.path(uuid))
}

func (b *bench) descriptor(uuid string) bluezgen.GattDescriptor1 {
	b.t.Helper()
	return bluezgen.NewGattDescriptor1(b.conn, b.path(uuid))
}

// errorIs reports whether an error is one of BlueZ, with that text.
func errorIs(err error, want *bus.Error) bool {
	e, ok := errors.AsType[*bus.Error](err)
	return ok && e.Name == want.Name && (want.Message == "" || e.Message == want.Message)
}

func flags(list ...bluezgen.CharacteristicFlag) []bluezgen.CharacteristicFlag { return list }

const (
	fRead     = bluezgen.CharacteristicFlagRead
	fWrite    = bluezgen.CharacteristicFlagWrite
	fCommand  = bluezgen.CharacteristicFlagWriteWithoutResponse
	fNotify   = bluezgen.CharacteristicFlagNotify
	fIndicate = bluezgen.CharacteristicFlagIndicate
)

// pattern returns n bytes that differ as far as they can.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

// gate is a function of a device that lets the test hold its answer.
type gate struct {
	begun chan struct{} // has a token for each request
	open  chan struct{}
}

func newGate() *gate { return &gate{make(chan struct{}, 100), make(chan struct{})} }

func (g *gate) pass(ctx context.Context) error {
	g.begun <- struct{}{}
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) read(ctx context.Context, _ *Peripheral) ([]byte, error) {
	return []byte("gated"), g.pass(ctx)
}

func (g *gate) write(ctx context.Context, _ *Peripheral, _ []byte) error { return g.pass(ctx) }

func TestPeripheralNamesAttributes(t *testing.T) {
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
		{UUID: "aa01", Flags: flags(fRead), Value: []byte("one"), Descriptors: []Descriptor{{UUID: "2901", Value: []byte("text")}}},
		{UUID: "aa01", Flags: flags(fRead), Value: []byte("two")},
		{UUID: "aa03", Flags: flags(fWrite, fNotify)},
	}}}})
	for _, test := range []struct{ name, want string }{
		{"aa01", "one"}, {"AA01", "one"}, {"0000aa01", "one"}, {longUUID("aa01"), "one"}, {"2901", "text"},
		{"handle:000b", "one"}, {"handle:000c", "one"}, {"handle:D", "text"}, {"handle:000e", "two"}, {"handle:0004", "\x00\x00"},
	} {
		if value, err := b.device.Value(test.name); err != nil || string(value) != test.want {
			t.Errorf("%s: %q, %v, want %q", test.name, value, err, test.want)
		}
	}
	for _, name := range []string{"aa02", "handle:0020", "handle:", "handle:10000", "battery", ""} {
		value, err := b.device.Value(name)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %q, %v, want an error that names it", name, value, err)
		}
		if err := b.device.SetValue(name, nil); err == nil {
			t.Errorf("the value of %q could be set", name)
		}
		if err := b.device.Notify(t.Context(), name, nil); err == nil {
			t.Errorf("%q could notify", name)
		}
		if _, err := b.device.Written(name); err == nil {
			t.Errorf("%q could be written to", name)
		}
		if _, err := b.device.Dropped(name); err == nil {
			t.Errorf("%q could lose notifications", name)
		}
	}
	if err := b.device.SetValue("aa01", make([]byte, 513)); err == nil {
		t.Error("513 bytes became a value")
	}
	if err := b.device.SetValue("aa01", []byte("new")); err != nil {
		t.Error(err)
	}
	if value, err := b.device.Value("aa01"); err != nil || !bytes.Equal(value, []byte("new")) {
		t.Errorf("%q, %v", value, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.device.AwaitSubscribed(ctx, "aa03"); !errors.Is(err, context.Canceled) {
		t.Errorf("await a subscription: %v", err)
	}
	if _, err := b.device.AwaitWritten(ctx, "aa03", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("await a write: %v", err)
	}
}
