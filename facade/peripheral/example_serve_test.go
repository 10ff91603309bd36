//go:build linux

package peripheral_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/facade/peripheral"
)

// A service of our own, with a value that counts up and a command that sets it.
var (
	counterService = facade.UUID{0xc0, 0x01}
	counterValue   = facade.UUID{0xc0, 0x02}
	counterCommand = facade.UUID{0xc0, 0x03}
)

// Serve a value that may be read and followed, and a command that changes it. The other
// adapter of a simulated BlueZ uses it.
func ExampleServe() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, end := simulate(ctx)
	defer end()

	value := &peripheral.Characteristic{
		UUID:       counterValue,
		Properties: []facade.Property{facade.PropertyRead, facade.PropertyNotify},
		Value:      []byte{0},
		Descriptors: []*peripheral.Descriptor{
			{UUID: facade.UUID16(0x2901), Value: []byte("how often")}, // Characteristic User Description
		},
	}
	command := &peripheral.Characteristic{
		UUID:       counterCommand,
		Properties: []facade.Property{facade.PropertyWrite},
		Write: func(ctx context.Context, r *peripheral.Request, command []byte) error {
			if len(command) != 1 {
				return facade.ATTInvalidValueLength
			}
			fmt.Println(r.Device, "sets it to", command[0])
			return r.Server.Notify(ctx, value, command)
		},
	}
	options := peripheral.Options{Central: central, Adapter: "hci1"}
	server, err := peripheral.Serve(ctx, peripheral.Application{Services: []*peripheral.Service{
		{UUID: counterService, Characteristics: []*peripheral.Characteristic{value, command}},
	}}, options)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	advertising, err := peripheral.Advertise(ctx, peripheral.Advertisement{Services: []facade.UUID{counterService}}, options)
	if err != nil {
		log.Fatal(err)
	}
	defer advertising.Close()

	client := use(ctx, central, counterService)
	defer client.Close()
	follow, err := client.Subscribe(ctx, counterValue, facade.SubscribeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Write(ctx, counterCommand, []byte{7}); err != nil {
		log.Fatal(err)
	}
	told, err := follow.Next(ctx)
	fmt.Println("told", told.Value, err)
	// Output:
	// 00:AA:01:00:00:00 sets it to 7
	// told [7] <nil>
}

// Stream to each device that subscribes for as long as it does.
func ExampleCharacteristic_subscribed() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, end := simulate(ctx)
	defer end()

	ended := make(chan bool)
	stream := &peripheral.Characteristic{
		UUID:       counterValue,
		Properties: []facade.Property{facade.PropertyNotify},
		Subscribed: func(ctx context.Context, s *peripheral.Subscriber) {
			for n := byte(1); s.Notify(ctx, []byte{n}) == nil; n++ {
				select {
				case <-time.After(10 * time.Millisecond):
				case <-ctx.Done():
				}
			}
			close(ended)
		},
	}
	options := peripheral.Options{Central: central, Adapter: "hci1"}
	server, err := peripheral.Serve(ctx, peripheral.Application{Services: []*peripheral.Service{
		{UUID: counterService, Characteristics: []*peripheral.Characteristic{stream}},
	}}, options)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	advertising, err := peripheral.Advertise(ctx, peripheral.Advertisement{Services: []facade.UUID{counterService}}, options)
	if err != nil {
		log.Fatal(err)
	}
	defer advertising.Close()

	client := use(ctx, central, counterService)
	follow, err := client.Subscribe(ctx, counterValue, facade.SubscribeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	for told, err := range follow.All() {
		fmt.Println(told.Value, err)
		if told.Value[0] == 3 {
			break
		}
	}
	fmt.Println(client.Close())
	<-ended
	// Output:
	// [1] <nil>
	// [2] <nil>
	// [3] <nil>
	// <nil>
}

// A gateway serves on one adapter what a sensor offers that is in reach of the other one. Its
// reads are read from the sensor, and what the sensor notifies is passed on.
func Example_mirror() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, end := simulate(ctx, bluetest.Thermometer("C0:FF:EE:00:00:01"))
	defer end()

	sensor := connect(ctx, central, "C0:FF:EE:00:00:01")
	defer sensor.Close()
	app, followed := mirror(sensor)
	options := peripheral.Options{Central: central, Adapter: "hci1"}
	server, err := peripheral.Serve(ctx, app, options)
	if err != nil {
		log.Fatal(err)
	}
	defer server.Close()
	var passing sync.WaitGroup
	defer passing.Wait()
	for from, to := range followed {
		follow, err := sensor.Subscribe(ctx, from, facade.SubscribeOptions{})
		if err != nil {
			log.Fatal(err)
		}
		defer follow.Close()
		passing.Go(func() { // until follow is closed
			for told := range follow.All() {
				_ = server.Notify(ctx, to, told.Value)
			}
		})
	}
	advertising, err := peripheral.Advertise(ctx, peripheral.Advertisement{Name: "mirror"}, options)
	if err != nil {
		log.Fatal(err)
	}
	defer advertising.Close()

	heard, err := central.FindDevice(ctx, facade.ScanOptions{Adapter: "hci0", Name: "mirror"})
	if err != nil {
		log.Fatal(err)
	}
	client, err := central.Connect(ctx, heard, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	original, err := sensor.Read(ctx, facade.UUID16(0x2A1D)) // Temperature Type
	if err != nil {
		log.Fatal(err)
	}
	mirrored, err := client.Read(ctx, facade.UUID16(0x2A1D))
	fmt.Println(string(original) == string(mirrored), err)
	follow, err := client.Subscribe(ctx, facade.UUID16(0x2A1C), facade.SubscribeOptions{}) // Temperature Measurement
	if err != nil {
		log.Fatal(err)
	}
	told, err := follow.Next(ctx)
	fmt.Println(len(told.Value) > 0, err)
	// Output:
	// true <nil>
	// true <nil>
}

// mirror declares what a device offers: its characteristics are read and written there.
// Those that notify are returned as well, with what is to be notified in their place.
func mirror(of *facade.Client) (app peripheral.Application, followed map[*facade.Characteristic]*peripheral.Characteristic) {
	followed = map[*facade.Characteristic]*peripheral.Characteristic{}
	for _, s := range of.Services() {
		if s.UUID == facade.UUID16(0x1800) || s.UUID == facade.UUID16(0x1801) {
			continue // BlueZ has its own
		}
		service := &peripheral.Service{UUID: s.UUID, Secondary: !s.Primary}
		for _, c := range s.Characteristics {
			char := &peripheral.Characteristic{UUID: c.UUID, Properties: c.Properties}
			if c.Has(facade.PropertyRead) {
				char.Read = func(ctx context.Context, _ *peripheral.Request) ([]byte, error) { return of.Read(ctx, c) }
			}
			if c.Has(facade.PropertyWrite) || c.Has(facade.PropertyWriteWithoutResponse) {
				char.Write = func(ctx context.Context, _ *peripheral.Request, value []byte) error { return of.Write(ctx, c, value) }
			}
			if c.Has(facade.PropertyNotify) || c.Has(facade.PropertyIndicate) {
				followed[c] = char
			}
			service.Characteristics = append(service.Characteristics, char)
		}
		app.Services = append(app.Services, service)
	}
	return app, followed
}

// use connects to whoever advertises a service.
func use(ctx context.Context, central *facade.Central, service facade.UUID) *facade.Client {
	heard, err := central.FindDevice(ctx, facade.ScanOptions{Adapter: "hci0", Services: []facade.UUID{service}})
	if err != nil {
		log.Fatal(err)
	}
	client, err := central.Connect(ctx, heard, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	return client
}
