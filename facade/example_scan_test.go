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

// simulate opens a Central on a simulated BlueZ, in the place of a machine with
// Bluetooth and devices around it.
func simulate(ctx context.Context, options ...bluetest.Option) (*bluetest.World, *facade.Central, func()) {
	options = append(options, bluetest.Delays{Disconnect: bluetest.None, Supervision: bluetest.None}) // so that examples end sooner
	world, err := bluetest.New(ctx, options...)
	if err != nil {
		log.Fatal(err)
	}
	central, err := facade.Open(ctx, facade.Options{Bus: world.Address()})
	if err != nil {
		log.Fatal(err)
	}
	return world, central, func() {
		_ = central.Close()
		_ = world.Close()
	}
}

// Listen passively to beacons, which takes nothing from their batteries.
func ExamplePassive() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, central, end := simulate(ctx, bluetest.Experimental(), bluetest.Beacons(1, 10*time.Millisecond), bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	company := facade.ADPattern{Type: facade.ADManufacturerData, Content: []byte{0xff, 0xff}} // the company for tests
	options := facade.ScanOptions{
		Passive: &facade.Passive{Patterns: []facade.ADPattern{company}},
		Match:   func(adv facade.Advertisement) bool { return len(adv.ManufacturerData[0xffff]) == 4 },
	}
	for adv, err := range central.Scan(ctx, options) {
		if err != nil {
			log.Fatal(err) // such as: BlueZ runs without --experimental
		}
		fmt.Printf("%s %x\n", adv.Address, adv.ManufacturerData[0xffff])
		break
	}
	// Output: C2:00:00:00:00:00 00000000
}

// See devices come and go.
func ExampleScanOptions_lost() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	world, central, end := simulate(ctx, bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	here := make(map[facade.Address]bool)
	for adv, err := range central.Scan(ctx, facade.ScanOptions{LostAfter: 2 * time.Second}) {
		switch {
		case err != nil:
			log.Fatal(err)
		case adv.Lost:
			fmt.Println("gone:", adv.Name)
			return
		case !here[adv.Address]:
			here[adv.Address] = true
			fmt.Println("here:", adv.Name)
			world.Peripheral("C0:FF:EE:00:00:01").Vanish()
		}
	}
	// Output:
	// here: Heart Rate Sensor
	// gone: Heart Rate Sensor
}

// What a scan has heard so far, whenever the program wants to know.
func ExampleScanner_Devices() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, central, end := simulate(ctx, bluetest.Beacons(3, 10*time.Millisecond))
	defer end()

	heard := make(chan facade.Advertisement, 100)
	scanner, err := central.StartScanner(ctx, facade.ScanOptions{}, func(adv facade.Advertisement) {
		select {
		case heard <- adv:
		default:
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer scanner.Close()
	for len(scanner.Devices()) < 3 {
		<-heard
	}
	for _, adv := range scanner.Devices() {
		fmt.Println(adv)
	}
	// Output:
	// C2:00:00:00:00:00 Beacon 0
	// C2:00:00:00:00:01 Beacon 1
	// C2:00:00:00:00:02 Beacon 2
}
