package bluetest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

const monitorRoot dbus.ObjectPath = "/app"

// A watcher is an application with monitors, which notes what it is told.
type watcher struct {
	t       *testing.T
	conn    *bus.Conn
	manager bluezgen.AdvertisementMonitorManager1
	notes   chan string
}

// watch starts an application whose root path is registered.
func watch(t *testing.T, w *World) *watcher {
	t.Helper()
	a := &watcher{t: t, conn: dial(t, w), notes: make(chan string, 100)}
	a.manager = bluezgen.NewAdvertisementMonitorManager1(a.conn, "/org/bluez/hci0")
	if _, err := a.conn.ExportObjectManager(t.Context(), monitorRoot); err != nil {
		t.Fatal(err)
	}
	if err := a.manager.RegisterMonitor(t.Context(), monitorRoot); err != nil {
		t.Fatal(err)
	}
	return a
}

// A watched is one monitor of a watcher.
type watched struct {
	bluezgen.UnimplementedAdvertisementMonitor1Server
	name  string
	notes chan string
}

func (m *watched) Activate(context.Context) error { return m.note("active") }
func (m *watched) Release(context.Context) error  { return m.note("released") }
func (m *watched) DeviceFound(_ context.Context, d dbus.ObjectPath) error {
	return m.note("found " + string(d[len(d)-2:]))
}
func (m *watched) DeviceLost(_ context.Context, d dbus.ObjectPath) error {
	return m.note("lost " + string(d[len(d)-2:]))
}

func (m *watched) note(what string) error {
	m.notes <- m.name + " " + what
	return nil
}

// export exports a monitor.
func (a *watcher) export(name string, p bluezgen.AdvertisementMonitor1Properties) *bus.Export {
	a.t.Helper()
	skeleton := bluezgen.NewAdvertisementMonitor1Skeleton(&watched{name: name, notes: a.notes}, p)
	x, err := a.conn.Export(a.t.Context(), monitorRoot+"/"+dbus.ObjectPath(name), bus.ExportOptions{From: bluezgen.Service}, skeleton)
	if err != nil {
		a.t.Fatal(err)
	}
	return x
}

// expect waits for what the application is told next.
func (a *watcher) expect(want ...string) {
	a.t.Helper()
	for _, note := range want {
		if got := <-a.notes; got != note {
			a.t.Fatalf("told %q, want %q", got, note)
		}
	}
}

// until does something until the application is told so.
func (a *watcher) until(do func(), want string) {
	a.t.Helper()
	for {
		do()
		select {
		case note := <-a.notes:
			if note != want {
				a.t.Fatalf("told %q, want %q", note, want)
			}
			return
		default:
		}
	}
}

// nothing fails if the application is told anything before it is told of another monitor.
func (a *watcher) nothing(number int) {
	a.t.Helper()
	name := fmt.Sprintf("after%d", number)
	a.export(name, bluezgen.AdvertisementMonitor1Properties{})
	a.expect(name + " released")
}

// patterns are the properties of a monitor with patterns.
func patterns(p ...bluezgen.Pattern) bluezgen.AdvertisementMonitor1Properties {
	return bluezgen.AdvertisementMonitor1Properties{
		AdvertisementMonitor1Set: bluezgen.AdvertisementMonitor1SetOf(bluezgen.AdvertisementMonitor1Type, bluezgen.AdvertisementMonitor1Patterns),
		Type:                     bluezgen.MonitorTypeOrPatterns,
		Patterns:                 p,
	}
}

var applePattern = bluezgen.Pattern{ADType: adManufacturerData, Content: []byte{0x4c, 0x00}}

func TestMonitorFindsWithoutDiscovery(t *testing.T) {
	w := Start(t, Experimental(), silent("C0:FF:EE:00:00:01"), silent("C0:FF:EE:00:00:02"))
	o, a := observe(t, w), watch(t, w)
	a.export("m", patterns(applePattern))
	a.expect("m active")
	hidden := byte(0x04)
	send(t, w.Peripheral("C0:FF:EE:00:00:01"), Advertisement{Flags: &hidden, Beacon: true, ManufacturerData: map[uint16][]byte{0x4c: {1}}})
	send(t, w.Peripheral("C0:FF:EE:00:00:02"), manufacturer(0x4d, 1))
	o.expect("+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] ManufacturerData=map[76:[1]] AdvertisingFlags=[4]")
	a.expect("m found 01")
	a.nothing(1)
}

func TestMonitorPatterns(t *testing.T) {
	packet := Advertisement{
		LocalName: "Thing", ServiceUUIDs: []string{"180d"},
		ManufacturerData: map[uint16][]byte{0x4c: {1, 2, 3}}, ServiceData: map[string][]byte{"180f": {87}}, Data: map[byte][]byte{0x26: {5, 6}},
	}
	for _, test := range []struct {
		name    string
		pattern bluezgen.Pattern
		want    bool
	}{
		{"company", bluezgen.Pattern{ADType: 0xff, Content: []byte{0x4c, 0}}, true},
		{"manufacturer data", bluezgen.Pattern{StartPosition: 3, ADType: 0xff, Content: []byte{2, 3}}, true},
		{"elsewhere", bluezgen.Pattern{StartPosition: 2, ADType: 0xff, Content: []byte{2, 3}}, false},
		{"past the end", bluezgen.Pattern{StartPosition: 3, ADType: 0xff, Content: []byte{2, 3, 4}}, false},
		{"flags", bluezgen.Pattern{ADType: 0x01, Content: []byte{6}}, true},
		{"other flags", bluezgen.Pattern{ADType: 0x01, Content: []byte{4}}, false},
		{"other data", bluezgen.Pattern{StartPosition: 1, ADType: 0x26, Content: []byte{6}}, true},
		{"service data", bluezgen.Pattern{ADType: 0x16, Content: []byte{87}}, true},
		{"service data by UUID", bluezgen.Pattern{ADType: 0x16, Content: []byte{0x0f, 0x18}}, false},
		{"name", bluezgen.Pattern{ADType: 0x09, Content: []byte("Thing")}, false},
		{"service", bluezgen.Pattern{ADType: 0x03, Content: []byte{0x0d, 0x18}}, false},
	} {
		p := patterns(bluezgen.Pattern{ADType: 0x2a, Content: []byte{0}}, test.pattern)
		r, err := packet.report(&Device{})
		if err != nil {
			t.Fatal(err)
		}
		if got := newMonitor(&p).matches(r); got != test.want {
			t.Errorf("%s: matches %v, want %v", test.name, got, test.want)
		}
	}
	odd := Advertisement{Data: map[byte][]byte{0x3e: {1}}} // a packet with an AD type that is not assigned matches nothing
	p := patterns(bluezgen.Pattern{ADType: 0x01, Content: []byte{6}})
	if r, err := odd.report(&Device{}); err != nil || newMonitor(&p).matches(r) {
		t.Errorf("AD type 0x3e matches, %v", err)
	}
}

func TestInvalidMonitorsAreReleased(t *testing.T) {
	strength := func(high, low int16, highTimeout, lowTimeout uint16) bluezgen.AdvertisementMonitor1Properties {
		p := patterns(applePattern)
		p.Add(bluezgen.AdvertisementMonitor1RSSIHighThreshold, bluezgen.AdvertisementMonitor1RSSILowThreshold,
			bluezgen.AdvertisementMonitor1RSSIHighTimeout, bluezgen.AdvertisementMonitor1RSSILowTimeout)
		p.RSSIHighThreshold, p.RSSILowThreshold, p.RSSIHighTimeout, p.RSSILowTimeout = high, low, highTimeout, lowTimeout
		return p
	}
	otherType, sampling := patterns(applePattern), patterns(applePattern)
	otherType.Type = "and_patterns"
	sampling.Add(bluezgen.AdvertisementMonitor1RSSISamplingPeriod)
	sampling.RSSISamplingPeriod = 256 + 1
	w := Start(t, Experimental())
	a := watch(t, w)
	for i, test := range []struct {
		p    bluezgen.AdvertisementMonitor1Properties
		want string
	}{
		{otherType, "released"},
		{patterns(), "released"},
		{patterns(applePattern, bluezgen.Pattern{ADType: 0xff}), "released"},
		{patterns(bluezgen.Pattern{ADType: 0x3e, Content: []byte{1}}), "released"},
		{patterns(bluezgen.Pattern{StartPosition: 30, ADType: 0xff, Content: []byte{1}}), "active"},
		{patterns(bluezgen.Pattern{StartPosition: 30, ADType: 0xff, Content: []byte{1, 2}}), "released"},
		{patterns(bluezgen.Pattern{ADType: 0xff, Content: make([]byte, 32)}), "released"},
		{strength(-50, -70, 1, 300), "active"},
		{strength(-70, -50, 1, 1), "released"},
		{strength(21, -50, 1, 1), "released"},
		{strength(-50, -128, 1, 1), "released"},
		{strength(-50, -70, 301, 1), "released"},
		{strength(-50, -70, 1, 301), "released"},
		{strength(127, -70, 0, 0), "active"},
		{sampling, "released"},
	} {
		name := fmt.Sprintf("m%d", i)
		a.export(name, test.p)
		a.expect(name + " " + test.want)
	}
}

func TestMonitorFollowsStrength(t *testing.T) {
	w := Start(t, Experimental(), silent("C0:FF:EE:00:00:01"))
	a, p := watch(t, w), w.Peripheral("C0:FF:EE:00:00:01")
	range1 := patterns(applePattern)
	range1.Add(bluezgen.AdvertisementMonitor1RSSIHighThreshold, bluezgen.AdvertisementMonitor1RSSILowThreshold,
		bluezgen.AdvertisementMonitor1RSSIHighTimeout, bluezgen.AdvertisementMonitor1RSSILowTimeout)
	range1.RSSIHighThreshold, range1.RSSILowThreshold, range1.RSSIHighTimeout, range1.RSSILowTimeout = -50, -70, 200, 300
	a.export("m", range1)
	a.expect("m active")
	w.do(func() {
		strength := w.bluetoothd.objects[w.adapter("hci0")].monitors.all[0].strength
		strength.highTimeout, strength.lowTimeout = strength.highTimeout/1000, strength.lowTimeout/1000
	})
	packet := func(rssi int16) {
		send(t, p, Advertisement{RSSI: rssi, ManufacturerData: map[uint16][]byte{0x4c: {1}}})
	}
	until := func(rssi int16, want string) { a.until(func() { packet(rssi) }, want) }
	packet(-50) // not above the threshold
	packet(-49)
	packet(-51) // not long enough
	a.nothing(1)
	until(-40, "m found 01")
	packet(-60)
	a.nothing(2)
	until(-80, "m lost 01")
	until(-40, "m found 01")
	a.expect("m lost 01") // it is not heard any more
}

func TestRegistrationOfMonitors(t *testing.T) {
	w := Start(t, Experimental(), silent("C0:FF:EE:00:00:01"))
	a, other := watch(t, w), watch(t, w) // the same path of two clients
	refused(t, "again", a.manager.RegisterMonitor(t.Context(), monitorRoot), bluezgen.ErrAlreadyExists)
	refused(t, "unknown path", a.manager.UnregisterMonitor(t.Context(), "/other"), bluezgen.ErrDoesNotExist)
	first := a.export("first", patterns(applePattern))
	a.expect("first active")
	a.export("second", patterns(applePattern))
	a.expect("second active")
	other.export("m", patterns(applePattern))
	other.expect("m active")
	first.Close()
	a.nothing(1) // it was not released, but it is gone
	send(t, w.Peripheral("C0:FF:EE:00:00:01"), manufacturer(0x4c, 1))
	a.expect("second found 01")
	other.expect("m found 01")
	if err := a.manager.UnregisterMonitor(t.Context(), monitorRoot); err != nil {
		t.Fatal(err)
	}
	a.expect("second released")
	send(t, w.Peripheral("C0:FF:EE:00:00:01"), manufacturer(0x4c, 1))
	other.expect("m found 01")
	other.conn.Close()
	for left := false; !left; {
		w.do(func() { left = len(w.bluetoothd.objects[w.adapter("hci0")].monitors.applications) == 0 })
	}
}

// TestMonitorsThatAreThere: those that were exported before the path was registered.
func TestMonitorsThatAreThere(t *testing.T) {
	w := Start(t, Experimental())
	a := &watcher{t: t, conn: dial(t, w), notes: make(chan string, 100)}
	if _, err := a.conn.ExportObjectManager(t.Context(), monitorRoot); err != nil {
		t.Fatal(err)
	}
	a.export("m", patterns(applePattern))
	if err := bluezgen.NewAdvertisementMonitorManager1(a.conn, "/org/bluez/hci0").RegisterMonitor(t.Context(), monitorRoot); err != nil {
		t.Fatal(err)
	}
	a.expect("m active")
}

func TestPowerOffLosesWhatMonitorsFound(t *testing.T) {
	w := Start(t, Experimental(), silent("C0:FF:EE:00:00:01"))
	a := watch(t, w)
	p := patterns(applePattern)
	p.Add(bluezgen.AdvertisementMonitor1RSSILowTimeout)
	p.RSSILowTimeout = 300
	a.export("m", p)
	a.expect("m active")
	w.do(func() {
		w.bluetoothd.objects[w.adapter("hci0")].monitors.all[0].strength.highTimeout = 100 * time.Millisecond
	})
	a.until(func() { send(t, w.Peripheral("C0:FF:EE:00:00:01"), manufacturer(0x4c, 1)) }, "m found 01")
	w.Adapter("hci0").Power(false)
	a.expect("m lost 01")
}

func TestManagerIsExperimental(t *testing.T) {
	for _, test := range []struct {
		option Option
		want   bool
	}{{DefaultVersion, false}, {Experimental(), true}, {Options(Version555, Experimental()), false}} {
		w := Start(t, test.option)
		types, err := bluezgen.NewAdvertisementMonitorManager1(dial(t, w), "/org/bluez/hci0").SupportedMonitorTypes(t.Context())
		if has := err == nil && slices.Equal(types, []bluezgen.MonitorType{bluezgen.MonitorTypeOrPatterns}); has != test.want {
			t.Errorf("types %v, %v, want %v", types, err, test.want)
		}
	}
}
