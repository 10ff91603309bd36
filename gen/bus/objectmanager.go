package bus

import (
	"context"

	"github.com/gobluez/bluez/gen/wire"
)

// managerTarget returns a method of an exported ObjectManager.
func (t *exportTable) managerTarget(x *Export, member string) *target {
	if member != "GetManagedObjects" {
		return unknownMethod(objectManagerInterface, member)
	}
	return &target{export: x, serve: func(_ context.Context, call *incoming, _ *wire.Decoder) error {
		return t.replyObjects(x, call)
	}}
}

// replyObjects replies with everything below a manager. Nothing comes, goes or
// changes between what is encoded and the reply.
func (t *exportTable) replyObjects(x *Export, call *incoming) error {
	t.managing.Lock()
	defer t.managing.Unlock()
	t.mu.Lock()
	objects := t.below(x.path)
	t.mu.Unlock()
	for _, object := range objects { // all in the same order, of paths
		for _, s := range object.served {
			if emitter := s.description.Emitter; emitter != nil {
				emitter.mu.Lock()
				defer emitter.mu.Unlock()
			}
		}
	}
	e := newEncoder()
	defer putEncoder(e)
	outer := e.Array(8)
	for len(objects) > 0 {
		path := objects[0].path
		e.Struct()
		e.ObjectPath(path)
		inner := e.Array(8)
		for len(objects) > 0 && objects[0].path == path {
			objects[0].encodeInterfaces(e)
			objects = objects[1:]
		}
		e.EndArray(inner)
	}
	e.EndArray(outer)
	return call.reply(managedObjectsSignature, e)
}

// encodeInterfaces writes the entries of an a{sa{sv}}.
func (x *Export) encodeInterfaces(e *wire.Encoder) {
	for _, s := range x.served {
		e.Struct()
		e.String(s.description.Name)
		s.encodeAll(e)
	}
}

const (
	interfacesAdded   = "InterfacesAdded"
	interfacesRemoved = "InterfacesRemoved"
)

// announce tells the clients of the managers above x that it comes or goes. The
// caller holds managing.
func (t *exportTable) announce(x *Export, member string) error {
	if x.manager || len(x.served) == 0 {
		return nil
	}
	t.mu.Lock()
	var managers []*Export
	for path, manager := range t.managers {
		if path != x.path && isBelow(string(x.path), path) {
			managers = append(managers, manager)
		}
	}
	t.mu.Unlock()
	if len(managers) == 0 {
		return nil
	}
	sig := "oa{sa{sv}}"
	e := newEncoder()
	defer putEncoder(e)
	e.ObjectPath(x.path)
	if member == interfacesAdded {
		for _, s := range x.served {
			if emitter := s.description.Emitter; emitter != nil {
				emitter.mu.Lock()
				defer emitter.mu.Unlock()
			}
		}
		mark := e.Array(8)
		x.encodeInterfaces(e)
		e.EndArray(mark)
	} else {
		sig = "oas"
		mark := e.Array(4)
		for _, s := range x.served {
			e.String(s.description.Name)
		}
		e.EndArray(mark)
	}
	for _, manager := range managers {
		if err := manager.emit(objectManagerInterface, member, sig, e); err != nil {
			return err
		}
	}
	return nil
}
