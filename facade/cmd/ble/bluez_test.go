package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

// A neighbourhood is a simulated BlueZ with an adapter, hci0, and a heart-rate sensor near it.
type neighbourhood struct {
	*bluetest.World
	sensor *bluetest.Peripheral

	calls *bluetest.Calls
	seen  map[string]int // how often awaitCall has returned, by method
}

// startBlueZ starts a neighbourhood, and points the tool to its bus.
func startBlueZ(t *testing.T) *neighbourhood {
	t.Helper()
	world := bluetest.Start(t, sensor(), bluetest.AdapterConfig{Alias: "kitchen"}, bluetest.Delays{Disconnect: bluetest.None})
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", world.Address())
	return &neighbourhood{World: world, sensor: world.Peripheral(peer), calls: world.RecordCalls(), seen: map[string]int{}}
}

// noBlueZ points the tool to a bus without BlueZ, noAdapter to a BlueZ without an adapter, and adapterOff to one whose
// adapter is off.
func noBlueZ(t *testing.T)    { startBlueZ(t).StopBluetoothd() }
func noAdapter(t *testing.T)  { startBlueZ(t).Adapter("hci0").Unplug() }
func adapterOff(t *testing.T) { startBlueZ(t).Adapter("hci0").Power(false) }

// sensor declares the heart-rate sensor. It measures 60, 61 and 62 beats per minute as soon as somebody subscribes, and
// refuses ff as a value of 2a39. The Battery service is there twice, so that its characteristic's UUID is ambiguous.
func sensor() bluetest.Device {
	read := []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}
	battery := func(handle uint16) bluetest.Service {
		return bluetest.Service{UUID: "180f", Handle: handle, Characteristics: []bluetest.Characteristic{{UUID: "2a19", Flags: read, Value: []byte{100}}}}
	}
	return bluetest.Device{
		Address: peer,
		Name:    "Heart Rate",
		Advertisement: bluetest.Advertisement{
			Interval: 10 * time.Millisecond, RSSI: -61, ServiceUUIDs: []string{"180d"}, ManufacturerData: map[uint16][]byte{0x004c: {2, 0x15}},
		},
		Connection: bluetest.Connection{Latency: bluetest.None, Discovery: bluetest.None, MTU: 247},
		Services: []bluetest.Service{
			{
				UUID: "180d", Handle: 0x10,
				Characteristics: []bluetest.Characteristic{
					{UUID: "2a37", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagNotify}, Notify: measure},
					{UUID: "2a38", Handle: 0x14, Flags: read, Value: []byte("chest")},
					{
						UUID:  "2a39",
						Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWrite, bluezgen.CharacteristicFlagWriteWithoutResponse},
						Write: func(_ context.Context, _ *bluetest.Peripheral, value []byte) error {
							if bytes.Equal(value, []byte{0xff}) {
								return bluetest.ATTError(0x80)
							}
							return nil
						},
					},
				},
			},
			battery(0x20),
			battery(0x30),
		},
	}
}

func measure(_ context.Context, _ *bluetest.Peripheral, send func([]byte) error) {
	for rate := byte(60); rate < 63; rate++ {
		if send([]byte{0, rate}) != nil {
			return
		}
	}
}

// awaitCall waits until method was called once more than when awaitCall last returned.
func (n *neighbourhood) awaitCall(t *testing.T, method string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	n.seen[method]++
	if err := n.calls.Await(ctx, method, n.seen[method]); err != nil {
		t.Fatal(err)
	}
}

// long returns the UUID of an assigned number.
func long(number string) string { return "0000" + number + "-0000-1000-8000-00805f9b34fb" }
