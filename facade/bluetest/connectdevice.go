package bluetest

import (
	"context"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// ConnectDevice connects to a device that nobody has to have heard before. The device's
// object comes with the link. Without an address type BlueZ takes BR/EDR, over which no
// device of this world answers.
func (o *adapterObject) ConnectDevice(ctx context.Context, properties bluezgen.ConnectDeviceProperties) (dbus.ObjectPath, error) {
	b := o.bluetoothd
	if !b.world.config.experimental {
		return "", bus.ErrUnknownMethod
	}
	s, err := properStored(properties)
	if err != nil {
		return "", err
	}
	b.world.mu.Lock()
	a, err := o.connectDevice(s)
	b.world.mu.Unlock()
	if err != nil {
		return "", err
	}
	bus.Release(ctx)
	select {
	case <-a.done:
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if a.err != nil {
		return "", errConnectDevice()
	}
	return a.device.path, nil
}

// properStored returns the device that is meant.
func properStored(properties bluezgen.ConnectDeviceProperties) (*storedDevice, error) {
	address, err := parseAddress(properties.Address)
	kind := properties.AddressType
	if err != nil || kind != "" && kind != bluezgen.AddressTypePublic && kind != bluezgen.AddressTypeRandom {
		return nil, bluezgen.ErrInvalidArguments.With("Invalid arguments in method call")
	}
	return &storedDevice{address: address, identity: address, addressType: kind}, nil
}

// errConnectDevice is the error of a connection that was not made. BlueZ has mistyped its
// name, which has no ".Error".
func errConnectDevice() error {
	return bus.NewError(strings.Replace(bluezgen.ErrFailed.Name, ".Error", "", 1))
}

// connectDevice begins an attempt. The world is locked.
func (o *adapterObject) connectDevice(s *storedDevice) (*attempt, error) {
	d := o.devices[devicePath(o.path, s.address)]
	switch {
	case !o.powered():
		return nil, bluezgen.ErrNotReady.With("Resource Not Ready")
	case d != nil && !o.bluetoothd.since(version569):
		return nil, bluezgen.ErrAlreadyExists.With("Already Exists")
	case d != nil && (d.connected() || d.connecting()), !o.canConnect():
		return nil, bluezgen.ErrFailed.With("Connect failed")
	case d != nil:
		return d.attempt(), nil
	}
	// It is not shown before there is a link.
	d = &deviceObject{adapter: o, path: devicePath(o.path, s.address), stored: s}
	a := d.attempt()
	a.unseen = true
	return a, nil
}

// appear shows the device of an attempt that had none so far. The world is locked.
func (a *attempt) appear(p *Peripheral) error {
	if !a.unseen {
		return nil
	}
	o := a.device.adapter
	d := o.device(p)
	var err error
	if d == nil {
		d, err = o.restore(a.device.stored)
	}
	if err != nil {
		return err
	}
	if d.connected() || d.connecting() {
		return errConnectDevice()
	}
	a.device.connection.attempt = nil
	d.connection.attempt = a
	a.device, a.unseen = d, false
	d.keep()
	return nil
}
