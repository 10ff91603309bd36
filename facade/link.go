package facade

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A link is what all clients of one device share: the turns in which they work, the
// sessions of notifications, and the question who ends the connection. It exists
// while there are clients.
type link struct {
	central *Central
	bus     *attachment     // with which it ends
	path    dbus.ObjectPath // of the device
	turn    chan struct{}   // holds a token while an operation runs
	change  chan struct{}   // holds a token while a client connects or disconnects

	clients []*Client // guarded by central.mu

	mu          sync.Mutex
	established []*Client // those of clients that are connected
	made        bool      // whether the connection was made by a client of this link
	drops       uint64    // how often the connection has ended
	reason      error     // why it is about to end, if BlueZ has told
	grown       uint64    // how often something was added to the tree of services
	resolved    uint64    // what grown was when BlueZ said that the services are resolved
	sessions    map[dbus.ObjectPath]*session
	removed     context.CancelCauseFunc // is told when BlueZ removes the device; may be nil
}

// attach makes a client that takes part in the link to a device. c.connects is to be
// told when it is connected or gone.
func (c *Central) attach(d Device, release func()) (*Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.errLocked(); err != nil {
		return nil, err
	}
	l := c.links[d.path]
	if l == nil {
		l = &link{
			central: c, bus: c.attachment, path: d.path, turn: make(chan struct{}, 1), change: make(chan struct{}, 1),
			sessions: make(map[dbus.ObjectPath]*session),
		}
		c.links[d.path] = l
	}
	client := &Client{central: c, link: l, device: d, release: release, wake: make(chan struct{}, 1)}
	client.life, client.end = context.WithCancelCause(context.Background())
	client.unwatch = context.AfterFunc(l.bus.ctx, func() {
		if cause := l.bus.err(); cause == ErrClosed {
			client.end(ErrClosed)
		} else {
			client.end(because(ErrDisconnected, cause))
		}
	})
	l.clients = append(l.clients, client)
	c.connects.Add(1)
	return client, nil
}

// detach removes a client, and the link with its last.
func (l *link) detach(client *Client) {
	l.central.mu.Lock()
	defer l.central.mu.Unlock()
	l.clients = remove(l.clients, client)
	if len(l.clients) == 0 && l.central.links[l.path] == l {
		delete(l.central.links, l.path)
	}
}

func remove(clients []*Client, client *Client) []*Client {
	return slices.DeleteFunc(slices.Clone(clients), func(c *Client) bool { return c == client })
}

// properties returns what the mirror knows of the device, and how often the
// connection has ended by then; false if BlueZ does not know the device.
func (l *link) properties() (p bluezgen.Device1Properties, drops uint64, known bool) {
	l.mu.Lock()
	drops = l.drops
	l.mu.Unlock()
	l.bus.mirror.View(func(v bus.View) {
		if r, ok := v.Record(l.path, bluezgen.Device1Interface).(*bluezgen.Device1Update); ok {
			p, known = r.Device1Properties, true
		}
	})
	return p, drops, known
}

// establish counts a client among those that are connected, unless the connection
// has ended since drops was counted. made tells whether the client has made it.
func (l *link) establish(client *Client, drops uint64, made bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.drops != drops {
		return false
	}
	l.established = append(l.established, client)
	l.made = l.made || made
	return true
}

// ours reports whether the connection was made by a client of this link.
func (l *link) ours() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made
}

// leave ends a client's part in the connection and reports whether the connection is
// to be ended with it: if it was made here and this was the last client.
func (l *link) leave(client *Client) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.established, client) {
		return false
	}
	l.established = remove(l.established, client)
	if !l.made || len(l.established) > 0 {
		return false
	}
	l.made = false
	return true
}

// deviceChanged learns what happened to the device's object.
func (l *link) deviceChanged(e bus.Event) {
	r, _ := e.Record.(*bluezgen.Device1Update)
	l.mu.Lock()
	if e.Kind == bus.Changed && r != nil && r.Changed.Has(bluezgen.Device1ServicesResolved) && r.ServicesResolved {
		l.resolved = l.grown
	}
	switch {
	case e.Kind == bus.Removed || r == nil:
		if l.removed != nil {
			l.removed(errRemoved)
		}
		l.drop(errRemoved)
	case e.Kind == bus.Changed && r.Changed.Has(bluezgen.Device1Connected) && !r.Connected:
		l.drop(ErrDisconnected)
	case e.Kind != bus.Changed && !r.Connected && len(l.established) > 0:
		l.drop(ErrDisconnected) // seen when the properties were read again
	}
	l.mu.Unlock()
	l.poke()
}

// onRemoved has cancel called, for errRemoved, when BlueZ removes the device; nil ends
// that.
func (l *link) onRemoved(cancel context.CancelCauseFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removed = cancel
}

// drop ends all clients that are connected. l.mu is held.
func (l *link) drop(cause error) {
	l.drops++
	l.made = false
	cause = cmp.Or(l.reason, cause)
	l.reason = nil
	for _, client := range l.established {
		if client.leaving.Load() {
			client.end(ErrClosed)
		} else {
			client.end(cause)
		}
	}
	l.established = nil
}

// late reports whether services came after BlueZ had said that they are resolved.
func (l *link) late() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.grown != l.resolved
}

// treeChanged learns that a service or descriptor came or went.
func (l *link) treeChanged(e bus.Event) {
	if e.Kind != bus.Added && e.Kind != bus.Removed {
		return
	}
	if e.Kind == bus.Added {
		l.mu.Lock()
		l.grown++
		l.mu.Unlock()
	}
	l.central.mu.RLock()
	for _, client := range l.clients {
		client.stale.Store(true)
	}
	l.central.mu.RUnlock()
	l.poke()
}

// characteristicChanged passes a value on to those who have subscribed to it.
func (l *link) characteristicChanged(e bus.Event) {
	r, ok := e.Record.(*bluezgen.GattCharacteristic1Update)
	l.mu.Lock()
	s := l.sessions[e.Path]
	l.mu.Unlock()
	switch {
	case e.Kind != bus.Changed:
		if l.treeChanged(e); e.Kind == bus.Removed && s != nil {
			s.lapse(errGone)
		}
	case ok && s != nil && r.Changed.Has(bluezgen.GattCharacteristic1Value):
		s.signalled(r.Value)
	}
}

// poke wakes clients that wait for a change.
func (l *link) poke() {
	l.central.mu.RLock()
	defer l.central.mu.RUnlock()
	for _, client := range l.clients {
		select {
		case client.wake <- struct{}{}:
		default:
		}
	}
}

// session returns the session of notifications of a characteristic, which exists as
// long as the link.
func (l *link) session(characteristic dbus.ObjectPath) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.sessions[characteristic]
	if s == nil {
		s = &session{link: l, path: characteristic, turn: make(chan struct{}, 1)}
		l.sessions[characteristic] = s
	}
	return s
}
