package bluetest

import (
	"context"
	"os"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// A served is the value of a characteristic or descriptor that an application serves:
// who accesses it is answered by what a call of the application's object brings.
type served struct {
	application *servingApplication
	path        dbus.ObjectPath
	descriptor  bool

	unanswered     bool // writes are not waited for: it can be written without response
	authorizes     bool // the application is asked before a write is prepared
	acquiresWrite  bool // it takes writes from a socket
	acquiresNotify bool // it puts notifications into a socket

	// Guarded by the world.
	subscriptions int                     // that the application knows of
	writing       map[*link]*packetSocket // of AcquireWrite
	notifying     map[*link]*packetSocket // of AcquireNotify
}

// asker is what an application is told of the central that a call is for.
type asker struct {
	device dbus.ObjectPath
	mtu    uint16
}

// asker returns what is told of the central at the other end of a link, false if it has
// just ended.
func (s *served) asker(l *link) (who asker, ok bool) {
	s.application.bluetoothd.world.do(func() {
		if ok = l.twin != nil; ok {
			who = asker{device: l.twin.device.path, mtu: l.mtu}
		}
	})
	return who, ok
}

// ask makes a call that a central waits for. An application that does not answer in time,
// or that goes, leaves an error.
func (s *served) ask(l *link, call func(ctx context.Context) error) (refusal ATTError, err error) {
	b := s.application.bluetoothd
	ctx, cancel := context.WithTimeout(l.ctx, b.delays().Application)
	defer cancel()
	defer context.AfterFunc(s.application.ctx, cancel)()
	err = call(ctx)
	switch {
	case s.application.ctx.Err() != nil:
		return attRequestNotSupported, nil
	case ctx.Err() != nil:
		return attUnlikely, nil
	}
	return 0, err
}

// read answers a read from an offset on. What does not fit into one packet is read in
// several requests, each from where the one before has ended, and each is a call.
func (s *served) read(l *link, offset uint16) ([]byte, ATTError) {
	if offset > maxValue {
		return nil, attInvalidOffset
	}
	who, ok := s.asker(l)
	if !ok {
		return nil, attUnlikely
	}
	var value []byte
	for {
		part, refusal := s.readPart(l, who, offset+uint16(len(value)))
		if refusal != 0 {
			return nil, refusal
		}
		value = append(value, part...)
		if len(part) < int(who.mtu)-1 || int(offset)+len(value) >= maxValue {
			return value[:min(len(value), maxValue-int(offset))], 0
		}
	}
}

func (s *served) readPart(l *link, who asker, offset uint16) (part []byte, refusal ATTError) {
	options := bluezgen.ReadOptions{MTU: bus.Some(who.mtu), Device: who.device, Link: bluezgen.LinkTypeLE}
	if offset > 0 {
		options.Offset = bus.Some(offset)
	}
	refusal, err := s.ask(l, func(ctx context.Context) (err error) {
		if s.descriptor {
			part, err = bluezgen.GattDescriptor1{Object: s.application.object(s.path)}.ReadValue(ctx, options)
		} else {
			part, err = bluezgen.GattCharacteristic1{Object: s.application.object(s.path)}.ReadValue(ctx, options)
		}
		return err
	})
	if refusal == 0 {
		refusal = attAnswer(err, attReadNotPermitted, s.application.bluetoothd)
	}
	return part[:min(len(part), int(who.mtu)-1)], refusal
}

// write answers a write.
func (s *served) write(l *link, w write) ATTError {
	if refusal := checkLength(w); refusal != 0 {
		return refusal
	}
	who, ok := s.asker(l)
	if !ok {
		return attUnlikely
	}
	if w.long {
		if refusal := s.prepare(l, who, w); refusal != 0 {
			return refusal
		}
	}
	if socket, refusal := s.acquireWrite(l, who); refusal != 0 || socket != nil {
		if refusal == 0 && !socket.send(w.value) {
			refusal = attUnlikely
		}
		return refusal
	}
	if s.unanswered || w.silent {
		s.application.tell(s.path, bluezgen.GattCharacteristic1Interface, "WriteValue", "aya{sv}", func(e *wire.Encoder) {
			e.Bytes(w.value)
			who.encode(e, w.offset)
		})
		s.application.flush(l.ctx) // who writes more is told of after this
		return 0
	}
	return s.writeValue(l, who, w.value, w.offset, false)
}

// checkLength refuses what no value takes (Core specification, volume 3, part F, section 3.2.9).
func checkLength(w write) ATTError {
	switch {
	case w.offset > maxValue:
		return attInvalidOffset
	case int(w.offset)+len(w.value) > maxValue:
		return attInvalidLength
	}
	return 0
}

// prepare asks the application whether a write may be prepared, if it wants to be asked and
// the central is not trusted.
func (s *served) prepare(l *link, who asker, w write) ATTError {
	trusted := false
	s.application.bluetoothd.world.do(func() { trusted = l.twin != nil && l.twin.device.stored.trusted })
	if trusted || !s.authorizes {
		return 0
	}
	return s.writeValue(l, who, nil, w.offset, true)
}

func (s *served) writeValue(l *link, who asker, value []byte, offset uint16, prepare bool) ATTError {
	var from bus.Opt[uint16]
	if offset > 0 {
		from = bus.Some(offset)
	}
	var authorize bus.Opt[bool]
	if prepare {
		authorize = bus.Some(true)
	}
	refusal, err := s.ask(l, func(ctx context.Context) error {
		if s.descriptor {
			return bluezgen.GattDescriptor1{Object: s.application.object(s.path)}.WriteValue(ctx, value, bluezgen.DescriptorWriteOptions{
				Offset: from, MTU: bus.Some(who.mtu), Device: who.device, Link: bluezgen.LinkTypeLE, PrepareAuthorize: authorize,
			})
		}
		return bluezgen.GattCharacteristic1{Object: s.application.object(s.path)}.WriteValue(ctx, value, bluezgen.WriteOptions{
			Offset: from, MTU: bus.Some(who.mtu), Device: who.device, Link: bluezgen.LinkTypeLE, PrepareAuthorize: authorize,
		})
	})
	if refusal != 0 {
		return refusal
	}
	return attAnswer(err, attWriteNotPermitted, s.application.bluetoothd)
}

// encode writes the options of a call that nobody waits for, which generated code does
// not make.
func (who asker) encode(e *wire.Encoder, offset uint16) {
	options := e.Array(8)
	option := func(name, signature string) {
		e.Struct()
		e.String(name)
		e.VariantOf(signature)
	}
	option("device", "o")
	e.ObjectPath(who.device)
	if offset > 0 {
		option("offset", "q")
		e.Uint16(offset)
	}
	option("link", "s")
	e.String(string(bluezgen.LinkTypeLE))
	option("mtu", "q")
	e.Uint16(who.mtu)
	e.EndArray(options)
}

// acquireWrite returns the socket into which the writes of a central go, nil if the
// application has none for that.
func (s *served) acquireWrite(l *link, who asker) (*packetSocket, ATTError) {
	w := s.application.bluetoothd.world
	var socket *packetSocket
	w.do(func() { socket = s.writing[l] })
	if socket != nil || !s.acquiresWrite {
		return socket, 0
	}
	var file *os.File
	refusal, err := s.ask(l, func(ctx context.Context) (err error) {
		file, _, err = bluezgen.GattCharacteristic1{Object: s.application.object(s.path)}.AcquireWrite(ctx, who.acquireOptions())
		return err
	})
	if refusal == 0 {
		refusal = attAnswer(err, attWriteNotPermitted, s.application.bluetoothd)
	}
	switch {
	case refusal == attUnlikely && l.ctx.Err() == nil: // it is called instead
		return nil, 0
	case refusal != 0:
		return nil, refusal
	}
	socket, err = packetSocketOf(file)
	if err != nil {
		return nil, 0
	}
	return socket, s.keep(l, socket, &s.writing)
}

func (who asker) acquireOptions() bluezgen.AcquireOptions {
	return bluezgen.AcquireOptions{Device: who.device, MTU: bus.Some(who.mtu), Link: bluezgen.LinkTypeLE}
}

// keep notes a socket of a link until either end hangs up.
func (s *served) keep(l *link, socket *packetSocket, sockets *map[*link]*packetSocket) ATTError {
	w := s.application.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if l.ctx.Err() != nil || s.application.ctx.Err() != nil {
		socket.close()
		return attUnlikely
	}
	if *sockets == nil {
		*sockets = map[*link]*packetSocket{}
	}
	(*sockets)[l] = socket
	notifies := sockets == &s.notifying
	w.tasks.Go(func() {
		for {
			packet, more := socket.receive()
			w.mu.Lock()
			if !more || (*sockets)[l] != socket {
				break
			}
			if notifies && l.ctx.Err() == nil {
				s.notify(l, packet, func() { socket.send([]byte{1}) })
			}
			w.mu.Unlock()
		}
		if (*sockets)[l] == socket {
			delete(*sockets, l)
		}
		w.mu.Unlock()
		socket.close()
	})
	return 0
}
