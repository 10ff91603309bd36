package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A Record holds the properties of one interface of one object. Generated code
// implements it. Maps and slices in it are replaced, never changed in place, so a
// shallow copy is a snapshot.
type Record interface {
	// Load replaces the whole state by what d has, an a{sv}.
	Load(d *wire.Decoder)
	// Apply merges a change into the state: changed properties as a{sv}, then the
	// names of invalidated ones as as. It notes what it changed and invalidated.
	Apply(d *wire.Decoder)
}

// A Codec makes the records of an interface.
type Codec struct {
	Interface string
	New       func() Record
}

// MirrorOptions say what a Mirror mirrors.
type MirrorOptions struct {
	Service string          // bus name, such as "org.bluez"
	Root    dbus.ObjectPath // of its ObjectManager
	Codecs  []Codec         // interfaces to mirror; others are ignored
	// Follow lists the interfaces whose property changes are always followed, on all
	// objects. Changes of others are seen only under [Mirror.Follow].
	Follow []string
}

// A Mirror is a copy of the objects that a service's ObjectManager lists: one
// snapshot, kept by the signals that follow it, in the order of the wire. It
// survives restarts of the service, not the end of the connection.
//
// Its methods may be called from any goroutine, but those that say that they block
// not from handlers.
type Mirror struct {
	conn    *Conn
	options MirrorOptions
	codecs  map[string]Codec
	sender  *busName
	unwatch func()
	signals []*Subscription
	changes *route // of PropertiesChanged, whichever rule brings it
	always  []*rule

	mu     sync.RWMutex // the reader goroutine alone writes
	tree   tree
	loaded bool // tree is true

	// Reader goroutine only.
	era     int     // grows when the service comes or goes
	refused bool    // the service came, but gave no snapshot yet
	events  []Event // noted, not fired yet

	following followTable

	listening sync.Mutex
	listeners atomic.Pointer[[]*listener]
	closing   sync.Once
}

// EventKind says what happened in a Mirror.
type EventKind int

// The kinds of events.
const (
	// Added: the object has the interface now; the record is complete.
	Added EventKind = iota + 1
	// Changed: PropertiesChanged was applied to the record.
	Changed
	// Reloaded: the record was read anew, by Refresh, by Follow, or because the
	// service announced it once more. It may or may not differ from before.
	Reloaded
	// Removed: the object does not have the interface any more. The record is its
	// last state.
	Removed
	// Lost: the service has left the bus. Removed came for everything before.
	Lost
	// Restored: the service is on the bus, for the first time or again, and Added
	// came for everything it has.
	Restored
)

// String returns the kind's name.
func (k EventKind) String() string {
	switch k {
	case Added:
		return "Added"
	case Changed:
		return "Changed"
	case Reloaded:
		return "Reloaded"
	case Removed:
		return "Removed"
	case Lost:
		return "Lost"
	case Restored:
		return "Restored"
	}
	return fmt.Sprintf("EventKind(%d)", int(k))
}

// An Event is something that happened in a Mirror.
type Event struct {
	Kind      EventKind
	Path      dbus.ObjectPath // empty for Lost and Restored
	Interface string          // likewise
	Record    Record          // likewise nil; to be read only until the handler returns
}

type listener struct {
	handle func(Event)
	state  atomic.Int32 // as of a route
}

// OpenMirror opens a Mirror and waits for its first snapshot. If the service is not
// on the bus, and the bus cannot start it, the Mirror is empty until it comes;
// Present tells. Any other refusal of the service is an error.
func OpenMirror(ctx context.Context, c *Conn, o MirrorOptions) (*Mirror, error) {
	m := &Mirror{conn: c, options: o, codecs: map[string]Codec{}}
	for _, codec := range o.Codecs {
		m.codecs[codec.Interface] = codec
	}
	m.following.init(m)
	if err := m.open(ctx); err != nil {
		m.Close()
		return nil, fmt.Errorf("mirror %s: %w", o.Service, err)
	}
	return m, nil
}

// open sends everything at once: the bus handles it in order, so the rules are in
// force when the service makes the snapshot.
func (m *Mirror) open(ctx context.Context) error {
	c := m.conn
	added := match{sender: m.options.Service, path: m.options.Root, iface: objectManagerInterface, member: interfacesAdded}
	removed := added
	removed.member = interfacesRemoved
	changed := match{sender: m.options.Service, namespace: m.options.Root, iface: propertiesInterface, member: "PropertiesChanged"}
	if err := errors.Join(added.check(), changed.check()); err != nil {
		return err
	}
	m.sender = c.names.acquire(m.options.Service)
	m.unwatch = c.names.watch(m.sender, m.ownerChanged)
	m.changes = &route{match: changed, sig: propertiesChangedSignature, sender: m.sender, handle: m.propertiesChanged}
	c.router.add(m.changes)
	m.signals = []*Subscription{
		c.listen(added, "oa{sa{sv}}", m.interfacesAdded),
		c.listen(removed, "oas", m.interfacesRemoved),
	}
	for _, iface := range m.options.Follow {
		changed.arg0 = iface
		m.always = append(m.always, c.rules.acquire(changed.String()))
	}
	err := m.Refresh(ctx)
	if isAbsent(err) {
		err = nil
	}
	for _, s := range m.signals {
		if err == nil {
			err = s.wait(ctx)
		}
	}
	for _, r := range m.always {
		if err == nil {
			err = r.wait(ctx)
		}
	}
	return err
}

// isAbsent reports whether a call failed because its service is not on the bus, or
// left it before it replied.
func isAbsent(err error) bool {
	return errors.Is(err, ErrServiceUnknown) || errors.Is(err, ErrNameHasNoOwner) || errors.Is(err, ErrNoReply)
}

// Close ends the Mirror: no handler is started any more, and its match rules are
// removed. It does not block and may be called from a handler. Closing again does
// nothing.
func (m *Mirror) Close() {
	m.closing.Do(func() {
		if m.sender == nil {
			return
		}
		m.listening.Lock()
		for _, l := range m.handlers() {
			l.state.Store(routeClosed)
		}
		m.listening.Unlock()
		m.unwatch()
		m.conn.router.remove(m.changes)
		for _, s := range m.signals {
			s.Close()
		}
		for _, r := range m.always {
			m.conn.rules.release(r)
		}
		m.following.close()
		m.conn.names.release(m.sender)
	})
}

// Conn returns the connection that the Mirror uses.
func (m *Mirror) Conn() *Conn { return m.conn }

// Present reports whether the service is on the bus and its objects were read.
func (m *Mirror) Present() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.loaded
}

// Subscribe has a handler called for each event from now on, until cancel is
// called. To miss nothing, subscribe first and look at the View then. The handler
// runs on the connection's reader goroutine: it must neither block nor wait for a
// reply. cancel may be called from anywhere, the handler included; the handler is
// not started any more once it has returned.
//
// The end of the connection is no event; watch [Conn.Done] for it.
func (m *Mirror) Subscribe(handler func(Event)) (cancel func()) {
	l := &listener{handle: handler}
	m.listening.Lock()
	defer m.listening.Unlock()
	list := m.handlers()
	list = append(list[:len(list):len(list)], l)
	m.listeners.Store(&list)
	return func() {
		l.state.Store(routeClosed)
		m.listening.Lock()
		defer m.listening.Unlock()
		list := without(m.handlers(), l)
		m.listeners.Store(&list)
	}
}

func (m *Mirror) handlers() []*listener {
	if list := m.listeners.Load(); list != nil {
		return *list
	}
	return nil
}

// fire tells the handlers of an event.
func (m *Mirror) fire(e Event) {
	for _, l := range m.handlers() {
		if l.state.CompareAndSwap(routeIdle, routeRunning) {
			l.handle(e)
			l.state.CompareAndSwap(routeRunning, routeIdle)
		}
	}
}

// note keeps an event until release, when the tree is not locked any more.
func (m *Mirror) note(e Event) { m.events = append(m.events, e) }

// release fires the events that were noted.
func (m *Mirror) release() {
	for _, e := range m.events {
		m.fire(e)
	}
	clear(m.events)
	m.events = m.events[:0]
}

// Refresh reads all objects anew, with one GetManagedObjects, and blocks until that
// is done. It settles doubts about what the service has but has not announced.
func (m *Mirror) Refresh(ctx context.Context) error {
	return m.conn.callInOrder(ctx, m.options.Service, m.options.Root, getManagedObjects, nil, m.load)
}

var getManagedObjects = methodOf(objectManagerInterface, "GetManagedObjects", "", managedObjectsSignature)

// ownerChanged follows the service as it leaves and enters the bus.
func (m *Mirror) ownerChanged(owner string) error {
	m.era++
	m.refused = false
	m.mu.Lock()
	lost := m.loaded
	if lost {
		m.tree.clear(m.note)
	}
	m.loaded = false
	m.mu.Unlock()
	if lost {
		m.note(Event{Kind: Lost})
	}
	m.release()
	if owner != "" {
		m.ask()
	}
	return nil
}

// ask requests a snapshot, from the reader goroutine.
func (m *Mirror) ask() {
	era := m.era
	m.refused = false
	// The only error is that of a connection that has ended.
	_ = m.conn.ask(m.options.Service, m.options.Root, getManagedObjects, nil, func(d *wire.Decoder, err error) error {
		switch {
		case era != m.era || errors.Is(err, ErrClosed):
		case err != nil:
			m.refused = true
			m.conn.logger.Warn("service does not list its objects", "service", m.options.Service, "error", err)
		default:
			m.load(d)
		}
		return nil
	})
}

// load replaces the tree by a snapshot.
func (m *Mirror) load(d *wire.Decoder) {
	m.mu.Lock()
	restored := !m.loaded
	m.tree.begin()
	for end := d.Array(8); d.More(end); {
		d.Struct()
		m.loadObject(d.ObjectPath(), d)
	}
	if d.Err() != nil {
		m.events = m.events[:0]
		m.mu.Unlock()
		return
	}
	m.tree.sweep(m.note)
	m.loaded = true
	m.mu.Unlock()
	if restored {
		m.note(Event{Kind: Restored})
	}
	m.release()
}

// loadObject reads the interfaces of an object, a{sa{sv}}. The tree is locked.
func (m *Mirror) loadObject(path dbus.ObjectPath, d *wire.Decoder) {
	for end := d.Array(8); d.More(end); {
		d.Struct()
		codec, known := m.codecs[string(d.StringView())]
		if !known {
			d.Skip("a{sv}")
			continue
		}
		record, added := m.tree.record(path, codec)
		record.Load(d)
		kind := Reloaded
		if added {
			kind = Added
		}
		m.note(Event{Kind: kind, Path: path, Interface: codec.Interface, Record: record})
	}
}

// interfacesAdded follows the signal of that name.
func (m *Mirror) interfacesAdded(_ *message, d *wire.Decoder) bool {
	if !m.loaded {
		if m.refused { // it may be ready by now
			m.ask()
		}
		return true // the snapshot has it
	}
	m.mu.Lock()
	m.loadObject(d.ObjectPath(), d)
	m.mu.Unlock()
	m.release()
	return true
}

// interfacesRemoved follows the signal of that name.
func (m *Mirror) interfacesRemoved(_ *message, d *wire.Decoder) bool {
	m.mu.Lock()
	path := d.ObjectPath()
	for end := d.Array(4); d.More(end); {
		m.tree.remove(path, string(d.StringView()), m.note)
	}
	m.mu.Unlock()
	m.release()
	return true
}

// propertiesChanged follows the signal of that name.
func (m *Mirror) propertiesChanged(msg *message, d *wire.Decoder) bool {
	n := m.tree.nodes[dbus.ObjectPath(msg.header.Path)]
	entry := n.find(msg.arg0)
	if entry == nil {
		_, known := m.codecs[string(msg.arg0)]
		return known
	}
	m.mu.Lock()
	entry.record.Apply(d)
	m.mu.Unlock()
	if d.Err() == nil {
		m.fire(Event{Kind: Changed, Path: n.path, Interface: entry.iface, Record: entry.record})
	}
	return true
}
