package bluetest

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
)

func TestNamesAreShownAsText(t *testing.T) {
	for _, test := range []struct{ told, before, since584 string }{
		{"Sensor", "Sensor", "Sensor"},
		{"Füll", "Füll", "Füll"},
		{" Sensor ", " Sensor ", "Sensor"},
		{"a\x00b", "a", "a"},
		{"ü \x00b", "", "ü"},
		{"caf\xe9 1", "caf  1", "caf"},
		{"\xff\xfe", "", ""},
		{"a\uFFFDb", "a\uFFFDb", "a\uFFFDb"},
		{"", "", ""},
	} {
		for version, want := range map[Version]string{Version555: test.before, DefaultVersion: test.before, Version584: test.since584} {
			b := &bluetoothd{world: &World{config: &config{version: version}}}
			if got := b.shownName(test.told); got != want {
				t.Errorf("%s shows %q as %q, want %q", version, test.told, got, want)
			}
		}
	}
}

// Whatever a device calls itself, it is there, and so is everything else.
func TestNamesThatAreNoText(t *testing.T) {
	for _, name := range []string{"a\x00b", "a\xff"} {
		v := connected(t, near(func(d *Device) { d.Name = name }), quick)
		p := v.world.Peripheral(sensor)
		for _, next := range []string{name, "b\x00\xff", "\x00", "\xff"} {
			v.must(p.SetValue("2a00", []byte(next)))
			v.must(v.device.Disconnect(t.Context()))
			v.must(v.device.Connect(t.Context()))
			v.underWay(func(d *deviceObject) bool { return d.Properties().ServicesResolved })
			if _, err := bluezgen.NewAdapter1(v.conn, "/org/bluez/hci0").GetAll(t.Context()); err != nil {
				t.Fatal(err)
			}
			props, err := v.device.GetAll(t.Context())
			if err != nil {
				t.Fatalf("%q read as %q: %v", name, next, err)
			}
			if want := next[:1]; want[0] >= 'a' && want != "\xff" && props.Name != want {
				t.Errorf("%q is shown as %q", next, props.Name)
			}
		}
		mirror(t, v.conn)
	}
}

func TestDevicesWithNamesThatAreNoTextAreFound(t *testing.T) {
	for name, want := range map[string]string{"a\x00b": "Name=a", "\xff\xfe": "Alias=C0-FF-EE-00-00-01"} {
		w, o, p := discovering(t, bluezgen.DiscoveryFilter{Transport: bluezgen.TransportLE})
		send(t, p, Advertisement{LocalName: name})
		if notes := o.take(); len(notes) != 1 || !strings.Contains(notes[0], want) {
			t.Errorf("%q is shown as %q", name, notes)
		}
		mirror(t, dial(t, w))
	}
}

// What cannot be put on the bus is not passed over in silence.
func TestMistakesOfTheSimulationAreLogged(t *testing.T) {
	log := make(chan string, 100)
	v := visit(t, near(nil), Logger(slog.New(slog.NewTextHandler(lineWriter(log), nil))))
	v.world.do(func() {
		d := v.world.adapters[0].object().device(v.world.peripherals[0])
		d.showName("\x00")
	})
	for line := range log {
		if strings.Contains(line, "show a change of a device") {
			return
		}
	}
}
