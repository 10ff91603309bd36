package bluetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

var everyPacket = bluezgen.DiscoveryFilter{DuplicateData: bus.Some(true)}

func isPacket(note string) bool { return strings.Contains(note, "RSSI=") }

func TestDeviceIsHeardWhileItAdvertises(t *testing.T) {
	w := Start(t, Device{Address: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Interval: time.Millisecond}})
	o, p := observe(t, w), w.Peripheral("C0:FF:EE:00:00:01")
	o.start(everyPacket)
	for name, between := range map[string][2]func(){
		"silenced": {p.Silence, p.Advertise},
		"vanished": {p.Vanish, p.Appear},
		"connected": {
			func() { w.do(func() { p.links[w.adapter("hci0")] = nil }) },
			func() { w.do(func() { delete(p.links, w.adapter("hci0")) }) },
		},
	} {
		o.await("packet", isPacket)
		between[0]()
		o.take()
		if p.tick(); len(o.take()) > 0 {
			t.Errorf("%s: it is heard", name)
		}
		between[1]()
	}
	o.await("packet", isPacket)
}

// tick has the time of a packet come.
func (p *Peripheral) tick() { p.world.do(p.advertiser.tick) }

func TestConnectedDeviceMayGoOn(t *testing.T) {
	w := Start(t, Device{Address: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Interval: time.Millisecond, Connected: true}})
	o, p := observe(t, w), w.Peripheral("C0:FF:EE:00:00:01")
	w.do(func() { p.links[w.adapter("hci0")] = nil })
	o.start(everyPacket)
	o.await("packet", isPacket)
	w.do(func() { delete(p.links, w.adapter("hci0")) })
}

func TestVanishedDeviceSendsNoPacket(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	p.Vanish()
	send(t, p, Advertisement{})
	o.expect()
}

func TestAdvertisementCanBeReplaced(t *testing.T) {
	w := Start(t, Device{Address: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Interval: time.Hour}})
	o, p := observe(t, w), w.Peripheral("C0:FF:EE:00:00:01")
	o.start(everyPacket)
	if err := p.SetAdvertisement(Advertisement{RSSI: 99}); err == nil || !strings.Contains(err.Error(), "C0:FF:EE:00:00:01") {
		t.Errorf("error %v, want one that names the device", err)
	}
	o.must(p.SetAdvertisement(Advertisement{Interval: time.Millisecond, LocalName: "New"}))
	o.await("new name", func(note string) bool { return strings.Contains(note, "Name=New") })
}

// TestWalkIsTheSameInEachRun: what a device does depends on its address only.
func TestWalkIsTheSameInEachRun(t *testing.T) {
	walk := func(address string) (strengths []int16) {
		w := &World{config: &config{}, ctx: t.Context()}
		p, err := w.newPeripheral(Device{Address: address, Advertisement: Advertisement{RSSI: 15, Walk: 5}})
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			strengths = append(strengths, p.advertiser.walk())
		}
		return strengths
	}
	first := walk("C0:FF:EE:00:00:01")
	if fmt.Sprint(first) != fmt.Sprint(walk("C0:FF:EE:00:00:01")) {
		t.Error("the same device walks otherwise")
	}
	if fmt.Sprint(first) == fmt.Sprint(walk("C0:FF:EE:00:00:02")) {
		t.Error("all devices walk alike")
	}
	for i, strength := range first {
		if strength < -5 || strength > 20 || i > 0 && (strength-first[i-1] > 5 || first[i-1]-strength > 5) {
			t.Errorf("packet %d has %d dBm after %d", i, strength, first[max(0, i-1)])
		}
	}
}

func TestAddressRotates(t *testing.T) {
	w := Start(t, Device{Address: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Interval: time.Millisecond, Rotate: 5 * time.Millisecond}})
	o, p := observe(t, w), w.Peripherals()[0]
	o.start(bluezgen.DiscoveryFilter{})
	seen := map[string]bool{}
	o.await("three objects", func(note string) bool {
		if strings.HasPrefix(note, "+") {
			seen[note] = true
		}
		return len(seen) == 3
	})
	if address := p.Address(); address[0] < '4' || address[0] > '7' {
		t.Errorf("%s is not a resolvable private address", address)
	}
}

// Nobody scans, but the packet of a device that is being connected to is heard; not for
// longer than that is tried.
func TestNextPacketIsTold(t *testing.T) {
	d := Device{Address: "C0:FF:EE:00:00:01", Advertisement: Advertisement{Interval: time.Millisecond}}
	for _, beacon := range []bool{false, true} {
		d.Advertisement.Beacon = beacon
		w := Start(t, d, Delays{Connect: 20 * time.Millisecond})
		discover(t, w, d.Address)
		err := bluezgen.NewDevice1(dial(t, w), path(d.Address)).Connect(t.Context())
		if (err != nil) != beacon {
			t.Errorf("connect to a beacon (%t): %v", beacon, err)
		}
		w.do(func() {
			if w.listening() {
				t.Errorf("after the attempt (beacon: %t) somebody listens", beacon)
			}
		})
	}
}

func TestOnlyConnectablePacketsAreWaitedFor(t *testing.T) {
	w := Start(t, silent("C0:FF:EE:00:00:01"))
	p := w.Peripheral("C0:FF:EE:00:00:01")
	var next <-chan struct{}
	w.do(func() { next = p.nextPacket() })
	send(t, p, Advertisement{Beacon: true})
	select {
	case <-next:
		t.Error("a beacon can be connected to")
	default:
	}
	send(t, p, Advertisement{})
	<-next
}

// BenchmarkPackets measures packets through bluetoothd, the bus and one client.
func BenchmarkPackets(b *testing.B) {
	w, err := New(b.Context(), silent("C0:FF:EE:00:00:01"))
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	conn, err := bus.Dial(b.Context(), w.Address(), bus.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	adapter, p := bluezgen.NewAdapter1(conn, "/org/bluez/hci0"), w.Peripheral("C0:FF:EE:00:00:01")
	heard := make(chan struct{}, 1)
	subscription, err := bluezgen.NewDevice1(conn, path("C0:FF:EE:00:00:01")).OnPropertiesChanged(b.Context(), func(u bluezgen.Device1Update) {
		if u.RSSI == -100 {
			heard <- struct{}{}
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	defer subscription.Close()
	if err := adapter.SetDiscoveryFilter(b.Context(), everyPacket); err != nil {
		b.Fatal(err)
	}
	if err := adapter.StartDiscovery(b.Context()); err != nil {
		b.Fatal(err)
	}
	packet := p.declared.Advertisement
	report, err := packet.report(&p.declared)
	if err != nil {
		b.Fatal(err)
	}
	p.world.do(func() { p.advertiser.send(report, -60, false) })
	b.ReportAllocs()
	for b.Loop() {
		w.do(func() { p.advertiser.send(report, -61, false) })
	}
	w.do(func() { p.advertiser.send(report, -100, false) })
	<-heard
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "packets/s")
}
