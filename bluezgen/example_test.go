package bluezgen_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
)

// dial connects to the system bus, on which bluetoothd is.
func dial(ctx context.Context) *bus.Conn {
	conn, err := bus.Dial(ctx, bus.SystemBusAddress(), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	return conn
}

func ExampleDevice1() {
	ctx := context.Background()
	conn := dial(ctx)
	defer conn.Close()

	device := bluezgen.NewDevice1(conn, "/org/bluez/hci0/dev_C0_FF_EE_00_00_01")
	switch err := device.Connect(ctx); {
	case errors.Is(err, bluezgen.ErrInProgress):
		fmt.Println("somebody else connects already")
	case err != nil:
		log.Fatal(err)
	}
	props, err := device.GetAll(ctx)
	if err != nil {
		log.Fatal(err)
	}
	if props.Has(bluezgen.Device1RSSI) {
		fmt.Println(props.Alias, props.RSSI, "dBm")
	}
}

func ExampleAdapter1_SetDiscoveryFilter() {
	ctx := context.Background()
	conn := dial(ctx)
	defer conn.Close()

	adapter := bluezgen.NewAdapter1(conn, "/org/bluez/hci0")
	err := adapter.SetDiscoveryFilter(ctx, bluezgen.DiscoveryFilter{
		Transport:     bluezgen.TransportLE,
		DuplicateData: bus.Some(false), // sent, unlike a field that is not set
	})
	if err != nil {
		log.Fatal(err)
	}
}

func ExampleDevice1_OnPropertiesChanged() {
	ctx := context.Background()
	conn := dial(ctx)
	defer conn.Close()

	device := bluezgen.NewDevice1(conn, "/org/bluez/hci0/dev_C0_FF_EE_00_00_01")
	gone := make(chan struct{}, 1)
	sub, err := device.OnPropertiesChanged(ctx, func(u bluezgen.Device1Update) {
		if u.Changed.Has(bluezgen.Device1Connected) && !u.Connected {
			select {
			case gone <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Close()
	<-gone
}

func ExampleNewBatteryProvider1Skeleton() {
	ctx := context.Background()
	daemon, err := bustest.Launch()
	if err != nil {
		log.Fatal(err)
	}
	defer daemon.Close()
	conn, err := bus.Dial(ctx, daemon.Address(), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	var props bluezgen.BatteryProvider1Properties
	props.Percentage = 80
	props.Add(bluezgen.BatteryProvider1Percentage)
	battery := bluezgen.NewBatteryProvider1Skeleton(props)
	if _, err := conn.Export(ctx, "/batteries/one", bus.ExportOptions{}, battery); err != nil {
		log.Fatal(err)
	}

	// What follows is the other side, as BlueZ would be.
	proxy := bluezgen.NewBatteryProvider1(conn, conn.UniqueName(), "/batteries/one")
	updates := make(chan bluezgen.BatteryProvider1Update, 1)
	sub, err := proxy.OnPropertiesChanged(ctx, func(u bluezgen.BatteryProvider1Update) { updates <- u })
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Close()

	props.Percentage = 79
	if err := battery.Update(props); err != nil {
		log.Fatal(err)
	}
	u := <-updates
	for p := range u.Changed.All() {
		fmt.Println(p, u.Percentage)
	}
	all, err := proxy.GetAll(ctx)
	fmt.Println(all.Percentage, all.Has(bluezgen.BatteryProvider1Source), err)
	// Output:
	// Percentage 79
	// 79 false <nil>
}
