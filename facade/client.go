package facade

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A Client is one connection to one device: it begins with Connect and ends with the
// link, Disconnect or Close. To connect again, call Connect again. Any goroutine
// may use it; the operations on one device are done one after the other.
type Client struct {
	central *Central
	link    *link
	device  Device
	release func() // of the default Central

	life      context.Context // ends with the connection, for its cause
	end       context.CancelCauseFunc
	unwatch   func() bool // of the Central's end
	leaving   atomic.Bool // whether Disconnect was called
	wake      chan struct{}
	following *bus.Following
	reasons   *bus.Subscription

	wanted []UUID // services; all if empty

	stale atomic.Bool // whether tree is to be read again
	tree  atomic.Pointer[serviceTree]

	mu            sync.Mutex // keeps subscriptions from growing once Close waits for them
	subscriptions sync.WaitGroup
	closing       sync.Once
}

// Address returns the device's address. It may change when a device with a private
// address is paired.
func (c *Client) Address() Address {
	if p, _, known := c.link.properties(); known {
		if a, err := ParseAddress(p.Address); err == nil {
			return a
		}
	}
	return c.device.Address
}

// Name returns the device's name, or what the user called it, empty if it has none.
func (c *Client) Name() string {
	p, _, known := c.link.properties()
	switch {
	case !known:
		return c.device.Name
	case p.Alias == strings.ReplaceAll(p.Address, ":", "-"): // BlueZ's alias of the nameless
		return p.Name
	}
	return p.Alias
}

// String returns the device's address and name.
func (c *Client) String() string {
	if name := c.Name(); name != "" {
		return c.Address().String() + " " + name
	}
	return c.Address().String()
}

// Device returns the device that the client is connected to.
func (c *Client) Device() Device { return c.device }

// MTU returns the largest ATT packet in bytes that the connection carries, 23 to
// 517; a write without response or a notification carries 3 bytes less. It asks
// BlueZ (since 5.62; before, it returns 23, the protocol's minimum).
func (c *Client) MTU(ctx context.Context) (int, error) {
	const minimum = 23
	if err := c.Err(); err != nil {
		return 0, opError("get MTU", c.device.String(), because(ErrNotConnected, err))
	}
	ctx, free := join(ctx, c.life)
	defer free()
	for char := range allCharacteristics(c.services().all) {
		// The property exists only while the device is connected, and its change is
		// not signalled.
		mtu, err := bluezgen.NewGattCharacteristic1(c.link.bus.conn, char.path).MTU(ctx)
		switch {
		case err == nil:
			return int(mtu), nil
		case ctx.Err() != nil:
			return 0, opError("get MTU", c.device.String(), context.Cause(ctx))
		case errors.Is(err, bus.ErrInvalidArgs), errors.Is(err, bus.ErrUnknownProperty):
			return minimum, nil
		}
		return 0, opError("get MTU", c.device.String(), translate(err))
	}
	return minimum, nil
}

// Services returns the device's services, or those that ConnectOptions asks for, in
// the order of their handles. Caller and library share the objects: they must not be
// modified. It does not block.
func (c *Client) Services() []*Service { return c.services().wanted }

// services returns the tree, which it reads if it has changed.
func (c *Client) services() serviceTree {
	if c.Err() == nil && c.stale.Swap(false) {
		var tree serviceTree
		c.link.bus.mirror.View(func(v bus.View) { tree.all = readTree(v, c.device.path) })
		tree.wanted = tree.all
		if len(c.wanted) > 0 {
			tree.wanted = slices.DeleteFunc(slices.Clone(tree.all), func(s *Service) bool { return !slices.Contains(c.wanted, s.UUID) })
		}
		c.tree.Store(&tree)
	}
	if tree := c.tree.Load(); tree != nil {
		return *tree
	}
	return serviceTree{}
}

// A serviceTree has the services of a device, in the order of their handles.
type serviceTree struct{ all, wanted []*Service }

// Service returns the service that which says; ErrNoAttribute or ErrAmbiguous otherwise.
func (c *Client) Service(which Attribute) (*Service, error) {
	tree := c.Services()
	s, err := find(func(yield func(*Service) bool) {
		for _, s := range tree {
			if !yield(s) {
				return
			}
		}
	}, which)
	return s, c.opError("find service", which, err)
}

// Characteristic returns the characteristic that which says; ErrNoAttribute or
// ErrAmbiguous otherwise.
func (c *Client) Characteristic(which Attribute) (*Characteristic, error) {
	char, err := c.characteristic(which)
	return char, c.opError("find characteristic", which, err)
}

// Descriptor returns the descriptor that which says; ErrNoAttribute or ErrAmbiguous
// otherwise. Look in Characteristic.Descriptor for one by UUID.
func (c *Client) Descriptor(which Attribute) (*Descriptor, error) {
	d, err := c.descriptor(which)
	return d, c.opError("find descriptor", which, err)
}

// Disconnected is closed when the connection has ended, whoever ended it.
func (c *Client) Disconnected() <-chan struct{} { return c.life.Done() }

// Err returns nil while the client is connected, then why it is not any more. After
// Disconnect or Close it matches ErrClosed, otherwise ErrDisconnected, and then it is a
// *DisconnectedError if BlueZ has told the reason.
func (c *Client) Err() error { return context.Cause(c.life) }

// disconnectTimeout bounds how long BlueZ may take to end a connection; 2 seconds
// are its own delay.
const disconnectTimeout = 10 * time.Second

// Disconnect ends the connection of the device, whoever made it, and waits until
// BlueZ says so, for 10 seconds at most. It is nil if the device is not connected.
// The Client must still be closed.
func (c *Client) Disconnect(ctx context.Context) error {
	if c.Err() != nil {
		return nil
	}
	c.leaving.Store(true)
	ctx, cancel := context.WithTimeout(ctx, disconnectTimeout)
	defer cancel()
	err := bluezgen.NewDevice1(c.link.bus.conn, c.link.path).Disconnect(ctx)
	if err == nil {
		err = c.awaitDisconnected(ctx)
	}
	if c.Err() != nil {
		return nil
	}
	if errors.Is(err, bluezgen.ErrNotConnected) || errors.Is(err, bus.ErrUnknownObject) {
		c.end(ErrClosed)
		return nil
	}
	c.leaving.Store(false)
	return opError("disconnect", c.device.String(), translate(err))
}

// awaitDisconnected waits for the signal that comes with the end of the link, and
// looks for itself if that is late.
func (c *Client) awaitDisconnected(ctx context.Context) error {
	late := time.NewTimer(endTimeout)
	defer late.Stop()
	for {
		select {
		case <-c.life.Done():
			return nil
		case <-late.C:
			if err := c.link.bus.mirror.Refresh(ctx); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close ends the client's subscriptions and the connection; one that was there before
// Connect stays, and one that other Clients of the same Central share ends with the
// last of them. It blocks for a few seconds at most. A second Close returns nil.
func (c *Client) Close() error {
	c.closing.Do(func() {
		c.unwatch()
		c.mu.Lock()
		c.end(ErrClosed)
		c.mu.Unlock()
		c.subscriptions.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		c.depart(ctx)
		c.release()
	})
	return nil
}

// depart ends the client's part in the connection: not while another client is about
// to rely on it, unless that takes longer than ctx.
func (c *Client) depart(ctx context.Context) {
	select {
	case c.link.change <- struct{}{}:
		defer func() { <-c.link.change }()
	case <-ctx.Done():
	}
	c.disengage(c.link.leave(c))
}

// orphan leaves the connection to the Central's next attachment, if the bus is lost.
func (c *Client) orphan() {
	c.central.mu.Lock()
	defer c.central.mu.Unlock()
	if c.link.bus.conn.Err() != nil && c.central.attachment == c.link.bus {
		c.central.orphan(c.link.path)
	}
}

// disengage undoes what Connect did, including the connection itself if asked to.
func (c *Client) disengage(disconnect bool) {
	if disconnect {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := bluezgen.NewDevice1(c.link.bus.conn, c.link.path).Disconnect(ctx); err != nil {
			c.central.logger.Debug("disconnect", "device", c.device.Address, "error", err)
			c.orphan()
		} else {
			// BlueZ may reply before it signals the end, and who connects next must not
			// take this connection for one that lasts.
			late, stop := context.WithTimeout(ctx, endTimeout)
			c.awaitEnd(late)
			stop()
		}
	}
	if c.reasons != nil {
		c.reasons.Close()
	}
	if c.following != nil {
		c.following.Close()
	}
	c.link.detach(c)
}
