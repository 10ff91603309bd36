package facade

import (
	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// packetProperties are those that only a received packet changes. At the end of a
// discovery BlueZ invalidates RSSI and TxPower, which says nothing about a device.
var packetProperties = bluezgen.Device1SetOf(bluezgen.Device1RSSI, bluezgen.Device1TxPower, bluezgen.Device1ManufacturerData,
	bluezgen.Device1ServiceData, bluezgen.Device1AdvertisingFlags, bluezgen.Device1AdvertisingData)

// heard reports whether a packet from the device was the cause of what happened to
// its object. Connected, Paired and their kind change without one; names and
// services are read over a connection too.
func heard(kind bus.EventKind, r *bluezgen.Device1Update) bool {
	switch kind {
	case bus.Added:
		// A restarted bluetoothd adds the devices that it knows, of which it has
		// heard nothing yet.
		return r.Intersects(packetProperties) || !r.Connected && !r.Paired && !r.Trusted
	case bus.Changed:
		return r.Changed.Intersects(packetProperties) ||
			!r.Connected && (r.Changed.Has(bluezgen.Device1Name) || r.Changed.Has(bluezgen.Device1UUIDs))
	}
	return false
}

// newAdvertisement returns what is known of a device.
func newAdvertisement(path dbus.ObjectPath, p *bluezgen.Device1Properties) *Advertisement {
	adv := &Advertisement{Device: newDevice(path, p)}
	adv.update(p, advertisedProperties)
	return adv
}

// advertisedProperties are those that an Advertisement holds.
var advertisedProperties = bluezgen.Device1SetOf(bluezgen.Device1Address, bluezgen.Device1AddressType, bluezgen.Device1Name,
	bluezgen.Device1RSSI, bluezgen.Device1TxPower, bluezgen.Device1UUIDs, bluezgen.Device1ManufacturerData, bluezgen.Device1ServiceData)

// unavailableRSSI is the value with which controllers say that they do not know
// (Core Specification, Vol 4, Part E, 7.7.65.2); BlueZ passes it on.
const unavailableRSSI = 127

// update takes over the given properties, present or not. What adv shares with its
// copies is replaced, never changed.
func (a *Advertisement) update(p *bluezgen.Device1Properties, which bluezgen.Device1Set) {
	if which.Has(bluezgen.Device1Address) || which.Has(bluezgen.Device1AddressType) || which.Has(bluezgen.Device1Name) {
		a.Device = newDevice(a.Device.path, p)
		a.Address, a.AddressType, a.Adapter, a.Name = a.Device.Address, a.Device.AddressType, a.Device.Adapter, a.Device.Name
	}
	if which.Has(bluezgen.Device1RSSI) {
		a.RSSI, a.HasRSSI = unknownRSSI, p.Has(bluezgen.Device1RSSI) && p.RSSI != unavailableRSSI
		if a.HasRSSI {
			a.RSSI = p.RSSI
		}
	}
	if which.Has(bluezgen.Device1TxPower) {
		a.TxPower, a.HasTxPower = p.TxPower, p.Has(bluezgen.Device1TxPower)
	}
	if which.Has(bluezgen.Device1UUIDs) {
		a.ServiceUUIDs = parseUUIDs(p.UUIDs)
	}
	if which.Has(bluezgen.Device1ManufacturerData) {
		a.ManufacturerData = p.ManufacturerData
	}
	if which.Has(bluezgen.Device1ServiceData) {
		a.ServiceData = nil
		if len(p.ServiceData) > 0 {
			a.ServiceData = make(map[UUID][]byte, len(p.ServiceData))
		}
		for text, data := range p.ServiceData {
			if u, ok := parseUUID(text); ok {
				a.ServiceData[u] = data
			}
		}
	}
}

// parseUUIDs parses what BlueZ printed; what is no UUID is left out.
func parseUUIDs(texts []string) []UUID {
	if len(texts) == 0 {
		return nil
	}
	uuids := make([]UUID, 0, len(texts))
	for _, text := range texts {
		if u, ok := parseUUID(text); ok {
			uuids = append(uuids, u)
		}
	}
	return uuids
}

func newDevice(path dbus.ObjectPath, p *bluezgen.Device1Properties) Device {
	d := Device{AddressType: AddressType(p.AddressType), Name: p.Name, Adapter: base(parent(path)), path: path}
	d.Address, _ = ParseAddress(p.Address)
	return d
}
