package bluetest

import (
	"context"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// monitors are the advertisement monitors of an adapter: AdvertisementMonitorManager1,
// which only an experimental bluetoothd has.
type monitors struct {
	bluezgen.UnimplementedAdvertisementMonitorManager1Server
	object *adapterObject

	// Guarded by the world.
	applications []*application
	all          []*monitor // those that are active
}

// init returns the manager to export, nil if the BlueZ that is played has none.
func (m *monitors) init(o *adapterObject) bus.Skeleton {
	m.object = o
	if !o.bluetoothd.world.config.experimental || !o.bluetoothd.since("5.56") {
		return nil
	}
	return bluezgen.NewAdvertisementMonitorManager1Skeleton(m, bluezgen.AdvertisementMonitorManager1Properties{
		AdvertisementMonitorManager1Set: bluezgen.AdvertisementMonitorManager1SetOf(
			bluezgen.AdvertisementMonitorManager1SupportedMonitorTypes, bluezgen.AdvertisementMonitorManager1SupportedFeatures),
		SupportedMonitorTypes: []bluezgen.MonitorType{bluezgen.MonitorTypeOrPatterns},
	})
}

// RegisterMonitor takes the root path of an application's monitors. BlueZ then is a client
// of the ObjectManager there; an application without one is refused here.
func (m *monitors) RegisterMonitor(ctx context.Context, path dbus.ObjectPath) error {
	b := m.object.bluetoothd
	a := &application{registered: b.newRegistered(ctx, path), monitors: m}
	if !enroll(&m.applications, a) {
		a.cancel()
		return bluezgen.ErrAlreadyExists.With("Already Exists")
	}
	bus.Release(ctx)
	mirror, err := bus.OpenMirror(ctx, b.conn, bus.MirrorOptions{
		Service: a.owner, Root: path,
		Codecs: []bus.Codec{{
			Interface: bluezgen.AdvertisementMonitor1Interface,
			New:       func() bus.Record { return new(bluezgen.AdvertisementMonitor1Update) },
		}},
	})
	w := b.world
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case a.ctx.Err() != nil:
		if err == nil {
			mirror.Close()
		}
		return bluezgen.ErrFailed.With("Adv Monitor app destroyed")
	case err != nil:
		m.forget(a)
		return bluezgen.ErrFailed.With("Failed to create Adv Monitor app")
	}
	a.mirror = mirror
	w.tasks.Go(func() { a.run(a.ctx) })
	mirror.Subscribe(a.noticed)
	mirror.View(func(v bus.View) {
		v.Walk(path, func(p dbus.ObjectPath, iface string, r bus.Record) bool {
			a.noticed(bus.Event{Kind: bus.Added, Path: p, Interface: iface, Record: r})
			return true
		})
	})
	return nil
}

// UnregisterMonitor ends the monitors below a path: each is released.
func (m *monitors) UnregisterMonitor(ctx context.Context, path dbus.ObjectPath) error {
	w := m.object.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	a := lookUp(m.applications, bus.Sender(ctx), path)
	if a == nil {
		return bluezgen.ErrDoesNotExist.With("Does Not Exist")
	}
	for _, monitor := range slices.Clone(m.all) {
		if monitor.application == a {
			a.later(func() { _ = monitor.proxy.Release(a.ctx) })
			m.drop(monitor)
		}
	}
	m.applications = without(m.applications, a)
	a.later(a.end)
	return nil
}

// forget ends an application, without a word to it. The world is locked, as for the
// methods below.
func (m *monitors) forget(a *application) {
	for _, monitor := range slices.Clone(m.all) {
		if monitor.application == a {
			m.drop(monitor)
		}
	}
	m.applications = without(m.applications, a)
	a.end()
}

// drop ends a monitor.
func (m *monitors) drop(monitor *monitor) {
	monitor.stop()
	if i := slices.Index(m.all, monitor); i >= 0 {
		m.all = slices.Delete(m.all, i, i+1)
	}
}

func (m *monitors) clientLeft(name string) {
	for _, a := range ownedBy(m.applications, name) {
		m.forget(a)
	}
}

// halt ends all monitors, without a word to anybody.
func (m *monitors) halt() {
	for _, a := range slices.Clone(m.applications) {
		m.forget(a)
	}
}

// powerOff is called when the radio goes off. The monitors stay.
func (m *monitors) powerOff() {
	for _, monitor := range m.all {
		monitor.powerOff()
	}
}

// active reports whether the kernel scans for monitors.
func (m *monitors) active() bool { return len(m.all) > 0 }

// matching returns the monitors that a packet is for.
func (m *monitors) matching(r *report) []*monitor {
	var all []*monitor
	for _, monitor := range m.all {
		if monitor.matches(r) {
			all = append(all, monitor)
		}
	}
	return all
}
