package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gobluez/bluez/gen/wire"
)

// A nameTable follows who owns the bus names that matter here. Ownership changes
// in the order of the wire: on the reader goroutine, between the signals that were
// sent before the change and those that were sent after it. That makes it safe to
// believe a signal if its sender is the owner.
type nameTable struct {
	conn  *Conn
	mu    sync.Mutex
	names map[string]*busName
}

// A busName is a bus name whose owner is followed.
type busName struct {
	name   string
	shares int // guarded by the table
	rule   *rule
	known  chan struct{} // closed once owner is known
	err    error         // why it never will be, valid then

	owner string // unique name or ""; reader goroutine only

	// watchers are told of a change, on the reader goroutine. Guarded by the table;
	// the slice is replaced, never changed.
	watchers []*ownerWatcher
}

// An ownerWatcher is told when a name changes its owner.
type ownerWatcher struct{ changed func(owner string) error }

func (t *nameTable) init(c *Conn) {
	t.conn = c
	t.names = map[string]*busName{}
}

// isFixed reports whether a bus name belongs to one connection for ever: unique
// names, and that of the bus itself.
func isFixed(name string) bool { return name == busService || name != "" && name[0] == ':' }

// acquire takes a share in following a name. It does not block.
func (t *nameTable) acquire(name string) *busName {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := t.names[name]
	if n != nil {
		n.shares++
		return n
	}
	n = &busName{name: name, shares: 1, known: make(chan struct{})}
	if isFixed(name) {
		n.owner = name
		close(n.known)
		return n
	}
	t.names[name] = n
	// Both go out at once: the bus handles them in order, so no change is missed.
	n.rule = t.conn.rules.acquire(match{
		sender: busService, path: busPath, iface: busInterface, member: "NameOwnerChanged", arg0: name,
	}.String())
	err := t.conn.ask(busService, busPath, getNameOwner,
		func(e *wire.Encoder) { e.String(name) },
		func(d *wire.Decoder, err error) error {
			switch {
			case err == nil:
				n.owner = d.String()
			case !errors.Is(err, ErrNameHasNoOwner):
				n.err = fmt.Errorf("owner of %s: %w", name, err)
			}
			close(n.known)
			return nil
		})
	if err != nil {
		n.err = err
		close(n.known)
	}
	return n
}

// wait waits until the owner is known and changes are being followed.
func (n *busName) wait(ctx context.Context) error {
	if n.rule != nil {
		if err := n.rule.wait(ctx); err != nil {
			return err
		}
	}
	select {
	case <-n.known:
		return n.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives up a share. It does not block.
func (t *nameTable) release(n *busName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n.shares--
	if n.shares > 0 || n.rule == nil {
		return
	}
	if t.names[n.name] == n {
		delete(t.names, n.name)
	}
	t.conn.rules.release(n.rule)
}

// watch has a function called when the name changes its owner, until the returned
// function is called.
func (t *nameTable) watch(n *busName, changed func(owner string) error) (stop func()) {
	w := &ownerWatcher{changed: changed}
	t.mu.Lock()
	defer t.mu.Unlock()
	n.watchers = append(n.watchers[:len(n.watchers):len(n.watchers)], w)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		n.watchers = without(n.watchers, w)
	}
}

// without returns a copy of list that lacks item.
func without[T comparable](list []T, item T) []T {
	var rest []T
	for _, other := range list {
		if other != item {
			rest = append(rest, other)
		}
	}
	return rest
}

// signal follows NameOwnerChanged. It is called on the reader goroutine.
func (t *nameTable) signal(m *message, d *wire.Decoder) error {
	h := &m.header
	if string(h.Sender) != busService || string(h.Interface) != busInterface ||
		string(h.Member) != "NameOwnerChanged" || string(h.Signature) != "sss" {
		return nil
	}
	d.Reset(m.body, h.Order, nil)
	name, old, owner := d.StringView(), d.StringView(), d.StringView()
	if err := d.Err(); err != nil {
		return err
	}
	if len(owner) == 0 {
		t.conn.exports.callerLeft(old)
	}
	t.mu.Lock()
	n := t.names[string(name)]
	var watchers []*ownerWatcher
	if n != nil {
		watchers = n.watchers
	}
	t.mu.Unlock()
	if n == nil || n.owner == string(owner) {
		return nil
	}
	n.owner = string(owner)
	for _, w := range watchers {
		if err := w.changed(n.owner); err != nil {
			return err
		}
	}
	return nil
}
