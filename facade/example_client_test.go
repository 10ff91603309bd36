//go:build linux

package facade_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/assigned"
	"github.com/gobluez/bluez/facade/bluetest"
)

// connected plays a device of the address C0:FF:EE:00:00:01 and connects to it.
func connected(options ...bluetest.Option) (*bluetest.World, *facade.Client, func()) {
	world, end := play(options...)
	ctx, cancel := context.WithTimeout(context.Background(), facade.DefaultConnectTimeout)
	defer cancel()
	client, err := facade.Connect(ctx, facade.Address{0xc0, 0xff, 0xee, 0, 0, 1}, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return world, client, func() {
		_ = client.Close()
		end()
	}
}

// Find, connect, read once, then follow a characteristic until the link ends.
func ExampleClient() {
	_, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	ctx := context.Background()
	search, cancel := context.WithTimeout(ctx, facade.DefaultConnectTimeout)
	defer cancel()
	device, err := facade.FindDevice(search, facade.ScanOptions{Name: "Heart Rate Sensor"})
	if errors.Is(err, facade.ErrNoDevice) {
		log.Fatal("it is not here; is it worn?")
	} else if err != nil {
		log.Fatal(err)
	}
	client, err := facade.Connect(search, device, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	battery, err := client.Read(ctx, facade.UUID16(0x2A19))
	fmt.Println("battery", battery, err)

	sub, err := client.Subscribe(ctx, facade.UUID16(0x2A37), facade.SubscribeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for n, err := range sub.All() {
		if err != nil {
			log.Fatal(err) // such as: the strap is out of range
		}
		fmt.Println("heart rate", n.Value[1])
		break // the subscription has ended when the loop has
	}
	// Output:
	// battery [87] <nil>
	// heart rate 60
}

// An address is enough to connect: BlueZ knows the device, or a scan looks for it.
func ExampleConnect() {
	_, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	address, err := facade.ParseAddress("c0:ff:ee:00:00:01")
	if err != nil {
		log.Fatal(err)
	}
	client, err := facade.Connect(context.Background(), address, facade.ConnectOptions{Timeout: facade.DefaultConnectTimeout})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	mtu, err := client.MTU(context.Background())
	fmt.Println(client.Name(), client.Address(), mtu, err)
	// Output: Heart Rate Sensor C0:FF:EE:00:00:01 517 <nil>
}

// A function that is called when the connection ends, and learns why.
func ExampleClient_Disconnected() {
	world, client, end := connected(bluetest.HeartRate("C0:FF:EE:00:00:01"), bluetest.Version587)
	defer end()

	told := make(chan error)
	go func() {
		<-client.Disconnected()
		told <- client.Err()
	}()
	world.Peripheral("C0:FF:EE:00:00:01").Disconnect()
	err := <-told
	var reason *facade.DisconnectedError
	if errors.As(err, &reason) { // since BlueZ 5.83
		fmt.Println("by the device:", reason.Reason == facade.ReasonRemote)
	}
	fmt.Println(errors.Is(err, facade.ErrDisconnected))
	// Output:
	// by the device: true
	// true
}

// The tree of services of a device, with their names.
func ExampleService() {
	_, client, end := connected(bluetest.Battery("C0:FF:EE:00:00:01", 87))
	defer end()

	for _, service := range client.Services() {
		name, _ := assigned.Service(service.UUID)
		fmt.Println(service, name)
		for _, char := range service.Characteristics {
			name, _ := assigned.Characteristic(char.UUID)
			fmt.Println(" ", char, name, char.Properties)
			for _, descriptor := range char.Descriptors {
				name, _ := assigned.Descriptor(descriptor.UUID)
				fmt.Println("   ", descriptor, name)
			}
		}
	}
	// Output:
	// 1800 (0x0001) Generic Access Profile
	//   2a00 (0x0002) Device Name [read]
	//   2a01 (0x0004) Appearance [read]
	// 1801 (0x0006) Generic Attribute Profile
	//   2a05 (0x0007) Service Changed [indicate]
	//     2902 (0x0009) Client Characteristic Configuration
	// 180f (0x000a) Battery Service
	//   2a19 (0x000b) Battery Level [read notify]
	//     2902 (0x000d) Client Characteristic Configuration
}

// A characteristic is meant by its UUID; where several have the same, by its handle, or by the
// object. How to write it follows from its properties.
func ExampleCharacteristic() {
	_, client, end := connected(bluetest.Misbehaving("C0:FF:EE:00:00:01", 0, 1))
	defer end()

	ctx := context.Background()
	twin, err := facade.ParseUUID(bluetest.MisbehavingTwin)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Characteristic(twin)
	fmt.Println(errors.Is(err, facade.ErrAmbiguous), err)
	_, err = client.Characteristic(facade.UUID16(0x2a19))
	fmt.Println(errors.Is(err, facade.ErrNoAttribute), err)

	for _, service := range client.Services() {
		char, err := service.Characteristic(twin)
		if err != nil {
			continue
		}
		value, err := client.Read(ctx, char)
		fmt.Printf("%v: %s %v\n", char.Handle, value, err)
		fmt.Println(char.Has(facade.PropertyWrite), client.Write(ctx, char, []byte("written")))
		value, err = client.Read(ctx, char.Handle)
		fmt.Printf("%v: %s %v\n", char.Handle, value, err)
		break
	}
	// Output:
	// true find characteristic C0:FF:EE:00:00:01 bad00003-7e57-4000-8000-00805f9b34fb: ambiguous: handles 0x000b and 0x0015 have it
	// true find characteristic C0:FF:EE:00:00:01 2a19: attribute not found
	// 0x000b: one of two <nil>
	// true <nil>
	// 0x000b: written <nil>
}

// The descriptor that says what a characteristic is called, for people.
func ExampleDescriptor() {
	_, client, end := connected(bluetest.Device{
		Address: "C0:FF:EE:00:00:01",
		Services: []bluetest.Service{{UUID: "181a", Characteristics: []bluetest.Characteristic{{
			UUID: "2a6e", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead},
			Descriptors: []bluetest.Descriptor{{UUID: "2901", Value: []byte("outdoors")}},
		}}}},
	})
	defer end()

	temperature, err := client.Characteristic(facade.UUID16(0x2a6e))
	if err != nil {
		log.Fatal(err)
	}
	description, err := temperature.Descriptor(facade.UUID16(assigned.DescriptorCharacteristicUserDescription))
	if err != nil {
		log.Fatal(err)
	}
	text, err := client.ReadDescriptor(context.Background(), description)
	fmt.Println(string(text), err)
	// Output: outdoors <nil>
}

// Subscribe, send a command, await its answer: nothing is lost in between.
func ExampleSubscription() {
	_, client, end := connected(bluetest.UART("C0:FF:EE:00:00:01"))
	defer end()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	commands, err := facade.ParseUUID(bluetest.UARTReceive)
	if err != nil {
		log.Fatal(err)
	}
	results, err := facade.ParseUUID(bluetest.UARTTransmit)
	if err != nil {
		log.Fatal(err)
	}
	answers, err := client.Subscribe(ctx, results, facade.SubscribeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer answers.Close()
	for _, command := range []string{"start", "stop"} {
		if err := client.Write(ctx, commands, []byte(command)); err != nil {
			log.Fatal(err)
		}
		answer, err := answers.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", command, answer.Value)
	}
	// Output:
	// start: start
	// stop: stop
}

// A socket of this process alone carries high rates best, on a bus that passes it.
func ExampleNotifyMethod() {
	_, client, end := connected(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	ctx := context.Background()
	options := facade.SubscribeOptions{Method: facade.AcquireNotify, Queue: 10_000}
	sub, err := client.Subscribe(ctx, facade.UUID16(0x2A37), options)
	if errors.Is(err, errors.ErrUnsupported) { // as on another machine's bus
		options.Method = facade.StartNotify
		sub, err = client.Subscribe(ctx, facade.UUID16(0x2A37), options)
	}
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Close()
	n, err := sub.Next(ctx)
	fmt.Println(n.Value, err)
	// Output: [6 60] <nil>
}

// What a device refuses, by its code.
func ExampleATTError() {
	_, client, end := connected(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	err := client.Write(context.Background(), facade.UUID16(0x2A39), []byte{9}) // no command that it knows
	var code facade.ATTError
	if errors.As(err, &code) {
		fmt.Printf("0x%02x %v\n", uint8(code), code)
	}
	_, err = client.Read(context.Background(), facade.UUID16(0x2A37)) // which notifies
	fmt.Println(errors.Is(err, facade.ATTReadNotPermitted))
	// Output:
	// 0x80 ATT error 0x80: application error
	// true
}

// Follow a device for as long as the program runs, wherever it goes.
func ExampleStay() {
	world, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address, err := facade.ParseAddress("C0:FF:EE:00:00:01")
	if err != nil {
		log.Fatal(err)
	}
	connections := 0
	follow := func(ctx context.Context, client *facade.Client) error {
		connections++
		fmt.Println("connection", connections)
		sub, err := client.Subscribe(ctx, facade.UUID16(0x2A37), facade.SubscribeOptions{})
		if err != nil {
			return err
		}
		for n, err := range sub.All() {
			if err != nil {
				return err // the connection has ended: there will be another
			}
			fmt.Println("heart rate", n.Value[1])
			if connections == 2 {
				return nil // enough
			}
			world.Peripheral("C0:FF:EE:00:00:01").Disconnect()
		}
		return nil
	}
	fmt.Println(facade.Stay(ctx, address, facade.StayOptions{MinPause: 10 * time.Millisecond}, follow))
	// Output:
	// connection 1
	// heart rate 60
	// connection 2
	// heart rate 60
	// <nil>
}

// What a Central does and has done: what grows without end is a leak.
func ExampleStats() {
	ctx := context.Background()
	world, end := play(bluetest.HeartRate("C0:FF:EE:00:00:01"))
	defer end()
	central, err := facade.Open(ctx, facade.Options{Bus: world.Address()})
	if err != nil {
		log.Fatal(err)
	}
	defer central.Close()

	client, err := central.Connect(ctx, facade.Address{0xc0, 0xff, 0xee, 0, 0, 1}, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	now := central.Stats()
	fmt.Println(now.Clients, now.Subscriptions, now.Scans)
	_ = client.Close()
	fmt.Println(central.Stats().Clients)
	// Output:
	// 1 0 0
	// 0
}
