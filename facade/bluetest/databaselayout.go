package bluetest

import (
	"encoding/binary"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/wire"
)

// valid reports whether there are services or profiles, and whether objects belong to
// each other and have flags that BlueZ knows.
func (o *applicationObjects) valid() bool {
	if len(o.services)+len(o.profiles) == 0 {
		return false
	}
	for _, p := range o.profiles {
		if len(p.properties.UUIDs) == 0 {
			return false
		}
	}
	services, characteristics := map[dbus.ObjectPath]bool{}, map[dbus.ObjectPath]bool{}
	for _, s := range o.services {
		services[s.path] = true
	}
	for _, c := range o.characteristics {
		if !services[c.properties.Service] || len(c.properties.Flags) == 0 || checkFlags(characteristicFlags, c.properties.Flags) != nil {
			return false
		}
		characteristics[c.path] = true
	}
	for _, d := range o.descriptors {
		if !characteristics[d.properties.Characteristic] || len(d.properties.Flags) == 0 || checkFlags(descriptorFlags, d.properties.Flags) != nil {
			return false
		}
	}
	return true
}

// A databaseLayout is the work of giving the attributes of an application their handles.
type databaseLayout struct {
	application *servingApplication
	objects     *applicationObjects
	taken       []handles // of other services
	last        int       // handle that was ever given

	services []*service
	values   map[dbus.ObjectPath]*characteristic
	assigned []assignment // which tell the application its handles
}

// handles are those from one to another, of a service.
type handles struct{ from, to int }

// ranges returns the handles that are taken. The world is locked.
func (m *gattManager) ranges() []handles {
	var all []handles
	for _, s := range m.object.adapter.station.attributes.services {
		all = append(all, handles{int(s.handle), int(s.end)})
	}
	return all
}

// layOut is false if there is something that BlueZ does not take.
func (l *databaseLayout) layOut() bool {
	l.values = map[dbus.ObjectPath]*characteristic{}
	for _, s := range l.objects.services {
		if !l.service(s) {
			return false
		}
	}
	return true
}

// servedUUID returns the UUID of an object, which is not one of the services that are
// bluetoothd's own.
func servedUUID(text string) (uuid string, ok bool) {
	uuid, err := parseUUID(text)
	return uuid, err == nil && uuid != uuidGAPService && uuid != uuidGATTService
}

func (l *databaseLayout) service(o applicationObject[bluezgen.GattService1Properties]) bool {
	p := o.properties
	uuid, ok := servedUUID(p.UUID)
	if !ok || !p.Has(bluezgen.GattService1Primary) {
		return false
	}
	from := int(p.Handle)
	if from == 0 {
		from = l.last + 1
	}
	slots := &handleSlots{from: from, used: make([]bool, l.size(o))}
	to := from + len(slots.used) - 1
	if to > 0xffff || slices.ContainsFunc(l.taken, func(r handles) bool { return from <= r.to && to >= r.from }) {
		return false
	}
	l.taken, l.last = append(l.taken, handles{from, to}), max(l.last, to)
	slots.used[0] = true
	s := &service{uuid: uuid, handle: uint16(from), end: uint16(to), primary: p.Primary, path: o.path}
	if p.Handle == 0 && p.Has(bluezgen.GattService1Handle) {
		l.assign(o.path, bluezgen.GattService1Interface, bluezgen.GattService1Handle.String(), s.handle)
	}
	for _, path := range p.Includes {
		if i := slices.IndexFunc(l.services, func(other *service) bool { return other.path == path }); i >= 0 && slots.take(new(uint16), 0) {
			s.includes = append(s.includes, l.services[i].handle)
		}
	}
	l.services = append(l.services, s)
	for _, c := range l.objects.characteristics {
		if c.properties.Service == o.path && !l.characteristic(s, slots, c) {
			return false
		}
	}
	return true
}

// size returns how many handles a service takes.
func (l *databaseLayout) size(o applicationObject[bluezgen.GattService1Properties]) int {
	n := 1 + len(o.properties.Includes)
	for _, c := range l.objects.characteristics {
		if c.properties.Service != o.path {
			continue
		}
		n += 2
		if c := newServedCharacteristic("", c.properties); c.notifies() {
			n++
		}
		if extendedProperties(c.properties) != 0 {
			n++
		}
		for _, d := range l.objects.descriptors {
			if d.properties.Characteristic == c.path {
				n++
			}
		}
	}
	return n
}

func newServedCharacteristic(uuid string, p bluezgen.GattCharacteristic1Properties) *characteristic {
	return &characteristic{uuid: uuid, flags: visibleFlags(p.Flags)}
}

// extendedProperties returns the value of the descriptor 2900, 0 if there is none.
func extendedProperties(p bluezgen.GattCharacteristic1Properties) (bits uint16) {
	if slices.Contains(p.Flags, bluezgen.CharacteristicFlagReliableWrite) {
		bits |= 1
	}
	if slices.Contains(p.Flags, bluezgen.CharacteristicFlagWritableAuxiliaries) {
		bits |= 2
	}
	return bits
}

func (l *databaseLayout) characteristic(s *service, slots *handleSlots, o applicationObject[bluezgen.GattCharacteristic1Properties]) bool {
	p := o.properties
	uuid, ok := servedUUID(p.UUID)
	if !ok {
		return false
	}
	c := newServedCharacteristic(uuid, p)
	allowed := characteristicAccess(p.Flags)
	authorizes := allowed.authorize
	allowed.authorize = false // it is the application that is asked
	value := p.Handle
	if value != 0 {
		c.handle = value - 1
	}
	if value == 1 || !slots.take(&c.handle, 1) || !slots.take(&value, 0) {
		return false
	}
	c.value = &attribute{uuid: uuid, handle: value, characteristic: c, access: allowed, served: &served{
		application: l.application, path: o.path, authorizes: authorizes,
		unanswered:     c.has(bluezgen.CharacteristicFlagWriteWithoutResponse),
		acquiresWrite:  p.Has(bluezgen.GattCharacteristic1WriteAcquired),
		acquiresNotify: p.Has(bluezgen.GattCharacteristic1NotifyAcquired),
	}}
	if c.notifies() {
		c.configuration = &attribute{uuid: uuidClientConfiguration, characteristic: c, access: configurationAccess(p.Flags)}
		if !slots.add(c, c.configuration) {
			return false
		}
	}
	if bits := extendedProperties(p); bits != 0 {
		extended := &attribute{uuid: uuidExtendedProperties, characteristic: c, access: access{read: true}, value: binary.LittleEndian.AppendUint16(nil, bits)}
		if !slots.add(c, extended) {
			return false
		}
	}
	if p.Handle == 0 && p.Has(bluezgen.GattCharacteristic1Handle) {
		l.assign(o.path, bluezgen.GattCharacteristic1Interface, bluezgen.GattCharacteristic1Handle.String(), value)
	}
	for _, d := range l.objects.descriptors {
		if d.properties.Characteristic == o.path && !l.descriptor(c, slots, d) {
			return false
		}
	}
	l.values[o.path] = c
	s.characteristics = append(s.characteristics, c)
	return true
}

func (l *databaseLayout) descriptor(c *characteristic, slots *handleSlots, o applicationObject[bluezgen.GattDescriptor1Properties]) bool {
	p := o.properties
	uuid, ok := servedUUID(p.UUID)
	if !ok {
		return false
	}
	allowed := descriptorAccess(p.Flags)
	authorizes := allowed.authorize
	allowed.authorize = false
	d := &attribute{uuid: uuid, handle: p.Handle, characteristic: c, access: allowed, served: &served{
		application: l.application, path: o.path, descriptor: true, authorizes: authorizes,
	}}
	if !slots.add(c, d) {
		return false
	}
	if p.Handle == 0 && p.Has(bluezgen.GattDescriptor1Handle) {
		l.assign(o.path, bluezgen.GattDescriptor1Interface, bluezgen.GattDescriptor1Handle.String(), d.handle)
	}
	return true
}

// assign tells the application a handle that it left to BlueZ.
func (l *databaseLayout) assign(path dbus.ObjectPath, iface, property string, handle uint16) {
	l.assigned = append(l.assigned, assignment{path, iface, property, "q", func(e *wire.Encoder) { e.Uint16(handle) }})
}

// handleSlots are the handles of a service.
type handleSlots struct {
	from int
	used []bool
}

// take takes a handle, the first free one if it is 0, and leaves as many behind it. BlueZ
// does not look whether one that was asked for is taken.
func (s *handleSlots) take(handle *uint16, behind int) bool {
	i := int(*handle) - s.from
	if *handle == 0 {
		i = slices.Index(s.used, false)
	}
	if i <= 0 || i >= len(s.used)-behind {
		return false
	}
	s.used[i] = true
	*handle = uint16(s.from + i)
	return true
}

// add gives a descriptor its handle.
func (s *handleSlots) add(c *characteristic, d *attribute) bool {
	if !s.take(&d.handle, 0) {
		return false
	}
	c.descriptors = append(c.descriptors, d)
	return true
}
