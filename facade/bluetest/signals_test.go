package bluetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// connectedProperties say that a device is connected, which in these tests is a lie.
var connectedProperties = bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected), Connected: true}

func device1(props bluezgen.Device1Properties) bus.Skeleton {
	return bluezgen.NewDevice1Skeleton(bluezgen.UnimplementedDevice1Server{}, props)
}

// wrongSignals are the ways to send signals to every client, with what is sent.
var wrongSignals = map[string]struct {
	send func(*World) error
	from string // other than bluetoothd
	want []string
}{
	"forged": {
		func(w *World) error { return w.Adapter("hci0").Forge(sensor, connectedProperties) },
		":1.4294967295", []string{propertiesChanged},
	},
	"foreign types": {
		func(w *World) error { return w.Adapter("hci0").SendForeignTypes(sensor) },
		"", []string{propertiesChanged, propertiesChanged},
	},
	"foreign signature": {
		func(w *World) error { return w.Adapter("hci0").SendForeignSignature(sensor) },
		"", []string{propertiesChanged},
	},
	"changed": {
		func(w *World) error { return w.SendPropertiesChanged("/no/such/object", device1(connectedProperties)) },
		"", []string{propertiesChanged},
	},
	"added": {
		func(w *World) error { return w.SendInterfacesAdded("/no/such/object", device1(connectedProperties)) },
		"", []string{"InterfacesAdded"},
	},
	"removed": {
		func(w *World) error { return w.SendInterfacesRemoved("/no/such/object", bluezgen.Device1Interface) },
		"", []string{"InterfacesRemoved"},
	},
}

func TestWrongSignalsReachEveryClient(t *testing.T) {
	for name, test := range wrongSignals {
		t.Run(name, func(t *testing.T) {
			w := Start(t)
			if err := test.send(w); !errors.Is(err, ErrNoClient) {
				t.Errorf("without a client: %v", err)
			}
			clients := []*tap{openTap(t, w), openTap(t, w)}
			if err := test.send(w); err != nil {
				t.Fatal(err)
			}
			from := test.from
			if from == "" {
				from = w.bluetoothdName()
			}
			var want []string
			for _, member := range test.want {
				want = append(want, from+" "+member)
			}
			for _, client := range clients {
				if err := bluezgen.NewAdapter1(client.Conn, "/org/bluez/hci0").Ping(t.Context()); err != nil {
					t.Error(err)
				}
				if got := client.signals(); !slices.Equal(got, want) {
					t.Errorf("signals %q, want %q", got, want)
				}
			}
		})
	}
}

// What a mirror believes of a signal that is not true: what bluetoothd says, not a
// stranger, nor what has a type of its own.
func TestWhatIsBelieved(t *testing.T) {
	for name, believed := range map[string]bool{"forged": false, "foreign types": false, "foreign signature": false} {
		t.Run(name, func(t *testing.T) {
			w := Start(t, Device{Address: sensor})
			discover(t, w, sensor)
			if got := believes(t, w, path(sensor), wrongSignals[name].send); got != believed {
				t.Errorf("Connected is %t", got)
			}
		})
	}
	w := Start(t)
	if !believes(t, w, "/no/such/object", wrongSignals["added"].send) {
		t.Error("a device that was added is not there")
	}
	err := w.SendInterfacesAdded("no path", device1(connectedProperties))
	if err == nil {
		t.Error("a signal about something that is no path was sent")
	}
}

// believes reports whether a client believes that a device is connected, after something
// was sent.
func believes(t *testing.T, w *World, path dbus.ObjectPath, send func(*World) error) (connected bool) {
	t.Helper()
	conn := dial(t, w)
	m, err := bus.OpenMirror(t.Context(), conn, bus.MirrorOptions{
		Service: bluezgen.Service, Root: "/", Codecs: bluezgen.Codecs(), Follow: []string{bluezgen.Device1Interface},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	if err := send(w); err != nil {
		t.Fatal(err)
	}
	if err := bluezgen.NewAdapter1(conn, "/org/bluez/hci0").Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	m.View(func(v bus.View) {
		device, _ := v.Record(path, bluezgen.Device1Interface).(*bluezgen.Device1Update)
		connected = device != nil && device.Connected
	})
	return connected
}

func TestFlood(t *testing.T) {
	const n = 300
	w, o, _ := discovering(t, bluezgen.DiscoveryFilter{})
	discover(t, w, sensor)
	o.take()
	if err := w.Adapter("hci0").Flood(t.Context(), sensor, n); err != nil {
		t.Fatal(err)
	}
	signals := 0
	for _, note := range o.take() {
		if note[:7] == "01 RSSI" {
			signals++
		}
	}
	if signals != n {
		t.Errorf("%d signals, want %d", signals, n)
	}
	a := w.Adapter("hci0")
	if err := a.Flood(t.Context(), "C0:FF:EE:00:00:99", 1); err == nil {
		t.Error("a device that BlueZ does not know floods it")
	}
	if err := a.Flood(t.Context(), "nobody", 1); err == nil {
		t.Error("a device without an address floods")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Flood(ctx, sensor, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("flood after ctx has ended: %v", err)
	}
	w.StopBluetoothd()
	if err := a.Flood(t.Context(), sensor, 1); err == nil {
		t.Error("a flood without bluetoothd")
	}
}
