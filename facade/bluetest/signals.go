package bluetest

import (
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// The signals that faults imitate; what is generated has none of the standard
// interfaces.
const (
	propertiesInterface    = "org.freedesktop.DBus.Properties"
	propertiesChanged      = "PropertiesChanged"
	changedSignature       = "sa{sv}as"
	objectManagerInterface = "org.freedesktop.DBus.ObjectManager"
)

// SendPropertiesChanged sends every client, in bluetoothd's name, a signal that an object
// has changed: the properties that a skeleton of package bluezgen shows, which may be
// whatever one likes, of an object that need not exist. Nothing else changes. The path has
// to be one that D-Bus allows.
func (w *World) SendPropertiesChanged(path dbus.ObjectPath, changed bus.Skeleton) error {
	return w.sendSignal(path, propertiesInterface, propertiesChanged, changedSignature, func(e *wire.Encoder) { encodeChanged(e, changed) })
}

// SendInterfacesAdded sends every client, in bluetoothd's name, a signal that an object has
// got interfaces, as [World.SendPropertiesChanged] does.
func (w *World) SendInterfacesAdded(path dbus.ObjectPath, added ...bus.Skeleton) error {
	return w.sendSignal("/", objectManagerInterface, "InterfacesAdded", "oa{sa{sv}}", func(e *wire.Encoder) {
		e.ObjectPath(path)
		interfaces := e.Array(8)
		for _, skeleton := range added {
			served := skeleton.Serve()
			e.Struct()
			e.String(served.Name)
			encodeProperties(e, served)
		}
		e.EndArray(interfaces)
	})
}

// SendInterfacesRemoved sends every client, in bluetoothd's name, a signal that an object
// has lost interfaces, such as bluezgen.Device1Interface. It keeps them.
func (w *World) SendInterfacesRemoved(path dbus.ObjectPath, interfaces ...string) error {
	return w.sendSignal("/", objectManagerInterface, "InterfacesRemoved", "oas", func(e *wire.Encoder) {
		e.ObjectPath(path)
		names := e.Array(4)
		for _, name := range interfaces {
			e.String(name)
		}
		e.EndArray(names)
	})
}

// sendSignal sends every client a signal in bluetoothd's name.
func (w *World) sendSignal(path dbus.ObjectPath, iface, member, sig string, body func(*wire.Encoder)) error {
	frame, err := bustest.SignalFrame(w.bluetoothdName(), path, iface, member, sig, body)
	if err != nil {
		return fmt.Errorf("send %s: %w", member, err)
	}
	w.fault("Send" + member)
	if err := w.inject(frame); err != nil {
		return fmt.Errorf("send %s: %w", member, err)
	}
	return nil
}

// encodeChanged encodes the arguments of a change.
func encodeChanged(e *wire.Encoder, changed bus.Skeleton) {
	served := changed.Serve()
	e.String(served.Name)
	encodeProperties(e, served)
	e.EndArray(e.Array(4)) // nothing is invalidated
}

func encodeProperties(e *wire.Encoder, served *bus.ServedInterface) {
	properties := e.Array(8)
	if served.Properties != nil {
		served.Properties.EncodeAll(e)
	}
	e.EndArray(properties)
}

// ErrNoClient is matched by the errors of faults that send messages to every client, when
// there is none on the bus.
var ErrNoClient = errors.New("no client is on the bus")

// inject sends a message to every client. Clients may leave meanwhile.
func (w *World) inject(frame []byte) error {
	sent := false
	var errs []error
	for _, client := range w.relay.Connections() {
		if client.UniqueName() == "" {
			continue
		}
		if err := client.Inject(bustest.ToClient, frame); err != nil {
			errs = append(errs, err)
			continue
		}
		sent = true
	}
	if !sent {
		return errors.Join(append(errs, ErrNoClient)...)
	}
	return nil
}
