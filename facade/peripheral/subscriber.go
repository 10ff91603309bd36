package peripheral

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/facade"
)

// A Subscriber is a device that wants the notifications or indications of a
// characteristic. It ends when the device unsubscribes or disconnects, and with the
// Server.
//
// A bonded device is still subscribed when it connects again, and need not ask again.
// BlueZ then has a way to tell it that reaches only all subscribers of the characteristic
// together.
type Subscriber struct {
	session *session
	attr    *attribute
	path    dbus.ObjectPath // of the device, empty if BlueZ does not tell which
	peer    *peer           // the device, nil likewise
	link    Link
	ctx     context.Context
	cancel  context.CancelCauseFunc
	*channel
}

// A channel is a way to tell devices: one through a socket, or all subscribers of a
// characteristic through its Value.
type channel struct {
	socket    *packets      // nil: through the Value
	turn      chan struct{} // holds a token while something is sent
	confirmed chan struct{} // holds a token when an indication was confirmed
}

func newChannel(socket *packets) *channel {
	return &channel{socket: socket, turn: make(chan struct{}, 1), confirmed: make(chan struct{}, 1)}
}

func (c *channel) confirm() {
	select {
	case c.confirmed <- struct{}{}:
	default:
	}
}

// Device returns the device; the zero Device if BlueZ does not tell which.
func (s *Subscriber) Device() facade.Device {
	if s.peer == nil {
		return facade.Device{}
	}
	return s.peer.device
}

// Link returns over what the device is connected, empty if it is not known.
func (s *Subscriber) Link() Link { return s.link }

// MTU returns the MTU of the connection as BlueZ has told it last, 0 if it has not. A
// notification has room for 3 bytes less.
func (s *Subscriber) MTU() int {
	if s.peer == nil {
		return 0
	}
	return s.session.learnMTU(s.peer, 0, false)
}

// Notify sends a value to the device, as Server.Notify does to all, but leaves alone
// what the Server keeps. Calls wait for each other. It waits while BlueZ takes nothing
// more; that it returns nil means that BlueZ has the value, or for a characteristic that
// only indicates that the device has confirmed it.
//
// A value that is longer than the MTU has room for is refused with
// facade.ATTInvalidValueLength, for BlueZ would cut it. An empty value is refused with
// errors.ErrUnsupported, for BlueZ would take it for the end; Server.Notify can send it.
// A subscription that has ended is facade.ErrDisconnected or facade.ErrClosed.
func (s *Subscriber) Notify(ctx context.Context, value []byte) error {
	return opError("notify", s.Device().String()+" "+describe(s.attr.char), s.notify(ctx, value))
}

func (s *Subscriber) notify(ctx context.Context, value []byte) error {
	mtu := s.MTU()
	switch {
	case s.socket != nil && len(value) == 0:
		return fmt.Errorf("BlueZ cannot send an empty value to one device: %w", errors.ErrUnsupported)
	case mtu > 0 && len(value) > mtu-3:
		return errTooLong(len(value), mtu-3)
	case len(value) > maxValue:
		return errTooLong(len(value), maxValue)
	}
	if err := cmp.Or(context.Cause(s.ctx), context.Cause(ctx)); err != nil {
		return err
	}
	ctx, free := join(ctx, s.ctx)
	defer free()
	err := s.send(ctx, s.attr, func() error {
		if s.socket != nil {
			return s.socket.Send(ctx, value)
		}
		return s.session.change(s.attr, value)
	})
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil:
		return context.Cause(s.ctx)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// send sends something when its turn has come, and waits for the confirmation of what is
// only indicated.
func (c *channel) send(ctx context.Context, a *attribute, do func() error) error {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case <-c.confirmed: // of something that nobody waits for any more
	default:
	}
	if err := do(); err != nil || can(a.char.Properties, notifying) {
		return err
	}
	select {
	case <-c.confirmed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
