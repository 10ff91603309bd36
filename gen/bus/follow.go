package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A Following is a share in the property changes of some objects, until Close.
type Following struct {
	table  *followTable
	shared *following
	once   sync.Once
}

// A followTable has what a Mirror follows besides what it always does.
type followTable struct {
	m      *Mirror
	mu     sync.Mutex
	shared map[followKey]*following
	closed bool
}

type followKey struct {
	path  dbus.ObjectPath
	iface string
}

// A following is what Followings of the same key share.
type following struct {
	key    followKey
	shares int // guarded by the table
	rule   *rule
	ready  chan struct{} // closed once the rule is in force and the objects are read
	err    error         // valid then
}

func (t *followTable) init(m *Mirror) {
	t.m = m
	t.shared = map[followKey]*following{}
}

// Follow follows the property changes of the object at path and of all below it: of
// one interface, or of all if iface is empty. It blocks until the bus has the match
// rule and what may have changed before was read again. That is one
// GetManagedObjects if iface is given and objects below path have it, as for the
// devices of an adapter; otherwise one GetAll for each interface (or just iface) that
// the object at path itself has. Equal Followings share one rule and one reading.
func (m *Mirror) Follow(ctx context.Context, path dbus.ObjectPath, iface string) (*Following, error) {
	f, err := m.following.follow(ctx, followKey{path, iface})
	if err != nil {
		return nil, fmt.Errorf("follow %s %s: %w", path, iface, err)
	}
	return f, nil
}

func (t *followTable) follow(ctx context.Context, key followKey) (*Following, error) {
	m := match{sender: t.m.options.Service, namespace: key.path, iface: propertiesInterface, member: "PropertiesChanged", arg0: key.iface}
	if err := m.check(); err != nil {
		return nil, err
	}
	s, err := t.share(key, m.String())
	if err != nil {
		return nil, err
	}
	f := &Following{table: t, shared: s}
	select {
	case <-s.ready:
		err = s.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// share takes a share in a following, begun if it is the first.
func (t *followTable) share(key followKey, rule string) (*following, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	if s := t.shared[key]; s != nil {
		s.shares++
		return s, nil
	}
	c := t.m.conn
	s := &following{key: key, shares: 1, rule: c.rules.acquire(rule), ready: make(chan struct{})}
	if err := c.run(func() { t.establish(s) }); err != nil {
		c.rules.release(s.rule)
		return nil, err
	}
	t.shared[key] = s
	return s, nil
}

// establish reads what may have changed before the rule was in force. It runs for
// all who share it, whether or not the first still waits.
func (t *followTable) establish(s *following) {
	ctx := t.m.conn.ctx
	s.err = t.m.reread(ctx, s.key)
	if err := s.rule.wait(ctx); err != nil {
		s.err = err
	}
	if s.err != nil {
		s.err = t.m.conn.cause(s.err)
		t.mu.Lock()
		t.forget(s)
		t.mu.Unlock()
	}
	close(s.ready)
}

// forget makes the next Follow of the key begin anew.
func (t *followTable) forget(s *following) {
	if t.shared[s.key] == s {
		delete(t.shared, s.key)
	}
}

// reread reads objects anew. The rule was sent before, so the bus has it in force
// when the service is asked.
func (m *Mirror) reread(ctx context.Context, key followKey) error {
	var at []string
	below := false
	m.View(func(v View) {
		v.Walk(key.path, func(path dbus.ObjectPath, iface string, _ Record) bool {
			if path == key.path && (key.iface == "" || key.iface == iface) {
				at = append(at, iface)
			}
			below = path != key.path && iface == key.iface
			return !below && (path == key.path || key.iface != "")
		})
	})
	if below {
		return m.Refresh(ctx)
	}
	for _, iface := range at {
		err := m.conn.callInOrder(ctx, m.options.Service, key.path, getAll,
			func(e *wire.Encoder) { e.String(iface) },
			func(d *wire.Decoder) { m.reload(key.path, iface, d) })
		// An object may go while it is asked; that is told otherwise.
		if err != nil && !isGone(err) {
			return err
		}
	}
	return nil
}

// isGone reports whether a call failed because the object, its interface or its
// service is not there any more. BlueZ says InvalidArgs of an interface that it does
// not know.
func isGone(err error) bool {
	for _, gone := range []*Error{ErrUnknownObject, ErrUnknownInterface, ErrUnknownMethod, ErrInvalidArgs} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return isAbsent(err)
}

var getAll = methodOf(propertiesInterface, "GetAll", "s", "a{sv}")

// reload replaces the record of an interface, if it is still there.
func (m *Mirror) reload(path dbus.ObjectPath, iface string, d *wire.Decoder) {
	entry := m.tree.nodes[path].find([]byte(iface))
	if entry == nil {
		return
	}
	m.mu.Lock()
	entry.record.Load(d)
	m.mu.Unlock()
	if d.Err() == nil {
		m.fire(Event{Kind: Reloaded, Path: path, Interface: iface, Record: entry.record})
	}
}

// Close gives up the share. The last one removes the match rule. It does not block
// and may be called from a handler. Closing again does nothing.
func (f *Following) Close() {
	f.once.Do(func() {
		t := f.table
		t.mu.Lock()
		defer t.mu.Unlock()
		f.shared.shares--
		if f.shared.shares == 0 {
			t.forget(f.shared)
			t.m.conn.rules.release(f.shared.rule)
		}
	})
}

// close refuses new Followings. Those that there are keep their rules until they
// are closed.
func (t *followTable) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}
