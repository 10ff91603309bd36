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
)

// heart is a device with one service of its own.
func heart() Device {
	return Device{Name: "Heart", Services: []Service{{UUID: "180d", Characteristics: []Characteristic{
		{UUID: "2a37", Flags: flags(fNotify)},
		{UUID: "2a38", Flags: flags(fRead), Value: []byte{1}},
	}}}}
}

// objects are those of heart, in the order in which they come.
var objects = []string{
	"+service0001", "+char0002", "+char0004", "+service0006", "+char0007", "+desc0009",
	"+service000a", "+char000b", "+desc000d", "+char000e",
}

func TestServicesAreResolved(t *testing.T) {
	const connected, resolved, readName = "device Connected=true", "device UUIDs ServicesResolved=true", "device Name=Heart"
	again := []string{connected, "device ServicesResolved=true"}
	for _, test := range []struct {
		name    string
		resolve Resolve
		last    string // that comes with the first connection
		first   []string
		second  []string
	}{
		{"on time", ResolveOnTime, readName, slices.Concat([]string{connected}, objects, []string{resolved, readName}), again},
		{"early", ResolveEarly, readName, slices.Concat([]string{connected, resolved}, objects, []string{readName}), again},
		{"partly", ResolvePartly, "+char000e", slices.Concat([]string{connected}, objects[:3], []string{resolved}, objects[3:]), again},
		{"quietly", ResolveQuietly, readName, slices.Concat(objects, []string{resolved, readName}), again[1:]},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := heart()
			d.Connection.Resolve = test.resolve
			d.Connection.Discovery = 30 * time.Millisecond
			b := newBench(t, d)
			b.connect()
			b.await(test.last, 1)
			b.await(readName, 1)
			got := slices.DeleteFunc(b.lines(), func(l string) bool { return test.resolve == ResolvePartly && l == readName })
			if !slices.Equal(got, test.first) {
				t.Errorf("first connection:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.first, "\n"))
			}
			b.disconnect()
			lines := b.lines()
			if last := lines[len(lines)-1]; last != "device Connected=false ServicesResolved=false" {
				t.Errorf("disconnection: %q", lines)
			}
			b.connect()
			b.settle()
			if got := b.lines(); !slices.Equal(got, test.second) {
				t.Errorf("second connection:\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

// settle waits until the device has answered all requests that wait.
func (b *bench) settle() {
	b.t.Helper()
	if _, err := b.characteristic("2a38").ReadValue(b.t.Context(), bluezgen.ReadOptions{}); err != nil {
		b.t.Error(err)
	}
	b.await("char000e Value=\x01", 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = b.log[:len(b.log)-1]
}

func TestResolvingNeverEnds(t *testing.T) {
	d := heart()
	d.Connection.Resolve = ResolveNever
	b := newBench(t, d)
	if err := b.proxy.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await("device Connected=true", 1)
	b.disconnect()
	if got := b.lines(); !slices.Equal(got, []string{"device Connected=true", "device Connected=false"}) {
		t.Errorf("%q", got)
	}
}

func TestResolvingIsAborted(t *testing.T) {
	d := heart()
	d.Connection.Resolve = ResolveAborted
	b := newBench(t, d)
	if err := b.proxy.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await("device Connected=false", 1)
	if got := b.lines(); !slices.Equal(got, []string{"device Connected=true", "device Connected=false"}) {
		t.Errorf("%q", got)
	}
}

// After a restart bluetoothd shows a device that it has stored, but its services only
// when it is connected to.
func TestServicesComeAgainAfterRestart(t *testing.T) {
	b := newBench(t, heart())
	b.connect()
	b.world.CrashBluetoothd()
	b.await("-char000b", 1)
	for _, line := range b.lines() {
		if strings.Contains(line, "Acquired") || strings.Contains(line, "Connected=false") {
			t.Errorf("a crash was announced: %s", line)
		}
	}
	if err := b.world.StartBluetoothd(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await("+device", 1)
	if slices.Contains(b.lines()[slices.Index(b.lines(), "+device"):], "+char000b") {
		t.Errorf("services without a link:\n%s", strings.Join(b.lines(), "\n"))
	}
	b.connect()
	if got := b.lines(); !slices.Equal(got[:len(objects)+2], slices.Concat([]string{"device Connected=true"}, objects, []string{"device ServicesResolved=true"})) {
		t.Errorf("connection after the restart:\n%s", strings.Join(got, "\n"))
	}
}

func TestPropertiesByVersion(t *testing.T) {
	c, s, d := bluezgen.GattCharacteristic1SetOf, bluezgen.GattService1SetOf, bluezgen.GattDescriptor1SetOf
	characteristic := c(bluezgen.GattCharacteristic1UUID, bluezgen.GattCharacteristic1Service, bluezgen.GattCharacteristic1Value, bluezgen.GattCharacteristic1Flags)
	with := func(set bluezgen.GattCharacteristic1Set, more ...bluezgen.GattCharacteristic1Property) bluezgen.GattCharacteristic1Set {
		set.Add(more...)
		return set
	}
	service := s(bluezgen.GattService1UUID, bluezgen.GattService1Device, bluezgen.GattService1Primary, bluezgen.GattService1Includes)
	descriptor := d(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic, bluezgen.GattDescriptor1Value)
	for _, test := range []struct {
		version     Version
		handle, mtu bool
	}{{"5.55", false, false}, {"5.66", false, true}, {"5.69", true, true}, {"5.82", true, true}} {
		t.Run(string(test.version), func(t *testing.T) {
			b := newBench(t, Device{Connection: Connection{MTU: 100}, Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
				{UUID: "aa01", Flags: flags(fRead)},
				{UUID: "aa02", Flags: flags(fNotify, fCommand), Descriptors: []Descriptor{{UUID: "aad1"}}},
				{UUID: "aa03", Flags: flags(fIndicate)},
			}}}}, test.version)
			b.connect()
			check := func(link bool) {
				t.Helper()
				want := characteristic
				if test.handle {
					want.Add(bluezgen.GattCharacteristic1Handle)
				}
				if test.mtu && link {
					want.Add(bluezgen.GattCharacteristic1MTU)
				}
				for uuid, want := range map[string]bluezgen.GattCharacteristic1Set{
					"aa01": want,
					"aa02": with(want, bluezgen.GattCharacteristic1Notifying, bluezgen.GattCharacteristic1WriteAcquired, bluezgen.GattCharacteristic1NotifyAcquired),
					"aa03": with(want, bluezgen.GattCharacteristic1Notifying),
				} {
					got, err := b.characteristic(uuid).GetAll(t.Context())
					if err != nil || got.GattCharacteristic1Set != want || got.Has(bluezgen.GattCharacteristic1MTU) && got.MTU != 100 {
						t.Errorf("%s with a link %t: %+v, %v, want %v", uuid, link, got, err, want)
					}
				}
				mtu, err := b.characteristic("aa01").MTU(t.Context())
				if link && test.mtu && (err != nil || mtu != 100) || !(link && test.mtu) && err == nil {
					t.Errorf("MTU with a link %t: %d, %v", link, mtu, err)
				}
			}
			check(true)
			if got := b.device.MTU(); got != 100 {
				t.Errorf("the device's MTU is %d", got)
			}
			wantService, wantDescriptor := service, descriptor
			if test.handle {
				wantService.Add(bluezgen.GattService1Handle)
				wantDescriptor.Add(bluezgen.GattDescriptor1Handle)
			}
			path := b.path("aa01")
			if got, err := bluezgen.NewGattService1(b.conn, path[:strings.LastIndexByte(string(path), '/')]).GetAll(t.Context()); err != nil || got.GattService1Set != wantService {
				t.Errorf("service: %+v, %v", got, err)
			}
			if got, err := b.descriptor("aad1").GetAll(t.Context()); err != nil || got.GattDescriptor1Set != wantDescriptor {
				t.Errorf("descriptor: %+v, %v", got, err)
			}
			b.disconnect()
			check(false)
			if got := b.device.MTU(); got != 23 {
				t.Errorf("the device's MTU without a link is %d", got)
			}
		})
	}
}

// Until 5.79 BlueZ hides the services that it uses, since 5.80 they are for reading only.
func TestUsedServices(t *testing.T) {
	used := func(uuid string) Service {
		return Service{UUID: uuid, Characteristics: []Characteristic{{
			UUID: "bb" + uuid[2:4], Flags: flags(fRead, fWrite, fCommand, fNotify),
			Descriptors: []Descriptor{{UUID: "cc" + uuid[2:4], Flags: []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagWrite}}},
		}}}
	}
	for _, test := range []struct {
		version  Version
		hidden   []string
		readOnly []string
	}{
		{"5.55", []string{"00", "12", "13"}, nil},
		{"5.66", []string{"00", "12", "13"}, nil},
		{"5.79", []string{"00", "12", "13"}, nil},
		{"5.80", nil, []string{"00", "12", "13", "0a", "0f"}},
		{"5.82", nil, []string{"00", "12", "13", "0a", "0f"}},
		{"5.87", nil, []string{"00", "12", "13", "0a", "0f"}},
	} {
		t.Run(string(test.version), func(t *testing.T) {
			b := newBench(t, Device{Services: []Service{
				used("1800"), used("1801"), used("180a"), used("180f"), used("1812"), used("1813"), used("180d"),
			}}, test.version)
			b.connect()
			ctx := t.Context()
			for _, last := range []string{"00", "01", "0a", "0f", "12", "13", "0d"} {
				c, d := b.characteristic("bb"+last), b.descriptor("cc"+last)
				_, err := c.ReadValue(ctx, bluezgen.ReadOptions{})
				if hidden := err != nil; hidden != slices.Contains(test.hidden, last) {
					t.Errorf("read %s: %v", last, err)
				}
				if err != nil {
					continue
				}
				_, _, acquire := c.AcquireWrite(ctx, bluezgen.AcquireOptions{})
				for what, err := range map[string]error{
					"write descriptor": d.WriteValue(ctx, nil, bluezgen.DescriptorWriteOptions{}),
					"acquire":          acquire,
				} {
					if refused := errorIs(err, bluezgen.ErrNotAuthorized.With("Operation Not Authorized")); refused != slices.Contains(test.readOnly, last) {
						t.Errorf("%s %s: %v", what, last, err)
					}
				}
				if err := c.WriteValue(ctx, nil, bluezgen.WriteOptions{}); err == nil {
					t.Errorf("write %s: it worked", last) // it is read-only, or acquired
				}
				if err := c.StartNotify(ctx); err != nil {
					t.Errorf("notify %s: %v", last, err)
				}
			}
			if uuids, err := b.proxy.UUIDs(ctx); err != nil || !slices.Contains(uuids, uuidGAPService) || !slices.IsSorted(uuids) || len(uuids) != 7 {
				t.Errorf("UUIDs: %q, %v", uuids, err)
			}
		})
	}
}

func TestIncludes(t *testing.T) {
	b := newBench(t, Device{Services: []Service{
		{UUID: "aa00", Handle: 0x20, Secondary: true, Characteristics: []Characteristic{{UUID: "aa01"}}},
		{UUID: "bb00", Includes: []uint16{0x20}, Characteristics: []Characteristic{{UUID: "bb01"}}},
	}})
	b.connect()
	path := b.proxy.Path()
	for _, test := range []struct {
		service dbus.ObjectPath
		primary bool
		want    []dbus.ObjectPath
	}{
		{path + "/service0020", false, []dbus.ObjectPath{}},
		{path + "/service0023", true, []dbus.ObjectPath{path + "/service0020"}},
	} {
		p, err := bluezgen.NewGattService1(b.conn, test.service).GetAll(t.Context())
		if err != nil || p.Primary != test.primary || !slices.Equal(p.Includes, test.want) || p.Device != path {
			t.Errorf("%s: %+v, %v", test.service, p, err)
		}
	}
	if uuids, err := b.proxy.UUIDs(t.Context()); err != nil || slices.Contains(uuids, longUUID("aa00")) || !slices.Contains(uuids, longUUID("bb00")) {
		t.Errorf("UUIDs: %q, %v; those of primary services are wanted", uuids, err)
	}
}

// What has changed goes and comes, what has not keeps its objects and sessions.
func TestServicesChange(t *testing.T) {
	d := heart()
	stays := d.Services[0]
	d.Services = append(d.Services, Service{UUID: "aa00", Characteristics: []Characteristic{{UUID: "aa01", Flags: flags(fRead, fNotify)}}})
	b := newBench(t, d)
	b.connect()
	b.await("device Name=Heart", 1)
	ctx, heartRate, goes := t.Context(), b.characteristic("2a37"), b.characteristic("aa01")
	for _, c := range []bluezgen.GattCharacteristic1{heartRate, goes} {
		if err := c.StartNotify(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.device.AwaitSubscribed(ctx, "2a05"); err != nil {
		t.Fatal(err)
	}
	b.forget()
	if err := b.device.SetServices([]Service{stays, {UUID: "bb00", Characteristics: []Characteristic{{UUID: "bb01", Flags: flags(fRead)}}}}); err != nil {
		t.Fatal(err)
	}
	b.await("device UUIDs", 1)
	want := []string{"-desc0013", "-char0011", "-service0010", "+service0010", "+char0011", "device UUIDs"}
	if got := b.lines(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := b.characteristic("bb01").ReadValue(ctx, bluezgen.ReadOptions{}); err != nil {
		t.Error(err)
	}
	if err := b.device.Notify(ctx, "2a37", []byte("beat")); err != nil {
		t.Error(err)
	}
	b.await("char000b Value=beat", 1)

	// Without a link it shows at the next one.
	b.disconnect()
	if err := b.device.SetServices(nil); err != nil {
		t.Fatal(err)
	}
	b.connect()
	if got := b.lines(); !slices.Contains(got, "-service000a") || !slices.Contains(got, "-service0010") || slices.Contains(got, "-service0006") {
		t.Errorf("connection after the services have gone:\n%s", strings.Join(got, "\n"))
	}
	if err := b.device.SetServices([]Service{{UUID: "nonsense"}}); err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("services with a mistake: %v", err)
	}
}

// A service that is declared as before is as it was; its functions are the new ones, and so
// is a value that is declared otherwise.
func TestServicesKeepWhatHasBecomeOfThem(t *testing.T) {
	declared := func(value string, read func(context.Context, *Peripheral) ([]byte, error)) []Service {
		return []Service{{UUID: "aa00", Characteristics: []Characteristic{
			{UUID: "aa01", Flags: flags(fRead, fWrite, fNotify), Value: []byte("first"), Descriptors: []Descriptor{{UUID: "2901", Value: []byte("text")}}},
			{UUID: "aa02", Flags: flags(fRead), Value: []byte(value), Read: read},
		}}}
	}
	b := newBench(t, Device{Services: declared("old", nil)})
	b.connect()
	ctx, c := t.Context(), b.characteristic("aa01")
	set := func(name, value string) {
		if err := b.device.SetValue(name, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.WriteValue(ctx, []byte("written"), bluezgen.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	b.world.do(func() { b.device.attributes.find(longUUID("aa01")).value.dropped = 3 })
	resume, err := b.device.StallReader("aa01")
	if err != nil {
		t.Fatal(err)
	}
	set("2901", "set")
	set("aa02", "set too")
	set("2a00", "Renamed")
	more := Service{UUID: "bb00", Characteristics: []Characteristic{{UUID: "bb01", Flags: flags(fRead)}}}
	answer := func(context.Context, *Peripheral) ([]byte, error) { return []byte("answer"), nil }
	if err := b.device.SetServices(append(declared("new", answer), more)); err != nil {
		t.Fatal(err)
	}
	resume()
	for name, want := range map[string]string{"aa01": "written", "2901": "set", "aa02": "new", "2a00": "Renamed"} {
		if got, err := b.device.Value(name); err != nil || string(got) != want {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
	if written, err := b.device.Written("aa01"); err != nil || len(written) != 1 || string(written[0]) != "written" {
		t.Errorf("written %q, %v", written, err)
	}
	if dropped, err := b.device.Dropped("aa01"); err != nil || dropped != 3 {
		t.Errorf("%d dropped, %v", dropped, err)
	}
	b.world.do(func() {
		if n := b.device.attributes.find(longUUID("aa01")).value.stalled; n != 0 {
			t.Errorf("stalled %d times", n)
		}
	})
	if value, err := b.characteristic("aa02").ReadValue(ctx, bluezgen.ReadOptions{}); err != nil || string(value) != "answer" {
		t.Errorf("read %q, %v", value, err)
	}
}

func TestNameAndAppearanceAreRead(t *testing.T) {
	d := heart()
	d.Name, d.Appearance = "From GAP", 0x0341
	d.Advertisement.LocalName = "Advertised"
	b := newBench(t, d)
	b.connect()
	b.await("device Name=From GAP", 1)
	b.await("device Appearance", 1)
	p, err := b.proxy.GetAll(t.Context())
	if err != nil || p.Name != "From GAP" || p.Alias != "From GAP" || p.Appearance != 0x0341 {
		t.Errorf("%+v, %v", fmt.Sprint(p), err)
	}
}
