package facade

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An attachment is one connection to the bus, and what is seen of BlueZ through it.
// It ends with the bus; the Central then makes another.
type attachment struct {
	conn   *bus.Conn
	mirror *bus.Mirror
	ctx    context.Context // ends with the bus or the Central, for that cause
	cancel context.CancelCauseFunc
}

// bus returns the attachment that the Central has, or had last.
func (c *Central) bus() *attachment {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.attachment
}

// err returns why the attachment has ended, nil while it lasts.
func (a *attachment) err() error { return context.Cause(a.ctx) }

// dial connects to the bus and reads what BlueZ knows.
func (c *Central) dial(ctx context.Context) (*attachment, error) {
	o := c.options
	conn, err := bus.Dial(ctx, o.Bus, bus.Options{Logger: o.Logger, AuthUID: o.AuthUID, Trace: o.Trace, Drained: c.late.wake})
	if err != nil {
		return nil, translate(err)
	}
	a := &attachment{conn: conn}
	a.mirror, err = bus.OpenMirror(ctx, conn, bus.MirrorOptions{
		Service: bluezgen.Service, Root: "/", Codecs: codecs(), Follow: []string{bluezgen.Adapter1Interface},
	})
	if err != nil {
		var refused *bus.Error
		if errors.As(err, &refused) && !errors.Is(err, bus.ErrAccessDenied) {
			err = because(ErrNoBlueZ, err) // the bus could not start it
		}
		return nil, errors.Join(translate(err), conn.Close())
	}
	a.ctx, a.cancel = context.WithCancelCause(c.ctx)
	a.mirror.Subscribe(c.event)
	return a, nil
}

// codecs returns those of the interfaces that event knows. bluezgen.Codecs would link
// all of BlueZ into the program.
func codecs() []bus.Codec {
	return []bus.Codec{
		bluezgen.Adapter1Codec(),
		bluezgen.Device1Codec(),
		bluezgen.GattService1Codec(),
		bluezgen.GattCharacteristic1Codec(),
		bluezgen.GattDescriptor1Codec(),
	}
}

// close ends the attachment.
func (a *attachment) close() error {
	a.mirror.Close()
	return a.conn.Close()
}

// keep attaches the Central again whenever the bus was lost, until it is closed.
func (c *Central) keep(a *attachment) {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-a.conn.Done():
		}
		lost := because(ErrNoBus, a.conn.Err())
		c.logger.Warn("the bus is lost", "error", lost)
		c.detached(a, lost)
		if a = c.redial(); a == nil {
			return
		}
		c.logger.Info("the bus is back")
		c.disown(a)
		c.attached(a)
	}
}

// detached ends what the attachment had: its clients learn that they are disconnected,
// and scans wait for another.
func (c *Central) detached(a *attachment, cause error) {
	a.cancel(cause)
	c.mu.Lock()
	for path, l := range c.links {
		if l.ours() {
			c.orphan(path)
		}
	}
	c.links = make(map[dbus.ObjectPath]*link)
	c.mu.Unlock()
	c.watchers.each(func(w watcher) { w.detached() })
	c.pokeDiscoveries()
	_ = a.close() // the connection has ended already
}

// orphan notes a device that BlueZ may be connected to, or be connecting to, for a
// client that cannot tell it any more to end that. c.mu is held.
func (c *Central) orphan(path dbus.ObjectPath) {
	if c.orphans == nil {
		c.orphans = make(map[dbus.ObjectPath]bool)
	}
	c.orphans[path] = true
}

// disown ends the connections that were lost with the attachment before. BlueZ keeps
// them if it has not ended itself, but their clients were told that they are
// disconnected.
func (c *Central) disown(a *attachment) {
	c.mu.Lock()
	orphans := c.orphans
	c.orphans = nil
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(a.ctx, cleanupTimeout)
	defer cancel()
	var ending sync.WaitGroup
	for path := range orphans {
		ending.Go(func() {
			if err := bluezgen.NewDevice1(a.conn, path).Disconnect(ctx); err != nil {
				c.logger.Debug("disconnect", "device", path, "error", err) // it may be gone
			}
		})
	}
	ending.Wait()
}

// attached begins to use another attachment.
func (c *Central) attached(a *attachment) {
	c.mu.Lock()
	c.attachment = a
	c.mu.Unlock()
	c.watchers.each(func(w watcher) { w.attached(a) })
	c.counts.reattached.Add(1)
	c.pokeDiscoveries()
	c.agency.serviceChanged()
}

func (c *Central) pokeDiscoveries() {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, d := range c.discoveries {
		d.poke()
	}
}

// dialTimeout bounds one attempt to attach to the bus again.
const dialTimeout = 20 * time.Second

// redial attaches to the bus as soon as it is there again. It returns nil if the Central
// is closed first.
func (c *Central) redial() *attachment {
	for retry := (backoff{}); ; {
		if retry.wait(true, nil, c.ctx.Done()); c.ctx.Err() != nil {
			return nil
		}
		ctx, cancel := context.WithTimeout(c.ctx, dialTimeout)
		a, err := c.dial(ctx)
		cancel()
		if err == nil {
			return a
		}
		c.logger.Debug("the bus is not back", "error", err)
	}
}
