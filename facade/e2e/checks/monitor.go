package checks

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// orPattern is one of AdvertisementMonitor1's.
type orPattern struct {
	Start   byte
	Type    byte
	Content []byte
}

// A monitor hears of the device whose data it asks for.
func (b *bench) testMonitor(t *testing.T) {
	j := b.judge(t, world.Own())
	const root, monitor dbus.ObjectPath = "/io/github/gobluez/judge", "/io/github/gobluez/judge/monitor"
	const manager, manufacturerData = bluezgen.AdvertisementMonitorManager1Interface, 0xFF
	told := make(chan string, 100)
	tell := func(what string) { told <- what }
	j.serve(monitor, bluezgen.AdvertisementMonitor1Interface, map[string]any{
		"Release":     func() *dbus.Error { tell("Release"); return nil },
		"Activate":    func() *dbus.Error { tell("Activate"); return nil },
		"DeviceFound": func(d dbus.ObjectPath) *dbus.Error { tell("DeviceFound " + string(d)); return nil },
		"DeviceLost":  func(d dbus.ObjectPath) *dbus.Error { tell("DeviceLost " + string(d)); return nil },
	})
	type properties = map[string]dbus.Variant
	j.serve(root, objectManager, map[string]any{
		"GetManagedObjects": func() (map[dbus.ObjectPath]map[string]properties, *dbus.Error) {
			return map[dbus.ObjectPath]map[string]properties{monitor: {bluezgen.AdvertisementMonitor1Interface: {
				"Type":     dbus.MakeVariant("or_patterns"),
				"Patterns": dbus.MakeVariant([]orPattern{{0, manufacturerData, append([]byte{0xFF, 0xFF}, world.OwnManufacturerData()...)}}),
			}}}, nil
		},
	})
	adapter := world.Central().Path()
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-told:
			if got != want {
				t.Errorf("the monitor was told %q, want %q", got, want)
			}
		case <-j.ctx.Done():
			t.Fatalf("the monitor was never told %q", want)
		}
	}
	j.refuses("UnregisterMonitor without one", j.call(adapter, manager+".UnregisterMonitor", root), doesNotExist, doesNotExistText)
	j.must(adapter, manager+".RegisterMonitor", root)
	j.refuses("RegisterMonitor twice", j.call(adapter, manager+".RegisterMonitor", root), alreadyExists, alreadyExistsText)
	expect("Activate")
	expect("DeviceFound " + string(world.Central().Device(world.Own())))
	j.must(adapter, manager+".UnregisterMonitor", root)
}
