//go:build linux

// Command peripheral is a Bluetooth LE peripheral for tests, built on the generated server skeletons. It advertises and serves
// what package world describes, until it is told to end.
//
//	peripheral -adapter /org/bluez/hci2 [-agent]
//
// It prints "registered" when BlueZ has accepted everything.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/gen/bus"
)

func main() {
	adapter := flag.String("adapter", string(world.Own().Path()), "object path of the adapter to serve on")
	agent := flag.Bool("agent", false, "also be the default agent, which permits everything")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, dbus.ObjectPath(*adapter), *agent); err != nil {
		fmt.Fprintln(os.Stderr, "peripheral:", err)
		os.Exit(1)
	}
}

// root is the path of the application's ObjectManager.
const root dbus.ObjectPath = "/io/github/gobluez/peripheral"

func run(ctx context.Context, adapter dbus.ObjectPath, agent bool) error {
	conn, err := bus.Dial(ctx, bus.SystemBusAddress(), bus.Options{})
	if err != nil {
		return err
	}
	defer conn.Close()

	app := &application{conn: conn}
	defer app.close()
	if err := app.export(ctx); err != nil {
		return err
	}
	if err := register(ctx, conn, adapter, agent); err != nil {
		return err
	}
	fmt.Println("registered")

	select {
	case <-ctx.Done():
		return nil
	case <-conn.Done():
		return conn.Err()
	}
}

func register(ctx context.Context, conn *bus.Conn, adapter dbus.ObjectPath, agent bool) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if agent {
		if err := registerAgent(ctx, conn); err != nil {
			return fmt.Errorf("register agent: %w", err)
		}
	}
	if err := bluezgen.NewGattManager1(conn, adapter).RegisterApplication(ctx, root, nil); err != nil {
		return fmt.Errorf("register application: %w", err)
	}
	const advertisement = root + "/advertisement"
	if err := exportAdvertisement(ctx, conn, advertisement); err != nil {
		return err
	}
	if err := bluezgen.NewLEAdvertisingManager1(conn, adapter).RegisterAdvertisement(ctx, advertisement, nil); err != nil {
		return fmt.Errorf("register advertisement: %w", err)
	}
	return nil
}

// advertiser has nothing to do when BlueZ releases the advertisement.
type advertiser struct {
	bluezgen.UnimplementedLEAdvertisement1Server
}

func (advertiser) Release(context.Context) error { return nil }

func exportAdvertisement(ctx context.Context, conn *bus.Conn, path dbus.ObjectPath) error {
	_, err := conn.Export(ctx, path, bus.ExportOptions{From: bluezgen.Service}, bluezgen.NewLEAdvertisement1Skeleton(advertiser{},
		bluezgen.LEAdvertisement1Properties{
			LEAdvertisement1Set: bluezgen.LEAdvertisement1SetOf(bluezgen.LEAdvertisement1Type, bluezgen.LEAdvertisement1ServiceUUIDs,
				bluezgen.LEAdvertisement1LocalName, bluezgen.LEAdvertisement1ManufacturerData),
			Type:             bluezgen.AdvertisementTypePeripheral,
			ServiceUUIDs:     []string{world.ServiceUUID},
			LocalName:        world.OwnName,
			ManufacturerData: map[uint16][]byte{world.OwnManufacturer: world.OwnManufacturerData()},
		}))
	return err
}

// disconnect ends the connection of a device that is connected to this peripheral.
func disconnect(ctx context.Context, conn *bus.Conn, device dbus.ObjectPath) error {
	err := bluezgen.NewDevice1(conn, device).Disconnect(ctx)
	if errors.Is(err, bluezgen.ErrNotConnected) {
		return nil
	}
	return err
}
