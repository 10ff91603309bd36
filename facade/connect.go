package facade

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// ConnectOptions configures a connection. The zero value works.
type ConnectOptions struct {
	// Adapter is the adapter to look for an address with, by name ("hci0") or
	// address; empty means the Central's default. A Device names its own adapter.
	Adapter string
	// Attempts bounds how often a connection that was aborted before it could be used
	// is tried; 0 means 3. Other failures are not tried again.
	Attempts int
}

// Connect connects to target, waits until BlueZ knows the device's services, and
// returns. ctx bounds all of it, and BlueZ's attempt is cancelled with it; it has no
// bearing on the Client that was returned. An Address that BlueZ does not know is
// looked for by scanning until ctx ends.
//
// If the device is connected already, by another program or another Client, Connect
// attaches to that connection. The error matches ErrNotFound if the device is
// unknown or gone, or if target is nil or zero.
func (c *Central) Connect(ctx context.Context, target Target, o ConnectOptions) (*Client, error) {
	return c.connect(ctx, target, o, func() {})
}

func (c *Central) connect(ctx context.Context, target Target, o ConnectOptions, release func()) (*Client, error) {
	ctx, free := join(ctx, c.ctx)
	defer free()
	device, err := c.identify(ctx, target, o.Adapter)
	if err != nil {
		release()
		return nil, err
	}
	client, err := c.attach(device, release)
	if err == nil {
		err = client.establish(ctx, o.Attempts)
		c.connects.Done()
	}
	if err != nil {
		release()
		return nil, &Error{Op: "connect", Target: device.String(), Err: err}
	}
	return client, nil
}

// errNoDevice is a target that names nothing, or the zero Address, which in a scan
// would mean any device.
var errNoDevice = fmt.Errorf("no device given: %w", ErrNotFound)

// identify returns the device that target means.
func (c *Central) identify(ctx context.Context, target Target, adapter string) (Device, error) {
	var d Device
	if target != nil {
		d = target.device()
	}
	switch {
	case d.path != "":
		return d, nil
	case d.Address.IsZero():
		return Device{}, opError("connect", "", errNoDevice)
	}
	found, err := c.lookUp(ctx, d.Address, adapter)
	return found, opError("connect", d.String(), err)
}

// lookUp returns the device with an address: as BlueZ knows it, or as a scan finds it.
func (c *Central) lookUp(ctx context.Context, address Address, adapter string) (Device, error) {
	a, err := c.resolveAdapter(adapter)
	if err != nil {
		return Device{}, err
	}
	var known Device
	c.mirror.View(func(v bus.View) {
		v.Walk(a.path, func(path dbus.ObjectPath, _ string, record bus.Record) bool {
			if r, ok := record.(*bluezgen.Device1Update); ok {
				if d := newDevice(path, &r.Device1Properties); d.Address == address {
					known = d
				}
			}
			return known.path == ""
		})
	})
	if known.path != "" {
		return known, nil
	}
	adv, err := c.find(ctx, ScanOptions{Adapter: a.Name, Address: address})
	return adv.Device, err
}

// errAborted is a connection that came to nothing and may do better next time.
var errAborted = errors.New("connection aborted")

// establish makes the client connected, or undoes everything.
func (c *Client) establish(ctx context.Context, attempts int) error {
	select {
	case c.link.change <- struct{}{}:
		defer func() { <-c.link.change }()
	case <-ctx.Done():
		c.abandon(false)
		return context.Cause(ctx)
	}
	following, err := c.central.mirror.Follow(ctx, c.link.path, "")
	if err != nil {
		c.abandon(false)
		return translate(err)
	}
	c.following = following
	if attempts <= 0 {
		attempts = 3
	}
	made := false // whether BlueZ was asked to connect: then also to give up
	retry := backoff{first: 100 * time.Millisecond, limit: time.Second}
	for attempt := 1; ; attempt++ {
		err := c.try(ctx, &made)
		if err == nil {
			return nil
		}
		if attempt == attempts || !errors.Is(err, errAborted) || ctx.Err() != nil {
			c.abandon(made)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return err
		}
		c.central.logger.Info("connect again", "device", c.device.Address, "attempt", attempt, "error", err)
		retry.wait(true, nil, ctx.Done())
		if !c.awaitEnd(ctx) {
			c.abandon(made)
			return because(ErrNotFound, err)
		}
	}
}

// awaitEnd waits until BlueZ has signalled the end of a link that came to nothing,
// which it may do after the reply to Connect, and reports whether the device is
// still there: a new one may be removed instead.
func (c *Client) awaitEnd(ctx context.Context) (there bool) {
	timeout := time.NewTimer(linkTimeout)
	defer timeout.Stop()
	for {
		p, _, known := c.link.properties()
		if !known || !p.Connected {
			return known
		}
		select {
		case <-c.wake:
		case <-timeout.C:
			return true
		case <-ctx.Done():
			return true
		}
	}
}

// abandon ends a client that Connect does not return, and its attempt to connect.
func (c *Client) abandon(disconnect bool) {
	c.unwatch()
	c.end(ErrClosed)
	c.disengage(disconnect)
}

// try makes one attempt.
func (c *Client) try(ctx context.Context, made *bool) error {
	p, drops, known := c.link.properties()
	switch {
	case !known && !c.central.mirror.Present():
		return ErrNoBlueZ
	case !known:
		return fmt.Errorf("BlueZ does not know the device: %w", ErrNotFound)
	}
	if !p.Connected {
		if err := c.dial(ctx, made); err != nil {
			return err
		}
	}
	if err := c.awaitServices(ctx, drops); err != nil {
		return err
	}
	if err := c.settle(ctx); err != nil {
		return err
	}
	if !c.link.establish(c, drops, *made) {
		return errDropped
	}
	return nil
}

// errDropped is a connection that was lost before it could be used.
var errDropped = fmt.Errorf("%w: %w right after it was made", errAborted, ErrDisconnected)

// abortedByLocal is BlueZ's text for any link that was lost while it was being made
// (since 5.62): often the first packets were not heard, and the next attempt works.
const abortedByLocal = "le-connection-abort-by-local"

// stillInProgress is BlueZ's text for a connection that the kernel refuses because an
// earlier one to the device has not quite ended.
const stillInProgress = "Operation already in progress"

// dial calls Device1.Connect, which returns when there is a link. made becomes true
// unless it is another program that connects or has connected.
func (c *Client) dial(ctx context.Context, made *bool) error {
	retry := backoff{first: 50 * time.Millisecond, limit: 500 * time.Millisecond}
	for attempt := 1; ; attempt++ {
		err := bluezgen.NewDevice1(c.central.conn, c.link.path).Connect(ctx)
		there := errors.Is(err, bluezgen.ErrAlreadyConnected)
		busy := errors.Is(err, bluezgen.ErrInProgress) || errors.Is(err, bluezgen.ErrFailed.With(stillInProgress))
		*made = *made || !there && !busy
		switch {
		case err == nil, there:
			return nil
		case busy && attempt < busyAttempts && ctx.Err() == nil:
			// If it is another program that connects, its success is ours.
			retry.wait(true, nil, ctx.Done())
			if p, _, known := c.link.properties(); known && p.Connected {
				return nil
			}
		case errors.Is(err, bluezgen.ErrFailed.With(abortedByLocal)):
			return because(errAborted, err)
		case errors.Is(err, bus.ErrUnknownMethod), errors.Is(err, bus.ErrUnknownInterface):
			return because(ErrNotFound, err) // the object went away just now
		default:
			return translate(err)
		}
	}
}

// linkTimeout bounds how long a connection that BlueZ has confirmed may stay without
// a sign of life.
const linkTimeout = 5 * time.Second

// awaitServices waits until BlueZ has resolved the device's services. drops is how
// often the connection had ended before it was made.
func (c *Client) awaitServices(ctx context.Context, drops uint64) error {
	began := time.Now()
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		p, now, known := c.link.properties()
		switch {
		case !known:
			return errRemoved
		case p.ServicesResolved:
			return nil
		case now != drops, !p.Connected && time.Since(began) > linkTimeout:
			return errDropped
		}
		select {
		case <-c.wake:
		case <-look.C:
			// Connected=true comes before the reply to Connect, but sometimes never:
			// bluetoothd 5.82 to 5.87, on the first connection after its start.
			if !p.Connected {
				if err := c.central.mirror.Refresh(ctx); err != nil {
					return translate(err)
				}
			}
			look.Reset(500 * time.Millisecond)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// errRemoved is the end of a connection whose object has gone.
var errRemoved = fmt.Errorf("%w: BlueZ has removed the device", ErrDisconnected)

// BlueZ may say ServicesResolved before it has exported the services (bluez#1489).
const (
	emptyTimeout = 5 * time.Second // for a device that seems to have no services
	quietTimeout = time.Second     // for more to come when services are missing
	burstTimeout = time.Second / 5 // for more to come when services came late, but all
)

// settle reads the tree of services until it can be believed.
func (c *Client) settle(ctx context.Context) error {
	// BlueZ sends what it has to signal before any reply: after this one, everything
	// that it had exported by now is in the mirror.
	p, err := bluezgen.NewDevice1(c.central.conn, c.link.path).GetAll(ctx)
	if err != nil {
		return translate(err)
	}
	mirrored, _, _ := c.link.properties()
	if c.readTree(); p.Connected && mirrored.Connected && !c.link.late() && c.complete(p.UUIDs) {
		return nil
	}
	began := time.Now()
	for {
		if err := c.central.mirror.Refresh(ctx); err != nil {
			return translate(err)
		}
		tree := c.readTree()
		p, _, known := c.link.properties()
		timeout := quietTimeout
		switch {
		case !known:
			return errRemoved
		case !p.Connected:
			return errDropped
		case len(tree) == 0:
			timeout = emptyTimeout - time.Since(began)
		case time.Since(began) > emptyTimeout:
			return nil
		case c.complete(p.UUIDs):
			timeout = burstTimeout
		}
		if timeout <= 0 {
			return nil
		}
		if quiet, err := c.quiet(ctx, timeout); quiet || err != nil {
			return err
		}
	}
}

// readTree reads the tree anew.
func (c *Client) readTree() []*Service {
	c.stale.Store(true)
	return c.Services()
}

// quiet waits until the tree changes, and reports whether it did not within timeout.
func (c *Client) quiet(ctx context.Context, timeout time.Duration) (bool, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		select {
		case <-c.wake:
			if c.stale.Load() {
				return false, nil
			}
		case <-timer.C:
			return true, nil
		case <-ctx.Done():
			return false, context.Cause(ctx)
		}
	}
}

// complete reports whether the tree has every service that Device1.UUIDs lists: once
// the services are resolved, those are the device's services. BlueZ keeps the
// services of access and attributes for itself in some versions.
func (c *Client) complete(listed []string) bool {
	tree := c.Services()
	has := map[UUID]bool{UUID16(0x1800): true, UUID16(0x1801): true}
	for _, s := range tree {
		has[s.UUID] = true
	}
	for _, u := range parseUUIDs(listed) {
		if !has[u] {
			return false
		}
	}
	return len(tree) > 0
}
