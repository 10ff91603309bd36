package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A Method describes a method of an interface as far as a call needs it.
type Method struct {
	Interface string
	Name      string
	In, Out   string // signatures of the arguments and results

	// NoReply marks a method that sends no reply. A call of it returns once it is
	// sent, without knowing what became of it.
	NoReply bool
	// Priority marks a method that ends something, such as Disconnect. When others
	// must wait because of the calls in flight, a few of these are sent all the
	// same, and further ones before the others.
	Priority bool
}

// String returns the method's full name, such as "org.bluez.Device1.Connect".
func (m *Method) String() string { return m.Interface + "." + m.Name }

// An Object is a remote object: a path of the service that owns a bus name. It is
// a small value; making one costs nothing and asks nobody. Make it with
// [Conn.Object].
type Object struct {
	conn    *Conn
	service string
	path    dbus.ObjectPath
}

// Conn returns the connection that the object is reached through.
func (o Object) Conn() *Conn { return o.conn }

// Service returns the bus name of the object's service.
func (o Object) Service() string { return o.service }

// Path returns the object's path.
func (o Object) Path() dbus.ObjectPath { return o.path }

// Call calls a method and waits for its reply. in encodes the arguments and out
// decodes the results; either may be nil. Both run before Call returns, on the
// caller's goroutine. Results that out wants to keep are copies: its decoder's
// views are valid during out only. A method whose Out is empty accepts any reply.
//
// There is no time limit but ctx'. When ctx ends first, Call returns ctx' error; a
// message that is not on its way is then never sent, and descriptors in a late
// reply are closed. At most 100 calls are in flight, and 8 more with Priority, for
// the system bus allows little more; others wait their turn. A call that was sent
// is in flight until its reply comes, even if ctx has ended.
//
// An error reply is an *[Error], a reply of another signature a *[ReplyError], and
// a connection that has ended [ErrClosed], each wrapped.
func (o Object) Call(ctx context.Context, m Method, in func(*wire.Encoder), out func(*wire.Decoder)) error {
	if err := o.conn.call(ctx, o.service, o.path, &m, in, out); err != nil {
		return fmt.Errorf("call %s on %s: %w", &m, o.path, err)
	}
	return nil
}

func (c *Conn) call(ctx context.Context, service string, path dbus.ObjectPath, m *Method, in func(*wire.Encoder), out func(*wire.Decoder)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := newEncoder()
	defer putEncoder(e)
	if in != nil {
		in(e)
	}
	msg := outgoing{typ: wire.MethodCall, dest: service, path: path, iface: m.Interface, member: m.Name, sig: m.In}
	if m.NoReply {
		return c.post(ctx, &msg, e)
	}
	slot := service != busService // the bus itself replies at once, and counts none
	if slot {
		if err := c.slots.acquire(ctx, c.ctx, m.Priority); err != nil {
			return err
		}
	}
	pending := newCall()
	pending.slot, pending.want = slot, m.Out
	serial, err := c.request(&msg, e, pending, m)
	if err != nil {
		return err
	}
	answered, err := c.calls.await(ctx, pending, serial)
	if err == nil {
		err = c.decode(pending, m, out)
	}
	if answered && c.writer.done(&pending.frame) {
		pending.recycle()
	}
	return err
}

// request sends a call. After an error its slot is free again.
func (c *Conn) request(msg *outgoing, e *wire.Encoder, pending *call, m *Method) (serial uint32, err error) {
	if pending.want != "" {
		pending.member = m.String()
	}
	serial, err = c.calls.register(pending)
	if err == nil {
		msg.serial = serial
		if err = msg.encode(&pending.frame, e); err == nil {
			err = c.send(&pending.frame)
		}
		if err == nil || !c.calls.remove(serial) {
			return serial, nil // answered, perhaps by the end of the connection
		}
	}
	if pending.slot {
		c.slots.release()
	}
	return 0, err
}

// ask sends a call from wherever it is, the reader goroutine included, and gives
// the reply to onReader. It does not wait its turn for a slot: for calls to the
// bus, and few others.
func (c *Conn) ask(service string, path dbus.ObjectPath, m *Method, in func(*wire.Encoder), onReader func(*wire.Decoder, error) error) error {
	e := newEncoder()
	defer putEncoder(e)
	if in != nil {
		in(e)
	}
	msg := outgoing{typ: wire.MethodCall, dest: service, path: path, iface: m.Interface, member: m.Name, sig: m.In}
	if m.NoReply {
		f := newFrame()
		msg.flags, msg.serial = wire.NoReplyExpected, c.calls.serial()
		if err := msg.encode(f, e); err != nil {
			return err
		}
		return c.send(f)
	}
	_, err := c.request(&msg, e, &call{want: m.Out, onReader: onReader, frame: frame{keep: true}}, m)
	return err
}

// callInOrder calls a method like call, but decodes the reply on the reader
// goroutine, in its place among the signals. If ctx ends before, the reply is still
// decoded when it comes.
func (c *Conn) callInOrder(ctx context.Context, service string, path dbus.ObjectPath, m *Method, in func(*wire.Encoder), onReader func(*wire.Decoder)) error {
	if err := c.slots.acquire(ctx, c.ctx, false); err != nil {
		return err
	}
	e := newEncoder()
	defer putEncoder(e)
	if in != nil {
		in(e)
	}
	msg := outgoing{typ: wire.MethodCall, dest: service, path: path, iface: m.Interface, member: m.Name, sig: m.In}
	done := make(chan error, 1)
	pending := &call{want: m.Out, slot: true, frame: frame{keep: true}}
	pending.onReader = func(d *wire.Decoder, err error) error {
		if err == nil {
			onReader(d)
			err = d.Err()
		}
		done <- err
		return nil
	}
	if _, err := c.request(&msg, e, pending, m); err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post sends a message that nobody replies to, and waits until it is on the socket.
func (c *Conn) post(ctx context.Context, msg *outgoing, e *wire.Encoder) error {
	f := newFrame()
	f.keep = true
	msg.serial = c.calls.serial()
	if msg.typ == wire.MethodCall {
		msg.flags |= wire.NoReplyExpected
	}
	if err := msg.encode(f, e); err != nil {
		return err
	}
	if err := c.send(f); err != nil {
		return err
	}
	if err := c.writer.await(ctx, f); err != nil {
		return err
	}
	f.recycle()
	return nil
}

// decode lets out read a reply. It closes the descriptors that out leaves, and all
// of them if out fails.
func (c *Conn) decode(reply *call, m *Method, out func(*wire.Decoder)) error {
	defer closeFiles(reply.files)
	if out == nil {
		return nil
	}
	d := c.decoders.Get().(*wire.Decoder)
	defer c.decoders.Put(d)
	arrived := slices.Clone(reply.files)
	d.Reset(reply.body, reply.order, reply.files)
	out(d)
	err := d.Err()
	d.Reset(nil, wire.LittleEndian, nil)
	if err != nil {
		closeFiles(arrived)
	}
	if fatal(err) != nil {
		c.fail(fmt.Errorf("reply of %s: %w", m, err))
	}
	return err
}

var encoders = sync.Pool{New: func() any { return wire.NewEncoder(hostOrder) }}

func newEncoder() *wire.Encoder { return encoders.Get().(*wire.Encoder) }

func putEncoder(e *wire.Encoder) {
	if cap(e.Body()) > maxPooled {
		return
	}
	e.Reset(hostOrder)
	encoders.Put(e)
}

// send queues a frame, which is the writer's from then on.
func (c *Conn) send(f *frame) error {
	c.counts.sent.Add(1)
	c.tracer.sent(f.buf)
	if len(f.fds) > 0 && !c.stream.fds {
		closeFDs(f.fds)
		f.fds = f.fds[:0]
		return errors.New("this connection cannot carry descriptors")
	}
	return c.writer.enqueue(f)
}
