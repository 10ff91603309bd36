//go:build linux

package facade_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
)

// play puts a simulated BlueZ in the place of the machine's, with devices around it, until end
// is called. A program that runs for real needs none of it.
func play(options ...bluetest.Option) (world *bluetest.World, end func()) {
	options = append(options, bluetest.Delays{Disconnect: bluetest.None, Supervision: bluetest.None}) // so that examples end sooner
	world, err := bluetest.New(context.Background(), options...)
	if err != nil {
		log.Fatal(err)
	}
	const variable = "DBUS_SYSTEM_BUS_ADDRESS"
	before, was := os.LookupEnv(variable)
	_ = os.Setenv(variable, world.Address())
	return world, func() {
		_ = world.Close()
		if _ = os.Unsetenv(variable); was {
			_ = os.Setenv(variable, before)
		}
	}
}

// Every heart-rate sensor nearby, as it is heard, for ten seconds at most.
func ExampleScan() {
	_, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"), bluetest.Thermometer("C0:FF:EE:00:00:02"))
	defer end()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	heartRate := facade.UUID16(0x180D)
	for adv, err := range facade.Scan(ctx, facade.ScanOptions{Services: []facade.UUID{heartRate}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(adv.Address, adv.Name, adv.RSSI, adv.ManufacturerData)
		break // one is enough: the scan has ended when the loop has
	}
	// Output: C0:FF:EE:00:00:01 Heart Rate Sensor -60 map[65535:[1 2]]
}

// A scan in the background, for programs that are made of callbacks.
func ExampleScanner() {
	_, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	heard := make(chan facade.Advertisement)
	scanner, err := facade.StartScanner(ctx, facade.ScanOptions{MinRSSI: -70}, func(adv facade.Advertisement) {
		select {
		case heard <- adv:
		case <-ctx.Done():
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-heard) // and what else the program does
	cancel()
	<-scanner.Done()
	fmt.Println(scanner.Err())
	// Output:
	// C0:FF:EE:00:00:01 Heart Rate Sensor
	// <nil>
}

// What is nearby, in one list.
func ExampleDiscover() {
	_, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	found, err := facade.Discover(context.Background(), time.Second, facade.ScanOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for _, adv := range found {
		fmt.Println(adv)
	}
	// Output: C0:FF:EE:00:00:01 Heart Rate Sensor
}

// The first device that is wanted: by address, name, service, or anything that can be said
// of its advertisement.
func ExampleFindDevice() {
	_, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	address, err := facade.ParseAddress("c0:ff:ee:00:00:01") // in any case
	if err != nil {
		log.Fatal(err)
	}
	for _, wanted := range []facade.ScanOptions{
		{Address: address},
		{Name: "Heart Rate Sensor"},
		{Services: []facade.UUID{facade.UUID16(0x180d)}},
		{Match: func(adv facade.Advertisement) bool { return len(adv.ManufacturerData[0xffff]) > 0 }},
		{Name: "heart rate sensor"}, // names are exact
	} {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		adv, err := facade.FindDevice(ctx, wanted)
		cancel()
		if errors.Is(err, facade.ErrNoDevice) {
			fmt.Println("it is not here; is it on?")
			continue
		} else if err != nil {
			log.Fatal(err)
		}
		fmt.Println(adv)
	}
	// Output:
	// C0:FF:EE:00:00:01 Heart Rate Sensor
	// C0:FF:EE:00:00:01 Heart Rate Sensor
	// C0:FF:EE:00:00:01 Heart Rate Sensor
	// C0:FF:EE:00:00:01 Heart Rate Sensor
	// it is not here; is it on?
}

// An advertisement has what the device says, and is written as JSON.
func ExampleAdvertisement() {
	sensor := bluetest.HeartRate("C0:FF:EE:00:00:01")
	sensor.Advertisement.ServiceData = map[string][]byte{"180f": {87}}
	_, end := play(sensor)
	defer end()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	adv, err := facade.FindDevice(ctx, facade.ScanOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if level := adv.ServiceData[facade.UUID16(0x180f)]; len(level) == 1 {
		fmt.Println("battery", level[0])
	}
	fmt.Println("a moment ago:", time.Since(adv.Time) < 10*time.Second)
	adv.Time = time.Time{}
	text, err := json.MarshalIndent(adv, "", "\t")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
	// Output:
	// battery 87
	// a moment ago: true
	// {
	// 	"time": "0001-01-01T00:00:00Z",
	// 	"adapter": "hci0",
	// 	"address": "C0:FF:EE:00:00:01",
	// 	"address_type": "random",
	// 	"name": "Heart Rate Sensor",
	// 	"rssi": -60,
	// 	"tx_power": null,
	// 	"service_uuids": [
	// 		"0000180d-0000-1000-8000-00805f9b34fb",
	// 		"0000180f-0000-1000-8000-00805f9b34fb"
	// 	],
	// 	"manufacturer_data": {
	// 		"0xffff": "0102"
	// 	},
	// 	"service_data": {
	// 		"0000180f-0000-1000-8000-00805f9b34fb": "57"
	// 	}
	// }
}

// A Central of its own has its own bus, log and adapter.
func ExampleCentral() {
	world, end := play(bluetest.AdapterConfig{Name: "hci0"}, bluetest.AdapterConfig{Name: "hci1"}, bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	ctx := context.Background()
	central, err := facade.Open(ctx, facade.Options{Bus: world.Address(), Logger: slog.Default(), Adapter: "hci1"})
	if err != nil {
		log.Fatal(err)
	}
	defer central.Close()
	adv, err := central.FindDevice(ctx, facade.ScanOptions{Name: "Heart Rate Sensor"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(adv, "heard by", adv.Adapter)
	fmt.Println("scans:", central.Stats().Scans)
	// Output:
	// C0:FF:EE:00:00:01 Heart Rate Sensor heard by hci1
	// scans: 0
}

// An error says what was attempted on what, and what to do. A program branches on what it
// can do something about.
func ExampleError() {
	_, end := play(bluetest.AdapterConfig{Off: true})
	defer end()

	_, err := facade.Discover(context.Background(), time.Second, facade.ScanOptions{})
	switch {
	case errors.Is(err, facade.ErrAdapterOff):
		fmt.Println("off; may I switch it on?")
	case errors.Is(err, facade.ErrUnavailable):
		fmt.Println("no Bluetooth on this machine")
	}
	fmt.Println(err)
	var what *facade.Error
	fmt.Println(errors.As(err, &what), what.Op)
	// Output:
	// off; may I switch it on?
	// scan: hci0: the Bluetooth adapter is off: switch it on (bluetoothctl power on), or unblock it (rfkill unblock bluetooth)
	// true scan
}

// The machine's adapters.
func ExampleAdapter() {
	_, end := play(bluetest.AdapterConfig{Name: "hci0"}, bluetest.AdapterConfig{Name: "hci1", Off: true})
	defer end()

	adapters, err := facade.Adapters(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range adapters {
		fmt.Println(a.Name, a.Address, a.Powered)
	}
	// Output:
	// hci0 00:AA:01:00:00:00 true
	// hci1 00:AA:01:00:00:01 false
}

func ExampleParseUUID() {
	for _, text := range []string{"180d", "0x180D", "0000180d", "0000180D-0000-1000-8000-00805F9B34FB"} {
		u, err := facade.ParseUUID(text)
		fmt.Println(u == facade.UUID16(0x180D), u.Short(), err)
	}
	_, err := facade.ParseUUID("18")
	fmt.Println(err)
	// Output:
	// true 180d <nil>
	// true 180d <nil>
	// true 180d <nil>
	// true 180d <nil>
	// parse UUID "18": want 4, 8 or 32 hexadecimal digits, the last with or without hyphens
}

func ExampleParseAddress() {
	a, err := facade.ParseAddress("c0:ff:ee:00:00:01")
	fmt.Println(a, err)
	_, err = facade.ParseAddress("hci0")
	fmt.Println(err)
	// Output:
	// C0:FF:EE:00:00:01 <nil>
	// parse address "hci0": want six pairs of hexadecimal digits like AA:BB:CC:DD:EE:FF
}
