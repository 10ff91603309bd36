package facade

import (
	"context"
	"iter"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus"
)

// watchers are those who want to know of everything that happens to the objects of
// BlueZ, whichever attachment tells.
type watchers struct {
	mu  sync.RWMutex
	all map[watcher]bool
}

// A watcher's methods must not block. event runs on the goroutine that reads the bus.
type watcher interface {
	event(bus.Event)
	attached(*attachment) // the bus is there again; events of it may have come already
	detached()            // the bus was lost, and with it all objects
}

func (w *watchers) add(one watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = make(map[watcher]bool)
	}
	w.all[one] = true
}

// remove returns when no method of the watcher runs or will run.
func (w *watchers) remove(one watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.all, one)
}

// each calls tell for each watcher.
func (w *watchers) each(tell func(watcher)) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for one := range w.all {
		tell(one)
	}
}

// A watch turns what happens to the objects of one interface into events. It compares
// what it sees with what it saw before, so that it does not matter by what it learns of
// a change: a signal, a new reading of all objects, or another connection to the bus.
type watch[T, E any] struct {
	central *Central
	iface   string // of objects that do not contain each other
	read    func(dbus.ObjectPath, bus.Record) T
	accept  func(*T) bool              // of those that are new; nil accepts all
	compare func(before, after *T) []E // nil is an object that is not there
	items   *mailbox[watchItem[E]]

	mu    sync.Mutex
	known map[dbus.ObjectPath]T // those that were accepted
}

// A watchItem is an event, or an attachment that is new.
type watchItem[E any] struct {
	event E
	bus   *attachment
}

// watchLimit is how many events may wait for a consumer.
const watchLimit = 4096

// start begins to watch, with what is there. The watch is to be stopped.
func (w *watch[T, E]) start() {
	w.items, w.known = newMailbox[watchItem[E]](watchLimit), make(map[dbus.ObjectPath]T)
	w.central.watchers.add(w)
	if a := w.central.bus(); a.err() == nil {
		w.attached(a)
	}
}

func (w *watch[T, E]) stop() { w.central.watchers.remove(w) }

func (w *watch[T, E]) event(e bus.Event) {
	if e.Interface != w.iface {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if e.Kind == bus.Removed {
		w.gone(e.Path)
	} else {
		w.there(e.Path, w.read(e.Path, e.Record))
	}
}

// attached compares everything that is there with what was. Events of what is there
// may come before or after this.
func (w *watch[T, E]) attached(a *attachment) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.items.put(watchItem[E]{bus: a})
	present := make(map[dbus.ObjectPath]bool)
	var all []func() // once the mirror may be viewed again
	a.mirror.View(func(v bus.View) {
		v.Outermost("/", w.iface, func(path dbus.ObjectPath, record bus.Record) bool {
			present[path] = true
			one := w.read(path, record)
			all = append(all, func() { w.there(path, one) })
			return true
		})
	})
	for _, there := range all {
		there()
	}
	for path := range w.known {
		if !present[path] {
			w.gone(path)
		}
	}
}

func (w *watch[T, E]) detached() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for path := range w.known {
		w.gone(path)
	}
}

// there notes what an object is like now. w.mu is held.
func (w *watch[T, E]) there(path dbus.ObjectPath, after T) {
	var before *T
	if known, ok := w.known[path]; ok {
		before = &known
	} else if w.accept != nil && !w.accept(&after) {
		return
	}
	w.known[path] = after
	w.tell(before, &after)
}

// gone notes that an object is not there any more. w.mu is held.
func (w *watch[T, E]) gone(path dbus.ObjectPath) {
	if before, known := w.known[path]; known {
		delete(w.known, path)
		w.tell(&before, nil)
	}
}

func (w *watch[T, E]) tell(before, after *T) {
	for _, event := range w.compare(before, after) {
		w.items.put(watchItem[E]{event: event})
	}
}

// all returns an iterator over the events until ctx ends, which is silent; any other
// end yields one last pair with the error. follow, if not nil, is called with each
// attachment, the present one first, and makes the changes of objects come; what it
// returns is called when it is not needed any more.
func (w *watch[T, E]) all(ctx context.Context, op, target string, follow func(context.Context, *attachment) (func(), error)) iter.Seq2[E, error] {
	return func(yield func(E, error) bool) {
		outer := ctx
		ctx, free := join(ctx, w.central.ctx)
		defer free()
		unfollow := func() {}
		defer func() { unfollow() }()
		for {
			item, err := w.items.take(ctx)
			if err == nil && item.bus != nil {
				if follow == nil {
					continue
				}
				unfollow()
				unfollow, err = follow(ctx, item.bus)
				if err == nil || ctx.Err() == nil && item.bus.err() != nil { // there will be another
					continue
				}
			}
			switch {
			case outer.Err() != nil:
				return
			case ctx.Err() != nil:
				err = context.Cause(ctx)
			}
			if !yield(item.event, opError(op, target, err)) || err != nil {
				return
			}
		}
	}
}
