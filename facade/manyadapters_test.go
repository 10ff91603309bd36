//go:build linux

package facade

import (
	"fmt"
	"testing"

	"github.com/gobluez/bluez/facade/bluetest"
)

func TestManyAdaptersAreUsedAtOnce(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{Name: "hci1"}, bluetest.AdapterConfig{Name: "hci10"})
	p := w.add(silent(strap, "Strap"))
	c := w.open(Options{})
	heard := make(map[string]<-chan string)
	for _, adapter := range []string{"hci1", "hci10"} {
		lines := make(chan string, 100)
		s, err := c.StartScanner(t.Context(), ScanOptions{Adapter: adapter}, func(adv Advertisement) {
			lines <- fmt.Sprintf("%s %s %s", adv.Adapter, adv.Name, adv.Device.Path())
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		heard[adapter] = lines
	}
	w.packet(p, -60)
	for adapter, lines := range heard { // one each, of its own
		expect(t, lines, adapter+" Strap /org/bluez/"+adapter+"/dev_C0_FF_EE_00_00_01")
	}
	w.settle(c)
	for adapter, lines := range heard {
		if len(lines) > 0 {
			t.Errorf("%s heard %q, too", adapter, <-lines)
		}
	}
	w.check(p.SetAdvertisement(newStrap().Advertisement))
	for _, adapter := range []string{"hci10", "hci1"} {
		client, err := c.Connect(t.Context(), strap, ConnectOptions{Adapter: adapter})
		if err != nil {
			t.Fatal(err)
		}
		if got := client.Device().Adapter; got != adapter {
			t.Errorf("connected with %s, want %s", got, adapter)
		}
		w.check(client.Close())
	}
}

// What BlueZ passes on of packets that say nothing new is another matter before and after
// 5.87.
func TestEveryPacketComesWhenItIsAskedFor(t *testing.T) {
	const packets = 20
	for _, test := range []struct {
		version bluetest.Version
		o       ScanOptions
		all     bool
	}{
		{bluetest.Version587, ScanOptions{EveryPacket: true}, true},
		{bluetest.Version587, ScanOptions{EveryPacket: true, MinRSSI: -127}, true},
		{"5.88", ScanOptions{EveryPacket: true}, false},
		{"5.88", ScanOptions{EveryPacket: true, MinRSSI: -127}, true},
	} {
		t.Run(fmt.Sprintf("%s %d", test.version, test.o.MinRSSI), func(t *testing.T) {
			w := startWorld(t, test.version)
			p, last := w.add(silent(strap, "Strap")), w.add(silent(number(2), "Last"))
			c := w.open(Options{})
			_, lines := collect(t, c, test.o)
			for range packets {
				w.packet(p, -60)
				w.settle(c) // or BlueZ would tell of several at once
			}
			w.packet(last, -60)
			n := 0
			for line := range lines {
				if line == "Last -60" {
					break
				}
				n++
			}
			if test.all != (n == packets) || n == 0 {
				t.Errorf("heard %d of %d packets", n, packets)
			}
		})
	}
}
