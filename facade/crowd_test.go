//go:build linux

package facade

import (
	"fmt"
	"sync"
	"testing"

	"github.com/gobluez/bluez/facade/bluetest"
)

// Twenty devices are connected to at once, while a scan goes on, and each answers for itself.
func TestTwentyDevicesAtOnce(t *testing.T) {
	const n = 20
	w := startWorld(t)
	for i := range n {
		d := newStrap()
		d.Address = fmt.Sprintf("C0:FF:EE:00:04:%02X", i)
		characteristicOf(&d, measurement).Value = []byte{byte(i)}
		w.add(d)
	}
	beacon := newStrap()
	beacon.Address, beacon.Services, beacon.Advertisement = "C0:FF:EE:00:05:00", nil, bluetest.Advertisement{Beacon: true}
	w.add(beacon)
	c := w.open(Options{})
	heard := make(chan Address, 1)
	scanner, err := c.StartScanner(t.Context(), ScanOptions{}, func(adv Advertisement) {
		select {
		case heard <- adv.Address:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			client, err := c.Connect(t.Context(), Address{0xC0, 0xFF, 0xEE, 0, 4, byte(i)}, ConnectOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			defer client.Close()
			sub, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			w.check(w.Peripheral(client.Address().String()).Notify(t.Context(), "2a37", []byte{byte(i), 1}))
			if got, err := sub.Next(t.Context()); err != nil || len(got.Value) != 2 || got.Value[0] != byte(i) {
				t.Errorf("device %d notified % x, %v", i, got.Value, err)
			}
			if value, err := client.Read(t.Context(), measurement); err != nil || value[0] != byte(i) {
				t.Errorf("device %d has % x, %v", i, value, err)
			}
		})
	}
	all.Wait()
	for address := range heard {
		if address.String() == beacon.Address {
			break // the scan goes on
		}
	}
	if err := scanner.Close(); err != nil {
		t.Error(err)
	}
}
