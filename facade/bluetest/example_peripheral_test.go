//go:build linux

package bluetest_test

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

// The UUIDs of a lamp.
var (
	lampService = facade.UUID32(0x1a3b0001)
	lampSwitch  = facade.UUID32(0x1a3b0002)
)

// serveLamp is the application: a lamp with a switch, which says to whom it listens, until close is called.
func serveLamp(ctx context.Context, central *facade.Central, said chan<- string) (close func(), err error) {
	server, err := peripheral.Serve(ctx, peripheral.Application{Services: []*peripheral.Service{{
		UUID: lampService,
		Characteristics: []*peripheral.Characteristic{{
			UUID:       lampSwitch,
			Properties: []facade.Property{facade.PropertyWrite},
			Write: func(_ context.Context, r *peripheral.Request, value []byte) error {
				if len(value) != 1 || value[0] > 1 {
					return facade.ATTError(0x80)
				}
				said <- fmt.Sprintf("%s switches to %d", r.Device.Address, value[0])
				return nil
			},
		}},
	}}}, peripheral.Options{Central: central})
	if err != nil {
		return nil, err
	}
	advertising, err := peripheral.Advertise(ctx, peripheral.Advertisement{Name: "Lamp", Services: []facade.UUID{lampService}}, peripheral.Options{Central: central})
	if err != nil {
		server.Close()
		return nil, err
	}
	return func() {
		advertising.Close()
		server.Close()
	}, nil
}

// A peripheral of one's own is tested: the application serves on the adapter hci1, and the test is a central on hci0. In a
// test, bluetest.Start(t, ...) takes the place of New and Close.
func Example_peripheral() {
	ctx := context.Background()
	world, err := bluetest.New(ctx, bluetest.AdapterConfig{}, bluetest.AdapterConfig{}, bluetest.Delays{
		Disconnect: bluetest.None, Advertising: 20 * time.Millisecond,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()
	open := func(adapter string) *facade.Central {
		central, err := facade.Open(ctx, facade.Options{Bus: world.Address(), Adapter: adapter})
		if err != nil {
			log.Fatal(err)
		}
		return central
	}
	application, central := open("hci1"), open("hci0")
	defer application.Close()
	defer central.Close()

	said := make(chan string, 1)
	stop, err := serveLamp(ctx, application, said)
	if err != nil {
		log.Fatal(err)
	}
	defer stop()

	lamp, err := central.FindDevice(ctx, facade.ScanOptions{Services: []facade.UUID{lampService}})
	if err != nil {
		log.Fatal(err)
	}
	client, err := central.Connect(ctx, lamp, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	fmt.Println(client.Write(ctx, lampSwitch, []byte{1}), <-said)
	refused := client.Write(ctx, lampSwitch, []byte("on"))
	fmt.Println(errors.Is(refused, facade.ATTError(0x80)))
	// Output:
	// <nil> 00:AA:01:00:00:00 switches to 1
	// true
}
