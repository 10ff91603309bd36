package bluetest

import (
	"context"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// batteryProviders are the applications that know the batteries of devices:
// BatteryProviderManager1.
type batteryProviders struct {
	bluezgen.UnimplementedBatteryProviderManager1Server
	object *adapterObject

	// Guarded by the world.
	all []*batteryProvider
}

// A batteryProvider is an application that knows batteries.
type batteryProvider struct {
	*registered
	providers *batteryProviders

	// Guarded by the world.
	batteries map[dbus.ObjectPath]*providedBattery // by the application's object
}

// A providedBattery is the Battery1 of a device that an application provides.
type providedBattery struct {
	device   *deviceObject
	skeleton *bluezgen.Battery1Skeleton
	export   *bus.Export
}

// init returns the manager to export, nil if the BlueZ that is played has none: it is
// there since 5.56, and was experimental before 5.79. The world is locked, as for all here but what serves calls.
func (m *batteryProviders) init(o *adapterObject) bus.Skeleton {
	m.object = o
	b := o.bluetoothd
	if !b.since(version556) || !b.since(Version579) && !b.world.config.experimental {
		return nil
	}
	return bluezgen.NewBatteryProviderManager1Skeleton(m)
}

// RegisterBatteryProvider takes the root path of an application's batteries. It is answered
// before these are read.
func (m *batteryProviders) RegisterBatteryProvider(ctx context.Context, path dbus.ObjectPath) error {
	b := m.object.bluetoothd
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	if m.provider(path) != nil {
		return bluezgen.ErrAlreadyExists.With("Provider already exists")
	}
	p := &batteryProvider{registered: b.newRegistered(ctx, path), providers: m, batteries: map[dbus.ObjectPath]*providedBattery{}}
	m.all = append(m.all, p)
	b.world.tasks.Go(p.open)
	return nil
}

// UnregisterBatteryProvider takes the batteries of the caller's application away.
func (m *batteryProviders) UnregisterBatteryProvider(ctx context.Context, path dbus.ObjectPath) error {
	w := m.object.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	p := m.provider(path)
	if p == nil || p.owner != bus.Sender(ctx) {
		return bluezgen.ErrDoesNotExist.With("Provider does not exist")
	}
	m.forget(p)
	return nil
}

// provider returns what is registered at a path, by whatever client.
func (m *batteryProviders) provider(path dbus.ObjectPath) *batteryProvider {
	for _, p := range m.all {
		if p.path == path {
			return p
		}
	}
	return nil
}

func (m *batteryProviders) forget(p *batteryProvider) {
	m.all = without(m.all, p)
	for path := range p.batteries {
		p.remove(path)
	}
	p.end()
}

func (m *batteryProviders) clientLeft(name string) {
	for _, p := range ownedBy(m.all, name) {
		m.forget(p)
	}
}

// halt ends all, without a word to anybody.
func (m *batteryProviders) halt() {
	for _, p := range m.all {
		p.end()
	}
	m.all = nil
}

// open reads the batteries and follows them until the registration ends. An application
// without an ObjectManager has none.
func (p *batteryProvider) open() {
	mirror, err := bus.OpenMirror(p.ctx, p.bluetoothd.conn, bus.MirrorOptions{
		Service: p.owner, Root: p.path, Codecs: []bus.Codec{bluezgen.BatteryProvider1Codec()},
		Follow: []string{bluezgen.BatteryProvider1Interface},
	})
	if err != nil {
		return
	}
	ended := false
	p.bluetoothd.world.do(func() {
		p.mirror = mirror
		ended = p.ctx.Err() != nil
	})
	if ended {
		mirror.Close()
		return
	}
	mirror.Subscribe(p.noticed)
	mirror.View(func(v bus.View) {
		v.Walk(p.path, func(path dbus.ObjectPath, iface string, r bus.Record) bool {
			p.noticed(bus.Event{Kind: bus.Added, Path: path, Interface: iface, Record: r})
			return true
		})
	})
	p.run(p.ctx)
}

// noticed is called with what the application shows of its batteries. It runs on the
// reader goroutine.
func (p *batteryProvider) noticed(e bus.Event) {
	record, _ := e.Record.(*bluezgen.BatteryProvider1Update)
	if record == nil {
		return
	}
	update := *record
	p.later(func() {
		p.bluetoothd.world.do(func() {
			if p.ctx.Err() == nil {
				p.take(e.Kind, e.Path, update)
			}
		})
	})
}

// take shows what has become of a battery.
func (p *batteryProvider) take(kind bus.EventKind, path dbus.ObjectPath, u bluezgen.BatteryProvider1Update) {
	switch kind {
	case bus.Added:
		p.add(path, u.BatteryProvider1Properties)
	case bus.Changed:
		if b := p.batteries[path]; b != nil && u.Changed.Has(bluezgen.BatteryProvider1Percentage) {
			b.show(u.Percentage)
		}
	case bus.Removed:
		p.remove(path)
	}
}

// add shows a battery of a device that is more than a passing sight, unless that has one.
func (p *batteryProvider) add(path dbus.ObjectPath, properties bluezgen.BatteryProvider1Properties) {
	d := p.providers.object.devices[properties.Device]
	if d == nil || d.temporary && !d.connected() || p.batteries[path] != nil || d.provided != nil || d.gatt.battery.skeleton != nil {
		return
	}
	var shown bluezgen.Battery1Properties
	if properties.Has(bluezgen.BatteryProvider1Source) {
		shown.Add(bluezgen.Battery1Source)
		shown.Source = properties.Source
	}
	b := &providedBattery{device: d, skeleton: bluezgen.NewBattery1Skeleton(shown)}
	var err error
	if b.export, err = p.bluetoothd.export(d.path, b.skeleton); err != nil {
		return // it fails only with the connection
	}
	p.batteries[path], d.provided = b, b
	if properties.Has(bluezgen.BatteryProvider1Percentage) {
		b.show(properties.Percentage)
	}
}

// show shows a level in percent; one above 100 is none.
func (b *providedBattery) show(percentage byte) {
	if now := b.skeleton.Properties(); percentage > 100 || now.Has(bluezgen.Battery1Percentage) && now.Percentage == percentage {
		return
	}
	// It can fail only with the connection, and then nobody looks.
	_ = b.skeleton.Update(bluezgen.Battery1Properties{Battery1Set: bluezgen.Battery1SetOf(bluezgen.Battery1Percentage), Percentage: percentage})
}

// remove takes a battery away.
func (p *batteryProvider) remove(path dbus.ObjectPath) {
	if b := p.batteries[path]; b != nil {
		delete(p.batteries, path)
		b.hide()
	}
}

// hide takes the interface off the bus.
func (b *providedBattery) hide() {
	if b.device.provided == b {
		b.device.provided = nil
		b.export.Close()
	}
}
