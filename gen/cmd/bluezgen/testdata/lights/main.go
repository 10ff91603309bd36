// Command lights finds a lamp nearby and lets it blink.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"

	"example.com/lights/lamp"
)

func main() {
	total, err := blink(context.Background(), bus.SystemBusAddress())
	if errors.Is(err, bluezgen.ErrNotReady) {
		log.Fatal("switch the lamp on first")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("blinked", total, "times up to now")
}

// blink lets a lamp blink three times in warm light, and returns how often it has blinked in its life.
func blink(ctx context.Context, address string) (total uint32, err error) {
	central, err := facade.Open(ctx, facade.Options{Bus: address})
	if err != nil {
		return 0, err
	}
	defer central.Close()
	found, err := central.FindDevice(ctx, facade.ScanOptions{Services: []facade.UUID{facade.UUID16(0xFFE5)}})
	if err != nil {
		return 0, err
	}

	conn, err := bus.Dial(ctx, address, bus.Options{})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	l := lamp.NewLamp1(conn, found.Device.Path())
	if err := l.SetColor(ctx, lamp.ColorWarm); err != nil {
		return 0, err
	}
	return l.Blink(ctx, 3, lamp.BlinkOptions{Period: bus.Some[uint16](200)})
}
