package bus

import (
	"maps"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"
)

// A tree has the records of a Mirror, by path and interface.
type tree struct {
	nodes map[dbus.ObjectPath]*node // those with records, and all above them
	round int                       // of begin
}

// A node is an object, or a path above one.
type node struct {
	path     dbus.ObjectPath
	parent   *node
	children map[dbus.ObjectPath]*node
	entries  []*entry // few, in order of arrival
}

// An entry is one interface of an object.
type entry struct {
	iface  string
	record Record
	round  int // in which a snapshot had it
}

// find returns an interface of an object, or nil. n may be nil.
func (n *node) find(iface []byte) *entry {
	if n == nil {
		return nil
	}
	for _, e := range n.entries {
		if e.iface == string(iface) {
			return e
		}
	}
	return nil
}

// record returns the record of an interface of an object, and whether it is new.
func (t *tree) record(path dbus.ObjectPath, codec Codec) (r Record, added bool) {
	n := t.node(path)
	for _, e := range n.entries {
		if e.iface == codec.Interface {
			e.round = t.round
			return e.record, false
		}
	}
	e := &entry{iface: codec.Interface, record: codec.New(), round: t.round}
	n.entries = append(n.entries, e)
	return e.record, true
}

// node returns the node of a path, made if need be.
func (t *tree) node(path dbus.ObjectPath) *node {
	if n := t.nodes[path]; n != nil {
		return n
	}
	if t.nodes == nil {
		t.nodes = map[dbus.ObjectPath]*node{}
	}
	n := &node{path: path}
	t.nodes[path] = n
	if path != "/" {
		n.parent = t.node(parent(path))
		if n.parent.children == nil {
			n.parent.children = map[dbus.ObjectPath]*node{}
		}
		n.parent.children[path] = n
	}
	return n
}

// parent returns the path above one that is not the root.
func parent(path dbus.ObjectPath) dbus.ObjectPath {
	return path[:max(1, strings.LastIndexByte(string(path), '/'))]
}

// prune removes a node that has nothing in it or below it, and those above it that
// have no more then.
func (t *tree) prune(n *node) {
	for n != nil && len(n.entries) == 0 && len(n.children) == 0 {
		delete(t.nodes, n.path)
		if n.parent != nil {
			delete(n.parent.children, n.path)
		}
		n = n.parent
	}
}

// remove removes an interface of an object, and notes it.
func (t *tree) remove(path dbus.ObjectPath, iface string, note func(Event)) {
	n := t.nodes[path]
	if n == nil {
		return
	}
	t.drop(n, func(e *entry) bool { return e.iface == iface }, note)
}

// drop removes the entries of a node that a condition holds for, and notes them.
func (t *tree) drop(n *node, condition func(*entry) bool, note func(Event)) {
	n.entries = slices.DeleteFunc(n.entries, func(e *entry) bool {
		if !condition(e) {
			return false
		}
		note(Event{Kind: Removed, Path: n.path, Interface: e.iface, Record: e.record})
		return true
	})
	t.prune(n)
}

// begin begins a snapshot; record marks what it has.
func (t *tree) begin() { t.round++ }

// sweep removes what the snapshot did not have, children before parents.
func (t *tree) sweep(note func(Event)) {
	t.removeAll(func(e *entry) bool { return e.round != t.round }, note)
}

// clear removes everything, children before parents.
func (t *tree) clear(note func(Event)) {
	t.removeAll(func(*entry) bool { return true }, note)
}

func (t *tree) removeAll(condition func(*entry) bool, note func(Event)) {
	paths := slices.Collect(maps.Keys(t.nodes))
	slices.Sort(paths)
	slices.Reverse(paths) // a path comes after those below it
	for _, path := range paths {
		if n := t.nodes[path]; n != nil {
			t.drop(n, condition, note)
		}
	}
}

// walk calls f for the entries at and below a node, parents before children, in
// order of paths, until f returns false.
func (n *node) walk(f func(*node, *entry) bool) bool {
	for _, e := range n.entries {
		if !f(n, e) {
			return false
		}
	}
	for _, path := range slices.Sorted(maps.Keys(n.children)) {
		if !n.children[path].walk(f) {
			return false
		}
	}
	return true
}

// outermost calls f for the nodes at and below a node that have an interface, but not
// below those, in order of paths, until f returns false.
func (n *node) outermost(iface []byte, f func(*node, *entry) bool) bool {
	if e := n.find(iface); e != nil {
		return f(n, e)
	}
	for _, path := range slices.Sorted(maps.Keys(n.children)) {
		if !n.children[path].outermost(iface, f) {
			return false
		}
	}
	return true
}

// A View is what a Mirror has at one point in the order of the wire. It is valid
// only inside the function that [Mirror.View] calls.
type View struct{ m *Mirror }

// View calls f with everything as it is at one moment. Nothing changes before f
// returns, and no signal is handled, so f must be quick; it must not call methods of
// the Mirror or wait for a reply. Records must not be used afterwards; copies may.
func (m *Mirror) View(f func(v View)) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	f(View{m: m})
}

// Present reports whether the service is on the bus and its objects were read.
func (v View) Present() bool { return v.m.loaded }

// Record returns the record of an interface of an object, or nil.
func (v View) Record(path dbus.ObjectPath, iface string) Record {
	if e := v.m.tree.nodes[path].find([]byte(iface)); e != nil {
		return e.record
	}
	return nil
}

// Walk calls f for each interface of the object at prefix and of the objects below
// it, parents before children and paths in order, until f returns false. A prefix
// of "/" walks everything.
func (v View) Walk(prefix dbus.ObjectPath, f func(path dbus.ObjectPath, iface string, r Record) bool) {
	if n := v.m.tree.nodes[prefix]; n != nil {
		n.walk(func(n *node, e *entry) bool { return f(n.path, e.iface, e.record) })
	}
}

// Outermost calls f for the interface iface of each object at prefix and below it that
// has it, paths in order, until f returns false. It does not look below those: finding
// the few adapters takes no longer where they have many devices.
func (v View) Outermost(prefix dbus.ObjectPath, iface string, f func(path dbus.ObjectPath, r Record) bool) {
	if n := v.m.tree.nodes[prefix]; n != nil {
		n.outermost([]byte(iface), func(n *node, e *entry) bool { return f(n.path, e.record) })
	}
}
