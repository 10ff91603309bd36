package bluetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gobluez/bluez/bluezgen"
)

// notifiesBy reports whether a characteristic notifies or indicates, as bits say.
func (c *characteristic) notifiesBy(bits uint16) bool {
	switch bits {
	case configuredToNotify:
		return c.has(bluezgen.CharacteristicFlagNotify)
	case configuredToIndicate:
		return c.has(bluezgen.CharacteristicFlagIndicate)
	}
	return false
}

// subscribers returns the links over which somebody has subscribed to a characteristic.
// The world is locked.
func (a *attributes) subscribers(c *characteristic) []*link {
	if c.configuration == nil {
		return nil
	}
	return slices.DeleteFunc(a.peripheral.allLinks(), func(l *link) bool {
		return a.subscribed[l.device.adapter.adapter][c.configuration.handle] == 0
	})
}

// A run is that of a Characteristic.Notify.
type run struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when it has returned
	ended  bool          // it was told to return
}

// run starts the Notify of each characteristic that has got its first subscriber, and
// ends those that have lost the last. One begins when the one before it has returned.
// The world is locked.
func (a *attributes) run() {
	for c := range a.characteristics() {
		if c.notify == nil {
			continue
		}
		before, wanted := a.runs[c.value.handle], len(a.subscribers(c)) > 0
		switch running := before != nil && !before.ended; {
		case running && !wanted:
			before.end()
		case !running && wanted:
			a.runs[c.value.handle] = a.startRun(c, before)
		}
	}
}

func (r *run) end() {
	r.ended = true
	r.cancel()
}

func (a *attributes) startRun(c *characteristic, before *run) *run {
	p, notify := a.peripheral, c.notify
	ctx, cancel := context.WithCancel(p.ctx)
	r := &run{cancel: cancel, done: make(chan struct{})}
	p.world.tasks.Go(func() {
		defer close(r.done)
		defer cancel()
		if before != nil {
			<-before.done
		}
		if ctx.Err() == nil {
			notify(ctx, p, func(value []byte) error { return a.send(ctx, c, value) })
		}
	})
	return r
}

// ErrNotSubscribed is matched by an error of [Peripheral.Notify], or of the send of
// Characteristic.Notify, when no connected central has subscribed.
var ErrNotSubscribed = errors.New("no central is subscribed")

// send notifies or indicates a value to all who have subscribed. For an indication it
// waits until that is confirmed.
func (a *attributes) send(ctx context.Context, c *characteristic, value []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	indicated := false
	err := func() error {
		a.peripheral.world.mu.Lock()
		defer a.peripheral.world.mu.Unlock()
		links := a.subscribers(c)
		switch {
		case len(links) == 0:
			return ErrNotSubscribed
		case a.peripheral.gone:
			return errors.New("the device is out of range")
		}
		for _, l := range links {
			if room := int(l.mtu) - 3; len(value) > room {
				return fmt.Errorf("%d bytes are more than the %d that the connection lets through", len(value), room)
			}
		}
		c.value.value = slices.Clone(value)
		for _, l := range links {
			bits := a.subscribed[l.device.adapter.adapter][c.configuration.handle]
			indicated = indicated || bits&configuredToNotify == 0
			l.device.gatt.notified(c.value, value)
		}
		return nil
	}()
	if err == nil && indicated {
		return sleep(ctx, a.peripheral.declared.Connection.Attribute)
	}
	return err
}
