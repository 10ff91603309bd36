package bus

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A ruleTable has the match rules that are in force at the bus. Equal rules are
// shared and counted, for the system bus allows 512 a connection.
//
// Adding and removing run for the connection, not for whoever asked: a caller that
// leaves early gives up its share, and the count stays true. The two are sent in
// the order in which the count changed, so neither has to wait for the other.
type ruleTable struct {
	conn     *Conn
	mu       sync.Mutex
	rules    map[string]*rule  // by text
	families map[string]family // of those with path_namespace, by what is left without
}

// A rule is a match rule that is in force, or about to be.
type rule struct {
	text    string
	shares  int           // guarded by the table
	settled chan struct{} // closed once the bus has answered
	err     error         // its refusal, valid then
}

func (t *ruleTable) init(c *Conn) {
	t.conn = c
	t.rules = map[string]*rule{}
	t.families = map[string]family{}
}

var (
	addMatch    = methodOf(busInterface, "AddMatch", "s", "")
	removeMatch = &Method{Interface: busInterface, Name: "RemoveMatch", In: "s", NoReply: true}
)

// acquire takes a share of a rule, which it sends to the bus if it is the first.
// It does not block.
func (t *ruleTable) acquire(text string) *rule {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.rules[text]
	if r != nil {
		r.shares++
		return r
	}
	r = &rule{text: text, shares: 1, settled: make(chan struct{})}
	t.rules[text] = r
	if kin, ok := kinOf(text); ok {
		t.families[kin] = append(t.families[kin], r)
	}
	err := t.conn.ask(busService, busPath, addMatch,
		func(e *wire.Encoder) { e.String(text) },
		func(_ *wire.Decoder, err error) error {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.settle(r, err)
			return nil
		})
	if err != nil {
		t.settle(r, err)
	}
	return r
}

// settle notes the bus' answer. A refused rule is forgotten.
func (t *ruleTable) settle(r *rule, err error) {
	if err != nil {
		r.err = fmt.Errorf("match rule %s: %w", r.text, err)
		if t.rules[r.text] == r {
			delete(t.rules, r.text)
		}
		if kin, ok := kinOf(r.text); ok {
			t.families[kin] = slices.DeleteFunc(t.families[kin], func(other *rule) bool { return other == r })
		}
	}
	close(r.settled)
}

// wait waits until the rule is in force.
func (r *rule) wait(ctx context.Context) error {
	select {
	case <-r.settled:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives up a share. The last one removes the rule, at once or, if it has kin, in
// its turn. It does not block.
func (t *ruleTable) release(r *rule) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r.shares--
	if r.shares > 0 || t.rules[r.text] != r {
		return
	}
	if kin, ok := kinOf(r.text); ok {
		t.retire(kin)
		return
	}
	delete(t.rules, r.text)
	t.remove(r.text)
}

func (t *ruleTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.rules)
}

// A match is the content of a match rule for signals. Empty members match
// everything.
type match struct {
	sender    string
	path      dbus.ObjectPath
	namespace dbus.ObjectPath // path or anything below it
	iface     string
	member    string
	arg0      string
	// noArg2 matches signals whose third argument is the empty string: those of
	// NameOwnerChanged that say that a name has lost its owner.
	noArg2 bool
}

// String returns the rule as the bus takes it. No value can contain a quote: all
// have been checked to be names or paths.
func (m match) String() string {
	var b strings.Builder
	b.WriteString("type='signal'")
	add := func(key, value string) {
		if value != "" {
			b.WriteString("," + key + "='" + value + "'")
		}
	}
	add("sender", m.sender)
	add("path", string(m.path))
	if m.namespace != "/" {
		add("path_namespace", string(m.namespace))
	}
	add("interface", m.iface)
	add("member", m.member)
	add("arg0", m.arg0)
	if m.noArg2 {
		b.WriteString(",arg2=''")
	}
	return b.String()
}

// check returns an error if a value is not what its key needs.
func (m match) check() error {
	switch {
	case !wire.ValidBusName(m.sender):
		return fmt.Errorf("%q is not a bus name", m.sender)
	case m.path != "" && !wire.ValidObjectPath(string(m.path)):
		return fmt.Errorf("%q is not an object path", m.path)
	case m.namespace != "" && !wire.ValidObjectPath(string(m.namespace)):
		return fmt.Errorf("%q is not an object path", m.namespace)
	case !wire.ValidInterface(m.iface):
		return fmt.Errorf("%q is not an interface name", m.iface)
	case !wire.ValidMember(m.member):
		return fmt.Errorf("%q is not a signal name", m.member)
	case m.arg0 != "" && !wire.ValidInterface(m.arg0):
		return fmt.Errorf("%q is not an interface name", m.arg0)
	}
	return nil
}
