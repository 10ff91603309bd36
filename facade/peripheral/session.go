package peripheral

import (
	"context"
	"errors"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// A session is what BlueZ knows of a Server from one registration until it forgets it.
type session struct {
	*Server
	conn    *bus.Conn
	adapter facade.Adapter
	placed  []placed
	objects map[*attribute]*object // of characteristics
	exports []*bus.Export
	tasks   sync.WaitGroup // requests, sockets, functions of the application

	ctx  context.Context // ends with the session
	stop context.CancelCauseFunc

	mu     sync.Mutex // guards also what changes of objects and peers
	closed bool       // no more tasks
	peers  map[dbus.ObjectPath]*peer
}

// A placed object is one with its place below the path of the Server.
type placed struct {
	path     dbus.ObjectPath
	skeleton bus.Skeleton
}

func newSession(ctx context.Context, s *Server, conn *bus.Conn, adapter facade.Adapter) *session {
	n := &session{
		Server: s, conn: conn, adapter: adapter,
		objects: map[*attribute]*object{}, peers: map[dbus.ObjectPath]*peer{},
	}
	n.ctx, n.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	for _, svc := range s.services {
		n.placed = append(n.placed, placed{svc.path, n.serviceSkeleton(svc)})
		for _, a := range svc.attrs {
			n.placed = append(n.placed, placed{a.path, n.skeleton(a)})
		}
	}
	return n
}

// open exports the application and has BlueZ know it. The session is to be ended, also
// after an error.
func (n *session) open(ctx context.Context) error {
	if err := n.export(ctx); err != nil {
		return err
	}
	if !n.begin() {
		return errServerEnded
	}
	go func() {
		defer n.tasks.Done()
		n.watch()
	}()
	manager := bluezgen.NewGattManager1(n.conn, n.adapter.Path())
	err := manager.RegisterApplication(ctx, n.root, nil)
	if errors.Is(err, bluezgen.ErrAlreadyExists) { // by a call that was not waited for
		if err = manager.UnregisterApplication(ctx, n.root); err == nil {
			err = manager.RegisterApplication(ctx, n.root, nil)
		}
	}
	if refused := new(bus.Error); err != nil && !errors.As(err, &refused) {
		n.unregister(ctx) // it may yet succeed
	}
	return err
}

// unregister has BlueZ forget the application.
func (n *session) unregister(ctx context.Context) {
	ctx, cancel := cleanup(ctx)
	defer cancel()
	err := bluezgen.NewGattManager1(n.conn, n.adapter.Path()).UnregisterApplication(ctx, n.root)
	if err != nil {
		n.log().Debug("unregister application", "adapter", n.adapter, "error", err)
	}
}

// end ends everything that goes on in the session and waits for it, but not for ever.
func (n *session) end() {
	n.Server.mu.Lock()
	n.Server.session = nil
	n.Server.mu.Unlock()
	n.stop(errServerEnded)
	for _, export := range n.exports {
		_ = export.Close() // its error is always nil
	}
	n.disconnectAll()
	n.await(&n.tasks)
}

// begin counts another task, unless the session has ended.
func (n *session) begin() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return false
	}
	n.tasks.Add(1)
	return true
}

// goTask runs a task on a goroutine of its own.
func (n *session) goTask(task func()) bool {
	if !n.begin() {
		return false
	}
	go func() {
		defer n.tasks.Done()
		task()
	}()
	return true
}

// export puts the application on the bus.
func (n *session) export(ctx context.Context) error {
	objects, err := n.conn.ExportObjectManager(ctx, n.root)
	if err != nil {
		return err
	}
	n.exports = append(n.exports, objects)
	for _, p := range n.placed {
		export, err := n.conn.Export(ctx, n.root+p.path, bus.ExportOptions{From: bluezgen.Service}, p.skeleton)
		if err != nil {
			return err
		}
		n.exports = append(n.exports, export)
	}
	return nil
}

func (n *session) serviceSkeleton(svc *service) bus.Skeleton {
	p := bluezgen.GattService1Properties{UUID: svc.UUID.String(), Primary: !svc.Secondary, Handle: uint16(svc.Handle)}
	p.Add(bluezgen.GattService1UUID, bluezgen.GattService1Primary)
	if svc.Handle != 0 {
		p.Add(bluezgen.GattService1Handle)
	}
	for _, included := range svc.Includes {
		for _, other := range n.services {
			if other.Service == included {
				p.Includes = append(p.Includes, n.root+other.path)
				p.Add(bluezgen.GattService1Includes)
			}
		}
	}
	return bluezgen.NewGattService1Skeleton(p)
}

func (n *session) skeleton(a *attribute) bus.Skeleton {
	served := &servedAttribute{session: n, attribute: a}
	if a.desc != nil {
		p := bluezgen.GattDescriptor1Properties{
			UUID: a.desc.UUID.String(), Characteristic: n.root + n.attributes[a.char].path, Handle: uint16(a.desc.Handle),
		}
		p.Add(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic, bluezgen.GattDescriptor1Flags)
		for _, flag := range a.flags() {
			p.Flags = append(p.Flags, bluezgen.DescriptorFlag(flag))
		}
		if a.desc.Handle != 0 {
			p.Add(bluezgen.GattDescriptor1Handle)
		}
		return bluezgen.NewGattDescriptor1Skeleton(servedDescriptor{served}, p)
	}
	p := bluezgen.GattCharacteristic1Properties{UUID: a.char.UUID.String(), Service: n.root + a.service, Flags: a.flags()}
	p.Add(bluezgen.GattCharacteristic1UUID, bluezgen.GattCharacteristic1Service, bluezgen.GattCharacteristic1Flags)
	if a.char.Handle != 0 { // BlueZ wants that of the value
		p.Handle = uint16(a.char.Handle) + 1
		p.Add(bluezgen.GattCharacteristic1Handle)
	}
	if n.conn.PassesDescriptors() { // then they may be acquired, which BlueZ does if it finds these
		if can(a.char.Properties, subscribing) {
			p.Add(bluezgen.GattCharacteristic1NotifyAcquired)
		}
		if a.char.Acquire {
			p.Add(bluezgen.GattCharacteristic1WriteAcquired)
		}
	}
	skeleton := bluezgen.NewGattCharacteristic1Skeleton(servedCharacteristic{servedAttribute: served}, p)
	n.objects[a] = newObject(skeleton)
	return skeleton
}

func (n *session) disconnect(ctx context.Context, d facade.Device) error {
	n.mu.Lock()
	var path dbus.ObjectPath
	for p, peer := range n.peers {
		if p == d.Path() || peer.device.Address == d.Address {
			path = p
		}
	}
	n.mu.Unlock()
	if path == "" {
		return facade.ErrNotConnected
	}
	err := bluezgen.NewDevice1(n.conn, path).Disconnect(ctx)
	if errors.Is(err, bluezgen.ErrNotConnected) {
		return nil
	}
	return err
}
