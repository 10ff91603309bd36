package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"
)

// Dial connects to the bus at an address, authenticates, and says Hello. The
// address is a D-Bus address list, tried in order: "unix:" with path, abstract or
// runtime, and "unixexec:" with path and arguments, whose program speaks D-Bus on
// its standard input and output. Descriptors can pass on "unix:" only.
//
// ctx bounds the opening, not the life of the connection. Errors match
// [ErrAuthentication] when the bus refused to let this process in,
// [errors.ErrUnsupported] for another transport and on anything but Linux, ctx'
// error when that was the reason, and [ErrNoBus] otherwise: the list is malformed,
// nothing answers, or what answers hangs up or is no bus.
func Dial(ctx context.Context, address string, o Options) (*Conn, error) {
	addresses, err := parseAddresses(address)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoBus, err)
	}
	var failures []error
	for _, a := range addresses {
		c, err := open(ctx, a, o)
		if err == nil {
			return c, nil
		}
		failures = append(failures, fmt.Errorf("connect to bus %s: %w", a.text, classify(ctx, err)))
		if ctx.Err() != nil {
			break
		}
	}
	return nil, errors.Join(failures...)
}

func open(ctx context.Context, a address, o Options) (*Conn, error) {
	s, err := dialAddress(ctx, a)
	if err != nil {
		return nil, err
	}
	guid, err := s.authenticate(ctx, o.AuthUID, a.transport == "unix")
	if err != nil {
		s.close()
		return nil, errors.Join(fmt.Errorf("authenticate: %w", err), s.wait())
	}
	c := newConn(s, o)
	if err := c.hello(ctx, guid); err != nil {
		return nil, errors.Join(fmt.Errorf("hello: %w", err), c.Close())
	}
	return c, nil
}

// classify makes an error match ErrNoBus unless it is of a kind of its own.
func classify(ctx context.Context, err error) error {
	for _, own := range []error{ErrAuthentication, errors.ErrUnsupported, ctx.Err(), context.Cause(ctx)} {
		if errors.Is(err, own) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", ErrNoBus, err)
}

// hello puts godbus on the connection and lets it ask for the unique name.
func (c *Conn) hello(ctx context.Context, guid string) error {
	stop := context.AfterFunc(ctx, func() { c.fail(context.Cause(ctx)) })
	defer stop()
	var err error
	c.dbus, err = dbus.NewConn(c.side,
		dbus.WithSerialGenerator(&c.side.serials),
		dbus.WithHandler(c.side.handler),
		dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		return err
	}
	c.side.guid = guid
	if err := c.dbus.Auth([]dbus.Auth{dbus.AuthExternal("")}); err != nil {
		return err
	}
	c.start()
	if err := c.dbus.Hello(); err != nil {
		if closed := c.Err(); closed != nil {
			return closed
		}
		return err
	}
	if !stop() {
		return context.Cause(ctx)
	}
	c.name = c.dbus.Names()[0]
	return nil
}
