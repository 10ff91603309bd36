package bluetest

import (
	"context"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// A registered is what a client has registered by a path: objects that it exports there, of
// which BlueZ in turn is a client.
type registered struct {
	errands
	bluetoothd *bluetoothd
	owner      string // the client's unique name
	path       dbus.ObjectPath
	mirror     *bus.Mirror // nil until the objects were read

	ctx    context.Context // ends with the registration
	cancel context.CancelFunc
}

// newRegistered returns what the caller of a method registers.
func (b *bluetoothd) newRegistered(ctx context.Context, path dbus.ObjectPath) *registered {
	r := &registered{errands: errands{ready: make(chan struct{}, 1)}, bluetoothd: b, owner: bus.Sender(ctx), path: path}
	r.ctx, r.cancel = context.WithCancel(b.ctx)
	return r
}

// by returns what all entries have in them.
func (r *registered) by() *registered { return r }

// An entry is one of the registrations that a manager has.
type entry interface {
	comparable
	by() *registered
}

// enroll notes a registration, unless its client has registered the path already. The
// world is not locked.
func enroll[R entry](all *[]R, r R) bool {
	w := r.by().bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	var none R
	if lookUp(*all, r.by().owner, r.by().path) != none {
		return false
	}
	*all = append(*all, r)
	return true
}

// lookUp returns what a client has registered at a path, or nil. The world is locked.
func lookUp[R entry](all []R, owner string, path dbus.ObjectPath) (found R) {
	for _, r := range all {
		if r.by().owner == owner && r.by().path == path {
			return r
		}
	}
	return found
}

// ownedBy returns what a client has registered, in a list of its own. The world is locked.
func ownedBy[R entry](all []R, owner string) (owned []R) {
	for _, r := range all {
		if r.by().owner == owner {
			owned = append(owned, r)
		}
	}
	return owned
}

// end ends the registration. It may be called from anywhere.
func (r *registered) end() {
	if r.mirror != nil {
		r.mirror.Close()
	}
	r.cancel()
}

// object returns one of the client's objects.
func (r *registered) object(path dbus.ObjectPath) bus.Object {
	return r.bluetoothd.conn.Object(r.owner, path)
}

// tell calls a method of an object in its turn, and wants no reply. It may be called from
// anywhere.
func (r *registered) tell(path dbus.ObjectPath, iface, method, signature string, encode func(*wire.Encoder)) {
	r.later(func() {
		m := bus.Method{Interface: iface, Name: method, In: signature, NoReply: true}
		_ = r.object(path).Call(r.ctx, m, encode, nil) // fails only with the registration or the bus
	})
}

// flush waits until what was to be told has been told. The world is not locked.
func (r *registered) flush(ctx context.Context) {
	done := make(chan struct{})
	r.later(func() { close(done) })
	select {
	case <-done:
	case <-r.ctx.Done():
	case <-ctx.Done():
	}
}

// An assignment is a value that BlueZ gives to a property of a client's object while that
// waits for its registration.
type assignment struct {
	path                       dbus.ObjectPath
	iface, property, signature string
	encode                     func(*wire.Encoder)
}

// assign makes assignments. What fails, and who does not answer, is of no account. The
// world is not locked.
func (r *registered) assign(all []assignment) {
	for _, a := range all {
		ctx, cancel := context.WithTimeout(r.ctx, telling)
		_ = r.object(a.path).Set(ctx, a.iface, a.property, a.signature, a.encode)
		cancel()
	}
}
