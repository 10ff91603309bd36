package bluetest

import (
	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An application is a client's root path of monitors. What it tells comes on the reader
// goroutine of bluetoothd's connection, and what it is told comes from under the world's
// lock: its errands are both, in their order.
type application struct {
	*registered
	monitors *monitors
}

// noticed is called with what the application exports and takes back. Changed properties
// are not looked at. It runs on the reader goroutine.
func (a *application) noticed(e bus.Event) {
	switch e.Kind {
	case bus.Added:
		properties := e.Record.(*bluezgen.AdvertisementMonitor1Update).AdvertisementMonitor1Properties
		a.later(func() { a.monitors.object.bluetoothd.world.do(func() { a.add(e.Path, properties) }) })
	case bus.Removed:
		a.later(func() { a.monitors.object.bluetoothd.world.do(func() { a.remove(e.Path) }) })
	}
}

// add activates a monitor, or releases it if it is not valid. The world is locked.
func (a *application) add(path dbus.ObjectPath, properties bluezgen.AdvertisementMonitor1Properties) {
	m := a.monitors
	if a.ctx.Err() != nil || a.monitor(path) != nil {
		return
	}
	proxy := bluezgen.NewAdvertisementMonitor1(m.object.bluetoothd.conn, a.owner, path)
	monitor := newMonitor(&properties)
	if monitor == nil {
		a.later(func() { _ = proxy.Release(a.ctx) })
		return
	}
	monitor.application, monitor.proxy = a, proxy
	a.later(func() { _ = proxy.Activate(a.ctx) })
	m.all = append(m.all, monitor)
	m.object.bluetoothd.world.air.poke()
}

// remove ends a monitor that the application has taken back. The world is locked.
func (a *application) remove(path dbus.ObjectPath) {
	if m := a.monitor(path); m != nil {
		a.monitors.drop(m)
	}
}

// monitor returns the active monitor of a path, or nil. The world is locked.
func (a *application) monitor(path dbus.ObjectPath) *monitor {
	for _, m := range a.monitors.all {
		if m.application == a && m.proxy.Path() == path {
			return m
		}
	}
	return nil
}

// deviceFound calls DeviceFound. What fails, fails because the application has gone.
func (a *application) deviceFound(m *monitor, device dbus.ObjectPath) {
	a.later(func() { _ = m.proxy.DeviceFound(a.ctx, device) })
}

// deviceLost calls DeviceLost, likewise.
func (a *application) deviceLost(m *monitor, device dbus.ObjectPath) {
	a.later(func() { _ = m.proxy.DeviceLost(a.ctx, device) })
}
