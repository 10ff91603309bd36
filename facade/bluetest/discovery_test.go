package bluetest

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// silent is a device that sends packets only when a test says so.
func silent(address string) Device {
	return Device{Address: address, Advertisement: Advertisement{Silent: true}}
}

func TestScanFindsAdvertisingDevices(t *testing.T) {
	w := Start(t, HeartRate("C0:FF:EE:00:00:0A"), Beacons(3, 20*time.Millisecond))
	o := observe(t, w)
	o.start(bluezgen.DiscoveryFilter{})
	found := map[string]bool{}
	o.await("four devices", func(note string) bool {
		if strings.HasPrefix(note, "+") {
			found[note[:3]] = true
		}
		return len(found) == 4
	})
	name, err := bluezgen.NewDevice1(o.conn, path("C0:FF:EE:00:00:0A")).Name(t.Context())
	if err != nil || name != "Heart Rate Sensor" {
		t.Errorf("name %q, %v", name, err)
	}
}

// Releases up to 5.87 show the strength of each
// packet as long as any client filters by anything.
func TestStrengthIsShown(t *testing.T) {
	rssi := bluezgen.DiscoveryFilter{RSSI: bus.Some(int16(-127))}
	uuid := bluezgen.DiscoveryFilter{UUIDs: []string{"180d"}}
	const appears = "+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[0000180d-0000-1000-8000-00805f9b34fb] AdvertisingFlags=[6]"
	for _, test := range []struct {
		name   string
		option Option
		filter bluezgen.DiscoveryFilter
		want   []string // after packets of -60, -60, -67, -68 and -59
	}{
		{"regular", DefaultVersion, bluezgen.DiscoveryFilter{}, []string{appears, "01 RSSI=-68", "01 RSSI=-59"}},
		{"transport of an LE controller", AdapterConfig{LEOnly: true}, bluezgen.DiscoveryFilter{Transport: bluezgen.TransportLE}, []string{appears, "01 RSSI=-68", "01 RSSI=-59"}},
		{"transport", DefaultVersion, bluezgen.DiscoveryFilter{Transport: bluezgen.TransportLE}, []string{appears, "01 RSSI=-60", "01 RSSI=-67", "01 RSSI=-68", "01 RSSI=-59"}},
		{"filtered", Version587, uuid, []string{appears, "01 RSSI=-60", "01 RSSI=-67", "01 RSSI=-68", "01 RSSI=-59"}},
		{"filtered later", Version("5.88"), uuid, []string{appears, "01 RSSI=-68", "01 RSSI=-59"}},
		{"filtered by strength later", Version("5.88"), rssi, []string{appears, "01 RSSI=-60", "01 RSSI=-67", "01 RSSI=-68", "01 RSSI=-59"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Start(t, test.option, silent("C0:FF:EE:00:00:01"))
			o := observe(t, w)
			o.start(test.filter)
			o.expect("hci0 Discovering=true")
			p := w.Peripheral("C0:FF:EE:00:00:01")
			for _, rssi := range []int16{-60, -60, -67, -68, -59} {
				o.must(p.Packet(Advertisement{RSSI: rssi, ServiceUUIDs: []string{"180d"}}))
			}
			o.expect(test.want...)
		})
	}
}

func TestOneSessionPerClient(t *testing.T) {
	w := Start(t, silent("C0:FF:EE:00:00:01"))
	o, other := observe(t, w), observe(t, w)
	refused(t, "stop before start", o.adapter.StopDiscovery(t.Context()), bluezgen.ErrFailed.With("No discovery started"))
	o.start(bluezgen.DiscoveryFilter{})
	refused(t, "second start", o.adapter.StartDiscovery(t.Context()), bluezgen.ErrInProgress.With("Operation already in progress"))
	refused(t, "stop of another's", other.adapter.StopDiscovery(t.Context()), bluezgen.ErrFailed.With("No discovery started"))
	other.start(bluezgen.DiscoveryFilter{})
	o.must(o.adapter.StopDiscovery(t.Context()))
	o.expect("hci0 Discovering=true")
	o.must(other.adapter.StopDiscovery(t.Context()))
	o.expect("hci0 Discovering=false")
}

func TestDiscoveriesAreTold(t *testing.T) {
	w := Start(t)
	filtered, plain := observe(t, w), observe(t, w)
	filter := bluezgen.DiscoveryFilter{UUIDs: []string{"180d"}, Transport: bluezgen.TransportLE}
	filtered.start(filter)
	plain.start(bluezgen.DiscoveryFilter{})
	want := map[string]bluezgen.DiscoveryFilter{filtered.conn.UniqueName(): filter, plain.conn.UniqueName(): {}}
	if got := w.Adapter("hci0").Discoveries(); !reflect.DeepEqual(got, want) {
		t.Errorf("discoveries %v, want %v", got, want)
	}
	w.StopBluetoothd()
	if got := w.Adapter("hci0").Discoveries(); len(got) != 0 {
		t.Errorf("discoveries without bluetoothd: %v", got)
	}
}

func TestDiscoveryNeedsPower(t *testing.T) {
	w := Start(t, AdapterConfig{Off: true})
	o := observe(t, w)
	notReady := bluezgen.ErrNotReady.With("Resource Not Ready")
	refused(t, "filter", o.adapter.SetDiscoveryFilter(t.Context(), bluezgen.DiscoveryFilter{}), notReady)
	refused(t, "start", o.adapter.StartDiscovery(t.Context()), notReady)
	refused(t, "stop", o.adapter.StopDiscovery(t.Context()), notReady)
}

func TestPowerOffEndsDiscovery(t *testing.T) {
	w := Start(t, silent("C0:FF:EE:00:00:01"))
	o := observe(t, w)
	o.start(bluezgen.DiscoveryFilter{UUIDs: []string{"180d"}})
	w.Adapter("hci0").Power(false)
	o.expect("hci0 Discovering=true", "hci0", "hci0 Discovering=false", "hci0 Powered=false", "hci0")
	w.Adapter("hci0").Power(true)
	o.must(w.Peripheral("C0:FF:EE:00:00:01").Packet(Advertisement{}))
	o.expect("hci0", "hci0 Powered=true", "hci0")
	o.must(o.adapter.StartDiscovery(t.Context())) // neither session nor filter is left
	o.must(w.Peripheral("C0:FF:EE:00:00:01").Packet(Advertisement{}))
	o.expect("hci0 Discovering=true", "+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] AdvertisingFlags=[6]")
}

func TestDiscoveryEndsWithItsClient(t *testing.T) {
	w := Start(t)
	o, other := observe(t, w), dial(t, w)
	o.must(bluezgen.NewAdapter1(other, "/org/bluez/hci0").StartDiscovery(t.Context()))
	o.expect("hci0 Discovering=true")
	other.Close()
	o.await("end of discovery", func(note string) bool { return note == "hci0 Discovering=false" })
}

func TestStopTakesAwayWhatWasHeard(t *testing.T) {
	w := Start(t, silent("C0:FF:EE:00:00:01"), silent("C0:FF:EE:00:00:02"), silent("C0:FF:EE:00:00:03"))
	o := observe(t, w)
	o.start(bluezgen.DiscoveryFilter{})
	power := int8(4)
	o.must(w.Peripheral("C0:FF:EE:00:00:01").Packet(Advertisement{TxPower: &power}))
	o.must(w.Peripheral("C0:FF:EE:00:00:02").Packet(Advertisement{Beacon: true}))
	o.must(w.Peripheral("C0:FF:EE:00:00:03").Packet(Advertisement{}))
	o.take()
	o.must(o.adapter.StopDiscovery(t.Context()))
	o.expect("01 !RSSI !TxPower", "02 !RSSI", "03 !RSSI", "hci0 Discovering=false", "-02")
	o.must(w.Peripheral("C0:FF:EE:00:00:01").Packet(Advertisement{RSSI: -30}))
	o.expect()
	o.must(o.adapter.StartDiscovery(t.Context()))
	o.must(w.Peripheral("C0:FF:EE:00:00:01").Packet(Advertisement{TxPower: &power}))
	o.expect("hci0 Discovering=true", "01 RSSI=-60 TxPower=4")
}

func TestTemporaryDevicesVanish(t *testing.T) {
	w := Start(t, silent("C0:FF:EE:00:00:01"), Delays{TemporaryTimeout: 10 * time.Millisecond})
	o := observe(t, w)
	o.start(bluezgen.DiscoveryFilter{})
	o.must(w.Peripheral("C0:FF:EE:00:00:01").Packet(Advertisement{}))
	o.await("removal", func(note string) bool { return note == "-01" })
}

func TestRegularDiscoveryPauses(t *testing.T) {
	device := Device{Address: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Interval: time.Millisecond, Walk: 20}}
	for _, test := range []struct {
		name   string
		filter bluezgen.DiscoveryFilter
		pauses bool
	}{
		{"regular", bluezgen.DiscoveryFilter{}, true},
		{"transport alone of an LE controller", bluezgen.DiscoveryFilter{Transport: bluezgen.TransportLE}, true},
		{"filtered", bluezgen.DiscoveryFilter{DuplicateData: bus.Some(true)}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Start(t, device, AdapterConfig{LEOnly: true}, Delays{DiscoveryRound: None, DiscoveryPause: time.Hour})
			o := observe(t, w)
			o.start(test.filter)
			if !test.pauses {
				o.await("device", func(note string) bool { return strings.HasPrefix(note, "+01") })
			}
			for pausing := false; test.pauses && !pausing; {
				w.do(func() { pausing = !w.bluetoothd.objects[w.adapter("hci0")].listening() })
			}
			if on, err := o.adapter.Discovering(t.Context()); err != nil || !on {
				t.Errorf("Discovering %v, %v", on, err)
			}
		})
	}
}

func TestDiscoverableFilterMakesTheAdapterDiscoverable(t *testing.T) {
	o := observe(t, Start(t))
	o.start(bluezgen.DiscoveryFilter{Discoverable: bus.Some(true)})
	o.expect("hci0 Discoverable=true", "hci0 Discovering=true")
	o.must(o.adapter.StopDiscovery(t.Context()))
	o.expect("hci0 Discoverable=false", "hci0 Discovering=false")
}

func TestAutoConnectConnects(t *testing.T) {
	w := Start(t, Version584, Device{Address: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Interval: time.Millisecond}})
	observe(t, w).start(bluezgen.DiscoveryFilter{Pattern: "C0:FF", AutoConnect: bus.Some(true)})
	for !w.Peripheral("C0:FF:EE:00:00:01").Connected() {
		runtime.Gosched()
	}
}

// refused fails unless a call was refused with that error, text included.
func refused(t *testing.T, what string, err error, want *bus.Error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
