package bluezgen_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/bluezgen/mesh"
	"github.com/gobluez/bluez/bluezgen/obex"
	"github.com/gobluez/bluez/gen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
	"github.com/gobluez/bluez/introspection"
)

// orders are the byte orders that a body may be in.
var orders = []wire.Order{wire.LittleEndian, wire.BigEndian}

// samples are values of all types that properties and options of BlueZ have.
var samples = map[string]any{
	"y": byte(100), "b": true, "n": int16(-61), "q": uint16(247), "u": uint32(0x240404), "i": int32(-8388608), "x": int64(-1), "t": uint64(1 << 40),
	"s": "public", "o": dbus.ObjectPath("/org/bluez/hci0"),
	"as": []string{"180d", "read"}, "ao": []dbus.ObjectPath{"/org/bluez/hci0"}, "ay": []byte{1, 2}, "aay": [][]byte{{1}, {2, 3}},
	"a{sv}":     map[string]dbus.Variant{"180d": dbus.MakeVariant([]byte{1}), "MaxAdvLen": dbus.MakeVariant(byte(31))},
	"a{qv}":     map[uint16]dbus.Variant{0x4c: dbus.MakeVariant([]byte{2, 0x15})},
	"a{yv}":     map[byte]dbus.Variant{0x19: dbus.MakeVariant([]byte{0x40, 3})},
	"a{oa{sv}}": map[dbus.ObjectPath]map[string]dbus.Variant{"/org/bluez/hci0/set_1": {"Rank": dbus.MakeVariant(byte(1))}},
	"a(yyay)": []struct {
		Start, Type byte
		Content     []byte
	}{{0, 0x16, []byte{0x0d, 0x18}}},
	"aq": []uint16{0x00a1},
	"a(qa{sv})": []struct {
		ID      uint16
		Options map[string]dbus.Variant
	}{{0x1000, map[string]dbus.Variant{"Publish": dbus.MakeVariant(true)}}},
	"a(qqa{sv})": []struct {
		Vendor, ID uint16
		Options    map[string]dbus.Variant
	}{{0x05f1, 1, nil}},
}

// sample returns a value of type t.
func sample(tb testing.TB, t *gen.Type) dbus.Variant {
	tb.Helper()
	value, ok := samples[t.String()]
	if !ok {
		tb.Fatalf("no sample of type %v", t)
	}
	return dbus.MakeVariantWithSignature(value, dbus.ParseSignatureMust(t.String()))
}

// sampleChange returns the body of a PropertiesChanged, from its second argument on, with every property of the interface:
// all have a value, and all are invalidated.
func sampleChange(tb testing.TB, iface *gen.Interface, order wire.Order) []byte {
	tb.Helper()
	e := wire.NewEncoder(order)
	values := e.Array(8)
	for _, p := range iface.Properties {
		e.Struct()
		e.String(p.Name)
		e.Variant(sample(tb, p.Type))
	}
	e.EndArray(values)
	names := e.Array(4)
	for _, p := range iface.Properties {
		e.String(p.Name)
	}
	e.EndArray(names)
	if e.Err() != nil {
		tb.Fatalf("%s: %v", iface.Name, e.Err())
	}
	return e.Body()
}

// interfaces returns what introspection says of BlueZ's interfaces.
func interfaces(tb testing.TB) (all []*gen.Interface) {
	tb.Helper()
	for _, name := range introspection.Interfaces() {
		f, err := introspection.Open(name)
		if err != nil {
			tb.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			tb.Fatal(err)
		}
		file, err := gen.Parse(name, data)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, file.Interfaces...)
	}
	return all
}

// FuzzRecords loads and applies any body into the record of every interface, in both byte orders. Nothing panics, errors
// stick, and what is accepted is what the signature allows, whatever properties it holds.
func FuzzRecords(f *testing.F) {
	for _, iface := range interfaces(f) {
		for _, order := range orders {
			f.Add(sampleChange(f, iface, order))
		}
	}
	codecs := slices.Concat(bluezgen.Codecs(), obex.Codecs(), mesh.Codecs())
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, order := range orders {
			load, loaded := skip(body, order, "a{sv}")
			apply, applied := skip(body, order, "a{sv}as")
			for _, codec := range codecs {
				record := codec.New()
				d := wire.NewDecoder(body, order, nil)
				record.Load(d)
				checkDecoded(t, codec.Interface+" Load", d, load, loaded)
				if err := d.Err(); err != nil {
					record.Load(d)
					record.Apply(d)
					if d.Err() != err || d.Remaining() != 0 {
						t.Errorf("%s after %v: %v, %d bytes left", codec.Interface, err, d.Err(), d.Remaining())
					}
				}
				d.Reset(body, order, nil)
				record.Apply(d)
				checkDecoded(t, codec.Interface+" Apply", d, apply, applied)
			}
		}
	})
}

// FuzzArguments gives any body to the methods that take options, in both byte orders. Nothing panics, and what is accepted is
// what the signature allows, whatever options it holds.
func FuzzArguments(f *testing.F) {
	for _, iface := range interfaces(f) {
		for _, m := range iface.Methods {
			for _, arg := range m.In {
				for _, dict := range arg.Dicts {
					for _, order := range orders {
						f.Add(sampleOptions(f, dict, order))
					}
				}
			}
		}
	}
	var methods []bus.ServedMethod
	for _, s := range []bus.Skeleton{
		bluezgen.NewAdapter1Skeleton(bluezgen.UnimplementedAdapter1Server{}, bluezgen.Adapter1Properties{}),
		bluezgen.NewGattCharacteristic1Skeleton(bluezgen.UnimplementedGattCharacteristic1Server{}, bluezgen.GattCharacteristic1Properties{}),
		bluezgen.NewGattDescriptor1Skeleton(bluezgen.UnimplementedGattDescriptor1Server{}, bluezgen.GattDescriptor1Properties{}),
		bluezgen.NewMediaEndpoint1Skeleton(bluezgen.UnimplementedMediaEndpoint1Server{}, bluezgen.MediaEndpoint1Properties{}),
		obex.NewPhonebookAccess1Skeleton(obex.UnimplementedPhonebookAccess1Server{}, obex.PhonebookAccess1Properties{}),
		mesh.NewElement1Skeleton(mesh.UnimplementedElement1Server{}, mesh.Element1Properties{}),
		bluezgen.NewGattManager1Skeleton(bluezgen.UnimplementedGattManager1Server{}),
		bluezgen.NewProfileManager1Skeleton(bluezgen.UnimplementedProfileManager1Server{}),
	} {
		methods = append(methods, s.Serve().Methods...)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, order := range orders {
			for _, m := range methods {
				left, malformed := skip(body, order, m.In)
				d := wire.NewDecoder(body, order, nil)
				_, err := m.Serve(t.Context(), d)
				checkDecoded(t, m.Name, d, left, malformed)
				if d.Err() != nil && err != d.Err() {
					t.Errorf("%s called with what fails with %v: %v", m.Name, d.Err(), err)
				}
			}
		}
	})
}

// sampleOptions returns the body of an a{sv} with all keys that are declared.
func sampleOptions(tb testing.TB, dict *gen.DictDecl, order wire.Order) []byte {
	tb.Helper()
	e := wire.NewEncoder(order)
	options := e.Array(8)
	for _, key := range dict.Keys {
		e.Struct()
		e.String(key.Name)
		e.Variant(sample(tb, key.Type))
	}
	e.EndArray(options)
	if e.Err() != nil {
		tb.Fatalf("%s: %v", dict.Name, e.Err())
	}
	return e.Body()
}

// skip returns how many bytes are left behind the values of a signature, and the error if body does not begin with such.
func skip(body []byte, order wire.Order, sig string) (left int, err error) {
	d := wire.NewDecoder(body, order, nil)
	d.Skip(sig)
	return d.Remaining(), d.Err()
}

// checkDecoded compares what d came to with what Skip does.
func checkDecoded(t *testing.T, what string, d *wire.Decoder, left int, err error) {
	t.Helper()
	if (d.Err() == nil) != (err == nil) || d.Remaining() != left {
		t.Errorf("%s: %v, %d bytes left; Skip: %v, %d bytes left", what, d.Err(), d.Remaining(), err, left)
	}
}
