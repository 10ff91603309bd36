package bluetest

import (
	"bytes"
	"cmp"
	"maps"
	"slices"

	"github.com/gobluez/bluez/bluezgen"
)

// A sighting is what BlueZ knows of a device's advertisements beside what it shows.
type sighting struct {
	connectable bool     // so the last packet said
	found       bool     // in the discovery that goes on
	uuids       []string // that were advertised
}

// listening reports whether the adapter hears advertisements. The world is locked, as for
// all here.
func (o *adapterObject) listening() bool {
	return o.powered() && (o.discovery.round || o.monitors.active())
}

// hear does what BlueZ does when the kernel tells of a packet.
func (o *adapterObject) hear(p *Peripheral, r *report, rssi int16) {
	monitors := o.monitors.matching(r)
	monitored := len(monitors) > 0
	wanted := o.discovery.on && o.discovery.matches(r, rssi)
	if !wanted && !monitored {
		return
	}
	discoverable, autoConnect := o.discovery.discoverable(r, p.address)
	wanted = wanted && discoverable
	d := p.advertiser.object(o)
	if d == nil {
		if d = o.found(p, r, rssi, wanted || monitored); d == nil {
			return
		}
	} else if d.wasHeard(); wanted || monitored {
		d.advertised(r, rssi)
	}
	d.sighting.connectable = r.connectable
	for _, m := range monitors {
		m.heard(d, rssi)
	}
	if o.discovery.on && (wanted || monitored) && !d.sighting.found {
		d.sighting.found = true
		if autoConnect && !d.connected() && !d.connecting() {
			d.connectHeard()
		}
	}
}

// found makes the object of a device that was not known, if BlueZ does so.
func (o *adapterObject) found(p *Peripheral, r *report, rssi int16, wanted bool) *deviceObject {
	b := o.bluetoothd
	if r.scanResponse && b.since("5.67") {
		return nil
	}
	// These releases make an object of whatever can be connected to, but tell nothing of it.
	bare := r.connectable && b.since("5.78") && !b.since("5.83")
	if !wanted && !bare {
		return nil
	}
	var seen sighting
	var properties bluezgen.Device1Properties
	if wanted {
		properties = seen.take(bluezgen.Device1Properties{}, "", r, rssi, o)
	}
	d, _, err := o.discovered(p, properties)
	if err != nil {
		b.complain("show a device", err)
		return nil
	}
	d.sighting = seen
	d.wasHeard()
	return d
}

// advertised shows what a packet changes, in one signal.
func (d *deviceObject) advertised(r *report, rssi int16) {
	p := d.sighting.take(d.Properties(), d.stored.name, r, rssi, d.adapter)
	if p.Has(bluezgen.Device1Name) {
		d.stored.name = p.Name
		if d.stored.alias == "" {
			p.Add(bluezgen.Device1Alias)
			p.Alias = p.Name
		}
	}
	if p.Has(bluezgen.Device1Appearance) {
		d.stored.appearance = p.Appearance
	}
	if !p.Empty() {
		d.update(p)
	}
}

// take returns the properties that a packet changes. now is what is shown,
// and name what the device is called so far.
func (s *sighting) take(now bluezgen.Device1Properties, name string, r *report, rssi int16, o *adapterObject) (p bluezgen.Device1Properties) {
	if strengthMoved(now.RSSI, rssi, o.discovery.rssiStep()) {
		p.Add(bluezgen.Device1RSSI)
		p.RSSI = rssi
	}
	if r.hasTxPower && (!now.Has(bluezgen.Device1TxPower) || now.TxPower != int16(r.txPower)) {
		p.Add(bluezgen.Device1TxPower)
		p.TxPower = int16(r.txPower)
	}
	if r.appearance != 0 && now.Appearance != r.appearance {
		p.Add(bluezgen.Device1Appearance)
		p.Appearance = r.appearance
		if icon := icon(r.appearance); icon != "" {
			p.Add(bluezgen.Device1Icon)
			p.Icon = icon
		}
	}
	if heard := o.bluetoothd.shownName(r.name); heard != "" && (r.complete || name == "") && heard != name {
		p.Add(bluezgen.Device1Name)
		p.Name = heard
	}
	if flags := []byte{r.flags}; !bytes.Equal(now.AdvertisingFlags, flags) {
		p.Add(bluezgen.Device1AdvertisingFlags)
		p.AdvertisingFlags = flags
	}
	s.takeData(now, r, o, &p)
	return p
}

// strengthMoved reports whether a strength is shown. 0 is none.
func strengthMoved(shown, heard, step int16) bool {
	if shown == 0 || heard == 0 {
		return shown != heard
	}
	return heard-shown >= step || shown-heard >= step
}

// takeData adds the data and the service UUIDs of a packet. Data that a client wants of
// each packet alone replaces what was shown, and is shown even if it is the same; but a
// packet that has none leaves it. Otherwise keys are added up, and only changes are shown.
func (s *sighting) takeData(now bluezgen.Device1Properties, r *report, o *adapterObject, p *bluezgen.Device1Properties) {
	duplicates := o.discovery.duplicates()
	uuids := r.uuids
	if data, changed := accumulate(now.ManufacturerData, r.manufacturerData, duplicates); len(changed) > 0 {
		p.Add(bluezgen.Device1ManufacturerData)
		p.ManufacturerData = data
	}
	if data, changed := accumulate(now.ServiceData, r.serviceData, duplicates); len(changed) > 0 {
		p.Add(bluezgen.Device1ServiceData)
		p.ServiceData = data
		uuids = append(slices.Clip(uuids), changed...)
	}
	if o.bluetoothd.hasAdvertisingData() {
		data, changed := accumulate(now.AdvertisingData, r.data, duplicates)
		// Of data that it does not understand BlueZ tells changes of this type only. The
		// rest is there when the object comes.
		if isNew := now.Address == ""; isNew && len(changed) > 0 || slices.Contains(changed, adTransport) {
			p.Add(bluezgen.Device1AdvertisingData)
			p.AdvertisingData = data
		}
	}
	if now.ServicesResolved {
		return // from then on these are the services that the device really has
	}
	known := len(s.uuids)
	for _, uuid := range uuids {
		if !slices.Contains(s.uuids, uuid) {
			s.uuids = append(s.uuids, uuid)
		}
	}
	if len(s.uuids) > known {
		p.Add(bluezgen.Device1UUIDs)
		p.UUIDs = slices.Clone(s.uuids)
	}
}

// accumulate returns a dictionary with what was heard in it, and which keys of that are
// to be shown.
func accumulate[K cmp.Ordered](shown, heard map[K][]byte, duplicates bool) (all map[K][]byte, changed []K) {
	if duplicates {
		shown = nil
	}
	for _, key := range slices.Sorted(maps.Keys(heard)) {
		if old, ok := shown[key]; !ok || !bytes.Equal(old, heard[key]) {
			changed = append(changed, key)
		}
	}
	if len(changed) == 0 {
		return shown, nil
	}
	all = maps.Clone(shown)
	if all == nil {
		all = map[K][]byte{}
	}
	maps.Copy(all, heard)
	return all, changed
}

// hasAdvertisingData reports whether there is Device1.AdvertisingData, which was
// experimental at first.
func (b *bluetoothd) hasAdvertisingData() bool {
	return b.world.config.experimental || b.since("5.78")
}

// outOfSight takes away what holds only while the device is heard.
func (d *deviceObject) outOfSight() {
	if !d.sighting.found {
		return
	}
	d.sighting.found = false
	now := d.Properties()
	var gone []bluezgen.Device1Property
	for _, p := range [...]bluezgen.Device1Property{bluezgen.Device1TxPower, bluezgen.Device1RSSI} {
		if now.Has(p) {
			gone = append(gone, p)
		}
	}
	if len(gone) > 0 {
		_ = d.Invalidate(gone...) // as update
	}
}

// icon returns BlueZ's icon for an appearance, by its category and in some by the kind of
// device within.
func icon(appearance uint16) string {
	const categoryShift, kinds = 6, 0x3f
	switch appearance >> categoryShift {
	case 0x01:
		return "phone"
	case 0x02:
		return "computer"
	case 0x05:
		return "video-display"
	case 0x0a:
		return "multimedia-player"
	case 0x0b:
		return "scanner"
	case 0x0f:
		return [...]string{1: "input-keyboard", 2: "input-mouse", 3: "input-gaming", 4: "input-gaming", 5: "input-tablet", 8: "scanner", kinds: ""}[appearance&kinds]
	}
	return ""
}

// connectHeard connects to a device that was just heard, as a client asked for with its
// filter.
func (d *deviceObject) connectHeard() { _, _ = d.connect() }
