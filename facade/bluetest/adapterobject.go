package bluetest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An adapterObject is what bluetoothd shows of an adapter: Adapter1 and the managers.
type adapterObject struct {
	bluezgen.UnimplementedAdapter1Server
	*bluezgen.Adapter1Skeleton
	bluetoothd *bluetoothd
	adapter    *Adapter
	path       dbus.ObjectPath
	export     *bus.Export

	// Guarded by the world.
	devices           map[dbus.ObjectPath]*deviceObject
	discovery         discovery
	monitors          monitors
	gatt              gattManager
	advertising       advertisingManager
	batteries         batteryProviders
	discoverableTimer *time.Timer // until it is not any more; may be nil
}

// add puts an adapter on the bus, with the devices that are stored for it. The world is
// locked.
func (b *bluetoothd) add(a *Adapter) error {
	o := &adapterObject{
		bluetoothd: b, adapter: a, path: a.path(), devices: map[dbus.ObjectPath]*deviceObject{},
	}
	o.discovery.init(o)
	o.Adapter1Skeleton = bluezgen.NewAdapter1Skeleton(o, o.properties())
	skeletons := []bus.Skeleton{o.skeleton()}
	for _, manager := range []bus.Skeleton{o.monitors.init(o), o.gatt.init(o), o.advertising.init(o), o.batteries.init(o)} {
		if manager != nil {
			skeletons = append(skeletons, manager)
		}
	}
	var err error
	if o.export, err = b.export(o.path, skeletons...); err != nil {
		return err
	}
	b.objects[a] = o
	for _, address := range slices.Sorted(maps.Keys(a.stored)) {
		if _, err := o.restore(a.stored[address]); err != nil {
			return err
		}
	}
	return nil
}

// properties returns what Adapter1 has at first.
func (o *adapterObject) properties() bluezgen.Adapter1Properties {
	a, b := o.adapter, o.bluetoothd
	p := bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Address, bluezgen.Adapter1AddressType, bluezgen.Adapter1Name, bluezgen.Adapter1Alias,
			bluezgen.Adapter1Class, bluezgen.Adapter1Powered, bluezgen.Adapter1Discoverable, bluezgen.Adapter1DiscoverableTimeout,
			bluezgen.Adapter1Pairable, bluezgen.Adapter1PairableTimeout, bluezgen.Adapter1Discovering, bluezgen.Adapter1UUIDs,
			bluezgen.Adapter1Modalias, bluezgen.Adapter1Roles),
		Address: a.address, AddressType: bluezgen.AddressTypePublic, Name: systemName, Alias: a.showAlias(), Class: 0x400000, Powered: a.powered,
		DiscoverableTimeout: 180, Modalias: "usb:v1D6Bp0246d0552", Roles: a.roles,
		UUIDs: []string{longUUID("1800"), longUUID("1801"), longUUID("180a")},
	}
	if b.since(Version566) {
		p.Add(bluezgen.Adapter1PowerState)
		p.PowerState = powerState(a.powered)
	}
	if b.since(version571) {
		p.Add(bluezgen.Adapter1Manufacturer, bluezgen.Adapter1Version)
		p.Manufacturer, p.Version = 0x05f1, 9 // the Linux Foundation; Core specification 5.0
	}
	if b.since(Version579) {
		p.Add(bluezgen.Adapter1Connectable)
	}
	return p
}

func powerState(on bool) bluezgen.PowerState {
	if on {
		return bluezgen.PowerStateOn
	}
	return bluezgen.PowerStateOff
}

// powered reports whether the radio is on. The world is locked.
func (o *adapterObject) powered() bool { return o.adapter.powered }

// power switches the radio and shows that. Going off, BlueZ first ends the
// connections and forgets the discovery sessions. The world is locked.
func (o *adapterObject) power(on bool) {
	if on == o.adapter.powered {
		return
	}
	if !on {
		o.showPower(bluezgen.PowerStateOnDisabling)
		for _, d := range o.all() {
			d.dropLink(bluezgen.DisconnectReasonUnknown, "Unspecified")
		}
		o.discovery.powerOff()
		o.hide()
		o.advertising.powerOff()
	} else {
		o.showPower(bluezgen.PowerStateOffEnabling)
	}
	o.adapter.powered = on
	o.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Powered), Powered: on})
	o.showPower(powerState(on))
}

func (o *adapterObject) showPower(s bluezgen.PowerState) {
	if o.bluetoothd.since(Version566) {
		o.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1PowerState), PowerState: s})
	}
}

// update shows changed properties.
func (o *adapterObject) update(p bluezgen.Adapter1Properties) {
	o.bluetoothd.complain("show a change of an adapter", o.Update(p))
}

// all returns the devices in order of their paths. The world is locked.
func (o *adapterObject) all() []*deviceObject {
	all := make([]*deviceObject, 0, len(o.devices))
	for _, path := range slices.Sorted(maps.Keys(o.devices)) {
		all = append(all, o.devices[path])
	}
	return all
}

// unplug removes the adapter and its devices from the bus. The world is locked.
func (o *adapterObject) unplug() {
	for _, d := range o.all() {
		d.dropLink(bluezgen.DisconnectReasonUnknown, "Unspecified")
		d.remove()
	}
	o.discovery.halt()
	o.advertising.release()
	o.haltManagers()
	o.stopDiscoverableTimer()
	delete(o.bluetoothd.objects, o.adapter)
	o.export.Close()
}

// halt ends what the adapter does, without a word on the bus. The world is locked.
func (o *adapterObject) halt() {
	o.discovery.halt()
	o.haltManagers()
	o.stopDiscoverableTimer()
	for _, d := range o.all() {
		d.halt()
	}
}

// haltManagers ends what clients have registered, without a word to them. The world is
// locked.
func (o *adapterObject) haltManagers() {
	o.monitors.halt()
	o.advertising.halt()
	o.gatt.halt()
	o.batteries.halt()
}

// clientLeft ends the sessions of a client. The world is locked.
func (o *adapterObject) clientLeft(name string) {
	o.discovery.clientLeft(name)
	o.monitors.clientLeft(name)
	o.advertising.clientLeft(name)
	o.gatt.clientLeft(name)
	o.batteries.clientLeft(name)
	for _, d := range o.all() {
		d.clientLeft(name)
	}
}

// RemoveDevice forgets a device: its bond, its cache, its object. A connection is ended
// first, with the grace time of Disconnect.
func (o *adapterObject) RemoveDevice(ctx context.Context, device dbus.ObjectPath) error {
	w := o.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	d := o.devices[device]
	switch {
	case d == nil:
		return bluezgen.ErrDoesNotExist.With("Does Not Exist")
	case !o.powered():
		return bluezgen.ErrNotReady.With("Resource Not Ready")
	}
	d.forget()
	if !d.connected() {
		d.remove()
		return nil
	}
	down := d.requestRemoval()
	w.mu.Unlock()
	bus.Release(ctx)
	err := o.bluetoothd.waitDown(ctx, down)
	w.mu.Lock()
	return err
}

// SetPowered switches the radio.
func (o *adapterObject) SetPowered(ctx context.Context, on bool) error {
	bus.Release(ctx)
	if err := o.bluetoothd.sleep(ctx, o.bluetoothd.delays().PowerOn); err != nil {
		return err
	}
	o.bluetoothd.world.do(func() { o.power(on) })
	return nil
}
