//go:build linux

package bluetest_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
)

// watchPulse is the application: it connects to a heart-rate sensor, and says so when that counts more than 180 beats a
// minute, and when it is lost. It ends then, or with ctx.
func watchPulse(ctx context.Context, bus, address string) (alarms <-chan string) {
	said := make(chan string, 100)
	go func() {
		defer close(said)
		if err := followPulse(ctx, bus, address, said); err != nil {
			said <- "no pulse"
		}
	}()
	return said
}

func followPulse(ctx context.Context, bus, address string, alarms chan<- string) error {
	central, err := facade.Open(ctx, facade.Options{Bus: bus})
	if err != nil {
		return err
	}
	defer central.Close()
	sensor, err := facade.ParseAddress(address)
	if err != nil {
		return err
	}
	client, err := central.Connect(ctx, sensor, facade.ConnectOptions{})
	if err != nil {
		return err
	}
	defer client.Close()
	pulse, err := client.Subscribe(ctx, facade.UUID16(0x2a37), facade.SubscribeOptions{})
	if err != nil {
		return err
	}
	for beats, err := range pulse.All() {
		if err != nil {
			return err
		}
		if len(beats.Value) > 1 && beats.Value[1] > 180 {
			alarms <- "the heart races"
		}
	}
	return nil
}

// An application is tested: the sensor is played, and what the application says of it is looked at. In a test,
// bluetest.Start(t, ...) takes the place of New and Close.
func Example_alarm() {
	ctx := context.Background()
	const address = "C0:FF:EE:00:00:01"
	world, err := bluetest.New(ctx, bluetest.HeartRate(address), bluetest.Delays{Supervision: bluetest.None})
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()
	alarms := watchPulse(ctx, world.Address(), address)

	sensor := world.Peripheral(address)
	if err := sensor.AwaitSubscribed(ctx, "2a37"); err != nil {
		log.Fatal(err)
	}
	if err := sensor.Notify(ctx, "2a37", []byte{0, 190}); err != nil { // beats per minute
		log.Fatal(err)
	}
	fmt.Println(<-alarms)
	sensor.Vanish() // out of range
	fmt.Println(<-alarms)
	// Output:
	// the heart races
	// no pulse
}
