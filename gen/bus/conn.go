package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// Options say how a connection is opened. The zero value is what most want.
type Options struct {
	// Logger gets what is odd but no error, each kind once: a property or signal of
	// an unexpected type, a service that does not list its objects, a message that
	// godbus cannot take. Nil logs nothing. Values that came over the bus are never
	// logged.
	Logger *slog.Logger
	// AuthUID, if not empty, is the decimal user id to authenticate as. Empty
	// leaves it to the bus to ask the kernel, which is right nearly always, and in
	// user namespaces and through ssh too.
	AuthUID string
	// EchoSignals gives the signals that a Subscription or Mirror consumed to
	// DBus() as well.
	EchoSignals bool
	// Drained, if not nil, is called on the reader goroutine when the messages that were
	// read have all been handled, before more are read. Handlers that pass something
	// on can wake its receivers then: once for many messages, which is what a message
	// costs most otherwise.
	Drained func()
	// Trace, if not nil, gets one line for each message in either direction: its
	// header and sizes, never its values. Writes are not concurrent.
	Trace io.Writer
}

// A Conn is a connection to a message bus: one socket, one unique name, one order
// of messages for everything that goes through it. It is made by [Dial] and has
// one life: when it has ended, for whatever reason, dial again.
//
// All methods may be called from any goroutine. Handlers of subscriptions and
// mirrors are the exception: they run on the connection's one reader goroutine and
// must neither block nor wait for a reply, nor call Close.
type Conn struct {
	options Options
	logger  *slog.Logger
	stream  *stream
	reader  *reader
	writer  *writer
	tracer  *tracer
	side    *sideDoor
	dbus    *dbus.Conn
	name    string // unique name

	calls    callTable
	slots    slots
	rules    ruleTable
	names    nameTable
	router   router
	exports  exportTable
	oddity   oddities
	counts   counters
	decoders sync.Pool

	ctx    context.Context // ends with the connection
	cancel context.CancelCauseFunc
	end    sync.Once
	err    error      // valid once ctx is done
	spawn  sync.Mutex // held to start a task, so that none begins once Close waits
	tasks  sync.WaitGroup
	waited sync.Once
	exit   error // of the child process, valid once waited
}

func newConn(s *stream, o Options) *Conn {
	c := &Conn{options: o, logger: o.Logger, stream: s, reader: newReader(s)}
	if c.logger == nil {
		c.logger = slog.New(slog.DiscardHandler)
	}
	c.reader.drain = o.Drained
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.writer = newWriter(s, c.fail)
	if o.Trace != nil {
		c.tracer = &tracer{w: o.Trace}
	}
	c.side = newSideDoor(c)
	c.oddity.logger = c.logger
	c.decoders.New = func() any { return c.newDecoder() }
	c.calls.init(c)
	c.slots.patience, c.slots.stuck = patience, c.giveUp
	c.rules.init(c)
	c.names.init(c)
	c.router.init(c)
	c.exports.init(c)
	return c
}

// start starts the connection's goroutines.
func (c *Conn) start() {
	c.tasks.Go(c.read)
	c.tasks.Go(func() { c.writer.run(c.ctx.Done()) })
}

// run starts a task that Close waits for. Once the connection has ended it returns
// its error instead.
func (c *Conn) run(task func()) error {
	c.spawn.Lock()
	defer c.spawn.Unlock()
	if err := c.Err(); err != nil {
		return err
	}
	c.tasks.Go(task)
	return nil
}

// read is the reader goroutine: it takes each message where it belongs until the
// connection ends, and then tells everybody who waits.
func (c *Conn) read() {
	var m message
	d := c.newDecoder()
	for {
		err := c.reader.next(&m)
		if err == nil {
			err = c.dispatch(&m, d)
			m.close()
		}
		if err != nil {
			c.fail(fmt.Errorf("read: %w", err))
			break
		}
	}
	if c.reader.drain != nil {
		c.reader.drain()
	}
	c.reader.close()
	c.side.hangUp()
	c.calls.fail(c.err)
}

// dispatch gives a message to who wants it. An error ends the connection.
func (c *Conn) dispatch(m *message, d *wire.Decoder) error {
	h := &m.header
	c.counts.received.Add(1)
	c.tracer.received(m)
	if !m.complete() {
		c.oddity.report("descriptors", "message with fewer descriptors than it claims",
			"type", h.Type, "claimed", h.UnixFDs, "arrived", len(m.files))
	}
	switch h.Type {
	case wire.MethodReturn, wire.Error:
		if h.ReplySerial >= firstSerial {
			return c.calls.reply(m, d)
		}
	case wire.Signal:
		consumed, err := c.router.signal(m, d)
		if err != nil || consumed && !c.options.EchoSignals && string(h.Sender) != busService {
			return err // the bus' own signals always go on: godbus keeps account of names
		}
	case wire.MethodCall:
		if c.exports.call(m) {
			return nil
		}
	default:
		return nil // to be ignored, says the specification
	}
	return c.side.receive(m, d)
}

// newDecoder returns a decoder that reports properties of foreign types.
func (c *Conn) newDecoder() *wire.Decoder {
	d := wire.NewDecoder(nil, wire.LittleEndian, nil)
	d.OnMismatch(c.oddity.mismatch)
	return d
}

// fail ends the connection for a reason: the socket is closed, which ends the
// reader, which tells the others.
func (c *Conn) fail(err error) {
	c.end.Do(func() {
		if !errors.Is(err, ErrClosed) {
			err = fmt.Errorf("%w: %w", ErrClosed, err)
		}
		c.err = err
		c.stream.close()
		c.writer.fail(err)
		c.spawn.Lock() // whoever is about to start a task has started it then
		defer c.spawn.Unlock()
		c.cancel(err)
	})
}

// patience is how long after its caller has left a call may still be answered. BlueZ
// takes a minute at most, when it asks a person something.
const patience = time.Minute

// giveUp ends the connection if half of its slots, at least, are held by calls that will
// not be answered any more. There is no other way to have them back: the bus counts such
// a call until it is answered or either side leaves.
func (c *Conn) giveUp() {
	if n := c.calls.unanswered(c.slots.patience); n >= maxInFlight/2 {
		c.fail(fmt.Errorf("%d calls were never answered, and the bus takes no more of them", n))
	}
}

// Close closes the connection and waits until its goroutines have ended, served
// methods included, whose contexts are cancelled, and until the process of a
// unixexec address is gone. Calls that wait return an error that matches
// [ErrClosed]. Closing again does no more. The error is that of the process.
//
// Close must not be called from a handler or a served method, which it waits for.
func (c *Conn) Close() error {
	c.fail(ErrClosed)
	c.side.hangUp()
	if c.dbus != nil {
		_ = c.dbus.Close()
	}
	c.tasks.Wait()
	c.waited.Do(func() { c.exit = c.stream.wait() })
	return c.exit
}

// Done returns a channel that is closed when the connection has ended, by Close or
// because the bus went away. Err then says why.
func (c *Conn) Done() <-chan struct{} { return c.ctx.Done() }

// Err returns nil while the connection lives, and then an error that matches
// [ErrClosed] and wraps the cause, such as io.EOF or a *[wire.FormatError].
func (c *Conn) Err() error {
	select {
	case <-c.ctx.Done():
		return c.err
	default:
		return nil
	}
}

// cause returns the error of the connection if it has ended, else err, which was
// got by waiting for either.
func (c *Conn) cause(err error) error {
	if ended := c.Err(); ended != nil {
		return ended
	}
	return err
}

// UniqueName returns the name that the bus gave to this connection, such as ":1.42".
func (c *Conn) UniqueName() string { return c.name }

// PassesDescriptors reports whether file descriptors pass in calls and replies, which they do
// on "unix:" addresses. A reply with descriptors to a connection that has none is
// dropped by the bus, so that such a call never returns.
func (c *Conn) PassesDescriptors() bool { return c.stream.fds }

// DBus returns a godbus connection that shares this one's socket and unique name,
// for calls, signals and exports that are not generated. Signals that a
// Subscription or a Mirror consumed do not appear there, unless
// [Options].EchoSignals is set, and descriptors cannot be sent or received through
// it. Closing it closes this connection.
func (c *Conn) DBus() *dbus.Conn { return c.dbus }

// Logger returns the logger of Options, never nil.
func (c *Conn) Logger() *slog.Logger { return c.logger }

// Object returns the object at path of the service that owns a bus name. It does
// not ask whether there is one.
func (c *Conn) Object(service string, path dbus.ObjectPath) Object {
	return Object{conn: c, service: service, path: path}
}
