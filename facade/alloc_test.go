package facade

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A heardBench passes advertisements of n devices from a discovery to one scan, without a bus.
type heardBench struct {
	discovery *discovery
	scan      *scan
	events    []bus.Event
	next      int
}

func newHeardBench(n int, o ScanOptions) *heardBench {
	h := &heardBench{
		discovery: &discovery{central: new(Central), scans: make(map[*scan]bool), known: make(sightings)},
		scan:      &scan{options: o, backlog: newBacklog(&o, new(counters))},
	}
	h.discovery.scans[h.scan] = true
	data := map[uint16][]byte{0x004C: make([]byte, 24)}
	for i := range n {
		r := &bluezgen.Device1Update{
			Device1Properties: bluezgen.Device1Properties{
				Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Address, bluezgen.Device1RSSI, bluezgen.Device1ManufacturerData),
				Address:    fmt.Sprintf("C0:00:00:00:%02X:%02X", i>>8, i&0xFF), RSSI: -60, ManufacturerData: data,
			},
			Changed: bluezgen.Device1SetOf(bluezgen.Device1RSSI, bluezgen.Device1ManufacturerData),
		}
		path := devicePath("/org/bluez/hci0", Address{0xC0, 0, 0, 0, byte(i >> 8), byte(i)})
		h.events = append(h.events, bus.Event{Kind: bus.Changed, Path: path, Interface: bluezgen.Device1Interface, Record: r})
		h.pass()
	}
	return h
}

// pass passes one update of the next device, merged, to the consumer.
func (h *heardBench) pass() Advertisement {
	h.discovery.deviceChanged(h.events[h.next])
	h.next = (h.next + 1) % max(1, len(h.events))
	adv, err := h.scan.backlog.take(context.Background())
	if err != nil {
		panic(err)
	}
	return adv
}

// An update of a known device is merged and handed over without an allocation.
func TestMergingAllocatesNothing(t *testing.T) {
	for _, test := range []struct {
		name    string
		options ScanOptions
	}{
		{"merged", ScanOptions{}},
		{"every packet", ScanOptions{EveryPacket: true}},
		{"filtered", ScanOptions{MinRSSI: -100, Match: func(Advertisement) bool { return true }}},
	} {
		h := newHeardBench(100, test.options)
		if got := testing.AllocsPerRun(1000, func() { h.pass() }); got != 0 {
			t.Errorf("%s: %v allocations", test.name, got)
		}
		if adv := h.pass(); adv.RSSI != -60 || len(adv.ManufacturerData[0x004C]) != 24 || adv.Adapter != "hci0" {
			t.Errorf("%s: %+v", test.name, adv)
		}
	}
}

// A notification reaches its only subscription as it came.
func TestNotifyingAllocatesNothing(t *testing.T) {
	c := new(Central)
	sub := &Subscription{values: newMailbox[Notification](4)}
	s := &session{link: &link{central: c, path: dbus.ObjectPath("/x")}, subscriptions: []*Subscription{sub}}
	value := make([]byte, 20)
	got := testing.AllocsPerRun(1000, func() {
		s.signalled(value)
		if n, err := sub.values.take(context.Background()); err != nil || len(n.Value) != 20 {
			t.Fatal(n, err)
		}
	})
	if got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// An operation finds its attribute, out of as many as a large device has, without an allocation.
func TestFindingAllocatesNothing(t *testing.T) {
	var all []*Characteristic
	for i := range 100 {
		all = append(all, &Characteristic{UUID: UUID16(uint16(0xA000 + i)), Handle: Handle(i), path: dbus.ObjectPath(fmt.Sprint("/char", i))})
	}
	for _, which := range []Attribute{all[50].UUID, all[50].Handle, all[50]} {
		got := testing.AllocsPerRun(100, func() {
			if c, err := find(slices.Values(all), which); err != nil || c != all[50] {
				t.Fatalf("found %v, %v", c, err)
			}
		})
		if got != 0 {
			t.Errorf("%T: %v allocations", which, got)
		}
	}
}

// Subscriptions own what they get: none sees what another does to it.
func TestSubscriptionsDoNotShareValues(t *testing.T) {
	subs := []*Subscription{{values: newMailbox[Notification](4)}, {values: newMailbox[Notification](4)}}
	s := &session{link: &link{central: new(Central)}, subscriptions: subs}
	s.signalled([]byte("value"))
	for _, sub := range subs {
		n, err := sub.values.take(context.Background())
		if err != nil || string(n.Value) != "value" {
			t.Fatalf("%q, %v", n.Value, err)
		}
		clear(n.Value)
	}
}

func BenchmarkMerge(b *testing.B) {
	for _, n := range []int{50, 5000} {
		b.Run(fmt.Sprint(n, "devices"), func(b *testing.B) {
			h := newHeardBench(n, ScanOptions{})
			b.ReportAllocs()
			for b.Loop() {
				h.pass()
			}
		})
	}
}

func BenchmarkNotify(b *testing.B) {
	sub := &Subscription{values: newMailbox[Notification](4)}
	s := &session{link: &link{central: new(Central)}, subscriptions: []*Subscription{sub}}
	value := make([]byte, 20)
	b.ReportAllocs()
	for b.Loop() {
		s.signalled(value)
		if _, err := sub.values.take(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
