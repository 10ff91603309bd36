package main

import (
	"context"
	"errors"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"

	"example.com/lights/lamp"
)

const (
	adapterPath = "/org/bluez/hci0"
	lampPath    = adapterPath + "/dev_C0_FF_EE_00_00_01"
)

// bluetoothd is as much of BlueZ as the program needs: an adapter, and a device that is a lamp.
type bluetoothd struct {
	bluezgen.UnimplementedAdapter1Server

	lamp  *lamp.Lamp1Skeleton
	power bool
	total uint32
}

func (b *bluetoothd) SetDiscoveryFilter(context.Context, bluezgen.DiscoveryFilter) error { return nil }
func (b *bluetoothd) StartDiscovery(context.Context) error                               { return nil }
func (b *bluetoothd) StopDiscovery(context.Context) error                                { return nil }

// Blink serves com.example.Lamp1.Blink.
func (b *bluetoothd) Blink(_ context.Context, count uint16, options lamp.BlinkOptions) (total uint32, err error) {
	if period, ok := options.Period.Get(); !ok || period != 200 {
		return 0, bluezgen.ErrInvalidArguments
	}
	if !b.power {
		return 0, bluezgen.ErrNotReady.With("no power")
	}
	for range count {
		b.total++
		if err := b.lamp.EmitBlinked(b.total); err != nil {
			return 0, err
		}
	}
	return b.total, nil
}

// SetColor takes any color.
func (b *bluetoothd) SetColor(_ context.Context, color lamp.Color) error {
	return b.lamp.Update(lamp.Lamp1Properties{Lamp1Set: lamp.Lamp1SetOf(lamp.Lamp1Color), Color: color})
}

// start puts b on a bus of its own, as org.bluez, and returns the bus' address.
func (b *bluetoothd) start(t *testing.T) string {
	t.Helper()
	address := bustest.Start(t).Address()
	conn := dial(t, address)
	b.lamp = lamp.NewLamp1Skeleton(b, lamp.Lamp1Properties{
		Lamp1Set: lamp.Lamp1SetOf(lamp.Lamp1Color, lamp.Lamp1Link),
		Color:    lamp.ColorCold,
		Link:     bluezgen.LinkTypeLE,
	})
	device := bluezgen.NewDevice1Skeleton(bluezgen.UnimplementedDevice1Server{}, bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Address, bluezgen.Device1AddressType, bluezgen.Device1Adapter,
			bluezgen.Device1Connected, bluezgen.Device1UUIDs),
		Address:     "C0:FF:EE:00:00:01",
		AddressType: bluezgen.AddressTypeRandom,
		Adapter:     adapterPath,
		Connected:   true,
		UUIDs:       []string{"0000ffe5-0000-1000-8000-00805f9b34fb"},
	})
	adapter := bluezgen.NewAdapter1Skeleton(b, bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Address, bluezgen.Adapter1Powered),
		Address:     "00:AA:01:00:00:00",
		Powered:     true,
	})
	ctx := t.Context()
	_, err := conn.ExportObjectManager(ctx, "/")
	if err == nil {
		_, err = conn.Export(ctx, adapterPath, bus.ExportOptions{}, adapter)
	}
	if err == nil {
		_, err = conn.Export(ctx, lampPath, bus.ExportOptions{}, device, b.lamp)
	}
	if err == nil {
		err = conn.RequestName(ctx, bluezgen.Service)
	}
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func dial(t *testing.T, address string) *bus.Conn {
	t.Helper()
	conn, err := bus.Dial(t.Context(), address, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func TestBlink(t *testing.T) {
	b := &bluetoothd{power: true, total: 39}
	address := b.start(t)
	observer := lamp.NewLamp1(dial(t, address), lampPath)
	blinked := make(chan uint32, 3)
	subscription, err := observer.OnBlinked(t.Context(), func(s lamp.Lamp1Blinked) { blinked <- s.Total })
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Close()

	if total, err := blink(t.Context(), address); err != nil || total != 42 {
		t.Errorf("blinked %d times: %v", total, err)
	}
	for want := uint32(40); want <= 42; want++ {
		if got := <-blinked; got != want {
			t.Errorf("signal of %d blinks, want %d", got, want)
		}
	}
	props, err := observer.GetAll(t.Context())
	if err != nil || props.Color != lamp.ColorWarm || props.Link != bluezgen.LinkTypeLE {
		t.Errorf("properties are %+v: %v", props, err)
	}
}

func TestBlinkWithoutPower(t *testing.T) {
	if _, err := blink(t.Context(), new(bluetoothd).start(t)); !errors.Is(err, bluezgen.ErrNotReady) {
		t.Errorf("got %v, want bluezgen.ErrNotReady", err)
	}
}
