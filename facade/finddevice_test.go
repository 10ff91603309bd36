//go:build linux

package facade

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

func TestDiscoverReturnsTheLastOfEachDevice(t *testing.T) {
	t.Parallel() // it has to wait
	w := startWorld(t)
	band, lamp, late := w.add(silent(number(2), "Band")), w.add(silent(number(1), "Lamp")), w.add(silent(number(3), "Late"))
	c := w.open(Options{})
	w.whenAnswered("StartDiscovery", 1, func() {
		w.packet(band, -60)
		w.packet(lamp, -60)
		w.packet(band, -1)
	})
	found, err := c.Discover(t.Context(), time.Second, ScanOptions{})
	if err != nil || len(found) != 2 || found[0].Name != "Band" || found[0].RSSI != -1 || found[1].Name != "Lamp" {
		t.Errorf("found %v, %v", found, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w.whenAnswered("StartDiscovery", 2, func() {
		w.packet(late, -60)
		w.settle(c)
		cancel()
	})
	found, err = c.Discover(ctx, time.Hour, ScanOptions{})
	if !errors.Is(err, context.Canceled) || len(found) > 1 {
		t.Errorf("found %v, %v", found, err)
	}
}

func TestFindDeviceReturnsTheFirstThatIsWanted(t *testing.T) {
	w := startWorld(t)
	busy := silent(number(5), "Busy")
	busy.Advertisement.Silent = false
	other := w.add(busy)
	w.know(other, busy.Advertisement)
	w.check(bluezgen.NewDevice1(w.program(), hci0+"/dev_C0_FF_EE_00_00_05").Connect(t.Context()))
	wanted := newStrap()
	wanted.Advertisement.ManufacturerData = map[uint16][]byte{0xffff: {1, 2}}
	w.add(wanted)
	c := w.open(Options{})
	for _, o := range []ScanOptions{
		{Address: strap}, {Name: "Strap"}, {Services: []UUID{UUID16(0x180d)}},
		{Match: func(adv Advertisement) bool { return len(adv.ManufacturerData[0xffff]) == 2 && adv.Name != "Busy" }},
	} {
		if adv, err := c.FindDevice(t.Context(), o); err != nil || adv.Name != "Strap" {
			t.Errorf("found %v, %v", adv, err)
		}
	}
	if adv, err := c.FindDevice(t.Context(), ScanOptions{Name: "Busy"}); err != nil || adv.Name != "Busy" {
		t.Errorf("found %v, %v; it is connected", adv, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if adv, err := c.FindDevice(ctx, ScanOptions{Name: "Nobody"}); !errors.Is(err, ErrNotFound) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("found %v, %v", adv, err)
	}
	late, cancel := context.WithTimeoutCause(t.Context(), 0, errors.New("no patience"))
	defer cancel()
	if adv, err := c.FindDevice(late, ScanOptions{Name: "Strap"}); !errors.Is(err, ErrNoDevice) || !strings.Contains(err.Error(), "no patience") {
		t.Errorf("found %v, %v after the deadline", adv, err)
	}
	if w.discoveries() != 0 {
		t.Error("a discovery was left behind")
	}
}

// A device that is connected has no packet in which a pattern could be found.
func TestFindDeviceThatListensTakesNoDeviceThatIsConnected(t *testing.T) {
	w, _, c := startStrap(t, nil, bluetest.Experimental(), bluetest.Beacons(1, 10*time.Millisecond))
	connect(t, c)
	passive := &Passive{Patterns: []ADPattern{{Type: ADManufacturerData, Content: []byte{0xff, 0xff}}}}
	if adv, err := c.FindDevice(t.Context(), ScanOptions{Passive: passive}); err != nil || adv.Name != "Beacon 0" {
		t.Errorf("found %v, %v", adv, err)
	}
	if adv, err := c.FindDevice(t.Context(), ScanOptions{}); err != nil || adv.Name != "Strap" {
		t.Errorf("found %v, %v; it is connected", adv, err)
	}
	if w.discoveries() != 0 {
		t.Error("a discovery was left behind")
	}
}
