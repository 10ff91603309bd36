package bluetest

import (
	"context"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A gattManager has the applications that serve attributes on an adapter: GattManager1.
type gattManager struct {
	bluezgen.UnimplementedGattManager1Server
	object *adapterObject

	// Guarded by the world.
	applications []*servingApplication
	own          []*service // bluetoothd's
	last         int        // handle that was ever given
}

// init returns the manager to export. The world is locked, as for all here but what
// serves calls.
func (m *gattManager) init(o *adapterObject) bus.Skeleton {
	m.object = o
	m.own = slices.Clone(o.adapter.station.attributes.services)
	m.last = int(m.own[len(m.own)-1].end)
	return bluezgen.NewGattManager1Skeleton(m)
}

// RegisterApplication reads the objects of an application and serves what they declare.
func (m *gattManager) RegisterApplication(ctx context.Context, path dbus.ObjectPath, _ map[string]dbus.Variant) error {
	b := m.object.bluetoothd
	a := &servingApplication{registered: b.newRegistered(ctx, path), manager: m}
	if !enroll(&m.applications, a) {
		a.cancel()
		return bluezgen.ErrAlreadyExists.With("Already Exists")
	}
	bus.Release(ctx)
	handles, err := m.complete(ctx, a)
	if err == nil {
		a.assign(handles)
	}
	return err
}

// complete reads the objects of an application that is registered, and serves them.
func (m *gattManager) complete(ctx context.Context, a *servingApplication) (handles []assignment, err error) {
	var objects applicationObjects
	err = a.open(ctx, &objects)
	w := m.object.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.ctx.Err() != nil { // the client has left, or bluetoothd ends
		a.end()
		return nil, bluezgen.ErrFailed.With("Failed to register application")
	}
	if err == nil {
		handles, err = a.begin(&objects)
	}
	if err != nil {
		m.forget(a)
	}
	return handles, err
}

// UnregisterApplication takes the services of an application back.
func (m *gattManager) UnregisterApplication(ctx context.Context, path dbus.ObjectPath) error {
	w := m.object.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	a := lookUp(m.applications, bus.Sender(ctx), path)
	if a == nil {
		return bluezgen.ErrDoesNotExist.With("Does Not Exist")
	}
	m.forget(a)
	return nil
}

// forget ends an application and takes its services back, without a word to it.
func (m *gattManager) forget(a *servingApplication) {
	m.applications = without(m.applications, a)
	a.end()
	if len(a.services) > 0 {
		services := a.services
		a.services = nil
		m.serve()
		a.halt(services)
	}
}

// serve serves bluetoothd's services and those of all applications.
func (m *gattManager) serve() {
	all := slices.Clone(m.own)
	for _, a := range m.applications {
		all = append(all, a.services...)
	}
	slices.SortFunc(all, func(s, t *service) int { return int(s.handle) - int(t.handle) })
	m.object.adapter.station.attributes.replace(all)
}

func (m *gattManager) clientLeft(name string) {
	for _, a := range ownedBy(m.applications, name) {
		m.forget(a)
	}
}

// halt ends all applications, without a word to anybody.
func (m *gattManager) halt() {
	for _, a := range slices.Clone(m.applications) {
		m.forget(a)
	}
}
