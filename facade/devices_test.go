//go:build linux

package facade

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

// names returns the names of devices.
func names(devices []KnownDevice) (all []string) {
	for _, d := range devices {
		all = append(all, d.Name)
	}
	return all
}

// pairingProgram is a program that can pair where nobody need be asked.
func (w *world) pairingProgram() *bus.Conn {
	w.t.Helper()
	program := w.program()
	w.check(bluezgen.NewAgentManager1(program, bluezgen.AgentManager1Path).RegisterAgent(w.t.Context(), "/agent", bluezgen.AgentCapabilityNoInputNoOutput))
	return program
}

func TestDevicesAreThoseThatAreWanted(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{Name: "hci0"}, bluetest.AdapterConfig{Name: "hci1"})
	busy := silent(number(2), "Busy", "180f")
	busy.Advertisement.Silent = false
	first, second := w.add(silent(number(1), "Idle", "180d")), w.add(busy)
	w.know(second, busy.Advertisement)
	w.know(first, bluetest.Advertisement{RSSI: -60, ServiceUUIDs: []string{"180d"}})
	c := w.open(Options{})
	other := bluezgen.NewDevice1(w.pairingProgram(), hci0+"/dev_C0_FF_EE_00_00_02")
	w.check(other.Connect(t.Context()))
	w.check(other.Pair(t.Context()))
	for _, test := range []struct {
		o    DevicesOptions
		want []string
	}{
		{DevicesOptions{}, []string{"Idle", "Busy"}},
		{DevicesOptions{Adapter: "hci0"}, []string{"Idle", "Busy"}},
		{DevicesOptions{Adapter: w.adapter().Address()}, []string{"Idle", "Busy"}},
		{DevicesOptions{Adapter: "hci1"}, nil},
		{DevicesOptions{Connected: true}, []string{"Busy"}},
		{DevicesOptions{Paired: true}, []string{"Busy"}},
		{DevicesOptions{Services: []UUID{UUID16(0x180d), UUID16(0xffff)}}, []string{"Idle"}},
		{DevicesOptions{Services: []UUID{UUID16(0x180d)}, Connected: true}, nil},
	} {
		devices, err := c.Devices(t.Context(), test.o)
		if got := names(devices); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%+v: %q, %v, want %q", test.o, got, err, test.want)
		}
	}
	devices, err := c.Devices(t.Context(), DevicesOptions{Connected: true})
	if err != nil {
		t.Fatal(err)
	}
	d := devices[0]
	if !d.Connected || !d.Paired || !d.Bonded || d.Trusted || d.Blocked || d.HasRSSI || d.RSSI != -127 || d.Adapter != "hci0" ||
		d.Address != number(2) || d.String() != "C0:FF:EE:00:00:02 Busy" || d.Path() != other.Path() {
		t.Errorf("it is told as %+v", d)
	}
}

func TestDevicesFailsWithWhatIsMissing(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	if _, err := c.Devices(t.Context(), DevicesOptions{Adapter: "hci7"}); !errors.Is(err, ErrNoAdapter) {
		t.Errorf("no such adapter: %v", err)
	}
	w.adapter().Power(false)
	if _, err := c.Devices(t.Context(), DevicesOptions{}); err != nil {
		t.Errorf("without power: %v", err)
	}
	w.StopBluetoothd()
	if _, err := c.Devices(t.Context(), DevicesOptions{}); !errors.Is(err, ErrNoBlueZ) {
		t.Errorf("without bluetoothd: %v", err)
	}
}

func TestConnectAttachesToADeviceThatIsConnected(t *testing.T) {
	w, p, c := startStrap(t, nil)
	w.connectAs(w.program())
	devices, err := c.Devices(t.Context(), DevicesOptions{Connected: true})
	if err != nil || len(devices) != 1 {
		t.Fatalf("%v, %v", devices, err)
	}
	scans, connects := w.calls.Count("StartDiscovery"), w.calls.Count("Connect")
	client, err := c.Connect(t.Context(), devices[0], ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if value, err := client.Read(t.Context(), measurement); err != nil || string(value) != "value" {
		t.Errorf("read %q, %v", value, err)
	}
	if n := w.calls.Count("StartDiscovery") + w.calls.Count("Connect") - scans - connects; n != 0 {
		t.Errorf("%d scans and connections too many", n)
	}
	w.check(client.Close())
	if !p.Connected() {
		t.Error("Close has ended the other program's connection")
	}
}

func TestKnownDeviceAsJSON(t *testing.T) {
	d := KnownDevice{
		Device: Device{Address: strap, AddressType: AddressRandom, Name: "Strap", Adapter: "hci0"}, Alias: "Mine", Paired: true, RSSI: -40, HasRSSI: true,
		ServiceUUIDs: []UUID{UUID16(0x180d)},
	}
	const known = `{"adapter":"hci0","address":"C0:FF:EE:00:00:01","address_type":"random","name":"Strap","alias":"Mine","connected":false,"paired":true,` +
		`"bonded":false,"trusted":false,"blocked":false,"rssi":-40,"service_uuids":["0000180d-0000-1000-8000-00805f9b34fb"]}`
	const unknown = `{"adapter":"","address":"00:00:00:00:00:00","address_type":"","name":"","alias":"","connected":false,"paired":false,` +
		`"bonded":false,"trusted":false,"blocked":false,"rssi":null,"service_uuids":[]}`
	for _, test := range []struct {
		d    KnownDevice
		want string
	}{{d, known}, {KnownDevice{}, unknown}} {
		if text, err := json.Marshal(test.d); err != nil || string(text) != test.want {
			t.Errorf("%v\n got %s\nwant %s", err, text, test.want)
		}
	}
}
