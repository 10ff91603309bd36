package facade

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// Share returns the default Central, the one that the functions of this package use, and
// a function that gives it back, which closes it if nobody else has it. It is for
// packages that are built on this one. It fails as Open does.
func Share(ctx context.Context) (*Central, func(), error) {
	return shared.acquire(ctx)
}

// A Maintenance is something that BlueZ has to be told once and that it forgets when it
// or the adapter goes away: an object registered with one of the adapter's managers, a
// setting, a session. It is for packages that are built on this one.
type Maintenance struct {
	// Adapter is the adapter that is meant, by name ("hci0") or address. Empty means
	// the Central's default; if there is none, the one with the lowest number that Able
	// takes, preferably one that is on. It then stays the same one.
	Adapter string
	// Able, when not nil, says whether an adapter that nobody has named will do.
	Able func(Adapter) bool
	// Powered ends what is held when the adapter is switched off, and begins again when
	// it is on. Otherwise the adapter must be there, on or off.
	Powered bool

	// Hold tells BlueZ, calls held once when that is done, and waits until ctx ends. Then
	// it takes back what it can; if BlueZ or the bus is gone, calls to them fail at once.
	// ctx ends with the ctx of Maintain, the Central, the bus, bluetoothd and the adapter,
	// for their cause.
	//
	// conn may be used for calls, signals and exports; it is not to be closed.
	Hold func(ctx context.Context, conn *bus.Conn, adapter Adapter, held func()) error
}

// Maintain calls m.Hold now, and again when bluetoothd, the bus or the adapter is back
// after it went away, and with growing pauses of 5 seconds at most when Hold has failed.
// It blocks until ctx ends, whose cause it then returns, or the Central is closed, which
// is ErrClosed; Hold has returned by then. It ends earlier with nil when Hold returns nil though
// its ctx has not ended, and with an error if Hold was not held even once: the error of
// Hold, or that there is no adapter.
//
// To errors that BlueZ and the bus have replied with it adds the sentinels of this package that
// mean the same, such as ErrNoBlueZ.
func (c *Central) Maintain(ctx context.Context, m Maintenance) error {
	k := &keeper{central: c, Maintenance: m, wake: make(chan struct{}, 1)}
	if err := c.beginHolding(); err != nil {
		return err
	}
	defer c.scanners.Done()
	c.watchers.add(k)
	defer c.watchers.remove(k)
	return k.run(ctx)
}

// beginHolding has Close wait for another Maintenance.
func (c *Central) beginHolding() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	c.scanners.Add(1)
	return nil
}

// A keeper does what Maintain promises.
type keeper struct {
	Maintenance
	central *Central
	wake    chan struct{} // holds a token when something may have changed

	mu   sync.Mutex
	path dbus.ObjectPath         // of the adapter, empty if it is not known
	end  context.CancelCauseFunc // ends the ctx of Hold; nil while there is none
}

// run holds until ctx or the Central ends.
func (k *keeper) run(ctx context.Context) error {
	ctx, free := join(ctx, k.central.ctx)
	defer free()
	var retry backoff
	for ever := false; ; {
		now := false
		over, err := k.hold(ctx, func() {
			ever, now = true, true
			retry.reset()
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case over || !ever:
			return translate(err)
		}
		level := slog.LevelDebug
		if now {
			level = slog.LevelInfo
		}
		k.central.logger.Log(ctx, level, "BlueZ has to be told again", "adapter", k.Adapter, "error", err)
		retry.wait(true, k.wake, ctx.Done())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// hold calls Hold once, if it can. It is over if Hold has ended by itself and for good.
func (k *keeper) hold(ctx context.Context, held func()) (over bool, err error) {
	a := k.central.bus()
	if err := a.err(); err != nil {
		return false, err
	}
	outer := ctx
	ctx, free := join(ctx, a.ctx)
	defer free()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	adapter, err := k.find()
	if err != nil {
		return false, err
	}
	k.attend(adapter.path, end)
	defer k.attend("", nil)
	if _, err := k.find(); err != nil {
		return false, err // it went just now
	}
	switch err = k.Hold(ctx, a.conn, adapter, held); {
	case ctx.Err() == nil:
		return err == nil, err
	case outer.Err() == nil:
		if _, err := k.find(); err != nil {
			return false, err // says best why
		}
	}
	return false, context.Cause(ctx)
}

// find returns the adapter that is meant, if it is there and, where that is wanted, on.
// Once it was found it stays the same one.
func (k *keeper) find() (Adapter, error) {
	found, err := k.central.adaptersThat(k.Adapter, func(a Adapter) bool { return k.Able == nil || k.Able(a) })
	if err != nil {
		return Adapter{}, err
	}
	adapter := found[0]
	if i := slices.IndexFunc(found, func(a Adapter) bool { return a.Powered }); i >= 0 {
		adapter = found[i]
	} else if k.Powered {
		return Adapter{}, fmt.Errorf("%s: %w", adapter, ErrAdapterOff)
	}
	if k.Adapter == "" && !adapter.Address.IsZero() {
		k.Adapter = adapter.Address.String()
	}
	return adapter, nil
}

// attend has end called when the adapter at path goes away; nil is no more.
func (k *keeper) attend(path dbus.ObjectPath, end context.CancelCauseFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.path, k.end = path, end
}

// event implements watcher.
func (k *keeper) event(e bus.Event) {
	switch {
	case e.Kind == bus.Lost:
		k.lost(ErrNoBlueZ)
	case e.Kind == bus.Restored:
		k.poke()
	case e.Interface == bluezgen.Adapter1Interface:
		k.adapterChanged(e)
		k.poke()
	}
}

// adapterChanged ends what is held if its adapter has gone.
func (k *keeper) adapterChanged(e bus.Event) {
	k.mu.Lock()
	mine := e.Path == k.path
	k.mu.Unlock()
	r, _ := e.Record.(*bluezgen.Adapter1Update)
	switch {
	case !mine:
	case e.Kind == bus.Removed:
		k.lost(fmt.Errorf("%s: %w", base(e.Path), ErrNoAdapter))
	case k.Powered && r != nil && !r.Powered:
		k.lost(fmt.Errorf("%s: %w", base(e.Path), ErrAdapterOff))
	}
}

// lost ends what is held.
func (k *keeper) lost(cause error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.end != nil {
		k.end(cause)
	}
}

// attached implements watcher.
func (k *keeper) attached(*attachment) { k.poke() }

// detached implements watcher: the ctx of Hold ends with the attachment.
func (k *keeper) detached() {}

// poke makes run try again.
func (k *keeper) poke() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// DeviceAt returns what is known of the device with an object path, which may come from a
// call of BlueZ. Whether it is connected and the like are up to date while WatchDevices runs.
// Of a device that BlueZ does not know, or not any more, only what the path tells is
// known: adapter and address. It does not block.
func (c *Central) DeviceAt(path dbus.ObjectPath) KnownDevice {
	d := KnownDevice{Device: Device{path: path}}
	c.bus().mirror.View(func(v bus.View) {
		if r, ok := v.Record(path, bluezgen.Device1Interface).(*bluezgen.Device1Update); ok {
			d = newKnownDevice(path, &r.Device1Properties)
		}
	})
	name, isDevice := strings.CutPrefix(base(path), "dev_")
	if address, err := ParseAddress(strings.ReplaceAll(name, "_", ":")); isDevice && err == nil && d.Address.IsZero() {
		d.Address, d.Adapter = address, base(parent(path))
	}
	return d
}

// NewPath returns an object path for what a program exports itself on the bus of the
// Central, one that nobody else has, also after the bus was lost.
func (c *Central) NewPath() dbus.ObjectPath {
	return exportsPath + dbus.ObjectPath(strconv.FormatUint(c.paths.Add(1), 10))
}

// exportsPath begins the paths of NewPath.
const exportsPath dbus.ObjectPath = "/com/github/gobluez/facade/export"
