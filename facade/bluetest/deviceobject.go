package bluetest

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A deviceObject is what bluetoothd shows and knows of a device on one adapter: Device1,
// and what hangs below it.
type deviceObject struct {
	bluezgen.UnimplementedDevice1Server
	*bluezgen.Device1Skeleton
	adapter *adapterObject
	path    dbus.ObjectPath
	export  *bus.Export

	// Guarded by the world.
	stored    *storedDevice
	temporary bool // neither paired nor connected to yet
	heard     time.Time
	expiry    *time.Timer
	removed   bool
	provided  *providedBattery // by an application; may be nil

	sighting   sighting
	connection connection
	pairing    pairing
	gatt       gattClient
}

// A storedDevice is what BlueZ has on disk of a device that is not temporary.
type storedDevice struct {
	address     string // by which the object is named
	identity    string // or the same
	addressType bluezgen.AddressType
	name        string
	alias       string // if it was set
	appearance  uint16
	uuids       []string
	trusted     bool
	blocked     bool
	bonded      bool
	mitm        bool // by an authenticated method
	noWake      bool
	cached      bool // the services are known
}

// device returns the object of a device, nil if there is none. The world is locked.
func (o *adapterObject) device(p *Peripheral) *deviceObject {
	for _, d := range o.devices {
		if d.stored.is(p) {
			return d
		}
	}
	return nil
}

// is reports whether this is the device.
func (s *storedDevice) is(p *Peripheral) bool {
	return s.address == p.address || s.identity == p.address || p.identity != "" && s.identity == p.identity && s.bonded
}

// discovered returns the object of a device, and makes it if there is none: with the
// properties that were heard. The world is locked.
func (o *adapterObject) discovered(p *Peripheral, heard bluezgen.Device1Properties) (d *deviceObject, isNew bool, err error) {
	if d := o.device(p); d != nil {
		return d, false, nil
	}
	s := &storedDevice{address: p.address, identity: p.address, addressType: p.addressType}
	d, err = o.newDevice(s, heard)
	if err == nil {
		d.temporary = true
	}
	return d, true, err
}

// restore makes the object of a device that is known from before. The world is locked.
func (o *adapterObject) restore(s *storedDevice) (*deviceObject, error) {
	return o.newDevice(s, bluezgen.Device1Properties{})
}

func (o *adapterObject) newDevice(s *storedDevice, heard bluezgen.Device1Properties) (*deviceObject, error) {
	d := &deviceObject{adapter: o, path: devicePath(o.path, s.address), stored: s}
	d.gatt.init(d)
	d.Device1Skeleton = bluezgen.NewDevice1Skeleton(d, d.properties(heard))
	var err error
	if d.export, err = o.bluetoothd.export(d.path, d.skeletons()...); err != nil {
		return nil, err
	}
	o.devices[d.path] = d
	return d, nil
}

// properties returns what Device1 has at first.
func (d *deviceObject) properties(heard bluezgen.Device1Properties) bluezgen.Device1Properties {
	s, b := d.stored, d.adapter.bluetoothd
	p := heard
	p.Add(bluezgen.Device1Address, bluezgen.Device1AddressType, bluezgen.Device1Alias, bluezgen.Device1Paired, bluezgen.Device1Trusted,
		bluezgen.Device1Blocked, bluezgen.Device1LegacyPairing, bluezgen.Device1Connected, bluezgen.Device1UUIDs, bluezgen.Device1Adapter,
		bluezgen.Device1ServicesResolved)
	p.Address, p.AddressType, p.Adapter = s.identity, s.addressType, d.adapter.path
	p.Paired, p.Bonded, p.Trusted, p.Blocked = s.bonded, s.bonded, s.trusted, s.blocked
	if s.name != "" && !p.Has(bluezgen.Device1Name) {
		p.Add(bluezgen.Device1Name)
		p.Name = s.name
	}
	if s.appearance != 0 && !p.Has(bluezgen.Device1Appearance) {
		p.Add(bluezgen.Device1Appearance)
		p.Appearance = s.appearance
	}
	if p.UUIDs == nil {
		p.UUIDs = s.uuids
	}
	s.name, s.appearance = p.Name, p.Appearance
	p.Alias = s.showAlias()
	if b.since(Version566) { // 5.65, to be exact
		p.Add(bluezgen.Device1Bonded)
	}
	if b.since(Version584) {
		p.Add(bluezgen.Device1CablePairing)
	}
	if s.bonded {
		p.Add(bluezgen.Device1WakeAllowed)
		p.WakeAllowed = !s.noWake
	}
	return p
}

// showAlias returns the alias: the one that was set, or the name, or the address.
func (s *storedDevice) showAlias() string {
	return cmp.Or(s.alias, s.name, strings.ReplaceAll(s.identity, ":", "-"))
}

// update shows changed properties.
func (d *deviceObject) update(p bluezgen.Device1Properties) {
	d.adapter.bluetoothd.complain("show a change of a device", d.Update(p))
}

// set shows one change: it fills in properties that it adds to the set.
func (d *deviceObject) set(change func(p *bluezgen.Device1Properties)) {
	var p bluezgen.Device1Properties
	change(&p)
	d.update(p)
}

// keep makes the device one that does not vanish by itself, and stores it. The world is
// locked.
func (d *deviceObject) keep() {
	if d.stored.private() {
		return // the device will have another address tomorrow
	}
	d.temporary = false
	if d.expiry != nil {
		d.expiry.Stop()
	}
	d.adapter.adapter.stored[d.stored.address] = d.stored
}

// forget removes what is stored of the device. The world is locked.
func (d *deviceObject) forget() {
	d.temporary = true
	delete(d.adapter.adapter.stored, d.stored.address)
	d.unbond()
}

// wasHeard lets a temporary device stay for another while. The world is locked.
func (d *deviceObject) wasHeard() {
	d.heard = time.Now()
	if !d.temporary {
		return
	}
	timeout := d.adapter.bluetoothd.delays().TemporaryTimeout
	if d.expiry == nil {
		d.expiry = d.adapter.bluetoothd.after(timeout, d.expire)
		return
	}
	d.expiry.Reset(timeout)
}

func (d *deviceObject) expire() {
	if d.temporary && !d.removed && !d.connected() && !d.connecting() {
		delete(d.adapter.adapter.stored, d.stored.address)
		d.remove()
	}
}

// remove takes the device and what is below it off the bus. The world is locked.
func (d *deviceObject) remove() {
	if d.removed {
		return
	}
	d.halt()
	if d.provided != nil {
		d.provided.hide()
	}
	d.gatt.remove()
	delete(d.adapter.devices, d.path)
	d.export.Close()
}

// halt ends what goes on with the device, without a word on the bus. The world is
// locked.
func (d *deviceObject) halt() {
	d.removed = true
	if d.expiry != nil {
		d.expiry.Stop()
	}
	d.haltPairing()
	d.haltConnection()
	d.gatt.halt()
}

// clientLeft ends the sessions of a client. The world is locked.
func (d *deviceObject) clientLeft(name string) { d.gatt.clientLeft(name) }

// peripheral returns the device in the world, nil if it was removed from it. The world
// is locked.
func (d *deviceObject) peripheral() *Peripheral {
	for _, p := range d.adapter.bluetoothd.world.peripherals {
		if d.stored.is(p) {
			return p
		}
	}
	for _, a := range d.adapter.bluetoothd.world.adapters {
		if a != d.adapter.adapter && d.stored.is(a.station) {
			return a.station
		}
	}
	return nil
}

// SetAlias sets the name that is shown; an empty one is the device's own again.
func (d *deviceObject) SetAlias(_ context.Context, alias string) error {
	d.adapter.bluetoothd.world.do(func() {
		before := d.stored.showAlias()
		d.stored.alias = alias
		if d.stored.showAlias() == before {
			return
		}
		d.set(func(p *bluezgen.Device1Properties) {
			p.Add(bluezgen.Device1Alias)
			p.Alias = d.stored.showAlias()
		})
	})
	return nil
}

// SetTrusted says that the device may use services without being asked for.
func (d *deviceObject) SetTrusted(_ context.Context, trusted bool) error {
	d.adapter.bluetoothd.world.do(func() {
		if d.stored.trusted == trusted {
			return
		}
		d.stored.trusted = trusted
		d.set(func(p *bluezgen.Device1Properties) {
			p.Add(bluezgen.Device1Trusted)
			p.Trusted = trusted
		})
	})
	return nil
}

// SetWakeAllowed says whether the device may wake the machine.
func (d *deviceObject) SetWakeAllowed(_ context.Context, allowed bool) error {
	d.adapter.bluetoothd.world.do(func() {
		if d.stored.noWake == !allowed {
			return
		}
		d.stored.noWake = !allowed
		d.set(func(p *bluezgen.Device1Properties) {
			p.Add(bluezgen.Device1WakeAllowed)
			p.WakeAllowed = allowed
		})
	})
	return nil
}
