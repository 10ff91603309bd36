package bus

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A router finds the handlers of a signal: by interface and member, then by path
// and, for PropertiesChanged, by the interface in its first argument. Looking them
// up does not allocate.
type router struct {
	conn *Conn

	mu      sync.RWMutex
	members map[memberKey]*memberRoutes
	count   int
}

type memberKey struct{ iface, member string }

// memberRoutes are the routes of one signal of one interface. The slices are
// replaced, never changed.
type memberRoutes struct {
	wide  []*route // below a path, or anywhere
	exact map[pathKey][]*route
}

type pathKey struct {
	path dbus.ObjectPath
	arg0 string // of PropertiesChanged, else ""
}

// A route takes a kind of signal to a handler.
type route struct {
	match  match
	sig    string   // of the signal's arguments
	sender *busName // whoever owns it now may send the signal
	// handle runs on the reader goroutine. d stands at the body's beginning, behind
	// the first argument for PropertiesChanged. It reports whether it wanted the
	// signal.
	handle func(m *message, d *wire.Decoder) (consumed bool)
	state  atomic.Int32
}

// States of a route.
const (
	routeIdle int32 = iota
	routeRunning
	routeClosed
)

func (t *router) init(c *Conn) {
	t.conn = c
	t.members = map[memberKey]*memberRoutes{}
}

// isPropertiesChanged reports whether signals of a kind are told apart by their
// first argument.
func isPropertiesChanged(iface, member string) bool {
	return iface == propertiesInterface && member == "PropertiesChanged"
}

// add begins to deliver to a route.
func (t *router) add(r *route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := memberKey{r.match.iface, r.match.member}
	routes := t.members[key]
	if routes == nil {
		routes = &memberRoutes{exact: map[pathKey][]*route{}}
		t.members[key] = routes
	}
	t.count++
	if r.match.path == "" {
		routes.wide = append(routes.wide[:len(routes.wide):len(routes.wide)], r)
		return
	}
	where := pathKey{r.match.path, r.match.arg0}
	list := routes.exact[where]
	routes.exact[where] = append(list[:len(list):len(list)], r)
}

// remove ends the delivery to a route: its handler is not started any more. It is
// false if that was done before.
func (t *router) remove(r *route) bool {
	if r.state.Swap(routeClosed) == routeClosed {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count--
	key := memberKey{r.match.iface, r.match.member}
	routes := t.members[key]
	if r.match.path == "" {
		routes.wide = without(routes.wide, r)
	} else {
		where := pathKey{r.match.path, r.match.arg0}
		if list := without(routes.exact[where], r); list != nil {
			routes.exact[where] = list
		} else {
			delete(routes.exact, where)
		}
	}
	if routes.wide == nil && len(routes.exact) == 0 {
		delete(t.members, key)
	}
	return true
}

func (t *router) len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.count
}

// signal delivers a signal, on the reader goroutine. An error ends the connection.
func (t *router) signal(m *message, d *wire.Decoder) (consumed bool, err error) {
	h := &m.header
	if err := t.conn.names.signal(m, d); err != nil {
		return false, err
	}
	if !m.complete() {
		return false, nil
	}
	wide, exact, err := t.find(m, d)
	if err != nil {
		return false, err
	}
	for _, r := range wide {
		if r.match.namespace == "" || isBelow(h.Path, r.match.namespace) {
			took, err := t.deliver(r, m, d)
			if err != nil {
				return false, err
			}
			consumed = consumed || took
		}
	}
	for _, r := range exact {
		took, err := t.deliver(r, m, d)
		if err != nil {
			return false, err
		}
		consumed = consumed || took
	}
	return consumed, nil
}

// find returns the routes that a signal may take.
func (t *router) find(m *message, d *wire.Decoder) (wide, exact []*route, err error) {
	h := &m.header
	t.mu.RLock()
	defer t.mu.RUnlock()
	routes := t.members[memberKey{string(h.Interface), string(h.Member)}]
	if routes == nil {
		return nil, nil, nil
	}
	m.arg0 = nil
	if string(h.Signature) == propertiesChangedSignature && isPropertiesChanged(string(h.Interface), string(h.Member)) {
		d.Reset(m.body, h.Order, nil)
		if m.arg0 = d.StringView(); d.Err() != nil {
			return nil, nil, d.Err()
		}
	}
	return routes.wide, routes.exact[pathKey{dbus.ObjectPath(h.Path), string(m.arg0)}], nil
}

// isBelow reports whether path is the namespace or below it.
func isBelow[T string | []byte](path T, namespace dbus.ObjectPath) bool {
	n := len(namespace)
	return namespace == "/" || len(path) >= n && string(path[:n]) == string(namespace) && (len(path) == n || path[n] == '/')
}

// deliver runs the handler of a route, if the signal may take it.
func (t *router) deliver(r *route, m *message, d *wire.Decoder) (consumed bool, err error) {
	h := &m.header
	if r.sender.owner == "" || string(h.Sender) != r.sender.owner {
		t.conn.counts.foreign.Add(1)
		return false, nil
	}
	if string(h.Signature) != r.sig {
		t.conn.oddity.mismatch(r.match.iface+"."+r.match.member, r.sig, string(h.Signature))
		return true, nil
	}
	d.Reset(m.body, h.Order, m.files)
	if r.sig == propertiesChangedSignature && isPropertiesChanged(r.match.iface, r.match.member) {
		d.StringView()
	}
	if !r.state.CompareAndSwap(routeIdle, routeRunning) {
		return true, nil
	}
	consumed = r.handle(m, d)
	r.state.CompareAndSwap(routeRunning, routeIdle)
	return consumed, fatal(d.Err())
}

// A Subscription is a signal handler in force. It ends with Close, or with its
// connection.
type Subscription struct {
	conn   *Conn
	route  *route
	rule   *rule
	sender *busName
}

// Subscribe has handler called for each signal of an interface that the object
// emits, with a decoder that stands at the signal's first argument. sig is the
// signature of the arguments: a signal with another is logged once and skipped. A
// signal counts only if its sender owns the service's bus name at that point.
//
// The handler runs on the connection's reader goroutine, in the order of the wire:
// it must neither block nor wait for a reply. The decoder's views are valid only
// until it returns.
//
// Subscribe returns once the bus has the match rule, so no signal after that is
// missed; the handler may run before.
func (o Object) Subscribe(ctx context.Context, iface, member, sig string, handler func(*wire.Decoder)) (*Subscription, error) {
	s, err := o.conn.subscribe(ctx, o.service, match{path: o.path, iface: iface, member: member}, sig,
		func(_ *message, d *wire.Decoder) bool {
			handler(d)
			return true
		})
	if err != nil {
		return nil, fmt.Errorf("subscribe to %s.%s of %s: %w", iface, member, o.path, err)
	}
	return s, nil
}

// SubscribeProperties has handler called for each change of the properties of an
// interface of the object, with a decoder that stands at the a{sv} of the changed
// ones, which the as of the invalidated ones follows. Otherwise it is like
// Subscribe.
func (o Object) SubscribeProperties(ctx context.Context, iface string, handler func(*wire.Decoder)) (*Subscription, error) {
	m := match{path: o.path, iface: propertiesInterface, member: "PropertiesChanged", arg0: iface}
	s, err := o.conn.subscribe(ctx, o.service, m, propertiesChangedSignature,
		func(_ *message, d *wire.Decoder) bool {
			handler(d)
			return true
		})
	if err != nil {
		return nil, fmt.Errorf("subscribe to properties %s of %s: %w", iface, o.path, err)
	}
	return s, nil
}

// subscribe listens and waits until the match rule is in force.
func (c *Conn) subscribe(ctx context.Context, service string, m match, sig string, handle func(*message, *wire.Decoder) bool) (*Subscription, error) {
	m.sender = service
	if err := m.check(); err != nil {
		return nil, err
	}
	s := c.listen(m, sig, handle)
	if err := s.wait(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// listen adds a route and its match rule. It does not block.
func (c *Conn) listen(m match, sig string, handle func(*message, *wire.Decoder) bool) *Subscription {
	s := &Subscription{conn: c, sender: c.names.acquire(m.sender), rule: c.rules.acquire(m.String())}
	s.route = &route{match: m, sig: sig, sender: s.sender, handle: handle}
	c.router.add(s.route)
	return s
}

// wait waits until the match rule is in force and the sender is known.
func (s *Subscription) wait(ctx context.Context) error {
	if err := s.sender.wait(ctx); err != nil {
		return err
	}
	return s.rule.wait(ctx)
}

// Close ends the subscription. It does not block and may be called from anywhere,
// the handler included. The handler is not started any more once Close has
// returned; it may still be running, if it was.
func (s *Subscription) Close() {
	if s.conn.router.remove(s.route) {
		s.conn.rules.release(s.rule)
		s.conn.names.release(s.sender)
	}
}
