package bluetest

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// configure answers a write of the client characteristic configuration of a characteristic
// that an application serves. The application is told before it is told of what the central
// does next, but it cannot refuse.
func (s *served) configure(l *link, a *attributes, at *attribute, value []byte) ATTError {
	if len(value) > 2 || len(value) == 0 {
		return attInvalidLength
	}
	refusal, told := s.note(l, a, at, binary.LittleEndian.Uint16(append(slices.Clone(value), 0)))
	if told != nil {
		patience := time.NewTimer(telling)
		defer patience.Stop()
		select {
		case <-told:
		case <-patience.C:
		case <-l.ctx.Done():
		}
	}
	s.application.flush(l.ctx)
	return refusal
}

// note takes a client characteristic configuration over. A value that is no other than
// before tells the application nothing. What is returned is closed when it has been told
// what it answers; it may be nil.
func (s *served) note(l *link, a *attributes, at *attribute, bits uint16) (refusal ATTError, told <-chan struct{}) {
	w := s.application.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	adapter := l.device.adapter.adapter
	before := a.subscribed[adapter][at.handle]
	c := at.characteristic
	switch {
	case l.twin == nil:
		return attUnlikely, nil
	case bits == before:
		return 0, nil
	case bits == 0:
		s.unsubscribed(l)
	case !c.notifiesBy(bits): // both at once included
		return attImproperlyConfigured, nil
	default:
		told = s.subscribe(l)
	}
	a.subscribe(adapter, at.handle, bits)
	return 0, told
}

// subscribe tells the application of a subscriber. The world is locked.
func (s *served) subscribe(l *link) (told <-chan struct{}) {
	switch {
	case s.notifying[l] != nil:
		s.subscriptions++
	case s.acquiresNotify:
		who := asker{device: l.twin.device.path, mtu: l.mtu}
		answered := make(chan struct{})
		s.application.bluetoothd.world.tasks.Go(func() {
			defer close(answered)
			s.acquireNotify(l, who)
		})
		return answered
	default:
		s.startNotify()
	}
	return nil
}

// startNotify calls StartNotify, which BlueZ does for each subscriber. The world is locked.
func (s *served) startNotify() {
	s.subscriptions++
	s.application.tell(s.path, bluezgen.GattCharacteristic1Interface, "StartNotify", "", nil)
}

// acquireNotify takes a socket with the notifications for one central. An application that
// refuses that is called as one that has none, unless it just failed.
func (s *served) acquireNotify(l *link, who asker) {
	w := s.application.bluetoothd.world
	var file *os.File
	ctx, cancel := context.WithCancel(l.ctx)
	defer cancel()
	defer context.AfterFunc(s.application.ctx, cancel)()
	file, _, err := bluezgen.GattCharacteristic1{Object: s.application.object(s.path)}.AcquireNotify(ctx, who.acquireOptions())
	switch {
	case ctx.Err() != nil, errors.Is(err, bluezgen.ErrFailed), errors.Is(err, bus.ErrNoReply):
		return
	case err != nil:
		w.do(s.startNotify)
		return
	}
	socket, err := packetSocketOf(file)
	if err != nil {
		return
	}
	if s.keep(l, socket, &s.notifying) == 0 {
		w.do(func() { s.subscriptions++ })
	}
}

// unsubscribed tells the application that a central is not subscribed any more: its socket
// is hung up, or StopNotify called after the last. The world is locked, as for the methods
// below.
func (s *served) unsubscribed(l *link) {
	if s.subscriptions == 0 {
		return
	}
	s.subscriptions--
	if socket := s.notifying[l]; socket != nil {
		delete(s.notifying, l)
		socket.close()
		return
	}
	if s.subscriptions == 0 {
		s.application.tell(s.path, bluezgen.GattCharacteristic1Interface, "StopNotify", "", nil)
	}
}

// hangUp closes the sockets of a link that has ended. That a central which stays
// subscribed had one is forgotten.
func (s *served) hangUp(l *link) {
	if socket := s.writing[l]; socket != nil {
		delete(s.writing, l)
		socket.close()
	}
	if socket := s.notifying[l]; socket != nil && s.bonded(l) {
		delete(s.notifying, l)
		socket.close()
	}
}

func (s *served) bonded(l *link) bool { return l.peripheral.bonds[l.device.adapter.adapter] }

// halt closes all sockets.
func (s *served) halt() {
	for _, sockets := range [...]map[*link]*packetSocket{s.writing, s.notifying} {
		for l, socket := range sockets {
			delete(sockets, l)
			socket.close()
		}
	}
}

// changed sends a new value, which the application has shown as its property, to all who
// are subscribed.
func (s *served) changed(c *characteristic, value []byte) {
	a := s.application.manager.object.adapter.station.attributes
	for _, l := range a.subscribers(c) {
		s.notify(l, value, func() {
			s.application.tell(s.path, bluezgen.GattCharacteristic1Interface, "Confirm", "", nil)
		})
	}
}

// notify sends a value to one central, less what does not fit into a packet. An indication
// is confirmed.
func (s *served) notify(l *link, value []byte, confirm func()) {
	a := l.peripheral.attributes
	c := s.application.values[s.path]
	bits := a.subscribed[l.device.adapter.adapter][c.configuration.handle]
	if bits == 0 {
		return
	}
	value = value[:min(len(value), maxValue, int(l.mtu)-3)]
	l.device.gatt.notified(c.value, value)
	if bits&configuredToNotify == 0 {
		confirm()
	}
}

// partServed tells applications that a link has ended: of one that is not bonded with, the
// subscriptions are gone.
func (a *attributes) partServed(l *link) {
	adapter := l.device.adapter.adapter
	for c := range a.characteristics() {
		s := c.value.served
		if s == nil {
			continue
		}
		s.hangUp(l)
		if c.configuration != nil && !s.bonded(l) && a.subscribed[adapter][c.configuration.handle] != 0 {
			s.unsubscribed(l)
		}
	}
}
