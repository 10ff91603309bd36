//go:build linux

package facade_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
)

// Use the sensor that another program, or the desktop, has connected: without a scan,
// and without ending its connection.
func ExampleCentral_Devices() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	world, central, end := simulate(ctx, bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()
	defer otherProgram(ctx, world, "C0:FF:EE:00:00:01")()

	heartRate := facade.UUID16(0x180d)
	devices, err := central.Devices(ctx, facade.DevicesOptions{Connected: true, Services: []facade.UUID{heartRate}})
	if err != nil {
		log.Fatal(err)
	}
	for _, device := range devices {
		fmt.Println(device)
		client, err := central.Connect(ctx, device, facade.ConnectOptions{})
		if err != nil {
			log.Fatal(err)
		}
		location, err := client.Read(ctx, facade.UUID16(0x2a38))
		fmt.Println(location, err)
		client.Close()
	}
	// Output:
	// C0:FF:EE:00:00:01 Heart Rate Sensor
	// [1] <nil>
}

// otherProgram is another program that has connected a device.
func otherProgram(ctx context.Context, world *bluetest.World, address string) (end func()) {
	other, err := facade.Open(ctx, facade.Options{Bus: world.Address()})
	if err != nil {
		log.Fatal(err)
	}
	device, err := facade.ParseAddress(address)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := other.Connect(ctx, device, facade.ConnectOptions{}); err != nil {
		log.Fatal(err)
	}
	return func() { _ = other.Close() }
}

// Tell what happens to devices, whichever program is the cause.
func ExampleCentral_WatchDevices() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	world, central, end := simulate(ctx, bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	go func() { otherProgram(ctx, world, "C0:FF:EE:00:00:01")() }()
	for event, err := range central.WatchDevices(ctx, facade.WatchOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		switch event.Kind {
		case facade.DeviceAdded, facade.DeviceConnected, facade.DeviceDisconnected:
			fmt.Println(event.Device.Name, event.Kind)
		}
		if event.Kind == facade.DeviceDisconnected {
			break
		}
	}
	// Output:
	// Heart Rate Sensor added
	// Heart Rate Sensor connected
	// Heart Rate Sensor disconnected
}

// Switch an adapter off and on, and see it happen.
func ExampleCentral_WatchAdapters() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, central, end := simulate(ctx)
	defer end()

	for event, err := range central.WatchAdapters(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Adapter, event.Kind)
		switch event.Kind {
		case facade.AdapterAdded:
			err = central.SetPowered(ctx, event.Adapter.Name, false)
		case facade.AdapterPoweredOff:
			err = central.SetPowered(ctx, event.Adapter.Name, true)
		case facade.AdapterPoweredOn:
			return
		}
		if err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// hci0 added
	// hci0 powered off
	// hci0 powered on
}

// Come back to a device whose services are known, and look at what it said last.
func ExampleConnectOptions_cached() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, central, end := simulate(ctx, bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	address, err := facade.ParseAddress("C0:FF:EE:00:00:01")
	if err != nil {
		log.Fatal(err)
	}
	options := facade.ConnectOptions{CachedServices: true, Services: []facade.UUID{facade.UUID16(0x180f)}}
	for range 2 {
		client, err := central.Connect(ctx, address, options)
		if err != nil {
			log.Fatal(err)
		}
		cached, err := client.CachedValue(ctx, facade.UUID16(0x2a19))
		fmt.Println("battery before", cached, err)
		level, err := client.Read(ctx, facade.UUID16(0x2a19))
		fmt.Println("battery now", level, err)
		client.Close()
	}
	// Output:
	// battery before [] <nil>
	// battery now [87] <nil>
	// battery before [87] <nil>
	// battery now [87] <nil>
}
