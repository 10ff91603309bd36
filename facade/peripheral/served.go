package peripheral

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// A servedAttribute answers what BlueZ asks of an attribute in a session.
type servedAttribute struct {
	*attribute
	session *session
}

// An asker is who asks, in the words of BlueZ.
type asker struct {
	device dbus.ObjectPath
	link   bluezgen.LinkType
	mtu    bus.Opt[uint16]
}

// serve calls a function of the application in its turn. It returns what BlueZ is to be
// told, and when the ctx of the function has ended without waiting for it: the bus waits for
// what it serves.
func (v *servedAttribute) serve(call context.Context, who asker, writing bool, do function) ([]byte, error) {
	n := v.session
	p := n.peer(who.device)
	if p == nil || !n.begin() {
		return nil, bus.ErrFailed.With(errServerEnded.Error())
	}
	turn := v.lane.enter()
	bus.Release(call) // so that a subscription need not wait for what is asked
	life := p.ctx
	if writing { // what was written is carried out even if the device has gone
		life = n.ctx
	}
	ctx, free := joinFor(life, call, func() error { return endOf(call) })
	answered := make(chan answer, 1)
	go func() { // until the function has returned; the session waits for it
		defer n.tasks.Done()
		defer free()
		defer turn.leave()
		a := answer{err: errNoAnswer}
		defer func() { answered <- a }()
		if err := turn.wait(ctx); err != nil {
			a.err = err
			return
		}
		r := v.request(p, who)
		var value []byte
		err := guard(n.log(), func() (err error) { value, err = do(ctx, r); return err })
		a = answer{value, err}
	}()
	<-ctx.Done()
	var a answer
	select {
	case a = <-answered: // first of all, and then ctx was freed
	default:
		a.err = context.Cause(ctx)
	}
	if a.err != nil {
		n.log().Debug("a request is refused", "device", p.device, "attribute", describe(v.char), "writing", writing, "error", a.err)
		return nil, refusal(a.err, writing)
	}
	return a.value, nil
}

// A function does what a request asks for.
type function func(context.Context, *Request) ([]byte, error)

// An answer is what a function returns.
type answer struct {
	value []byte
	err   error
}

// errNoAnswer is the answer of a function that has ended its goroutine, as that of a test does
// that fails.
var errNoAnswer = errors.New("the function has not returned")

func (v *servedAttribute) request(p *peer, who asker) *Request {
	mtu, told := who.mtu.Get()
	return &Request{
		Server: v.session.Server, Device: p.device, Link: Link(who.link), MTU: v.session.learnMTU(p, mtu, told),
		Characteristic: v.char, Descriptor: v.desc,
	}
}

// ReadValue implements both served interfaces.
func (v *servedAttribute) ReadValue(ctx context.Context, o bluezgen.ReadOptions) ([]byte, error) {
	offset, _ := o.Offset.Get()
	return v.serve(ctx, asker{o.Device, o.Link, o.MTU}, false, func(ctx context.Context, r *Request) ([]byte, error) {
		return v.load(ctx, r, o.Device, int(offset))
	})
}

// take does what a write asks for, or only asks whether it is let in.
func (v *servedAttribute) take(ctx context.Context, who asker, value []byte, at bus.Opt[uint16], ask bool) error {
	_, err := v.serve(ctx, who, true, func(ctx context.Context, r *Request) ([]byte, error) {
		offset, _ := at.Get()
		r.Offset = int(offset)
		if !ask {
			return nil, v.put(ctx, r, value)
		}
		return nil, v.letIn(ctx, r)
	})
	return err
}

// A servedDescriptor is a descriptor.
type servedDescriptor struct{ *servedAttribute }

var _ bluezgen.GattDescriptor1Server = servedDescriptor{}

// WriteValue implements bluezgen.GattDescriptor1Server.
func (d servedDescriptor) WriteValue(ctx context.Context, value []byte, o bluezgen.DescriptorWriteOptions) error {
	ask, _ := o.PrepareAuthorize.Get()
	return d.take(ctx, asker{o.Device, o.Link, o.MTU}, value, o.Offset, ask)
}

// A servedCharacteristic is a characteristic.
type servedCharacteristic struct{ *servedAttribute }

var _ bluezgen.GattCharacteristic1Server = servedCharacteristic{}

// WriteValue implements bluezgen.GattCharacteristic1Server.
func (c servedCharacteristic) WriteValue(ctx context.Context, value []byte, o bluezgen.WriteOptions) error {
	ask, _ := o.PrepareAuthorize.Get()
	return c.take(ctx, asker{o.Device, o.Link, o.MTU}, value, o.Offset, ask)
}

// AcquireWrite gives BlueZ a socket for what a device writes.
func (c servedCharacteristic) AcquireWrite(_ context.Context, o bluezgen.AcquireOptions) (*os.File, uint16, error) {
	n := c.session
	p := n.peer(o.Device)
	if p == nil || !c.char.Acquire {
		return nil, 0, bluezgen.ErrNotSupported
	}
	ours, theirs, err := packetPair()
	if err != nil {
		return nil, 0, bus.ErrFailed.With(err.Error()) // BlueZ calls WriteValue instead
	}
	r := c.request(p, asker{o.Device, o.Link, o.MTU})
	if !n.goTask(func() { c.drain(ours, r) }) {
		return nil, 0, errors.Join(errServerEnded, ours.Close(), theirs.Close())
	}
	return theirs, uint16(max(r.MTU, leastMTU)), nil
}

// leastMTU is what every connection has (Core Specification, Vol 3, Part F, 5.2.1).
const leastMTU = 23

// drain passes on what comes through a socket, until BlueZ hangs up or the session ends.
// What was written before the device disconnected is passed on.
func (c servedCharacteristic) drain(ours *packets, r *Request) {
	defer ours.Close()
	defer context.AfterFunc(c.session.ctx, func() { _ = ours.Close() })()
	for {
		value, err := ours.Receive()
		if err != nil {
			return
		}
		turn := c.lane.enter()
		if turn.wait(c.session.ctx) == nil {
			one := *r
			err = guard(c.session.log(), func() error { return c.put(c.session.ctx, &one, value) })
		}
		turn.leave()
		if err != nil {
			c.session.log().Debug("what was written is refused", "device", r.Device, "attribute", describe(c.char), "error", err)
		}
	}
}

// AcquireNotify gives BlueZ a socket for what a device is notified of.
func (c servedCharacteristic) AcquireNotify(_ context.Context, o bluezgen.AcquireOptions) (*os.File, uint16, error) {
	n := c.session
	p := n.peer(o.Device)
	if p == nil || !can(c.char.Properties, subscribing) {
		return nil, 0, bluezgen.ErrNotSupported
	}
	ours, theirs, err := packetPair()
	if err != nil {
		return nil, 0, bluezgen.ErrNotSupported.With(err.Error()) // BlueZ calls StartNotify instead
	}
	r := c.request(p, asker{o.Device, o.Link, o.MTU})
	if !n.subscribe(c.attribute, &Subscriber{path: o.Device, peer: p, link: r.Link}, ours) {
		return nil, 0, errors.Join(errServerEnded, ours.Close(), theirs.Close())
	}
	return theirs, uint16(max(r.MTU, leastMTU)), nil
}

// StartNotify learns that some device has subscribed: of a BlueZ that does not acquire.
func (c servedCharacteristic) StartNotify(context.Context) error {
	if !can(c.char.Properties, subscribing) {
		return bluezgen.ErrNotSupported
	}
	c.session.subscribe(c.attribute, &Subscriber{}, nil)
	return nil
}

// StopNotify learns that no device is subscribed any more that has no socket.
func (c servedCharacteristic) StopNotify(context.Context) error {
	c.session.unsubscribedAll(c.attribute)
	return nil
}

// Confirm learns that a device has confirmed what a change of the Value told it.
func (c servedCharacteristic) Confirm(context.Context) error {
	c.session.objects[c.attribute].all.confirm()
	return nil
}

// join returns a context that ends with either a or b, for the cause of either, and a
// function that frees it.
func join(a, b context.Context) (context.Context, func()) {
	return joinFor(a, b, func() error { return context.Cause(b) })
}

// joinFor is join, but for what cause returns when b has ended.
func joinFor(a, b context.Context, cause func() error) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(a)
	stop := context.AfterFunc(b, func() { cancel(cause()) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// endOf returns what the end of a call from BlueZ means.
func endOf(call context.Context) error {
	switch cause := context.Cause(call); {
	case errors.Is(cause, bus.ErrNotExported):
		return errServerEnded
	case errors.Is(cause, bus.ErrClosed):
		return facade.ErrNoBus
	}
	return facade.ErrNoBlueZ // it has left the bus
}

// errUnsubscribed ends a subscription that the device has ended.
var errUnsubscribed = fmt.Errorf("the device has unsubscribed: %w", facade.ErrClosed)
