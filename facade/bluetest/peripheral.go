package bluetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// A Peripheral is a device in a [World]. Its methods do what the device itself, its
// surroundings or its user would do. They may be called from any goroutine.
type Peripheral struct {
	world           *World
	declared        Device
	declaredAddress string   // in capitals
	adapter         *Adapter // that it is the other side of; nil for a declared device

	ctx    context.Context // ends with the peripheral, by errRemoved or ErrClosed
	cancel context.CancelCauseFunc

	// Guarded by the world.
	address     string // as it is on the air
	addressType bluezgen.AddressType
	identity    string // told by pairing; empty if that is address
	gone        bool   // out of range or switched off
	advertiser  advertiser
	links       map[*Adapter]*link // those that are up
	attributes  *attributes        // its GATT server
	bonds       map[*Adapter]bool
	attempts    int    // to connect to it
	pairings    int    // begun with it
	shown       string // on its display
	memory      memory
}

func (w *World) newPeripheral(d Device) (*Peripheral, error) {
	if err := d.validate(); err != nil {
		return nil, err
	}
	p := &Peripheral{
		world: w, declared: d, addressType: d.AddressType,
		links: map[*Adapter]*link{}, bonds: map[*Adapter]bool{}, memory: memory{},
	}
	p.declaredAddress, _ = parseAddress(d.Address) // was validated
	p.address = p.declaredAddress
	if d.Identity != "" {
		p.identity, _ = parseAddress(d.Identity)
	}
	if p.declared.Pairing.IO == "" {
		p.declared.Pairing.IO = bluezgen.AgentCapabilityNoInputNoOutput
	}
	if p.addressType == "" {
		p.addressType = bluezgen.AddressTypeRandom
	}
	if c := &p.declared.Connection; c.MTU == 0 {
		c.MTU = maxMTU
	}
	for _, latency := range []*time.Duration{&p.declared.Connection.Latency, &p.declared.Connection.Discovery} {
		if *latency == 0 {
			*latency = 20 * time.Millisecond
		}
	}
	p.ctx, p.cancel = context.WithCancelCause(w.ctx)
	p.attributes = newAttributes(p, slices.Clone(d.Services))
	p.advertiser.init(p)
	return p, nil
}

// start begins what the device does by itself. The world is locked.
func (p *Peripheral) start() {
	p.advertiser.start()
	if run := p.declared.Run; run != nil {
		p.world.tasks.Go(func() { run(p.ctx, p) })
	}
}

// Address returns the address that the device has on the air, in capitals.
func (p *Peripheral) Address() string {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return p.address
}

// errRemoved is why what waits for a device that was removed waits no longer.
var errRemoved = errors.New("the device was removed from the world")

// Remove takes the device out of the world for good. A connection to it is lost by
// timeout. Whoever awaits something of it gets an error.
func (p *Peripheral) Remove() {
	p.world.fault("Remove", "device", p.Address())
	p.vanish()
	p.cancel(errRemoved)
	p.world.do(func() {
		p.world.peripherals = slices.DeleteFunc(p.world.peripherals, func(q *Peripheral) bool { return p == q })
		p.world.directory.remove(p)
	})
}

// Vanish takes the device out of range, or its battery out: it is not heard any more,
// and a connection to it is lost when the supervision timeout ends.
func (p *Peripheral) Vanish() {
	p.world.fault("Vanish", "device", p.Address())
	p.vanish()
}

func (p *Peripheral) vanish() {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.gone = true
	for _, l := range p.links {
		l.vanish()
	}
}

// Appear is the opposite of Vanish.
func (p *Peripheral) Appear() {
	p.world.fault("Appear", "device", p.Address())
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	p.gone = false
	p.attributes.stir()
}

// Connected reports whether an adapter is connected to the device. BlueZ may not have
// signalled it yet, nor its end.
func (p *Peripheral) Connected() bool {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return len(p.links) > 0
}

// AwaitConnected blocks until an adapter is connected to the device. It fails when ctx
// ends, or the world, or when the device is removed.
func (p *Peripheral) AwaitConnected(ctx context.Context) error {
	return p.await(ctx, "a connection", func() (bool, error) { return len(p.links) > 0, nil })
}

// AwaitDisconnected blocks until no adapter is connected to the device. It fails as
// [Peripheral.AwaitConnected] does.
func (p *Peripheral) AwaitDisconnected(ctx context.Context) error {
	return p.await(ctx, "the end of the connection", func() (bool, error) { return len(p.links) == 0, nil })
}

// await waits until a condition holds, of which p.attributes.changed tells. It is called
// with the world locked; its error ends the waiting.
func (p *Peripheral) await(ctx context.Context, what string, condition func() (bool, error)) error {
	for {
		p.world.mu.Lock()
		done, err := condition()
		changed := p.attributes.changed
		p.world.mu.Unlock()
		if done && err == nil {
			return nil
		}
		if err == nil {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				err = context.Cause(ctx)
			case <-p.ctx.Done():
				err = context.Cause(p.ctx)
			}
		}
		return fmt.Errorf("device %s: await %s: %w", p.Address(), what, err)
	}
}
