package own

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// A Peripheral is on the air until it is closed.
type Peripheral struct {
	server      *peripheral.Server
	advertising *peripheral.Advertising
	counter     *peripheral.Characteristic
	stream      *peripheral.Characteristic
	tasks       sync.WaitGroup // what goes on after a control was answered

	mu       sync.Mutex
	command  []byte
	commands int
	counting int // counts that go on
}

// Options say where the peripheral is.
type Options struct {
	Central *facade.Central
	Adapter string
	Event   func(peripheral.Event) // may be nil
}

// Start returns when BlueZ has accepted everything.
func Start(ctx context.Context, o Options) (*Peripheral, error) {
	p := &Peripheral{}
	where := peripheral.Options{Central: o.Central, Adapter: o.Adapter}
	var err error
	if p.server, err = peripheral.Serve(ctx, peripheral.Application{Services: []*peripheral.Service{p.service()}, Event: o.Event}, where); err != nil {
		return nil, err
	}
	p.advertising, err = peripheral.Advertise(ctx, peripheral.Advertisement{
		Name:             world.OwnName,
		Services:         []facade.UUID{uuid(world.ServiceUUID)},
		ManufacturerData: map[uint16][]byte{world.OwnManufacturer: world.OwnManufacturerData()},
	}, where)
	if err != nil {
		return nil, errors.Join(err, p.server.Close())
	}
	return p, nil
}

// Close ends all of it.
func (p *Peripheral) Close() error {
	err := errors.Join(p.advertising.Close(), p.server.Close())
	p.tasks.Wait()
	return err
}

// service declares the one service.
func (p *Peripheral) service() *peripheral.Service {
	read, write, notify := facade.PropertyRead, facade.PropertyWrite, facade.PropertyNotify
	p.counter = characteristic(world.CounterUUID, notify)
	p.stream = characteristic(world.StreamUUID, notify)
	value := characteristic(world.ValueUUID, read, write)
	value.Value = []byte{}
	value.Descriptors = []*peripheral.Descriptor{
		{UUID: uuid(world.NoteUUID), Properties: []facade.Property{read, write}, Value: []byte(world.NoteAtFirst)},
	}
	command := characteristic(world.CommandUUID, read, facade.PropertyWriteWithoutResponse)
	command.Read, command.Write = p.readCommand, p.writeCommand
	refused := characteristic(world.RefusedUUID, read, write)
	refused.Read, refused.Write = refuseRead, refuseWrite
	// Not without response as well: BlueZ would then answer each request before it has ours.
	control := characteristic(world.ControlUUID, write)
	control.Write = p.control
	status := characteristic(world.StatusUUID, read)
	status.Read = p.status
	return &peripheral.Service{
		UUID:            uuid(world.ServiceUUID),
		Characteristics: []*peripheral.Characteristic{value, command, refused, control, status, p.counter, p.stream},
	}
}

func characteristic(id string, properties ...facade.Property) *peripheral.Characteristic {
	return &peripheral.Characteristic{UUID: uuid(id), Properties: properties}
}

// uuid parses one of package world's constants.
func uuid(s string) facade.UUID {
	u, err := facade.ParseUUID(s)
	if err != nil {
		panic(err)
	}
	return u
}

func refuseRead(context.Context, *peripheral.Request) ([]byte, error) {
	return nil, facade.ATTError(world.RefusedCode)
}

func refuseWrite(context.Context, *peripheral.Request, []byte) error {
	return facade.ATTError(world.RefusedCode)
}

func (p *Peripheral) readCommand(context.Context, *peripheral.Request) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.command, nil
}

func (p *Peripheral) writeCommand(_ context.Context, _ *peripheral.Request, value []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.command = value
	p.commands++
	return nil
}

// status tells a world.Status.
func (p *Peripheral) status(_ context.Context, r *peripheral.Request) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return json.Marshal(world.Status{
		Counter:  p.counting > 0 || len(r.Server.Subscribers(p.counter)) > 0,
		Stream:   p.counting > 0 || len(r.Server.Subscribers(p.stream)) > 0,
		Commands: p.commands,
	})
}
