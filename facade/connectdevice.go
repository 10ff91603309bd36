package facade

import (
	"context"
	"errors"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// errNoConnectDevice is a BlueZ that connects only to devices that it has heard.
var errNoConnectDevice = errors.New("BlueZ runs without --experimental")

// connectUnheard connects to a device that BlueZ does not know. The link is there when it
// returns nil.
//
// BlueZ has no way to give up an attempt of this kind: one that the caller does not wait
// for goes on for the kernel's 20 seconds, and what comes of it is undone.
func (c *Central) connectUnheard(ctx context.Context, adapter Adapter, address Address, kind AddressType) (Device, error) {
	type outcome struct {
		path dbus.ObjectPath
		err  error
	}
	a, outcomes, left := c.bus(), make(chan outcome), make(chan struct{})
	defer close(left)
	begun := c.begin(func() {
		ctx, cancel := context.WithTimeout(a.ctx, unheardTimeout)
		defer cancel()
		properties := bluezgen.ConnectDeviceProperties{Address: address.String(), AddressType: bluezgen.AddressType(kind)}
		path, err := bluezgen.NewAdapter1(a.conn, adapter.path).ConnectDevice(ctx, properties)
		select {
		case outcomes <- outcome{path, err}:
		case <-left:
			if err == nil {
				_ = bluezgen.NewDevice1(a.conn, path).Disconnect(ctx) // the most that can be done
			}
		}
	})
	if begun != nil {
		return Device{}, begun
	}
	var made outcome
	select {
	case made = <-outcomes:
	case <-ctx.Done():
		return Device{}, context.Cause(ctx)
	}
	var refused *bus.Error
	switch err := made.err; {
	case err == nil:
		return Device{Address: address, AddressType: kind, Adapter: adapter.Name, path: made.path}, nil
	case errors.Is(err, bus.ErrUnknownMethod):
		return Device{}, errNoConnectDevice
	case errors.Is(err, bluezgen.ErrFailed), errors.As(err, &refused) && !errors.Is(translate(err), ErrUnavailable):
		return Device{}, because(ErrNoDevice, err) // it does not answer; the name of the error is not always Failed
	default:
		return Device{}, translate(err)
	}
}

// unheardTimeout bounds how long BlueZ is waited for to connect to a device that it has
// not heard; the kernel gives up after 20 seconds.
const unheardTimeout = 40 * time.Second

// begin runs a task that Close waits for.
func (c *Central) begin(task func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.errLocked(); err != nil {
		return err
	}
	c.tasks.Go(task)
	return nil
}
