package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// liveTimeout is how long a service may take to describe an object. It is the time that D-Bus tools usually wait for a reply.
const liveTimeout = 25 * time.Second

// liveObject is an object on a bus.
type liveObject struct{ bus, dest, path string }

// address returns where the bus is.
func (o *liveObject) address() (string, error) {
	switch o.bus {
	case "system":
		return bus.SystemBusAddress(), nil
	case "session":
		address := os.Getenv("DBUS_SESSION_BUS_ADDRESS")
		if dir := os.Getenv("XDG_RUNTIME_DIR"); address == "" && dir != "" {
			address = "unix:path=" + dir + "/bus"
		}
		if address == "" {
			return "", errors.New("no session bus: DBUS_SESSION_BUS_ADDRESS and XDG_RUNTIME_DIR are not set")
		}
		return address, nil
	}
	if !strings.Contains(o.bus, ":") {
		return "", misusef("bus %q: expected system, session or a D-Bus address", o.bus)
	}
	return o.bus, nil
}

// String says which object it is.
func (o *liveObject) String() string { return fmt.Sprintf("object %s of %s", o.path, o.dest) }

// read asks the object for its interfaces.
func (o *liveObject) read(ctx context.Context) (file *gen.File, err error) {
	if !wire.ValidBusName(o.dest) {
		return nil, misusef("-dest %q: expected a bus name, such as org.bluez", o.dest)
	}
	if !wire.ValidObjectPath(o.path) {
		return nil, misusef("-path %q: expected an object path, such as /org/bluez/hci0", o.path)
	}
	address, err := o.address()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	conn, err := bus.Dial(ctx, address, bus.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	xml, err := conn.Object(o.dest, dbus.ObjectPath(o.path)).Introspect(ctx)
	if err != nil {
		return nil, err
	}
	return gen.Parse(o.String(), []byte(xml))
}

// describe returns the interfaces of the object as the files that -xml would make of them. So code that is generated from an
// object is the same as from the files that were kept of it.
func (o *liveObject) describe(object *gen.File) ([]*gen.File, error) {
	var sources []gen.Source
	for _, iface := range object.Interfaces {
		// A unique name is another one the next time.
		if iface.Service == "" && !strings.HasPrefix(o.dest, ":") {
			iface.Service = o.dest
		}
		sources = append(sources, gen.Source{Name: iface.Name + ".xml", Data: gen.FormatXML(iface)})
	}
	return gen.ParseAll(sources)
}
