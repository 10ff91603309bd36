package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// ExportOptions say how an object is served.
type ExportOptions struct {
	// Concurrent serves calls as they come, each on a goroutine of its own. Otherwise
	// calls are served one at a time, in the order of the wire, which is what most
	// implementations want; see [Release].
	Concurrent bool
	// From, if not empty, is a bus name: only the connection that owns it may call.
	// Others get AccessDenied. Any local process may call an exported object if the
	// bus' policy lets it, so whoever serves BlueZ says "org.bluez" here.
	From string
}

// An Export is an object that is served, until Close or the end of its connection.
type Export struct {
	conn    *Conn
	path    dbus.ObjectPath
	options ExportOptions
	from    *busName // nil: everybody may call
	rule    *rule    // follows callers that leave
	served  []*served
	manager bool // it is an ObjectManager

	ctx    context.Context // ends with the export
	cancel context.CancelCauseFunc

	// Guarded by the table.
	queue   []*incoming
	busy    bool // a worker is at it
	running int  // calls of a concurrent export
	closed  bool
}

// A served is one interface of an exported object.
type served struct {
	export      *Export
	description *ServedInterface
	methods     map[string]*ServedMethod
}

// An exportTable has what is exported on a connection.
type exportTable struct {
	conn *Conn

	// managing is held while objects are added, removed or listed, up to the message
	// that says so, so that ObjectManager clients see one consistent story. It is
	// taken before mu and before an Emitter's lock, and never on the reader goroutine.
	managing sync.Mutex

	mu       sync.Mutex
	objects  map[dbus.ObjectPath][]*Export
	managers map[dbus.ObjectPath]*Export
	callers  map[string]map[*incoming]bool // calls in progress
	count    int
}

func (t *exportTable) init(c *Conn) {
	t.conn = c
	t.objects = map[dbus.ObjectPath][]*Export{}
	t.managers = map[dbus.ObjectPath]*Export{}
	t.callers = map[string]map[*incoming]bool{}
}

// nameLost is the rule that tells when a connection leaves the bus.
var nameLost = match{sender: busService, path: busPath, iface: busInterface, member: "NameOwnerChanged", noArg2: true}.String()

// Export serves skeletons as the object at path, together with the standard
// interfaces Introspectable, Peer and, where they have properties, Properties. It
// returns once calls can come; that takes a round trip to the bus, which ctx bounds.
// Other interfaces of the same object can be exported apart from it; calls are in
// order within one Export.
//
// The ctx of a served method ends when the method has returned, when the caller
// leaves the bus (unless it expects no reply), when the Export is closed and when
// the connection ends. [Sender] tells who the caller is.
//
// Exporting an interface that the path has, or a skeleton that is exported
// elsewhere, is an error that matches [ErrExported].
func (c *Conn) Export(ctx context.Context, path dbus.ObjectPath, o ExportOptions, skeletons ...Skeleton) (*Export, error) {
	x := c.newExport(path, o)
	for _, skeleton := range skeletons {
		description := skeleton.Serve()
		s := &served{export: x, description: description, methods: map[string]*ServedMethod{}}
		for i := range description.Methods {
			s.methods[description.Methods[i].Name] = &description.Methods[i]
		}
		x.served = append(x.served, s)
	}
	if err := c.exports.open(ctx, x); err != nil {
		return nil, fmt.Errorf("export %s: %w", path, err)
	}
	return x, nil
}

// ExportObjectManager serves an ObjectManager at path, which lists everything that
// is exported below it, now and later, and tells of what comes and goes. Otherwise
// it is like Export.
func (c *Conn) ExportObjectManager(ctx context.Context, path dbus.ObjectPath) (*Export, error) {
	x := c.newExport(path, ExportOptions{})
	x.manager = true
	if err := c.exports.open(ctx, x); err != nil {
		return nil, fmt.Errorf("export object manager %s: %w", path, err)
	}
	return x, nil
}

func (c *Conn) newExport(path dbus.ObjectPath, o ExportOptions) *Export {
	x := &Export{conn: c, path: path, options: o}
	x.ctx, x.cancel = context.WithCancelCause(c.ctx)
	return x
}

// Path returns the object's path.
func (x *Export) Path() dbus.ObjectPath { return x.path }

// open begins to serve x.
func (t *exportTable) open(ctx context.Context, x *Export) error {
	if !wire.ValidObjectPath(string(x.path)) {
		return errors.New("not an object path")
	}
	if x.options.From != "" && !wire.ValidBusName(x.options.From) {
		return fmt.Errorf("%q is not a bus name", x.options.From)
	}
	x.rule = t.conn.rules.acquire(nameLost)
	if x.options.From != "" {
		x.from = t.conn.names.acquire(x.options.From)
	}
	err := x.rule.wait(ctx)
	if err == nil && x.from != nil {
		err = x.from.wait(ctx)
	}
	if err == nil {
		err = t.add(x)
	}
	if err != nil {
		x.release()
		return t.conn.cause(err)
	}
	return nil
}

// release gives up what open acquired.
func (x *Export) release() {
	for _, s := range x.served {
		if s.description.Emitter != nil {
			s.description.Emitter.detach(s)
		}
	}
	x.conn.rules.release(x.rule)
	if x.from != nil {
		x.conn.names.release(x.from)
	}
	x.cancel(ErrNotExported)
}

// add puts x into the table and tells the managers above it.
func (t *exportTable) add(x *Export) error {
	t.managing.Lock()
	defer t.managing.Unlock()
	if err := t.insert(x); err != nil {
		return err
	}
	for _, s := range x.served {
		if s.description.Emitter != nil && !s.description.Emitter.attach(s) {
			t.delete(x)
			return fmt.Errorf("%s: %w", s.description.Name, ErrExported)
		}
	}
	return t.announce(x, interfacesAdded)
}

func (t *exportTable) insert(x *Export) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.conn.ctx.Err(); err != nil {
		return t.conn.err
	}
	if x.manager {
		if t.managers[x.path] != nil {
			return ErrExported
		}
		t.managers[x.path] = x
		t.count++
		return nil
	}
	for _, s := range x.served {
		if t.lookup(x.path, s.description.Name) != nil {
			return fmt.Errorf("%s: %w", s.description.Name, ErrExported)
		}
	}
	t.objects[x.path] = append(t.objects[x.path], x)
	t.count++
	return nil
}

// delete takes x out of the table. It is false if it was not there.
func (t *exportTable) delete(x *Export) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if x.closed {
		return false
	}
	x.closed = true
	t.count--
	if x.manager {
		delete(t.managers, x.path)
		return true
	}
	if rest := without(t.objects[x.path], x); rest != nil {
		t.objects[x.path] = rest
	} else {
		delete(t.objects, x.path)
	}
	return true
}

// lookup returns an interface of a path, or nil. The table is locked.
func (t *exportTable) lookup(path dbus.ObjectPath, iface string) *served {
	for _, x := range t.objects[path] {
		for _, s := range x.served {
			if s.description.Name == iface {
				return s
			}
		}
	}
	return nil
}

// Close ends the export: calls that come from now on get UnknownObject or
// UnknownInterface, and the contexts of those in progress end. It does not wait for
// them, so a served method may call it. Closing again does nothing. The error is
// always nil.
func (x *Export) Close() error {
	t := &x.conn.exports
	t.managing.Lock()
	closed := t.delete(x)
	if closed {
		x.release()
		// Telling can fail only with the connection, and then nobody listens.
		_ = t.announce(x, interfacesRemoved)
	}
	t.managing.Unlock()
	return nil
}

func (t *exportTable) len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}

// callerLeft ends the contexts of the calls of a connection that left the bus.
func (t *exportTable) callerLeft(name []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for call := range t.callers[string(name)] {
		call.cancel(errCallerLeft)
	}
}

var errCallerLeft = errors.New("the caller has left the bus")

// below returns what is exported below path, in order of paths. The table is
// locked.
func (t *exportTable) below(path dbus.ObjectPath) []*Export {
	var all []*Export
	for p, list := range t.objects {
		if p != path && isBelow(string(p), path) {
			all = append(all, list...)
		}
	}
	slices.SortStableFunc(all, func(a, b *Export) int {
		switch {
		case a.path < b.path:
			return -1
		case a.path > b.path:
			return 1
		}
		return 0
	})
	return all
}
