package peripheral

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// A Server is an Application that is served, until Close or the end of its Central. Any
// goroutine may use it at any time.
//
// It outlives bluetoothd, the bus and the adapter: while they are away nobody is
// connected; when they are back BlueZ is told again. The values that it keeps stay.
type Server struct {
	services   []*service
	attributes map[Attribute]*attribute
	herald     herald
	central    *facade.Central
	root       dbus.ObjectPath
	kept       *registration
	was        bool // registered before; of hold

	mu      sync.Mutex
	session *session // not nil while BlueZ knows the application
	logger  *slog.Logger
}

// Serve has BlueZ offer an Application to devices that connect, and returns once it does.
// For devices to find this one it also has to advertise; see Advertise. ctx bounds the
// beginning only; Close ends the Server.
//
// All mistakes in the Application come as one error that matches ErrInvalid before
// anything is done. Other errors are those of facade.Open, facade.ErrNoAdapter,
// facade.ErrNoBlueZ, and what BlueZ replies if it does not take the application: then
// mostly handles are taken. An adapter that is off is no error: the application is
// there when it is on.
func Serve(ctx context.Context, app Application, o Options) (*Server, error) {
	s, err := serve(ctx, app, o)
	if err != nil {
		return nil, opError("serve", o.Adapter, err)
	}
	return s, nil
}

func serve(ctx context.Context, app Application, o Options) (*Server, error) {
	if err := app.check(); err != nil {
		return nil, err
	}
	s := newServer(app)
	_, err := register(ctx, o, func(r *registration) holder {
		s.kept, s.central, s.root = r, r.Central, r.Central.NewPath()
		return holder{hold: s.hold, ended: func() { s.await(&s.herald.task) }}
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func newServer(app Application) *Server {
	s := &Server{attributes: map[Attribute]*attribute{}, logger: slog.New(slog.DiscardHandler)}
	s.herald.told, s.herald.logger = app.Event, s.log
	ordered, _ := app.order() // has no error, as check found
	for i, declared := range ordered {
		s.add(declared, i)
	}
	return s
}

// Close has BlueZ take the application away, ends what devices asked for, and returns
// when all functions of the Application have returned, or after some seconds if one does
// not. Devices stay connected. It returns nil; a second Close does nothing.
//
// A function of the Application may call it on another goroutine only.
func (s *Server) Close() error {
	s.kept.end()
	return nil
}

// Done returns a channel that is closed when the Server has ended, by Close or with its
// Central.
func (s *Server) Done() <-chan struct{} { return s.kept.done }

// Err returns why the Server has ended: nil while it has not and after Close, an error that
// matches facade.ErrClosed if its Central was closed.
func (s *Server) Err() error { return opError("serve", "", s.kept.reason()) }

// Value returns the value that the Server keeps of an attribute; nil if it keeps none.
func (s *Server) Value(of Attribute) []byte {
	a := s.attributes[of]
	if a == nil {
		return nil
	}
	return a.get()
}

// SetValue replaces the value that the Server keeps of an attribute. Nobody is notified
// of it. It fails if the attribute is not of the Application or has a function Read, and if the
// value is longer than 512 bytes.
func (s *Server) SetValue(of Attribute, value []byte) error {
	a := s.attributes[of]
	err := errNotServed
	if a != nil {
		err = a.set(value)
	}
	return opError("set value", describe(of), err)
}

var errNotServed = fmt.Errorf("it is not of the application: %w", facade.ErrNotFound)

// Notify sends a value to every device that has subscribed to the characteristic: as
// notification or, if that is all it has asked for, as indication. If the Server keeps
// the value of the characteristic, it is set first.
//
// It returns when BlueZ has the value for each device; and for a characteristic that
// only indicates, when each has confirmed. If there is no subscriber it returns nil at
// once. The error joins those of all devices that could not be told; see
// Subscriber.Notify. A device that is slow does not hold up others, and one that leaves
// meanwhile is no error.
func (s *Server) Notify(ctx context.Context, of *Characteristic, value []byte) error {
	return opError("notify", describe(of), s.notify(ctx, of, value))
}

func (s *Server) notify(ctx context.Context, of *Characteristic, value []byte) error {
	a := s.attributes[of]
	switch {
	case a == nil:
		return errNotServed
	case !can(of.Properties, subscribing):
		return fmt.Errorf("the characteristic neither notifies nor indicates: %w", errors.ErrUnsupported)
	case len(value) > maxValue:
		return errTooLong(len(value), maxValue)
	}
	if a.kept() {
		if err := a.set(value); err != nil {
			return err
		}
	}
	n := s.current()
	if n == nil {
		return nil
	}
	return n.notify(ctx, a, value)
}

// Subscribers returns who has subscribed to a characteristic at the moment.
func (s *Server) Subscribers(of *Characteristic) []*Subscriber {
	n, a := s.current(), s.attributes[of]
	if n == nil || a == nil {
		return nil
	}
	return n.subscribers(a)
}

// Disconnect ends the connection of a device, whoever has connected it. It returns when
// BlueZ has done so, which may take 2 seconds. A device that is not connected is
// facade.ErrNotConnected.
func (s *Server) Disconnect(ctx context.Context, d facade.Device) error {
	err := error(facade.ErrNotConnected)
	if n := s.current(); n != nil {
		err = n.disconnect(ctx, d)
	}
	return opError("disconnect", d.String(), err)
}

// current returns what BlueZ knows of the Server, nil if it knows nothing.
func (s *Server) current() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// log returns the logger of the Central.
func (s *Server) log() *slog.Logger {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logger
}

// hold keeps the application registered until ctx ends.
func (s *Server) hold(ctx context.Context, conn *bus.Conn, adapter facade.Adapter, held func()) error {
	n := newSession(ctx, s, conn, adapter)
	s.mu.Lock()
	s.session, s.logger = n, conn.Logger()
	s.mu.Unlock()
	if err := n.open(ctx); err != nil {
		n.end()
		return err
	}
	if s.was {
		s.herald.tell(Event{Kind: Resumed})
	}
	s.was = true
	held()
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), facade.ErrUnavailable) {
		n.unregister(ctx)
	}
	n.end()
	if s.kept.ctx.Err() == nil {
		s.herald.tell(Event{Kind: Suspended})
	}
	return context.Cause(ctx)
}

// await waits until functions of the application have returned, but not for ever.
func (s *Server) await(running *sync.WaitGroup) {
	idle := make(chan struct{})
	go func() { // for as long as the last one takes
		running.Wait()
		close(idle)
	}()
	timeout := time.NewTimer(cleanupTimeout)
	defer timeout.Stop()
	select {
	case <-idle:
	case <-timeout.C:
		s.log().Warn("a function of the application does not return")
	}
}

// describe names an attribute in errors.
func describe(a Attribute) string {
	switch a := a.(type) {
	case *Characteristic:
		if a != nil {
			return a.UUID.Short()
		}
	case *Descriptor:
		if a != nil {
			return a.UUID.Short()
		}
	}
	return "nothing"
}

// guard calls a function of the application and returns its panic as an error.
func guard(logger *slog.Logger, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			logger.Error("a function of the application panics", "panic", v, "stack", string(debug.Stack()))
			err = &facade.PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
