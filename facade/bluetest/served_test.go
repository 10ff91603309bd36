package bluetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// central is how hci0 is called in what a program on hci1 is told.
const central = "hci1/dev_00_AA_01_00_00_00 LE mtu 517"

const fReliable = bluezgen.CharacteristicFlagReliableWrite

// newServedBench starts a world in which hci0 is connected to hci1, where a program serves
// what declare exports.
func newServedBench(t *testing.T, declare func(p *program), options ...Option) (*bench, *program) {
	t.Helper()
	b, p := newProgramBench(t, options...)
	p.service("s", "aa00")
	declare(p)
	p.register()
	p.advertise("/ad", bluezgen.LEAdvertisement1Properties{})
	b.connect()
	return b, p
}

// expect waits for calls, and complains if they are others.
func (p *program) expect(what string, want ...string) {
	p.t.Helper()
	if calls := p.await(len(want)); !slices.Equal(calls, want) {
		p.t.Errorf("%s: calls\n%s\nwant\n%s", what, strings.Join(calls, "\n"), strings.Join(want, "\n"))
	}
}

func TestApplicationIsServed(t *testing.T) {
	var c, d *played
	b, p := newServedBench(t, func(p *program) {
		c = p.characteristic("s", "c", "aa01", flags(fRead, fWrite, fNotify))
		d = p.descriptor("c", "d", "aad1", bluezgen.DescriptorFlagRead, bluezgen.DescriptorFlagWrite)
	})
	ctx := t.Context()
	c.set("value", nil)
	d.set("note", nil)
	proxy := b.characteristic("aa01")
	if value, err := proxy.ReadValue(ctx, bluezgen.ReadOptions{}); err != nil || string(value) != "value" {
		t.Errorf("read %q, %v", value, err)
	}
	if value, err := proxy.ReadValue(ctx, bluezgen.ReadOptions{Offset: bus.Some(uint16(3))}); err != nil || string(value) != "ue" {
		t.Errorf("read from 3: %q, %v", value, err)
	}
	if err := proxy.WriteValue(ctx, []byte("new"), bluezgen.WriteOptions{}); err != nil {
		t.Errorf("write: %v", err)
	}
	if value, err := b.descriptor("aad1").ReadValue(ctx, bluezgen.ReadOptions{}); err != nil || string(value) != "note" {
		t.Errorf("read descriptor: %q, %v", value, err)
	}
	if err := b.descriptor("aad1").WriteValue(ctx, []byte("noted"), bluezgen.DescriptorWriteOptions{}); err != nil {
		t.Errorf("write descriptor: %v", err)
	}
	if err := proxy.StartNotify(ctx); err != nil {
		t.Errorf("notify: %v", err)
	}
	p.expect("in order", "c read "+central, "c read "+central+" offset 3", `c write "new" `+central,
		"d read "+central, `d write "noted" `+central, "c start")
	c.notify("first")
	b.await("... Value=first", 1)
	if err := proxy.StopNotify(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
	p.expect("unsubscribed", "c stop")
	if err := proxy.StartNotify(ctx); err != nil {
		t.Errorf("notify again: %v", err)
	}
	p.expect("again", "c start")
	b.disconnect()
	p.expect("after the link", "c stop")
}

// Values are read and written by as many calls as BlueZ makes requests.
func TestLongValuesOfApplications(t *testing.T) {
	var c *played
	b, p := newServedBench(t, func(p *program) { c = p.characteristic("s", "c", "aa01", flags(fRead, fWrite)) })
	ctx, proxy := t.Context(), b.characteristic("aa01")
	c.set(string(pattern(600)), nil)
	long, err := proxy.ReadValue(ctx, bluezgen.ReadOptions{})
	if err != nil || !slices.Equal(long, pattern(512)) {
		t.Errorf("read %d bytes, %v, want 512", len(long), err)
	}
	p.expect("read", "c read "+central)
	if err := proxy.WriteValue(ctx, pattern(512), bluezgen.WriteOptions{}); err != nil {
		t.Errorf("write 512 bytes: %v", err)
	}
	if err := proxy.WriteValue(ctx, pattern(2), bluezgen.WriteOptions{Offset: bus.Some(uint16(100))}); err != nil {
		t.Errorf("write at 100: %v", err)
	}
	p.expect("write", `c write "512 bytes" `+central, fmt.Sprintf("c write %q %s offset 100", pattern(2), central))
	if err := proxy.WriteValue(ctx, pattern(513), bluezgen.WriteOptions{}); !errorIs(err, bluezgen.ErrInvalidArguments.With("Invalid Length")) {
		t.Errorf("write 513 bytes: %v", err)
	}
	if err := proxy.WriteValue(ctx, pattern(1), bluezgen.WriteOptions{Offset: bus.Some(uint16(513))}); !errorIs(err, bluezgen.ErrInvalidArguments.With("Invalid offset")) {
		t.Errorf("write at 513: %v", err)
	}
}

// An application that wants to is asked before a write is prepared, unless the central is trusted.
func TestPreparedWritesAreAuthorized(t *testing.T) {
	var c *played
	b, p := newServedBench(t, func(p *program) {
		c = p.characteristic("s", "c", "aa01", flags(fRead, fWrite, fReliable, bluezgen.CharacteristicFlagAuthorize))
	})
	ctx, proxy := t.Context(), b.characteristic("aa01")
	write := func() error { return proxy.WriteValue(ctx, []byte("x"), bluezgen.WriteOptions{}) } // reliably
	if err := write(); err != nil {
		t.Errorf("write: %v", err)
	}
	p.expect("asked", `c write "" `+central+" prepare", `c write "x" `+central)
	if err := proxy.WriteValue(ctx, []byte("x"), bluezgen.WriteOptions{Type: bluezgen.WriteTypeRequest}); err != nil {
		t.Errorf("request: %v", err)
	}
	p.expect("request", `c write "x" `+central)
	c.set("", bluezgen.ErrNotAuthorized)
	if err := write(); !errorIs(err, bluezgen.ErrNotAuthorized) {
		t.Errorf("refused: %v", err)
	}
	p.expect("refused", `c write "" `+central+" prepare")
	c.set("", nil)
	other := bluezgen.NewDevice1(p.conn, "/org/bluez/hci1/dev_00_AA_01_00_00_00")
	if err := other.SetTrusted(ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := write(); err != nil {
		t.Errorf("trusted: %v", err)
	}
	p.expect("trusted", `c write "x" `+central)
}

// Each error of an application is one code, and what a central sees of it.
func TestErrorsOfApplications(t *testing.T) {
	b, p := newProgramBench(t)
	daemon := b.world.running()
	p.conn.Close()
	for _, test := range []struct {
		err  error
		want ATTError
	}{
		{nil, 0},
		{bluezgen.ErrFailed.With("0x80"), 0x80},
		{bluezgen.ErrFailed.With("0x9F"), 0x9f},
		{bluezgen.ErrFailed.With("0x8b"), 0x8b},
		{bluezgen.ErrFailed.With("129"), 0x81},
		{bluezgen.ErrFailed.With("0201"), 0x81},
		{bluezgen.ErrFailed.With(" 129"), 0x81},
		{bluezgen.ErrFailed.With("129 "), 0x80},
		{bluezgen.ErrFailed.With("0x81: too hot"), 0x80},
		{bluezgen.ErrFailed.With("broken"), 0x80},
		{bluezgen.ErrFailed.With("0x7f"), 0x0e},
		{bluezgen.ErrFailed.With("0xa0"), 0x0e},
		{bluezgen.ErrFailed.With(""), 0x0e},
		{bluezgen.ErrNotSupported, 0x06},
		{bluezgen.ErrNotAuthorized, 0x08},
		{bluezgen.ErrInvalidValueLength, 0x0d},
		{bluezgen.ErrInvalidOffset, 0x07},
		{bluezgen.ErrInProgress, 0xfe},
		{bluezgen.ErrImproperlyConfigured, 0xfd},
		{bluezgen.ErrNotPermitted, 0x02},
		{bluezgen.ErrInvalidArguments, 0x0e},
		{bus.ErrUnknownMethod, 0x0e},
		{fmt.Errorf("call: %w", &bus.ReplyError{}), 0x06},
		{context.Canceled, 0x0e},
	} {
		if got := attAnswer(test.err, attReadNotPermitted, daemon); got != test.want {
			t.Errorf("%v: 0x%02x, want 0x%02x", test.err, byte(got), byte(test.want))
		}
	}
}

// Before 5.66 an application could not choose the code.
func TestErrorsOfApplicationsBefore566(t *testing.T) {
	var c *played
	b, _ := newServedBench(t, func(p *program) { c = p.characteristic("s", "c", "aa01", flags(fRead, fWrite)) }, Version("5.65"))
	c.set("", bluezgen.ErrFailed.With("0x81"))
	_, err := b.characteristic("aa01").ReadValue(t.Context(), bluezgen.ReadOptions{})
	if !errorIs(err, bluezgen.ErrFailed.With("Operation failed with ATT error: 0x80")) {
		t.Errorf("read: %v", err)
	}
	c.set("", bluezgen.ErrNotPermitted)
	err = b.characteristic("aa01").WriteValue(t.Context(), nil, bluezgen.WriteOptions{})
	if !errorIs(err, bluezgen.ErrNotPermitted.With("Write not permitted")) {
		t.Errorf("write: %v", err)
	}
}

// An application has five seconds to answer. Then, or if it goes meanwhile, the central gets an error, and the link stays.
func TestApplicationThatDoesNotAnswer(t *testing.T) {
	for _, test := range []struct {
		name  string
		delay time.Duration
		end   func(p *program) error
		want  string
	}{
		{"too late", 20 * time.Millisecond, nil, "Operation failed with ATT error: 0x0e"},
		{"unregistered", time.Minute, func(p *program) error { return p.manager.UnregisterApplication(t.Context(), root) }, "Operation is not supported"},
		{"left the bus", time.Minute, func(p *program) error { go p.conn.Close(); return nil }, ""}, // or the code of an unlikely error
	} {
		t.Run(test.name, func(t *testing.T) {
			hang := make(chan struct{})
			b, p := newServedBench(t, func(p *program) {
				c := p.characteristic("s", "c", "aa01", flags(fRead))
				c.hang = hang
			}, Delays{Application: test.delay})
			t.Cleanup(func() { close(hang) })
			failed := make(chan error, 1)
			proxy := b.characteristic("aa01")
			go func() {
				_, err := proxy.ReadValue(context.Background(), bluezgen.ReadOptions{})
				failed <- err
			}()
			p.await(1)
			if test.end != nil {
				if err := test.end(p); err != nil {
					t.Fatal(err)
				}
			}
			if err := <-failed; err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("read: %v, want %q", err, test.want)
			}
			if !b.device.Connected() {
				t.Error("the link is down")
			}
		})
	}
}

// A characteristic that can be written without response is never waited for.
func TestWritesWithoutResponseAreNotWaitedFor(t *testing.T) {
	var c *played
	hang := make(chan struct{})
	b, p := newServedBench(t, func(p *program) {
		c = p.characteristic("s", "c", "aa01", flags(fWrite, fCommand))
		c.hang = hang
	})
	t.Cleanup(func() { close(hang) })
	ctx, proxy := t.Context(), b.characteristic("aa01")
	for _, kind := range []bluezgen.WriteType{bluezgen.WriteTypeCommand, bluezgen.WriteTypeRequest} {
		if err := proxy.WriteValue(ctx, []byte("x"), bluezgen.WriteOptions{Type: kind}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	p.expect("the first, which does not end", `c write "x" `+central)
}

// An application is told of each subscriber, and of the end of the last; a value goes to all.
func TestSubscribersOfApplications(t *testing.T) {
	var c, i *played
	b, p := newServedBench(t, func(p *program) {
		c = p.characteristic("s", "c", "aa01", flags(fRead, fNotify))
		i = p.characteristic("s", "i", "aa02", flags(fIndicate))
	}, AdapterConfig{Address: "00:AA:01:02:00:02"})
	ctx := t.Context()
	p.advertise("/second", bluezgen.LEAdvertisement1Properties{}) // the first is busy
	other := &bench{t: t, world: b.world, device: b.device, conn: b.conn, changed: make(chan struct{}), within: "/org/bluez/hci2"}
	other.proxy = bluezgen.NewDevice1(b.conn, "/org/bluez/hci2/dev_00_AA_01_01_00_01")
	b.world.do(func() {
		if _, _, err := b.world.adapters[2].object().discovered(b.device, bluezgen.Device1Properties{}); err != nil {
			t.Error(err)
		}
	})
	other.watch()
	other.connect()
	for _, uuid := range []string{"aa01", "aa02"} {
		for _, b := range []*bench{b, other} {
			if err := b.characteristic(uuid).StartNotify(ctx); err != nil {
				t.Fatalf("%s: %v", uuid, err)
			}
		}
	}
	p.expect("subscribed", "c start", "c start", "i start", "i start")
	c.notify("to both")
	i.notify("indicated")
	for _, b := range []*bench{b, other} {
		b.await("... Value=to both", 1)
		b.await("... Value=indicated", 1)
	}
	p.expect("confirmed", "i confirm", "i confirm")
	b.disconnect()
	c.notify("to one")
	other.await("... Value=to one", 1)
	if _, err := other.characteristic("aa01").ReadValue(ctx, bluezgen.ReadOptions{}); err != nil {
		t.Error(err)
	}
	p.expect("one is left", "c read "+strings.Replace(central, "_00_00_00", "_02_00_02", 1))
	other.disconnect()
	calls := p.await(2)
	slices.Sort(calls)
	if !slices.Equal(calls, []string{"c stop", "i stop"}) {
		t.Errorf("at the end: %q", calls)
	}
}

// What an application cannot refuse: a subscription. What is refused by BlueZ: notifications that are
// none of the characteristic's.
func TestSubscriptionsOfApplications(t *testing.T) {
	var c *played
	b, p := newServedBench(t, func(p *program) { c = p.characteristic("s", "c", "aa01", flags(fNotify)) })
	c.set("", bluezgen.ErrNotPermitted)
	if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
		t.Errorf("subscribe: %v", err)
	}
	p.expect("subscribed", "c start")
	b.world.mu.Lock()
	at := b.device.attributes.find(longUUID("aa01")).configuration
	var l *link
	for _, l = range b.device.links {
	}
	b.world.mu.Unlock()
	for value, want := range map[string]ATTError{
		"\x01\x00": 0, "\x01": 0, "\x02\x00": attImproperlyConfigured, "\x03\x00": attImproperlyConfigured, "": attInvalidLength, "\x01\x00\x00": attInvalidLength,
	} {
		if got := b.device.attributes.write(l, write{handle: at.handle, value: []byte(value)}); got != want {
			t.Errorf("%x: 0x%02x, want 0x%02x", value, byte(got), byte(want))
		}
	}
	p.conn.Close()
	b.await("-service0011", 1)
}

// A value that is longer than the link lets through is cut; one that is taken away is empty.
func TestValuesThatAreNotified(t *testing.T) {
	var c *played
	b, _ := newServedBench(t, func(p *program) { c = p.characteristic("s", "c", "aa01", flags(fNotify)) })
	if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.notify(strings.Repeat("x", 600))
	b.await("... Value="+strings.Repeat("x", 512), 1)
	if err := c.Invalidate(bluezgen.GattCharacteristic1Value); err != nil {
		t.Fatal(err)
	}
	b.await("char0012 Value=", 1)
}

// Services that are taken back go from the centrals, and come again with other handles.
func TestServicesOfApplicationsComeAndGo(t *testing.T) {
	for _, test := range []struct {
		name  string
		end   func(p *program, service *bus.Export) error
		again bool
	}{
		{"unregistered", func(p *program, _ *bus.Export) error { return p.manager.UnregisterApplication(t.Context(), root) }, true},
		{"service removed", func(p *program, service *bus.Export) error { return service.Close() }, false},
		{"left the bus", func(p *program, _ *bus.Export) error { return p.conn.Close() }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, p := newProgramBench(t)
			service := p.service("s", "aa00")
			p.characteristic("s", "c", "aa01", flags(fRead))
			p.register()
			p.advertise("/ad", bluezgen.LEAdvertisement1Properties{})
			b.connect()
			b.await("+service0011", 1)
			if err := test.end(p, service); err != nil {
				t.Fatal(err)
			}
			b.await("-service0011", 1)
			if test.again {
				p.register()
				b.await("+service0014", 1)
				b.await("+char0015", 1)
			}
		})
	}
}

// BlueZ forgets applications when it ends.
func TestApplicationsEndWithBluetoothd(t *testing.T) {
	b, p := newServedBench(t, func(p *program) { p.characteristic("s", "c", "aa01", flags(fRead)) })
	if err := b.world.RestartBluetoothd(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.expect("stop", "release /ad")
	if n, err := p.adverts.ActiveInstances(t.Context()); err != nil || n != 0 {
		t.Errorf("%d advertisements, %v", n, err)
	}
	p.register()
	b.world.CrashBluetoothd()
	if err := b.world.StartBluetoothd(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.register()
	if err := p.manager.RegisterApplication(t.Context(), root, nil); !errorIs(err, bluezgen.ErrAlreadyExists.With("Already Exists")) {
		t.Errorf("twice: %v", err)
	}
}

func TestRegistrationOfApplications(t *testing.T) {
	_, p := newProgramBench(t)
	ctx := t.Context()
	const (
		nothing    = "No object received"
		invalid    = "No valid service object found"
		impossible = "Failed to create entry in database"
	)
	service := func(change func(*bluezgen.GattService1Properties)) bus.Skeleton {
		s := bluezgen.GattService1Properties{
			GattService1Set: bluezgen.GattService1SetOf(bluezgen.GattService1UUID, bluezgen.GattService1Primary), UUID: "aa00", Primary: true,
		}
		if change != nil {
			change(&s)
		}
		return bluezgen.NewGattService1Skeleton(s)
	}
	characteristic := func(change func(*bluezgen.GattCharacteristic1Properties)) bus.Skeleton {
		c := bluezgen.GattCharacteristic1Properties{
			GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1UUID,
				bluezgen.GattCharacteristic1Service, bluezgen.GattCharacteristic1Flags),
			UUID: "aa01", Service: "/bad/s", Flags: flags(fRead),
		}
		if change != nil {
			change(&c)
		}
		return bluezgen.NewGattCharacteristic1Skeleton(bluezgen.UnimplementedGattCharacteristic1Server{}, c)
	}
	descriptor := func(change func(*bluezgen.GattDescriptor1Properties)) bus.Skeleton {
		d := bluezgen.GattDescriptor1Properties{
			GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1UUID,
				bluezgen.GattDescriptor1Characteristic, bluezgen.GattDescriptor1Flags),
			UUID: "2901", Characteristic: "/bad/s/c", Flags: []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagRead},
		}
		if change != nil {
			change(&d)
		}
		return bluezgen.NewGattDescriptor1Skeleton(bluezgen.UnimplementedGattDescriptor1Server{}, d)
	}
	handle := func(h uint16) func(*bluezgen.GattCharacteristic1Properties) {
		return func(c *bluezgen.GattCharacteristic1Properties) {
			c.Add(bluezgen.GattCharacteristic1Handle)
			c.Handle = h
		}
	}
	serviceHandle := func(h uint16) func(*bluezgen.GattService1Properties) {
		return func(s *bluezgen.GattService1Properties) {
			s.Add(bluezgen.GattService1Handle)
			s.Handle = h
		}
	}
	for name, test := range map[string]struct {
		objects map[string]bus.Skeleton
		want    string // empty if it is taken
	}{
		"nothing":                   {nil, nothing},
		"no service":                {map[string]bus.Skeleton{"x": bluezgen.NewLEAdvertisement1Skeleton(bluezgen.UnimplementedLEAdvertisement1Server{}, bluezgen.LEAdvertisement1Properties{})}, invalid},
		"a service alone":           {map[string]bus.Skeleton{"s": service(nil)}, ""},
		"all":                       {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(nil), "s/c/d": descriptor(nil)}, ""},
		"two of one UUID":           {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(nil), "s/d": characteristic(nil), "t": service(nil)}, ""},
		"no UUID":                   {map[string]bus.Skeleton{"s": service(func(s *bluezgen.GattService1Properties) { s.Remove(bluezgen.GattService1UUID); s.UUID = "" })}, impossible},
		"bad UUID":                  {map[string]bus.Skeleton{"s": service(func(s *bluezgen.GattService1Properties) { s.UUID = "heart" })}, impossible},
		"GAP":                       {map[string]bus.Skeleton{"s": service(func(s *bluezgen.GattService1Properties) { s.UUID = "1800" })}, impossible},
		"GATT":                      {map[string]bus.Skeleton{"s": service(func(s *bluezgen.GattService1Properties) { s.UUID = longUUID("1801") })}, impossible},
		"no Primary":                {map[string]bus.Skeleton{"s": service(func(s *bluezgen.GattService1Properties) { s.Remove(bluezgen.GattService1Primary) })}, impossible},
		"handle taken":              {map[string]bus.Skeleton{"s": service(serviceHandle(1))}, impossible},
		"handle at the end":         {map[string]bus.Skeleton{"s": service(serviceHandle(0xffff)), "s/c": characteristic(nil)}, impossible},
		"handles":                   {map[string]bus.Skeleton{"s": service(serviceHandle(0x200)), "s/c": characteristic(handle(0x202))}, ""},
		"handle of the declaration": {map[string]bus.Skeleton{"s": service(serviceHandle(0x200)), "s/c": characteristic(handle(0x201))}, impossible},
		"handle beyond the service": {map[string]bus.Skeleton{"s": service(serviceHandle(0x200)), "s/c": characteristic(handle(0x203))}, impossible},
		"bad characteristic":        {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(func(c *bluezgen.GattCharacteristic1Properties) { c.UUID = "xx" })}, impossible},
		"unknown service":           {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(func(c *bluezgen.GattCharacteristic1Properties) { c.Service = "/other" })}, invalid},
		"no flags":                  {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(func(c *bluezgen.GattCharacteristic1Properties) { c.Flags = []bluezgen.CharacteristicFlag{} })}, invalid},
		"unknown flag":              {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(func(c *bluezgen.GattCharacteristic1Properties) { c.Flags = flags("shout") })}, invalid},
		"unknown characteristic":    {map[string]bus.Skeleton{"s": service(nil), "s/c/d": descriptor(nil)}, invalid},
		"unknown descriptor flag":   {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(nil), "s/c/d": descriptor(func(d *bluezgen.GattDescriptor1Properties) { d.Flags = []bluezgen.DescriptorFlag{"notify"} })}, invalid},
		"bad descriptor":            {map[string]bus.Skeleton{"s": service(nil), "s/c": characteristic(nil), "s/c/d": descriptor(func(d *bluezgen.GattDescriptor1Properties) { d.UUID = "" })}, impossible},
		"a profile":                 {map[string]bus.Skeleton{"p": profile("aa00")}, ""},
		"a profile of nothing":      {map[string]bus.Skeleton{"p": profile()}, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			manager, err := p.conn.ExportObjectManager(ctx, "/bad")
			if err != nil {
				t.Fatal(err)
			}
			defer manager.Close()
			for path, skeleton := range test.objects {
				defer p.export("/bad/"+dbus.ObjectPath(path), skeleton).Close()
			}
			err = p.manager.RegisterApplication(ctx, "/bad", nil)
			switch {
			case test.want != "" && !errorIs(err, bluezgen.ErrFailed.With(test.want)):
				t.Errorf("register: %v, want %q", err, test.want)
			case test.want == "" && err != nil:
				t.Errorf("register: %v", err)
			}
			err = p.manager.UnregisterApplication(ctx, "/bad")
			if gone := errorIs(err, bluezgen.ErrDoesNotExist.With("Does Not Exist")); gone != (test.want != "") || !gone && err != nil {
				t.Errorf("unregister: %v", err)
			}
		})
	}
	if err := p.manager.RegisterApplication(ctx, "/nowhere", nil); !errorIs(err, bluezgen.ErrFailed.With(nothing)) {
		t.Errorf("register without an ObjectManager: %v", err)
	}
}

func profile(uuids ...string) bus.Skeleton {
	return bluezgen.NewGattProfile1Skeleton(bluezgen.UnimplementedGattProfile1Server{}, bluezgen.GattProfile1Properties{
		GattProfile1Set: bluezgen.GattProfile1SetOf(bluezgen.GattProfile1UUIDs), UUIDs: uuids,
	})
}
