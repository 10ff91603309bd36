package facade

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// StayOptions configures Stay. The zero value works.
type StayOptions struct {
	// Connect configures each connection. Its Timeout is 30 s unless it says otherwise.
	Connect ConnectOptions
	// MinPause and MaxPause bound the pause before the next attempt: it begins with
	// MinPause (0 means 1 s), doubles with each attempt that fails, up to MaxPause (0
	// means 1 min), and is short again after a connection. Up to half as much again is
	// added or taken away at random, so that many devices, or many programs, do not all
	// come at once.
	MinPause, MaxPause time.Duration
	// Retry, if not nil, is asked whether to go on: with the error of an attempt to
	// connect, or with that of a connection that has ended. False ends Stay with the error.
	// Without it Stay goes on whatever happens.
	Retry func(err error) bool
}

// Stay keeps connected to a device: it connects, calls while, and does so again when the
// connection has ended, until ctx ends. It returns ctx's error then.
//
// The ctx of while ends with the connection, and the Client is closed when while has
// returned. What while returns while the connection lasts ends Stay: nil because there
// is no more to do, or an error. What it returns once the connection has ended does not
// count. Subscriptions end with their connection, so while begins them each time; it is
// the whole of what the program does with the device.
//
// The device is looked for by its address each time, with the adapter that a Device or an
// Advertisement names. One that is out of range, switched off, or forgotten by BlueZ, an
// adapter that is off or unplugged, and a BlueZ or a bus that is away are all waited for.
func (c *Central) Stay(ctx context.Context, target Target, o StayOptions, while func(context.Context, *Client) error) error {
	if target == nil || target.device().Address.IsZero() {
		return opError("stay connected", "", errNoTarget)
	}
	o = o.withDefaults()
	o.Connect.Adapter = cmp.Or(target.device().Adapter, o.Connect.Adapter)
	pause := backoff{first: o.MinPause, limit: o.MaxPause}
	for {
		address, err := c.stayOnce(ctx, target, o, while)
		var ended *connectionEnded
		switch connected := errors.As(err, &ended); {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return opError("stay connected", target.String(), context.Cause(ctx))
		case connected && ended.early:
			return ended.error
		case connected:
			err = ended.error
			pause.reset()
		}
		if o.Retry != nil && !o.Retry(err) {
			return err
		}
		if errors.Is(err, ErrClosed) && c.ctx.Err() != nil {
			return err // the Central was closed
		}
		c.logger.Info("stay connected", "device", target, "error", err)
		// BlueZ may have forgotten the object that was the target, and make another.
		target = address
		pause.wait(true, nil, ctx.Done())
	}
}

func (o StayOptions) withDefaults() StayOptions {
	if o.MinPause <= 0 {
		o.MinPause = time.Second
	}
	if o.MaxPause <= 0 {
		o.MaxPause = time.Minute
	}
	if o.Connect.Timeout == 0 {
		o.Connect.Timeout = DefaultConnectTimeout
	}
	return o
}

// A connectionEnded is the end of what while did, early if the connection had not ended.
type connectionEnded struct {
	error
	early bool
}

// stayOnce connects once and calls while. It returns the device's address, which is
// another one than before if a device with a private address was paired meanwhile.
func (c *Central) stayOnce(ctx context.Context, target Target, o StayOptions, while func(context.Context, *Client) error) (Address, error) {
	client, err := c.Connect(ctx, target, o.Connect)
	if err != nil {
		return target.device().Address, err
	}
	defer client.Close()
	connected, free := join(ctx, client.life)
	defer free()
	err = while(connected, client)
	switch lost := client.Err(); {
	case lost != nil:
		err = &connectionEnded{error: opError("stay connected", client.String(), lost)}
	case err != nil:
		err = &connectionEnded{error: err, early: true}
	}
	return client.Address(), err
}
