package facade

import (
	"context"
	"iter"
	"strconv"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An AdapterEventKind says what happened to an adapter.
type AdapterEventKind int

// The kinds of events of adapters.
const (
	AdapterAdded      AdapterEventKind = iota + 1 // it is there: plugged in, or bluetoothd has come
	AdapterRemoved                                // it is not there any more: unplugged, or bluetoothd or the bus has gone
	AdapterPoweredOn                              // its radio was switched on
	AdapterPoweredOff                             // its radio was switched off: scans pause, connections have ended
)

// String returns the kind in words, "powered on".
func (k AdapterEventKind) String() string {
	switch k {
	case AdapterAdded:
		return "added"
	case AdapterRemoved:
		return "removed"
	case AdapterPoweredOn:
		return "powered on"
	case AdapterPoweredOff:
		return "powered off"
	}
	return "AdapterEventKind(" + strconv.Itoa(int(k)) + ")"
}

// An AdapterEvent is something that happened to an adapter.
type AdapterEvent struct {
	Kind    AdapterEventKind
	Adapter Adapter // as it is after that, or was before it was removed
}

// WatchAdapters returns an iterator over what happens to the machine's adapters. Those
// that are there when it begins come first, as added; so the program need not list
// them as well. When bluetoothd or the bus goes away, all are removed, and added when
// they are back.
//
// The loop ends silently when ctx does. Any other end yields one last pair with the
// error: ErrClosed after Central.Close, ErrOverflow if the loop was so slow that
// thousands of events waited.
func (c *Central) WatchAdapters(ctx context.Context) iter.Seq2[AdapterEvent, error] {
	return func(yield func(AdapterEvent, error) bool) {
		w := c.watchAdapters()
		defer w.stop()
		w.all(ctx, "watch", "adapters", nil)(yield)
	}
}

func (c *Central) watchAdapters() *watch[Adapter, AdapterEvent] {
	w := &watch[Adapter, AdapterEvent]{
		central: c, iface: bluezgen.Adapter1Interface,
		read: func(path dbus.ObjectPath, r bus.Record) Adapter {
			return newAdapter(path, &r.(*bluezgen.Adapter1Update).Adapter1Properties)
		},
		compare: compareAdapters,
	}
	w.start()
	return w
}

func compareAdapters(before, after *Adapter) []AdapterEvent {
	switch {
	case before == nil:
		return []AdapterEvent{{AdapterAdded, *after}}
	case after == nil:
		return []AdapterEvent{{AdapterRemoved, *before}}
	case !before.Powered && after.Powered:
		return []AdapterEvent{{AdapterPoweredOn, *after}}
	case before.Powered && !after.Powered:
		return []AdapterEvent{{AdapterPoweredOff, *after}}
	}
	return nil
}

// WatchAdapters is Central.WatchAdapters on the default Central.
func WatchAdapters(ctx context.Context) iter.Seq2[AdapterEvent, error] {
	return func(yield func(AdapterEvent, error) bool) {
		c, release, err := shared.acquire(ctx)
		if err != nil {
			if ctx.Err() == nil {
				yield(AdapterEvent{}, err)
			}
			return
		}
		defer release()
		c.WatchAdapters(ctx)(yield)
	}
}
