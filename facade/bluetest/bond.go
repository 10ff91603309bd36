package bluetest

import (
	"cmp"

	"github.com/gobluez/bluez/bluezgen"
)

// complete shows and stores what a pairing has brought: the identity, the keys and the
// state. The world is locked, as for the methods below.
func (d *deviceObject) complete(l *link, mitm bool) {
	p := l.peripheral
	l.encrypted, l.mitm = true, mitm
	var changed bluezgen.Device1Properties
	if p.identity != "" && p.identity != d.stored.identity {
		d.identify(p, &changed)
	}
	if !p.declared.Pairing.NoBonding && !d.stored.private() {
		p.bonds[d.adapter.adapter] = true
		d.stored.bonded, d.stored.mitm = true, mitm
		d.keep()
		d.bonded(&changed)
	}
	if !d.pairing.paired {
		d.pairing.paired, d.pairing.pending = true, true
		d.connection.bearer.showPaired(true)
	}
	if d.Properties().ServicesResolved {
		d.addPaired(&changed)
	}
	if !changed.Empty() {
		d.update(changed)
	}
	if other := l.twin; other != nil && !other.encrypted {
		other.device.complete(other, mitm)
	}
}

// identify notes the address that the device has told, which had another on the air. The
// object's path stays.
func (d *deviceObject) identify(p *Peripheral, changed *bluezgen.Device1Properties) {
	d.stored.identity = p.identity
	d.stored.addressType = cmp.Or(p.declared.IdentityType, bluezgen.AddressTypePublic)
	changed.Add(bluezgen.Device1Address, bluezgen.Device1AddressType)
	changed.Address, changed.AddressType = d.stored.identity, d.stored.addressType
}

func (d *deviceObject) bonded(changed *bluezgen.Device1Properties) {
	d.connection.bearer.showBonded(true)
	if d.adapter.bluetoothd.since(version565) {
		changed.Add(bluezgen.Device1Bonded)
		changed.Bonded = true
	}
}

// addPaired adds Paired to what is to be shown, if it waits for that.
func (d *deviceObject) addPaired(changed *bluezgen.Device1Properties) {
	if d.pairing.pending {
		d.pairing.pending = false
		changed.Add(bluezgen.Device1Paired)
		changed.Paired = true
	}
}

// private reports whether the address is one that a device changes from time to time,
// and no other is known (Core specification, volume 6, part B, section 1.3.2.2).
func (s *storedDevice) private() bool {
	return s.addressType == bluezgen.AddressTypeRandom && s.identity < "8"
}

// servicesResolved is called when ServicesResolved has become true. BlueZ shows together
// with that, by addPaired, that a device is paired, and only now answers Pair.
func (d *deviceObject) servicesResolved() {
	if a := d.pairing.attempt; a != nil && d.pairing.paired {
		a.end(nil)
	}
}

// dropKeys ends a pairing whose keys nobody keeps, with its link. It reports whether that
// is to be shown.
func (d *deviceObject) dropKeys() bool {
	if !d.pairing.paired || d.stored.bonded {
		return false
	}
	shown := !d.pairing.pending
	d.pairing.paired, d.pairing.pending = false, false
	d.connection.bearer.showPaired(false)
	return shown
}

// unbond forgets the keys, also those that another adapter would find here.
func (d *deviceObject) unbond() {
	d.stored.bonded, d.pairing.paired = false, false
	if other := d.adapter.bluetoothd.world.adapterAt(d.stored.identity); other != nil {
		delete(d.adapter.adapter.station.bonds, other)
	}
}

// discard makes a device one that vanishes by itself, unless it is of use to somebody. The
// end of each link does that, and each failure to connect or to pair.
func (d *deviceObject) discard() {
	if d.connected() || d.stored.bonded || d.stored.trusted || d.removed {
		return
	}
	d.temporary = true
	d.wasHeard()
}
