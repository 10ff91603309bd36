package facade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// ConnectOptions configures a connection. The zero value works.
type ConnectOptions struct {
	// Adapter is the adapter to look for an address with, by name ("hci0") or
	// address; empty means the Central's default, or another one that has connected the
	// device already. A Device names its own adapter.
	Adapter string
	// AddressType, when not empty, is the kind of the address that is the target, if that is
	// just an Address. A BlueZ that runs with --experimental then connects at once where
	// it does not know the device; without, or with other ones, a scan looks for it first.
	// A public address and a random one are different devices: the wrong kind is not found.
	AddressType AddressType
	// Timeout, if not 0, bounds the whole of it, in addition to ctx.
	// DefaultConnectTimeout is a good value where no other is known.
	Timeout time.Duration
	// Attempts bounds how often a connection that was aborted before it could be used
	// is tried; 0 means 3. Other failures are not tried again.
	Attempts int
	// Services, when not empty, are the services that are wanted: Client.Services has no
	// others, and a UUID means what is in these. It spares looking at the rest; BlueZ reads
	// all from the device, whatever is wanted.
	Services []UUID
	// CachedServices has Connect return as soon as there is a link, if BlueZ still knows
	// the services of an earlier one, which it does for as long as it knows the device.
	// That saves the better part of the time that a connection takes, and is dangerous
	// where the device may have changed its services meanwhile, as new firmware does:
	// operations may then fail, or do something else than was meant. Client.Services
	// follows once BlueZ has looked.
	CachedServices bool
	// Pair, if not nil, has the device paired first, unless it is: before its services
	// are read, and by the agent of PairOptions from the first moment on.
	Pair *PairOptions
}

// DefaultConnectTimeout is how long Bleak takes to connect at most, since 2.1.1. BlueZ
// needs more than 10 seconds for some devices with many services.
const DefaultConnectTimeout = 30 * time.Second

// Connect connects to target, waits until BlueZ knows the device's services, and
// returns. ctx bounds all of it, and BlueZ's attempt is cancelled with it; it has no
// bearing on the Client that was returned. An Address that BlueZ does not know is
// looked for by scanning until ctx ends.
//
// If the device is connected already, by another program or another Client, Connect
// attaches to that connection. The error matches ErrNoDevice if the device is
// unknown or gone, or if target is nil or zero.
func (c *Central) Connect(ctx context.Context, target Target, o ConnectOptions) (*Client, error) {
	return c.connect(ctx, target, o, func() {})
}

func (c *Central) connect(ctx context.Context, target Target, o ConnectOptions, release func()) (*Client, error) {
	ctx, free := join(ctx, c.bus().ctx)
	defer free()
	if o.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.Timeout)
		defer cancel()
	}
	device, made, err := c.identify(ctx, target, o)
	if err != nil {
		release()
		return nil, err
	}
	client, err := c.attach(device, release)
	if err == nil {
		client.wanted = slices.Clone(o.Services)
		err = client.establish(ctx, o, made)
		c.connects.Done()
	}
	if err != nil {
		release()
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			err = context.Cause(ctx) // which may be the bus
		}
		return nil, &Error{Op: "connect", Target: device.String(), Err: err}
	}
	return client, nil
}

// errNoTarget is a target that names nothing, or the zero Address, which in a scan
// would mean any device.
var errNoTarget = fmt.Errorf("no device given: %w", ErrNoDevice)

// identify returns the device that target means, and whether it had to be connected for
// that.
func (c *Central) identify(ctx context.Context, target Target, o ConnectOptions) (_ Device, made bool, _ error) {
	var d Device
	if target != nil {
		d = target.device()
	}
	switch {
	case d.path != "":
		return d, false, nil
	case d.Address.IsZero():
		return Device{}, false, opError("connect", "", errNoTarget)
	}
	found, made, err := c.lookUp(ctx, d.Address, o)
	return found, made, opError("connect", d.String(), err)
}

// lookUp returns the device with an address: as BlueZ knows it, as it is when it has been
// connected, or as a scan finds it.
func (c *Central) lookUp(ctx context.Context, address Address, o ConnectOptions) (_ Device, made bool, _ error) {
	a, err := c.resolveAdapter(o.Adapter)
	if err != nil {
		return Device{}, false, err
	}
	if known := c.bus().deviceOf(a, address); known.path != "" {
		return known, false, nil
	}
	if o.Adapter == "" && c.options.Adapter == "" {
		if known := c.bus().connectedTo(address, parent(a.path)); known.path != "" {
			return known, false, nil // no scan would find it
		}
	}
	if o.AddressType != "" {
		d, err := c.connectUnheard(ctx, a, address, o.AddressType)
		if err != errNoConnectDevice {
			return d, err == nil, err
		}
	}
	adv, err := c.find(ctx, ScanOptions{Adapter: a.Name, Address: address})
	return adv.Device, false, err
}

// errAborted is a connection that came to nothing and may do better next time.
var errAborted = errors.New("connection aborted")

// establish makes the client connected, or undoes everything. made tells whether a link
// was made for it already.
func (c *Client) establish(ctx context.Context, o ConnectOptions, made bool) error {
	select {
	case c.link.change <- struct{}{}:
		defer func() { <-c.link.change }()
	case <-ctx.Done():
		c.abandon(made)
		return context.Cause(ctx)
	}
	following, err := c.link.bus.mirror.Follow(ctx, c.link.path, "")
	if err != nil {
		c.abandon(made)
		return translate(err)
	}
	c.following = following
	c.reasons, err = bluezgen.NewDevice1(c.link.bus.conn, c.link.path).OnDisconnected(ctx, c.link.reasoned)
	if err != nil {
		c.abandon(made)
		return translate(err)
	}
	attempts := o.Attempts
	if attempts <= 0 {
		attempts = 3
	}
	// From here on made tells whether BlueZ was asked to connect: then also to give up.
	retry := backoff{first: 100 * time.Millisecond, limit: time.Second}
	for attempt := 1; ; attempt++ {
		err := c.try(ctx, o, &made)
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
			return because(ErrNoDevice, err)
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
func (c *Client) try(ctx context.Context, o ConnectOptions, made *bool) error {
	p, drops, known := c.link.properties()
	switch {
	case !known && !c.link.bus.mirror.Present():
		return ErrNoBlueZ
	case !known:
		return fmt.Errorf("BlueZ does not know it: %w", ErrNoDevice)
	}
	cached := o.CachedServices && len(c.readTree()) > 0
	switch {
	case o.Pair != nil && !p.Paired:
		*made = *made || !p.Connected
		if err := c.central.agency.pair(ctx, c.link, o.Pair.Agent); err != nil {
			return err
		}
	case !p.Connected:
		if err := c.dial(ctx, made); err != nil {
			return err
		}
	}
	if err := c.awaitServices(ctx, drops, cached); err != nil {
		return err
	}
	if !cached {
		if err := c.settle(ctx); err != nil {
			return err
		}
	}
	if !c.link.establish(c, drops, *made) {
		return errDropped
	}
	return nil
}

// errDropped is a connection that was lost before it could be used.
var errDropped = fmt.Errorf("%w: %w right after it was made", errAborted, ErrDisconnected)

// abortedByLocal is BlueZ's text for nearly any link that was lost while it was being made:
// often the first packets were not heard, and the next attempt works.
const abortedByLocal = "le-connection-abort-by-local"

// aborted reports whether BlueZ has lost a link while it was being made. Its texts changed
// in 5.62.
func aborted(err error) bool {
	for _, text := range [...]string{
		abortedByLocal, "Software caused connection abort",
		"le-connection-abort-by-remote", "Connection reset by peer",
		"le-connection-link-layer-protocol-error", "Protocol error",
		"le-connection-unknown",
		"br-connection-canceled", "Disconnected early", // before Connect was answered, or by another program
	} {
		if errors.Is(err, bluezgen.ErrFailed.With(text)) {
			return true
		}
	}
	return false
}

// busy reports whether BlueZ or the kernel refuses a connection because of another one: to
// the same device, made by another program or not quite ended, or to another device.
func busy(err error) bool {
	return errors.Is(err, bluezgen.ErrInProgress) ||
		errors.Is(err, bluezgen.ErrFailed.With("Operation already in progress")) ||
		errors.Is(err, bluezgen.ErrFailed.With("le-connection-busy")) ||
		errors.Is(err, bluezgen.ErrFailed.With("Device or resource busy")) // before 5.62
}

// dial calls Device1.Connect, which returns when there is a link. made becomes true
// unless it is another program that connects or has connected.
func (c *Client) dial(ctx context.Context, made *bool) error {
	retry := backoff{first: 50 * time.Millisecond, limit: 500 * time.Millisecond}
	for attempt := 1; ; attempt++ {
		err := c.callConnect(ctx)
		there := errors.Is(err, bluezgen.ErrAlreadyConnected)
		*made = *made || !there && !busy(err)
		switch {
		case err == nil, there:
			return nil
		case busy(err) && attempt < busyAttempts && ctx.Err() == nil:
			// If it is another program that connects, its success is ours.
			retry.wait(true, nil, ctx.Done())
			if p, _, known := c.link.properties(); known && p.Connected {
				return nil
			}
		case aborted(err):
			return because(errAborted, err)
		case errors.Is(err, bus.ErrUnknownMethod), errors.Is(err, bus.ErrUnknownInterface):
			return because(ErrNoDevice, err) // the object went away just now
		case errors.Is(err, bluezgen.ErrFailed) && c.adapterOff():
			return because(ErrAdapterOff, err) // BlueZ says "Input/output error"
		default:
			return translate(err)
		}
	}
}

// callConnect calls Device1.Connect. BlueZ never replies to it if the device is removed
// meanwhile.
func (c *Client) callConnect(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c.link.onRemoved(cancel)
	defer c.link.onRemoved(nil)
	err := bluezgen.NewDevice1(c.link.bus.conn, c.link.path).Connect(ctx)
	switch {
	case err == nil || context.Cause(ctx) != errRemoved:
		return err
	case !c.link.bus.mirror.Present():
		return ErrNoBlueZ
	}
	return fmt.Errorf("BlueZ has removed it: %w", ErrNoDevice)
}

// adapterOff reports whether the device's adapter is known to have no power.
func (c *Client) adapterOff() (off bool) {
	c.link.bus.mirror.View(func(v bus.View) {
		r, ok := v.Record(parent(c.link.path), bluezgen.Adapter1Interface).(*bluezgen.Adapter1Update)
		off = ok && r.Has(bluezgen.Adapter1Powered) && !r.Powered
	})
	return off
}

// linkTimeout bounds how long a connection that BlueZ has confirmed may stay without
// a sign of life.
const linkTimeout = 5 * time.Second

// awaitServices waits until BlueZ has resolved the device's services. drops is how
// often the connection had ended before it was made. With services that are cached, the
// link is enough.
func (c *Client) awaitServices(ctx context.Context, drops uint64, cached bool) error {
	began := time.Now()
	look := time.NewTimer(0)
	defer look.Stop()
	for {
		p, now, known := c.link.properties()
		switch {
		case !known:
			return errRemoved
		case p.ServicesResolved, cached && p.Connected && now == drops:
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
				if err := c.link.bus.mirror.Refresh(ctx); err != nil {
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
	p, err := bluezgen.NewDevice1(c.link.bus.conn, c.link.path).GetAll(ctx)
	if err != nil {
		return translate(err)
	}
	mirrored, _, _ := c.link.properties()
	if c.readTree(); p.Connected && mirrored.Connected && !c.link.late() && c.complete(p.UUIDs) {
		return nil
	}
	began := time.Now()
	for {
		if err := c.link.bus.mirror.Refresh(ctx); err != nil {
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

// readTree reads the tree anew and returns all services, wanted or not.
func (c *Client) readTree() []*Service {
	c.stale.Store(true)
	return c.services().all
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
	tree := c.services().all
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
