package peripheral

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

// An object is a characteristic in a session, with those who have subscribed to it.
type object struct {
	skeleton    *bluezgen.GattCharacteristic1Skeleton
	all         *channel                        // through the Value
	subscribers map[dbus.ObjectPath]*Subscriber // by device; "" if BlueZ does not tell which
	dormant     map[dbus.ObjectPath]bool        // bonded devices that are subscribed, but not connected
}

func newObject(skeleton *bluezgen.GattCharacteristic1Skeleton) *object {
	return &object{
		skeleton: skeleton, all: newChannel(nil),
		subscribers: map[dbus.ObjectPath]*Subscriber{}, dormant: map[dbus.ObjectPath]bool{},
	}
}

// subscribe adds a subscriber, which is told through a socket if there is one, unless the
// session has ended.
func (n *session) subscribe(a *attribute, s *Subscriber, socket *packets) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.add(a, s, socket)
}

// add is subscribe for who holds n.mu.
func (n *session) add(a *attribute, s *Subscriber, socket *packets) bool {
	if n.closed {
		return false
	}
	o := n.objects[a]
	if before := o.subscribers[s.path]; before != nil {
		if socket == nil {
			return true // BlueZ tells of each device that it does not name
		}
		n.unsubscribed(a, before, errUnsubscribed)
	}
	delete(o.dormant, s.path)
	s.session, s.attr, s.channel = n, a, o.all
	s.ctx, s.cancel = context.WithCancelCause(n.ctx)
	o.subscribers[s.path] = s
	n.herald.tell(Event{Kind: Subscribed, Device: s.Device(), Characteristic: a.char})
	if socket != nil {
		s.channel = newChannel(socket)
		n.tasks.Go(func() { n.listen(a, s) })
	}
	if a.char.Subscribed != nil {
		n.tasks.Go(func() {
			_ = guard(n.log(), func() error { a.char.Subscribed(s.ctx, s); return nil })
		})
	}
	return true
}

// unsubscribed ends a subscriber. n.mu is held.
func (n *session) unsubscribed(a *attribute, s *Subscriber, cause error) {
	o := n.objects[a]
	if o.subscribers[s.path] != s {
		return
	}
	delete(o.subscribers, s.path)
	s.cancel(cause)
	if s.socket != nil {
		_ = s.socket.Close()
	}
	n.herald.tell(Event{Kind: Unsubscribed, Device: s.Device(), Characteristic: a.char})
}

// unsubscribedAll ends the subscribers that have no socket.
func (n *session) unsubscribedAll(a *attribute) {
	n.mu.Lock()
	defer n.mu.Unlock()
	o := n.objects[a]
	clear(o.dormant)
	for _, s := range o.subscribers {
		if s.socket == nil {
			n.unsubscribed(a, s, errUnsubscribed)
		}
	}
}

// listen takes what BlueZ sends through the socket of a subscriber, a byte for each
// indication that was confirmed, until it hangs up.
func (n *session) listen(a *attribute, s *Subscriber) {
	for {
		if _, err := s.socket.Receive(); err != nil {
			break
		}
		s.confirm()
	}
	n.hungUp(a, s)
}

// hungUp learns that BlueZ has hung up. It does so when the device unsubscribes and
// when it disconnects; then it tells so on the bus about that time. The difference
// matters for a device that is bonded: when that connects again, it is subscribed.
func (n *session) hungUp(a *attribute, s *Subscriber) {
	n.mu.Lock()
	bonded := s.peer.bonded
	n.mu.Unlock()
	if bonded && s.ctx.Err() == nil {
		timeout := time.NewTimer(hangUpTimeout)
		defer timeout.Stop()
		select {
		case <-s.ctx.Done(): // by disconnected, which has noted it
		case <-timeout.C:
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unsubscribed(a, s, errUnsubscribed)
}

// hangUpTimeout is how much later than a hang-up a disconnection may be told.
const hangUpTimeout = time.Second

// notify sends a value to all subscribers of a characteristic. One that can be told only
// through the Value is told together with all the others.
func (n *session) notify(ctx context.Context, a *attribute, value []byte) error {
	all := n.subscribers(a)
	if len(all) == 0 {
		return nil
	}
	together, room := len(value) == 0, maxValue // a socket cannot carry no bytes
	for _, s := range all {
		together = together || s.socket == nil
		if mtu := s.MTU(); mtu > 0 {
			room = min(room, mtu-3)
		}
	}
	switch {
	case together && len(value) > room:
		return errTooLong(len(value), room)
	case together:
		ctx, free := join(ctx, n.ctx)
		defer free()
		err := n.objects[a].all.send(ctx, a, func() error { return n.change(a, value) })
		if n.ctx.Err() != nil {
			return nil
		}
		return err
	}
	errs := make([]error, len(all))
	tell := func(i int) {
		if err := all[i].Notify(ctx, value); all[i].ctx.Err() == nil && !errors.Is(err, errUnsubscribed) {
			errs[i] = err
		}
	}
	var telling sync.WaitGroup
	for i := range len(all) - 1 {
		telling.Go(func() { tell(i) })
	}
	tell(len(all) - 1)
	telling.Wait()
	return errors.Join(errs...)
}

// subscribers returns the subscribers of a characteristic.
func (n *session) subscribers(a *attribute) (all []*Subscriber) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if o := n.objects[a]; o != nil {
		for _, s := range o.subscribers {
			all = append(all, s)
		}
	}
	return all
}

// change changes the Value, of which BlueZ tells all subscribers.
func (n *session) change(a *attribute, value []byte) error {
	p := bluezgen.GattCharacteristic1Properties{Value: value}
	p.Add(bluezgen.GattCharacteristic1Value)
	return n.objects[a].skeleton.Update(p)
}
