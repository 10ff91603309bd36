package bluetest

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
)

// attributes is the GATT server of a peripheral. Like most small devices it answers one
// request after the other, whoever asks; an adapter answers one of each central.
type attributes struct {
	peripheral *Peripheral
	turn       chan struct{} // is full while a request is answered; nil where each link has its own turn

	// Guarded by the world.
	services   []*service
	byHandle   map[uint16]*attribute
	subscribed map[*Adapter]map[uint16]uint16 // client characteristic configurations, by handle
	runs       map[uint16]*run                // of Characteristic.Notify, by handle of the value
	changed    chan struct{}                  // closed when a value is written or a subscription changes
}

func newAttributes(p *Peripheral, services []Service) *attributes {
	a := &attributes{
		peripheral: p, turn: make(chan struct{}, 1), subscribed: map[*Adapter]map[uint16]uint16{},
		runs: map[uint16]*run{}, changed: make(chan struct{}),
	}
	laidOut, err := layOut(withStandardServices(&p.declared, services))
	if err != nil { // they leave no handles for the standard services
		laidOut, _ = layOut(services)
	}
	a.set(laidOut)
	return a
}

// set takes new services over.
func (a *attributes) set(services []*service) {
	a.services, a.byHandle = services, map[uint16]*attribute{}
	for c := range a.characteristics() {
		a.byHandle[c.value.handle] = c.value
		for _, d := range c.descriptors {
			a.byHandle[d.handle] = d
		}
	}
}

// characteristics returns all characteristics in order of their handles.
func (a *attributes) characteristics() func(yield func(*characteristic) bool) {
	return func(yield func(*characteristic) bool) {
		for _, s := range a.services {
			for _, c := range s.characteristics {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// find returns the first characteristic of a UUID, or nil. The world is locked.
func (a *attributes) find(uuid string) *characteristic {
	for c := range a.characteristics() {
		if c.uuid == uuid {
			return c
		}
	}
	return nil
}

// stir wakes who waits for a change. The world is locked.
func (a *attributes) stir() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// inRange waits until the device is in range, so that it hears what it is asked. The
// world is not locked.
func (a *attributes) inRange(ctx context.Context) error {
	for {
		a.peripheral.world.mu.Lock()
		gone, changed := a.peripheral.gone, a.changed
		a.peripheral.world.mu.Unlock()
		if !gone {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin waits until the device is free to answer, end lets the next one in. The world
// is not locked.
func (a *attributes) begin(ctx context.Context) error {
	if a.turn == nil {
		return nil
	}
	select {
	case a.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *attributes) end() {
	if a.turn != nil {
		<-a.turn
	}
}

// read answers a read of a value from an offset on. It blocks while the device's
// function does; the world is not locked.
func (a *attributes) read(l *link, handle, offset uint16) ([]byte, ATTError) {
	at, value, read, refusal := a.prepareRead(l, handle)
	if refusal != 0 {
		return nil, refusal
	}
	if at.served != nil {
		return at.served.read(l, offset)
	}
	if read != nil {
		var err error
		if value, err = read(l.ctx, a.peripheral); err != nil {
			return nil, attErrorOf(err)
		}
		value = value[:min(len(value), maxValue)]
	}
	if int(offset) > len(value) {
		return nil, attInvalidOffset
	}
	return slices.Clone(value[offset:]), 0
}

// prepareRead returns the attribute and its value, or the function that has it.
func (a *attributes) prepareRead(l *link, handle uint16) (at *attribute, value []byte, read readFunc, refusal ATTError) {
	a.peripheral.world.mu.Lock()
	defer a.peripheral.world.mu.Unlock()
	at = a.byHandle[handle]
	switch {
	case at == nil:
		return nil, nil, nil, attInvalidHandle
	case !at.access.read:
		return nil, nil, nil, attReadNotPermitted
	case at.isConfiguration():
		bits := a.subscribed[l.device.adapter.adapter][handle]
		return at, binary.LittleEndian.AppendUint16(nil, bits), nil, 0
	}
	return at, at.value, at.read, at.refusal(l, at.access.readSecurity)
}

// isConfiguration reports whether an attribute is a client characteristic configuration,
// which has another value for each central.
func (at *attribute) isConfiguration() bool { return at.characteristic.configuration == at }

// refusal returns why a link may not access an attribute, or 0. The world is locked.
func (at *attribute) refusal(l *link, s security) ATTError {
	if l.peripheral.declared.Pairing.Required && !l.encrypted {
		return attInsufficientAuthentication
	}
	if at.access.authorize && !l.peripheral.bonds[l.device.adapter.adapter] {
		return attInsufficientAuthorization
	}
	return s.refusal(l)
}

// attErrorOf returns what a device answers for an error of its functions.
func attErrorOf(err error) ATTError {
	if code, ok := errors.AsType[ATTError](err); ok && code != 0 {
		return code
	}
	return attUnlikely
}

// A write is one to an attribute.
type write struct {
	handle uint16
	offset uint16
	value  []byte
	long   bool // prepared piece by piece
	silent bool // a command, which has no answer
}

// write answers a write. It blocks while the device's function does; the world is not
// locked. Nobody sees the error of a command.
func (a *attributes) write(l *link, w write) ATTError {
	at, value, declared, refusal := a.prepareWrite(l, w)
	if refusal != 0 {
		return refusal
	}
	switch served := at.characteristic.value.served; {
	case at.isConfiguration() && served != nil:
		return served.configure(l, a, at, value)
	case at.isConfiguration():
		return a.configure(l, at, value, declared)
	case at.served != nil:
		return at.served.write(l, w)
	}
	if declared != nil {
		if err := declared(l.ctx, a.peripheral, slices.Clone(value)); err != nil {
			return attErrorOf(err)
		}
	}
	a.peripheral.world.do(func() {
		at.value = value
		at.note(value)
		a.stir()
	})
	return 0
}

// note keeps what was written. The world is locked.
func (at *attribute) note(value []byte) { at.written = append(at.written, slices.Clone(value)) }

// A readFunc is the Read of a declaration, and a writeFunc the Write.
type (
	readFunc  = func(ctx context.Context, p *Peripheral) ([]byte, error)
	writeFunc = func(ctx context.Context, p *Peripheral, value []byte) error
)

// prepareWrite returns the attribute, what its value is to be, and its declared Write.
func (a *attributes) prepareWrite(l *link, w write) (*attribute, []byte, writeFunc, ATTError) {
	a.peripheral.world.mu.Lock()
	defer a.peripheral.world.mu.Unlock()
	at := a.byHandle[w.handle]
	switch {
	case at == nil:
		return nil, nil, nil, attInvalidHandle
	case !at.access.write: // a real device may look at the kind of write too; BlueZ's own server does not
		return nil, nil, nil, attWriteNotPermitted
	}
	if refusal := at.refusal(l, at.access.writeSecurity); refusal != 0 {
		return nil, nil, nil, refusal
	}
	value := slices.Clone(w.value)
	if at.served != nil {
		return at, value, nil, 0
	}
	if w.long {
		if int(w.offset) > len(at.value) {
			return nil, nil, nil, attInvalidOffset
		}
		value = append(slices.Clone(at.value[:w.offset]), w.value...)
	}
	if len(value) > maxValue {
		return nil, nil, nil, attInvalidLength
	}
	return at, value, at.write, 0
}

// The bits of a client characteristic configuration.
const (
	configuredToNotify   = 1
	configuredToIndicate = 2
)

// configure answers a write of a client characteristic configuration. It is in force
// before the device's own function runs, which may notify already, before the response.
func (a *attributes) configure(l *link, at *attribute, value []byte, declared writeFunc) ATTError {
	if len(value) != 2 {
		return attInvalidLength
	}
	bits := binary.LittleEndian.Uint16(value)
	c := at.characteristic
	if bits&^(configuredToNotify|configuredToIndicate) != 0 ||
		bits&configuredToNotify != 0 && !c.notifiesBy(configuredToNotify) ||
		bits&configuredToIndicate != 0 && !c.notifiesBy(configuredToIndicate) {
		return attValueNotAllowed
	}
	adapter := l.device.adapter.adapter
	var before uint16
	a.peripheral.world.do(func() {
		before = a.subscribed[adapter][at.handle]
		a.subscribe(adapter, at.handle, bits)
		at.note(value)
	})
	if declared == nil {
		return 0
	}
	if err := declared(l.ctx, a.peripheral, slices.Clone(value)); err != nil {
		a.peripheral.world.do(func() { a.subscribe(adapter, at.handle, before) })
		return attErrorOf(err)
	}
	return 0
}

// subscribe notes a client characteristic configuration. The world is locked.
func (a *attributes) subscribe(adapter *Adapter, handle, bits uint16) {
	if a.subscribed[adapter] == nil {
		a.subscribed[adapter] = map[uint16]uint16{}
	}
	a.subscribed[adapter][handle] = bits
	a.stir()
}

// linkDown forgets the subscriptions of a central, unless it is bonded (Core
// specification, volume 3, part G, section 3.3.3.3). The world is locked.
func (a *attributes) linkDown(l *link) {
	adapter := l.device.adapter.adapter
	a.partServed(l)
	if !a.peripheral.bonds[adapter] {
		delete(a.subscribed, adapter)
	}
	a.run()
	a.stir()
}

// replace takes other services over, and tells centrals that have subscribed to that. The
// subscriptions to what is as it was stay, and what has become of it. The world is locked.
func (a *attributes) replace(services []*service) {
	before := map[string]*service{}
	for _, s := range a.services {
		before[s.String()] = s
	}
	for i, s := range services {
		if old := before[s.String()]; old != nil {
			old.redeclare(s)
			services[i] = old
		}
	}
	for _, r := range a.runs {
		r.end()
	}
	a.set(services)
	for _, s := range services {
		if before[s.String()] != nil {
			continue
		}
		for _, c := range s.characteristics {
			for _, handles := range a.subscribed {
				if c.configuration != nil {
					delete(handles, c.configuration.handle)
				}
			}
		}
	}
	a.run()
	a.stir()
	if c := a.find(uuidServiceChanged); c != nil {
		for _, l := range a.subscribers(c) {
			l.device.gatt.notified(c.value, []byte{1, 0, 0xff, 0xff}) // everything
		}
	}
}
