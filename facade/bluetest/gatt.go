package bluetest

import (
	"context"
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
// sent.
func (p *Peripheral) Notify(ctx context.Context, characteristic string, value []byte) error {
	var at *attribute
	var err error
	p.world.do(func() { at, err = p.attribute(characteristic) })
	if err == nil && at != at.characteristic.value {
		err = fmt.Errorf("it is a descriptor")
	}
	if err == nil {
		err = p.attributes.send(ctx, at.characteristic, value)
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

// AwaitSubscribed blocks until a central has subscribed to a characteristic.
func (p *Peripheral) AwaitSubscribed(ctx context.Context, characteristic string) error {
	err := p.await(ctx, characteristic, func(at *attribute) bool { return len(p.attributes.subscribers(at.characteristic)) > 0 })
	if err != nil {
		return fmt.Errorf("await a subscription of %s: %w", characteristic, err)
	}
	return nil
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
// returns what [Peripheral.Written] does then.
func (p *Peripheral) AwaitWritten(ctx context.Context, attribute string, n int) ([][]byte, error) {
	if err := p.awaitWritten(ctx, attribute, n); err != nil {
		return nil, fmt.Errorf("await %d writes of %s: %w", n, attribute, err)
	}
	return p.Written(attribute)
}

func (p *Peripheral) awaitWritten(ctx context.Context, name string, n int) error {
	return p.await(ctx, name, func(at *attribute) bool { return len(at.written) >= n })
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

// StallReader plays a client that has acquired the notifications of a characteristic and
// does not read them, until resume is called: BlueZ finds the socket full and drops what
// comes, as it does when that client is stopped, swapped out or busy with something else.
// [Peripheral.Dropped] counts what is lost.
func (p *Peripheral) StallReader(characteristic string) (resume func(), err error) {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	a, err := p.attribute(characteristic)
	if err != nil {
		return nil, err
	}
	a.stalled++
	return sync.OnceFunc(func() { p.world.do(func() { a.stalled-- }) }), nil
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

// await waits until an attribute is as it is wanted.
func (p *Peripheral) await(ctx context.Context, name string, wanted func(*attribute) bool) error {
	for {
		p.world.mu.Lock()
		at, err := p.attribute(name)
		done := err == nil && wanted(at)
		changed := p.attributes.changed
		p.world.mu.Unlock()
		if done || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-p.ctx.Done():
			return context.Cause(p.ctx)
		}
	}
}
