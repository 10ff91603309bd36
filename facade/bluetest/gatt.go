package bluetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Value returns the value that an attribute has: what was declared, set, notified or
// written last. An attribute is a characteristic or descriptor, named by its UUID in any
// form, or by its handle ("handle:002a", for a characteristic that of its declaration) where
// several have the same UUID, of which a UUID means the first.
func (p *Peripheral) Value(attribute string) ([]byte, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	at, err := p.attribute(attribute)
	if err != nil {
		return nil, err
	}
	return slices.Clone(at.value), nil
}

// SetValue sets the value of an attribute, at most 512 bytes. Nobody is told of it; see
// [Peripheral.Notify]. What names an attribute is said at [Peripheral.Value].
func (p *Peripheral) SetValue(attribute string, value []byte) error {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	at, err := p.attribute(attribute)
	if err == nil {
		err = checkValue(value)
	}
	if err != nil {
		return fmt.Errorf("set the value of %s: %w", attribute, err)
	}
	at.value = slices.Clone(value)
	return nil
}

// Notify sets the value of a characteristic and sends it to all centrals that have
// subscribed: as a notification, or as an indication if they asked for that, and then
// Notify blocks until it is confirmed. If nobody has subscribed ([ErrNotSubscribed]), or
// the value is longer than the connection's MTU less 3, it is an error and nothing is
// sent. So it is if the characteristic can neither notify nor indicate.
func (p *Peripheral) Notify(ctx context.Context, characteristic string, value []byte) error {
	p.world.mu.Lock()
	c, err := p.notifier(characteristic)
	p.world.mu.Unlock()
	if err == nil {
		err = p.attributes.send(ctx, c, value)
	}
	if err != nil {
		return fmt.Errorf("notify %s: %w", characteristic, err)
	}
	return nil
}

// Subscribed reports whether a connected central has subscribed to a characteristic.
// BlueZ itself does so to 2a19 and 2a05. One that does not exist has no subscribers.
func (p *Peripheral) Subscribed(characteristic string) bool {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	at, err := p.attribute(characteristic)
	return err == nil && len(p.attributes.subscribers(at.characteristic)) > 0
}

// AwaitSubscribed blocks until a central has subscribed to a characteristic. It fails
// when ctx ends, or the world, when the device is removed, and at once if it has no such
// characteristic or that can neither notify nor indicate.
func (p *Peripheral) AwaitSubscribed(ctx context.Context, characteristic string) error {
	return p.awaitSubscribers(ctx, "a subscription of "+characteristic, characteristic, func(n int) bool { return n > 0 })
}

// AwaitUnsubscribed blocks until no connected central is subscribed to a characteristic.
// It fails as [Peripheral.AwaitSubscribed] does.
func (p *Peripheral) AwaitUnsubscribed(ctx context.Context, characteristic string) error {
	return p.awaitSubscribers(ctx, "the end of subscriptions of "+characteristic, characteristic, func(n int) bool { return n == 0 })
}

func (p *Peripheral) awaitSubscribers(ctx context.Context, what, characteristic string, wanted func(n int) bool) error {
	return p.await(ctx, what, func() (bool, error) {
		c, err := p.notifier(characteristic)
		return err == nil && wanted(len(p.attributes.subscribers(c))), err
	})
}

// Written returns what centrals have written to an attribute, in order, each write
// whole. What the device's Write refused is not in it.
func (p *Peripheral) Written(attribute string) ([][]byte, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	at, err := p.attribute(attribute)
	if err != nil {
		return nil, err
	}
	return slices.Clone(at.written), nil
}

// AwaitWritten blocks until centrals have written to an attribute n times or more, and
// returns what [Peripheral.Written] does then. It fails when ctx ends, or the world, when
// the device is removed, and at once if it has no such attribute or that cannot be
// written.
func (p *Peripheral) AwaitWritten(ctx context.Context, attribute string, n int) (written [][]byte, err error) {
	err = p.await(ctx, fmt.Sprintf("%d writes of %s", n, attribute), func() (bool, error) {
		at, err := p.attribute(attribute)
		if err != nil {
			return false, err
		}
		if !at.access.write {
			return false, errors.New("it cannot be written")
		}
		written = slices.Clone(at.written)
		return len(written) >= n, nil
	})
	if err != nil {
		return nil, err
	}
	return written, nil
}

// Dropped returns how many notifications of a characteristic BlueZ got but did not pass
// on, because the client that has acquired them did not read fast enough, or because they
// came before the response to its subscription. Of the latter kind StartNotify loses none.
func (p *Peripheral) Dropped(characteristic string) (int, error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	at, err := p.attribute(characteristic)
	if err != nil {
		return 0, err
	}
	return at.dropped, nil
}

// StallReader plays a client that has acquired the notifications of a characteristic
// (AcquireNotify) and does not read them, until resume is called: BlueZ finds the socket
// full and drops what comes, as it does when that client is stopped, swapped out or busy
// with something else. [Peripheral.Dropped] counts what is lost. Clients that have called
// StartNotify instead get signals, of which none is lost. A characteristic that can neither
// notify nor indicate is an error.
func (p *Peripheral) StallReader(characteristic string) (resume func(), err error) {
	p.world.fault("StallReader", "device", p.Address(), "characteristic", characteristic)
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	c, err := p.notifier(characteristic)
	if err != nil {
		return nil, fmt.Errorf("stall the reader of %s: %w", characteristic, err)
	}
	c.value.stalled++
	return sync.OnceFunc(func() { p.world.do(func() { c.value.stalled-- }) }), nil
}

// MTU returns the size in bytes of the largest attribute packet on the device's
// connections, 23 if there are none. Notifications and writes without response have three
// bytes less.
func (p *Peripheral) MTU() int {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	mtu := maxMTU
	links := p.allLinks()
	for _, l := range links {
		mtu = min(mtu, int(l.mtu))
	}
	if len(links) == 0 {
		return minMTU
	}
	return mtu
}

// SetServices gives the device other services, as a firmware update or a dock does.
// Centrals that are connected are told so by Service Changed, whereupon BlueZ discovers
// anew: objects of what has changed go, and new ones come. Others see it when they
// connect. Services that are declared as before keep their objects and subscriptions.
func (p *Peripheral) SetServices(services []Service) error {
	laidOut, err := layOut(withStandardServices(&p.declared, services))
	if err != nil {
		return fmt.Errorf("set the services of device %s: %w", p.Address(), err)
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.attributes.replace(laidOut)
	return nil
}

// attribute returns what a name means. The world is locked.
func (p *Peripheral) attribute(name string) (*attribute, error) {
	matches, err := matchAttribute(name)
	if err != nil {
		return nil, err
	}
	for c := range p.attributes.characteristics() {
		if matches(c.uuid, c.handle) || matches("", c.value.handle) {
			return c.value, nil
		}
	}
	for c := range p.attributes.characteristics() {
		for _, d := range c.descriptors {
			if matches(d.uuid, d.handle) {
				return d, nil
			}
		}
	}
	return nil, fmt.Errorf("device %s has no attribute %s", p.address, name)
}

// notifier returns the characteristic that a name means, if it can notify or indicate. The
// world is locked.
func (p *Peripheral) notifier(name string) (*characteristic, error) {
	at, err := p.attribute(name)
	switch {
	case err != nil:
		return nil, err
	case at != at.characteristic.value:
		return nil, errors.New("it is a descriptor")
	case at.characteristic.configuration == nil:
		return nil, errors.New("it can neither notify nor indicate")
	}
	return at.characteristic, nil
}

func matchAttribute(name string) (matches func(uuid string, handle uint16) bool, err error) {
	if digits, ok := strings.CutPrefix(strings.ToLower(name), "handle:"); ok {
		wanted, err := strconv.ParseUint(digits, 16, 16)
		if err != nil {
			return nil, fmt.Errorf("%q is neither a UUID nor a handle: %w", name, err)
		}
		return func(_ string, handle uint16) bool { return handle == uint16(wanted) }, nil
	}
	wanted, err := parseUUID(name)
	return func(uuid string, _ uint16) bool { return uuid == wanted }, err
}
