//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/gen/bus"
)

// application is the GATT server: one service and the characteristics that package world lists.
type application struct {
	conn    *bus.Conn
	counter *counter
	stream  *stream
	tasks   sync.WaitGroup // what goes on after a control was answered

	mu       sync.Mutex
	commands int
}

// service is the path of the one service.
const service = root + "/service"

func (a *application) export(ctx context.Context) error {
	if _, err := a.conn.ExportObjectManager(ctx, root); err != nil {
		return err
	}
	if err := a.add(ctx, service, bluezgen.NewGattService1Skeleton(bluezgen.GattService1Properties{
		GattService1Set: bluezgen.GattService1SetOf(bluezgen.GattService1UUID, bluezgen.GattService1Primary),
		UUID:            world.ServiceUUID,
		Primary:         true,
	})); err != nil {
		return err
	}

	value, command := &storage{}, &storage{}
	command.written = func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.commands++
	}
	a.counter, a.stream = newCounter(), newStream()
	for _, c := range []struct {
		name, uuid string
		server     bluezgen.GattCharacteristic1Server
		flags      []bluezgen.CharacteristicFlag
	}{
		{"value", world.ValueUUID, &attribute{storage: value}, []bluezgen.CharacteristicFlag{
			bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWrite}},
		{"command", world.CommandUUID, &attribute{storage: command}, []bluezgen.CharacteristicFlag{
			bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWriteWithoutResponse}},
		{"refused", world.RefusedUUID, refuser{}, []bluezgen.CharacteristicFlag{
			bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWrite}},
		// Not without response as well: BlueZ would then answer each request before it has ours.
		{"control", world.ControlUUID, &controller{app: a}, []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWrite}},
		{"status", world.StatusUUID, &reporter{app: a}, []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}},
	} {
		if err := a.add(ctx, service+"/"+dbus.ObjectPath(c.name), bluezgen.NewGattCharacteristic1Skeleton(c.server, characteristic(c.uuid, c.flags...))); err != nil {
			return err
		}
	}
	if err := a.add(ctx, service+"/counter", a.counter.skeleton); err != nil {
		return err
	}
	if err := a.add(ctx, service+"/stream", a.stream.skeleton); err != nil {
		return err
	}
	note := &storage{value: []byte(world.NoteAtFirst)}
	return a.add(ctx, service+"/value/note", bluezgen.NewGattDescriptor1Skeleton(&descriptor{storage: note}, bluezgen.GattDescriptor1Properties{
		GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic,
			bluezgen.GattDescriptor1Flags),
		UUID:           world.NoteUUID,
		Characteristic: service + "/value",
		Flags:          []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagRead, bluezgen.DescriptorFlagWrite},
	}))
}

func (a *application) add(ctx context.Context, path dbus.ObjectPath, skeleton bus.Skeleton) error {
	if _, err := a.conn.Export(ctx, path, bus.ExportOptions{From: bluezgen.Service}, skeleton); err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	return nil
}

// close ends what goes on and waits for it.
func (a *application) close() {
	if a.counter != nil {
		a.counter.stop()
		a.stream.stop()
	}
	a.tasks.Wait()
}

func (a *application) status() world.Status {
	a.mu.Lock()
	defer a.mu.Unlock()
	return world.Status{Counter: a.counter.subscribed(), Stream: a.stream.subscribed(), Commands: a.commands}
}

// control does what a central asked for, after it got its answer.
func (a *application) control(c world.Control, device dbus.ObjectPath) error {
	switch c.Operation {
	case world.Count:
		a.tasks.Go(func() { a.counter.count(c) })
		a.tasks.Go(func() { a.stream.count(c) })
	case world.Disconnect:
		a.tasks.Go(func() {
			if err := disconnect(context.Background(), a.conn, device); err != nil {
				fmt.Fprintln(os.Stderr, "disconnect:", err)
			}
		})
	default:
		return bluezgen.ErrNotSupported.With(fmt.Sprintf("operation %d", c.Operation))
	}
	return nil
}

// characteristic returns the properties of a characteristic of the service.
func characteristic(uuid string, flags ...bluezgen.CharacteristicFlag) bluezgen.GattCharacteristic1Properties {
	return bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1UUID,
			bluezgen.GattCharacteristic1Service, bluezgen.GattCharacteristic1Flags),
		UUID:    uuid,
		Service: service,
		Flags:   flags,
	}
}

// controller takes a world.Control.
type controller struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	app *application
}

func (s *controller) WriteValue(_ context.Context, value []byte, o bluezgen.WriteOptions) error {
	c, ok := world.ParseControl(value)
	if !ok {
		return bluezgen.ErrInvalidValueLength
	}
	return s.app.control(c, o.Device)
}

// reporter tells the world.Status.
type reporter struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	app *application
}

func (s *reporter) ReadValue(_ context.Context, o bluezgen.ReadOptions) ([]byte, error) {
	status, err := json.Marshal(s.app.status())
	if err != nil {
		return nil, err
	}
	return from(status, o)
}
