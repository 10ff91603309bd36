package bus

import (
	"context"
	"fmt"
	"strings"

	"github.com/gobluez/bluez/gen/wire"
)

// What every bus and nearly every object understands (D-Bus Specification,
// "Message Bus Messages" and "Standard Interfaces"). This package stands below
// generated code, so it has them by hand.
const (
	busService   = "org.freedesktop.DBus"
	busPath      = "/org/freedesktop/DBus"
	busInterface = "org.freedesktop.DBus"

	propertiesInterface    = "org.freedesktop.DBus.Properties"
	objectManagerInterface = "org.freedesktop.DBus.ObjectManager"
	introspectInterface    = "org.freedesktop.DBus.Introspectable"
	peerInterface          = "org.freedesktop.DBus.Peer"

	propertiesChangedSignature = "sa{sv}as"
	managedObjectsSignature    = "a{oa{sa{sv}}}"
)

// methodOf returns a method of one of those interfaces.
func methodOf(iface, name, in, out string) *Method {
	return &Method{Interface: iface, Name: name, In: in, Out: out}
}

// Get reads a property. sig is its signature, and out decodes the value, standing
// behind the variant's signature. A value of another type is a *[ReplyError].
// Otherwise Get is like Call.
func (o Object) Get(ctx context.Context, iface, name, sig string, out func(*wire.Decoder)) error {
	var mismatch error
	err := o.conn.call(ctx, o.service, o.path, methodOf(propertiesInterface, "Get", "ss", "v"),
		func(e *wire.Encoder) {
			e.String(iface)
			e.String(name)
		},
		func(d *wire.Decoder) {
			if got := d.SignatureView(); string(got) != sig && d.Err() == nil {
				mismatch = &ReplyError{Member: iface + "." + name, Want: sig, Got: string(got)}
				return
			}
			out(d)
		})
	if err == nil {
		err = mismatch
	}
	if err != nil {
		return fmt.Errorf("get %s.%s of %s: %w", iface, name, o.path, err)
	}
	return nil
}

// Set writes a property. sig is its signature, and in encodes the value. Otherwise
// Set is like Call.
func (o Object) Set(ctx context.Context, iface, name, sig string, in func(*wire.Encoder)) error {
	err := o.conn.call(ctx, o.service, o.path, methodOf(propertiesInterface, "Set", "ssv", ""),
		func(e *wire.Encoder) {
			e.String(iface)
			e.String(name)
			e.VariantOf(sig)
			in(e)
		}, nil)
	if err != nil {
		return fmt.Errorf("set %s.%s of %s: %w", iface, name, o.path, err)
	}
	return nil
}

// GetAll reads all properties of an interface. out decodes them, standing at an
// a{sv}. Otherwise GetAll is like Call.
func (o Object) GetAll(ctx context.Context, iface string, out func(*wire.Decoder)) error {
	err := o.conn.call(ctx, o.service, o.path, methodOf(propertiesInterface, "GetAll", "s", "a{sv}"),
		func(e *wire.Encoder) { e.String(iface) }, out)
	if err != nil {
		return fmt.Errorf("get all of %s of %s: %w", iface, o.path, err)
	}
	return nil
}

// Introspect returns the object's description of itself, D-Bus introspection XML.
// Otherwise it is like Call.
func (o Object) Introspect(ctx context.Context) (xml string, err error) {
	err = o.Call(ctx, *methodOf(introspectInterface, "Introspect", "", "s"), nil,
		func(d *wire.Decoder) { xml = d.String() })
	return xml, err
}

// Ping asks the object's service whether it is there. Otherwise it is like Call.
func (o Object) Ping(ctx context.Context) error {
	return o.Call(ctx, *methodOf(peerInterface, "Ping", "", ""), nil, nil)
}

// bus returns the message bus itself.
func (c *Conn) bus() Object { return c.Object(busService, busPath) }

// NameOwner returns the unique name of the connection that owns a bus name. If
// nobody does, the error matches [ErrNameHasNoOwner].
func (c *Conn) NameOwner(ctx context.Context, name string) (owner string, err error) {
	err = c.bus().Call(ctx, *getNameOwner,
		func(e *wire.Encoder) { e.String(name) },
		func(d *wire.Decoder) { owner = d.String() })
	return owner, err
}

var getNameOwner = methodOf(busInterface, "GetNameOwner", "s", "s")

// RequestName takes a bus name for this connection. It does not queue for a name:
// if another connection owns it, the error matches [ErrNameTaken]. Taking a name
// that is this connection's already is no error.
func (c *Conn) RequestName(ctx context.Context, name string) error {
	const doNotQueue = 4
	const primaryOwner, alreadyOwner = 1, 4
	var result uint32
	err := c.bus().Call(ctx, *methodOf(busInterface, "RequestName", "su", "u"),
		func(e *wire.Encoder) {
			e.String(name)
			e.Uint32(doNotQueue)
		},
		func(d *wire.Decoder) { result = d.Uint32() })
	if err == nil && result != primaryOwner && result != alreadyOwner {
		err = ErrNameTaken
	}
	if err != nil {
		return fmt.Errorf("request name %s: %w", name, err)
	}
	return nil
}

// ReleaseName gives a bus name back. A name that is not this connection's is no
// error.
func (c *Conn) ReleaseName(ctx context.Context, name string) error {
	err := c.bus().Call(ctx, *methodOf(busInterface, "ReleaseName", "s", "u"),
		func(e *wire.Encoder) { e.String(name) }, nil)
	if err != nil {
		return fmt.Errorf("release name %s: %w", name, err)
	}
	return nil
}

// OnLeft calls handler, on the reader goroutine, with the unique name of each
// connection that leaves the bus: what a service that keeps something for its clients
// needs. It returns when the match rule is in force. The rules of [Object.Subscribe]
// hold for the handler.
func (c *Conn) OnLeft(ctx context.Context, handler func(uniqueName string)) (*Subscription, error) {
	return c.bus().Subscribe(ctx, busInterface, "NameOwnerChanged", "sss", func(d *wire.Decoder) {
		name, _, owner := d.String(), d.StringView(), d.StringView()
		if d.Err() == nil && len(owner) == 0 && strings.HasPrefix(name, ":") {
			handler(name)
		}
	})
}
