package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// Disconnect ends the link or the attempt to connect. The link goes on for a while, so
// that what was written still gets out; the reply comes when it is down. Without a link
// it does nothing, and that is a success.
func (d *deviceObject) Disconnect(ctx context.Context) error {
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	down := d.requestDisconnect()
	if down != nil {
		d.connection.waiting = append(d.connection.waiting, ctx.Done()) // which ends after the reply
	}
	w.mu.Unlock()
	if down == nil {
		return nil
	}
	bus.Release(ctx)
	return d.adapter.bluetoothd.waitDown(ctx, down)
}

// waitDown waits for the end of a link that requestDisconnect told of. The world is not
// locked.
func (b *bluetoothd) waitDown(ctx context.Context, down <-chan struct{}) error {
	select {
	case <-down:
		return nil
	case <-ctx.Done():
	}
	select {
	case <-down: // it went together with the object, which ended ctx
		return nil
	default:
		return context.Cause(ctx)
	}
}

// requestDisconnect cancels what goes on and has the link ended after the grace time. It
// returns a channel that is closed when the link is down, nil if there is none. The world
// is locked.
func (d *deviceObject) requestDisconnect() <-chan struct{} {
	d.cancelPairing(errAuthenticationCanceled())
	c := &d.connection
	if c.attempt != nil {
		c.attempt.end(errConnectCanceled())
	}
	l := c.link
	if l == nil {
		return nil
	}
	if c.down == nil {
		c.down = make(chan struct{})
	}
	down := c.down
	if c.grace != nil {
		return down
	}
	b := d.adapter.bluetoothd
	c.grace = b.after(b.delays().Disconnect, func() {
		if c.link == l {
			d.dropLink(bluezgen.DisconnectReasonLocal, disconnectLocal)
		}
	})
	return down
}

// requestRemoval is requestDisconnect of a device that is connected and goes with its
// link.
func (d *deviceObject) requestRemoval() <-chan struct{} {
	d.connection.removal = true
	return d.requestDisconnect()
}

// SetBlocked says whether the device is refused. Its link is ended at once.
func (d *deviceObject) SetBlocked(_ context.Context, blocked bool) error {
	d.adapter.bluetoothd.world.do(func() {
		if d.stored.blocked == blocked {
			return
		}
		d.stored.blocked = blocked
		if blocked {
			d.keep()
		}
		d.set(func(p *bluezgen.Device1Properties) {
			p.Add(bluezgen.Device1Blocked)
			p.Blocked = blocked
		})
		if blocked {
			d.dropLink(bluezgen.DisconnectReasonLocal, disconnectLocal)
		}
	})
	return nil
}
