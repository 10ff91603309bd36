package bluetest

import (
	"cmp"
	"context"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A servingApplication is an application that serves attributes.
type servingApplication struct {
	*registered
	manager *gattManager

	// Guarded by the world.
	services []*service // nil until they are served
	values   map[dbus.ObjectPath]*characteristic
}

// applicationObjects are the objects of an application, in the order in which it lists
// them.
type applicationObjects struct {
	services        []applicationObject[bluezgen.GattService1Properties]
	characteristics []applicationObject[bluezgen.GattCharacteristic1Properties]
	descriptors     []applicationObject[bluezgen.GattDescriptor1Properties]
	profiles        []applicationObject[bluezgen.GattProfile1Properties]
	any             bool // there is one with an interface of BlueZ's
}

// An applicationObject is an object with its properties.
type applicationObject[P any] struct {
	path       dbus.ObjectPath
	properties P
}

// A numbered record is one that knows which of all came first.
type numbered struct {
	bus.Record
	number int
}

// open becomes a client of the application's ObjectManager and reads its objects. An
// application without one has none.
func (a *servingApplication) open(ctx context.Context, objects *applicationObjects) error {
	number := 0 // of records; they are made on one goroutine
	codecs := bluezgen.Codecs()
	for i, codec := range codecs {
		codecs[i].New = func() bus.Record {
			number++
			return &numbered{codec.New(), number}
		}
	}
	mirror, err := bus.OpenMirror(ctx, a.bluetoothd.conn, bus.MirrorOptions{
		Service: a.owner, Root: a.path, Codecs: codecs, Follow: []string{bluezgen.GattCharacteristic1Interface},
	})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	}
	a.bluetoothd.world.do(func() { a.mirror = mirror })
	mirror.Subscribe(a.noticed)
	type listed struct {
		path   dbus.ObjectPath
		record numbered
	}
	var all []listed
	mirror.View(func(v bus.View) {
		v.Walk(a.path, func(path dbus.ObjectPath, _ string, r bus.Record) bool {
			all = append(all, listed{path, *r.(*numbered)})
			return true
		})
		slices.SortFunc(all, func(x, y listed) int { return cmp.Compare(x.record.number, y.record.number) })
		for _, object := range all {
			objects.add(object.path, object.record.Record)
		}
	})
	return nil
}

// add notes an object. Its record may change later, so the properties are copied.
func (o *applicationObjects) add(path dbus.ObjectPath, record bus.Record) {
	o.any = true
	switch r := record.(type) {
	case *bluezgen.GattService1Update:
		o.services = append(o.services, applicationObject[bluezgen.GattService1Properties]{path, r.GattService1Properties})
	case *bluezgen.GattCharacteristic1Update:
		o.characteristics = append(o.characteristics, applicationObject[bluezgen.GattCharacteristic1Properties]{path, r.GattCharacteristic1Properties})
	case *bluezgen.GattDescriptor1Update:
		o.descriptors = append(o.descriptors, applicationObject[bluezgen.GattDescriptor1Properties]{path, r.GattDescriptor1Properties})
	case *bluezgen.GattProfile1Update:
		o.profiles = append(o.profiles, applicationObject[bluezgen.GattProfile1Properties]{path, r.GattProfile1Properties})
	}
}

// begin serves what the objects declare, and returns which handles they have got. The world is locked, as for what follows.
func (a *servingApplication) begin(objects *applicationObjects) ([]assignment, error) {
	if !objects.any {
		return nil, bluezgen.ErrFailed.With("No object received")
	}
	if !objects.valid() {
		return nil, bluezgen.ErrFailed.With("No valid service object found")
	}
	l := databaseLayout{application: a, objects: objects, taken: a.manager.ranges(), last: a.manager.last}
	if !l.layOut() {
		return nil, bluezgen.ErrFailed.With("Failed to create entry in database")
	}
	a.manager.last = l.last
	a.services, a.values = l.services, l.values
	a.bluetoothd.world.tasks.Go(func() { a.run(a.ctx) })
	a.manager.serve()
	return l.assigned, nil
}

// halt hangs up all sockets that services have.
func (a *servingApplication) halt(services []*service) {
	for _, s := range services {
		for _, c := range s.characteristics {
			c.value.served.halt()
		}
	}
}

// noticed is called with what changes of the application's objects: a value is sent to
// who is subscribed, and a service that is taken back is served no more. What comes
// later is not looked at. It runs on the reader goroutine.
func (a *servingApplication) noticed(e bus.Event) {
	record, _ := e.Record.(*numbered)
	if record == nil {
		return
	}
	switch r := record.Record.(type) {
	case *bluezgen.GattCharacteristic1Update:
		if e.Kind != bus.Changed || !r.Changed.Has(bluezgen.GattCharacteristic1Value) && !r.Invalidated.Has(bluezgen.GattCharacteristic1Value) {
			return
		}
		value := slices.Clone(r.Value)
		if r.Invalidated.Has(bluezgen.GattCharacteristic1Value) {
			value = nil
		}
		a.later(func() { a.do(func() { a.changed(e.Path, value) }) })
	case *bluezgen.GattService1Update:
		if e.Kind == bus.Removed {
			a.later(func() { a.do(func() { a.removed(e.Path) }) })
		}
	}
}

// do calls f with the world locked, unless the registration has ended.
func (a *servingApplication) do(f func()) {
	a.bluetoothd.world.do(func() {
		if a.ctx.Err() == nil {
			f()
		}
	})
}

func (a *servingApplication) changed(path dbus.ObjectPath, value []byte) {
	if c := a.values[path]; c != nil && c.configuration != nil {
		c.value.served.changed(c, value)
	}
}

// removed takes one service back.
func (a *servingApplication) removed(path dbus.ObjectPath) {
	for _, s := range a.services {
		if s.path == path {
			a.services = without(a.services, s)
			a.manager.serve()
			a.halt([]*service{s})
			return
		}
	}
}
