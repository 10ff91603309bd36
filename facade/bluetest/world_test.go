package bluetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// dial connects a client to a world.
func dial(t *testing.T, w *World) *bus.Conn {
	t.Helper()
	conn, err := bus.Dial(t.Context(), w.Address(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestMistakesAreNamedAtStart(t *testing.T) {
	for _, test := range []struct {
		name   string
		option Option
		want   string
	}{
		{"device without an address", Device{Name: "nameless"}, "nameless"},
		{"address", Device{Address: "C0:FF:EE"}, "C0:FF:EE"},
		{"identity", Device{Address: "C0:FF:EE:00:00:01", Identity: "me"}, `"me"`},
		{"address type", Device{Address: "C0:FF:EE:00:00:01", AddressType: "secret"}, `"secret"`},
		{"MTU", Device{Address: "C0:FF:EE:00:00:01", Connection: Connection{MTU: 22}}, "22"},
		{"address twice", Options(Device{Address: "C0:FF:EE:00:00:01"}, Device{Address: "c0:ff:ee:00:00:01"}), "C0:FF:EE:00:00:01"},
		{"identity of another", Options(Device{Address: "C0:FF:EE:00:00:01"}, Device{Address: "C0:FF:EE:00:00:02", Identity: "C0:FF:EE:00:00:01"}), "C0:FF:EE:00:00:01"},
		{"address that is an identity", Options(Device{Address: "C0:FF:EE:00:00:02", Identity: "C0:FF:EE:00:00:01"}, Device{Address: "C0:FF:EE:00:00:01"}), "C0:FF:EE:00:00:01"},
		{"identity twice", Options(Device{Address: "C0:FF:EE:00:00:02", Identity: "C0:FF:EE:00:00:01"}, Device{Address: "C0:FF:EE:00:00:03", Identity: "C0:FF:EE:00:00:01"}), "C0:FF:EE:00:00:01"},
		{"address of the adapter", Options(AdapterConfig{Address: "00:AA:01:00:00:42"}, Device{Address: "00:AA:01:00:00:42"}), "00:AA:01:00:00:42"},
		{"version", Version("4.101"), `"4.101"`},
		{"adapter's name", AdapterConfig{Name: "usb0"}, `"usb0"`},
		{"adapter's address", AdapterConfig{Address: "00:11"}, `"00:11"`},
		{"adapter twice", Options(AdapterConfig{Name: "hci1"}, AdapterConfig{Name: "hci1"}), "hci1"},
		{"nil", nil, "nil"},
		{"nil among others", Options(Beacons(1, 0), nil), "nil"},
		{"beacons", Beacons(-1, 0), "-1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, err := New(t.Context(), test.option)
			if err == nil {
				w.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

// New gives up when ctx ends, also among very many devices, which it takes in no time.
func TestManyDevicesAreAdded(t *testing.T) {
	const n = 20000
	w := Start(t, Beacons(n, 0))
	if got := len(w.Peripherals()); got != n {
		t.Errorf("%d devices", got)
	}
	for _, p := range w.Peripherals()[n-10:] {
		if w.Peripheral(p.Address()) != p {
			t.Errorf("%s is not found", p.Address())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w, err := New(ctx, Beacons(n, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", errors.Join(err, w.Close()))
	}
}

// A device is found by what was declared also after its address has changed.
func TestPeripheralIsFoundByItsAddresses(t *testing.T) {
	d := Device{Address: "4c:ff:ee:00:00:01", Identity: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Rotate: time.Hour}}
	w := Start(t, d, Device{Address: "C0:FF:EE:00:00:02"})
	p := w.Peripherals()[0]
	w.do(p.advertiser.rotate)
	now := p.Address()
	if now == "4C:FF:EE:00:00:01" {
		t.Error("its address has not changed")
	}
	for _, address := range []string{now, d.Address, d.Identity} {
		if w.Peripheral(address) != p {
			t.Errorf("not found by %s", address)
		}
	}
	p.Remove()
	for _, address := range []string{now, d.Address, d.Identity, "nothing", "C0:FF:EE:00:00:03"} {
		if w.Peripheral(address) != nil {
			t.Errorf("found by %s", address)
		}
	}
}

func TestWorldsRunSideBySide(t *testing.T) {
	first, second := Start(t, AdapterConfig{Alias: "first"}), Start(t, AdapterConfig{Alias: "second"})
	for w, want := range map[*World]string{first: "first", second: "second"} {
		if alias, err := bluezgen.NewAdapter1(dial(t, w), "/org/bluez/hci0").Alias(t.Context()); err != nil || alias != want {
			t.Errorf("alias %q, %v, want %q", alias, err, want)
		}
	}
	if first.Address() == second.Address() {
		t.Errorf("both are at %s", first.Address())
	}
}

func TestClosedWorldIsGone(t *testing.T) {
	w, err := New(t.Context(), HeartRate("C0:FF:EE:00:00:01"))
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, w)
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	<-conn.Done()
	if conn, err := bus.Dial(t.Context(), w.Address(), bus.Options{}); err == nil {
		conn.Close()
		t.Error("a closed world answers")
	}
}

func TestAdaptersComeAndGo(t *testing.T) {
	w := Start(t, NoAdapter())
	conn := dial(t, w)
	alias := func() error {
		_, err := bluezgen.NewAdapter1(conn, "/org/bluez/hci0").Alias(t.Context())
		return err
	}
	if err := alias(); !errors.Is(err, bus.ErrUnknownObject) {
		t.Errorf("without an adapter: %v", err)
	}
	a, err := w.AddAdapter(AdapterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if a.Name() != "hci0" || w.Adapter("hci0") != a || len(w.Adapters()) != 1 {
		t.Errorf("added %s", a.Name())
	}
	if err := alias(); err != nil {
		t.Error(err)
	}
	a.Unplug()
	if err := alias(); !errors.Is(err, bus.ErrUnknownObject) || w.Adapter("hci0") != nil {
		t.Errorf("after it was unplugged: %v", err)
	}
}

// Names sort by number: hci10 comes after hci2.
func TestAdaptersAreInOrder(t *testing.T) {
	w := Start(t, AdapterConfig{Name: "hci10"}, AdapterConfig{Name: "hci2"}, AdapterConfig{})
	var names []string
	for _, a := range w.Adapters() {
		names = append(names, a.Name())
	}
	if got := strings.Join(names, " "); got != "hci0 hci2 hci10" {
		t.Errorf("adapters %s", got)
	}
}

func TestPlayedVersionShowsInProperties(t *testing.T) {
	for version, want := range map[Version]bluezgen.Adapter1Set{
		Version555: {},
		Version566: bluezgen.Adapter1SetOf(bluezgen.Adapter1PowerState),
		"5.71":     bluezgen.Adapter1SetOf(bluezgen.Adapter1PowerState, bluezgen.Adapter1Manufacturer, bluezgen.Adapter1Version),
		Version579: bluezgen.Adapter1SetOf(bluezgen.Adapter1PowerState, bluezgen.Adapter1Manufacturer, bluezgen.Adapter1Version, bluezgen.Adapter1Connectable),
		Version587: bluezgen.Adapter1SetOf(bluezgen.Adapter1PowerState, bluezgen.Adapter1Manufacturer, bluezgen.Adapter1Version, bluezgen.Adapter1Connectable),
	} {
		t.Run(string(version), func(t *testing.T) {
			props, err := bluezgen.NewAdapter1(dial(t, Start(t, version)), "/org/bluez/hci0").GetAll(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range []bluezgen.Adapter1Property{
				bluezgen.Adapter1PowerState, bluezgen.Adapter1Manufacturer, bluezgen.Adapter1Version, bluezgen.Adapter1Connectable,
			} {
				if props.Has(p) != want.Has(p) {
					t.Errorf("%s is there: %t", p, props.Has(p))
				}
			}
		})
	}
}
