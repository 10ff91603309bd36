package facade

import (
	"errors"
	"fmt"
	"testing"

	"github.com/godbus/dbus/v5"
)

func heardFrom(path string, rssi int16) *Advertisement {
	return &Advertisement{Device: Device{path: dbus.ObjectPath(path)}, RSSI: rssi, HasRSSI: true}
}

func TestBacklogCoalescesTheUpdatesOfEachDevice(t *testing.T) {
	b := newBacklog(&ScanOptions{}, new(counters))
	for i, path := range []string{"/a", "/b", "/a", "/a", "/c"} {
		b.put(heardFrom(path, int16(-i)))
	}
	for _, want := range []struct {
		path      string
		rssi      int16
		coalesced int
	}{{"/a", -3, 2}, {"/b", -1, 0}, {"/c", -4, 0}} {
		adv, err := b.take(t.Context())
		if err != nil || string(adv.Device.path) != want.path || adv.RSSI != want.rssi || adv.Coalesced != want.coalesced {
			t.Errorf("take = %s %d coalesced %d, %v; want %+v", adv.Device.path, adv.RSSI, adv.Coalesced, err, want)
		}
	}
	if b.put(heardFrom("/a", -9)); len(b.waiting) != 1 {
		t.Errorf("%d devices are remembered as waiting, want 1", len(b.waiting))
	}
	if adv, err := b.take(t.Context()); err != nil || adv.RSSI != -9 || adv.Coalesced != 0 {
		t.Errorf("take = %+v, %v", adv, err)
	}
}

func TestBacklogTakesAnUpdateWhileTheOneBeforeIsTaken(t *testing.T) {
	b := newBacklog(&ScanOptions{}, new(counters))
	b.put(heardFrom("/a", -1))
	b.put(heardFrom("/b", -2))
	if _, err := b.mailbox.take(t.Context()); err != nil { // half of take
		t.Fatal(err)
	}
	b.put(heardFrom("/a", -3))
	for _, want := range []int16{-2, -3} {
		if adv, err := b.take(t.Context()); err != nil || adv.RSSI != want || adv.Coalesced != 0 {
			t.Errorf("take = %d, %v; want %d", adv.RSSI, err, want)
		}
	}
}

func TestBacklogOfAStandingConsumerDropsTheOldestDevices(t *testing.T) {
	b := newBacklog(&ScanOptions{}, new(counters))
	for i := range maxWaitingDevices + 10 {
		if !b.put(heardFrom(fmt.Sprint("/", i), -50)) {
			t.Fatal("a coalescing backlog overflowed")
		}
	}
	if b.items.len != maxWaitingDevices || len(b.waiting) != maxWaitingDevices {
		t.Errorf("%d wait, %d remembered, want %d", b.items.len, len(b.waiting), maxWaitingDevices)
	}
	if adv, err := b.take(t.Context()); err != nil || adv.Device.path != "/10" {
		t.Errorf("the oldest is %s, %v; want /10", adv.Device.path, err)
	}
}

func TestBacklogOfEveryPacketOverflows(t *testing.T) {
	b := newBacklog(&ScanOptions{EveryPacket: true, Queue: 2}, new(counters))
	if !b.put(heardFrom("/a", -1)) || !b.put(heardFrom("/a", -2)) || b.put(heardFrom("/a", -3)) {
		t.Error("the third packet should not fit")
	}
	for want := int16(-1); want >= -2; want-- {
		if adv, err := b.take(t.Context()); err != nil || adv.RSSI != want {
			t.Errorf("take = %d, %v; want %d", adv.RSSI, err, want)
		}
	}
	if _, err := b.take(t.Context()); !errors.Is(err, ErrOverflow) {
		t.Errorf("take: %v, want overflow", err)
	}
}
