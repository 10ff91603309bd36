//go:build linux

package bluetest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
)

// The application reads a heart-rate sensor. In a test, bluetest.Start(t, ...) takes the place of New and Close.
func Example() {
	ctx := context.Background()
	world, err := bluetest.New(ctx, bluetest.HeartRate("C0:FF:EE:00:00:01"))
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()

	central, err := facade.Open(ctx, facade.Options{Bus: world.Address()})
	if err != nil {
		log.Fatal(err)
	}
	defer central.Close()
	sensor, err := central.FindDevice(ctx, facade.ScanOptions{Services: []facade.UUID{facade.UUID16(0x180d)}})
	if err != nil {
		log.Fatal(err)
	}
	client, err := central.Connect(ctx, sensor, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	location, err := client.Read(ctx, facade.UUID16(0x2a38))
	fmt.Println(sensor.Name, location, err)
	// Output: Heart Rate Sensor [1] <nil>
}

// A device of one's own: a switch that refuses what is neither on nor off.
func ExampleDevice() {
	const address, state = "C0:FF:EE:00:00:05", "5317c401-7e57-4000-8000-00805f9b34fb"
	device := bluetest.Device{
		Address: address,
		Name:    "Switch",
		Services: []bluetest.Service{{
			UUID: "5317c400-7e57-4000-8000-00805f9b34fb",
			Characteristics: []bluetest.Characteristic{{
				UUID:  state,
				Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWrite},
				Value: []byte{0},
				Write: func(_ context.Context, _ *bluetest.Peripheral, value []byte) error {
					if len(value) != 1 || value[0] > 1 {
						return bluetest.ATTError(0x13) // value not allowed
					}
					return nil
				},
			}},
		}},
	}

	ctx := context.Background()
	world, client, end := connect(ctx, address, device)
	defer end()
	uuid, err := facade.ParseUUID(state)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Write(ctx, uuid, []byte{1}))
	err = client.Write(ctx, uuid, []byte{7})
	fmt.Println(errors.Is(err, facade.ATTError(0x13)))
	fmt.Println(world.Peripheral(address).Value(state))
	// Output:
	// <nil>
	// true
	// [1] <nil>
}

// A device that drops the link in the middle of things.
func ExamplePeripheral_Disconnect() {
	const address = "C0:FF:EE:00:00:01"
	ctx := context.Background()
	world, client, end := connect(ctx, address, bluetest.HeartRate(address))
	defer end()
	world.Peripheral(address).Disconnect()
	<-client.Disconnected()
	fmt.Println(errors.Is(client.Err(), facade.ErrDisconnected))
	// Output: true
}

// BlueZ refuses the first read because it is busy, and the application tries again.
func ExampleWorld_RefuseCalls() {
	const address = "C0:FF:EE:00:00:01"
	ctx := context.Background()
	world, client, end := connect(ctx, address, bluetest.HeartRate(address))
	defer end()
	calls := world.RecordCalls()
	defer world.RefuseCalls("ReadValue", 1, bluezgen.ErrInProgress.With("In Progress"))()
	value, err := client.Read(ctx, facade.UUID16(0x2a38))
	fmt.Println(value, err, "after", calls.Count("ReadValue"), "reads")
	// Output: [1] <nil> after 2 reads
}

// A device that was inspected with "ble inspect --json --values" lives on in tests.
func ExampleReadDevice() {
	device, err := bluetest.ReadDevice(strings.NewReader(`{
		"address": "C0:FF:EE:00:00:09", "name": "Thermostat",
		"services": [{"uuid": "181a", "characteristics": [{"uuid": "2a6e", "properties": ["read"], "value": "c409"}]}]
	}`))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	_, client, end := connect(ctx, device.Address, device)
	defer end()
	fmt.Println(client.Read(ctx, facade.UUID16(0x2a6e)))
	// Output: [196 9] <nil>
}

// connect starts a world and connects to a device in it. What it returns last ends both.
func connect(ctx context.Context, address string, o ...bluetest.Option) (*bluetest.World, *facade.Client, func()) {
	// Without the two seconds of grace that BlueZ gives a link, examples end sooner.
	world, err := bluetest.New(ctx, append(o, bluetest.Delays{Disconnect: bluetest.None})...)
	if err != nil {
		log.Fatal(err)
	}
	central, err := facade.Open(ctx, facade.Options{Bus: world.Address()})
	if err != nil {
		log.Fatal(err)
	}
	parsed, err := facade.ParseAddress(address)
	if err != nil {
		log.Fatal(err)
	}
	client, err := central.Connect(ctx, parsed, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return world, client, func() {
		client.Close()
		central.Close()
		world.Close()
	}
}
