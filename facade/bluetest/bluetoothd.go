package bluetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A bluetoothd is one life of the simulated daemon. What outlives it is in the World:
// the adapters with what they have stored, and the devices.
type bluetoothd struct {
	world *World
	conn  *bus.Conn

	ctx    context.Context // ends with this life
	cancel context.CancelFunc

	farewells sync.WaitGroup // clients that are being told that what they registered has ended

	// Guarded by the world.
	objects map[*Adapter]*adapterObject
	agents  agents
	left    clients
}

// StartBluetoothd starts bluetoothd after it was stopped or has crashed. It returns when
// its adapters and what it has stored of devices are on the bus. It is an error if
// bluetoothd runs already, or the world is closed ([ErrClosed]).
func (w *World) StartBluetoothd(ctx context.Context) error {
	if w.ctx.Err() != nil {
		return fmt.Errorf("start bluetoothd: %w", ErrClosed)
	}
	conn, err := bus.Dial(ctx, w.bus.Address(), bus.Options{Logger: w.config.logger})
	if err != nil {
		return fmt.Errorf("start bluetoothd: %w", err)
	}
	b := &bluetoothd{world: w, conn: conn, objects: map[*Adapter]*adapterObject{}}
	b.ctx, b.cancel = context.WithCancel(w.ctx)
	if err := b.serve(ctx); err != nil {
		b.cancel()
		return errors.Join(fmt.Errorf("start bluetoothd: %w", err), conn.Close())
	}
	return nil
}

// serve exports what bluetoothd has and takes its name. The name comes last, so that
// who waits for it finds everything; BlueZ itself takes it first, and its adapters come
// one by one.
func (b *bluetoothd) serve(ctx context.Context) error {
	if _, err := b.conn.ExportObjectManager(ctx, "/"); err != nil {
		return err
	}
	if err := b.followClients(ctx); err != nil {
		return err
	}
	if err := b.agents.serve(ctx, b); err != nil {
		return err
	}
	w := b.world
	b.awaitName(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	if w.bluetoothd != nil {
		return errors.New("it runs already")
	}
	for _, a := range w.adapters {
		if err := b.add(a); err != nil {
			return err
		}
	}
	if err := b.conn.RequestName(ctx, bluezgen.Service); err != nil {
		return err
	}
	w.bluetoothd = b
	w.tasks.Go(b.attend)
	return nil
}

// awaitName waits until the bus has noticed that the bluetoothd before this one has left
// it. It gives up after a while: somebody else has the name.
func (b *bluetoothd) awaitName(ctx context.Context) {
	const patience, pause = 2 * time.Second, 5 * time.Millisecond
	for end := time.Now().Add(patience); time.Now().Before(end) && b.world.running() == nil; {
		if _, err := b.conn.NameOwner(ctx, bluezgen.Service); err != nil || sleep(ctx, pause) != nil {
			return
		}
	}
}

// CrashBluetoothd ends bluetoothd as a crash or SIGKILL does: its name leaves the bus,
// its links are lost, and what it has not stored is forgotten. Nothing is signalled but
// the loss of its name. It does nothing if bluetoothd does not run.
func (w *World) CrashBluetoothd() {
	if b := w.running(); b != nil {
		w.fault("CrashBluetoothd")
		b.end()
	}
}

// running returns the bluetoothd that runs, or nil.
func (w *World) running() *bluetoothd {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bluetoothd
}

// end ends this life, if it has not ended yet, and waits for that.
func (b *bluetoothd) end() {
	w := b.world
	w.do(func() {
		if w.bluetoothd != b {
			return
		}
		w.bluetoothd = nil
		b.cancel()
		for _, o := range b.objects {
			o.halt()
		}
	})
	b.conn.Close() // waits for calls in progress, which may wait for the world
}

// StopBluetoothd ends bluetoothd as systemctl stop bluetooth does: it releases its
// agents, switches its adapters off, removes all objects and leaves the bus. It does
// nothing if bluetoothd does not run.
func (w *World) StopBluetoothd() {
	b := w.running()
	if b == nil {
		return
	}
	w.fault("StopBluetoothd")
	w.do(func() {
		if w.bluetoothd == b {
			b.shutDown()
		}
	})
	b.farewells.Wait()
	b.end()
}

// shutDown takes everything off the bus. The adapters will be as they are now when
// bluetoothd starts again. The world is locked.
func (b *bluetoothd) shutDown() {
	b.agents.shutDown()
	for _, o := range b.adapters() {
		powered := o.adapter.powered
		o.power(false)
		o.unplug()
		o.adapter.powered = powered
	}
}

// RestartBluetoothd stops bluetoothd and starts it again, as systemctl restart bluetooth
// does.
func (w *World) RestartBluetoothd(ctx context.Context) error {
	w.StopBluetoothd()
	return w.StartBluetoothd(ctx)
}

// since reports whether the BlueZ that is played is a release or a later one.
func (b *bluetoothd) since(release Version) bool { return b.world.config.version.since(release) }

// delays returns BlueZ's delays.
func (b *bluetoothd) delays() Delays { return b.world.config.delays }

// after runs f, with the world locked, when a time has passed, unless this life of
// bluetoothd has ended. What it returns ends the timer.
func (b *bluetoothd) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() {
		b.world.mu.Lock()
		defer b.world.mu.Unlock()
		if b.ctx.Err() == nil {
			f()
		}
	})
}

// sleep waits for a time. It returns early, with an error, if ctx or this life ends.
// The world is not locked.
func (b *bluetoothd) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-b.ctx.Done():
		return b.ctx.Err()
	}
}

// export puts an object on the bus. Calls to it are served in their order; what takes
// long lets the next one in with bus.Release.
func (b *bluetoothd) export(path dbus.ObjectPath, skeletons ...bus.Skeleton) (*bus.Export, error) {
	for i, s := range skeletons {
		skeletons[i] = b.logged(path, s)
	}
	return b.conn.Export(b.ctx, path, bus.ExportOptions{}, skeletons...)
}

// clients is the queue of the clients that have left the bus, which come on the reader
// goroutine and are handled by one that may wait for the world.
type clients struct {
	mu    sync.Mutex
	names []string
	ready chan struct{} // has a token while there are names
}

// followClients notes the clients that leave the bus. What they leave behind is ended by
// attend.
func (b *bluetoothd) followClients(ctx context.Context) error {
	b.left.ready = make(chan struct{}, 1)
	_, err := b.conn.OnLeft(ctx, b.left.add)
	return err
}

// attend handles clients that leave until this life ends, and ends it when it loses its
// connection to the bus, as bluetoothd does.
func (b *bluetoothd) attend() {
	for {
		select {
		case <-b.left.ready:
			for _, name := range b.left.take() {
				b.world.do(func() { b.clientLeft(name) })
			}
		case <-b.conn.Done():
			b.end()
			return
		case <-b.ctx.Done():
			return
		}
	}
}

func (c *clients) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = append(c.names, name)
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

func (c *clients) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	names := c.names
	c.names = nil
	return names
}

// clientLeft ends the sessions of a client. The world is locked.
func (b *bluetoothd) clientLeft(name string) {
	if b.ctx.Err() != nil {
		return
	}
	b.agents.clientLeft(name)
	for _, a := range b.adapters() {
		a.clientLeft(name)
	}
}

// adapters returns the adapters on the bus, in order of their names. The world is
// locked.
func (b *bluetoothd) adapters() []*adapterObject {
	var all []*adapterObject
	for _, a := range b.world.adapters {
		if o := b.objects[a]; o != nil {
			all = append(all, o)
		}
	}
	return slices.Clip(all)
}
