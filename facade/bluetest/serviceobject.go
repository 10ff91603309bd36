package bluetest

import (
	"fmt"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A serviceObject is what bluetoothd shows of a service.
type serviceObject struct {
	*bluezgen.GattService1Skeleton
	client   *gattClient
	path     dbus.ObjectPath
	export   *bus.Export
	layout   string // what was discovered, to see whether that has changed
	readOnly bool

	characteristics []*characteristicObject
}

// sync shows services as they are now: objects of those that are gone or that have
// changed go, those that are new come, the others stay as they are. What cannot be
// exported is missing; that happens only at the end of the connection to the bus. The
// world is locked.
func (g *gattClient) sync(services []*service) {
	wanted := map[string]*service{}
	for _, s := range services {
		if !g.hides(s) {
			wanted[s.String()] = s
		}
	}
	g.objects = slices.DeleteFunc(g.objects, func(o *serviceObject) bool {
		if wanted[o.layout] != nil {
			delete(wanted, o.layout)
			return false
		}
		o.remove()
		return true
	})
	for _, s := range services {
		if wanted[s.String()] == s {
			if o := g.newService(s, services); o != nil {
				g.objects = append(g.objects, o)
			}
		}
	}
	slices.SortFunc(g.objects, func(a, b *serviceObject) int {
		switch {
		case a.path < b.path: // the handles have four digits
			return -1
		case a.path > b.path:
			return 1
		}
		return 0
	})
}

// String returns all that a client discovers of a service.
func (s *service) String() string {
	text := fmt.Sprintf("%s %04x %t %v", s.uuid, s.handle, s.primary, s.includes)
	for _, c := range s.characteristics {
		text += fmt.Sprintf(" / %s %04x %v", c.uuid, c.handle, c.flags)
		for _, d := range c.descriptors {
			text += fmt.Sprintf(" %s %04x", d.uuid, d.handle)
		}
	}
	return text
}

func servicePath(device dbus.ObjectPath, handle uint16) dbus.ObjectPath {
	return device + dbus.ObjectPath(fmt.Sprintf("/service%04x", handle))
}

// newService exports a service with all that is in it, parents first.
func (g *gattClient) newService(s *service, all []*service) *serviceObject {
	d := g.device
	o := &serviceObject{client: g, path: servicePath(d.path, s.handle), layout: s.String(), readOnly: g.readOnly(s)}
	p := bluezgen.GattService1Properties{
		GattService1Set: bluezgen.GattService1SetOf(bluezgen.GattService1UUID, bluezgen.GattService1Device,
			bluezgen.GattService1Primary, bluezgen.GattService1Includes),
		UUID: s.uuid, Device: d.path, Primary: s.primary, Includes: []dbus.ObjectPath{},
	}
	for _, other := range all {
		if slices.Contains(s.includes, other.handle) && !g.hides(other) {
			p.Includes = append(p.Includes, servicePath(d.path, other.handle))
		}
	}
	if g.device.adapter.bluetoothd.since(version569) {
		p.Add(bluezgen.GattService1Handle)
		p.Handle = s.handle
	}
	o.GattService1Skeleton = bluezgen.NewGattService1Skeleton(p)
	var err error
	if o.export, err = d.adapter.bluetoothd.export(o.path, o.GattService1Skeleton); err != nil {
		return nil
	}
	for _, c := range s.characteristics {
		if object := o.newCharacteristic(c); object != nil {
			o.characteristics = append(o.characteristics, object)
		}
	}
	return o
}

// remove takes the service off the bus, children first.
func (o *serviceObject) remove() {
	for _, c := range o.characteristics {
		c.remove()
	}
	o.export.Close()
}
