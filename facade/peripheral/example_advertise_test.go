//go:build linux

package peripheral_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/facade/peripheral"
)

// Advertise a name, a service and a value. The other adapter of a simulated BlueZ hears it.
func ExampleAdvertise() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, end := simulate(ctx)
	defer end()

	advertising, err := peripheral.Advertise(ctx, peripheral.Advertisement{
		Name:             "Greenhouse",
		Services:         []facade.UUID{facade.UUID16(0x181a)}, // Environmental Sensing
		ManufacturerData: map[uint16][]byte{0xffff: {21, 50}},  // 0xffff is for tests
		Discoverable:     true,
		MinInterval:      100 * time.Millisecond,
	}, peripheral.Options{Central: central, Adapter: "hci1"})
	if err != nil {
		log.Fatal(err)
	}
	defer advertising.Close()

	heard, err := central.FindDevice(ctx, facade.ScanOptions{Adapter: "hci0", Name: "Greenhouse"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(heard.Name, heard.ServiceUUIDs[0].Short(), heard.ManufacturerData)
	// Output: Greenhouse 181a map[65535:[21 50]]
}

// Be a beacon whose value changes.
func ExampleAdvertising_Update() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, end := simulate(ctx)
	defer end()

	beacon := func(degrees byte) peripheral.Advertisement {
		return peripheral.Advertisement{Broadcast: true, ManufacturerData: map[uint16][]byte{0xffff: {degrees}}}
	}
	advertising, err := peripheral.Advertise(ctx, beacon(20), peripheral.Options{Central: central, Adapter: "hci1"})
	if err != nil {
		log.Fatal(err)
	}
	defer advertising.Close()
	for degrees := byte(21); degrees < 24; degrees++ {
		if err := advertising.Update(ctx, beacon(degrees)); err != nil {
			log.Fatal(err)
		}
	}

	heard, err := central.FindDevice(ctx, facade.ScanOptions{Adapter: "hci0", Match: func(a facade.Advertisement) bool {
		return len(a.ManufacturerData[0xffff]) == 1 && a.ManufacturerData[0xffff][0] == 23
	}})
	fmt.Println(heard.ManufacturerData, err)
	// Output: map[65535:[23]] <nil>
}

// What is too long is said before anything is sent, with what takes how much.
func ExampleAdvertise_tooLong() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, end := simulate(ctx)
	defer end()

	_, err := peripheral.Advertise(ctx, peripheral.Advertisement{
		Services:         []facade.UUID{{0x6e, 0x40}, facade.UUID16(0x180f)},
		ManufacturerData: map[uint16][]byte{0xffff: make([]byte, 8)},
	}, peripheral.Options{Central: central})
	fmt.Println(errors.Is(err, peripheral.ErrTooLong))
	fmt.Println(err)
	// Output:
	// true
	// advertise hci0: advertising data of 34 bytes is too long: there is room for 31 (services 22, manufacturer data 12)
}

// Tell the desktop the battery level of a device that has a protocol of its own for it.
func ExampleProvideBattery() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, end := simulate(ctx, bluetest.UART("C0:FF:EE:00:00:01"))
	defer end()
	client := connect(ctx, central, "C0:FF:EE:00:00:01")
	defer client.Close()

	level := peripheral.Battery{Device: client.Device(), Percentage: 80, Source: "vendor protocol"}
	battery, err := peripheral.ProvideBattery(ctx, level, peripheral.Options{Central: central})
	if err != nil {
		log.Fatal(err)
	}
	defer battery.Close()
	fmt.Println(battery.Update(75))
	// Output: <nil>
}

// simulate returns a Central on a simulated BlueZ with two adapters.
func simulate(ctx context.Context, options ...bluetest.Option) (central *facade.Central, end func()) {
	options = append(options, bluetest.AdapterConfig{}, bluetest.AdapterConfig{}, bluetest.Delays{Disconnect: bluetest.None, Advertising: 20 * time.Millisecond})
	world, err := bluetest.New(ctx, options...)
	if err != nil {
		log.Fatal(err)
	}
	central, err = facade.Open(ctx, facade.Options{Bus: world.Address()})
	if err != nil {
		log.Fatal(err)
	}
	return central, func() {
		_ = central.Close()
		_ = world.Close()
	}
}

// connect connects to a device by its address.
func connect(ctx context.Context, central *facade.Central, text string) *facade.Client {
	address, err := facade.ParseAddress(text)
	if err != nil {
		log.Fatal(err)
	}
	client, err := central.Connect(ctx, address, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return client
}
