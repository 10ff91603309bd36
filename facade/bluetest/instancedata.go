package bluetest

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// The AD types of services that are looked for, and the flags (Assigned Numbers, section
// 2.3; Core specification supplement, part A, section 1.3).
const (
	adSolicit16  = 0x14
	adSolicit128 = 0x15
	adSolicit32  = 0x1f

	flagLimited = 0x01 // discoverable for a time
	flagGeneral = 0x02 // discoverable
	flagNoBREDR = 0x04
)

// The limits of an advertisement's parameters.
const (
	minAdvertisingInterval = 20       // ms
	maxAdvertisingInterval = 10485759 // ms
	minTxPower             = -127     // dBm
	maxTxPower             = 20
	maxShortName           = 10 // bytes of the adapter's name, beyond which it is cut
)

// parse returns what is sent for the properties as they are, and what is heard of it. The
// world is locked.
func (i *instance) parse() (Advertisement, *report, error) {
	if !i.valid() {
		return Advertisement{}, nil, errUnparsed()
	}
	advertisement := Advertisement{
		Interval: i.bluetoothd.delays().Advertising, Beacon: i.broadcasts(), TxPower: i.txPower(),
		ServiceUUIDs: i.properties.ServiceUUIDs, ManufacturerData: i.properties.ManufacturerData, ServiceData: i.properties.ServiceData,
		Data: i.properties.Data,
	}
	if p := &i.properties; p.MinInterval > 0 && p.MaxInterval > 0 {
		advertisement.Interval = time.Duration(p.MinInterval) * time.Millisecond
	}
	advertisement.Interval = max(advertisement.Interval, time.Millisecond)
	first, ok := i.fields(&advertisement)
	if !ok {
		return Advertisement{}, nil, errUnparsed()
	}
	response, ok := i.response()
	if !ok {
		return Advertisement{}, nil, errUnparsed()
	}
	if i.manager.object.adapter.extended && !i.broadcasts() && (i.properties.SecondaryChannel != "" || size(first) > maxLegacy && i.bluetoothd.since(version576)) {
		// Packets of extended advertising that one can connect to have no response; the
		// name is put in front.
		if i.properties.LocalName != "" {
			first = append(first, field{adName, []byte(i.properties.LocalName)})
		}
		response = nil
	}
	if size(first) > i.manager.room() || size(response) > i.manager.room() {
		return Advertisement{}, nil, errUnregistered()
	}
	advertisement.NameLater = slices.ContainsFunc(response, func(f field) bool { return f.kind == adName || f.kind == adShortName })
	return advertisement, newReport(append(first, response...), !i.broadcasts()), nil
}

// size returns how many bytes fields take.
func size(fields []field) (total int) {
	for _, f := range fields {
		total += f.size()
	}
	return total
}

// broadcasts reports whether nobody can connect, which is so unless it is asked for.
func (i *instance) broadcasts() bool {
	return i.properties.Type != bluezgen.AdvertisementTypePeripheral
}

// includes reports whether the adapter is asked to put something in.
func (i *instance) includes(what bluezgen.AdvertisingInclude) bool {
	return slices.Contains(i.properties.Includes, what)
}

// txPower returns the power that is advertised, nil if none is.
func (i *instance) txPower() *int8 {
	if !i.includes(bluezgen.AdvertisingIncludeTxPower) {
		return nil
	}
	power := int8(i.properties.TxPower)
	return &power
}

// valid reports whether BlueZ takes the properties, as far as they are not content.
func (i *instance) valid() bool {
	p := &i.properties
	switch p.Type {
	case bluezgen.AdvertisementTypePeripheral, bluezgen.AdvertisementTypeBroadcast:
	default:
		if p.Has(bluezgen.LEAdvertisement1Type) {
			return false
		}
	}
	interval := func(property bluezgen.LEAdvertisement1Property, ms uint32) bool {
		return !p.Has(property) || ms >= minAdvertisingInterval && ms <= maxAdvertisingInterval
	}
	return !(p.Has(bluezgen.LEAdvertisement1LocalName) && i.includes(bluezgen.AdvertisingIncludeLocalName)) &&
		!(p.Has(bluezgen.LEAdvertisement1Appearance) && i.includes(bluezgen.AdvertisingIncludeAppearance)) &&
		!(p.Discoverable && i.broadcasts()) &&
		!(p.Discoverable && p.Timeout > 0 && p.Timeout < p.DiscoverableTimeout) &&
		(!p.Has(bluezgen.LEAdvertisement1SecondaryChannel) || i.manager.object.adapter.extended && slices.Contains(secondaryChannels, p.SecondaryChannel)) &&
		interval(bluezgen.LEAdvertisement1MinInterval, p.MinInterval) && interval(bluezgen.LEAdvertisement1MaxInterval, p.MaxInterval) &&
		p.MinInterval <= p.MaxInterval &&
		p.TxPower >= minTxPower && p.TxPower <= maxTxPower
}

// fields returns the AD structures of the advertisement itself, false if there are some
// that BlueZ does not take.
func (i *instance) fields(a *Advertisement) (fields []field, ok bool) {
	p := &i.properties
	if flags, has := i.flags(); has {
		fields = append(fields, field{adFlags, []byte{flags}})
	}
	content, err := a.content()
	if err != nil || !i.fits(content) || !i.takes(a) {
		return nil, false
	}
	solicited, ok := solicitation(p.SolicitUUIDs)
	fields = append(append(fields, content...), solicited...)
	if p.Has(bluezgen.LEAdvertisement1Appearance) || i.includes(bluezgen.AdvertisingIncludeAppearance) {
		fields = append(fields, field{adAppearance, binary.LittleEndian.AppendUint16(nil, p.Appearance)})
	}
	return fields, ok
}

// hasEmpty reports whether there is data of no length, which BlueZ does not take.
func hasEmpty[K comparable](data map[K][]byte) bool {
	for _, d := range data {
		if len(d) == 0 {
			return true
		}
	}
	return false
}

// takes reports whether BlueZ takes the data of an advertisement or a scan response.
func (i *instance) takes(a *Advertisement) bool {
	return !hasEmpty(a.ManufacturerData) && !hasEmpty(a.ServiceData) && !hasEmpty(a.Data) &&
		!slices.ContainsFunc(slices.Collect(maps.Keys(a.Data)), ownType)
}

// fits reports whether each field alone has room.
func (i *instance) fits(fields []field) bool {
	return !slices.ContainsFunc(fields, func(f field) bool { return len(f.data) > i.manager.room()-2 })
}

// flags returns the flags, false if there are none.
func (i *instance) flags() (flags byte, has bool) {
	p, o := &i.properties, i.manager.object
	own := p.Has(bluezgen.LEAdvertisement1Discoverable) && !i.hidden
	switch {
	case own && p.Discoverable && p.DiscoverableTimeout > 0:
		flags = flagLimited
	case own && p.Discoverable, !own && !i.broadcasts() && o.Properties().Discoverable:
		flags = flagGeneral
	case !own || i.broadcasts():
		return 0, false
	}
	if o.adapter.leOnly || own && !o.Properties().Discoverable {
		flags |= flagNoBREDR
	}
	return flags, true
}

// response returns the AD structures of the scan response. A name that does not fit is
// cut.
func (i *instance) response() (fields []field, ok bool) {
	p := &i.properties
	ok = true
	if i.bluetoothd.world.config.experimental && i.bluetoothd.since(version580) {
		a := Advertisement{
			ServiceUUIDs: p.ScanResponseServiceUUIDs, ManufacturerData: p.ScanResponseManufacturerData,
			ServiceData: p.ScanResponseServiceData, Data: p.ScanResponseData,
		}
		content, err := a.content()
		if err != nil || !i.fits(content) || !i.takes(&a) {
			return nil, false
		}
		solicited, known := solicitation(p.ScanResponseSolicitUUIDs)
		fields, ok = append(content, solicited...), known
	}
	switch name := p.LocalName; {
	case name != "":
		fields = append(fields, nameField(name, i.manager.room()-size(fields)-2))
	case i.includes(bluezgen.AdvertisingIncludeLocalName):
		fields = append(fields, nameField(i.manager.object.adapter.showAlias(), maxShortName))
	}
	return fields, ok
}

// nameField returns a name, which is cut if there is no room for all of it.
func nameField(name string, room int) field {
	if len(name) > room {
		return field{adShortName, []byte(name[:max(room, 0)])}
	}
	return field{adName, []byte(name)}
}

// solicitation returns lists of the services that are looked for.
func solicitation(uuids []string) (fields []field, ok bool) {
	a := Advertisement{ServiceUUIDs: uuids}
	fields, err := a.uuidFields()
	for i, f := range fields {
		fields[i].kind = map[byte]byte{adUUIDs16: adSolicit16, adUUIDs32: adSolicit32, adUUIDs128: adSolicit128}[f.kind]
	}
	return fields, err == nil
}

// ownType reports whether an AD type is one that BlueZ makes itself and does not take
// from others.
func ownType(kind byte) bool {
	switch kind {
	case 0x24, 0x25, adTransport, 0x2e: // among these
		return false
	}
	return kind > 0 && kind <= 0x10 || kind >= 0x11 && kind <= 0x2b && kind != 0x13 || kind == 0x3d || kind == adManufacturerData
}
